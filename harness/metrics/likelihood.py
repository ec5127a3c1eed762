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
        family="likelihood",
        explains="The logarithm of the density that the model gives to an unseen image, averaged over "
                 "images.",
    ),
    Metric(
        name="likelihood.bits_per_dimension", title="Bits per dimension", unit="bits per pixel",
        better="lower", family="likelihood",
        explains="How many bits a pixel of 256 grey values would cost if the model were used to "
                 "compress; 8 is what it costs without any model.",
    ),
)

UNIFORM_BITS = 8.0
"""What uniform noise over 256 grey values costs per pixel; a model that is worse has learned nothing."""

KINDS = {
    "exact": "Exact, as the model states it; the harness has not checked that its density integrates to one.",
    "bound": "A lower bound on the log density, as the model states it: the true value may be better.",
    "estimate": "An estimate, as the model states it: it may err to either side.",
}


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
    note = KINDS.get(kind, "")
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
    flags = []
    if bits.mean() > UNIFORM_BITS:
        flags.append(Flag(
            name="worse_than_uniform",
            message="The model finds test images less probable than uniform noise: the density or its "
                    "units are probably wrong (nats, images in [0, 1], summed over pixels are asked "
                    "for).",
            evidence={"bits_per_dimension": float(bits.mean())},
        ))
    return Findings(measurements=measurements, flags=flags)
