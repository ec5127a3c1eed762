"""Facts of the report: what is seen in a PDF, what is missed in its text, and which PDFs are refused."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from reportlab.lib.pagesizes import A4
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from harness.errors import HarnessFault, Rejected
from harness.handin import asked_by, facts, missing, read, text_to_search
from harness.limits import Intake
from harness.pdf import apart
from harness.submissions import Submission, intake

FULL_PAGE = """Ada Example
Training: Adam, learning rate 0.001, 10 epochs. Reconstruction error (MSE): 0.0133.
Figure 1: generated images. Interpolation within a class and between two classes. A DCGAN as second model.
Code: https://github.example/ada/vae. References: [1] Kingma and Welling."""
SHEET_PAGE = """Sheet 2. Train a VAE on the data; show the reconstruction error and typical generated images.
Interpolate within one class and between two classes. Answer each statement with YES or NO."""


def pdf(path: Path, pages: list[str], *, size=A4, picture_on=(), **options) -> Path:
    canvas = Canvas(str(path), pagesize=size, **options)
    for number, text in enumerate(pages):
        for line, words in enumerate(text.splitlines()):
            canvas.drawString(40, size[1] - 40 - 14 * line, words)
        if number in picture_on:
            canvas.drawImage(ImageReader(Image.new("L", (28, 28), 128)), 100, 100, 200, 200)
        canvas.showPage()
    canvas.save()
    return path


def submission(tmp_path: Path, *, more: str = "", report: bool = True) -> Submission:
    folder = tmp_path / "group3"
    folder.mkdir(exist_ok=True)
    (folder / "answers.yaml").write_text("quiz: x")
    (folder / "submission.yaml").write_text(
        "group: group3\nmembers: [Ada Example]\nassignment: summer23\nanswers: answers.yaml\n"
        + ("report: report.pdf\n" if report else "") + more)
    return intake(folder, tmp_path / "copy")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "group3").mkdir()
    return tmp_path / "group3"


# --- what is seen


def test_a_page_is_read_and_drawn(tmp_path):
    report = read(pdf(tmp_path / "a.pdf", [FULL_PAGE]))
    assert (report.total, report.page) == (1, 1)
    assert "learning rate 0.001" in report.text
    image = Image.open(io.BytesIO(base64.b64decode(report.png)))
    assert (image.width, image.height) == (report.width, report.height) == (900, 1273)
    assert image.getextrema() == (0, image.getextrema()[1])     # a palette image with something on it
    assert len(image.convert("L").getcolors()) > 1


def test_a_page_full_of_noise_still_makes_a_small_picture(tmp_path):
    import numpy as np

    noise = np.random.default_rng(0).integers(256, size=(1200, 900, 3), dtype=np.uint8)
    canvas = Canvas(str(tmp_path / "noise.pdf"), pagesize=A4)
    canvas.drawImage(ImageReader(Image.fromarray(noise)), 0, 0, *A4)
    canvas.save()
    assert len(base64.b64decode(read(tmp_path / "noise.pdf").png)) < 250_000


def test_the_groups_page_is_found_among_the_sheets(tmp_path):
    assert read(pdf(tmp_path / "a.pdf", [SHEET_PAGE, SHEET_PAGE, FULL_PAGE])).page == 3
    assert read(pdf(tmp_path / "b.pdf", [FULL_PAGE, SHEET_PAGE])).page == 1
    assert read(pdf(tmp_path / "c.pdf", ["", "", SHEET_PAGE], picture_on=[1])).page == 2


def test_facts_carry_the_manifest_the_files_and_the_page(tmp_path, folder):
    pdf(folder / "report.pdf", [FULL_PAGE])
    taken = submission(tmp_path, more="references: [Kingma and Welling 2014]\n")
    found, faults = facts(taken)
    assert faults == []
    assert (found.members, found.report, found.pages) == (["Ada Example"], "report.pdf", 1)
    assert found.page is not None
    assert found.page.width == 900
    assert found.references == ["Kingma and Welling 2014"]
    assert found.files == taken.files
    assert found.fingerprint == taken.fingerprint
    assert found.text_missing == []


def test_the_code_link_is_the_manifests_or_else_the_pages(tmp_path, folder):
    pdf(folder / "report.pdf", ["See https://example.org and https://github.example/ada/vae."])
    taken = submission(tmp_path)
    assert facts(taken)[0].code == "https://github.example/ada/vae"
    stated = taken.manifest.model_copy(update={"code": "https://example.org/mine"})
    assert facts(replace(taken, manifest=stated))[0].code == "https://example.org/mine"


# --- what a person is told to look for


def test_what_the_text_does_not_mention_is_listed(tmp_path, folder):
    pdf(folder / "report.pdf", ["We trained for 10 epochs."])
    remarks = facts(submission(tmp_path))[0].text_missing
    assert "the reconstruction error: not found in the text of page 1" in remarks
    assert "interpolation between classes: not found in the text of page 1" in remarks
    assert not any(remark.startswith("how it was trained") for remark in remarks)


def test_what_the_manifest_states_is_not_missed_on_the_page(tmp_path, folder):
    pdf(folder / "report.pdf", ["nothing"])
    remarks = facts(submission(tmp_path, more="code: https://example.org\nreferences: [x]\n"))[0].text_missing
    assert not any("link" in remark or "references" in remark for remark in remarks)


def test_more_pages_than_one_are_a_remark_and_no_fault(tmp_path, folder):
    pdf(folder / "report.pdf", [FULL_PAGE] * 3)
    found, faults = facts(submission(tmp_path))
    assert faults == []
    assert found.text_missing == [
        "the report has 3 pages of the group's own (pages 1 to 3); the sheet allows one (its own pages do not count)"]


