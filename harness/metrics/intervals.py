"""Intervals of 95 %: a bootstrap over images, Wilson's for shares, a jackknife for whole sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np

__all__ = [
    "blocks",
    "bootstrap_difference",
    "bootstrap_mean",
    "bootstrap_quantile",
    "bootstrap_statistic",
    "jackknife",
    "normal_mean",
    "wilson",
]

Interval = tuple[float, float]

NORMAL_975 = 1.959963984540054
"""97.5 % point of the standard normal distribution."""

STUDENT_975 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
)
"""97.5 % points of Student's distribution with 1, 2, ..., 20 degrees of freedom."""

RESAMPLES_AT_ONCE = 50


def bootstrap_mean(values: np.ndarray, *, resamples: int, seed: int) -> np.ndarray:
    """Give the percentile interval of the mean of each column (Efron 1979).

    A resample of images is a vector of counts, so all resampled means of all columns are one matrix
    product.

    Args:
        values: (n,) or (n, k) numbers, one row for each image.
        resamples: how often the images are drawn with replacement.
        seed: of the draws.

    Returns:
        (2,) or (k, 2) float64: lower and upper end.

    """
    return _ends(_resampled_means(values, resamples=resamples, seed=seed))


def bootstrap_difference(first: np.ndarray, second: np.ndarray, *, resamples: int, seed: int) -> Interval:
    """Give the percentile interval of mean(first) - mean(second), two independent samples (n,) and (m,)."""
    difference = (
        _resampled_means(first, resamples=resamples, seed=seed)
        - _resampled_means(second, resamples=resamples, seed=seed + 1)
    )
    low, high = _ends(difference)
    return float(low), float(high)


def bootstrap_quantile(values: np.ndarray, share: float, *, resamples: int, seed: int) -> Interval:
    """Give the percentile interval of the quantile `share` of values (n,).

    The quantile of a resample is the smallest value with at least `share` of the drawn counts at or below
    it.
    """
    order = np.argsort(values, kind="stable")
    ranked = np.asarray(values, np.float64)[order]
    found = [
        ranked[(np.cumsum(counts[:, order], axis=1) < share * len(ranked)).sum(axis=1)]
        for counts in _resampled_counts(len(ranked), resamples=resamples, seed=seed)
    ]
    low, high = _ends(np.concatenate(found))
    return float(low), float(high)


def bootstrap_statistic(
    counts: np.ndarray, statistic: Callable[[np.ndarray], np.ndarray], *, resamples: int, seed: int,
) -> Interval:
    """Give the percentile interval of a statistic of how many of n images fell into each of k cells.

    Of a statistic that chance can only raise, such as a distance near 0, all resamples may lie above the value itself;
    the interval is then widened to hold it.

    Args:
        counts: (k,) how many fell into each cell.
        statistic: from counts (resamples, k) to numbers (resamples,).
        resamples: how often the images are drawn with replacement.
        seed: of the draws.

    """
    total = int(counts.sum())
    drawn = np.random.default_rng(seed).multinomial(total, counts / total, size=resamples)
    low, high = _ends(statistic(drawn))
    value = float(statistic(counts[None])[0])
    return min(float(low), value), max(float(high), value)


def normal_mean(values: np.ndarray) -> Interval:
    """Give the normal interval of the mean of values (n,): mean ± 1.96 standard errors."""
    numbers = np.asarray(values, np.float64)
    middle = float(numbers.mean())
    half = NORMAL_975 * float(numbers.std(ddof=1)) / len(numbers) ** 0.5 if len(numbers) > 1 else 0.0
    return middle - half, middle + half


def wilson(share: float, count: int) -> Interval:
    """Give Wilson's score interval of a share seen among `count` (Wilson 1927); sound at 0 and 1 too."""
    z = NORMAL_975**2 / count
    middle = (share + z / 2) / (1 + z)
    half = (z * (share * (1 - share) + z / 4)) ** 0.5 / (1 + z)
    return min(max(middle - half, 0.0), share), max(min(middle + half, 1.0), share)


def blocks(count: int, number: int = 10) -> list[slice]:
    """Cut 0..count into at most `number` runs of nearly equal length, each of at least two."""
    edges = np.linspace(0, count, max(1, min(number, count // 2)) + 1).astype(int)
    return [slice(int(start), int(end)) for start, end in pairwise(edges)]


def jackknife(value: float, without: Sequence[float]) -> Interval | None:
    """Give the interval of a statistic of a whole set from its values without one block at a time.

    The delete-block jackknife (Quenouille 1956; Shao and Wu 1989): the variance is (g - 1) / g times the
    sum of squared deviations, with Student's distribution of g - 1 degrees of freedom. A Fréchet distance
    is a smooth function of means and covariances, which is what the jackknife asks for, and it takes ten
    small eigenvalue problems where a bootstrap would take a thousand. A bootstrap would be biased as
    well: images drawn twice raise the distance, while leaving a tenth out shifts all blocks alike, which
    the deviations do not see.

    Returns:
        The interval, or None where there are fewer than two blocks.

    """
    count = len(without)
    if count < 2:
        return None
    left_out = np.asarray(without, np.float64)
    spread = float(np.sqrt((count - 1) / count * np.square(left_out - left_out.mean()).sum()))
    half = spread * (STUDENT_975[count - 2] if count - 2 < len(STUDENT_975) else NORMAL_975)
    return value - half, value + half


def _resampled_counts(count: int, *, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Give, some resamples at a time, how often each of `count` images was drawn: (resamples, count) float64."""
    counts = _drawn(count, resamples, seed)
    for start in range(0, resamples, RESAMPLES_AT_ONCE):
        yield counts[start:start + RESAMPLES_AT_ONCE].astype(np.float64)


@lru_cache(maxsize=2)
def _drawn(count: int, resamples: int, seed: int) -> np.ndarray:
    """Draw the counts (resamples, count), as small whole numbers: many intervals are of the same images."""
    rng = np.random.default_rng(seed)
    found = np.empty((resamples, count), np.uint16)
    for start in range(0, resamples, RESAMPLES_AT_ONCE):
        number = min(RESAMPLES_AT_ONCE, resamples - start)
        # One count over all resamples at once: draw number r falls into the cells r * count onwards.
        drawn = rng.integers(0, count, (number, count), dtype=np.int32)
        drawn += np.arange(0, number * count, count, dtype=np.int32)[:, None]
        found[start:start + number] = np.bincount(drawn.ravel(), minlength=number * count).reshape(number, count)
    return found


def _resampled_means(values: np.ndarray, *, resamples: int, seed: int) -> np.ndarray:
    numbers = np.asarray(values, np.float64)
    found = [counts @ numbers for counts in _resampled_counts(len(numbers), resamples=resamples, seed=seed)]
    return np.concatenate(found) / len(numbers)


def _ends(resampled: np.ndarray) -> np.ndarray:
    """Give the 2.5 % and 97.5 % quantiles over the first axis, as the last axis."""
    ends: np.ndarray = np.moveaxis(np.quantile(resampled, [0.025, 0.975], axis=0), 0, -1)
    return ends
