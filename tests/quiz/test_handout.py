"""Sheets to hand out: the name of the file tells the format; none leaves the margin; keys and readers find a way."""

from __future__ import annotations

import io
from html.parser import HTMLParser

import pypdfium2
import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.generic import BooleanObject, NameObject, TextStringObject
from typer.testing import CliRunner

from harness.cli import app
from harness.pdf.view import view_of
from harness.pdf.words import words_of
from harness.quiz import Sheet, load_sheet, read_file
from harness.quiz.handout import sheet_html, sheet_pdf
from harness.quiz.handout.pdf import LEFT, RIGHT


@pytest.fixture(scope="module", params=["summer22", "summer23"])
def asked(request, course) -> Sheet:
    return load_sheet(course, request.param)


@pytest.mark.parametrize(("name", "start"), [
    ("a.pdf", b"%PDF"), ("a.HTML", b"<!doctype html>"), ("a.yml", b"# "), ("a.md", b"# "), ("no-ending", b"%PDF")])
def test_the_ending_of_the_file_tells_the_format(name, start, tmp_path):
    done = CliRunner().invoke(app, ["quiz", "sheet", "summer23", "-o", str(tmp_path / name)])
    assert done.exit_code == 0, done.output
    assert (tmp_path / name).read_bytes().startswith(start)


@pytest.mark.parametrize(("arguments", "said"), [
    (["-o", "a.html", "--format", "pdf"], "a.html ends as a file of another format than pdf"),
    (["-o", "a.docx"], "a.docx does not end in .pdf, .html, .yaml or .md"),
])
def test_an_ending_that_says_something_else_is_refused_in_a_sentence(arguments, said, tmp_path, monkeypatch, capsys):
    from harness.cli import main

    monkeypatch.chdir(tmp_path)
    (tmp_path / "course.yaml").write_text("quiz: quiz\n")
    monkeypatch.setattr("sys.argv", ["harness", "quiz", "sheet", "summer23", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert not list(tmp_path.glob("a.*"))


def test_no_word_of_the_pdf_leaves_the_margin(asked):
    for page in pypdfium2.PdfDocument(sheet_pdf(asked)):
        for word, (left, _, right, _) in words_of(page, view_of(page)):
            assert left >= LEFT - 1, word
            assert right <= RIGHT + 1, word


def test_every_page_of_the_pdf_says_of_how_many(asked):
    pages = PdfReader(io.BytesIO(sheet_pdf(asked))).pages
    for number, page in enumerate(pages, 1):
        assert f"page {number} of {len(pages)}" in page.extract_text()


def test_the_fields_of_the_pdf_are_told_and_tabbed_in_the_order_of_the_sheet(asked):
    told = []
    for page in PdfReader(io.BytesIO(sheet_pdf(asked))).pages:
        assert page["/Tabs"] == "/R"
        for annotation in page["/Annots"]:
            field = annotation.get_object()
            box = [f", {option[1:]}" for option in field["/AP"]["/N"] if option != "/Off"] if "/Parent" in field else []
            told.append("".join([field.get("/Parent", field)["/TU"], *box]))
    wanted = ["Group", "Members"]
    for one in asked.statements:
        wanted += [f"{one.id}: {one.text}, {option}" for option in ("yes", "no", "abstain")]
        wanted.append(f"Argument for {one.id}, at most two lines")
    assert told == wanted


@pytest.mark.parametrize("drawn", [True, False])
def test_a_pdf_reads_back_whose_viewer_leaves_the_drawing_to_others(drawn, asked, tmp_path):
    """Viewers such as pdf.js store values and states; some store no appearance, and ask for one (NeedAppearances)."""
    given = {one.id: ("yes", "no", "abstain")[place % 3] for place, one in enumerate(asked.statements)}
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(sheet_pdf(asked))))
    writer.root_object["/AcroForm"][NameObject("/NeedAppearances")] = BooleanObject(True)
    for page in writer.pages:
        for annotation in page["/Annots"]:
            field = annotation.get_object()
            name = field.get("/T", "")
            if name.endswith(" argument"):
                field[NameObject("/V")] = TextStringObject(f"because of {name}")
                if not drawn:
                    del field["/AP"]
            elif "/Parent" in field:
                group = field["/Parent"].get_object()
                on = f"/{given[group['/T']]}"
                group[NameObject("/V")] = NameObject(on)
                field[NameObject("/AS")] = NameObject(on if on in field["/AP"]["/N"] else "/Off")
    writer.write(tmp_path / "filled.pdf")
    found = read_file(tmp_path / "filled.pdf", asked).readings
    assert {one.id: one.answer for one in found} == given
    assert {one.id: one.argument for one in found} == {one: f"because of {one} argument" for one in given}


class _Fields(HTMLParser):
    """Collects for each control what names it, and the legend of the group that it stands in."""

    def __init__(self) -> None:
        super().__init__()
        self.named: list[tuple[str, str]] = []
        self._open: list[str] = []
        self._legend = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "fieldset":
            self._legend = ""
        if tag in {"input", "textarea"}:
            assert "label" in self._open or attributes.get("aria-label"), attributes
            self.named.append((attributes["name"], " ".join(self._legend.split())))
        if tag not in {"input", "meta"}:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "legend" in self._open:
            self._legend += data


def test_every_control_of_the_page_has_a_name_and_its_statement_above_it(asked):
    fields = _Fields()
    fields.feed(sheet_html(asked))
    legends = {one.id: f"{one.id} {one.text}" for one in asked.statements}
    assert [pair for pair in fields.named if pair[0] not in {"group", "members"}] == [
        (name, legends[one.id]) for one in asked.statements for name in [one.id] * 3 + [f"{one.id} argument"]]
