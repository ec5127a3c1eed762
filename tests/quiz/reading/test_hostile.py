"""Files that are no hand-in, or try to be too much: one clear message each."""

from __future__ import annotations

import io
import json
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reportlab.lib.pagesizes import A4
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from harness.errors import Rejected, UserError
from harness.quiz import Sheet, load_sheet, read_answers, read_file
from harness.quiz.handout import sheet_pdf
from harness.quiz.reading.document import look_for_answers
from harness.quiz.reading.plain_text import pages_of_text
from harness.records import Outcome


@pytest.fixture(scope="module")
def sheet(course) -> Sheet:
    return load_sheet(course, "summer22")


def pdf(*, pages: int = 1, size: tuple[float, float] = A4, **options: object) -> bytes:
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=size, **options)
    for number in range(pages):
        canvas.drawString(60, 700, f"page {number}")
        canvas.showPage()
    canvas.save()
    return stream.getvalue()


@pytest.mark.parametrize(("data", "words"), [
    (b"not a pdf at all", "is no PDF, or a broken one"),
    (b"%PDF-1.7\nnothing more", "is no PDF, or a broken one"),
    (sheet_pdf.__doc__.encode(), "is no PDF"),
    (pdf(pages=101), "has 101 pages; 100 are read at most"),
    (pdf(encrypt=StandardEncryption("secret")), "is locked with a password"),
])
def test_a_pdf_that_cannot_be_read_is_refused_in_a_sentence(data, words, sheet, tmp_path):
    (tmp_path / "hand-in.pdf").write_bytes(data)
    with pytest.raises(Rejected, match=words) as caught:
        read_file(tmp_path / "hand-in.pdf", sheet)
    assert "\n" not in str(caught.value)
    assert caught.value.hint


def test_a_huge_page_is_not_drawn(sheet, tmp_path):
    (tmp_path / "hand-in.pdf").write_bytes(pdf(size=(200_000, 200_000)))
    assert {one.status for one in read_file(tmp_path / "hand-in.pdf", sheet).readings} == {"not found"}


def test_a_script_in_the_file_is_not_run_and_changes_nothing(sheet, tmp_path):
    from pypdf import PdfReader, PdfWriter
    from pypdf.generic import DictionaryObject, NameObject, TextStringObject

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(sheet_pdf(sheet))))
    writer.root_object[NameObject("/OpenAction")] = DictionaryObject({
        NameObject("/S"): NameObject("/JavaScript"),
        NameObject("/JS"): TextStringObject("this.getField('1a').value = 'yes'; while (true) {}")})
    writer.write(tmp_path / "hand-in.pdf")
    assert {one.status for one in read_file(tmp_path / "hand-in.pdf", sheet).readings} == {"blank"}


def test_a_page_with_very_many_strokes_is_read_in_time(sheet, tmp_path):
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=A4)
    for number in range(50_000):
        canvas.line(number % 500, number % 800, number % 500 + 9, number % 800 + 9)
    canvas.save()
    (tmp_path / "hand-in.pdf").write_bytes(stream.getvalue())
    begun = time.perf_counter()
    assert {one.status for one in read_file(tmp_path / "hand-in.pdf", sheet).readings} == {"not found"}
    assert time.perf_counter() - begun < 20


def test_the_same_statement_a_thousand_times_is_one_statement(sheet, tmp_path):
    text = "\n".join(f"1a) {sheet.statements[0].text} -> YES" for _ in range(1_000))
    (tmp_path / "answers.txt").write_text(text)
    begun = time.perf_counter()
    found = read_file(tmp_path / "answers.txt", sheet).readings
    assert [one.id for one in found if one.answer is not None] in ([], ["1a"])
    assert time.perf_counter() - begun < 20


def test_a_statement_answered_with_both_words_in_two_places_is_left_open(sheet, tmp_path):
    (tmp_path / "answers.txt").write_text("1a: yes\n1b: no\n1c: no\n9z: yes\n1a: no\n")
    found = {one.id: one for one in read_file(tmp_path / "answers.txt", sheet).readings}
    assert (found["1a"].status, found["1b"].answer) == ("unclear", "no")


@pytest.mark.parametrize("data", [b"\xff\xfe\x00yes", b"\x00\x01\x02"])
def test_bytes_that_are_no_text_are_refused(data, sheet, tmp_path):
    (tmp_path / "answers.txt").write_bytes(data)
    try:
        assert all(one.answer is None for one in read_file(tmp_path / "answers.txt", sheet).readings)
    except Rejected as error:
        assert "is no text" in str(error)  # noqa: PT017 - either is right


def test_control_characters_do_not_get_out(sheet, tmp_path):
    (tmp_path / "answers.txt").write_text("1a: yes, \x1b[31mred\u202e and more\n")
    readings = read_file(tmp_path / "answers.txt", sheet)
    assert readings.readings[0].answer == "yes"
    assert not {"\x1b", "\u202e"} & set(json.dumps(readings.model_dump(mode="json"), ensure_ascii=False))


@pytest.mark.parametrize("text", ["quiz: &a summer22\nanswers: *a\n", "quiz: !!python/name:os\n", "a: 1\na: 2\n"])
def test_hostile_yaml_is_refused_with_its_line(text, tmp_path):
    (tmp_path / "answers.yaml").write_text(text)
    with pytest.raises(UserError, match="line"):
        read_answers(tmp_path / "answers.yaml")


WORDS = [
    "1a", "1.1", "YES", "no", "->", "[x]", "☐", "☒", "Question", "2", "(", "|", "-", "VAE", "likelihood", "\n", "  ",
]


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.sampled_from(WORDS) | st.text(max_size=8), max_size=60))
def test_any_text_is_read_without_failing(sheet, words):
    seen = look_for_answers(sheet, pages_of_text(" ".join(words)).pages)
    assert set(seen) == {one.id for one in sheet.statements}


def test_outcomes_of_a_broken_pdf_in_a_hand_in(course, tmp_path):
    from harness.quiz import load_key, theory

    (tmp_path / "hand-in.pdf").write_bytes(b"%PDF-1.4 nothing")
    result = theory(tmp_path / "hand-in.pdf", sheet=load_sheet(course, "summer22"), key=load_key(course, "summer22"))
    assert result.outcome is Outcome.SUBMISSION_FAULT
    assert len(result.problems) == 1
