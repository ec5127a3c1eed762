"""Sheets that come back as pictures: what is clear is read however they were scanned, and nothing is read wrongly."""

from __future__ import annotations

import io

import pypdfium2
import pytest
from papers import filled_sheet
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas
from scanner import Scanner, written

from harness.quiz import Reading, Sheet, load_sheet, read_file
from harness.quiz.handout import sheet_pdf
from harness.quiz.reading.pen import Pen, TickedBox, answers_of


@pytest.fixture(scope="module")
def sheet(course) -> Sheet:
    return load_sheet(course, "summer22")


@pytest.fixture(scope="module")
def blank(sheet) -> bytes:
    return sheet_pdf(sheet)


@pytest.fixture
def read(sheet, tmp_path):
    def reader(data: bytes) -> dict[str, Reading]:
        (tmp_path / "scan.pdf").write_bytes(data)
        return {one.id: one for one in read_file(tmp_path / "scan.pdf", sheet).readings}

    return reader


FIRST = ("1a", "1b", "1c", "1d", "2a", "2b", "2c", "2d", "3a")
"""Statements on the first page of the sheet."""

GIVEN = {"1a": "yes", "1b": "no", "1c": "no", "1d": "abstain", "2b": "yes", "2c": "no", "2d": "yes", "3a": "no"}


def answers(found: dict[str, Reading]) -> dict[str, str]:
    return {one: reading.answer for one, reading in found.items() if reading.answer}


def marked(pen: str) -> dict[str, list[tuple[str, str]]]:
    return {one: [(answer, pen)] for one, answer in GIVEN.items()}


SCANNERS = {
    **{f"{dpi} dots per inch, {'points' if nearest else 'means'}": Scanner(dpi=dpi, nearest=nearest, angle=angle)
       for dpi, nearest, angle in ((100, False, 0.7), (120, True, -0.7), (200, True, 0.4), (300, False, -0.2))},
    **{f"turned by {angle} degrees": Scanner(angle=angle) for angle in (-1.5, -0.7, 0.7, 1.5, 3.0)},
    **{f"black and white, {dpi} dots per inch": Scanner(dpi=dpi, bitonal=True, angle=0.5) for dpi in (100, 150, 300)},
    **{f"lying the wrong way round by {turned} degrees": Scanner(turned=turned, angle=-0.4) for turned in (90, 270)},
    "upside down in its file as well": Scanner(turned=180, says_turned=180, angle=0.8),
    "upside down by its file alone": Scanner(says_turned=180),
    "grainy": Scanner(noise=25, angle=0.5),
    "a photograph": Scanner(perspective=0.02, shade=0.4, angle=0.5),
}


def test_a_scan_that_lies_upside_down_is_read(blank, read):
    found = read(Scanner(turned=180, angle=0.6).scan(written(blank, marked("cross"), pages=[0])))
    assert answers(found) == GIVEN
    assert (found["2a"].status, found["5a"].status) == ("blank", "not found")


@pytest.mark.slow
@pytest.mark.parametrize("scanner", SCANNERS.values(), ids=SCANNERS)
def test_however_it_was_scanned_it_is_read(scanner, blank, read):
    assert answers(read(scanner.scan(written(blank, marked("cross"), pages=[0])))) == GIVEN


@pytest.mark.slow
@pytest.mark.parametrize(
    "scanner", [Scanner(dpi=120, nearest=True, angle=-0.7), Scanner(angle=0.6)], ids=["120", "150"])
@pytest.mark.parametrize(
    "pen", ["pencil", "light pencil", "tick", "tick that sticks far out", "filled", "scribble"])
def test_a_pen_that_is_used_throughout_is_understood(pen, scanner, blank, read):
    assert answers(read(scanner.scan(written(blank, marked(pen), pages=[0])))) == GIVEN


@pytest.mark.slow
def test_the_broad_crosses_of_a_marker_are_read_or_left_open(blank, read):
    found = answers(read(Scanner(angle=0.6).scan(written(blank, marked("marker"), pages=[0]))))
    assert found.items() <= GIVEN.items()
    assert len(found) >= len(GIVEN) - 2


@pytest.mark.slow
@pytest.mark.parametrize("scanner", [
    Scanner(dpi=100, angle=1.0), Scanner(dpi=120, nearest=True, angle=-0.7), Scanner(dpi=200, bitonal=True)],
    ids=["100", "120", "black and white"])
