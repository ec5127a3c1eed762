"""Was the model trained on the test images? They then come back better than images that are just as hard.

Two comparisons that need no other images. Over the whole test set: are its errors smaller than those of training
images, once how hard each image is has been taken out? And for images that nobody can have seen: does moving an image
by one pixel cost more on test images than on training images? For an honest model neither does, since it knows its
training images at least as well as the others. What is hard for a model is mostly hard for principal components too,
which take most of the chance out of either comparison.
"""

from __future__ import annotations

import numpy as np

from harness.metrics.base import Metric, Scene
from harness.metrics.intervals import bootstrap_difference
from harness.metrics.linear import PrincipalComponents, principal_components
from harness.metrics.pixels import mean_squared_error
from harness.records import Findings, Flag, Measurement

__all__ = ["METRICS", "measure_known"]

METRICS: tuple[Metric, ...] = (
    Metric(
        name="reconstruction.even_gap", title="Test error over training error, equally hard images", unit="share",
        better="neither", family="reconstruction",
        explains="By what share test images come back worse than training images that are as hard; far below zero, the "
                 "model knows the test images better than those it may have been trained with.",
    ),
    Metric(
        name="reconstruction.moved_gap", title="Cost of moving test images, beside training images", unit="share",
        better="neither", family="reconstruction",
        explains="By what share moving by one pixel raises the error of test images more than that of training images; "
                 "far above zero, the model knows the test images as they are.",
    ),
)

SIGNS = {"reconstruction.even_gap": -1.0, "reconstruction.moved_gap": 1.0}
"""Which side of 0 is suspicious."""

KNOWN, CERTAIN = 0.01, 1.6
"""Flagged beyond this share, and beyond this many half-widths of the interval: of a thousand honest models, chance
takes one there. On Fashion-MNIST, reference VAEs have 0.013 to 0.017 and -0.019 to -0.009, an untrained one -0.008 and
0.000, one trained for ten epochs on the test set -0.010 and 0.007."""

SIZES, FITTED = (2, 8, 20, 60), 5_000
"""Numbers of components whose errors say how hard an image is: a model that has learned little is like the fewest."""

LEAST_ERROR = 1e-8


def measure_known(scene: Scene, test_errors: np.ndarray, train_errors: np.ndarray) -> Findings:
    """Compare errors (n,) and (m,) of test and training images with each other, and with those of moved images."""
    evidence = scene.evidence
    images = {
        "test": scene.data.test.images[evidence.test_index],
        "train": scene.data.train.images[evidence.train_index[:len(train_errors)]],
    }
    errors = {"test": test_errors, "train": train_errors}
    others = np.ones(len(scene.data.train.images), bool)
    others[evidence.train_index[:len(train_errors)]] = False
    components = _components(scene.data.train.images[others if others.sum() > max(SIZES) else ~others])
    logs = {name: _logs(errors[name]) for name in images}
    hard = {name: _log_errors(components, images[name]) for name in images}
    measurements = [_compare(METRICS[0], scene, logs, hard)]
    if all(name in evidence.moved for name in images):
        rises, hard_rises = {}, {}
        for name, moved in evidence.moved.items():
            if moved.reconstructions is None:
                continue
            rises[name] = _logs(mean_squared_error(moved.images, moved.reconstructions)) - logs[name][moved.place]
            hard_rises[name] = _log_errors(components, moved.images) - hard[name][moved.place]
        measurements.append(_compare(METRICS[1], scene, rises, hard_rises))
    return Findings(measurements=measurements, flags=_flags(measurements))


def _components(train: np.ndarray) -> list[PrincipalComponents]:
    """Fit components to training images that are not compared: they must know neither these nor the test images."""
    most = principal_components(train[::max(1, len(train) // FITTED)], size=max(SIZES))
    return [PrincipalComponents(most.mean, np.ascontiguousarray(most.basis[:, :size])) for size in SIZES]


def _log_errors(components: list[PrincipalComponents], images: np.ndarray) -> np.ndarray:
    """Say how hard each image (n, h, w) is: (n, k) logarithms of the errors of the components."""
    return np.stack([_logs(mean_squared_error(images, one.reconstruct(images))) for one in components], axis=1)


def _logs(errors: np.ndarray) -> np.ndarray:
    logs: np.ndarray = np.log(np.maximum(errors.astype(np.float64), LEAST_ERROR))
    return logs


def _compare(
    metric: Metric, scene: Scene, logs: dict[str, np.ndarray], hard: dict[str, np.ndarray],
) -> Measurement:
    """Measure by what share "test" is above "train", without what the same numbers of the components explain."""
    ours = np.concatenate([logs[name] - logs[name].mean() for name in ("test", "train")])
    theirs = np.concatenate([hard[name] - hard[name].mean(axis=0) for name in ("test", "train")])
    slopes = np.linalg.lstsq(theirs, ours, rcond=None)[0]
    test, train = (logs[name] - hard[name] @ slopes for name in ("test", "train"))
    low, high = bootstrap_difference(test, train, resamples=scene.budget.bootstrap, seed=scene.seed)
    return metric.measured(
        np.expm1(test.mean() - train.mean()), sample_size=len(test), interval=(np.expm1(low), np.expm1(high)),
        settings={
            "compared": "mean logarithms of the errors", "hardness": f"PCA of {', '.join(map(str, SIZES))} numbers",
            "training images": float(len(train)),
        },
    )


def _flags(measurements: list[Measurement]) -> list[Flag]:
    """Flag test images that the model knows better than training images, by more than chance explains."""
    evidence: dict[str, float | str] = {}
    for one in measurements:
        low, high = one.interval or (one.value, one.value)
        sign, limit = SIGNS[one.name], max(KNOWN, CERTAIN * (high - low) / 2.0)
        if sign * one.value > limit:
            name = one.name.removeprefix("reconstruction.")
            evidence |= {
                name: one.value, f"{name}_from": low, f"{name}_to": high, f"{name}_flagged_beyond": sign * limit,
            }
    if not evidence:
        return []
    return [Flag(
        name="test_images_known",
        message="Test images are reconstructed better than images that are just as hard: the model may have been "
                "trained on the test set.",
        evidence=evidence,
    )]
