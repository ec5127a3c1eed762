"""Documents: what YAML is taken, what is refused, and what is said about it."""

from __future__ import annotations

import itertools
import json
from enum import StrEnum
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, field_validator

from harness import documents
from harness.errors import UserError


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid")
    source: str
    route: Literal["fit", "load"] = "fit"
    arguments: dict[str, Any] = {}


class Manifest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    group: str
    members: list[str] = []
    person: bool = False
    points: float = 0
    colour: Colour = Colour.RED
    models: dict[str, Model] = {}
    others: list[Model] = []
    either: str | Model | None = None

    @field_validator("members")
    @classmethod
    def _at_most_three(cls, members: list[str]) -> list[str]:
        if len(members) > 3:
            raise ValueError("at most three members")
        return members


def load(text: str) -> Manifest:
    return documents.loads(text, "group.yaml", Manifest)


def message(text: str) -> str:
    with pytest.raises(UserError) as caught:
        load(text)
    return str(caught.value)


# --- what is read


def test_bare_yes_and_no_stay_the_text_that_was_written():
    assert load("group: yes\nmembers: [no, on, Off]").members == ["no", "on", "Off"]


@pytest.mark.parametrize(("written", "meant"), [("yes", True), ("on", True), ("'no'", False), ("no", False)])
def test_a_boolean_field_takes_yes_and_true_alike(written, meant):
    assert load(f"group: a\nperson: {written}").person is meant


@pytest.mark.parametrize("written", ["007", "1.10", "true", "2023-01-01", "1e3", "0x1f", "1_000"])
def test_a_text_field_gets_the_text_as_written_even_if_it_looks_like_something_else(written):
    assert load(f"group: {written}").group == written


def test_keys_are_always_text():
    assert load("group: a\nmodels: {1.10: {source: m}, yes: {source: n}}").models.keys() == {"1.10", "yes"}


def test_free_values_keep_their_types():
    text = "source: m\narguments: {n: 20, rate: 1e-3, half: .5, deep: true, none: ~, word: no}"
    arguments = documents.loads(text, "model.yaml", Model).arguments
    assert arguments == {"n": 20, "rate": 0.001, "half": 0.5, "deep": True, "none": None, "word": "no"}


def test_a_number_of_many_digits_stays_text_instead_of_costing_time():
    text = f"source: m\narguments: {{n: {'9' * 5000}}}"
    assert documents.loads(text, "model.yaml", Model).arguments == {"n": "9" * 5000}


words = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]), max_size=8)
numbers = st.integers(-(10**12), 10**12) | st.floats(-1e12, 1e12).map(lambda number: round(number, 6))


@given(st.recursive(
    st.none() | st.booleans() | numbers | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3), max_leaves=8,
))
def test_json_reads_as_what_it_says(value):
    text = json.dumps({"value": value}, ensure_ascii=False)
    assert documents.plain(documents.compose(text, "x.yaml"), "x.yaml") == {"value": value}


# --- what is refused, and how it is said