def test_what_may_take_a_tick_back_is_left_open_beside_clear_ones(scanner, blank, read):
    clear = {"1a": "yes", "1b": "no", "2a": "yes"}
    marks = {one: [(answer, "cross")] for one, answer in clear.items()} | {
        "1c": [("yes", "filled"), ("no", "cross")], "1d": [("yes", "scribble")], "2b": [("no", "struck")],
        "2c": [("yes", "ringed")], "2d": [("yes", "cross"), ("no", "ring around the word")],
        "3a": [("yes", "line into the next box")]}
    found = read(scanner.scan(written(blank, marks, pages=[0])))
    assert answers(found) == clear
    assert {one: found[one].status for one in FIRST if one not in clear} == dict.fromkeys(
        ("1c", "1d", "2b", "2c", "2d", "3a"), "unclear")
    assert "scribbled over" in found["1d"].reason


@pytest.mark.slow
def test_a_whole_sheet_in_disorder_is_read(sheet, blank, read):
    given = {one.id: "yes" if place % 3 else "no" for place, one in enumerate(sheet.statements)}
    pages = written(blank, {one: [(answer, "tick")] for one, answer in given.items()})
    assert answers(read(Scanner(angle=-1.0).scan(pages[::-1]))) == given


@pytest.mark.slow
@pytest.mark.parametrize("as_picture", [True, False])
def test_a_sheet_that_was_filled_in_and_flattened_is_read(as_picture, blank, sheet, read):
    given = {one.id: "abstain" if place % 4 == 3 else "no" for place, one in enumerate(sheet.statements)}
    document = pypdfium2.PdfDocument(filled_sheet(blank, {one: f"/{answer}" for one, answer in given.items()}))
    document.init_forms()
    stream = io.BytesIO()
    if as_picture:
        canvas = Canvas(stream, pagesize=A4)
        for page in document:
            canvas.drawImage(ImageReader(page.render(scale=2).to_pil()), 0, 0, *A4)
            canvas.showPage()
        canvas.save()
    else:
        for page in document:
            page.flatten()
        document.save(stream)
    assert answers(read(stream.getvalue())) == given


# --- judging what was measured


EMPTY = {"ink": 0.0, "least": 0.0, "around": 0.0, "over": -0.1, "beside": 0.0, "behind": 0.0}
CROSS = EMPTY | {"ink": 0.5}


def judged(**marks: dict[str, float]) -> dict[str, set[str | None]]:
    """Judge the boxes of five statements; `a_yes=...` says what was measured at the box yes of a."""
    boxes = [TickedBox(one, 1, answer, (0.0, 0.0, 11.0, 11.0), Pen(**marks.get(f"{one}_{answer}", EMPTY)))
             for one in "abcde" for answer in ("yes", "no")]
    return {one: {signal.answer for signal in signals} for one, signals in answers_of(boxes).items()}


def test_a_tick_is_an_answer_and_an_empty_box_says_nothing():
    assert judged(a_yes=CROSS, b_no=CROSS) == {"a": {"yes"}, "b": {"no"}}


@pytest.mark.parametrize("doubt", [
    {"least": 0.9, "ink": 1.0}, {"around": 0.9}, {"over": 0.2}, {"beside": 0.9}, {"behind": 0.9}])
def test_whatever_may_take_a_tick_back_is_a_doubt(doubt):
    assert None in judged(a_yes=CROSS | doubt, b_yes=CROSS, c_yes=CROSS, d_yes=CROSS, e_no=CROSS)["a"]


def test_a_little_ink_is_a_doubt_and_no_tick():
    assert judged(a_yes=EMPTY | {"ink": 0.05}) == {"a": {None}}


def test_a_mark_at_the_other_word_is_a_doubt():
    assert judged(a_yes=CROSS, a_no=EMPTY | {"beside": 0.6}) == {"a": {"yes", None}}


def test_filling_the_boxes_is_a_way_to_tick_them_unless_most_are_crossed():
    filled = EMPTY | {"ink": 1.0, "least": 1.0}
    everywhere = {f"{one}_yes": filled for one in "abcde"}
    assert judged(**everywhere) == {one: {"yes"} for one in "abcde"}
    assert judged(**everywhere | {f"{one}_yes": CROSS for one in "abcd"})["e"] == {"yes", None}
    assert judged(a_yes=filled) == {"a": {"yes", None}}
