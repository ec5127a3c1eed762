"""What is drawn on a page: tick boxes that were printed, strokes that were added, pictures.

A person's cross arrives as a path like any other. What tells it from the print is its shape: boxes, rules and
tables run along the axes, crosses and ticks do not.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any, NamedTuple

from harness.pdf.view import Affine, Box, around

__all__ = ["Drawings", "drawings_of", "objects_of"]

MOST_OBJECTS = 20_000       # of a page
MOST_SEGMENTS = 400         # of a path that are looked at; what has more is a plot
DEEPEST = 6                 # forms in forms
SMALLEST_BOX, LARGEST_BOX = 4.0, 28.0       # sides of a tick box in points
LARGEST_MARK = (160.0, 80.0)                # width and height of what a pen leaves on an answer
THIN = 1.5


class Drawings(NamedTuple):
    """Boxes with their shape ("square" or "circle") and whether they are filled; marks with their kind; pictures."""

    boxes: list[tuple[str, bool, Box]]
    marks: list[tuple[str, Box]]
    pictures: list[Box]


class _Shape(NamedTuple):
    """A path in the view; lengths are in points: of what runs along the axes, of what does not, of curves."""

    box: Box
    straight: float
    slanted: float
    curved: float
    on_edge: bool       # every point lies at the rim of the box, as in a circle
    closed: bool        # it ends where it begins


def drawings_of(page: Any, view: Affine) -> Drawings:
    """Sort what is drawn on a page, also within forms, by its shape."""
    import pypdfium2.raw as pdfium

    found = Drawings([], [], [])
    for item, place in objects_of(page, view):
        kind = pdfium.FPDFPageObj_GetType(item)
        if kind == pdfium.FPDF_PAGEOBJ_IMAGE:
            found.pictures.append(place.box(0, 0, 1, 1))
        elif kind == pdfium.FPDF_PAGEOBJ_PATH:
            filled, stroked = _painted(item)
            shape = _shape(item, place) if filled or stroked else None
            if shape is not None:
                _sort(shape, found, filled=filled)
    return found


def objects_of(page: Any, view: Affine) -> Iterator[tuple[Any, Affine]]:
    """Give every object with the map from its own coordinates to the view, in the order of painting."""
    import pypdfium2.raw as pdfium

    waiting = [(pdfium.FPDFPage_GetObject(page, index), view, 0)
               for index in range(min(pdfium.FPDFPage_CountObjects(page), MOST_OBJECTS))][::-1]
    seen = 0
    while waiting and seen < MOST_OBJECTS:
        item, outer, depth = waiting.pop()
        seen += 1
        matrix = pdfium.FS_MATRIX()
        place = outer
        if pdfium.FPDFPageObj_GetMatrix(item, matrix):
            place = outer.after(Affine(matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f))
        if pdfium.FPDFPageObj_GetType(item) != pdfium.FPDF_PAGEOBJ_FORM:
            yield item, place
        elif depth < DEEPEST:
            count = min(pdfium.FPDFFormObj_CountObjects(item), MOST_OBJECTS)
            inner = [(pdfium.FPDFFormObj_GetObject(item, index), place, depth + 1) for index in range(count)]
            waiting += inner[::-1]


def _painted(item: Any) -> tuple[bool, bool]:
    """Tell whether a path is filled, and whether it is stroked; white fill on white paper is neither."""
    import pypdfium2.raw as pdfium

    fill, stroke = ctypes.c_int(), ctypes.c_int()
    if not pdfium.FPDFPath_GetDrawMode(item, fill, stroke):
        return False, False
    colour = [ctypes.c_uint() for _ in range(4)]
    white = False
    if fill.value and pdfium.FPDFPageObj_GetFillColor(item, *colour):
        red, green, blue, alpha = (one.value for one in colour)
        white = min(red, green, blue) > 235 or alpha < 20
    return bool(fill.value) and not white, bool(stroke.value)


def _shape(item: Any, place: Affine) -> _Shape | None:
    import pypdfium2.raw as pdfium

    count = pdfium.FPDFPath_CountSegments(item)
    if not 2 <= count <= MOST_SEGMENTS:
        return None
    points: list[tuple[float, float]] = []
    lengths = {"straight": 0.0, "slanted": 0.0, "curved": 0.0}
    start = (0.0, 0.0)
    for index in range(count):
        segment = pdfium.FPDFPath_GetPathSegment(item, index)
        x, y = ctypes.c_float(), ctypes.c_float()
        pdfium.FPDFPathSegment_GetPoint(segment, x, y)
        point = place(x.value, y.value)
        kind = pdfium.FPDFPathSegment_GetType(segment)
        if kind == pdfium.FPDF_SEGMENT_MOVETO:
            start = point
        else:
            _measure(points[-1] if points else point, point, lengths, curve=kind == pdfium.FPDF_SEGMENT_BEZIERTO)
        points.append(point)
        if pdfium.FPDFPathSegment_GetClose(segment):
            _measure(point, start, lengths, curve=False)
    box = around(points)
    side = min(box[2] - box[0], box[3] - box[1])
    rim = 0.2 * side
    closed = max(abs(points[-1][0] - start[0]), abs(points[-1][1] - start[1])) <= 0.35 * side
    on_edge = all(min(x - box[0], box[2] - x, y - box[1], box[3] - y) <= rim for x, y in points)
    return _Shape(box, on_edge=on_edge, closed=closed, **lengths)


def _measure(
    here: tuple[float, float], there: tuple[float, float], lengths: dict[str, float], *, curve: bool,
) -> None:
    across, down = abs(there[0] - here[0]), abs(there[1] - here[1])
    kind = "curved" if curve else "straight" if min(across, down) <= 0.12 * max(across, down) else "slanted"
    lengths[kind] += (across**2 + down**2) ** 0.5


def _sort(shape: _Shape, found: Drawings, *, filled: bool) -> None:
    """Put a path where it belongs, or nowhere: rules, frames and plots are of no use here."""
    width, height = shape.box[2] - shape.box[0], shape.box[3] - shape.box[1]
    total = shape.straight + shape.slanted + shape.curved
    if total < 3 or width > LARGEST_MARK[0] or height > LARGEST_MARK[1]:
        return
    if min(width, height) < THIN:
        found.marks.append(("line", shape.box))
        return
    squarish = (
        min(width, height) >= SMALLEST_BOX and max(width, height) <= LARGEST_BOX
        and 0.6 <= width / height <= 1.6
    )
    along = shape.straight >= 0.9 * total or (shape.straight > shape.curved and shape.slanted < 0.05 * total)
    if squarish and along and shape.on_edge:
        found.boxes.append(("square", filled, shape.box))
    elif shape.curved >= 0.9 * total and shape.on_edge and shape.closed and not filled and not squarish:
        found.marks.append(("circle", shape.box))       # a ring around a word; printed circles are round
    elif squarish and shape.curved >= 0.9 * total and shape.on_edge and shape.closed:
        found.boxes.append(("circle", filled, shape.box))
    elif shape.straight < 0.9 * total:
        found.marks.append(("stroke", shape.box))
