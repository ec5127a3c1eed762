"""Marks by hand in the course's gradebook, as the review page gives and reads them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from threading import Lock

from harness.course import Course
from harness.gradebook import Gradebook, SaidMeanwhile, catch_up
from harness.gradebook.giving import criterion_of, given
from harness.records import GradeResult
from harness.review.marks import HandMark, Key, MarkedMeanwhile

__all__ = ["Kept"]


class Kept:
    """The marks of a course, shared with every other program that uses its gradebook.

    Raises:
        UserError: the gradebook cannot be opened.
        HarnessFault: it is damaged.

    """

    def __init__(self, course: Course, reports: Path) -> None:
        self._course, self._reports = course, reports
        self._book = Gradebook(course.gradebook)
        self._lock = Lock()
        self._due = self._busy = False

    def marks(self) -> dict[Key, HandMark]:
        """Give the marks that stand."""
        return {
            key: HandMark(
                points=float(Fraction(said.points or 0)), author=said.author, reason=said.reason, time=said.time,
                evidence=said.evidence, version=str(said.id))
            for key, said in self._book.standing().items()}

    def give(
        self, result: GradeResult, criterion: str, points: Fraction, *, reason: str, author: str, evidence: str,
        seen: str,
    ) -> None:
        """Add a mark to the gradebook, unless another one stands there by now."""
        if criterion_of(result, criterion).evidence != evidence:
            raise MarkedMeanwhile("the hand-in was graded again meanwhile; look at it anew, and save again")
        change = given(self._course, result, criterion, points, author=author, reason=reason)
        try:
            self._book.say(
                [change], reports=self._reports,
                seen={(result.group, result.assignment, criterion): int(seen) if seen.isdecimal() else 0})
        except SaidMeanwhile as error:
            raise MarkedMeanwhile(str(error)) from None

    def settle(self) -> None:
        """Write the reports that lag behind; whoever asks while that is under way has it done once more after it."""
        with self._lock:
            self._due = True
            if self._busy:
                return
            self._busy = True
        try:
            while self._still_due():
                catch_up(self._course, self._reports)
        finally:
            with self._lock:
                self._busy = False

    def _still_due(self) -> bool:
        with self._lock:
            due, self._due = self._due, False
            if not due:
                self._busy = False      # in the same breath, so that nobody who asks now goes away unheard
            return due
