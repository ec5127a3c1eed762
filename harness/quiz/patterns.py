"""Groups with identical or nearly identical answers, and how likely such a coincidence is.

Two perfect sheets are identical and tell nothing; two sheets with the same five errors and the same two gaps may tell
something. So what counts is how likely a group *as good as this one* gives exactly these answers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["Near", "Same", "identical", "nearly", "probabilities"]

ROUNDS = 500
PRIOR = 0.25        # weight of the pull towards 0, in answers; it keeps perfect sheets at a finite distance
ENOUGH = 1e-6
MOST_APART = 2      # statements in which answers that are nearly the same differ
ROWS = 500          # patterns that are compared with all others at once; bounds the memory


class Same(NamedTuple):
    """Groups whose verdicts are the same on every statement.

    Attributes:
        groups: their rows.
        chance: probability that one more group as good as they gives exactly these answers by itself.
        in_class: bound on the chance that any two groups of the class agree on an answer sheet that is as rare as this,
            each working by itself: chance · number of pairs, at most 1. (The chance that a given pair agrees on a
            sheet of probability at most q is the sum of the squares of these probabilities, at most q.)

    """

    groups: tuple[int, ...]
    chance: float
    in_class: float


class Near(NamedTuple):
    """Groups whose verdicts are the same on all but one or two statements.

    Attributes:
        groups: rows of those with the one pattern, and of those with the other.
        apart: columns of the statements in which they differ.
        chance: probability that one more group as good as the second gives, by itself, answers that are at least as
            near to those of the first; or the other way round, whichever is larger.
        in_class: bound on the chance that any two groups of the class come out as unlikely near, each working by
            itself: chance · number of pairs, at most 1.

    """

    groups: tuple[tuple[int, ...], tuple[int, ...]]
    apart: tuple[int, ...]
    chance: float
    in_class: float


def identical(verdicts: np.ndarray, *, expected: np.ndarray | None = None) -> list[Same]:
    """Find groups with the same verdicts throughout, the least likely coincidence first.

    Args:
        verdicts: (groups, statements) of the categories 0, 1, 2 (right, wrong, abstained).
        expected: their `probabilities`, where these are at hand.

    """
    shared = [places for places in _patterns(verdicts) if len(places) > 1]
    if not shared or not verdicts.shape[1]:
        return []
    expected = probabilities(verdicts) if expected is None else expected
    groups, statements = verdicts.shape
    found = []
    for places in shared:
        likely = expected[places[0], np.arange(statements), verdicts[places[0]]]
        chance = float(np.exp(np.log(likely).sum()))
        found.append(Same(tuple(places), chance, min(1.0, chance * groups * (groups - 1) / 2)))
    return sorted(found, key=lambda same: (same.chance, same.groups))


def nearly(verdicts: np.ndarray, *, expected: np.ndarray | None = None) -> list[Near]:
    """Find groups whose verdicts differ in one or two statements, the least likely coincidence first.

    How near answers come to given ones by chance is a Poisson-binomial number: each statement agrees by itself, with
    the probability that a group as good as the other gives the one's verdict there. So what is rare counts much and
    what everybody gets right counts little, as in Wollack's omega (1997), but without a normal approximation.

    Args:
        verdicts: (groups, statements) of the categories 0, 1, 2 (right, wrong, abstained).
        expected: their `probabilities`, where these are at hand.

    """
    groups, statements = verdicts.shape
    if statements <= MOST_APART:
        return []
    members = _patterns(verdicts)
    patterns = verdicts[[places[0] for places in members]]
    pairs = _near_pairs(patterns)
    if not len(pairs):
        return []
    expected = (probabilities(verdicts) if expected is None else expected)[[places[0] for places in members]]
    one, other = pairs.T
    apart = patterns[one] != patterns[other]
    chance = np.maximum(
        _as_near(expected[other], patterns[one], apart), _as_near(expected[one], patterns[other], apart))
    in_class = np.minimum(1.0, chance * groups * (groups - 1) / 2)
    found = [
        Near((tuple(members[first]), tuple(members[second])), tuple(np.flatnonzero(differ).tolist()), *numbers)
        for first, second, differ, *numbers in zip(
            one.tolist(), other.tolist(), apart, chance.tolist(), in_class.tolist(), strict=True)]
    return sorted(found, key=lambda near: (near.chance, near.groups))


def _patterns(verdicts: np.ndarray) -> list[list[int]]:
    """Give the rows of each pattern of verdicts, in the order in which patterns come."""
    rows: dict[bytes, list[int]] = {}
    for place, row in enumerate(verdicts):
        rows.setdefault(row.tobytes(), []).append(place)
    return list(rows.values())


def _near_pairs(patterns: np.ndarray) -> np.ndarray:
    """Give the places of patterns that differ in at most MOST_APART statements, shape (pairs, 2), each pair once."""
    count, statements = patterns.shape
    marks = np.eye(3, dtype=np.float32)[patterns].reshape(count, -1)
    found = []
    for start in range(0, count, ROWS):
        alike = marks[start:start + ROWS] @ marks.T     # statements on which two patterns agree
        one, other = np.nonzero(alike >= statements - MOST_APART)
        found.append(np.column_stack([one + start, other])[other > one + start])
    return np.concatenate(found)


def _as_near(expected: np.ndarray, given: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """Give the chance of differing from given verdicts in at most as many statements as two patterns do.

    P(at most d differ) = prod p_j · (1 + e_1 + ... + e_d), with p_j the probability of agreeing on statement j and e_k
    the elementary symmetric polynomials of the odds (1 - p_j) / p_j.

    Args:
        expected: (pairs, statements, 3), probabilities of the verdicts of whom it would be by chance.
        given: (pairs, statements), the verdicts that are to be come near to.
        apart: (pairs, statements), where the two patterns differ.

    """
    agree = np.take_along_axis(expected, given[..., None].astype(int), axis=2)[..., 0]
    odds = (1 - agree) / agree
    first = odds.sum(axis=1)
    second = (first**2 - (odds**2).sum(axis=1)) / 2
    return np.asarray(agree.prod(axis=1) * (1 + first + np.where(apart.sum(axis=1) == MOST_APART, second, 0)))


def probabilities(verdicts: np.ndarray) -> np.ndarray:
    """Give the probability of each verdict where groups work by themselves, shape (groups, statements, 3).

    log P(group g, statement j, category c) = a_gc + b_jc + constant: Rasch's model (1960) with a third category for
    abstaining. It is fitted by maximum likelihood with a weak pull towards 0, so that each group's expected numbers
    right, wrong and abstained are about those that it has, and each statement's likewise.

    Args:
        verdicts: (groups, statements) of the categories 0, 1, 2.

    """
    if not verdicts.size:
        return np.zeros((*verdicts.shape, 3))
    seen = np.eye(3)[verdicts]
    # Groups with the same three numbers have the same parameters, so large classes cost no more than small ones.
    numbers, member, times = np.unique(seen.sum(axis=1), axis=0, return_inverse=True, return_counts=True)
    by_statement, weight = seen.sum(axis=0), times[:, None, None].astype(float)
    good, easy = np.zeros_like(numbers), np.zeros_like(by_statement)
    for _ in range(ROUNDS):
        expected = _softmax(good[:, None] + easy)
        spread = expected * (1 - expected)
        # Newton's step along each axis, halved: the categories of a softmax move together.
        better = (numbers - expected.sum(axis=1) - PRIOR * good) / (spread.sum(axis=1) + PRIOR) / 2
        good += better
        expected = _softmax(good[:, None] + easy)
        spread = expected * (1 - expected)
        easier = (by_statement - (weight * expected).sum(axis=0) - PRIOR * easy) / (
            (weight * spread).sum(axis=0) + PRIOR) / 2
        easy += easier
        if max(np.abs(better).max(), np.abs(easier).max()) < ENOUGH:
            break
    return np.asarray(_softmax(good[:, None] + easy)[member.reshape(-1)])


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))
