"""What a code costs and what it uses: numbers, bits, active units, divergence from the prior."""

from __future__ import annotations

import numpy as np

from harness.limits import BITS_PER_NUMBER
from harness.metrics.base import Metric
from harness.metrics.intervals import bootstrap_mean
from harness.metrics.pictures import table
from harness.records import Findings

__all__ = ["ACTIVE_VARIANCE", "METRICS", "active_units", "divergence", "measure_codes"]

ACTIVE_VARIANCE = 0.01
"""A unit whose mean varies less than this over the images carries nothing (Burda et al. 2016, section
5)."""

METRICS: tuple[Metric, ...] = (
    Metric(
        name="reconstruction.code_numbers", title="Numbers in a code", unit="numbers", better="neither",
        family="reconstruction",
        explains="How many numbers the encoder makes of an image; a larger code reconstructs more "
                 "easily.",
    ),
    Metric(
        name="reconstruction.code_bits", title="Bits in a code", unit="bits per image", better="neither",
        family="reconstruction",
        explains="How much a code may hold at most: its numbers cross to the decoder with 16 bits each.",
    ),
    Metric(
        name="reconstruction.active_units", title="Active units", unit="units", better="neither",
        family="reconstruction",
        explains="How many numbers of the code change from image to image (variance over 0.01); the "
                 "others have collapsed to the prior and carry nothing.",
    ),
    Metric(
        name="reconstruction.kl", title="Divergence from the prior", unit="nats per image", better="neither",
        family="reconstruction",
        explains="How far the stated posteriors lie from a standard normal prior: the price in nats of "
                 "telling one image from another.",
    ),
)


def active_units(means: np.ndarray) -> np.ndarray:
    """Say of each unit whether its posterior mean (n, d) varies over the images: (d,) bool."""
    active: np.ndarray = means.var(axis=0, dtype=np.float64) > ACTIVE_VARIANCE
    return active


def divergence(means: np.ndarray, log_variances: np.ndarray) -> np.ndarray:
    """Give KL(N(m, v) || N(0, 1)) of each unit of each image, in nats: (n, d) float64 from (n, d) each.

    (m² + v - 1 - log v) / 2 (Kingma and Welling 2014, appendix B).
    """
    logs = log_variances.astype(np.float64)
    nats: np.ndarray = 0.5 * (np.square(means.astype(np.float64)) + np.exp(logs) - 1.0 - logs)
    return nats


def measure_codes(
    codes: np.ndarray, posterior: tuple[np.ndarray, np.ndarray] | None, *, resamples: int, seed: int,
) -> Findings:
    """Measure codes (n, d) of test images, and the stated posterior of the same images where there is one."""
    numbers, bits, active, kl = METRICS
    count, size = codes.shape
    means = codes if posterior is None else posterior[0]
    measurements = [
        numbers.measured(size, sample_size=count),
        bits.measured(
            size * BITS_PER_NUMBER, sample_size=count, settings={"bits per number": BITS_PER_NUMBER},
        ),
        active.measured(
            active_units(means).sum(), sample_size=count, settings={"least variance": ACTIVE_VARIANCE},
            baselines={"all": size},
        ),
    ]
    variances = means.var(axis=0, dtype=np.float64)
    order = np.argsort(-variances, kind="stable")
    columns: dict[str, np.ndarray] = {"unit": order, "variance of the mean": variances[order]}
    if posterior is not None:
        nats = divergence(*posterior)
        low, high = bootstrap_mean(nats.sum(axis=1), resamples=resamples, seed=seed)
        measurements.append(kl.measured(
            nats.sum(axis=1).mean(), sample_size=count, interval=(low, high),
            note="From the mean and the variance that the model states itself.",
        ))
        columns["nats"] = nats.mean(axis=0)[order]
    units = table("What each unit of the code carries, the busiest first.", columns)
    return Findings(measurements=measurements, tables={"reconstruction.units": units})
