"""Are samples copies of test images? A model that has only seen training images cannot know them."""

from __future__ import annotations

import numpy as np

from harness.metrics.base import Metric, Scene
from harness.metrics.intervals import wilson
from harness.metrics.k_nearest import k_nearest
from harness.metrics.lookup import PixelLookup, mirrored, shifted
from harness.metrics.pixels import nearest_by_pixels
from harness.records import Findings, Flag

__all__ = ["METRICS", "measure_twins"]

METRICS: tuple[Metric, ...] = (
    Metric(
        name="copies.share_test", title="Copies of test images", unit="share", better="lower", family="copies",
        explains="The share of samples that lie nearer to some test image, in pixels or in the judge's features, than "
                 "half the distance that is usual for other real images; mirrored and shifted copies count.",
    ),
)

TWIN_SHARE = 0.05
"""Flagged above this, and above twice the share of training images of which the same is true."""

REFERENCES = 1_000
"""Training images whose nearest test image says what is usual."""


def measure_twins(scene: Scene, samples: np.ndarray, features: np.ndarray) -> Findings:
    """Look samples (n, h, w) uint8, with the judge's features (n, f), up among the test images."""
    lookup = PixelLookup(scene.data.test.images)
    judge = scene.perception.judge_hash
    usual = scene.recall(f"twins.usual.{judge}", lambda: _usual(scene))

    def of_training() -> dict[str, float]:
        count = min(len(samples), len(scene.data.train.images))
        seen = scene.perception.of("judge", "train")[0][:count]
        return {"share": float(_near(scene, scene.data.train.images[:count], seen, lookup, usual).mean())}

    real = scene.recall(f"twins.training.{len(samples)}.{judge}", of_training)["share"]
    share = float(_near(scene, samples, features, lookup, usual).mean())
    interval = wilson(share, len(samples))
    measurement = METRICS[0].measured(
        share, sample_size=len(samples), interval=interval, baselines={"training images": real},
        settings={
            "test images": float(len(scene.data.test.images)), "closer in features than": 0.5 * usual["features"],
            "closer in pixels than": 0.5 * usual["pixels"], "variants": "mirrored, shifted by one pixel to four sides",
        },
    )
    return Findings(measurements=[measurement], flags=_flags(share, real, interval, len(samples)))


def _usual(scene: Scene) -> dict[str, float]:
    """Give the median distances of training images to their nearest test image."""
    train, test = scene.data.train.images, scene.data.test.images
    chosen = slice(None, None, max(1, len(train) // REFERENCES))
    errors = nearest_by_pixels(train[chosen], test)[1]
    features = scene.perception.of("judge", "train")[0][chosen]
    squared = k_nearest(features, scene.perception.of("judge", "test")[0], k=1)[0]
    return {
        "pixels": float(np.median(np.sqrt(errors * train[0].size))), "features": float(np.median(np.sqrt(squared))),
    }


def _near(
    scene: Scene, images: np.ndarray, features: np.ndarray, lookup: PixelLookup, usual: dict[str, float],
) -> np.ndarray:
    """Say of each image (n, h, w) uint8 whether it lies suspiciously near to a test image: (n,) bool."""
    test = scene.perception.of("judge", "test")[0]
    near = np.zeros(len(images), bool)
    for seen in (features, scene.perception.features("judge", mirrored(images))[0]):
        near |= np.sqrt(k_nearest(seen, test, k=1)[0][:, 0]) < 0.5 * usual["features"]
    for variant in (images, mirrored(images), *shifted(images)):
        near |= lookup.closer_than(0.5 * usual["pixels"], variant)[0] >= 0
    return near


def _flags(share: float, real: float, interval: tuple[float, float], count: int) -> list[Flag]:
    limit = max(TWIN_SHARE, 2.0 * real)
    if interval[0] <= limit:
        return []
    return [Flag(
        name="test_images_copied",
        message=f"{share:.1%} of the samples lie much nearer to a test image than is usual, and only {real:.1%} of the "
                "training images do: the model seems to have been given the test set.",
        evidence={
            "share_test": share, "from": interval[0], "to": interval[1], "training_images": real,
            "samples": float(count), "flagged_above": limit,
        },
    )]
