"""Inputs that no small code can carry: a model that brings them back has seen more than the code."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from harness.metrics.base import Metric, Recall
from harness.metrics.intervals import bootstrap_mean
from harness.metrics.linear import PrincipalComponents
from harness.metrics.pictures import grid
from harness.metrics.pixels import mean_squared_error
from harness.records import Findings, Flag, Picture

__all__ = ["IDENTITY_SHARE", "METRICS", "PROBES", "measure_probes"]

PROBES = {
    "noise": "uniform noise",
    "permuted": "test images with their pixels permuted",
    "inverted": "test images with black and white exchanged",
}

IDENTITY_SHARE = 0.5
"""Noise or permuted pixels reconstructed with less than this share of the error of PCA are suspicious.

Independent pixels have no structure: with as many numbers as the code holds, PCA on images of clothes is
nearly as good on them as anything can be. Measured on noise and permuted pixels: a VAE about 0.11, PCA of
20 numbers 0.12, an identity 0, a copy with noise of 0.05 added 0.0025. Inverted images have
structure, so that a good model may well beat PCA there: they are shown and decide nothing. """

METRICS: tuple[Metric, ...] = tuple(
    Metric(
        name=f"reconstruction.probe_{name}", title=f"Error on {what}", unit="squared intensity per pixel",
        better="neither", family="reconstruction",
        explains="An honest small code cannot carry such inputs; an error near zero means that the "
                 "image itself reached the decoder.",
    )
    for name, what in PROBES.items()
)


def measure_probes(
    probes: Mapping[str, tuple[np.ndarray, np.ndarray]],
    *,
    code_numbers: int,
    components: Callable[[], PrincipalComponents],
    mean_image: np.ndarray,
    recall: Recall,
    resamples: int,
    seed: int,
) -> Findings:
    """Measure how well probes come back, and flag an identity.

    Args:
        probes: name -> (what was encoded, what was decoded), each (n, height, width).
        code_numbers: how many numbers the code has.
        components: gives the principal components of the training images, as many as the code has numbers.
        mean_image: (height, width) float32 in [0, 1].
        recall: keeps the baselines.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    """
    measurements, suspicious = [], {}
    for metric in METRICS:
        name = metric.name.removeprefix("reconstruction.probe_")
        if name not in probes:
            continue
        inputs, decoded = probes[name]
        errors = mean_squared_error(inputs, decoded)
        baselines = recall(
            f"probes.{name}.{code_numbers}.{zlib.crc32(np.ascontiguousarray(inputs).tobytes()):08x}",
            partial(_baselines, inputs, components, mean_image),
        )
        low, high = bootstrap_mean(errors, resamples=resamples, seed=seed)
        measurements.append(metric.measured(
            errors.mean(), sample_size=len(errors), interval=(low, high), baselines=baselines,
        ))
        if name != "inverted" and errors.mean() < IDENTITY_SHARE * baselines["PCA of the same size"]:
            suspicious[name] = (float(errors.mean()), float(low), float(high), baselines["PCA of the same size"])
    pictures = {"reconstruction.probes": _picture(probes)} if probes else {}
    return Findings(measurements=measurements, pictures=pictures, flags=_flags(suspicious, code_numbers))


def _baselines(
    inputs: np.ndarray, components: Callable[[], PrincipalComponents], mean_image: np.ndarray,
) -> dict[str, float]:
    constant = np.broadcast_to(mean_image, inputs.shape)
    return {
        "mean image": float(mean_squared_error(inputs, constant).mean()),
        "PCA of the same size": float(mean_squared_error(inputs, components().reconstruct(inputs)).mean()),
    }


def _flags(suspicious: Mapping[str, tuple[float, float, float, float]], code_numbers: int) -> list[Flag]:
    if not suspicious:
        return []
    evidence: dict[str, float | str] = {"code_numbers": float(code_numbers)}
    for name, (error, low, high, linear) in suspicious.items():
        evidence |= {
            f"{name}_error": error, f"{name}_error_from": low, f"{name}_error_to": high, f"{name}_error_of_pca": linear,
            f"{name}_flagged_below": IDENTITY_SHARE * linear,
        }
    return [Flag(
        name="identity",
        message=f"Inputs without any structure are reconstructed far better than {code_numbers} numbers "
                f"allow: the decoder seems to get the image itself, not only its code.",
        evidence=evidence,
    )]


def _picture(probes: Mapping[str, tuple[np.ndarray, np.ndarray]], *, examples: int = 4) -> Picture:
    rows = [
        np.stack([side[place % len(side)] for place in range(examples) for side in probes[name]])
        for name in probes
    ]
    return grid(
        np.concatenate(rows), columns=2 * examples, row_labels=list(probes),
        column_labels=["input", "decoded"] * examples,
        caption="Inputs that a small code cannot carry, each beside what the model makes of it.",
        alt="Noise, permuted and inverted images, each beside its reconstruction.",
    )
