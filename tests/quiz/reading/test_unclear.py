"""What is not clear is left open with its reason: a wrong reading is worse than none."""

from __future__ import annotations

import io

import papers
import pytest
from papers import BOX, Paper
from pypdf import PdfReader, PdfWriter
from pypdf.annotations import FreeText
from pypdf.generic import ArrayObject, DictionaryObject, FloatObject, NameObject
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from harness.quiz import Sheet, load_sheet, read_file
from harness.quiz.handout import sheet_pdf


@pytest.fixture(scope="module")
def sheet(course) -> Sheet:
    return load_sheet(course, "summer22")


@pytest.fixture
def read(sheet, tmp_path):
    def reader(data: bytes, suffix: str = ".pdf"):
        (tmp_path / f"hand-in{suffix}").write_bytes(data)
        readings = read_file(tmp_path / f"hand-in{suffix}", sheet)
        return {one.id: one for one in readings.readings}

    return reader


def drawn(sheet: Sheet, draw, *, paper: Paper | None = None) -> bytes:
    """A sheet on which `draw(canvas, paper)` draws when its first page is full."""
    paper = paper or Paper()
    return paper.draw(sheet, after=lambda canvas, page: draw(canvas, paper) if page == 0 else None)


def place(paper: Paper, one: str, option: str) -> tuple[float, float]:
    return paper.places[one, option][1:]


def test_a_box_that_is_filled_all_over_may_take_a_tick_back(sheet, read):
    def draw(canvas, paper):
        papers.cross(canvas, *place(paper, "1a", "no"), BOX)
        canvas.rect(*place(paper, "1a", "yes"), BOX, BOX, fill=1)
        canvas.rect(*place(paper, "1b", "yes"), BOX, BOX, fill=1)

    found = read(drawn(sheet, draw))
    assert [(found[one].status, found[one].answer) for one in ("1a", "1b")] == [("unclear", None)] * 2


def test_a_word_that_is_struck_out_is_unclear(sheet, read):
    def draw(canvas, paper):
        _, x, y = paper.words["1a", "yes"]
        canvas.line(x - 1, y + 2.5, x + 15, y + 2.5)

    found = read(drawn(sheet, draw))
    assert (found["1a"].status, found["1b"].status) == ("unclear", "blank")


def test_a_mark_between_the_boxes_is_unclear(sheet, read):
    def draw(canvas, paper):
        x, y = place(paper, "1a", "no")
        papers.cross(canvas, x - 13, y, BOX)

    assert read(drawn(sheet, draw))["1a"].answer is None


def test_a_ring_around_both_answers_is_unclear(sheet, read):
    def draw(canvas, paper):
        x, y = place(paper, "1a", "yes")
        canvas.ellipse(x - 5, y - 5, x + 85, y + 15)

    assert read(drawn(sheet, draw))["1a"].status == "unclear"


def test_a_bent_line_through_a_word_is_no_ring_around_it(sheet, read):
    def draw(canvas, paper):
        _, x, y = paper.words["1a", "yes"]
        canvas.bezier(x - 2, y - 3, x + 1, y - 2, x + 13, y + 9, x + 16, y + 10)

    found = read(drawn(sheet, draw, paper=Paper(boxes=False)))
    assert (found["1a"].status, found["1b"].status) == ("unclear", "blank")


def test_boxes_that_fit_no_word_are_a_question_and_no_empty_ones(sheet, read):
    def draw(canvas, paper):
        x, y = place(paper, "1a", "no")
        canvas.rect(x - 16, y, BOX, BOX)     # a third box between the two

    found = read(drawn(sheet, draw))
    assert (found["1a"].status, found["1b"].status) == ("unclear", "blank")
    assert "which box belongs to which" in found["1a"].reason


def test_a_cross_and_a_typed_answer_must_agree(sheet, read):
    def draw(canvas, paper):
        for one, answer in (("1a", "YES"), ("1b", "NO")):
            papers.cross(canvas, *place(paper, one, "yes"), BOX)
            _, x, y = paper.ends[one]
            canvas.drawString(x, y, f"-> {answer}")

    found = read(drawn(sheet, draw))
    assert (found["1a"].answer, found["1b"].answer, found["1b"].status) == ("yes", None, "unclear")


