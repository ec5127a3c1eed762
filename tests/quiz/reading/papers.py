"""Hand-ins in the styles in which they arrive, made by the programs that people use.

Each maker takes a sheet and what a group answered (a statement that is missing is left alone), and gives the bytes
of a file. `BOTH` crosses both boxes.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Mapping

from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import simpleSplit
from reportlab.pdfgen.canvas import Canvas

from harness.quiz import Sheet

Answers = Mapping[str, str]
BOTH = "both"
HEIGHT = A4[1]
BOX = 11.0


def chosen(answer: str | None, option: str) -> bool:
    return answer in {option, BOTH}


class Paper:
    """A sheet as a lecturer prints it: statement, then yes and no with their boxes on its first line."""

    def __init__(self, *, boxes: bool = True, size: float = BOX, before: bool = True, columns: int = 1) -> None:
        self.boxes, self.size, self.before, self.columns = boxes, size, before, columns
        self.places: dict[tuple[str, str], tuple[int, float, float]] = {}   # page, left, bottom of each box
        self.words: dict[tuple[str, str], tuple[int, float, float]] = {}    # page, left, base line of each word
        self.ends: dict[str, tuple[int, float, float]] = {}                 # page, left, base line below a statement
        self.options = ("yes", "no")

    def draw(self, sheet: Sheet, *, after: Callable[[Canvas, int], None] | None = None,
             texts: Mapping[str, str] | None = None, number: Callable[[str], str] = lambda one: one) -> bytes:
        stream = io.BytesIO()
        canvas = Canvas(stream, pagesize=A4, invariant=True)
        page, column, y = 0, 0, HEIGHT - 60
        left, width = 50.0, 340.0
        if self.columns == 2:
            width = 155.0
        canvas.setFont("Helvetica-Bold", 14)
        canvas.drawString(left, y, sheet.title)
        y -= 20
        for question in sheet.questions:
            y -= 24
            canvas.setFont("Helvetica-Bold", 11)
            canvas.drawString(left, y, f"Question {question.id}: {question.title}"[:30 if self.columns == 2 else 99])
            for one in question.statements:
                lines = simpleSplit((texts or {}).get(one.id, one.text), "Helvetica", 9, width)
                if y - 13 * len(lines) < 70:
                    y = HEIGHT - 60
                    if self.columns == 2 and column == 0:
                        column, left = 1, 310.0
                    else:
                        if after:
                            after(canvas, page)
                        canvas.showPage()
                        page, column, left = page + 1, 0, 50.0
                y -= 20
                canvas.setFont("Helvetica", 9)
                canvas.drawString(left, y, f"{number(one.id)})")
                self._print_options(canvas, one.id, page, left + width + 30, y)
                for line in lines:
                    canvas.setFont("Helvetica", 9)
                    canvas.drawString(left + 26, y, line)
                    y -= 12
                self.ends[one.id] = (page, left + 26, y)
                y -= 4
        if after:
            after(canvas, page)
        canvas.showPage()
        canvas.save()
        return stream.getvalue()

    def _print_options(self, canvas: Canvas, one: str, page: int, x: float, y: float) -> None:
        for option in self.options:
            word = x + self.size + 3 if self.before else x
            box = x if self.before else x + 20
            canvas.setFont("Helvetica", 9)
            canvas.drawString(word, y, option)
            if self.boxes:
                canvas.rect(box, y - 2, self.size, self.size)
            self.places[one, option] = (page, box, y - 2)
            self.words[one, option] = (page, word, y)
            x += 28 if self.columns == 2 else 48


def cross(
    canvas: Canvas, x: float, y: float, size: float, *, wobble: float = 0.0, rng: random.Random | None = None,
) -> None:
    """Two diagonal strokes, as annotation tools leave them when they flatten."""
    rng = rng or random.Random(0)
    shift = [rng.uniform(-wobble, wobble) for _ in range(4)]
    canvas.setStrokeColorRGB(0.1, 0.1, 0.8)
    canvas.setLineWidth(1.2)
    canvas.line(x + shift[0], y + shift[1], x + size + shift[2], y + size + shift[3])
    canvas.line(x + shift[1], y + size + shift[2], x + size + shift[3], y + shift[0])
    canvas.setStrokeColorRGB(0, 0, 0)


def tick(canvas: Canvas, x: float, y: float, size: float) -> None:
    path = canvas.beginPath()
    path.moveTo(x + 1, y + size / 2)
    path.lineTo(x + size / 3, y + 1)
    path.lineTo(x + size + 3, y + size + 3)
    canvas.setLineWidth(1.5)
    canvas.drawPath(path)


def scribble(canvas: Canvas, x: float, y: float, size: float) -> None:
    """A cross drawn in one go with curves, as a pen on a tablet does."""
    path = canvas.beginPath()
    path.moveTo(x, y)
    path.curveTo(x + 3, y + 4, x + size - 4, y + size - 3, x + size, y + size)
    path.moveTo(x, y + size)
    path.curveTo(x + 4, y + size - 2, x + size - 3, y + 4, x + size, y + 1)
    canvas.setStrokeColorRGB(0.8, 0.1, 0.1)
    canvas.drawPath(path)
    canvas.setStrokeColorRGB(0, 0, 0)


PENS = {"cross": cross, "tick": tick, "scribble": scribble}


def with_strokes(sheet: Sheet, answers: Answers, *, pen: str = "cross", paper: Paper | None = None) -> bytes:
    """Vector strokes over the boxes, in forms of their own as a viewer makes them."""
    paper = paper or Paper()

    def after(canvas: Canvas, page: int) -> None:
        for (one, option), (at, x, y) in paper.places.items():
            if at == page and chosen(answers.get(one), option):
                name = f"stroke-{one}-{option}"
                canvas.beginForm(name, 0, 0, paper.size, paper.size)
                PENS[pen](canvas, 0, 0, paper.size)
                canvas.endForm()
                canvas.saveState()
                canvas.translate(x, y)
                canvas.doForm(name)
                canvas.restoreState()

    return paper.draw(sheet, after=after)


def with_rings(sheet: Sheet, answers: Answers, *, around: str, paper: Paper) -> bytes:
    """Rings as a viewer leaves them that flattens: around the chosen box, the chosen word, or both of them."""

    def after(canvas: Canvas, page: int) -> None:
        canvas.setStrokeColorRGB(0.8, 0.1, 0.1)
        for (one, option), (at, x, y) in paper.places.items():
            if at == page and chosen(answers.get(one), option):
                word, end = paper.words[one, option][1], paper.words[one, option][1] + 6 * len(option)
                left, right = {"box": (x, x + paper.size), "word": (word, end), "both": (x, end)}[around]
                canvas.ellipse(left - 4, y - 4, right + 4, y + paper.size + 3)
        canvas.setStrokeColorRGB(0, 0, 0)

    return paper.draw(sheet, after=after)


def with_annotations(sheet: Sheet, answers: Answers, *, kind: str, paper: Paper | None = None) -> bytes:
    """Annotations by pypdf: what viewers leave where they do not flatten."""
    from pypdf import PdfReader, PdfWriter

    paper = paper or Paper()
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(paper.draw(sheet))))
    for one, answer in answers.items():
        for option in paper.options:
            if chosen(answer, option):
                page, x, y = paper.places[one, option]
                for annotation in _annotations(kind, x, y, paper.words[one, option][1:]):
                    writer.add_annotation(page, annotation)
    stream = io.BytesIO()
    writer.write(stream)
    return stream.getvalue()


def _annotations(kind: str, x: float, y: float, word: tuple[float, float]) -> list:
    from pypdf.annotations import FreeText, Highlight, Line
    from pypdf.generic import ArrayObject, DictionaryObject, FloatObject, NameObject, TextStringObject

    rectangle = (x - 1, y - 1, x + BOX + 1, y + BOX + 1)

    def numbers(*values: float) -> ArrayObject:
        return ArrayObject(FloatObject(value) for value in values)

    def plain(subtype: str, **more: object) -> DictionaryObject:
        return DictionaryObject({
            NameObject("/Type"): NameObject("/Annot"), NameObject("/Subtype"): NameObject(subtype),
            NameObject("/Rect"): numbers(*rectangle), NameObject("/F"): FloatObject(4),
            **{NameObject(f"/{name}"): value for name, value in more.items()},
        })

    if kind == "ink":
        return [plain("/Ink", InkList=ArrayObject([
            numbers(x, y, x + BOX / 2, y + BOX / 2, x + BOX, y + BOX), numbers(x, y + BOX, x + BOX, y)]))]
    if kind == "lines":
        return [Line(rect=rectangle, p1=(x, y), p2=(x + BOX, y + BOX)),
                Line(rect=rectangle, p1=(x, y + BOX), p2=(x + BOX, y))]
    if kind == "stamp":
        return [plain("/Stamp", Name=NameObject("/X"))]
    if kind == "free text":
        return [FreeText(text="X", rect=rectangle, font_size="9pt")]
    left, base = word
    if kind == "highlight":
        right, top = left + 16, base + 8
        return [Highlight(rect=(left, base - 2, right, top),
                          quad_points=numbers(left, top, right, top, left, base - 2, right, base - 2))]
    if kind == "circle":
        return [plain("/Circle", Rect=numbers(left - 4, base - 4, left + 20, base + 10), Contents=TextStringObject(""))]
    raise ValueError(kind)


def with_form_fields(sheet: Sheet, answers: Answers, *, named: bool) -> bytes:
    """Check boxes of a form as reportlab makes them; `named` as the statements, or only numbered."""
    paper = Paper(boxes=False)
    count = 0

    def after(canvas: Canvas, page: int) -> None:
        nonlocal count
        for (one, option), (at, x, y) in paper.places.items():
            if at == page:
                count += 1
                canvas.acroForm.checkbox(
                    name=f"{one}_{option}" if named else f"Check Box {count}", x=x, y=y, size=BOX, buttonStyle="cross",
                    checked=chosen(answers.get(one), option))

    return paper.draw(sheet, after=after)


def filled_sheet(blank: bytes, values: Mapping[str, str]) -> bytes:
    """Fill the fields of a sheet in as viewers do, by pypdf."""
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(blank)))
    for page in writer.pages:
        writer.update_page_form_field_values(page, dict(values), auto_regenerate=False)
    stream = io.BytesIO()
    writer.write(stream)
    return stream.getvalue()


def crossed_by_hand(blank: bytes, answers: Answers) -> bytes:
    """The sheet that the program draws, with uneven crosses over its boxes."""
    from pypdf import PdfReader, PdfWriter

    reader = PdfReader(io.BytesIO(blank))
    writer = PdfWriter(clone_from=reader)
    rng = random.Random(5)
    for page in writer.pages:
        stream = io.BytesIO()
        canvas = Canvas(stream, pagesize=A4, invariant=True)
        for annotation in page["/Annots"]:
            field = annotation.get_object()
            parent = field.get("/Parent", field).get_object()
            states = set(field.get("/AP", {}).get("/N", {})) - {"/Off"}
            if len(states) == 1 and chosen(answers.get(parent["/T"]), states.pop()[1:]):
                x, y = (float(edge) for edge in field["/Rect"][:2])
                cross(canvas, x, y, BOX, wobble=2.0, rng=rng)
        canvas.showPage()
        canvas.save()
        page.merge_page(PdfReader(stream).pages[0])
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def typed_by_fpdf(sheet: Sheet, answers: Answers, *, style: str, columns: int = 1) -> bytes:
    """Answers typed behind the statements, set by fpdf2."""
    from fpdf import FPDF

    pdf = FPDF(format="A4")
    pdf.add_page()
    pdf.set_font("Times", size=11)
    with pdf.text_columns(ncols=columns, gutter=8, text_align="L") as text:
        for question in sheet.questions:
            text.write(f"{question.id}. {question.title}\n\n")
            for place, one in enumerate(question.statements, 1):
                text.write(typed_line(style, question.id, place, one.id, one.text, answers.get(one.id)) + "\n\n")
    return bytes(pdf.output())


ARGUMENT = "but the reason is another one"


def typed_line(style: str, question: str, place: int, one: str, text: str, answer: str | None) -> str:
    """A statement with its answer behind it; without an answer, the statement alone."""
    said = (answer or "").upper()
    lines = {
        "arrow": f"{one}) {text} -> {said}",
        "arrow below": f"{one}) {text}\n-> {said}, {ARGUMENT}",
        "comma": f"({one}) {text}\n{said}, {ARGUMENT}.",
        "numbered": f"{question}.{place}: {(answer or '').capitalize()}. {ARGUMENT.capitalize()}.",
        "no number": f"{text}\nAnswer: {said}",
        "in front": f"{said}  {one}) {text}",
        "german": f"{one}) {text} => {'JA' if answer == 'yes' else 'NEIN'}",
        "bracket": f"{one}) {text} ({said})",
    }
    if answer is None:
        return f"{one}) {text}" if style != "numbered" else ""
    return lines[style]


def printed_by_chromium(page: str, folder, name: str = "page") -> bytes:
    """Print a page to PDF as a browser does."""
    import shutil
    import subprocess

    source, target = folder / f"{name}.html", folder / f"{name}.pdf"
    source.write_text(page, encoding="utf-8")
    subprocess.run(
        [shutil.which("chromium") or "chromium", "--headless", "--no-sandbox", "--disable-gpu",
         "--no-pdf-header-footer",
         f"--user-data-dir={folder / 'profile'}", f"--print-to-pdf={target}", source.as_uri()],
        capture_output=True, check=True, timeout=120)
    return target.read_bytes()


def scanned(paper: bytes, *, angle: float, noise: float, text_below: bool, seed: int = 0, dpi: int = 150) -> bytes:
    """Print a PDF and scan it again: pictures with noise, turned a little; perhaps with the text a scanner finds."""
    import numpy as np
    import pypdfium2
    from PIL import Image

    rng = np.random.default_rng(seed)
    document = pypdfium2.PdfDocument(paper)
    document.init_forms()
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=A4, invariant=True)
    for page in document:
        image = page.render(scale=dpi / 72).to_pil().convert("L")
        image = image.rotate(angle, resample=Image.Resampling.BICUBIC, fillcolor=255)
        pixels = np.asarray(image, np.float64) * 0.9 + rng.normal(0, noise, (image.height, image.width))
        picture = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
        data = io.BytesIO()
        picture.save(data, "JPEG", quality=70)
        from reportlab.lib.utils import ImageReader

        canvas.drawImage(ImageReader(data), 0, 0, *A4)
        if text_below:
            _invisible_text(canvas, page, angle)
        canvas.showPage()
    canvas.save()
    return stream.getvalue()


def _invisible_text(canvas: Canvas, page: object, angle: float) -> None:
    from harness.pdf.view import view_of
    from harness.pdf.words import words_of

    canvas.saveState()
    canvas.translate(A4[0] / 2, A4[1] / 2)
    canvas.rotate(angle)
    canvas.translate(-A4[0] / 2, -A4[1] / 2)
    for word, (left, _, right, bottom) in words_of(page, view_of(page)):
        text = canvas.beginText(left, A4[1] - bottom + 1)
        text.setFont("Helvetica", 9)
        text.setTextRenderMode(3)
        text.setHorizScale(100 * (right - left) / max(1.0, canvas.stringWidth(word, "Helvetica", 9)))
        text.textOut(word)
        canvas.drawText(text)
    canvas.restoreState()
