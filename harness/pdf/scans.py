"""Scanned pages laid over the blank sheet that they were printed from, to look into its boxes.

A page that was printed, ticked by hand and scanned is turned, shifted and stretched a little. Turn and stretch are
tried out, the shift is the peak of the cross-correlation (B. S. Reddy and B. N. Chatterji, An FFT-based technique
for translation, rotation, and scale-invariant image registration, IEEE Transactions on Image Processing 5, 1996,
try them out likewise after a log-polar map). Then every statement is looked for near the place where it should be,
and the affine map that fits these places best is taken. A page on which too few are found is not this sheet.
"""

from __future__ import annotations

import math
from typing import Any

from harness.pdf.ink import share
from harness.pdf.opening import opened
from harness.pdf.render import drawable, grey

__all__ = ["look"]

COARSE, FINE, INK = 36.0, 100.0, 200.0      # dots per inch: the whole page, single statements, the boxes
TURNS = [0.5 * step for step in range(-6, 7)]       # degrees
STRETCHES = (0.94, 0.97, 1.0, 1.03)
SEARCH = 14.0               # points around a statement's place in which it is looked for
ALIKE = 0.45                # correlation from which a statement is found
ENOUGH = 0.7                # share of a page's statements that must be found
OFF = 2.0                   # points by which a statement may lie beside where the map has it
MOST = 12                   # scanned pages


def look(
    path: str, *, most_pages: int, blank: str, pages: list[int], anchors: list[dict[str, Any]],
    targets: list[dict[str, Any]],
) -> dict[str, Any]:
    """Find the pages of a blank sheet among scanned pages, and measure the ink in its boxes there.

    Args:
        path: the scan.
        most_pages: that it may have.
        blank: path of the blank sheet.
        pages: numbers of the scanned pages.
        anchors: "page" and "box" of each statement of the blank sheet.
        targets: "page" and "box" of each of its tick boxes.

    Returns:
        "found": for each scanned page that is one of the sheet's: "page", "sheet_page", "share" of its statements
        that were found, and "boxes": "target" (place in `targets`), "box" on the scan, "ink".

    """
    scan = opened(path, most_pages=most_pages)
    if isinstance(scan, dict):
        return scan
    sheet = opened(blank, most_pages=most_pages)
    found = []
    for number in pages[:MOST]:
        if drawable(scan[number - 1]):
            best = _best(scan[number - 1], sheet, anchors)
            if best is not None:
                found.append({"page": number, **_measured(scan[number - 1], best, targets)})
    return {"found": found}


def _inked(page: Any, dots_per_inch: float) -> Any:
    """Draw a page as ink: 0 for paper, 1 for the darkest of it, whatever the paper's grey."""
    import numpy as np

    pixels = grey(page, dots_per_inch=dots_per_inch).astype(np.float32)
    paper, dark = float(np.median(pixels)), float(np.percentile(pixels, 0.5))
    return np.clip((paper - pixels) / max(paper - dark, 30.0), 0, 1)


def _best(page: Any, sheet: Any, anchors: list[dict[str, Any]]) -> tuple[int, float, Any] | None:
    """Give the sheet's page that a scan is of, the share of statements found, and the map from it to the scan."""
    scan = _inked(page, FINE)
    best: tuple[int, float, Any] | None = None
    for index in range(len(sheet)):
        own = [anchor["box"] for anchor in anchors if anchor["page"] == index + 1]
        if not own:
            continue
        # The scan at the sheet's size: its pixels count as points of the sheet.
        blank = _inked(sheet[index], FINE)
        resized = _warped(scan, blank.shape, _scaling(scan.shape, blank.shape))
        rough = _rough(resized, blank)
        fitted = _fitted(resized, blank, rough, own)
        if fitted is not None and (best is None or fitted[0] > best[1]):
            width, height = page.get_size()
            blank_width, blank_height = sheet[index].get_size()
            stretch = _diagonal(width / blank_width, height / blank_height)
            best = index + 1, fitted[0], stretch @ fitted[1]
    return best


def _diagonal(across: float, down: float) -> Any:
    import numpy as np

    return np.diag([across, down, 1.0])


def _scaling(source: tuple[int, int], target: tuple[int, int]) -> Any:
    return _diagonal(source[1] / target[1], source[0] / target[0])


def _warped(image: Any, shape: tuple[int, int], place: Any) -> Any:
    """Give the image whose pixel p is `image` at place(p); what lies outside is paper."""
    import numpy as np
    from PIL import Image

    height, width = shape
    warped = Image.fromarray(image).transform(
        (width, height), Image.Transform.AFFINE, tuple(place[:2].ravel()), Image.Resampling.BILINEAR)
    return np.asarray(warped)


