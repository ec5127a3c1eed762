"""Where a page of a printed sheet lies on a scan or a photograph of it.

A page that was printed, filled in by hand and scanned is turned, shifted and stretched a little, or lies upside down;
a photograph shows it in perspective. The direction of the lines of text tells its turn, up to quarter turns; these
and the stretch are tried out, and the shift is the peak of the cross-correlation (B. S. Reddy and B. N. Chatterji, An
FFT-based technique for translation, rotation, and scale-invariant image registration, IEEE Transactions on Image
Processing 5, 1996, correlate likewise). Then every piece of the sheet is looked for near the place where it should
be, and the map that fits these places best is taken: a projective one where there are enough of them. A page on which
too few are found is not this sheet.

Lengths are in points of the sheet; a map is a 3 x 3 matrix of homogeneous coordinates.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

__all__ = ["FINE", "Overlay", "Printed", "diagonal", "nudged", "overlaid", "warped"]

COARSE, FINE = 36.0, 100.0      # dots per inch at which the whole page and single pieces are looked for
STRETCHES = (1.0, 0.98, 1.02, 0.96, 1.04, 0.94, 0.91, 0.88)
LEANS = [0.25 * step for step in range(-24, 25)]        # degrees by which lines of text may rise or fall
TRIED = 3                   # of the best pages and quarter turns
ALIKE = 0.45                # correlation from which a piece is found
ENOUGH = 0.7                # share of a page's pieces that must be found
SURE = 0.9                  # share from which no other page is tried
ROUNDS = ((14.0, 6.0), (6.0, 2.5), (3.0, 1.5))
"""Points around its place in which a piece is looked for, and by which it may lie off the map: each round closer."""
FREE = {4: 2, 6: 4, 8: 8}
"""Free numbers of a map -> the pieces that it takes at least: a similarity, an affine, a projective map."""


@dataclass(frozen=True, slots=True)
class Printed:
    """A page of the blank sheet.

    Attributes:
        number: of the page, from 1.
        size: its width and height.
        fine: its ink at FINE dots per inch, from 0 to 1.
        pieces: boxes of the pieces to look for.

    """

    number: int
    size: tuple[float, float]
    fine: Any
    pieces: list[list[float]]


@dataclass(frozen=True, slots=True)
class Overlay:
    """The page of the sheet that a scan shows: the share of its pieces found, and the map from it to the scan."""

    page: Printed
    share: float
    place: Any


def overlaid(scan: Any, size: tuple[float, float], printed: list[Printed]) -> Overlay | None:
    """Lay the pages of a sheet over a scan.

    Args:
        scan: ink of the scan at FINE dots per inch of the sheet, from 0 to 1.
        size: width and height of the scan.
        printed: the pages of the sheet, all of one size.

    Returns:
        The page that fits best; None where the scan is of something else.

    """
    best: Overlay | None = None
    for page, rough in _candidates(scan, size, printed)[:TRIED]:
        found = _fitted(scan, page, rough)
        if found is not None and (best is None or found.share > best.share):
            best = found
        if best is not None and best.share >= SURE:
            break
    return best


def diagonal(across: float, down: float) -> Any:
    """Give the map that stretches by two factors."""
    import numpy as np

    return np.diag([across, down, 1.0])


def warped(image: Any, shape: tuple[int, int], place: Any) -> Any:
    """Give the image, (rows, columns) float32, whose pixel p is `image` at place(p); what lies outside is paper."""
    import numpy as np
    from PIL import Image

    rows, columns = shape
    numbers = (place / place[2, 2]).ravel()[:8]
    return np.asarray(Image.fromarray(image).transform(
        (columns, rows), Image.Transform.PERSPECTIVE, tuple(numbers), Image.Resampling.BILINEAR))


# --- the whole page


@dataclass(frozen=True, slots=True)
class _Guess:
    """How a scan may lie: quarter turns, degrees beyond them, and how much larger than the sheet it is."""

    quarter: int
    lean: float
    stretch: float


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A page of the sheet, by its index, that a guess makes like the scan; with the map from it to the scan."""

    alike: float
    index: int
    guess: _Guess
    place: Any


def _candidates(scan: Any, size: tuple[float, float], printed: list[Printed]) -> list[tuple[Printed, Any]]:
    """Give pages of the sheet with maps to the scan that are right to some points, the likeliest first."""
    pages = _Correlated(scan, size, printed)
    leans = [(lean, quarter) for lean, sideways in _leans(pages.scan) for quarter in ((1, 3) if sideways else (0, 2))]
    found: dict[tuple[int, int], _Candidate] = {}
    for lean, quarter in leans:
        for stretch in STRETCHES:
            for one in pages.tried(_Guess(quarter, lean, stretch), range(len(printed))):
                key = one.index, quarter
                found[key] = max(one, found.get(key, one), key=lambda candidate: candidate.alike)
    likeliest = sorted(found.values(), key=lambda candidate: -candidate.alike)[:TRIED]
    return [(printed[one.index], _closer(one, pages).place) for one in likeliest]