def test_a_scan_is_said_to_have_no_text(tmp_path, folder):
    pdf(folder / "report.pdf", [""], picture_on=[0])
    (remark,) = facts(submission(tmp_path))[0].text_missing
    assert remark == "page 1 holds no text that can be read; it may be a scan"


def test_no_report_is_a_remark(tmp_path):
    found, faults = facts(submission(tmp_path, report=False))
    assert (found.report, found.pages, faults) == ("", None, [])
    assert found.text_missing == ["no report was handed in"]


@pytest.mark.parametrize(("assignment", "thing"), [
    ("summer22", "a map of the latent space"), ("summer23", "a second generative model"),
    ("other", "references"),
])
def test_each_sheet_asks_for_its_own_things(assignment, thing):
    assert thing in asked_by(assignment)


@pytest.mark.parametrize("text", [
    FULL_PAGE,
    """Der Rekonstruktionsfehler beträgt 0,0133. Erzeugte Bilder. Trainiert mit Adam. Interpolation innerhalb
    einer Klasse, dann zwischen Klassen. Ein Diffusionsmodell. github.com/a/b. Literatur: Kingma, Welling""",
    """Recon-
    struction error, sampled images, 10 epochs, interpo-
    lations within one class and between classes, WGAN-GP, https://example.org, Goodfellow et al.""",
])
def test_a_page_that_says_everything_misses_nothing(text):
    assert missing(text_to_search(text), asked_by("summer23")) == []


@given(st.text(max_size=300))
def test_an_empty_page_misses_all_and_more_text_never_misses_more(text):
    asked = asked_by("summer23")
    assert missing("", asked) == list(asked)
    assert missing(text_to_search(FULL_PAGE + "\n" + text), asked) == []


# --- what is refused


def test_a_file_that_is_no_pdf(tmp_path):
    (tmp_path / "report.pdf").write_text("hello")
    with pytest.raises(Rejected, match=r"report\.pdf is no PDF, or a broken one"):
        read(tmp_path / "report.pdf")


def test_a_pdf_that_was_cut_off(tmp_path):
    whole = pdf(tmp_path / "a.pdf", [FULL_PAGE]).read_bytes()
    (tmp_path / "cut.pdf").write_bytes(whole[:300])
    with pytest.raises(Rejected, match="is no PDF, or a broken one"):
        read(tmp_path / "cut.pdf")


def test_a_locked_pdf(tmp_path):
    pdf(tmp_path / "a.pdf", [FULL_PAGE], encrypt=StandardEncryption("secret"))
    with pytest.raises(Rejected, match="locked with a password"):
        read(tmp_path / "a.pdf")


def test_a_pdf_of_a_thousand_pages(tmp_path):
    with pytest.raises(Rejected, match="has 1000 pages; 100 are read at most"):
        read(pdf(tmp_path / "a.pdf", [""] * 1000))


def test_a_pdf_that_is_too_large(tmp_path):
    pdf(tmp_path / "a.pdf", [FULL_PAGE])
    with pytest.raises(Rejected, match="MiB are allowed"):
        read(tmp_path / "a.pdf", limits=Intake(report_bytes=100))


def test_a_pdf_that_takes_too_long(tmp_path):
    pdf(tmp_path / "a.pdf", [FULL_PAGE])
    with pytest.raises(Rejected, match="could not be read within 0 s"):
        read(tmp_path / "a.pdf", limits=Intake(report_seconds=0.001))


def test_a_machine_that_is_too_busy_to_read_a_pdf_is_no_fault_of_the_group(tmp_path, monkeypatch):
    monkeypatch.setattr(apart, "WAIT", -29.99)      # seconds, which leaves no time to start
    pdf(tmp_path / "a.pdf", [FULL_PAGE])
    with pytest.raises(HarnessFault, match="run it again when this machine is less busy"):
        read(tmp_path / "a.pdf")


def test_a_pdf_that_needs_too_much_memory(tmp_path):
    pdf(tmp_path / "a.pdf", [FULL_PAGE])
    with pytest.raises(Rejected):
        read(tmp_path / "a.pdf", limits=Intake(report_memory_bytes=2**20))


@pytest.mark.parametrize("size", [(100_000, 100_000), (10, 10), (100, 3000)])
def test_a_huge_or_odd_page_is_read_but_not_drawn(tmp_path, folder, size):
    pdf(folder / "report.pdf", [FULL_PAGE], size=size)
    found, (fault,) = facts(submission(tmp_path))
    assert found.page is None
    assert found.pages == 1
    assert (fault.kind, fault.stage) == ("rejected", "report")
    assert f"{size[0]} x {size[1]} points large" in fault.message


def test_a_broken_report_is_a_fault_of_the_group_and_the_other_facts_stay(tmp_path, folder):
    (folder / "report.pdf").write_bytes(b"%PDF-1.7\nnothing")
    found, (fault,) = facts(submission(tmp_path))
    assert (fault.kind, fault.stage, found.pages) == ("rejected", "report", None)
    assert fault.hint
    assert found.members == ["Ada Example"]


def test_a_reader_that_cannot_be_started_is_a_fault_of_ours(tmp_path, folder, monkeypatch):
    monkeypatch.setattr("harness.pdf.apart.sys.executable", str(tmp_path / "no-python"))
    pdf(folder / "report.pdf", [FULL_PAGE])
    with pytest.raises(HarnessFault):
        read(folder / "report.pdf")
    assert facts(submission(tmp_path))[1][0].kind == "harness fault"


@given(st.binary(max_size=200))
def test_looking_at_any_bytes_never_raises(tmp_path_factory, data):
    from harness.pdf.contents import look

    path = tmp_path_factory.getbasetemp() / "any.pdf"
    path.write_bytes(b"%PDF-1.4\n" + data)
    assert look(str(path), most_pages=100)["error"] == "format"
