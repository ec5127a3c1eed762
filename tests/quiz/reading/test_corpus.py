"""A corpus of hand-ins in every style: each clear answer is read, none is read wrongly, what is unclear is reported."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import papers
import pytest
from papers import BOTH, Paper

from harness.quiz import Reading, Readings, Sheet, load_sheet, read_file, template
from harness.quiz.handout import sheet_html, sheet_markdown, sheet_pdf

Maker = Callable[[Sheet, dict[str, str], Path], bytes]


def answers_of(sheet: Sheet, *, both: bool = True, blank: bool = True, abstain: bool = False) -> dict[str, str]:
    """Yes and no in turns that follow no pattern; 2a is left alone, 3b has both, where the style can do that."""
    given = {one.id: "yes" if place * 7 % 5 < 2 else "no" for place, one in enumerate(sheet.statements)}
    if blank:
        del given["2a"]
    if both:
        given["3b"] = BOTH
    if abstain:
        given["4a"] = given["5b"] = "abstain"
    return given


STROKES = {
    f"{pen} in {size:g} points, boxes {'before' if before else 'behind'}": (
        lambda sheet, given, _, pen=pen, size=size, before=before: papers.with_strokes(
            sheet, given, pen=pen, paper=Paper(size=size, before=before)))
    for pen, size, before in (
        ("cross", 11, True), ("cross", 15, True), ("cross", 9, False), ("tick", 11, True), ("scribble", 11, False))
}
WITHOUT_BOXES = {
    f"{pen} beside words, no boxes": (
        lambda sheet, given, _, pen=pen: papers.with_strokes(sheet, given, pen=pen, paper=Paper(boxes=False)))
    for pen in ("cross", "scribble")
}
RINGS = {
    f"rings around {around}, {'with' if boxes else 'no'} boxes": (
        lambda sheet, given, _, around=around, boxes=boxes: papers.with_rings(
            sheet, given, around=around, paper=Paper(boxes=boxes)))
    for around, boxes in (("word", False), ("box", True), ("both", True))
}
ANNOTATIONS = {
    f"annotations: {kind}": lambda sheet, given, _, kind=kind: papers.with_annotations(sheet, given, kind=kind)
    for kind in ("ink", "lines", "stamp", "free text", "highlight", "circle")
}
ANNOTATIONS["annotations: ink, no boxes"] = lambda sheet, given, _: papers.with_annotations(
    sheet, given, kind="ink", paper=Paper(boxes=False))
FIELDS = {
    "form fields named as the statements": lambda sheet, given, _: papers.with_form_fields(sheet, given, named=True),
    "form fields with numbers": lambda sheet, given, _: papers.with_form_fields(sheet, given, named=False),
}
COLUMNS = {
    "crosses in two columns": lambda sheet, given, _: papers.with_strokes(sheet, given, paper=Paper(columns=2)),
}
def scan(sheet: Sheet, given: dict[str, str], *, angle: float, noise: float, text_below: bool = False) -> bytes:
    """The printed answer sheet, ticked with a pen and scanned."""
    return papers.scanned(
        papers.crossed_by_hand(sheet_pdf(sheet), given), angle=angle, noise=noise, text_below=text_below)


SCANS = {
    f"scan turned by {angle} degrees, noise {noise:g}{', text below' if text_below else ''}": (
        lambda sheet, given, _, angle=angle, noise=noise, text_below=text_below: scan(
            sheet, given, angle=angle, noise=noise, text_below=text_below))
    for angle, noise, text_below in ((0.0, 4.0, False), (0.6, 12.0, False), (-1.3, 20.0, False), (0.4, 8.0, True))
}
TICKED = {**STROKES, **WITHOUT_BOXES, **RINGS, **ANNOTATIONS, **FIELDS, **COLUMNS, **SCANS}

TYPED = {
    **{f"typed, {style}": lambda sheet, given, _, style=style: papers.typed_by_fpdf(sheet, given, style=style)
       for style in ("arrow", "arrow below", "comma", "numbered", "no number", "in front", "german", "bracket")},
    "typed, two columns": lambda sheet, given, _: papers.typed_by_fpdf(sheet, given, style="arrow below", columns=2),
}


def text_file(style: str) -> Maker:
    def make(sheet: Sheet, given: dict[str, str], _: Path) -> bytes:
        lines = [f"Group 7, {sheet.title}", ""]
        for question in sheet.questions:
            lines += [f"{question.id}. {question.title}", ""]
            lines += [papers.typed_line(style, question.id, place, one.id, one.text, given.get(one.id))
                      for place, one in enumerate(question.statements, 1)]
        return "\n".join(lines).encode()

    return make


def short_list(sheet: Sheet, given: dict[str, str], _: Path) -> bytes:
    return "\n".join(f"{one}: {answer}" for one, answer in given.items()).encode()


def table(sheet: Sheet, given: dict[str, str], _: Path) -> bytes:
    rows = [f"| {one.id} | {one.text} | {given.get(one.id, '')} |" for one in sheet.statements]
    return "\n".join(["| no. | statement | answer |", "|---|---|---|", *rows]).encode()


def ticked_markdown(sheet: Sheet, given: dict[str, str], _: Path) -> bytes:
    lines = []
    current = ""
    for printed in sheet_markdown(sheet).splitlines():
        line = printed
        if line.startswith("**"):
            current = line[2:].partition("**")[0]
        for option in ("yes", "no", "abstain") if line.startswith("[ ]") else ():
            if given.get(current) == option or (given.get(current) == BOTH and option != "abstain"):
                line = line.replace(f"[ ] {option}", f"[x] {option}")
        lines.append(line)
    return "\n".join(lines).encode()


TEXTS = {
    **{f"text, {style}": text_file(style) for style in ("arrow", "comma", "numbered", "in front", "german")},
    "text, a list": short_list, "Markdown, a table": table,
}


def read(data: bytes, sheet: Sheet, folder: Path, suffix: str = ".pdf") -> Readings:
    path = folder / f"hand-in{suffix}"
    path.write_bytes(data)
    return read_file(path, sheet, name=path.name)


def check(readings: Readings, given: dict[str, str]) -> dict[str, Reading]:
    """Every clear answer is read rightly; both and none are open, with a reason."""
    found = {one.id: one for one in readings.readings}
    wrong = {one.id: (one.answer, given.get(one.id)) for one in readings.readings
             if one.answer is not None and one.answer != given.get(one.id)}
    assert wrong == {}
    missed = {one: (found[one].status, found[one].reason) for one, answer in given.items()
              if answer != BOTH and found[one].answer != answer}
    assert missed == {}
    for one in readings.open:
        assert one.reason
        assert one.answer is None
    for one, answer in given.items():
        if answer == BOTH:
            assert found[one].status == "unclear", found[one]
    return found


@pytest.fixture(scope="module", params=["summer22", "summer23"])
def asked(request, course) -> Sheet:
    return load_sheet(course, request.param)


@pytest.fixture(scope="module")
def sheet(course) -> Sheet:
    return load_sheet(course, "summer22")


@pytest.mark.parametrize(
    "style", [pytest.param(style, marks=[pytest.mark.slow] if style in SCANS else []) for style in TICKED])
def test_ticked_answers_are_read(style, sheet, tmp_path):
    given = answers_of(sheet)
    found = check(read(TICKED[style](sheet, given, tmp_path), sheet, tmp_path), given)
    assert found["2a"].status == "blank"
    assert all(one.evidence for one in found.values())


@pytest.mark.parametrize("style", TYPED)
def test_typed_answers_are_read(style, sheet, tmp_path):
    given = answers_of(sheet, both=False)
    found = check(read(TYPED[style](sheet, given, tmp_path), sheet, tmp_path), given)
    if style in {"typed, arrow below", "typed, comma", "typed, two columns"}:
        assert papers.ARGUMENT in found["1a"].argument


@pytest.mark.parametrize("style", TEXTS)
def test_texts_are_read(style, asked, tmp_path):
    given = answers_of(asked, both=False, abstain="german" not in style)
    readings = read(TEXTS[style](asked, given, tmp_path), asked, tmp_path, ".md")
    check(readings, given)
    assert readings.where(readings.readings[0]).startswith("line ")


def test_the_markdown_sheet_reads_back(asked, tmp_path):
    given = answers_of(asked, abstain=True)
    check(read(ticked_markdown(asked, given, tmp_path), asked, tmp_path, ".md"), given)


def test_a_filled_sheet_reads_back_without_loss(asked, tmp_path):
    given = answers_of(asked, both=False, abstain=True)
    values = {one: f"/{answer}" for one, answer in given.items()}
    values |= {f"{one} argument": f"because of {one}, <&> ü" for one in given}
    found = check(read(papers.filled_sheet(sheet_pdf(asked), values), asked, tmp_path), given)
    assert {one: found[one].argument for one in given} == {one: f"because of {one}, <&> ü" for one in given}


@pytest.mark.browser
@pytest.mark.skipif(not shutil.which("chromium"), reason="needs Chromium")
def test_the_page_filled_in_and_printed_by_a_browser_reads_back(sheet, tmp_path):
    given = answers_of(sheet, both=False, abstain=True)
    page = sheet_html(sheet)
    for one, answer in given.items():
        page = page.replace(f'name="{one}" value="{answer}"', f'name="{one}" value="{answer}" checked')
        page = page.replace(f'aria-label="Argument for {one}, at most two lines">', f">because of {one}")
    found = check(read(papers.printed_by_chromium(page, tmp_path), sheet, tmp_path), given)
    assert found["1b"].argument == "because of 1b"


def test_blank_sheets_hold_no_answers(asked, tmp_path):
    for data, suffix in ((sheet_pdf(asked), ".pdf"), (sheet_markdown(asked).encode(), ".md")):
        readings = read(data, asked, tmp_path, suffix)
        assert {one.status for one in readings.readings} == {"blank"}
    assert template(asked).count("abstain") > len(asked.statements)
