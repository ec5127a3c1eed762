"""reconstruction: to be written."""

from __future__ import annotations

from harness.metrics.base import Metric, Scene
from harness.records import Findings

__all__ = ["METRICS", "measure"]

METRICS: tuple[Metric, ...] = ()


def measure(scene: Scene) -> Findings:
    """Measure."""
    raise NotImplementedError
