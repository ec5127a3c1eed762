"""What a class's answers say about each statement and about the sheet: pure functions of arrays.

A class is an array of verdicts, shape (groups, statements), each RIGHT, WRONG or ABSTAINED. Abstaining is kept apart
from error everywhere but in KR-20, which knows only right and not right. Intervals are of 95 % and meant for classes
of twenty groups, where a bootstrap over groups covers the truth only 88 times in 100 (docs/quizzes.md).
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

__all__ = [
    "ABSTAINED", "RIGHT", "WRONG", "Discrimination", "better_half", "clopper_pearson", "discrimination", "holm",
    "kr20",
]

RIGHT, WRONG, ABSTAINED = 0, 1, 2

LEVEL = 0.95
FEWEST = 4          # groups that must have answered before a correlation is given
NODES = 200         # of the integral over the t distribution's denominator; errors below 1e-4 from two degrees on

Interval = tuple[float, float]


def clopper_pearson(count: int, of: int) -> Interval:
    """Give the exact interval of a share (Clopper & Pearson 1934): it covers the truth at least as often as it says.

    Args:
        count: how many had the property.
        of: how many were looked at; with none of them the share may be anything.

    """
    from scipy.special import betaincinv

    tail = (1 - LEVEL) / 2
    low = float(betaincinv(count, of - count + 1, tail)) if count else 0.0
    high = float(betaincinv(count + 1, of - count, 1 - tail)) if count < of else 1.0
    return low, high


class Discrimination(NamedTuple):
    """How much better the groups do elsewhere that get a statement right.

    Attributes:
        value: the correlation, in [-1, 1].
        interval: of 95 %.
        below_zero: one-sided p-value of the question whether good groups miss the statement: how often a statement
            that tells nothing has a correlation at most this large.

    """

    value: float
    interval: Interval
    below_zero: float


def discrimination(verdicts: np.ndarray, points: np.ndarray) -> list[Discrimination | None]:
    """Correlate being right on each statement with the points on all others, over the groups that answered it.

    The point-biserial correlation r of a two-valued variable with the rest score (Henrysson 1963: without its own
    statement, which would correlate with itself). Its interval is that of a two-sample t test, r = t / sqrt(t² + df):
    the noncentralities under which the observed t is a 2.5 % or 97.5 % point, taken back to correlations by
    delta / sqrt(delta² + n). Exact where the rest scores of those right and of those wrong are normal with one
    variance (Bonett 2020, "Point-biserial correlation: interval estimation").

    Args:
        verdicts: (groups, statements) of RIGHT, WRONG, ABSTAINED.
        points: (groups, statements), what each answer is worth.

    Returns:
        One for each statement; None where fewer than four groups answered, all of them alike, or where nothing but
        right and wrong tells their points on the others apart.

    """
    rest = points.sum(axis=1, keepdims=True) - points
    return [_one(column, others) for column, others in zip(verdicts.T, rest.T, strict=True)]


def _one(verdicts: np.ndarray, rest: np.ndarray) -> Discrimination | None:
    from scipy.special import stdtr

    answered = verdicts != ABSTAINED
    right, others = verdicts[answered] == RIGHT, rest[answered]
    count = len(right)
    if count < FEWEST or right.all() or not right.any() or not max(np.ptp(others[right]), np.ptp(others[~right])):
        return None
    value = float(np.corrcoef(right, others)[0, 1])
    freedom = count - 2
    statistic = value * float(np.sqrt(freedom / (1 - value**2)))
    low, high = _noncentralities(statistic, freedom)
    return Discrimination(
        value, (low / float(np.hypot(low, np.sqrt(count))), high / float(np.hypot(high, np.sqrt(count)))),
        float(stdtr(freedom, statistic)),
    )


def _noncentralities(statistic: float, freedom: int) -> Interval:
    """Give the noncentralities under which a t statistic is the 97.5 % and the 2.5 % point of its distribution.

    P(T <= t) is the mean of Phi(t s - delta) over s, the root of a chi-squared variable by its degrees of freedom.
    Summed here by Gauss's rule over the probabilities of s, as SciPy's noncentral t gives NaN far out.
    """
    from scipy.optimize import brentq
    from scipy.special import chdtri, ndtr

    nodes, weights = _gauss()
    scaled = statistic * np.sqrt(chdtri(freedom, (1 - nodes) / 2) / freedom)

    def root(share: float) -> float:
        return float(brentq(
            lambda shift: float(weights @ ndtr(scaled - shift)) / 2 - share, scaled.min() - 9, scaled.max() + 9,
            xtol=1e-8))

    tail = (1 - LEVEL) / 2
    return root(1 - tail), root(tail)


@lru_cache(maxsize=1)
def _gauss() -> tuple[np.ndarray, np.ndarray]:
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return nodes, weights


def kr20(verdicts: np.ndarray) -> tuple[float, Interval] | None:
    """Give the reliability of a sheet, Kuder and Richardson's formula 20 (1937), and Feldt's interval (1965).

    KR-20 = k / (k - 1) · (1 - sum_j p_j (1 - p_j) / s²) with k statements, p_j the share right on statement j (what
    was left out is not right) and s² the variance of the number right, both over all groups. For the reliability rho,
    (1 - rho) / (1 - KR-20) follows the F distribution with n - 1 and (n - 1) (k - 1) degrees of freedom.

    Args:
        verdicts: (groups, statements) of RIGHT, WRONG, ABSTAINED.

    Returns:
        The value, at most 1 and possibly below 0, and its interval; None for fewer than two groups or statements, or
        where all groups have the same number right.

    """
    from scipy.special import fdtri

    groups, statements = verdicts.shape
    right = (verdicts == RIGHT).astype(float)
    if min(groups, statements) < 2 or np.ptp(right.sum(axis=1)) == 0:
        return None
    within = right.var(axis=0).sum()
    value = statements / (statements - 1) * (1 - within / right.sum(axis=1).var())
    freedoms = groups - 1, (groups - 1) * (statements - 1)
    tail = (1 - LEVEL) / 2
    low, high = (1 - (1 - value) * float(fdtri(*freedoms, share)) for share in (1 - tail, tail))
    return float(value), (float(low), float(high))


def better_half(rest: np.ndarray) -> np.ndarray:
    """Mark the groups that have more points than the median, shape (groups,); those at the median are not among them.

    Args:
        rest: (groups,), points on all statements but the one that is looked at.

    """
    return np.asarray(rest > np.median(rest))


def holm(p_values: list[float]) -> list[float]:
    """Adjust p-values for their number (Holm 1979): the chance that any at all is as small, where none tells anything.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted
