"""Scanned and photographed pages laid over the blank sheet that they were printed from, to look into its boxes."""

from __future__ import annotations

import itertools
import time
from typing import Any

from harness.pdf.opening import opened
from harness.pdf.overlay import FINE, Overlay, Printed, diagonal, nudged, overlaid, warped
from harness.pdf.pen import DOTS, left_by_a_pen, noise_of
from harness.pdf.render import drawable, grey

__all__ = ["look"]

MOST = 12                   # scanned pages
SECONDS = 15.0              # of work after which no further page is begun: its caller does not wait for ever
OFF = 2.5                   # points by which the boxes of a statement may lie beside where the map has them
FAITHFUL = 0.5              # correlation from which that is believed


def look(
    path: str, *, most_pages: int, blank: str, pages: list[int], anchors: list[dict[str, Any]],
    targets: list[dict[str, Any]],
) -> dict[str, Any]:
    """Find the pages of a blank sheet among scanned pages, and measure what a pen left at its boxes there.

    Args:
        path: the scan.
        most_pages: that it may have.
        blank: path of the blank sheet.
        pages: numbers of the scanned pages.
        anchors: "page" and "box" of pieces of the blank sheet.
        targets: "page", "row", "box" and "word" of each of its tick boxes; those of one row follow each other.

    Returns:
        "looked": the numbers of the pages that were looked at, MOST at most; "found": for each of them that is one
        of the sheet's "page", "sheet_page", "share" of its pieces that were found, and "boxes": "target" (place in
        `targets`), "box" on the scan, and what `left_by_a_pen` gives.

    """
    scan = opened(path, most_pages=most_pages)
    if isinstance(scan, dict):
        return scan
    sheet = opened(blank, most_pages=most_pages)
    blanks = {index + 1: _ink(sheet[index], DOTS) for index in range(len(sheet))}
    printed = []
    for number, ink in blanks.items():
        pieces = [anchor["box"] for anchor in anchors if anchor["page"] == number]
        if pieces:
            printed.append(Printed(number, sheet[number - 1].get_size(), _halved(ink), pieces))
    found: list[dict[str, Any]] = []
    looked: list[int] = []
    began = time.process_time()
    for number in pages[:MOST]:
        if time.process_time() - began > SECONDS:
            break
        laid = _laid(scan[number - 1], printed, blanks, targets)
        if laid is not None:
            found.append({"page": number, **laid})
        looked.append(number)
    return {"looked": looked, "found": found}


def _laid(
    page: Any, printed: list[Printed], blanks: dict[int, Any], targets: list[dict[str, Any]],
) -> dict[str, Any] | None:
    """Lay the sheet over one scanned page, and measure; None where it is no page of the sheet."""
    if not printed or not drawable(page):
        return None
    width, height = page.get_size()
    across, down = printed[0].size
    # A scan has the sheet's size; the pages of photographs may have any.
    stretch = (width * height / (across * down)) ** 0.5
    ink = _ink(page, DOTS / stretch)
    overlay = overlaid(_halved(ink), (width / stretch, height / stretch), printed)
    if overlay is None:
        return None
    here = [(index, one) for index, one in enumerate(targets) if one["page"] == overlay.page.number]
    boxes = _measured(ink, blanks[overlay.page.number], overlay, stretch, here)
    return {"sheet_page": overlay.page.number, "share": round(overlay.share, 3), "boxes": boxes}


def _ink(page: Any, dots_per_inch: float) -> Any:
    """Draw a page as ink: 0 for paper, whatever its grey and however the light falls on it, 1 for the darkest."""
    import numpy as np
    from PIL import Image
    from scipy import ndimage

    pixels = grey(page, dots_per_inch=dots_per_inch)
    small = np.asarray(Image.fromarray(pixels).reduce(8), np.float32)
    paper = ndimage.gaussian_filter(ndimage.grey_closing(small, size=(17, 17), mode="nearest"), 4)
    size = pixels.shape[1], pixels.shape[0]
    paper = np.asarray(Image.fromarray(paper).resize(size, Image.Resampling.BILINEAR))
    ink = 1 - pixels / np.maximum(paper, 1)
    dark = float(np.percentile(ink[::2, ::2], 99.5))
    # Below 0 is the grain of paper as well: it tells how much of the ink is grain.
    return np.clip(ink / max(dark, 0.12), -1, 1).astype(np.float32)


def _halved(ink: Any) -> Any:
    """Give the ink at FINE dots per inch, half of DOTS."""
    import numpy as np
    from PIL import Image

    return np.maximum(np.asarray(Image.fromarray(ink).reduce(round(DOTS / FINE))), 0)


def _measured(
    ink: Any, blank: Any, overlay: Overlay, stretch: float, targets: list[tuple[int, dict[str, Any]]],
) -> list[dict[str, Any]]:
    """Straighten the scan, and measure every box, with the shift of its statement's boxes left out."""
    from scipy import ndimage

    scale = DOTS / 72
    to_pixels, to_points = diagonal(scale, scale), diagonal(1 / scale, 1 / scale)
    straight = ndimage.gaussian_filter(warped(ink, blank.shape, to_pixels @ overlay.place @ to_points), 0.7)
    noise = noise_of(straight, blank)
    boxes = []
    for _, row in itertools.groupby(targets, key=lambda one: one[1]["row"]):
        together = list(row)
        edges = [box for _, one in together for box in (one["box"], one["word"] or one["box"])]
        piece = [min(box[0] for box in edges) - 3, min(box[1] for box in edges) - 3,
                 max(box[2] for box in edges) + 3, max(box[3] for box in edges) + 3]
        shift, alike = nudged(straight, blank, piece, reach=OFF, dots_per_inch=DOTS)
        if alike < FAITHFUL:
            shift = 0.0, 0.0
        for index, one in together:
            measured = left_by_a_pen(straight, blank, one["box"], one["word"], noise=noise, shift=shift)
            boxes.append({"target": index, "box": _on_the_scan(one["box"], overlay.place, stretch), **measured})
    return boxes


def _on_the_scan(box: list[float], place: Any, stretch: float) -> list[float]:
    """Give the box on the scan around a box of the sheet, in points of the scan's view."""
    import numpy as np

    left, top, right, bottom = box
    corners = place @ np.array([[left, right, right, left], [top, top, bottom, bottom], [1, 1, 1, 1]])
    corners = stretch * corners[:2] / corners[2]
    return [round(float(edge), 2) for edge in (*corners.min(axis=1), *corners.max(axis=1))]
