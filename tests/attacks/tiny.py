"""Small honest hand-ins and a small workshop, so that a grade in a test takes seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

from harness.course import Course
from harness.data import Dataset, load
from harness.features import Judges
from harness.grading import Keep, Workshop
from harness.limits import QUICK
from harness.sandbox.base import Box
from harness.sandbox.bubblewrap import BubblewrapBox

ROOT = Path(__file__).parents[2]
BUDGET = replace(
    QUICK, train_images=200, test_images=100, samples=100, pairs=10, probe_images=20, likelihood_images=50,
    translations=50, copies=50, bootstrap=20,
)
MANIFEST = """group: {group}
members: [Ada Example]
assignment: summer23
answers: answers.yaml
models: {{other: {{source: "model.py:Noise", route: fit}}}}
"""
NOISE = """import numpy as np

class Noise:
    framework = "numpy"

    def fit(self, images, labels, *, seed, device, deadline):
        pass

    def save(self, folder):
        (folder / "nothing.txt").write_text("nothing")

    def load(self, folder):
        pass

    def sample(self, count, *, labels=None, seed):
        return np.random.default_rng(seed).random((count, 1, 28, 28), dtype=np.float32)
"""
ANSWERS = "quiz: summer23\nanswers: {1a: yes, 1b: abstain}\n"


def noise_hand_in(folder: Path, *, group: str = "", **files: str) -> Path:
    """Write a hand-in with a model that needs no training; `files` replace its text by name ("model", "answers")."""
    folder.mkdir(parents=True)
    (folder / "submission.yaml").write_text(files.get("manifest", MANIFEST).format(group=group or folder.name))
    (folder / "answers.yaml").write_text(files.get("answers", ANSWERS))
    (folder / "model.py").write_text(files.get("model", NOISE))
    return folder


@cache
def garments() -> Dataset:
    """The drawn stand-in for the data."""
    return load("garments")


@cache
def _judges() -> Judges:
    return Judges(garments())


_measured: dict[str, dict[str, float]] = {}


def _recall(name: str, make: Callable[[], dict[str, float]]) -> dict[str, float]:
    if name not in _measured:
        _measured[name] = make()
    return _measured[name]


def small_workshop(*, keep: Keep | None = None, box: Box | None = None) -> Workshop:
    """Everything that a grade needs, in the real box, with as little to measure as can be."""
    return Workshop(
        course=Course(ROOT), data=garments(), box=box or BubblewrapBox.find(), perception=_judges, recall=_recall,
        budget=BUDGET, keep=keep,
    )
