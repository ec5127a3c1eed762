"""The page of one hand-in: complete, self-contained, accessible, and deaf to what groups write into it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from harness.errors import UserError
from harness.records import ByHand, Fault, GradeResult, HandIn, Late, Marks, Outcome, Record, Table, TheoryResult
from harness.report import render_report, write_report
from harness.report.render import OUTCOMES, environment, folder_name

FREE_TAGS = {"meta", "link", "br", "img", "input", "col", "image", "rect", "circle", "line", "polyline"}
KEPT = {"data", "labels", "outcome", "answer", "key", "verdict", "better"}


class Reader(HTMLParser):
    """Collects the tags, attributes and text of a page, and sees to it that tags are closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in FREE_TAGS:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def named(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def page(result: GradeResult) -> str:
    return render_report(result)


@pytest.fixture(scope="module")
def read(page: str) -> Reader:
    return Reader(page)


def changed(result: GradeResult, **provenance: object) -> GradeResult:
    return result.model_copy(update={"provenance": result.provenance.model_copy(update=provenance)})


def poisoned(value: object, text: str) -> object:
    """Put `text` wherever a record holds words, and behind every name."""
    if isinstance(value, Record):
        words = {name: one for name, one in value if name not in KEPT}
        return value.model_copy(update={name: poisoned(one, text) for name, one in words.items()})
    if isinstance(value, dict):
        return {f"{name}{text}": poisoned(one, text) for name, one in value.items()}
    if isinstance(value, list):
        return [poisoned(one, text) for one in value]
    return text if isinstance(value, str) else value


def test_the_page_has_one_first_heading_and_skips_no_level(read):
    levels = [int(tag[1]) for tag, _ in read.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))


def test_landmarks_language_title_and_skip_link_are_there(read):
    assert read.named("html") == [{"lang": "en"}]
    assert [len(read.named(tag)) for tag in ("header", "nav", "main", "footer")] == [1, 1, 1, 1]
    assert read.text.startswith("group3 · summer23 · 19 of 40")
    assert read.named("a")[0] == {"class": "skip", "href": "#main"}
    assert read.named("main") == [{"id": "main"}]


def test_every_link_within_the_page_has_its_target_and_no_name_is_given_twice(read):
    names = [attributes["id"] for _, attributes in read.tags if "id" in attributes]
    assert len(names) == len(set(names))
    references = [one["href"][1:] for one in read.named("a") if one["href"].startswith("#")]
    references += [
        attributes["aria-labelledby"] for _, attributes in read.tags if "aria-labelledby" in attributes
    ]
    references += re.findall(r"url\(#([^)]+)\)", " ".join(one.get("mask", "") for one in read.named("rect")))
    assert len(references) > 20
    assert set(references) <= set(names)


def test_every_picture_says_what_it_shows(read):
    assert len(read.named("img")) == 8
    assert all(one["alt"] and one["width"] and one["height"] for one in read.named("img"))
    assert all(one.get("aria-hidden") == "true" or one.get("aria-labelledby") for one in read.named("svg"))


def test_every_table_has_a_caption_and_its_headers_say_what_they_head(read):
    assert len(read.named("caption")) == len(read.named("table")) > 10
    assert all(one.get("scope") in {"col", "row"} for one in read.named("th"))


def test_the_page_loads_runs_and_sends_nothing(page, read):
    policy = read.named("meta")[1]["content"]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert not {tag for tag, _ in read.tags} & {
        "script",
        "iframe",
        "object",
        "embed",
        "form",
        "base",
        "video",
    }
    assert not [
        name for _, attributes in read.tags for name in attributes if name.startswith("on") or name == "style"
    ]
    sources = [one["src"] for one in read.named("img")] + [one["href"] for one in read.named("image")]
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert not re.search(r"url\((?!#)|@import", page)


def test_the_whole_report_stays_small(page):
    assert len(page.encode()) < 1_500_000


