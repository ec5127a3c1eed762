"""What the grades of one run share, and what names the results that are kept: code, libraries, settings."""

from __future__ import annotations

import hashlib
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Protocol

from harness import __version__
from harness.course import Course
from harness.data import Dataset
from harness.errors import UserError
from harness.limits import Budget
from harness.metrics.base import Perception, Recall
from harness.sandbox.base import Box

__all__ = ["STAGES", "Clock", "Keep", "NotKept", "Workshop", "code_of", "source_hash", "versions", "versions_of"]


class Keep(Protocol):
    """The stage store, as grading needs it: what a stage made, by what it was made from."""

    def recall(self, stage: str, inputs: Mapping[str, str], make: Callable[[], bytes]) -> bytes:
        """Give what `make()` gave for these inputs, now or earlier."""
        ...

    def holds(self, stage: str, inputs: Mapping[str, str]) -> bool:
        """Whether `recall` would give it without making it."""
        ...


class NotKept(Exception):  # noqa: N818 - carries a result past the store, it is no error
    """A result that must not be kept: the harness itself failed somewhere in it."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.content = content


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """Everything that the grades of one run share.

    Attributes:
        data: what models are trained and measured on.
        perception: makes the judges when the first model is measured; not called for a hand-in without models.
        keep: where results of stages are kept; None to make everything anew.
        with_key: whether the theory part is marked (where the key is at hand) or only checked for form.
        inception_weights: file of Inception-v3's weights, for a Fréchet distance to compare with papers; or None.
        threads: how many families of measurements are computed side by side; None: as many as the budget gives a
            worker. No number depends on it.
        turn: is entered while a model is on the device, so that models that share a graphics card take turns.

    """

    course: Course
    data: Dataset
    box: Box
    perception: Callable[[], Perception]
    recall: Recall
    budget: Budget
    seed: int = 0
    device: str = "cpu"
    keep: Keep | None = None
    with_key: bool = True
    data_option: str = ""
    inception_weights: Path | None = None
    threads: int | None = None
    turn: Callable[[], AbstractContextManager[None]] = nullcontext

    def kept(self, stage: str, inputs: Mapping[str, str], make: Callable[[], bytes]) -> bytes:
        """Recall the result of a stage or make it; one in which the harness failed is given, and not kept."""
        try:
            return self.keep.recall(stage, inputs, make) if self.keep else make()
        except NotKept as result:
            return result.content


@dataclass(slots=True)
class Clock:
    """How long each stage took, by its name."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time that the block takes."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begun


_PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "umap-learn")

_READING = ("records.py", "limits.py", "documents.py", "pdf")
_CODE: Mapping[str, tuple[str, ...]] = {
    "model": (
        "contract.py", "forms.py", "limits.py", "wire.py", "records.py", "measuring.py", "worker", "sandbox",
        "evidence", "features", "metrics", "weights/judges.json",
    ),
    "baseline": ("weights/judges.json", "metrics", "features"),
    "answers": (*_READING, "quiz"),
    "theory": (*_READING, "quiz"),
    "report": (*_READING, "quiz", "handin"),
    "page": ("records.py", "documents.py", "report"),
}
"""The files and folders of the package that each stage's result depends on; another stage's may change."""

_LIBRARIES: Mapping[str, tuple[str, ...]] = {
    "model": _PACKAGES, "answers": ("pypdfium2", "pyyaml", "pillow"), "theory": ("pypdfium2", "pyyaml", "pillow"),
    "report": ("pypdfium2", "pillow"), "page": ("jinja2",),
}


STAGES = tuple(_CODE)
"""Every stage whose results are kept."""


def code_of(stage: str) -> dict[str, str]:
    """Name the code that makes a stage's result: a hash over its sources, and the versions of what it uses."""
    return {"code": source_hash(*_CODE[stage]), **versions_of(*_LIBRARIES.get(stage, ()))}


def versions() -> dict[str, str]:
    """Give the versions of what a measurement depends on."""
    return {"harness": __version__, **versions_of(*_PACKAGES)}


@cache
def _version_of(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError as error:
        raise UserError(f"{package} is not installed; run `make install` in the project's folder") from error


def versions_of(*packages: str) -> dict[str, str]:
    """Give the version of Python, and of each package."""
    return {"python": platform.python_version(), **{package: _version_of(package) for package in packages}}


@cache
def source_hash(*rooms: str) -> str:
    """Hash files of the package, and sources and templates below folders of it, so that a change is noticed."""
    digest = hashlib.sha256()
    for room in rooms:
        place = Path(__file__).parent / room
        files = (file for file in place.rglob("*") if file.suffix in {".py", ".html", ".css"})
        for file in sorted(files) if place.is_dir() else [place]:
            digest.update(file.read_bytes())
    return digest.hexdigest()
