"""Reports as groups make them, with several programs: the facts are found, and none where there are none."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import pytest
from PIL import Image
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from harness.course import Course
from harness.handin import facts, read
from harness.quiz import load_sheet
from harness.records import HandIn
from harness.submissions import intake
from tests.handin.documents import garment, merged, printed_by_chromium, with_fpdf, with_reportlab

ROOT = Path(__file__).parents[2]
SHEET = load_sheet(Course(ROOT), "summer23")
MEMBERS = ["Ada Example", "Bo Müller-Beispiel"]

ENGLISH = """Exercise 2: a VAE of Fashion-MNIST
Ada Example, Bo Mueller-Beispiel. Code: https://github.com/ada-example/fashion-
mnist-vae
Modeling
An MLP with a latent dimension of 20.
Training Parameters
Adam, learning rate 0.001, batch size 64, weight decay 0.00001, 10 epochs.
Training
Training took 8 minutes.
Results
Reconstruction error (MSE): 0.0133 on the test set. Generated images are in Figure 1.
Interpolation within one class and between two classes; a DCGAN as second model.
Interpretation
Shapes are kept, textures are lost.
References
[1] D. P. Kingma, M. Welling: Auto-Encoding Variational Bayes, 2014.
[2] A. Radford et al.: Unsupervised Representation Learning, 2016. batch size 128."""
GERMAN = """Übung 2: VAE
Gruppe: Ada Example und Bo Müller-Beispiel
Modellierung
Der latente Raum hat 16 Dimensionen; wir verwenden einen 16-dimensionalen latenten Raum.
Trainingsparameter
Wir verwenden Adam mit einer Lernrate von 0,001 und einer Batchgröße von 128, trainiert über 20 Epochen.
Ergebnisse
Der mittlere quadratische Fehler beträgt 0,0142 auf den Testdaten. Erzeugte Bilder sind in Abbildung 1.
Interpretation
Die Interpolation innerhalb einer Klasse und zwischen zwei Klassen ist glatt. Das zweite Modell ist ein GAN.
Literatur
[1] Kingma und Welling, 2014. Der Code liegt auf https://gitlab.com/ada/vae"""


def sheet_pages() -> list[str]:
    """Give the two pages of a sheet: its statements with YES and NO, then the task."""
    statements = [f"{one.id}) {one.text}" for one in SHEET.statements]
    lines = [line for one in statements for line in (one[:95], f"{one[95:]}   YES   NO")]
    task = (
        "Exercise sheet 2, practice (20 points)\nTrain a VAE on Fashion-MNIST. Show the reconstruction error.\n"
        "Interpolate within one class. Submit at most one page by the deadline in Moodle.")
    return ["\n".join(lines), task]


def facts_of(folder: Path, *, name: str = "report.pdf") -> HandIn:
    (folder / "submission.yaml").write_text(
        f"group: group3\nmembers: [{', '.join(MEMBERS)}]\nassignment: summer23\nanswers: answers.yaml\n"
        f"report: {name}\n")
    (folder / "answers.yaml").write_text("quiz: summer23")
    found, faults = facts(intake(folder, folder.parent / "copy"), sheet=SHEET)
    assert faults == []
    return found


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "group3").mkdir()
    return tmp_path / "group3"


def values(found: HandIn) -> dict[str, object]:
    return {one.name: one.value if one.number is None else one.number for one in found.stated}


def check_english(found: HandIn) -> None:
    assert values(found) == {
        "latent size": 20, "learning rate": 0.001, "batch size": 64, "weight decay": 0.00001, "epochs": 10,
        "mean squared error": 0.0133, "optimiser": "Adam"}
    assert [one.name for one in found.sections] == [
        "modeling", "training parameters", "training", "results", "interpretation", "references"]
    assert [one[:3] for one in found.page_references] == ["[1]", "[2]"]
    assert found.members_named == MEMBERS
    assert found.code == "https://github.com/ada-example/fashion-mnist-vae"
    assert found.text_missing == []


def test_a_page_of_reportlab_tells_everything(folder):
    with_reportlab(folder / "report.pdf", [ENGLISH], tiles=16, curve=True)
    found = facts_of(folder)
    check_english(found)
    assert (found.own_pages, found.sheet_pages) == ([1], [])
    assert [one.caption for one in found.figures] == ["Page 1, drawing", "Page 1, picture"]
    for figure in found.figures:
        image = Image.open(io.BytesIO(base64.b64decode(figure.data)), formats=["PNG"])
        assert image.size == (figure.width, figure.height)
        assert max(image.size) <= 280


def test_a_page_of_fpdf2_tells_everything(folder):
    with_fpdf(folder / "report.pdf", ENGLISH)
    check_english(facts_of(folder))


def test_the_sheets_pages_do_not_count_in_a_merged_file(folder):
    sheet = with_reportlab(folder / "sheet.pdf", sheet_pages())
    own = with_fpdf(folder / "own.pdf", ENGLISH)
    merged(folder / "report.pdf", sheet, own)
    found = facts_of(folder)
    assert (found.pages, found.own_pages, found.sheet_pages) == (3, [3], [1, 2])
    check_english(found)
    assert found.page.caption == "Page 3 of 3 of the report"