def test_a_typed_answer_that_is_struck_through_is_unclear(sheet, read):
    def draw(canvas, paper):
        _, x, y = paper.ends["1a"]
        canvas.drawString(x, y, "-> YES")
        canvas.line(x + 10, y + 3, x + 36, y + 3)
        _, x, y = paper.ends["1b"]
        canvas.drawString(x, y, "-> YES")
        canvas.line(x + 10, y - 2, x + 36, y - 2)      # underlined

    found = read(drawn(sheet, draw))
    assert (found["1a"].status, found["1b"].answer) == ("unclear", "yes")


def test_ink_of_a_picture_beside_a_cross_is_a_second_answer(sheet, read):
    """A tablet leaves pictures of strokes: the vectors alone would be half of the truth."""
    from PIL import Image, ImageDraw
    from reportlab.lib.utils import ImageReader

    ink = Image.new("RGBA", (60, 60))
    ImageDraw.Draw(ink).line([(5, 5), (55, 55)], fill="blue", width=8)
    ImageDraw.Draw(ink).line([(55, 5), (5, 55)], fill="blue", width=8)

    def draw(canvas, paper):
        papers.cross(canvas, *place(paper, "1a", "yes"), BOX)
        for one in ("1a", "1b"):
            canvas.drawImage(ImageReader(ink), *place(paper, one, "no"), BOX, BOX, mask="auto")

    found = read(drawn(sheet, draw))
    assert (found["1a"].status, found["1b"].answer) == ("unclear", "no")
    assert found["1b"].evidence[0].how == "ink"


def test_notes_of_a_viewer_are_read_and_their_corrections_are_not(sheet, read):
    paper = Paper()
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(paper.draw(sheet))))
    for one, text in (("1a", "NO, because of the ELBO"), ("1b", "YES, sorry: NO"), ("1c", "see the lecture")):
        page, x, y = paper.ends[one]
        writer.add_annotation(page, FreeText(text=text, rect=(x, y - 2, x + 200, y + 9)))
    stream = io.BytesIO()
    writer.write(stream)
    found = read(stream.getvalue())
    assert (found["1a"].answer, found["1a"].argument) == ("no", "because of the ELBO")
    assert found["1b"].status == "unclear"
    assert (found["1c"].status, found["1c"].argument) == ("unclear", "see the lecture")


def test_a_field_that_is_on_and_off_at_once_is_unclear(sheet, read):
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(papers.with_form_fields(sheet, {"1a": "yes"}, named=True))))
    for annotation in writer.pages[0]["/Annots"]:
        field = annotation.get_object()
        if field["/T"] == "1b_no":
            field[NameObject("/V")] = NameObject("/Yes")
    stream = io.BytesIO()
    writer.write(stream)
    found = read(stream.getvalue())
    assert found["1a"].answer == "yes"
    assert found["1b"].answer is None


def test_hidden_annotations_say_nothing(sheet, read):
    paper = Paper()
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(paper.draw(sheet))))
    _, x, y = paper.places["1a", "yes"]
    writer.add_annotation(0, DictionaryObject({
        NameObject("/Subtype"): NameObject("/Stamp"), NameObject("/F"): FloatObject(2),
        NameObject("/Rect"): ArrayObject(FloatObject(one) for one in (x, y, x + BOX, y + BOX))}))
    stream = io.BytesIO()
    writer.write(stream)
    assert read(stream.getvalue())["1a"].status == "blank"


def test_a_reworded_and_renumbered_copy_of_the_sheet_still_reads(sheet, read):
    given = {"1a": "yes", "2c": "no", "5d": "yes"}
    texts = {
        "1a": "Variational autoencoders get trained through maximisation of the likelihood of images produced by a "
              "discriminator.",
        "2c": "By the reparametrization trick, the random draw is moved to a noise variable that has no trainable "
              "parameters, so gradients propagate back through latent codes to the encoder.",
        "5d": "InfoGAN has been designed in order to give its latent space structure.",
    }
    paper = Paper()

    def after(canvas, page):
        for (one, option), (at, x, y) in paper.places.items():
            if at == page and given.get(one) == option:
                papers.cross(canvas, x, y, BOX)

    def number(one):
        return f"Statement {one[0]}.{'abcd'.index(one[1]) + 1}"

    found = read(paper.draw(sheet, after=after, texts=texts, number=number))
    assert {one: found[one].answer for one in given} == given


