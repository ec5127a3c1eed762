"""Are samples copies of training images, or of each other? Flags with evidence, never a deduction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.metrics import twins
from harness.metrics.base import Metric, Scene
from harness.metrics.intervals import wilson
from harness.metrics.k_nearest import k_nearest
from harness.metrics.lookup import PixelLookup, mirrored, shifted
from harness.metrics.pictures import grid, to_uint8
from harness.metrics.pixels import nearest_by_pixels
from harness.records import Findings, Flag, Picture

__all__ = ["METRICS", "authentic", "measure"]

OF_TRAINING: tuple[Metric, ...] = (
    Metric(
        name="copies.share_features", title="Copies, as the judge sees them", unit="share", better="lower",
        family="copies",
        explains="The share of samples that lie nearer to some training image than half the distance "
                 "that is usual for unseen real images, in the judge's features; mirrored ones count.",
    ),
    Metric(
        name="copies.share_pixels", title="Copies, pixel by pixel", unit="share", better="lower",
        family="copies",
        explains="The same, compared pixel by pixel; mirrored and slightly shifted copies count.",
    ),
    Metric(
        name="copies.authenticity", title="Authenticity", unit="share", better="higher", family="copies",
        explains="The share of samples that are farther from their nearest training image than that "
                 "one is from its own nearest neighbour. Shown, not decisive: a few copies among many "
                 "samples hardly move it.",
    ),
    Metric(
        name="copies.duplicates", title="Repeats among the samples", unit="share", better="lower",
        family="copies",
        explains="The share of samples that look to the judge almost like another sample: nearer than "
                 "a quarter of the distance that is usual among as many training images.",
    ),
)

METRICS: tuple[Metric, ...] = (*OF_TRAINING, *twins.METRICS)

COPY_SHARE, DUPLICATE_SHARE = 0.05, 0.2
"""Flagged above these. The share of copies must also be above twice that of real test images, which is 0.037 by
features and 0.025 by pixels on Fashion-MNIST: a model that draws as well as nature must not be suspected. A tenth of
copies among samples has 0.097."""

REFERENCES = 1_000
"""Test images whose nearest training image says what is usual."""


@dataclass(frozen=True, slots=True, eq=False)
class _Looked:
    """What was found about images (n, h, w) uint8 among the training images."""

    place: np.ndarray           # (n,) nearest training image in features
    distance: np.ndarray        # (n,) how far, mirrored or not
    twin: np.ndarray            # (n,) nearest in pixels where it is closer than half of what is usual, or -1
    twin_distance: np.ndarray   # (n,)
    authentic: np.ndarray       # (n,) bool
    among: np.ndarray           # (n,) distance in features to the nearest other image of the same set
    usual: dict[str, float]     # median distances of real images

    def numbers(self) -> dict[str, float]:
        return {
            "share_features": float((self.distance < 0.5 * self.usual["features"]).mean()),
            "share_pixels": float((self.twin >= 0).mean()),
            "authenticity": float(self.authentic.mean()),
            "duplicates": float((self.among < 0.25 * self.usual["among"]).mean()),
        }


def measure(scene: Scene) -> Findings:
    """Look samples up among the training images and among each other."""
    if scene.evidence.samples is None or len(scene.evidence.samples) < 2:
        return Findings()
    samples = to_uint8(scene.evidence.samples)
    some = samples[:scene.budget.copies]
    usual = _usual(scene, len(samples))
    lookup = PixelLookup(scene.data.train.images)
    looked = _look(scene, some, scene.of_samples("judge")[0], lookup, usual)
    numbers = looked.numbers()
    real = _of_real(scene, len(some), lookup, usual)
    shared: dict[str, float | str] = {"training images": float(len(scene.data.train.images))}
    settings: dict[str, dict[str, float | str]] = {
        "share_features": shared | {"closer than": 0.5 * usual["features"], "variants": "mirrored"},
        "share_pixels": shared | {"closer than": 0.5 * usual["pixels"],
                                  "variants": "mirrored, shifted by one pixel to four sides"},
        "authenticity": shared,
        "duplicates": {"closer than": 0.25 * usual["among"], "samples": float(len(samples))},
    }
    measurements = []
    for metric in OF_TRAINING:
        name = metric.name.removeprefix("copies.")
        measurements.append(metric.measured(
            numbers[name], sample_size=len(some), interval=wilson(numbers[name], len(some)),
            settings=settings[name], baselines={"test images": real[name]} if name in real else {},
        ))
    of_test = twins.measure_twins(scene, some, scene.of_samples("judge")[0][:len(some)])
    return Findings(
        measurements=measurements + of_test.measurements, flags=_flags(numbers, real, len(some)) + of_test.flags,
        pictures={"copies.nearest": _picture(some, scene.data.train.images, looked)},
    )


def authentic(samples: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Say of each sample (n, f) whether it is authentic: (n,) bool (Alaa et al. 2022, section 3.3).

    It is not where it lies nearer to its nearest training image (m, f) than any other training image
    does.
    """
    return _authentic(*_nearest(samples, train), train)


def _authentic(place: np.ndarray, distance: np.ndarray, train: np.ndarray) -> np.ndarray:
    places, back = np.unique(place, return_inverse=True)
    # The nearest to a training image is itself, at 0; the second is its nearest neighbour.
    of_neighbour = np.sqrt(k_nearest(train[places], train, k=2)[0][:, -1])
    real: np.ndarray = distance >= of_neighbour[back]
    return real