def _rough(scan: Any, blank: Any) -> Any:
    """Find turn, stretch and shift of the whole page: the map from points of the sheet to points of the scan."""
    import numpy as np
    from scipy import fft, ndimage

    ratio = COARSE / FINE
    small = [ndimage.gaussian_filter(ndimage.zoom(one, ratio, order=1), 0.7) for one in (scan, blank)]
    rows, columns = small[1].shape
    shape = [fft.next_fast_len(2 * size, real=True) for size in (rows, columns)]
    wanted = np.conj(fft.rfft2(small[1], shape))

    def tried(turn: float, stretch: float) -> tuple[float, float, float, Any]:
        place = _turned(turn, stretch, columns / 2, rows / 2)
        turned = _warped(small[0], (rows, columns), place)
        peaks = fft.irfft2(fft.rfft2(turned, shape) * wanted, shape)
        peak = np.unravel_index(int(peaks.argmax()), peaks.shape)
        down, across = (at - size if at > size / 2 else at for at, size in zip(peak, shape, strict=True))
        shift = np.array([[1, 0, across], [0, 1, down], [0, 0, 1.0]])
        return float(peaks[peak]) / (float(np.linalg.norm(turned)) + 1e-6), turn, stretch, place @ shift

    def score(one: tuple[float, float, float, Any]) -> float:
        return one[0]

    turned = max((tried(turn, 1.0) for turn in TURNS), key=score)
    near = [turned[1] + change for change in (-0.5, 0.0, 0.5)]
    best = max((tried(turn, stretch) for turn in near for stretch in STRETCHES), key=score)
    to_points = _diagonal(72 / COARSE, 72 / COARSE)
    return to_points @ best[3] @ np.linalg.inv(to_points)


def _turned(degrees: float, stretch: float, x: float, y: float) -> Any:
    """Give the map that turns and stretches about a point."""
    import numpy as np

    cosine, sine = (stretch * function(math.radians(degrees)) for function in (math.cos, math.sin))
    about = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1.0]])
    there, back = np.eye(3), np.eye(3)
    there[:2, 2], back[:2, 2] = (x, y), (-x, -y)
    return there @ about @ back


def _fitted(scan: Any, blank: Any, rough: Any, anchors: list[list[float]]) -> tuple[float, Any] | None:
    """Look for every statement near its place, and fit the map to where they are."""
    import numpy as np

    to_pixels = _diagonal(FINE / 72, FINE / 72)
    straight = _warped(scan, blank.shape, to_pixels @ rough @ np.linalg.inv(to_pixels))
    sheet_points, scan_points = [], []
    for box in anchors:
        shift, alike = _shift(straight, blank, box)
        if alike >= ALIKE:
            middle = np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2, 1.0])
            # Both ends of a statement, so that its line tells the turn as well.
            for dx in (-0.4, 0.4):
                point = middle + np.array([dx * (box[2] - box[0]), 0, 0])
                sheet_points.append(point)
                scan_points.append(rough @ (point + np.array([*shift, 0])))
    if len(sheet_points) < 2 * max(3, ENOUGH * len(anchors)):
        return None
    source, target = np.array(sheet_points), np.array(scan_points)
    for _ in range(2):      # once more without those that lie astray
        solution, *_rest = np.linalg.lstsq(source, target, rcond=None)
        error = np.abs(source @ solution - target).max(axis=1)
        kept = error <= OFF
        if kept.sum() < ENOUGH * 2 * len(anchors):
            return None
        source, target = source[kept], target[kept]
    return len(source) / (2 * len(anchors)), solution.T


def _shift(scan: Any, blank: Any, box: list[float]) -> tuple[tuple[float, float], float]:
    """Find a piece of the blank sheet near its place: its shift in points, and how alike both are there."""
    import numpy as np
    from scipy import ndimage, signal

    scale, reach = FINE / 72, round(SEARCH * FINE / 72)
    left, top, right, bottom = (round(edge * scale) for edge in box)
    piece = blank[max(top, 0):bottom, max(left, 0):right]
    area = np.pad(scan, reach)[max(top, 0):bottom + 2 * reach, max(left, 0):right + 2 * reach]
    if piece.size < 50 or any(big < small for big, small in zip(area.shape, piece.shape, strict=True)):
        return (0.0, 0.0), 0.0
    piece = piece - piece.mean()
    found = signal.fftconvolve(area, piece[::-1, ::-1], mode="valid")
    count = piece.size
    sums, squares = (ndimage.uniform_filter(one.astype(np.float64), piece.shape, mode="constant") * count
                     for one in (area, area**2))
    rows, columns = (size // 2 for size in piece.shape)
    window = np.s_[rows:rows + found.shape[0], columns:columns + found.shape[1]]
    spread = np.sqrt(np.maximum(squares[window] - sums[window] ** 2 / count, 1e-6))
    alike = found / (spread * float(np.linalg.norm(piece)) + 1e-6)
    down, across = np.unravel_index(int(alike.argmax()), alike.shape)
    return ((float(across) - reach) / scale, (float(down) - reach) / scale), float(alike[down, across])


def _measured(page: Any, best: tuple[int, float, Any], targets: list[dict[str, Any]]) -> dict[str, Any]:
    """Measure the ink in every box of the sheet's page, where it lies on the scan."""
    import numpy as np

    number, found, place = best
    # Back to greys on white, with ink from half of the darkest on, for the same measure as elsewhere.
    pixels = (255 * (1 - _inked(page, INK) * 0.8)).astype(np.uint8)
    boxes = []
    for index, target in enumerate(targets):
        if target["page"] == number:
            left, top, right, bottom = target["box"]
            corners = place @ np.array([[left, right, right, left], [top, top, bottom, bottom], [1, 1, 1, 1]])
            (x0, y0), (x1, y1) = corners[:2].min(axis=1), corners[:2].max(axis=1)
            box = [round(float(edge), 2) for edge in (x0, y0, x1, y1)]
            boxes.append({"target": index, "box": box, "ink": share(pixels, page.get_size(), box)})
    return {"sheet_page": number, "share": round(found, 3), "boxes": boxes}
