"""Groups with identical answers, and how likely such a coincidence is.

Two perfect sheets are identical and tell nothing; two sheets with the same five errors and the same two gaps may tell
something. So what counts is how likely a group *as good as this one* gives exactly these answers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["Same", "identical", "probabilities"]

ROUNDS = 500
PRIOR = 0.25        # weight of the pull towards 0, in answers; it keeps perfect sheets at a finite distance
ENOUGH = 1e-6


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


def identical(verdicts: np.ndarray) -> list[Same]:
    """Find groups with the same verdicts throughout, the least likely coincidence first.

    Args:
        verdicts: (groups, statements) of the categories 0, 1, 2 (right, wrong, abstained).

    """
    rows: dict[bytes, list[int]] = {}
    for place, row in enumerate(verdicts):
        rows.setdefault(row.tobytes(), []).append(place)
    shared = [places for places in rows.values() if len(places) > 1]
    if not shared or not verdicts.shape[1]:
        return []
    expected = probabilities(verdicts)
    groups, statements = verdicts.shape
    found = []
    for places in shared:
        likely = expected[places[0], np.arange(statements), verdicts[places[0]]]
        chance = float(np.exp(np.log(likely).sum()))
        found.append(Same(tuple(places), chance, min(1.0, chance * groups * (groups - 1) / 2)))
    return sorted(found, key=lambda same: (same.chance, same.groups))


def probabilities(verdicts: np.ndarray) -> np.ndarray:
    """Give the probability of each verdict where groups work by themselves, shape (groups, statements, 3).

    log P(group g, statement j, category c) = a_gc + b_jc + constant: Rasch's model (1960) with a third category for
    abstaining. It is fitted by maximum likelihood with a weak pull towards 0, so that each group's expected numbers
    right, wrong and abstained are about those that it has, and each statement's likewise.

    Args:
        verdicts: (groups, statements) of the categories 0, 1, 2.

    """
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
