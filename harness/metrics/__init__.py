"""The measurements: one file for each family, and the two tables that everyone else reads.

A new metric is a function and a line of `METRICS` in the file of its family; a new family is a file and its
lines here. Importing this costs NumPy alone: what is heavier is imported by the function that needs it.
"""

from __future__ import annotations

from harness.metrics import clusters, copies, distribution, interpolation, likelihood, reconstruction, translation
from harness.metrics.base import Family, Metric

__all__ = ["FAMILIES", "METRICS"]

FAMILIES: tuple[Family, ...] = (
    Family(
        name="reconstruction", title="Reconstruction", needs=("encode", "decode"),
        measure=reconstruction.measure, cost=0.7,
    ),
    Family(
        name="distribution", title="Distribution of samples", needs=("sample",),
        measure=distribution.measure, cost=3,
    ),
    Family(
        name="copies", title="Copying and collapse", needs=("sample",),
        measure=copies.measure, cost=4,
    ),
    Family(
        name="clusters", title="Latent clusters", needs=("encode",),
        measure=clusters.measure, cost=6,
    ),
    Family(
        name="interpolation", title="Interpolation", needs=("encode", "decode"),
        measure=interpolation.measure, cost=2,
    ),
    Family(
        name="likelihood", title="Likelihood", needs=("log_prob",),
        measure=likelihood.measure, cost=0.1,
    ),
    Family(
        name="translation", title="Translation", needs=("translate",),
        measure=translation.measure, cost=2,
    ),
)
"""In the order of the report."""

METRICS: dict[str, Metric] = {
    metric.name: metric
    for family in (
        reconstruction.METRICS,
        distribution.METRICS,
        copies.METRICS,
        clusters.METRICS,
        interpolation.METRICS,
        likelihood.METRICS,
        translation.METRICS,
    )
    for metric in family
}
"""From the name of a measurement to how it is read."""
