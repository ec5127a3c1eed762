"""PDFs as several programs make them: ReportLab, fpdf2, pypdf's merges, and Chromium's print to PDF."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from fpdf import FPDF
from PIL import Image, ImageDraw
from pypdf import PdfReader, PdfWriter
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

__all__ = ["garment", "merged", "printed_by_chromium", "with_fpdf", "with_reportlab"]


def garment() -> Image.Image:
    image = Image.new("L", (28, 28))
    ImageDraw.Draw(image).polygon([(4, 6), (10, 3), (18, 3), (24, 6), (19, 25), (9, 25)], fill=180)
    return image


def with_reportlab(
    path: Path, pages: Sequence[str], *, tiles: int = 0, curve: bool = False, link: str = "", size=A4,
) -> Path:
    """Write pages line by line; the last one has `tiles` images side by side, a plotted curve, a link on a word."""
    canvas = Canvas(str(path), pagesize=size)
    for number, text in enumerate(pages):
        for line, words in enumerate(text.splitlines()):
            canvas.drawString(40, size[1] - 40 - 13 * line, words)
        if number == len(pages) - 1:
            for tile in range(tiles):
                canvas.drawImage(ImageReader(garment()), 60 + 30 * (tile % 8), 120 + 30 * (tile // 8), 30, 30)
            if curve:
                _plot(canvas)
            if link:
                canvas.linkURL(link, (40, size[1] - 60, 200, size[1] - 30))
        canvas.showPage()
    canvas.save()
    return path


def _plot(canvas: Canvas) -> None:
    """Draw a falling loss with its axes, as plotting programs do: many short strokes."""
    canvas.line(350, 120, 350, 220)
    canvas.line(350, 120, 500, 120)
    for step in range(24):
        canvas.line(350 + 6 * step, 120 + 95 / (1 + step / 3), 356 + 6 * step, 120 + 95 / (1 + (step + 1) / 3))


def with_fpdf(path: Path, text: str, *, width: float = 0, link: tuple[str, str] | None = None) -> Path:
    """Set a text with fpdf2, which breaks lines itself; `link` is a word and where it leads."""
    document = FPDF(format="A4")
    document.add_page()
    document.set_font("Helvetica", size=10)
    document.multi_cell(width, 5, text)
    if link:
        document.write(5, link[0], link=link[1])
    document.output(str(path))
    return path


def merged(path: Path, *parts: Path) -> Path:
    """Append files to each other, as groups do with the sheet and their page."""
    writer = PdfWriter()
    for part in parts:
        for page in PdfReader(part).pages:
            writer.add_page(page)
    writer.write(path)
    writer.close()
    return path


def printed_by_chromium(path: Path, html: str) -> Path:
    """Print a page of HTML to PDF, as notebooks and web editors are."""
    source = path.with_suffix(".html")
    source.write_text(f'<!DOCTYPE html><meta charset="utf-8">{html}', encoding="utf-8")
    subprocess.run(
        [
            shutil.which("chromium") or "chromium", "--headless", "--no-sandbox", "--disable-gpu",
            "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run", "--no-pdf-header-footer",
            f"--user-data-dir={path.parent / 'profile'}", f"--print-to-pdf={path}", source.as_uri(),
        ], capture_output=True, timeout=120, check=True,
    )
    return path