def test_the_sheet_among_a_groups_own_pages(sheet, read):
    writer = PdfWriter()
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=A4)
    for line, text in enumerate((
        "1 Modeling", "1.1 No free lunch", "We train a VAE with a normal prior.", "1.2 Yes, it works",
        "The encoder of the VAE gives mean and variance; the loss adds a Kullback-Leibler term.", "2a shows samples.",
        "No mode collapse was seen.", "Answer: 42", "Epochs 10, batch size 64, Adam, learning rate 0.001",
    )):
        canvas.drawString(60, 780 - 22 * line, text)
    canvas.save()
    writer.append(io.BytesIO(stream.getvalue()))
    given = {"1a": "yes", "1b": "no", "2a": "yes", "4c": "no"}
    writer.append(io.BytesIO(papers.with_strokes(sheet, given)))
    writer.append(io.BytesIO(stream.getvalue()))
    out = io.BytesIO()
    writer.write(out)
    found = read(out.getvalue())
    assert {one.id: one.answer for one in found.values() if one.answer} == given
    assert found["1a"].evidence[0].page == 2


def test_a_sheet_of_another_quiz_is_not_read_by_its_numbers(sheet, course, read):
    other = load_sheet(course, "summer23")
    shared = {one.text for one in other.statements} & {one.text for one in sheet.statements}
    given = {one.id: "yes" for one in other.statements if one.text not in shared}
    found = read(papers.with_strokes(other, given))
    assert {one.answer for one in found.values()} == {None}
    assert "is this the sheet of another quiz?" in found["1a"].reason


def test_a_report_without_answers_answers_nothing(read):
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=A4)
    for line, text in enumerate(("1.1 No free lunch", "1.2 Yes", "1a is the VAE", "2. No. of epochs: 10", "no", "YES")):
        canvas.drawString(60, 780 - 22 * line, text)
    canvas.save()
    assert {one.answer for one in read(stream.getvalue()).values()} == {None}


@pytest.mark.parametrize("angle", [90, 180, 270])
def test_a_page_that_lies_sideways_in_its_file_is_read_as_it_is_shown(sheet, read, angle):
    given = {"1a": "yes", "5d": "no"}
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(papers.with_strokes(sheet, given))))
    for page in writer.pages:
        page.rotate(angle)
        page.transfer_rotation_to_content()
        page.rotate(-angle)
    stream = io.BytesIO()
    writer.write(stream)
    assert {one.id: one.answer for one in read(stream.getvalue()).values() if one.answer} == given


@pytest.mark.slow
def test_a_scan_of_something_else_is_left_to_a_person(sheet, tmp_path):
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=A4)
    for line in range(30):
        canvas.drawString(60, 780 - 22 * line, f"{line} a page of something else, yes or no, who knows")
    canvas.save()
    path = tmp_path / "scan.pdf"
    path.write_bytes(papers.scanned(stream.getvalue(), angle=0.3, noise=5, text_below=False))
    readings = read_file(path, sheet)
    assert {one.status for one in readings.readings} == {"not found"}
    assert "a picture that is no page of the printed answer sheet" in readings.notes[0]


@pytest.mark.slow
def test_a_faint_mark_on_a_scan_is_left_open(sheet, tmp_path):
    blank = sheet_pdf(sheet)
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(papers.crossed_by_hand(blank, {"1a": "yes", "1b": "no"}))))
    fields = [one.get_object() for one in writer.pages[0]["/Annots"]]
    field = next(one for one in fields if one.get("/Parent", {}).get("/T") == "1c")
    x, y = (float(edge) for edge in field["/Rect"][:2])
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=A4)
    canvas.line(x + 4, y + 5, x + 7, y + 5)
    canvas.save()
    writer.pages[0].merge_page(PdfReader(stream).pages[0])
    out = io.BytesIO()
    writer.write(out)
    path = tmp_path / "scan.pdf"
    path.write_bytes(papers.scanned(out.getvalue(), angle=0.2, noise=5, text_below=False))
    found = {one.id: one for one in read_file(path, sheet).readings}
    assert (found["1a"].answer, found["1b"].answer, found["1c"].answer) == ("yes", "no", None)