def _nearest(queries: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the nearest of the points (m, f) to each query (n, f): index and Euclidean distance, each (n,)."""
    squared, index = k_nearest(queries, points, k=1)
    return index[:, 0], np.sqrt(squared[:, 0])


def _look(
    scene: Scene, images: np.ndarray, features: np.ndarray, lookup: PixelLookup, usual: dict[str, float],
) -> _Looked:
    """Look up images (n, h, w) uint8; `features` (m, f) are of them and of the rest of their set."""
    train = scene.perception.of("judge", "train")[0]
    of_mirrored = scene.perception.features("judge", mirrored(images))[0]
    places, distances = _nearest(np.concatenate([features[:len(images)], of_mirrored]), train)
    places, distances = places.reshape(2, -1), distances.reshape(2, -1)
    real = _authentic(places[0], distances[0], train)
    nearer = distances[1] < distances[0]
    place, distance = np.where(nearer, places[1], places[0]), distances.min(axis=0)
    twin, twin_distance = np.full(len(images), -1), np.full(len(images), np.inf)
    for variant in (images, mirrored(images), *shifted(images)):
        found, how_far = lookup.closer_than(0.5 * usual["pixels"], variant)
        nearer = how_far < twin_distance
        twin[nearer], twin_distance[nearer] = found[nearer], how_far[nearer]
    return _Looked(place, distance, twin, twin_distance, real, _among(features, len(images)), usual)


def _usual(scene: Scene, count: int) -> dict[str, float]:
    """Give the median distances of test images to training images, and among `count` training images."""
    def of_test() -> dict[str, float]:
        train, test = scene.data.train.images, scene.data.test.images
        chosen = slice(None, None, max(1, len(test) // REFERENCES))
        errors = nearest_by_pixels(test[chosen], train)[1]
        features = scene.perception.of("judge", "test")[0][chosen]
        distances = _nearest(features, scene.perception.of("judge", "train")[0])[1]
        return {
            "pixels": float(np.median(np.sqrt(errors * train[0].size))),
            "features": float(np.median(distances)),
        }

    def among_train() -> dict[str, float]:
        features = scene.perception.of("judge", "train")[0][:count]
        return {"among": float(np.median(_among(features, REFERENCES)))}

    judge = scene.perception.judge_hash
    return (
        scene.recall(f"copies.usual.{judge}", of_test)
        | scene.recall(f"copies.among.{count}.{judge}", among_train)
    )


def _of_real(scene: Scene, count: int, lookup: PixelLookup, usual: dict[str, float]) -> dict[str, float]:
    """Give the same shares of test images."""
    def make() -> dict[str, float]:
        test = scene.data.test.images
        features = scene.perception.of("judge", "test")[0]
        return _look(scene, test[:count], features, lookup, usual).numbers()

    return scene.recall(f"copies.test.{count}.{scene.perception.judge_hash}", make)


def _among(features: np.ndarray, count: int) -> np.ndarray:
    """Give the distance of each of the first `count` to its nearest other one among all features (n, f)."""
    distances: np.ndarray = np.sqrt(k_nearest(features[:count], features, k=1, leave_out_own=True)[0][:, 0])
    return distances


def _flags(numbers: dict[str, float], real: dict[str, float], count: int) -> list[Flag]:
    flags = []
    evidence: dict[str, float | str] = {
        name: numbers[name] for name in ("share_features", "share_pixels", "authenticity")
    }
    # The lower end of the interval: so many must there be at least, whatever chance did.
    suspect = [name for name in ("share_features", "share_pixels")
               if wilson(numbers[name], count)[0] > max(COPY_SHARE, 2.0 * real[name])]
    if suspect:
        worst = max(suspect, key=lambda name: numbers[name])
        flags.append(Flag(
            name="copies",
            message=f"{numbers[worst]:.1%} of the samples lie much nearer to a training image than is usual, and only "
                    f"{real[worst]:.1%} of unseen real images do: the model may have memorised them.",
            evidence=evidence | {
                "from": wilson(numbers[worst], count)[0], "to": wilson(numbers[worst], count)[1],
                "test_images": real[worst], "samples": float(count),
                "flagged_above": max(COPY_SHARE, 2.0 * real[worst]),
            },
        ))
    if numbers["duplicates"] > DUPLICATE_SHARE:
        flags.append(Flag(
            name="duplicates",
            message=f"{numbers['duplicates']:.0%} of the samples look almost like another sample.",
            evidence={
                "duplicates": numbers["duplicates"], "from": wilson(numbers["duplicates"], count)[0],
                "to": wilson(numbers["duplicates"], count)[1], "samples": float(count),
                "flagged_above": DUPLICATE_SHARE,
            },
        ))
    return flags


def _picture(samples: np.ndarray, train: np.ndarray, looked: _Looked, *, examples: int = 12) -> Picture:
    """Put the samples nearest to a training image, as a share of what is usual, beside that image."""
    share = np.minimum(
        looked.distance / looked.usual["features"], looked.twin_distance / looked.usual["pixels"])
    chosen = np.argsort(share, kind="stable")[:examples]
    places = np.where(looked.twin[chosen] >= 0, looked.twin[chosen], looked.place[chosen])
    return grid(
        np.concatenate([samples[chosen], train[places]]), columns=len(chosen),
        row_labels=["sample", "nearest training image"],
        caption="The samples that lie nearest to a training image, the most suspicious first.",
        alt="A row of samples above a row of the training images nearest to them.",
    )