def test_links_that_leave_the_page_are_web_addresses_without_referrer(result, read):
    leaving = [one for one in read.named("a") if not one["href"].startswith("#")]
    assert leaving == 2 * [{"href": "https://example.org/group3", "rel": "noopener noreferrer nofollow"}]
    tricky = result.model_copy(
        update={"hand_in": result.hand_in.model_copy(update={"code": "javascript:alert(1)", "links": []})}
    )
    again = Reader(render_report(tricky))
    assert all(one["href"].startswith("#") for one in again.named("a"))
    assert "javascript:alert(1)" in again.text


def test_marks_and_reasons_come_first_and_provenance_last(read):
    sections = [one["id"] for one in read.named("section") if one.get("id")]
    assert sections[0] == "marks"
    assert sections.index("problems") < sections.index("theory") < sections.index("model-1")
    assert sections[-2:] == ["hand-in", "provenance"]
    assert "19 of 40 , 6 points still open" in read.text


def test_the_seven_outcomes_are_told_apart_by_words_and_by_signs(page, read):
    assert set(OUTCOMES) == set(Outcome)
    assert len({words for _, words in OUTCOMES.values()}) == len({sign for sign, _ in OUTCOMES.values()}) == 7
    for outcome, (_, words) in OUTCOMES.items():
        assert f'class="criterion {outcome.value}"' in page
        assert words in read.text


def test_open_points_are_drawn_open_and_missing_ones_are_not(page):
    criteria = dict(re.findall(r'<li class="criterion (\w+)"[^>]*>(.*?)</li>', page, re.DOTALL))
    assert {name for name, drawn in criteria.items() if "url(#hatch)" in drawn} == {
        "needs_person",
        "environment",
        "harness_fault",
    }
    assert {name for name, drawn in criteria.items() if "<b>open</b>" in drawn} == {
        "needs_person",
        "environment",
        "harness_fault",
    }


def test_faults_say_why_and_what_to_do_with_the_log_folded_away(read):
    assert (
        "Why The harness asks for samples without labels unless the class says conditional = True ."
        in read.text
    )
    assert "What to do Give labels a default" in read.text
    assert "What the code printed last Traceback (most recent call last):" in read.text
    assert len([one for one in read.named("details") if one.get("class") == "log"]) == 1
    assert "open" not in read.named("details")[0]


def test_what_is_measured_is_shown_with_its_interval_its_baselines_and_the_better_direction(read):
    assert "0.0133 [0.0131, 0.0135] squared intensity per pixel · lower is better" in read.text
    assert (
        "this model 0.0133 PCA of 20 numbers 0.0181 nearest training image 0.0182 mean image 0.0866"
        in read.text
    )
    assert "Not applicable: the model has no log_prob" in read.text
    assert "not a number" in read.text


def test_a_long_table_is_folded_away(result):
    vae = result.measurements["vae"]
    units = Table(caption="Every unit of the code", columns={"unit": list(range(20)), "variance": [0.5] * 20})
    long = vae.model_copy(update={"tables": {"reconstruction.units": units}})
    page = render_report(result.model_copy(update={"measurements": {"vae": long}}))
    assert "<summary>Every unit of the code</summary>" in page


def test_each_class_of_the_map_has_a_layer_a_label_and_a_checkbox(page, read):
    assert len(read.named("mask")) == len(read.named("image")) == len(read.named("input")) == 10
    for index in range(10):
        assert f".map:has(.toggle-{index}:not(:checked)) .layer-{index}" in page
    assert all("checked" in one for one in read.named("input"))


def test_an_ordinary_grade_has_no_banner_about_data_box_or_budget(read):
    assert not [
        words for words in ("Stand-in data", "Run without protection", "budget.") if words in read.text
    ]


@pytest.mark.parametrize(
    ("provenance", "words"),
    [
        ({"stand_in": True, "data": "garments"}, "Stand-in data: not a grade."),
        ({"budget": "quick"}, "Measured with the quick budget."),
        ({"box": "plain (no protection)"}, "Run without protection."),
    ],
)
def test_what_makes_a_grade_unofficial_stands_above_everything(result, provenance, words):
    shown = render_report(changed(result, **provenance))
    assert words in Reader(shown).text
    assert shown.index(words[:-1]) < shown.index('id="marks"')


