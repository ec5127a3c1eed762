"""The view of a page: points (1/72 inch) from its upper left corner, as it is shown, whatever its rotation."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

__all__ = ["Affine", "Box", "around", "view_of"]

Box = tuple[float, float, float, float]
"""Left, top, right, bottom, in points of the view."""

_FINE = 64      # PDFium gives whole device units; so many of them to a point keep the fraction


@dataclass(frozen=True, slots=True)
class Affine:
    """The map (x, y) -> (a x + c y + e, b x + d y + f), as in a PDF's matrices."""

    a: float = 1.0
    b: float = 0.0
    c: float = 0.0
    d: float = 1.0
    e: float = 0.0
    f: float = 0.0

    def __call__(self, x: float, y: float) -> tuple[float, float]:
        """Map a point."""
        return self.a * x + self.c * y + self.e, self.b * x + self.d * y + self.f

    def after(self, first: Affine) -> Affine:
        """Give the map that does `first`, then this one."""
        e, f = self(first.e, first.f)
        return Affine(
            self.a * first.a + self.c * first.b, self.b * first.a + self.d * first.b,
            self.a * first.c + self.c * first.d, self.b * first.c + self.d * first.d, e, f,
        )

    def box(self, left: float, bottom: float, right: float, top: float) -> Box:
        """Map the corners of a rectangle, and give the box around them."""
        return around([self(x, y) for x in (left, right) for y in (bottom, top)])


def around(points: list[tuple[float, float]]) -> Box:
    """Give the smallest box around points; at least one is needed."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return round(min(xs), 2), round(min(ys), 2), round(max(xs), 2), round(max(ys), 2)


def view_of(page: Any) -> Affine:
    """Give the map from a page's own coordinates to its view."""
    import pypdfium2.raw as pdfium

    width, height = page.get_size()

    def device(x: float, y: float) -> tuple[float, float]:
        shown = ctypes.c_int(), ctypes.c_int()
        pdfium.FPDF_PageToDevice(page, 0, 0, int(width * _FINE), int(height * _FINE), 0, x, y, *shown)
        return shown[0].value / _FINE, shown[1].value / _FINE

    (e, f), (ax, ay), (cx, cy) = device(0, 0), device(1000, 0), device(0, 1000)
    return Affine((ax - e) / 1000, (ay - f) / 1000, (cx - e) / 1000, (cy - f) / 1000, e, f)
