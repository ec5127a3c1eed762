"""Answer sheets that were printed, filled in with a pen, and scanned or photographed, as scanners and phones do it."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pypdfium2
from PIL import Image, ImageDraw
from pypdf import PdfReader
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

FINE = 4            # pixels to a point of the paper
BOX = 11
Marks = Mapping[str, Sequence[tuple[str, str]]]
"""Statement -> what stands there: option and pen."""


class Pen:
    """Draws on a page at places in points."""

    def __init__(self, page: Image.Image, seed: int) -> None:
        self._draw, self._random = ImageDraw.Draw(page), random.Random(seed)

    def line(self, *points: tuple[float, float], width: float = 1.3, grey: int = 20) -> None:
        self._draw.line([(FINE * x, FINE * y) for x, y in points], fill=grey, width=round(FINE * width), joint="curve")

    def ring(self, left: float, top: float, right: float, bottom: float) -> None:
        self._draw.ellipse([FINE * edge for edge in (left, top, right, bottom)], outline=20, width=5)

    def area(self, left: float, top: float, right: float, bottom: float) -> None:
        self._draw.rectangle([FINE * edge for edge in (left, top, right, bottom)], fill=20)

    def off(self) -> float:
        return self._random.uniform(-2, 2)


def cross(pen: Pen, x: float, y: float, *, width: float = 1.3, grey: int = 20) -> None:
    for start, end in ((y, y + BOX), (y + BOX, y)):
        pen.line((x + pen.off(), start + pen.off()), (x + BOX + pen.off(), end + pen.off()), width=width, grey=grey)


def scribble(pen: Pen, x: float, y: float) -> None:
    pen.line(*((x - 1 + (step % 2) * (BOX + 2), y - 1 + step * (BOX + 2) / 9) for step in range(10)))


def struck(pen: Pen, x: float, y: float) -> None:
    cross(pen, x, y)
    pen.line((x - 4, y + BOX / 2), (x + 34, y + BOX / 2 + 1))


def ringed(pen: Pen, x: float, y: float) -> None:
    cross(pen, x, y)
    pen.ring(x - 5, y - 5, x + BOX + 5, y + BOX + 5)


PENS: dict[str, Callable[[Pen, float, float], None]] = {
    "cross": cross,
    "pencil": lambda pen, x, y: cross(pen, x, y, width=1.2, grey=165),
    "light pencil": lambda pen, x, y: cross(pen, x, y, width=1.0, grey=205),
    "marker": lambda pen, x, y: cross(pen, x, y, width=2.6, grey=10),
    "tick": lambda pen, x, y: pen.line((x + 1, y + 5), (x + 4, y + 10), (x + 16, y - 6)),
    "tick that sticks far out": lambda pen, x, y: pen.line((x - 1, y + 5), (x + 4, y + 11), (x + 25, y - 8)),
    "filled": lambda pen, x, y: pen.area(x, y, x + BOX, y + BOX),
    "scribble": scribble,
    "struck": struck,
    "ringed": ringed,
    "ring around the word": lambda pen, x, y: pen.ring(x + BOX + 1, y - 2, x + BOX + 25, y + BOX + 3),
    "line into the next box": lambda pen, x, y: pen.line((x + 1, y + 3), (x + 48, y + 7)),
}


def written(blank: bytes, marks: Marks, *, pages: Sequence[int] | None = None, seed: int = 5) -> list[Image.Image]:
    """Print a sheet, and write on it."""
    papers = []
    for number, (fields, page) in enumerate(zip(PdfReader(io.BytesIO(blank)).pages, pypdfium2.PdfDocument(blank),
                                                strict=True)):
        if pages is not None and number not in pages:
            continue
        image = page.render(scale=FINE).to_pil().convert("L")
        pen = Pen(image, seed)
        for annotation in fields["/Annots"]:
            field = annotation.get_object()
            options = set(field.get("/AP", {}).get("/N", {})) - {"/Off"}
            if "/Parent" not in field or len(options) != 1:
                continue
            option = options.pop()[1:]
            for marked, kind in marks.get(field["/Parent"]["/T"], ()):
                if marked == option:
                    PENS[kind](pen, float(field["/Rect"][0]), A4[1] - float(field["/Rect"][3]))
        papers.append(image)
    return papers


@dataclass(frozen=True, kw_only=True)
class Scanner:
    """How paper becomes pixels.

    Attributes:
        dpi: dots per inch.
        angle: degrees by which the paper lies askew.
        turned: degrees by which it lies the wrong way round: 90, 180 or 270.
        says_turned: the /Rotate entry of its pages.
        nearest: whether the scanner takes single points, instead of means.
        bitonal: black and white only, as a fax.
        noise: standard deviation of the grain, of 255.
        shade: how much darker the far corner is, 0 to 1.
        perspective: by how much of the page its corners are moved, as on a photograph.

    """

    dpi: float = 150
    angle: float = 0.0
    turned: int = 0
    says_turned: int = 0
    nearest: bool = False
    bitonal: bool = False
    noise: float = 5.0
    shade: float = 0.0
    perspective: float = 0.0

    def scan(self, papers: Sequence[Image.Image]) -> bytes:
        """Make a PDF of pictures."""
        stream = io.BytesIO()
        canvas = Canvas(stream, pagesize=A4, invariant=True)
        for number, paper in enumerate(papers):
            picture = self._picture(paper, number)
            size = A4 if self.turned % 180 == 0 else A4[::-1]
            canvas.setPageSize(size)
            canvas.setPageRotation(self.says_turned)
            data = io.BytesIO()
            picture.save(data, "PNG" if self.bitonal else "JPEG")
            canvas.drawImage(ImageReader(data), 0, 0, *size)
            canvas.showPage()
        canvas.save()
        return stream.getvalue()

    def _picture(self, paper: Image.Image, seed: int) -> Image.Image:
        image = paper.rotate(self.angle, resample=Image.Resampling.BICUBIC, fillcolor=255)
        if self.perspective:
            width, height, far = *image.size, self.perspective
            corners = (-far * width, -far * height / 2, far * width / 3, height * (1 + far / 5),
                       width * (1 + far / 2), height * (1 + far), width * (1 - far / 5), -far * height / 10)
            image = image.transform(image.size, Image.Transform.QUAD, corners, Image.Resampling.BILINEAR, fillcolor=120)
        size = tuple(round(length * self.dpi / 72) for length in A4)
        image = image.resize(size, Image.Resampling.NEAREST if self.nearest else Image.Resampling.BOX)
        down, across = np.mgrid[0:1:1j * image.height, 0:1:1j * image.width]
        pixels = np.asarray(image, float) * 0.9 * (1 - self.shade * (0.6 * across + 0.4 * down))
        pixels = pixels + np.random.default_rng(seed).normal(0, self.noise, pixels.shape)
        image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
        if self.bitonal:
            image = image.point(lambda grey: 255 * (grey > 150)).convert("1")
        return image.rotate(self.turned, expand=True)
