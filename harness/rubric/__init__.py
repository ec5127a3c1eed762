"""Points with reasons: a rubric turns measurements, the theory part and facts of the hand-in into marks.

A measured criterion gets its points by two anchors, `none` (a trivial solution) and `full` (a good one),
linear between them, or by stated bands.
"""

from __future__ import annotations

from harness.rubric.criteria import Anchor, Band, Calibration, Criterion, PracticePart, Rubric, TheoryPart, load, names
from harness.rubric.marking import mark, points_for

__all__ = [
    "Anchor", "Band", "Calibration", "Criterion", "PracticePart", "Rubric", "TheoryPart", "load", "mark", "names",
    "points_for",
]
