"""The course folder: where sheets, keys, rubrics, hand-ins and reports lie, and what `course.yaml` says."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator

from harness import documents
from harness.errors import UserError
from harness.limits import BITS_PER_NUMBER, GIB, Budget, Role
from harness.records import Record

__all__ = [
    "CodeLimits", "Course", "CourseEnvironment", "CourseFile", "CourseLimits", "FitLimits", "RoleLimits", "find_course",
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


class CourseFile(Record):
    """What `course.yaml` says."""

    title: str = ""
    limits: CourseLimits = CourseLimits()
    environments: dict[str, str | CourseEnvironment] = Field(default_factory=dict)     # a text is the folder


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
