"""Was the model trained on the test images? They then come back better than images that are just as hard.

Two comparisons that need no other images. Over the whole test set: are its errors smaller than those of training
images, once how hard each image is has been taken out? And for images that nobody can have seen: does moving an image
by one pixel cost more on test images than on training images? For an honest model neither does, since it knows its
training images at least as well as the others. What is hard for the model is mostly hard for principal components too,
which leaves a sixth of the variance.
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

LIMITS = {"reconstruction.even_gap": 0.0, "reconstruction.moved_gap": 0.01}
"""Flagged where the whole interval lies beyond. Reference VAEs have 0.013 to 0.022 and -0.017 to 0.011 on
Fashion-MNIST, whose test images are a little harder than its training images; ten epochs on the test set give -0.012
and 0.007, thirty epochs 0.022 by moving."""

COMPONENTS, FITTED = 20, 5_000
LEAST_ERROR = 1e-8


def measure_known(scene: Scene, test_errors: np.ndarray, train_errors: np.ndarray) -> Findings:
    """Compare errors (n,) and (m,) of test and training images with each other, and with those of moved images."""
    evidence = scene.evidence
    images = {
        "test": scene.data.test.images[evidence.test_index],
        "train": scene.data.train.images[evidence.train_index[:len(train_errors)]],
    }
    errors = {"test": test_errors, "train": train_errors}
    components = _hardness(scene.data.train.images)
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


def _hardness(train: np.ndarray) -> PrincipalComponents:
    return principal_components(train[::max(1, len(train) // FITTED)], size=COMPONENTS)


def _log_errors(components: PrincipalComponents, images: np.ndarray) -> np.ndarray:
    return _logs(mean_squared_error(images, components.reconstruct(images)))


def _logs(errors: np.ndarray) -> np.ndarray:
    logs: np.ndarray = np.log(np.maximum(errors.astype(np.float64), LEAST_ERROR))
    return logs


def _compare(
    metric: Metric, scene: Scene, logs: dict[str, np.ndarray], hard: dict[str, np.ndarray],
) -> Measurement:
    """Measure by what share "test" is above "train", without what the same numbers of the components explain."""
    centred = {name: (logs[name] - logs[name].mean(), hard[name] - hard[name].mean()) for name in ("test", "train")}
    products = sum(float(ours @ theirs) for ours, theirs in centred.values())
    slope = products / max(sum(float(theirs @ theirs) for _, theirs in centred.values()), LEAST_ERROR)
    test, train = (logs[name] - slope * hard[name] for name in ("test", "train"))
    low, high = bootstrap_difference(test, train, resamples=scene.budget.bootstrap, seed=scene.seed)
    return metric.measured(
        np.expm1(test.mean() - train.mean()), sample_size=len(test), interval=(np.expm1(low), np.expm1(high)),
        settings={
            "compared": "mean logarithms of the errors", "hardness": f"PCA of {COMPONENTS} numbers",
            "training images": float(len(train)),
        },
    )


def _flags(measurements: list[Measurement]) -> list[Flag]:
    """Flag test images that the model knows better than training images, by more than chance explains."""
    evidence: dict[str, float | str] = {}
    for one in measurements:
        low, high = one.interval or (one.value, one.value)
        limit = LIMITS[one.name]
        if high < limit if one.name == "reconstruction.even_gap" else low > limit:
            name = one.name.removeprefix("reconstruction.")
            evidence |= {name: one.value, f"{name}_from": low, f"{name}_to": high, f"{name}_flagged_beyond": limit}
    if not evidence:
        return []
    return [Flag(
        name="test_images_known",
        message="Test images are reconstructed better than images that are just as hard: the model may have been "
                "trained on the test set.",
        evidence=evidence,
    )]
