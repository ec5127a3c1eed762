"""Hand-ins that attack, graded in one batch with an honest one; what of a grade lasts, and what a batch leaves."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import textwrap
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from harness.cli.running import grade_all
from harness.cli.workshop import workshop
from harness.course import Course
from harness.data import garments
from harness.grading import Workshop
from harness.limits import QUICK, Limits
from harness.records import Fault, GradeResult
from harness.sandbox.base import Box
from harness.sandbox.cgroup import find_hierarchy
from harness.sandbox.watch import descendants

ROOT = Path(__file__).parents[2]
MIB = 2**20

# Small enough to be reached within seconds; the time to start is generous, because torch is imported in it.
LIMITS = Limits(
    start_seconds=60, request_seconds=6, memory_bytes=900 * MIB, processes=40, disk_bytes=20 * MIB, log_bytes=100_000)
BUDGET = replace(
    QUICK, train_images=100, test_images=60, samples=80, pairs=10, points=5, probe_images=10, copies=50,
    bootstrap=20, fit_seconds=10.0, fit_grace_seconds=5.0, limits=LIMITS)

HONEST = """
import numpy as np

class Honest:
    framework = "numpy"

    def load(self, folder):
        self.scale = np.load(folder / "weights.npy")

    def encode(self, images):
        return images.reshape(-1, 4, 196).mean(2) * self.scale

    def decode(self, codes):
        return np.repeat((codes / self.scale).clip(0, 1), 196, axis=1).reshape(-1, 1, 28, 28)

    def sample(self, count, *, labels=None, seed):
        return self.decode(np.random.default_rng(seed).random((count, 4), dtype=np.float32) * self.scale)
"""
BYSTANDER = "from honest import Honest as Model"


def course_folder(folder: Path) -> Course:
    """A course with sheets, keys and rubrics, to be attacked in place of the one that is worked in."""
    for name in ("quiz", "rubrics"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "course.yaml", folder)
    return Course(folder)


def shop_for(course: Course, box: Box, *, limits: Limits = LIMITS, with_key: bool = True) -> Workshop:
    """A workshop on drawn images; nothing of it is kept, so that every grade is measured anew."""
    return workshop(
        course, garments(train=300, test=100), box, replace(BUDGET, limits=limits), seed=0, device="cpu", keep=False,
        with_key=with_key)


def hand_in(folder: Path, code: str, *, entry: str = "route: load, checkpoint: weights.npy") -> Path:
    """A folder as a group hands it in: its model in model.py, beside it the honest one that it may build on."""
    folder.mkdir(parents=True)
    (folder / "submission.yaml").write_text(
        f"group: {folder.name}\nmembers: [Ada Example]\nassignment: summer23\n"
        f'models: {{vae: {{source: "model.py:Model", {entry}}}}}\n')
    (folder / "honest.py").write_text(HONEST)
    (folder / "model.py").write_text(textwrap.dedent(code))
    np.save(folder / "weights.npy", np.float32(2))
    return folder


def lasting(result: Path) -> str:
    """What of a result.json does not tell the time."""
    told = json.loads(result.read_text())
    for field in ("created", "durations"):
        assert told["provenance"].pop(field)
    return json.dumps(told, indent=1)


@dataclass(frozen=True, slots=True)
class Batch:
    """What came of hand-ins that were graded together: results by group, and where they were written."""

    results: Mapping[str, GradeResult]
    reports: Path
    failed: Mapping[str, str]

    def faults(self, group: str) -> dict[str, Fault]:
        """The faults of a group's model by the stage that they came from."""
        return {fault.stage: fault for fault in self.results[group].measurements["vae"].faults}

    def values(self, group: str) -> dict[str, object]:
        """Everything that was measured of a group's model."""
        return {name: one.model_dump() for name, one in self.results[group].measurements["vae"].measurements.items()}


def grade_together(folders: list[Path], shop: Workshop, reports: Path) -> Batch:
    """Grade as `harness grade` does."""
    graded = grade_all(folders, shop, reports, quiet=True)
    return Batch({result.group: result for result, _ in graded.results}, reports, graded.failed)


@contextmanager
def own_temporary_folder(folder: Path) -> Iterator[Path]:
    """Let temporary files lie where nobody else's do, so that what is left of them can be seen."""
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield folder
    finally:
        tempfile.tempdir = before


def traces() -> dict[str, set[str]]:
    """What boxes of this process have made on this machine: processes, mounts, control groups, temporary files."""
    hierarchy = find_hierarchy()
    groups = {group for parent in (hierarchy.parents.values() if hierarchy else ())
              for group in parent.glob(f"harness-{os.getpid()}-*")}
    return {
        "processes": {str(number) for number in descendants(os.getpid()) if number != os.getpid()},
        "mounts": set(Path("/proc/self/mountinfo").read_text().splitlines()),
        "control groups": {str(group) for group in groups},
        "files": {str(path) for path in Path(tempfile.gettempdir()).rglob("harness-*")},
    }


def left_since(before: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """What of this is there now that was not there before; processes are given a moment to be reaped."""
    end = time.monotonic() + 5
    while True:
        left = {kind: new for kind, now in traces().items() if (new := now - before[kind])}
        if not left or time.monotonic() > end:
            return left
        time.sleep(0.1)


def running(words: str) -> list[str]:
    """The processes of this machine that have these words as name or in their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                told = (entry / "comm").read_text() + (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:     # it ended in the meantime
                continue
            if words in told.replace("\0", " "):
                found.append(told)
    return found
