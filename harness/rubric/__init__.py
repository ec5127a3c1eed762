"""Points with reasons: a rubric turns measurements, the theory part and facts of the hand-in into marks.

A measured criterion gets its points by two anchors, `none` (a trivial solution) and `full` (a good one),
linear between them, or by stated bands.
"""

from __future__ import annotations

from harness.rubric.by_hand import GivenMark, HandMarks, with_hand_marks, without_hand_marks
from harness.rubric.criteria import Anchor, Band, Calibration, Criterion, PracticePart, Rubric, TheoryPart, load, names
from harness.rubric.marking import OPEN, as_written, mark, points_for

__all__ = [
    "OPEN", "Anchor", "Band", "Calibration", "Criterion", "GivenMark", "HandMarks", "PracticePart", "Rubric",
    "TheoryPart", "as_written", "load", "mark", "names", "points_for", "with_hand_marks", "without_hand_marks",
]
