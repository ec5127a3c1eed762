"""The same codes decoded once more, in other company and with coarser digits: neither may change the images."""

from __future__ import annotations

import numpy as np

from harness.evidence import Evidence
from harness.evidence.checks import LEVELS
from harness.metrics.base import Metric
from harness.metrics.intervals import bootstrap_mean
from harness.metrics.pixels import mean_squared_error
from harness.records import Findings, Flag, Measurement

__all__ = ["METRICS", "SAME_IMAGE", "measure_again"]

METRICS: tuple[Metric, ...] = (
    Metric(
        name="reconstruction.batch_difference", title="Difference in other company", unit="intensity per pixel",
        better="neither", family="reconstruction",
        explains="How much images differ when the same codes are decoded in another order, among others; each should "
                 "depend on its own code alone.",
    ),
    Metric(
        name="reconstruction.coarse_mse", title="Mean squared error with coarse codes", better="neither",
        unit="squared intensity per pixel", family="reconstruction",
        explains=f"The error when each number of a code is rounded to {LEVELS} levels: much larger means that the "
                 "image hides in the last digits.",
    ),
)

SAME_IMAGE = 1e-3
"""A mean difference that rounding can explain: a quarter of a grey level."""

HIDDEN = 1.5
"""Flagged where coarse codes raise the error to more than this many times. Rounding the codes of the reference VAEs to
256 levels raises it by 0.03 %."""


def measure_again(
    evidence: Evidence, originals: np.ndarray, errors: np.ndarray, *, resamples: int, seed: int,
) -> Findings:
    """Compare what was decoded again with what was decoded first.

    Args:
        evidence: of the model; its reconstructions are there.
        originals: test images (n, h, w) that were reconstructed.
        errors: (n,) squared errors of the reconstructions.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    """
    place = evidence.rebatched
    measurements: list[Measurement] = []
    flags: list[Flag] = []
    if place is None or evidence.reconstructions is None:
        return Findings()
    if evidence.images_rebatched is not None:
        differences = np.abs(evidence.images_rebatched - evidence.reconstructions[place]).mean(axis=(1, 2))
        low, high = bootstrap_mean(differences, resamples=resamples, seed=seed)
        measurements.append(METRICS[0].measured(
            differences.mean(), sample_size=len(place), interval=(low, high)))
        flags += _batch_flags(differences, float(low), float(high))
    if evidence.images_coarse is not None:
        found = mean_squared_error(originals[place], evidence.images_coarse)
        low, high = bootstrap_mean(found, resamples=resamples, seed=seed)
        as_they_are = float(errors[place].mean())
        measurements.append(METRICS[1].measured(
            found.mean(), sample_size=len(place), interval=(low, high), settings={"levels": LEVELS},
            baselines={"codes as they are": as_they_are}))
        flags += _digit_flags(found, as_they_are, float(low), float(high))
    return Findings(measurements=measurements, flags=flags)


def _batch_flags(differences: np.ndarray, low: float, high: float) -> list[Flag]:
    if differences.mean() <= SAME_IMAGE:
        return []
    return [Flag(
        name="images_depend_on_batch",
        message="The same codes gave other images when they were decoded in another order: an image depends on the "
                "batch that its code is in, as with batch normalisation in training mode, or on chance.",
        evidence={
            "mean_difference": float(differences.mean()), "from": low, "to": high, "images": float(len(differences)),
            "flagged_above": SAME_IMAGE,
        },
    )]


def _digit_flags(found: np.ndarray, as_they_are: float, low: float, high: float) -> list[Flag]:
    limit = HIDDEN * as_they_are
    if low <= limit:
        return []
    return [Flag(
        name="image_in_digits",
        message=f"Rounding each number of the codes to one of {LEVELS} levels spoils the images: more than a place in "
                "a latent space seems to be packed into their digits.",
        evidence={
            "error_with_coarse_codes": float(found.mean()), "from": low, "to": high, "error": as_they_are,
            "flagged_above": limit,
        },
    )]