def test_without_a_key_only_the_form_is_shown(result):
    statements = [
        one.model_copy(update={"key": None, "verdict": "unmarked", "points": None, "why": ""})
        for one in result.theory.statements
    ]
    theory = result.theory.model_copy(
        update={"statements": statements, "points": None, "outcome": Outcome.NEEDS_PERSON, "explanation": ""}
    )
    read = Reader(render_report(result.model_copy(update={"theory": theory})))
    assert "Theory checked for its form only." in read.text
    assert "No. Statement Your answer 1a" in read.text
    assert "1d has no answer" in read.text


def test_what_a_group_wrote_comes_out_as_text(page, read):
    assert "<script>alert(1)</script> {{ 7 * 7 }} {% raw %} [U+202E]gnp.exe[U+202C] red" in read.text
    assert "<script" not in page
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x1b\x07]", page)


@pytest.mark.parametrize(
    "text",
    [
        "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{ 1/0 }}",
        "\u202e\x1b[2J\x00' onload='x",
        "%s&lt;`",
    ],
)
def test_words_of_any_kind_in_any_place_change_nothing_about_the_page(result, read, text):
    again = Reader(render_report(poisoned(result, text)))
    assert {tag for tag, _ in again.tags} <= {tag for tag, _ in read.tags}
    names = {name for _, attributes in read.tags for name in attributes}
    assert {name for _, attributes in again.tags for name in attributes} <= names
    assert len(again.tags) > 1_000


def test_a_hand_in_that_could_not_be_read_still_has_a_page(result):
    fault = Fault(kind="rejected", stage="intake", message="submission.yaml is missing", hint="Write one.")
    bare = result.model_copy(
        update={
            "assignment": "",
            "marks": Marks(points=0, max_points=0, open_points=0, parts=[]),
            "measurements": {},
            "theory": TheoryResult(outcome=Outcome.SUBMISSION_FAULT, quiz="", max_points=0),
            "hand_in": HandIn(members=[]),
            "faults": [fault],
        }
    )
    read = Reader(render_report(bare))
    assert "submission.yaml is missing" in read.text
    assert "No marks could be given" in read.text


def test_a_damaged_picture_leaves_the_rest_of_the_page(result):
    vae = result.measurements["vae"]
    pictures = {name: one.model_copy(update={"data": "AAAA"}) for name, one in vae.pictures.items()}
    clouds = {name: one.model_copy(update={"data": "AAAA"}) for name, one in vae.clouds.items()}
    broken = vae.model_copy(update={"pictures": pictures, "clouds": clouds})
    read = Reader(render_report(result.model_copy(update={"measurements": {"vae": broken}})))
    assert read.text.count("This picture is damaged") == 6
    assert read.text.count("This map is damaged") == 1


def test_the_result_beside_the_page_comes_back_without_loss(result, tmp_path):
    path = write_report(result, tmp_path / "reports")
    assert path == tmp_path / "reports" / "group3" / "index.html"
    assert sorted(one.name for one in path.parent.iterdir()) == ["index.html", "result.json"]
    kept = GradeResult.model_validate_json(path.with_name("result.json").read_bytes())
    assert kept.model_dump_json() == result.model_dump_json()
    assert render_report(kept) == path.read_text(encoding="utf-8")


def test_a_second_grade_replaces_the_first(result, tmp_path):
    write_report(result, tmp_path)
    path = write_report(changed(result, seed=7), tmp_path)
    assert GradeResult.model_validate_json(path.with_name("result.json").read_bytes()).provenance.seed == 7
    assert sorted(one.name for one in path.parent.iterdir()) == ["index.html", "result.json"]