def _closer(one: _Candidate, pages: _Correlated) -> _Candidate:
    """Try what lies around a guess."""
    near = [
        pages.tried(_Guess(one.guess.quarter, one.guess.lean + turn, one.guess.stretch + more), [one.index])[0]
        for turn in (-0.3, 0.0, 0.3) for more in (-0.01, 0.0, 0.01)]
    return max(near, key=lambda candidate: candidate.alike)


class _Correlated:
    """A scan and the pages of a sheet at COARSE dots per inch, ready to be shifted over each other."""

    def __init__(self, scan: Any, size: tuple[float, float], printed: list[Printed]) -> None:
        import numpy as np
        from scipy import fft

        self.scan = _small(scan)
        self._size, self._page_size = size, printed[0].size
        self._rows, self._columns = (round(length * COARSE / 72) for length in self._page_size[::-1])
        self._shape = [fft.next_fast_len(2 * length, real=True) for length in (self._rows, self._columns)]
        self._wanted = [np.conj(fft.rfft2(_normed(_small(page.fine)), self._shape)) for page in printed]

    def tried(self, guess: _Guess, indices: Iterable[int]) -> list[_Candidate]:
        """Straighten the scan as guessed, and shift it over pages: one candidate for each."""
        import numpy as np
        from scipy import fft

        place = _guessed(guess, self._size, self._page_size)
        straight = warped(self.scan, (self._rows, self._columns), _in_pixels(place, COARSE))
        spectrum = fft.rfft2(_normed(straight), self._shape)
        found = []
        for index in indices:
            peaks = fft.irfft2(spectrum * self._wanted[index], self._shape)
            peak = np.unravel_index(int(peaks.argmax()), peaks.shape)
            down, across = (
                (at - length if at > length / 2 else at) * 72 / COARSE
                for at, length in zip(peak, self._shape, strict=True))
            shift = np.array([[1, 0, across], [0, 1, down], [0, 0, 1.0]])
            found.append(_Candidate(float(peaks[peak]), index, guess, place @ shift))
        return found


def _normed(image: Any) -> Any:
    import numpy as np

    return image / (np.linalg.norm(image) + 1e-6)


def _small(fine: Any) -> Any:
    import numpy as np
    from scipy import ndimage

    return ndimage.gaussian_filter(ndimage.zoom(fine, COARSE / FINE, order=1), 0.7).astype(np.float32)


def _in_pixels(place: Any, dots_per_inch: float) -> Any:
    scale = dots_per_inch / 72
    return diagonal(scale, scale) @ place @ diagonal(1 / scale, 1 / scale)


def _leans(small: Any) -> list[tuple[float, bool]]:
    """Tell how lines of text lean: degrees and whether they run down the page, the likelier direction first.

    Along the true direction, sums of ink rise and fall most from line to line (W. Postl, Detection of linear oblique
    structures and skew scan in digitized documents, International Conference on Pattern Recognition, 1986).
    """
    import numpy as np
    from scipy import ndimage

    rows, columns = np.nonzero(small > 0.15)
    weights = small[rows, columns]
    found = []
    for along, across, sideways in ((columns, rows, False), (rows, columns, True)):
        scores = []
        for lean in LEANS:
            lines = across - math.tan(math.radians(lean)) * (along - along.mean() if len(along) else 0)
            # Smoothed, as whole pixels fall into whole lines only where nothing leans.
            profile = ndimage.gaussian_filter1d(np.bincount(np.round(lines + 1_000).astype(int), weights), 0.8)
            scores.append(float((np.diff(profile) ** 2).sum()))
        best = int(np.argmax(scores))
        found.append((scores[best], LEANS[best], sideways))
    found.sort(key=lambda one: -one[0])
    clear = found[0][0] > 2 * found[1][0]
    return [(-lean if sideways else lean, sideways) for _, lean, sideways in found[:1 if clear else 2]]


def _guessed(guess: _Guess, size: tuple[float, float], page: tuple[float, float]) -> Any:
    """Give the map from the sheet to the scan that turns and stretches as guessed, and keeps middle upon middle."""
    import numpy as np

    angle = math.radians(90 * guess.quarter + guess.lean)
    cosine, sine = (guess.stretch * function(angle) for function in (math.cos, math.sin))
    turn = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1.0]])
    there, back = np.eye(3), np.eye(3)
    there[:2, 2], back[:2, 2] = (size[0] / 2, size[1] / 2), (-page[0] / 2, -page[1] / 2)
    return there @ turn @ back


# --- its pieces


