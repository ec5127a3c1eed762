"""JSON Schemas: an independent validator takes what the program takes, and refuses what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from harness import documents
from harness.quiz import Reading, Readings, Sheet, as_yaml, read_answers
from harness.quiz.form import AnswersForm
from harness.quiz.reading.results import Status
from harness.quiz.words import UNCLEAR, read_answer
from harness.schemas import DIALECT, SCHEMAS, schema

ROOT = Path(__file__).parent.parent
SHIPPED = [
    *(("manifest", path) for path in sorted(ROOT.glob("submissions/*/submission.yaml"))),
    *(("sheet", path) for path in sorted(ROOT.glob("quiz/*.yaml"))),
    *(("key", path) for path in sorted(ROOT.glob("quiz/keys/*.yaml"))),
    *(("rubric", path) for path in sorted(ROOT.glob("rubrics/*.yaml"))),
    ("course", ROOT / "course.yaml"),
]


HEAD = "quiz: q\ntitle: T\npoints: 1\n"
QUESTIONS = "questions: [{id: '1', title: T, statements: [{id: a, text: T}]}]"
WORDS = ["yes", "no", "ABSTAIN", "Skip", "-", "–", "~", "ja.", "Nein!", "yes no"]


def takes(name: str, data: object) -> bool:
    return jsonschema.Draft202012Validator(schema(name)).is_valid(data)


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_is_a_valid_schema_of_its_dialect_and_forbids_unknown_fields(name):
    made = schema(name)
    assert made["$schema"] == DIALECT
    jsonschema.Draft202012Validator.check_schema(made)
    assert made["additionalProperties"] is False
    assert made == json.loads(json.dumps(made))


@pytest.mark.parametrize(("name", "path"), SHIPPED, ids=lambda value: getattr(value, "stem", value))
def test_every_shipped_file_is_valid(name, path):
    jsonschema.Draft202012Validator(schema(name)).validate(documents.raw(path))


def test_shipped_answers_are_valid_where_nothing_is_doubled():
    whole = [ROOT / f"submissions/group{number}/answers.yaml" for number in (1, 3)]
    assert [takes("answers", documents.raw(path)) for path in whole] == [True] * 2


@pytest.mark.parametrize(("name", "text"), [
    ("manifest", "group: g\nmembers: []\nassignment: a\nanswers: a.yaml"),
    ("manifest", "group: g\nmembers: [A, B, C, D]\nassignment: a\nanswers: a.yaml"),
    ("manifest", "group: g\nmember: [A]\nassignment: a\nanswers: a.yaml"),
    ("manifest", "group: g\nmembers: [A]\nassignment: a\nmodels: {vae: {source: 'm.py:A', route: guess}}"),
    ("answers", "quiz: q\nanswers: {1a: maybe}"),
    ("answers", "quiz: q\nanswers: {1a: 1}"),
    ("answers", "quiz: q\nanswers: {1a: {argument: because}}"),
    ("answers", "answers: {1a: yes}"),
    ("answers", "quiz: q\nanswers: [1a, 1b]"),
    ("sheet", "quiz: q\ntitle: T\npoints: 0\nquestions: []"),
    ("sheet", "quiz: q\ntitle: T\npoints: 1\nquestions: [{id: '1', title: T, statements: []}]"),
    ("sheet", "quiz: q\ntitle: T\npoints: many\nquestions: [{id: '1', title: T, statements: [{id: a, text: T}]}]"),
    ("sheet", "quiz: q q\ntitle: T\npoints: 1\nquestions: [{id: '1', title: T, statements: [{id: a, text: T}]}]"),
    ("sheet", f"{HEAD}scheme: {{floor: page}}\n{QUESTIONS}"),
    ("key", "quiz: q\nanswers: {1a: {answer: abstain, why: So.}}"),
    ("key", "quiz: q\nanswers: {1a: {answer: yes}}"),
    ("key", "quiz: q\nanswers: {1a: {answer: yes, why: So., contested: perhaps}}"),
    ("rubric", "assignment: a\ntitle: T\ntheory: {points: 1, quiz: q}"),
    ("course", "limits: {memory: lots}"),
    ("course", "limits: {fit: {processes: 2}}"),
    ("course", "limit: {memory: 6 GiB}"),
    ("course", "deadlines: {mine: {due: 2026-07-01T23:59+02:00, penalty: 10 % per week}}"),
    ("marks", "marks: {}"),
    ("marks", "marks: {text: {points: 1}}"),
])
def test_a_broken_file_is_refused_by_the_schema_as_by_the_program(name, text):
    data = documents.plain(documents.compose(text, "file.yaml"), "file.yaml")
    with pytest.raises(ValidationError):
        SCHEMAS[name][0].model_validate(data)
    assert not takes(name, data)


@pytest.mark.parametrize("word", ["yes", "Yes", "NO", "nein", "JA", " y ", "Yes.", "true", "richtig"])
@pytest.mark.parametrize("quote", ["", "'"])
def test_every_way_to_write_yes_or_no_is_taken_in_a_key(word, quote):
    text = f"quiz: q\nanswers:\n  1a: {{answer: {quote}{word}{quote}, why: So., contested: no}}\n"
    assert takes("key", documents.plain(documents.compose(text, "key.yaml"), "key.yaml"))
    assert takes("key", yaml.safe_load(text))       # YAML 1.1, where a bare yes is true


@given(
    st.text(st.characters(max_codepoint=127), max_size=10) | st.sampled_from(WORDS)
    | st.booleans() | st.none() | st.integers() | st.floats(allow_nan=False))
def test_the_schema_of_answers_takes_what_the_program_reads_as_an_answer(written):
    data = {"quiz": "q", "answers": {"1a": written}}
    assert takes("answers", data) == (read_answer(written) is not None or written == UNCLEAR)


@given(st.data())
def test_the_schema_of_answers_takes_every_file_that_quiz_read_writes(data):
    sheet = documents.read(ROOT / "quiz" / "summer23.yaml", Sheet)
    text = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
    readings = Readings(quiz=sheet.quiz, file=data.draw(text), pages=1, is_text=True, readings=tuple(
        Reading(
            id=one.id, status=status, confidence=0.5, argument=data.draw(text), reason=data.draw(text),
            answer=data.draw(st.sampled_from(["yes", "no", "abstain"])) if status == "read" else None)
        for one in sheet.statements for status in [data.draw(st.sampled_from(get_args(Status)))]))
    written = as_yaml(readings, sheet)
    root = documents.plain(documents.compose(written, "answers.yaml"), "answers.yaml")
    assert takes("answers", root), written
    AnswersForm.model_validate(root)
    assert set(root["answers"]) == {one.id for one in readings.readings if one.status in {"read", "unclear"}}


def test_numbers_stand_for_text_as_the_program_takes_them():
    text = (
        "quiz: 22\ntitle: 2022\npoints: 1/3\n"
        "questions: [{id: 1, title: 1, statements: [{id: 1, text: T, void: no}]}]")
    sheet = documents.loads(text, "22.yaml", SCHEMAS["sheet"][0])
    assert sheet.quiz == "22"
    assert takes("sheet", documents.plain(documents.compose(text, "22.yaml"), "22.yaml"))


def test_what_the_schema_of_answers_takes_is_read_without_a_problem(tmp_path):
    text = (
        "quiz: q\nanswers:\n  1a: yes\n  1b: {answer: JA, argument: The ELBO.}\n  1c:\n"
        "  1d: {answer: '-', argument: }\n")
    (tmp_path / "answers.yaml").write_text(text)
    read = read_answers(tmp_path / "answers.yaml")
    assert takes("answers", documents.raw(tmp_path / "answers.yaml"))
    assert not any(one.problems for one in read.given)
    assert [one.answer for one in read.given] == ["yes", "yes", "abstain", "abstain"]