@pytest.mark.parametrize(
    "group", ["../escape", "/etc", "..", ".", "", "a/b", "CON\x00", "gruppe ä", "x" * 300, "-rf"]
)
def test_no_name_of_a_group_leads_out_of_the_folder(group, tmp_path):
    name = folder_name(group)
    assert (tmp_path / name).resolve().parent == tmp_path.resolve()
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", name)


def test_names_that_look_alike_once_made_safe_keep_folders_of_their_own():
    assert folder_name("a/b") != folder_name("a?b")
    assert folder_name("group3") == "group3"


def test_a_folder_that_cannot_be_written_is_one_clear_sentence(result, tmp_path):
    (tmp_path / "group3").write_text("a file where the folder should be")
    with pytest.raises(UserError, match="cannot be written"):
        write_report(result, tmp_path)


def luminance(colour: str) -> float:
    channels = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    """Contrast ratio of WCAG 2.2."""
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_all_text_and_all_marks_are_seen_in_both_schemes(scheme):
    blocks = re.findall(r":root \{(.*?)\}", environment().globals["style"], re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", blocks[scheme]))
    grounds = [colours[name] for name in ("ground", "surface", "sunken")]
    for name in ("ink", "quiet", "accent", "open", "fault", "ours", "good"):
        assert all(contrast(colours[name], ground) >= 4.5 for ground in grounds), name
    for name in ("open", "fault", "ours"):
        assert contrast(colours[name], colours[f"{name}-soft"]) >= 4.5, name
        assert contrast(colours["ink"], colours[f"{name}-soft"]) >= 4.5, name
    for name in ("mine", "theirs", *(f"c{index}" for index in range(10))):
        assert contrast(colours[name], colours["surface"]) >= 3, name


def test_what_the_report_states_stands_beside_what_was_measured(result):
    words = " ".join(re.sub(r"<[^>]+>", " ", render_report(result)).split())
    assert "0.0133 vae: 0.0133 squared intensity per pixel = agree" in words
    assert "≠ differ No model that was handed in has this number." in words
    assert "Figures of the report" in words


# --- what a person gave, and lateness


def by_hand(result: GradeResult, *, reopened: bool) -> str:
    """The page of a result whose criterion for a person has points by hand."""
    given = ByHand(
        points=1.5, author="Cleo <b>Example</b>", reason="Explained, but not compared.",
        time="2026-11-25T10:13:00+00:00", automatic=None, outcome=Outcome.NEEDS_PERSON, reopened=reopened)
    theory, practice = result.marks.parts
    criteria = [
        one if one.outcome is not Outcome.NEEDS_PERSON else one.model_copy(update={"by_hand": given} | (
            {} if reopened else {"outcome": Outcome.SCORED, "points": 1.5}))
        for one in practice.criteria
    ]
    late = Late(handed_in="2026-07-02T12:00+02:00", source="Moodle", due="2026-07-01T23:59+02:00", days=1, points=2,
                rule="Due so, 2 points per day.", reason="Handed in a day late: 2 points deducted.")
    parts = [theory, practice.model_copy(update={"criteria": criteria})]
    return render_report(result.model_copy(update={
        "marks": result.marks.model_copy(update={"parts": parts, "late": late})}))


def test_points_by_hand_stand_with_who_gave_them_and_why(result):
    page = Reader(by_hand(result, reopened=False)).text
    assert "✎ by hand Explained, but not compared. Cleo <b>Example</b> , 25 November 2026, 10:13 UTC" in page
    assert "To be confirmed" not in page


def test_points_that_wait_to_be_confirmed_are_open_with_the_old_ones_beside_them(result):
    page = Reader(by_hand(result, reopened=True)).text
    assert "To be confirmed: 1.5 of 3 were given on something that has changed since." in page
    assert "what Cleo <b>Example</b> gave 1.5 points on has changed; confirm them, or give others." in page
    assert "✎ by hand" not in page


def test_lateness_has_a_line_of_its_own_with_the_rule(result):
    page = Reader(by_hand(result, reopened=False)).text
    assert "Time of handing in −2 Handed in a day late: 2 points deducted. Moodle Due so, 2 points per day." in page
