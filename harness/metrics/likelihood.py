"""How probable the model finds test images: log density, in nats and in bits per dimension."""

from __future__ import annotations

import numpy as np

from harness.metrics.base import Metric, Scene
from harness.metrics.intervals import normal_mean
from harness.records import Findings, Flag

__all__ = ["METRICS", "UNIFORM_BITS", "bits_per_dimension", "measure"]

METRICS: tuple[Metric, ...] = (
    Metric(
        name="likelihood.nats", title="Log-likelihood", unit="nats per image", better="higher",
        family="likelihood", self_reported=True,
        explains="The logarithm of the density that the model gives to an unseen image, averaged over "
                 "images.",
    ),
    Metric(
        name="likelihood.bits_per_dimension", title="Bits per dimension", unit="bits per pixel",
        better="lower", family="likelihood", self_reported=True,
        explains="How many bits a pixel of 256 grey values would cost if the model were used to "
                 "compress; 8 is what it costs without any model.",
    ),
)

UNIFORM_BITS = 8.0
"""What uniform noise over 256 grey values costs per pixel; a model that is worse has learned nothing."""

SELF_REPORTED = "Self-reported: nothing checks that the density integrates to one, so a person gives points for it. "

KINDS = {
    "exact": "Exact, as the model states it.",
    "bound": "A lower bound on the log density, as the model states it: the true value may be better.",
    "estimate": "An estimate, as the model states it: it may err to either side.",
}

UNLIKELY_NATS = 20.0
"""No density lets an image of uniform noise exceed this, but once in 500 million: its mean over the unit cube is one,
so that it exceeds exp(t) with a probability of at most exp(-t) (Markov)."""


def bits_per_dimension(nats: np.ndarray, *, pixels: int) -> np.ndarray:
    """Turn log densities (n,) of images with `pixels` dequantised intensities in [0, 1] into bits per pixel.

    With u uniform on [0, 1) and y = (x + u) / 256 for grey values x in 0..255, the expected log density
    of y bounds the log probability of x from below by log p(y) - pixels log 256 (Theis et al. 2016,
    section 3.1), so that a pixel costs 8 - log p(y) / (pixels log 2) bits: 8 for the uniform density.
    """
    bits: np.ndarray = UNIFORM_BITS - np.asarray(nats, np.float64) / (pixels * np.log(2.0))
    return bits


def measure(scene: Scene) -> Findings:
    """Average the log densities that the model gave to uniformly dequantised test images."""
    nats = scene.evidence.log_prob
    if nats is None or not len(nats):
        return Findings()
    kind = scene.evidence.log_prob_kind
    pixels = int(np.prod(scene.data.test.images.shape[1:]))
    bits = bits_per_dimension(nats, pixels=pixels)
    settings: dict[str, float | str] = {"kind": kind, "images": "uniformly dequantised to [0, 1]"}
    note = SELF_REPORTED + KINDS.get(kind, "")
    numbers = np.asarray(nats, np.float64)
    measurements = [
        METRICS[0].measured(
            numbers.mean(), sample_size=len(nats), interval=normal_mean(numbers), settings=settings,
            baselines={"uniform": 0.0}, note=note,
        ),
        METRICS[1].measured(
            bits.mean(), sample_size=len(nats), interval=normal_mean(bits), settings=settings,
            baselines={"uniform": UNIFORM_BITS}, note=note,
        ),
    ]
    return Findings(measurements=measurements, flags=[*_flags(bits), *_noise_flags(scene.evidence.log_prob_noise)])


def _flags(bits: np.ndarray) -> list[Flag]:
    """Flag what cannot be a density of images: worse than none at all, or better than any."""
    low, high = normal_mean(bits)
    evidence: dict[str, float | str] = {"bits_per_dimension": float(bits.mean()), "from": low, "to": high}
    if bits.mean() > UNIFORM_BITS:
        return [Flag(
            name="worse_than_uniform",
            message="The model finds test images less probable than uniform noise: the density or its "
                    "units are probably wrong (nats, images in [0, 1], summed over pixels are asked "
                    "for).",
            evidence=evidence | {"flagged_above": UNIFORM_BITS},
        )]
    if bits.mean() < 0.0:
        return [Flag(
            name="impossible_likelihood",
            message="The model claims to store images in less than no bits: no density of images can give that. The "
                    "density or its units are wrong (nats, images in [0, 1], summed over pixels are asked for).",
            evidence=evidence | {"flagged_below": 0.0},
        )]
    return []


def _noise_flags(noise: np.ndarray | None) -> list[Flag]:
    """Flag log densities (n,) of uniform noise that no density can have, which must integrate to one."""
    if noise is None or not (noise > UNLIKELY_NATS).any():
        return []
    largest = min(float(noise[noise > UNLIKELY_NATS].max()), float(np.finfo(np.float32).max))   # JSON has no infinity
    return [Flag(
        name="no_density",
        message="The model gives uniform noise a density that a function that integrates to one cannot have there: its "
                "log_prob is not the logarithm of a density.",
        evidence={
            "largest_nats_of_noise": largest, "images": float(len(noise)), "flagged_above": UNLIKELY_NATS,
        },
    )]
