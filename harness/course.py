"""The course folder: where sheets, keys, rubrics, hand-ins and reports lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.errors import UserError

__all__ = ["Course", "find_course"]


@dataclass(frozen=True, slots=True)
class Course:
    """A folder that holds `course.yaml`, and the folders beside it."""

    root: Path

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