@pytest.mark.parametrize(("text", "words"), [
    ("group: a\nmodels:\n  vae:\n    sorce: m", ["group.yaml, line 3: models.vae lacks the field 'source'",
                                                 "line 4: 'models.vae.sorce'", "did you mean 'source'?"]),
    ("group: a\nmodels:\n  vae: {source: m, route: lod}",
     ["line 3: models.vae.route is 'lod'; allowed: fit or load"]),
    ("group: a\ncolour: rot", ["line 2: colour is 'rot'; allowed: red or blue"]),
    ("group: a\npoints: many", ["line 2: points is 'many', but should be a valid number"]),
    ("group: [a]", ["line 1: group is a list, but should be a valid string"]),
    ("group: a\nmembers: [a, b, c, d]", ["line 2: members: at most three members"]),
    ("group: a\nothers:\n- source: m\n- {source: n, rute: fit}",
     ["line 4: 'others.#2.rute'", "did you mean 'route'?"]),
    ("group: a\neither: {source: m, extra: 1}",
     ["line 2: 'either.extra'", "fields: arguments, route, source"]),
    ("members: []", ["line 1: the document lacks the field 'group'; add `group: ...`"]),
    ("- group", ["line 1: the document must be fields"]),
    ("", ["the document is empty"]),
    ("group: a\ngroup: b", ["line 2: 'group' stands here a second time (first in line 1)"]),
    ("group: a\nmodels:\n  vae: {source: a, source: b}", ["line 3: 'source' stands here a second time"]),
    ("group: &a x\nmembers: [*a]", ["line 1: anchors (&) and aliases (*)"]),
    ("group: *a", ["line 1: anchors (&) and aliases (*)"]),
    ("group: !!python/object/apply:os.system [ls]", ["line 1: tags (!)"]),
    ("group: !mine x", ["line 1: tags (!)"]),
    ("group: a\n---\ngroup: b", ["line 2: a second document"]),
    ("group: " + "[" * 20 + "]" * 20, ["nested more than 16 levels"]),
    ("group: a\n? [x]\n: y", ["line 2: the name of a field must be plain text"]),
    ("group: 'a\nmembers: []", ["group.yaml, line", "not valid YAML"]),
    ("group: a: b", ["line 1: not valid YAML", "must stand in quotes"]),
    ("group: a\nmembers:\n\t- b", ["line 3: not valid YAML", "not with tabs"]),
    ("group: a\nperson: -", ["line 2: not valid YAML", 'a lone "-" starts a list: quote it']),
    ("group: a\n\nmembers: [\x07]", ["line 3: not valid YAML"]),
    ("group: a\rperson: -", ["line 2: not valid YAML", 'a lone "-" starts a list: quote it']),
    ("group: 'a\r\r\x85\u2028", ["not valid YAML"]),
    ("group: \ud800", ["line 1: half a surrogate pair"]),
])
def test_a_message_names_file_line_field_and_remedy(text, words):
    said = message(text)
    assert all(word in said for word in words), said
    assert said.startswith("group.yaml")


def test_all_problems_are_said_at_once_in_the_order_of_the_file():
    lines = message("group: a\ncolour: rot\npoints: many\nperson: perhaps").splitlines()
    assert [line.split(":")[0] for line in lines] == [f"group.yaml, line {number}" for number in (2, 3, 4)]


def test_many_problems_are_cut():
    lines = message("group: a\n" + "".join(f"x{number}: 1\n" for number in range(40))).splitlines()
    assert len(lines) == documents.MOST_PROBLEMS + 1
    assert lines[-1] == "group.yaml: and 32 more problems"


def test_aliases_that_would_blow_up_are_refused_before_anything_is_built():
    names = "abcdefghijklmnopqrstuvwxyz"
    bomb = "a: &a [x, x]\n" + "".join(
        f"{new}: &{new} [*{old}, *{old}]\n" for old, new in itertools.pairwise(names)
    )
    assert "aliases" in message(bomb)


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_very_deep_nesting_is_refused_and_does_not_end_the_process(opening):
    assert "group.yaml, line 1" in message(opening * 50_000)


def test_controls_and_long_texts_of_strangers_are_escaped_and_cut_in_messages():
    said = message('group: a\n"\\e[31m\\u202Eevil": 1\ncolour: ' + "x" * 5000)
    assert all(letter.isprintable() or letter == "\n" for letter in said)
    assert len(said) < 800


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_in_words(text):
    said = "group.yaml"
    try:
        load(text)
    except UserError as error:
        said = str(error)
    assert said.startswith("group.yaml")


# --- files


def test_a_missing_file_a_folder_a_large_file_and_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "large.yaml").write_bytes(b"#" * (documents.MAX_BYTES + 1))
    (tmp_path / "latin.yaml").write_bytes("group: a\nmembers: [Zoë]".encode("latin-1"))
    for name, said in (("none.yaml", "there is no such file"), (".", "not a regular file"),
                       ("large.yaml", "larger than 1024 KiB"), ("latin.yaml", "line 2: not UTF-8")):
        with pytest.raises(UserError, match=said):
            documents.read(tmp_path / name, Manifest)


def test_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path):
    (tmp_path / "group.yaml").write_bytes("\ufeffgroup: Zoë\r\nmembers: [a]\r\n".encode())
    assert documents.read(tmp_path / "group.yaml", Manifest).group == "Zoë"
    assert documents.raw(tmp_path / "group.yaml") == {"group": "Zoë", "members": ["a"]}


def test_messages_call_a_file_what_the_caller_calls_it(tmp_path):
    (tmp_path / "s.yaml").write_text("gruop: a")
    with pytest.raises(UserError, match=r"^submission\.yaml, line 1"):
        documents.read(tmp_path / "s.yaml", Manifest, name="submission.yaml")
