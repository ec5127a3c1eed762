"""What a rubric says: the parts of an assignment, their criteria, and the anchors of each measured one."""

from __future__ import annotations

import difflib
from fractions import Fraction
from itertools import pairwise
from typing import Literal, Self

from pydantic import Field, model_validator

from harness import documents
from harness.course import Course
from harness.errors import UserError
from harness.quiz.exact import Exact, Identifier
from harness.records import Record

__all__ = [
    "STATEMENTS", "Anchor", "Band", "Calibration", "Criterion", "PracticePart", "Rubric", "TheoryPart", "load", "names",
]


STATEMENTS = "statements"
"""The criterion that the theory part consists of."""


class Band(Record):
    """Points for reaching a limit."""

    points: Exact = Field(ge=0)
    at_most: Exact | None = None
    at_least: Exact | None = None
    is_: str = Field(default="", alias="is")        # what reaches this limit, in words

    @property
    def limit(self) -> Fraction:
        """The limit, whichever way it is meant."""
        limit = self.at_most if self.at_most is not None else self.at_least
        assert limit is not None    # noqa: S101 - the validator below saw to it
        return limit

    def reached(self, value: Fraction) -> bool:
        """Whether a value is good enough for this band."""
        return value <= self.limit if self.at_most is not None else value >= self.limit

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if (self.at_most is None) == (self.at_least is None):
            raise ValueError("a band needs either at_most or at_least")
        return self


class Criterion(Record):
    """One thing that gets points: measured, or judged by a person."""

    id: Identifier
    title: str
    points: Exact = Field(gt=0)
    measurement: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]*\.[a-z_]+\.[a-z0-9_]+$")
    none: Exact | None = None
    none_is: str = ""           # what reaches no more than this: "the mean image"
    none_from: str = ""         # the baseline that `harness calibrate` takes it from; empty: it stays as written
    full: Exact | None = None
    full_is: str = ""           # what reaches this: "the reference VAE"
    full_from: str = ""         # the reference model that `harness calibrate` takes it from
    bands: tuple[Band, ...] = ()
    person: bool = False
    ask: str = ""               # what the person is asked to judge
    needs: Literal["report", "code", "references"] | None = None
    """What of the hand-in the person looks at; without it the criterion is not handed in."""

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.person == (self.measurement is not None):
            raise ValueError("needs either `measurement` with anchors, or `person: true` with `ask`")
        if self.person:
            if not self.ask:
                raise ValueError("`person: true` needs `ask`: what the person is to judge")
            if self.bands or self.none is not None or self.full is not None:
                raise ValueError("anchors and bands go with a measurement, not with a person")
            return self
        if self.bands and (self.none_from or self.full_from):
            raise ValueError("`none_from` and `full_from` are of anchors; bands are not calibrated")
        anchors = self.none is not None and self.full is not None
        if anchors == bool(self.bands) or (self.none is None) != (self.full is None):
            raise ValueError("a measurement needs either the two anchors `none` and `full`, or `bands`")
        if anchors and self.none == self.full:
            raise ValueError("the anchors `none` and `full` must differ")
        self._check_bands()
        return self

    def _check_bands(self) -> None:
        if len({band.at_most is None for band in self.bands}) > 1:
            raise ValueError("all bands must have at_most, or all at_least")
        if self.bands and max(band.points for band in self.bands) != self.points:
            raise ValueError("the best band must give the points of the criterion")
        by_points = sorted(self.bands, key=lambda band: -band.points)
        strict = [band.limit if band.at_most is not None else -band.limit for band in by_points]
        if any(first >= second for first, second in pairwise(strict)):
            raise ValueError("a band with more points must have a stricter limit")


class TheoryPart(Record):
    """The theory part: points of a quiz."""

    title: str = "Theory"
    points: Exact = Field(gt=0)
    quiz: Identifier


class PracticePart(Record):
    """The practice part: criteria that add up to its points."""

    title: str = "Practice"
    points: Exact = Field(gt=0)
    criteria: tuple[Criterion, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        total = sum((criterion.points for criterion in self.criteria), Fraction(0))
        if total != self.points:
            raise ValueError(f"the criteria add up to {float(total):g} points, not to {float(self.points):g}")
        ids = [criterion.id for criterion in self.criteria]
        doubled = sorted({one for one in ids if ids.count(one) > 1})
        if doubled:
            raise ValueError(f"two criteria have the id {', '.join(doubled)}; give each its own")
        return self


class Anchor(Record):
    """The measurement that an anchor was taken from."""

    of: str                     # the reference model whose samples, codes or images were measured
    baseline: str = ""          # which of its baselines it is; empty: it is the model's own
    measurement: str
    value: float
    interval: tuple[float, float] | None = None
    sample_size: int


class Calibration(Record):
    """Where the anchors of a rubric come from; written by `harness calibrate`."""

    command: str
    created: str
    data: str
    judge_hash: str
    seed: int
    budget: str
    none: dict[str, Anchor] = Field(default_factory=dict)       # criterion -> measurement
    full: dict[str, Anchor] = Field(default_factory=dict)


class Rubric(Record):
    """How an assignment is marked."""

    assignment: Identifier
    title: str
    step: Exact = Field(default=Fraction(1, 2), gt=0)       # points are rounded to multiples of this
    theory: TheoryPart
    practice: PracticePart
    calibrated: Calibration | None = None

    @model_validator(mode="after")
    def _one_of_each_name(self) -> Self:
        if any(criterion.id == STATEMENTS for criterion in self.practice.criteria):
            raise ValueError(f"{STATEMENTS} is what the theory part's own criterion is called; choose another id")
        return self

    @model_validator(mode="after")
    def _whole_steps(self) -> Self:
        for points in (self.theory.points, *(criterion.points for criterion in self.practice.criteria)):
            if points % self.step:
                raise ValueError(f"{float(points):g} points are no multiple of the step {float(self.step):g}")
        return self


def names(course: Course) -> list[str]:
    """List the assignments that there are rubrics for."""
    return sorted(file.stem for file in course.rubrics.glob("*.yaml"))


def load(course: Course, assignment: str) -> Rubric:
    """Load the rubric of an assignment from the course folder.

    Raises:
        UserError: there is none, its file is wrong, or it names a measurement that the harness does not make.

    """
    there = {file.stem: file for file in sorted(course.rubrics.glob("*.yaml"))}
    if assignment not in there:
        near = difflib.get_close_matches(assignment, there, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(there) or 'none'}"
        raise UserError(f"there is no rubric for {documents.shown(assignment)} in {course.rubrics}; {hint}")
    path = there[assignment]
    rubric = documents.read(path, Rubric)
    name = documents.display_name(path)
    if rubric.assignment != assignment:
        raise UserError(f"{name}: the file says `assignment: {rubric.assignment}`; rename one of them")
    _check_measurements(rubric, name)
    return rubric


def _check_measurements(rubric: Rubric, name: str) -> None:
    from harness.metrics import METRICS

    for criterion in rubric.practice.criteria:
        if criterion.measurement is None:
            continue
        measured = criterion.measurement.partition(".")[2]
        if measured not in METRICS:
            near = difflib.get_close_matches(measured, METRICS, n=1)
            families = sorted({metric.partition(".")[0] for metric in METRICS})
            hint = f"did you mean {near[0]}?" if near else f"there are those of {', '.join(families)}"
            raise UserError(f"{name}: {criterion.id}: the harness makes no measurement {measured}; {hint}")
