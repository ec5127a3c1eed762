"""Classes drawn from a model that the statistics do not use: two-parameter logistic, with abstaining."""

from __future__ import annotations

import numpy as np

from harness.quiz.statistics import ABSTAINED, RIGHT, WRONG

STATEMENTS = 20
DIFFICULTY = np.linspace(-2.5, 1.0, STATEMENTS)
SLOPE = np.tile([0.4, 0.8, 1.2, 1.6], STATEMENTS // 4)
RELUCTANCE = np.linspace(-3.0, -1.5, STATEMENTS)


def draw(groups: int, rng: np.random.Generator, *, ability: float = 0.0) -> np.ndarray:
    """Verdicts of groups that work by themselves, shape (groups, 20)."""
    skill = rng.normal(ability, 1, size=(groups, 1))
    right = rng.random((groups, STATEMENTS)) < 1 / (1 + np.exp(-SLOPE * (skill - DIFFICULTY)))
    abstained = rng.random((groups, STATEMENTS)) < 1 / (1 + np.exp(-(RELUCTANCE - 0.5 * skill)))
    return np.where(abstained, ABSTAINED, np.where(right, RIGHT, WRONG)).astype(np.int8)


def worth(verdicts: np.ndarray) -> np.ndarray:
    """Points of the usual scheme: one for right, minus one for wrong."""
    return np.array([1.0, -1.0, 0.0])[verdicts]