def test_own_pages_are_counted_and_blank_ones_and_answers_are_none(folder):
    answers = "\n".join(f"{one.id}) YES because of the bound" for one in SHEET.statements)
    with_reportlab(folder / "report.pdf", [answers, ENGLISH, "", "Figure 2: more images, 10 epochs with Adam"])
    found = facts_of(folder)
    assert (found.own_pages, found.sheet_pages) == ([2, 4], [1])
    assert found.text_missing == [
        "the report has 2 pages of the group's own (pages 2, 4); the sheet allows one (its own pages do not count)"]


def test_a_german_page_is_read_as_well(folder):
    with_fpdf(folder / "report.pdf", GERMAN)
    found = facts_of(folder)
    assert values(found) == {
        "latent size": 16, "learning rate": 0.001, "batch size": 128, "epochs": 20, "mean squared error": 0.0142,
        "optimiser": "Adam"}
    assert [one.name for one in found.sections] == [
        "modeling", "training parameters", "results", "interpretation", "references"]
    assert found.code == "https://gitlab.com/ada/vae"
    assert found.members_named == MEMBERS
    assert found.text_missing == []


def test_narrow_columns_break_words_and_links_and_both_are_found(folder):
    with_fpdf(folder / "report.pdf", ENGLISH.replace("fashion-\nmnist-vae", "fashion-mnist-vae"), width=70)
    found = facts_of(folder)
    assert values(found)["mean squared error"] == 0.0133
    assert found.code == "https://github.com/ada-example/fashion-mnist-vae"


def test_a_link_behind_a_word_is_the_code_link(folder):
    with_fpdf(folder / "report.pdf", "Ada Example", link=("our code", "https://github.com/ada/vae"))
    found = facts_of(folder)
    assert found.code == "https://github.com/ada/vae"
    assert [(one.source, one.page) for one in found.links] == [("annotation", 1)]
    assert not any("link to the code" in remark for remark in found.text_missing)


@pytest.mark.browser
@pytest.mark.parametrize("text", [ENGLISH, GERMAN])
def test_a_page_printed_by_chromium_tells_the_same(folder, text):
    body = "".join(f"<p>{line}</p>" for line in text.replace("fashion-\nmnist", "fashion-mnist").splitlines())
    printed_by_chromium(folder / "report.pdf", body)
    (folder / "report.html").unlink()
    found = facts_of(folder)
    if text is ENGLISH:
        check_english(found)
    else:
        assert values(found)["mean squared error"] == 0.0142


# --- nothing is claimed that is not there

PAPER = """Auto-Encoders of the Alps
Abstract. We survey generative models. Kingma et al. train with a batch size of 100.
Rezende et al. report a mean squared error of 0.02. The authors use Adam with a learning rate of 0.01.
[3] achieves an FID of 3.17. They train for 500 epochs."""


@pytest.mark.parametrize("text", [
    PAPER, "Nous avons entraîné un modèle. Le résultat est bon et les images sont belles.",
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit 20 sed 64 do 0.001.",
    "Shopping: 10 apples, 64 eggs, 0.001 g of saffron. Call Adam on Monday.",
])
def test_other_texts_state_nothing(folder, text):
    with_fpdf(folder / "report.pdf", text)
    found = facts_of(folder)
    assert (found.stated, found.sections, found.members_named, found.links, found.code) == ([], [], [], [], "")
    assert found.figures == []
    assert "not named in the report: Ada Example, Bo Müller-Beispiel" in found.text_missing


def test_the_sheet_alone_has_no_page_of_the_groups_own(folder):
    with_reportlab(folder / "report.pdf", sheet_pages())
    found = facts_of(folder)
    assert (found.own_pages, found.sheet_pages, found.stated, found.figures) == ([], [1, 2], [], [])
    assert found.text_missing == [
        "no page of the group's own was found: the PDF seems to hold the sheet or answers to it alone"]


def test_an_empty_page_is_none_of_the_groups_own(folder):
    with_reportlab(folder / "report.pdf", [""])
    assert facts_of(folder).own_pages == []


def test_a_scan_is_a_page_without_text_and_no_figure(folder):
    canvas = Canvas(str(folder / "report.pdf"), pagesize=A4)
    canvas.drawImage(ImageReader(garment().resize((280, 400))), 0, 0, *A4)
    canvas.save()
    found = facts_of(folder)
    assert (found.own_pages, found.stated, found.figures) == ([1], [], [])
    assert found.text_missing == ["page 1 holds no text that can be read; it may be a scan"]


def test_rules_and_tables_are_no_figures(tmp_path):
    canvas = Canvas(str(tmp_path / "table.pdf"), pagesize=A4)
    canvas.drawString(40, 780, "We use Adam for 10 epochs")
    for row in range(20):
        canvas.line(50, 400 + 15 * row, 300, 400 + 15 * row)
        canvas.rect(50, 400 + 15 * row, 80, 15)
    canvas.save()
    assert read(tmp_path / "table.pdf", sheet=SHEET).figures == []


@pytest.mark.parametrize("group", ["group2", "group3"])
def test_the_shipped_pages_are_read_rightly(group):
    report = read(ROOT / "submissions" / group / "report.pdf", sheet=SHEET)
    assert report.kinds == {1: "own"}
    assert len(report.figures) >= 3
