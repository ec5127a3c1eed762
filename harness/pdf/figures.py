"""Where the figures of a page are: embedded images, forms that hold a plot, and lines drawn close together."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from harness.pdf.view import Affine, Box

__all__ = ["figures_of"]

MOST_OBJECTS = 5_000        # of a page
SMALLEST = 40.0             # sides of a figure in points
LARGEST = 0.85              # share of the page: what covers more is a scan or a background
CELL = 8.0                  # points: what lies in cells that touch belongs together
FEWEST_STROKES = 8          # of a plot that are no rules or frames
MOST_CELLS = 40_000         # of a page


def figures_of(page: Any, view: Affine) -> list[tuple[str, Box]]:
    """Give the kind ("image" or "drawing") and the box of each figure, from the top of the page to its end.

    Tiles that lie side by side count as one figure. A drawing needs strokes that are no rules: the lines of a
    table are none.
    """
    width, height = page.get_size()
    if (width / CELL) * (height / CELL) > MOST_CELLS:
        return []
    images, strokes = _boxes(page, view)
    images = [box for box in images if _area(box) < LARGEST * width * height]
    found = [("image", box) for box, _ in _together(images, (width, height)) if _large(box)]
    drawings = [(box, count) for box, count in _together(strokes, (width, height)) if _large(box)]
    for box, count in drawings:
        near = any(_overlap(box, other) for _, other in found)
        if count >= FEWEST_STROKES and not near and _area(box) < LARGEST * width * height:
            found.append(("drawing", box))
    return sorted(found, key=lambda one: (one[1][1], one[1][0]))


def _boxes(page: Any, view: Affine) -> tuple[list[Box], list[Box]]:
    """Give the boxes of the images, and of the paths that are neither rules nor as large as the page."""
    import pypdfium2.raw as pdfium

    from harness.pdf.drawings import objects_of

    width, height = page.get_size()
    images: list[Box] = []
    strokes: list[Box] = []
    for seen, (item, place) in enumerate(objects_of(page, view)):
        if seen == MOST_OBJECTS:
            break
        kind = pdfium.FPDFPageObj_GetType(item)
        if kind == pdfium.FPDF_PAGEOBJ_IMAGE:
            images.append(_clip(place.box(0, 0, 1, 1), width, height))
        elif kind == pdfium.FPDF_PAGEOBJ_PATH and (box := _path_box(item, place)) is not None:
            box = _clip(box, width, height)
            if min(box[2] - box[0], box[3] - box[1]) > 1 and _area(box) < 0.5 * width * height:
                # A curve that is drawn in one go counts as its pieces.
                strokes += [box] * min(FEWEST_STROKES, max(1, _lines(item)))
    return [box for box in images if _area(box) > 0], strokes


def _lines(item: Any) -> int:
    """Count the straight pieces of a path; one with bends counts as one, as frames with round corners have them."""
    import pypdfium2.raw as pdfium

    kinds = [
        pdfium.FPDFPathSegment_GetType(pdfium.FPDFPath_GetPathSegment(item, index))
        for index in range(min(pdfium.FPDFPath_CountSegments(item), 200))]
    return 1 if pdfium.FPDF_SEGMENT_BEZIERTO in kinds else kinds.count(pdfium.FPDF_SEGMENT_LINETO)


def _path_box(item: Any, place: Affine) -> Box | None:
    """Give the box of a path that is no rectangle along the axes: such are frames and cells of tables."""
    import ctypes

    import pypdfium2.raw as pdfium

    if pdfium.FPDFPath_CountSegments(item) in range(4, 6) and not _slanted(item):
        return None
    edges = [ctypes.c_float() for _ in range(4)]
    matrix = pdfium.FS_MATRIX()
    if not pdfium.FPDFPageObj_GetBounds(item, *edges) or not pdfium.FPDFPageObj_GetMatrix(item, matrix):
        return None
    # The bounds are those of the parent already: take the object's own matrix out of the place.
    outer = _without(place, matrix)
    left, bottom, right, top = (edge.value for edge in edges)
    return outer.box(left, bottom, right, top) if outer is not None else None


def _without(place: Affine, matrix: Any) -> Affine | None:
    """Give the map `outer` for which place = outer after matrix; None where the matrix cannot be undone."""
    determinant = matrix.a * matrix.d - matrix.b * matrix.c
    if abs(determinant) < 1e-9:
        return None
    a, d = matrix.d / determinant, matrix.a / determinant
    b, c = -matrix.b / determinant, -matrix.c / determinant
    inverse = Affine(a, b, c, d, -(a * matrix.e + c * matrix.f), -(b * matrix.e + d * matrix.f))
    return place.after(inverse)


def _slanted(item: Any) -> bool:
    import ctypes

    import pypdfium2.raw as pdfium

    points = []
    for index in range(pdfium.FPDFPath_CountSegments(item)):
        x, y = ctypes.c_float(), ctypes.c_float()
        segment = pdfium.FPDFPath_GetPathSegment(item, index)
        pdfium.FPDFPathSegment_GetPoint(segment, x, y)
        if pdfium.FPDFPathSegment_GetType(segment) == pdfium.FPDF_SEGMENT_BEZIERTO:
            return True
        points.append((x.value, y.value))
    return any(min(abs(x - u), abs(y - v)) > 0.5 for (x, y), (u, v) in pairwise(points))


def _clip(box: Box, width: float, height: float) -> Box:
    return max(0.0, box[0]), max(0.0, box[1]), min(width, box[2]), min(height, box[3])


def _area(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def _large(box: Box) -> bool:
    return min(box[2] - box[0], box[3] - box[1]) >= SMALLEST


def _overlap(one: Box, other: Box) -> bool:
    shared = (max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3]))
    return _area(shared) > 0


def _together(boxes: list[Box], size: tuple[float, float]) -> list[tuple[Box, int]]:
    """Join boxes that lie in cells of a grid that touch: the box around each group, and how many it joins."""
    import numpy as np
    from scipy import ndimage

    if not boxes:
        return []
    columns, rows = (int(side / CELL) + 2 for side in size)
    grid = np.zeros((rows, columns), bool)
    for left, top, right, bottom in boxes:
        grid[int(top / CELL):int(bottom / CELL) + 1, int(left / CELL):int(right / CELL) + 1] = True
    groups, _ = ndimage.label(grid, structure=np.ones((3, 3)))
    joined: dict[int, tuple[Box, int]] = {}
    for box in boxes:
        group = int(groups[int(box[1] / CELL), int(box[0] / CELL)])
        other, count = joined.get(group, (box, 0))
        around = (min(box[0], other[0]), min(box[1], other[1]), max(box[2], other[2]), max(box[3], other[3]))
        joined[group] = (around, count + 1)
    return list(joined.values())