def _fitted(scan: Any, page: Printed, rough: Any) -> Overlay | None:
    """Look for every piece near its place, and fit the map to where they are, closer in each round."""
    import numpy as np

    place, share = rough, 0.0
    for reach, off in ROUNDS:
        straight = warped(scan, page.fine.shape, _in_pixels(place, FINE))
        found = [(box, *nudged(straight, page.fine, box, reach=reach)) for box in page.pieces]
        found = [one for one in found if one[2] >= ALIKE]
        if len(found) < max(2, ENOUGH * len(page.pieces)):
            return None
        middles = np.array([[(box[0] + box[2]) / 2, (box[1] + box[3]) / 2] for box, _, _ in found])
        moved = middles + np.array([shift for _, shift, _ in found])
        correction, kept = _map(middles, moved, off)
        share = kept / len(page.pieces)
        if share < ENOUGH:
            return None
        place = place @ correction
    return Overlay(page, share, place)


def _map(source: Any, target: Any, off: float) -> tuple[Any, int]:
    """Fit the map that takes points to points, once more without those that lie off; say how many were kept."""
    import numpy as np

    kept = np.ones(len(source), dtype=bool)
    place = np.eye(3)
    for _ in range(3):
        place = _least_squares(source[kept], target[kept])
        mapped = np.c_[source, np.ones(len(source))] @ place.T
        close = np.abs(mapped[:, :2] / mapped[:, 2:] - target).max(axis=1) <= off
        if close.sum() < 2:
            return place, 0
        kept = close
    return place, int(kept.sum())


def _least_squares(source: Any, target: Any) -> Any:
    """Fit the freest map that so many points allow (`FREE`), by linear least squares."""
    import numpy as np

    scale = 500.0       # so that all coefficients are of one size
    (x, y), (u, v) = source.T / scale, target.T / scale
    one, none = np.ones_like(x), np.zeros_like(x)
    free = max(free for free, pieces in FREE.items() if len(x) >= pieces)
    if free == 4:       # u = a x - b y + c, v = b x + a y + d
        rows = np.r_[np.c_[x, -y, one, none], np.c_[y, x, none, one]]
        a, b, c, d = np.linalg.lstsq(rows, np.r_[u, v])[0]
        matrix = np.array([[a, -b, c], [b, a, d], [0, 0, 1.0]])
    else:
        rows = np.r_[np.c_[x, y, one, none, none, none, -u * x, -u * y],
                     np.c_[none, none, none, x, y, one, -v * x, -v * y]]
        numbers = np.linalg.lstsq(rows[:, :free], np.r_[u, v])[0]
        matrix = np.append(np.append(numbers, [0.0] * (8 - free)), 1.0).reshape(3, 3)
    return diagonal(scale, scale) @ matrix @ diagonal(1 / scale, 1 / scale)


def nudged(
    scan: Any, blank: Any, box: list[float], *, reach: float, dots_per_inch: float = FINE,
) -> tuple[tuple[float, float], float]:
    """Find a piece of the blank sheet near its place on a straightened scan: its shift, and how alike both are."""
    import numpy as np
    from scipy import fft, ndimage

    scale = dots_per_inch / 72
    margin = round(reach * scale)
    left, top, right, bottom = (max(round(edge * scale), 0) for edge in box)
    piece = blank[top:bottom, left:right]
    area = np.pad(scan, margin)[top:bottom + 2 * margin, left:right + 2 * margin]
    if piece.size < 50 or any(big < small for big, small in zip(area.shape, piece.shape, strict=True)):
        return (0.0, 0.0), 0.0
    piece = piece - piece.mean()
    shape = [fft.next_fast_len(length, real=True) for length in area.shape]
    valid = tuple(slice(big - small + 1) for big, small in zip(area.shape, piece.shape, strict=True))
    found = fft.irfft2(fft.rfft2(area, shape) * np.conj(fft.rfft2(piece, shape)), shape)[valid]
    sums, squares = (ndimage.uniform_filter(one.astype(np.float64), piece.shape, mode="constant") * piece.size
                     for one in (area, area**2))
    rows, columns = (length // 2 for length in piece.shape)
    window = np.s_[rows:rows + found.shape[0], columns:columns + found.shape[1]]
    spread = np.sqrt(np.maximum(squares[window] - sums[window] ** 2 / piece.size, 1e-6))
    alike = found / (spread * float(np.linalg.norm(piece)) + 1e-6)
    down, across = (int(at) for at in np.unravel_index(int(alike.argmax()), alike.shape))
    shift = (across + _between(alike[down], across) - margin) / scale, (
        down + _between(alike[:, across], down) - margin) / scale
    return shift, float(alike[down, across])


def _between(values: Any, peak: int) -> float:
    """Give where between its neighbours a peak lies: the vertex of the parabola through the three."""
    if not 0 < peak < len(values) - 1:
        return 0.0
    before, at, behind = (float(one) for one in values[peak - 1:peak + 2])
    bend = before - 2 * at + behind
    return 0.5 * (before - behind) / bend if bend < 0 else 0.0
