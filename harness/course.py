"""The course folder: where sheets, keys, rubrics, hand-ins and reports lie, and what `course.yaml` says."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator

from harness import documents
from harness.errors import UserError
from harness.limits import BITS_PER_NUMBER, GIB, Budget, Role
from harness.records import Record

__all__ = [
    "Cluster", "CodeLimits", "Course", "CourseEnvironment", "CourseFile", "CourseLimits", "Deadline", "FitLimits",
    "Penalty", "RoleLimits", "find_course", "moment",
]

Variable = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,63}$")]

_UNITS = {
    "": 1, "bytes": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
    "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}
_SIZE = r"^ *([0-9]+(?:\.[0-9]+)?) *([kKMGT]i?B|bytes)? *$"


def _bytes(value: Any) -> Any:
    """Read "6 GiB"; a bare number is bytes."""
    if type(value) in (int, float) and not math.isfinite(value):
        raise ValueError(f"{value} is no size; write one such as 6 GiB or 512 MiB")
    if type(value) in (int, float):
        return int(value)
    found = re.match(_SIZE, value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{documents.shown(str(value))} is no size; write one such as 6 GiB or 512 MiB")
    return int(float(found[1]) * _UNITS[(found[2] or "").lower()])


Size = Annotated[int, BeforeValidator(_bytes), Field(ge=1, le=2**50), WithJsonSchema({
    "anyOf": [{"type": "number", "minimum": 1}, {"type": "string", "pattern": _SIZE}],
    "description": "bytes, or a number with a unit: 6 GiB, 512 MiB, 2 GB",
})]
Seconds = Annotated[float, Field(gt=0, le=30 * 86_400)]

_PERIOD = r"^ *([0-9]+(?:\.[0-9]+)?) *(min|h|d) *$"


def _minutes(value: Any) -> Any:
    """Read "90 min" or "4 h"; a bare number is refused, because Slurm and people mean other units by it."""
    if isinstance(value, int) and not isinstance(value, bool):
        raise ValueError(f"{value} of what? Write a time with its unit, such as 90 min or 4 h")
    found = re.match(_PERIOD, value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{documents.shown(str(value))} is no time; write one such as 90 min or 4 h")
    return math.ceil(float(found[1]) * {"min": 1, "h": 60, "d": 1_440}[found[2]])


Minutes = Annotated[int, BeforeValidator(_minutes), Field(ge=1, le=30 * 1_440), WithJsonSchema({
    "type": "string", "pattern": _PERIOD, "description": "a time with its unit: 90 min, 4 h",
})]
_WORD = r"^[A-Za-z0-9_.,:@+%=/&|*()\[\]-]{1,200}$"
Word = Annotated[str, Field(pattern=_WORD)]         # what goes into a job's script stays one word of one line
Line = Annotated[str, Field(pattern=r"^[^\r\n\x00]{1,1000}$")]


class Cluster(Record):
    """What each job on a cluster asks for; what is left out is as the cluster has it, or enough for the limits."""

    partition: Word | None = None
    account: Word | None = None
    qos: Word | None = None
    constraint: Word | None = None
    time: Minutes | None = None                             # wall clock of one hand-in's job
    memory: Size | None = None
    cpus: int | None = Field(default=None, ge=1, le=1_024)
    gpus: int = Field(default=0, ge=0, le=64)
    jobs: int = Field(default=256, ge=1, le=10_000)         # at most so many at a time
    setup: tuple[Line, ...] = ()                            # lines of shell before the harness is started
    options: dict[Word, Word] = Field(default_factory=dict) # further options of sbatch, by their long names


class RoleLimits(Record):
    """What a worker may use; what is left out stays as it is."""

    start_seconds: Seconds | None = None        # import of the hand-in, making of the model, loading of its weights
    request_seconds: Seconds | None = None      # one request
    cpu_seconds: Seconds | None = None          # processor time of all its processes together
    memory: Size | None = None
    processes: int | None = Field(default=None, ge=16, le=2**20)    # and threads; torch alone takes some
    threads: int | None = Field(default=None, ge=1, le=1_024)       # that torch is told to use
    open_files: int | None = Field(default=None, ge=64, le=2**20)
    output: Size | None = None                  # what it may print
    disk: Size | None = None                    # its /tmp, which lives in memory
    saved: Size | None = None                   # what `fit` may save

    @field_validator("memory")
    @classmethod
    def _enough_for_torch(cls, value: int | None) -> int | None:
        if value is not None and value < GIB:
            raise ValueError("less than 1 GiB is not enough to import torch; write at least 1 GiB")
        return value

    def changes(self) -> dict[str, float]:
        """Give what was written, by the names of `harness.limits.Limits`."""
        names = {"memory": "memory_bytes", "output": "log_bytes", "disk": "disk_bytes", "saved": "saved_bytes"}
        written = {name: getattr(self, name) for name in RoleLimits.model_fields}
        return {names.get(name, name): value for name, value in written.items() if value is not None}


class FitLimits(RoleLimits):
    """What training may use."""

    seconds: Seconds | None = None              # the deadline handed to `fit`, in an official grade


class CodeLimits(Record):
    """How much of an image may cross from the encoder to the decoder."""

    numbers: int | None = Field(default=None, ge=1, le=28 * 28)
    bits: int | None = Field(default=None, ge=BITS_PER_NUMBER, le=28 * 28 * BITS_PER_NUMBER)


class CourseLimits(RoleLimits):
    """The limits of a course: for all roles, and what single roles have of their own."""

    fit: FitLimits = FitLimits()
    encode: RoleLimits = RoleLimits()
    decode: RoleLimits = RoleLimits()
    code: CodeLimits = CodeLimits()

    def applied(self, budget: Budget) -> Budget:
        """Give the budget with these limits.

        The quick look of `harness check` keeps its own deadline for training, and waits no longer than it did.
        """
        quick = budget.name == "quick"
        kept: dict[str, float] = {
            name: getattr(budget.limits, name) for name in ("start_seconds", "request_seconds") if quick}

        def changes(said: RoleLimits) -> dict[str, float]:
            return {name: min(value, kept.get(name, value)) for name, value in said.changes().items()}

        said: dict[Role, RoleLimits] = {"fit": self.fit, "encode": self.encode, "decode": self.decode}
        common: dict[str, Any] = changes(self)
        return replace(
            budget, limits=replace(budget.limits, **common),
            roles={role: own for role, limits in said.items() if (own := changes(limits))},
            fit_seconds=budget.fit_seconds if quick else self.fit.seconds or budget.fit_seconds,
            code_numbers=self.code.numbers or budget.code_numbers, code_bits=self.code.bits or budget.code_bits,
        )


class CourseEnvironment(Record):
    """A virtual environment for code of libraries that the harness itself does without."""

    folder: str                                                       # from the course folder
    variables: dict[Variable, str] = Field(default_factory=dict)      # set where the code runs


_DURATION = r"^ *([0-9]+(?:\.[0-9]+)?) *(s|seconds?|min|minutes?|h|hours?|days?) *$"
_LENGTHS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_PENALTY = r"^ *([0-9]+(?:\.[0-9]+)?) *(?:%(?: +of +(max|reached))?|points?) +per +day *$"


def moment(value: Any) -> Any:
    """Read "2026-07-01T23:59+02:00": a time without its offset from UTC would be another one on another machine."""
    try:
        read = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        read = None
    if not isinstance(read, datetime) or read.tzinfo is None:
        raise ValueError(f"{documents.shown(str(value))} is no time with its offset from UTC; "
                         "write one such as 2026-07-01T23:59+02:00")
    return read


def _duration(value: Any) -> Any:
    found = re.match(_DURATION, value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{documents.shown(str(value))} is no duration; write one such as 10 min or 2 h")
    return timedelta(**{_LENGTHS[found[2][0]]: float(found[1])})


Moment = Annotated[datetime, BeforeValidator(moment), WithJsonSchema({
    "type": "string", "format": "date-time", "description": "with its offset from UTC: 2026-07-01T23:59+02:00"})]
Duration = Annotated[timedelta, BeforeValidator(_duration), Field(le=timedelta(days=30)), WithJsonSchema({
    "type": "string", "pattern": _DURATION, "description": "10 min, 2 h, 1 day"})]


class Penalty(Record):
    """What each day that has begun after the deadline costs."""

    amount: Fraction                                    # points, or a share of points
    of: Literal["max", "reached"] | None = None         # what the share is of; None: the amount is in points
    said: str                                           # as it is written

    @classmethod
    def read(cls, value: Any) -> Any:
        """Read "10 % per day", which is of the most points, "10 % of reached per day" or "2 points per day"."""
        if isinstance(value, Penalty):
            return value
        found = re.match(_PENALTY, value) if isinstance(value, str) else None
        if found is None:
            raise ValueError(f"{documents.shown(str(value))} is no penalty; write 10 % of max per day, "
                             "10 % of reached per day or 2 points per day")
        said = " ".join(value.split())
        if "%" not in value:
            return cls(amount=Fraction(found[1]), said=said)
        if (amount := Fraction(found[1]) / 100) > 1:
            raise ValueError("more than 100 % cannot be deducted; write at most 100 % per day")
        return cls(amount=amount, of=cast("Literal['max', 'reached']", found[2] or "max"), said=said)


class Deadline(Record):
    """When the hand-ins of an assignment are due, and what being late costs."""

    due: Moment
    grace: Duration = timedelta(0)                      # what is late by no more than this is in time
    penalty: Annotated[Penalty, BeforeValidator(Penalty.read), WithJsonSchema({
        "type": "string", "pattern": _PENALTY,
        "description": "10 % of max per day, 10 % of reached per day or 2 points per day",
    })] | None = None
    most_days: int | None = Field(default=None, ge=0, le=366)      # what comes later than this has no points
    free_days: int = Field(default=0, ge=0, le=366)     # days that cost a group nothing


class CourseFile(Record):
    """What `course.yaml` says."""

    title: str = ""
    limits: CourseLimits = CourseLimits()
    environments: dict[str, str | CourseEnvironment] = Field(default_factory=dict)     # a text is the folder
    deadlines: dict[str, Deadline] = Field(default_factory=dict)       # by assignment
    cluster: Cluster = Cluster()


@dataclass(frozen=True, slots=True)
class Course:
    """A folder that holds `course.yaml`, and the folders beside it."""

    root: Path

    def settings(self) -> CourseFile:
        """Read `course.yaml`; one that says nothing leaves everything as it is.

        Raises:
            UserError: it is not what `CourseFile` takes; with file, line, field and remedy.

        """
        path = self.root / "course.yaml"
        if not path.is_file():
            return CourseFile()
        text, name = documents.text_of(path), documents.display_name(path)
        if all(not line.strip() or line.lstrip().startswith("#") for line in text.splitlines()):
            return CourseFile()
        return documents.loads(text, name, CourseFile)

    def environments(self) -> dict[str, CourseEnvironment]:
        """Give the environments that hand-ins may name.

        Raises:
            UserError: as `settings` does.

        """
        return {
            name: CourseEnvironment(folder=said) if isinstance(said, str) else said
            for name, said in self.settings().environments.items()
        }

    @property
    def sheets(self) -> Path:
        """Where the quiz sheets are, one YAML each."""
        return self.root / "quiz"

    @property
    def keys(self) -> Path:
        """Where the keys are; absent on a student's machine."""
        return self.root / "quiz" / "keys"

    @property
    def rubrics(self) -> Path:
        """Where the rubrics are, one YAML for each assignment."""
        return self.root / "rubrics"

    @property
    def submissions(self) -> Path:
        """Where hand-ins are looked for."""
        return self.root / "submissions"

    @property
    def reports(self) -> Path:
        """Where reports are written."""
        return self.root / "reports"

    @property
    def gradebook(self) -> Path:
        """Where attempts and points given by hand are kept."""
        return self.root / "gradebook.sqlite"

    @property
    def marks(self) -> Path:
        """Where files of points given by hand are looked for, one YAML for each group."""
        return self.root / "marks"

    @property
    def models(self) -> Path:
        """Where the reference models are, one file each."""
        return self.root / "reference_models"


def find_course(start: Path | None = None) -> Course:
    """Walk up from `start` (the current folder) to `course.yaml`; else take the one the program was installed from.

    Raises:
        UserError: there is none.

    """
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents, Path(__file__).resolve().parent.parent):
        if (folder / "course.yaml").is_file():
            return Course(folder)
    raise UserError(
        f"no course folder: neither {here} nor a folder above it holds a course.yaml; "
        "change into the course folder and call again"
    )
