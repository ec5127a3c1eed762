"""Shares, estimates and chances in words."""

from __future__ import annotations

import pytest

from harness.quiz import figures
from harness.quiz.cohort import Estimate, Share


def test_numbers_come_with_their_intervals_and_nothing_comes_as_a_dash():
    assert figures.share(Share(count=17, of=20, value=0.85, interval=(0.621, 0.968))) == "85 (62 to 97)"
    assert figures.estimate(Estimate(value=0.314, interval=(-0.149, 0.652))) == "0.31 (−0.15 to 0.65)"
    assert figures.estimate(Estimate(value=-0.004, interval=(-0.4, 0.001))) == "0.00 (−0.40 to 0.00)"
    assert figures.share(Share(count=0, of=0, value=None, interval=(0, 1))) == figures.estimate(None) == "–"


@pytest.mark.parametrize(("probability", "words"), [
    (1.0, "as good as certain"), (0.83, "0.83"), (0.0423, "0.042"), (0.0009, "less than 1 in 1000")])
def test_chances_are_short_and_never_more_precise_than_they_are(probability, words):
    assert figures.chance(probability) == words
