"""What a family of metrics is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import numpy as np

from harness.data import Dataset
from harness.errors import HarnessFault
from harness.evidence import Evidence
from harness.limits import Budget
from harness.records import Better, Findings, Measurement

__all__ = ["Family", "Metric", "Perception", "Recall", "Scene"]

Recall = Callable[[str, Callable[[], dict[str, float]]], dict[str, float]]
"""`recall(name, make)` gives what `make()` gave the last time for this name, data set, budget and code.

For baselines, which depend on the data alone: `name` must hold every other thing they depend on.
"""


class Perception(Protocol):
    """The judge and the counter-judge, with what they see computed once and kept.

    `features(network, images)` -> (features (N, f) float32, class probabilities (N, 10) float32) for images
    (N, 28, 28), uint8 or float32 in [0, 1] (rounded to 8 bits first, unless `exact`, for differences smaller
    than a grey level). network: "judge" or "counter".
    `of(network, name)` gives the same for a named set: "test", "train" (all 60,000), and computes it once.
    """

    judge_hash: str

    def features(
        self, network: str, images: np.ndarray, *, exact: bool = False,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Give features and class probabilities of images."""

    def of(self, network: str, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Give the same for the named set, computed once."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Scene:
    """Everything a family of metrics may look at; none of it may be changed."""

    data: Dataset
    evidence: Evidence
    perception: Perception
    budget: Budget
    seed: int
    recall: Recall
    inception_weights: Path | None = None       # torch-fidelity's file, for distribution.inception_fid
    kept: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict, repr=False)
    lock: AbstractContextManager[Any] = field(default_factory=Lock, repr=False)     # families run side by side

    def of_samples(self, network: str) -> tuple[np.ndarray, np.ndarray]:
        """Give features and class probabilities of all samples, computed once for all families."""
        if self.evidence.samples is None:
            raise HarnessFault("a family that needs samples was asked to measure a model that has none")
        with self.lock:
            if network not in self.kept:
                self.kept[network] = self.perception.features(network, self.evidence.samples)
            return self.kept[network]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A line of the METRICS table: what a measurement is called, and how it is read."""

    name: str           # "reconstruction.mse"
    title: str          # "Mean squared error per pixel"
    unit: str
    better: Better
    family: str
    explains: str       # one sentence for a first-year student
    self_reported: bool = False     # the model's own word, which nothing checks: shown, and never marked

    def measured(
        self,
        value: float,
        *,
        sample_size: int,
        interval: tuple[float, float] | None = None,
        settings: dict[str, float | str] | None = None,
        baselines: dict[str, float] | None = None,
        note: str = "",
    ) -> Measurement:
        """Give the measurement of this metric; NumPy's numbers become Python's."""
        return Measurement(
            name=self.name, value=float(value), unit=self.unit, better=self.better,
            interval=None if interval is None else (float(interval[0]), float(interval[1])),
            sample_size=int(sample_size), settings=settings or {},
            baselines={name: float(number) for name, number in (baselines or {}).items()}, note=note,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A family of metrics: what the model must be able to do, and the function that measures."""

    name: str
    title: str
    needs: tuple[str, ...]      # capabilities
    measure: Callable[[Scene], Findings]
    cost: float = 1.0           # seconds it takes, roughly: families measured side by side start with the slowest
