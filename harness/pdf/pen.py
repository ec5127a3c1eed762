"""What a pen left at the tick boxes of a scanned sheet, once the scan is laid straight over the blank sheet."""

from __future__ import annotations

from typing import Any

__all__ = ["DOTS", "left_by_a_pen", "noise_of"]

DOTS = 200.0        # per inch of the images
INNER = 0.19        # of a box's side that is left out at either end: there is its own frame
FAINTEST = 0.12     # ink, of 1 for print, from which a pixel may be a pencil's
NOISE = 4.0         # standard deviations of the paper's grain that are no pencil
PRINT = 1.0         # points around print that may be print as well: ink runs, and scanners blur
NEAR, FAR = 1.2, 6.0        # points from a box within which a ring around it lies
BEHIND = 0.8, 5.0   # points behind a word where a line through it goes on
SECTORS, SECTOR = 8, 0.05   # of that ring; share of a sector's pixels that makes it one with ink


def noise_of(ink: Any, blank: Any) -> float:
    """Give the standard deviation of the ink where nothing is printed, by the median of its size."""
    import numpy as np

    paper = ink[::3, ::3][blank[::3, ::3] < 0.02]
    return float(np.median(np.abs(paper)) / 0.6745) if paper.size else 0.0


def left_by_a_pen(
    ink: Any, blank: Any, box: list[float], word: list[float] | None, *, noise: float, shift: tuple[float, float],
) -> dict[str, float]:
    """Measure a tick box and the word beside it.

    Args:
        ink: of the scan, straightened and smoothed, at DOTS to the inch: 0 for paper, 1 for print.
        blank: that of the blank sheet.
        box: the tick box in points of the sheet.
        word: the box around its word, where it has one.
        noise: of the paper.
        shift: points by which this place of the scan lies beside the sheet's.

    Returns:
        "ink": share of the pixels inside the box that have some; "least": that of the emptiest of its nine parts, of
        pixels half as dark as the darkest; "around": share of the sectors around it that have ink of a pen; "over":
        mean ink of the darkest row of its word, above that of the blank sheet; "beside": share of the word's columns
        that have ink of a pen, above and below it as well; "behind": the same of the paper behind the word.

    """
    import numpy as np

    threshold = max(FAINTEST, NOISE * noise)
    margin = FAR + 2
    about = [box[0] - margin, box[1] - margin, max(box[2], (word or box)[2]) + margin, box[3] + margin]
    near = _cut(ink, about, shift)
    seen = near > threshold
    print_ = _grown(_cut(blank, about, (0.0, 0.0)) > 0.1)
    if seen.shape != print_.shape or not seen.size:
        return dict.fromkeys(("ink", "least", "around", "over", "beside", "behind"), 0.0)
    pen = seen & ~print_

    def part(image: Any, place: list[float]) -> Any:
        scale = DOTS / 72
        left, right = (max(0, round((edge - about[0]) * scale)) for edge in (place[0], place[2]))
        top, bottom = (max(0, round((edge - about[1]) * scale)) for edge in (place[1], place[3]))
        return image[top:bottom, left:right]

    dx, dy = INNER * (box[2] - box[0]), INNER * (box[3] - box[1])
    inside = [box[0] + dx, box[1] + dy, box[2] - dx, box[3] - dy]
    inner = part(near, inside)
    # Half of a stroke's darkness is its edge: by the faintest ink alone, strokes would be wider than they are.
    core = inner > max(threshold, 0.5 * float(np.percentile(inner, 95)))
    cells = [cell.mean() for rows in np.array_split(core, 3) for cell in np.array_split(rows, 3, axis=1)]
    measured = {
        "ink": (inner > threshold).mean(), "least": min(cells), "around": _around(pen, print_, about, box),
        "over": 0.0, "beside": 0.0, "behind": 0.0}
    if word is not None:
        beyond = [word[0], word[1] - 4, word[2], word[3] + 3]
        behind = [word[2] + BEHIND[0], box[1] - 2, word[2] + BEHIND[1], box[3] + 2]
        print_of_word = part(_cut(blank, about, (0.0, 0.0)), word)
        measured["over"] = part(near, word).mean(axis=1).max() - print_of_word.mean(axis=1).max()
        measured["beside"] = part(pen, beyond).any(axis=0).mean()
        measured["behind"] = part(seen, behind).any(axis=0).mean()
    return {name: round(float(value), 4) for name, value in measured.items()}


def _cut(image: Any, box: list[float], shift: tuple[float, float]) -> Any:
    scale = DOTS / 72
    left, top = (max(0, round((edge + by) * scale)) for edge, by in zip(box[:2], shift, strict=True))
    return image[top:top + round((box[3] - box[1]) * scale), left:left + round((box[2] - box[0]) * scale)]


def _grown(mask: Any) -> Any:
    from scipy import ndimage

    return ndimage.maximum_filter(mask, size=2 * round(PRINT * DOTS / 72) + 1)


def _around(pen: Any, print_: Any, about: list[float], box: list[float]) -> float:
    """Give the share of the sectors around a box in which a pen was: all of them for a ring."""
    import numpy as np

    scale = DOTS / 72
    y, x = np.mgrid[:pen.shape[0], :pen.shape[1]] / scale
    x, y = x + about[0] - (box[0] + box[2]) / 2, y + about[1] - (box[1] + box[3]) / 2
    beyond = np.maximum(np.abs(x) - (box[2] - box[0]) / 2, np.abs(y) - (box[3] - box[1]) / 2)
    band = (beyond >= NEAR) & (beyond <= FAR) & ~print_
    sector = np.floor((np.arctan2(y, x) / (2 * np.pi) + 0.5) * SECTORS).astype(int) % SECTORS
    shares = [pen[band & (sector == one)].mean() if (band & (sector == one)).any() else 0.0 for one in range(SECTORS)]
    return float(np.mean([share >= SECTOR for share in shares]))
