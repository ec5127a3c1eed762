"""How well codes bring images back: in pixels, and as the judge sees them."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from harness.data import CLASSES
from harness.metrics import again, codes, known, probes
from harness.metrics.base import Metric, Scene
from harness.metrics.frechet import frechet
from harness.metrics.intervals import bootstrap_difference, bootstrap_mean, bootstrap_quantile, wilson
from harness.metrics.linear import PrincipalComponents, principal_components
from harness.metrics.pictures import grid, table
from harness.metrics.pixels import (
    BCE_CLIP,
    MSE_FLOOR,
    PIXEL_ERRORS,
    as_float,
    mean_squared_error,
    nearest_by_pixels,
    pixel_errors,
)
from harness.records import Findings, Flag, Measurement, Picture, Table

__all__ = ["METRICS", "measure"]

SQUARED = "squared intensity per pixel"

ERRORS: tuple[Metric, ...] = (
    Metric(
        name="reconstruction.mse", title="Mean squared error", unit=SQUARED, better="lower",
        family="reconstruction",
        explains="The squared difference between an image and its reconstruction, averaged over pixels "
                 "and images.",
    ),
    Metric(
        name="reconstruction.mae", title="Mean absolute error", unit="intensity per pixel", better="lower",
        family="reconstruction",
        explains="The difference between an image and its reconstruction without its sign, averaged "
                 "over pixels.",
    ),
    Metric(
        name="reconstruction.psnr", title="Peak signal-to-noise ratio", unit="dB", better="higher",
        family="reconstruction",
        explains="The squared error on a logarithmic scale, for each image and then averaged: 10 dB "
                 "more is a tenth of the error.",
    ),
    Metric(
        name="reconstruction.bce", title="Binary cross-entropy", unit="nats per image", better="lower",
        family="reconstruction",
        explains="The loss that many VAEs are trained with: each intensity read as the probability of "
                 "a white pixel. It does not reach zero on grey pixels.",
    ),
    Metric(
        name="reconstruction.ssim", title="Structural similarity", unit="similarity", better="higher",
        family="reconstruction",
        explains="Compares brightness, contrast and structure in small windows; 1 is the same image.",
    ),
)
"""In the order of `PIXEL_ERRORS`."""

OTHERS: tuple[Metric, ...] = (
    Metric(
        name="reconstruction.mse_p95", title="Mean squared error, 95th percentile", unit=SQUARED,
        better="lower", family="reconstruction",
        explains="One image in twenty is reconstructed worse than this.",
    ),
    Metric(
        name="reconstruction.train_mse", title="Mean squared error on training images", unit=SQUARED,
        better="lower", family="reconstruction",
        explains="The same error on images that the model was trained with.",
    ),
    Metric(
        name="reconstruction.train_gap", title="Test error minus training error", unit=SQUARED,
        better="lower", family="reconstruction",
        explains="How much worse unseen images are reconstructed; large means overfitting, below zero "
                 "is odd.",
    ),
    Metric(
        name="reconstruction.fid_relative", title="Fréchet distance of reconstructions", better="lower",
        unit="share of the variance of real features", family="reconstruction",
        explains="How far the reconstructions as a whole lie from the originals in the judge's eyes; "
                 "blur costs here what pixels do not show.",
    ),
    Metric(
        name="reconstruction.class_agreement", title="Class kept", unit="share", better="higher",
        family="reconstruction",
        explains="How often the judge sees the same class in the reconstruction as in the original.",
    ),
)

METRICS: tuple[Metric, ...] = (
    *ERRORS, *OTHERS, *known.METRICS, *codes.METRICS, *probes.METRICS, *again.METRICS,
)

SETTINGS: dict[str, dict[str, float | str]] = {
    "psnr": {"least squared error": MSE_FLOOR, "mean": "over images, of dB"},
    "bce": {"intensities kept from 0 and 1 by": BCE_CLIP},
    "ssim": {"window": "Gaussian 11x11, sigma 1.5", "padding": "none", "K1": 0.01, "K2": 0.03, "range": 1.0},
}

MEAN, LINEAR, NEAREST = "mean image", "PCA of the same size", "nearest training image"

NEAREST_IMAGES = 500
"""Test images whose nearest training image is looked up for the baseline."""


def measure(scene: Scene) -> Findings:
    """Measure how the model reconstructs test and training images."""
    evidence = scene.evidence
    if evidence.reconstructions is None or evidence.test_codes is None:
        return Findings()
    trivial = _Baselines(scene, size=evidence.test_codes.shape[1])
    errors = pixel_errors(trivial.originals, evidence.reconstructions)
    seen = _Seen(scene, evidence.reconstructions)
    baselines = trivial.values()
    options = {"resamples": scene.budget.bootstrap, "seed": scene.seed}
    of_codes = codes.measure_codes(evidence.test_codes, evidence.posterior, **options)
    of_probes = probes.measure_probes(
        evidence.probes, code_numbers=trivial.size, components=lambda: trivial.components,
        mean_image=trivial.mean_image, recall=scene.recall, **options,
    )
    of_training = _train_errors(scene)
    gap = [] if of_training is None else _measure_gap(scene, errors[:, 0], of_training)
    of_known = Findings() if of_training is None else known.measure_known(scene, errors[:, 0], of_training)
    checked = again.measure_again(evidence, trivial.originals, errors[:, 0], **options)
    labels = scene.data.test.labels[evidence.test_index]
    measured = _measure_errors(scene, errors, baselines)
    return Findings(
        measurements=[
            *measured,
            *gap,
            *of_known.measurements,
            *_measure_seen(seen, baselines),
            *of_codes.measurements,
            *of_probes.measurements,
            *checked.measurements,
        ],
        tables={"reconstruction.per_class": _per_class(errors, seen.agrees, labels), **of_codes.tables},
        pictures={
            "reconstruction.examples": _examples(
                trivial.originals, evidence.reconstructions, errors[:, 0], labels),
            **of_probes.pictures,
        },
        flags=[*_worse_than_the_mean(measured[0]), *of_probes.flags, *of_known.flags, *checked.flags],
    )


def _worse_than_the_mean(error: Measurement) -> list[Flag]:
    """Flag reconstructions that one grey image for all would beat: the weights may be of another data set."""
    mean = error.baselines[MEAN]
    if error.interval is None or error.interval[0] <= mean:
        return []
    return [Flag(
        name="worse_than_mean_image",
        message="The mean training image, given as the answer to every image, would be closer to the test images than "
                "these reconstructions: the weights may be those of another data set, or untrained, or the declared "
                "range of images may be wrong.",
        evidence={"mean squared error": error.value, "from": error.interval[0], "to": error.interval[1],
                  "of the mean image": mean, "flagged above": mean},
    )]


class _Seen:
    """What the judge sees of reconstructions of the test images in hand."""

    def __init__(self, scene: Scene, images: np.ndarray) -> None:
        features, classes = scene.perception.of("judge", "test")
        index = scene.evidence.test_index
        found, found_classes = scene.perception.features("judge", images)
        self.distance = frechet(features[index], found, paired=True)
        self.agrees = classes[index].argmax(axis=1) == found_classes.argmax(axis=1)

    def numbers(self) -> dict[str, float]:
        return {"fid_relative": self.distance.relative, "class_agreement": float(self.agrees.mean())}


@dataclass(frozen=True, eq=False)
class _Baselines:
    """What needs no learning: the mean image, PCA, the nearest training image."""

    scene: Scene
    size: int

    @cached_property
    def originals(self) -> np.ndarray:
        index = self.scene.evidence.test_index
        images = self.scene.data.test.images
        return images if len(index) == len(images) else images[index]

    @cached_property
    def mean_image(self) -> np.ndarray:
        return as_float(self.scene.data.train.images.mean(axis=0, dtype=np.float64) / 255.0)

    @cached_property
    def components(self) -> PrincipalComponents:
        return principal_components(self.scene.data.train.images, size=self.size)

    def values(self) -> dict[str, dict[str, float]]:
        """Give the metric -> the baseline -> its value."""
        index = zlib.crc32(np.ascontiguousarray(self.scene.evidence.test_index, np.int64).tobytes())
        name = f"{index:08x}.{self.scene.perception.judge_hash}"
        recall = self.scene.recall
        found = {
            MEAN: recall(f"reconstruction.mean.{name}", self._of_mean),
            LINEAR: recall(f"reconstruction.pca.{self.size}.{name}", self._of_components),
            NEAREST: recall(f"reconstruction.nearest.{name}", self._of_nearest),
        }
        metrics = {metric for numbers in found.values() for metric in numbers}
        return {
            metric: {baseline: numbers[metric] for baseline, numbers in found.items() if metric in numbers}
            for metric in metrics
        }

    def _of_mean(self) -> dict[str, float]:
        images = np.broadcast_to(self.mean_image, self.originals.shape)
        return _pixel_means(self.originals, images) | _Seen(self.scene, images).numbers()

    def _of_components(self) -> dict[str, float]:
        images = self.components.reconstruct(self.originals)
        return _pixel_means(self.originals, images) | _Seen(self.scene, images).numbers()

    def _of_nearest(self) -> dict[str, float]:
        some = self.originals[:: max(1, len(self.originals) // NEAREST_IMAGES)][:NEAREST_IMAGES]
        index, _ = nearest_by_pixels(some, self.scene.data.train.images)
        return _pixel_means(some, self.scene.data.train.images[index])


def _pixel_means(originals: np.ndarray, images: np.ndarray) -> dict[str, float]:
    errors = pixel_errors(originals, images)
    means = dict(zip(PIXEL_ERRORS, map(float, errors.mean(axis=0)), strict=True))
    return means | {"mse_p95": _percentile(errors[:, 0])}


def _percentile(values: np.ndarray) -> float:
    return float(np.quantile(values, 0.95, method="inverted_cdf"))


def _measure_errors(
    scene: Scene, errors: np.ndarray, baselines: dict[str, dict[str, float]],
) -> list[Measurement]:
    options = {"resamples": scene.budget.bootstrap, "seed": scene.seed}
    ends = bootstrap_mean(errors, **options)
    measurements = [
        metric.measured(
            errors[:, place].mean(), sample_size=len(errors), interval=(ends[place, 0], ends[place, 1]),
            settings=SETTINGS.get(PIXEL_ERRORS[place]), baselines=baselines[PIXEL_ERRORS[place]],
        )
        for place, metric in enumerate(ERRORS)
    ]
    measurements.append(OTHERS[0].measured(
        _percentile(errors[:, 0]), sample_size=len(errors), baselines=baselines["mse_p95"],
        interval=bootstrap_quantile(errors[:, 0], 0.95, **options),
    ))
    return measurements


def _train_errors(scene: Scene) -> np.ndarray | None:
    images = scene.evidence.train_reconstructions
    if images is None:
        return None
    return mean_squared_error(scene.data.train.images[scene.evidence.train_index[:len(images)]], images)


def _measure_gap(scene: Scene, test_errors: np.ndarray, errors: np.ndarray) -> list[Measurement]:
    options = {"resamples": scene.budget.bootstrap, "seed": scene.seed}
    low, high = bootstrap_mean(errors, **options)
    return [
        OTHERS[1].measured(errors.mean(), sample_size=len(errors), interval=(low, high)),
        OTHERS[2].measured(
            test_errors.mean() - errors.mean(), sample_size=len(errors),
            interval=bootstrap_difference(test_errors, errors, **options),
        ),
    ]


def _measure_seen(seen: _Seen, baselines: dict[str, dict[str, float]]) -> list[Measurement]:
    count = len(seen.agrees)
    agreement = float(seen.agrees.mean())
    return [
        OTHERS[3].measured(
            seen.distance.relative, sample_size=count, interval=seen.distance.relative_interval,
            settings={"features": "judge", "interval": "jackknife over ten blocks"},
            baselines=baselines["fid_relative"],
        ),
        OTHERS[4].measured(
            agreement, sample_size=count, interval=wilson(agreement, count),
            settings={"classes": "judge"}, baselines=baselines["class_agreement"],
        ),
    ]


def _per_class(errors: np.ndarray, agrees: np.ndarray, labels: np.ndarray) -> Table:
    present = [number for number in range(len(CLASSES)) if (labels == number).any()]
    members = [labels == number for number in present]
    columns: dict[str, list[float | str | None]] = {
        "class": [CLASSES[number] for number in present],
        "images": [float(member.sum()) for member in members],
    }
    for place, name in enumerate(PIXEL_ERRORS):
        columns[name] = [float(errors[member, place].mean()) for member in members]
    columns["class kept"] = [float(agrees[member].mean()) for member in members]
    return table("Reconstruction of the test images, class by class.", columns)


def _examples(
    originals: np.ndarray, images: np.ndarray, errors: np.ndarray, labels: np.ndarray,
) -> Picture:
    tiles, names = [], []
    for number, name in enumerate(CLASSES):
        members = np.flatnonzero(labels == number)
        if not len(members):
            continue
        ranked = members[np.argsort(errors[members], kind="stable")]
        names.append(name)
        for place in (ranked[0], ranked[(len(ranked) - 1) // 2], ranked[-1]):
            tiles += [as_float(originals[place]), as_float(images[place])]
    return grid(
        np.stack(tiles), columns=6, row_labels=names,
        column_labels=["best", "reconstructed", "median", "reconstructed", "worst", "reconstructed"],
        caption="The best, the median and the worst reconstruction of each class, by squared error.",
        alt="A row for each class: three test images, each beside its reconstruction.",
    )
