"""How close the distribution of samples is to that of the test images, as two networks see them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from harness.data import CLASSES
from harness.metrics.base import Metric, Perception, Scene
from harness.metrics.frechet import FrechetDistance, frechet
from harness.metrics.intervals import bootstrap_statistic, normal_mean, wilson
from harness.metrics.kernel import KernelDistance, kernel_distance
from harness.metrics.neighbours import Manifolds, compare_manifolds
from harness.metrics.pictures import grid, table
from harness.records import Findings, Flag, Measurement, Picture, Table

__all__ = ["METRICS", "class_balance", "measure"]

RELATIVE = "share of the variance of real features"

METRICS: tuple[Metric, ...] = (
    Metric(
        name="distribution.fid", title="Fréchet distance", unit="squared feature distance", better="lower",
        family="distribution",
        explains="How far the samples as a whole lie from the test images: the distance between two "
                 "Gaussians fitted to what the judge network sees. Only distances by the same network "
                 "compare.",
    ),
    Metric(
        name="distribution.fid_relative", title="Fréchet distance, relative", unit=RELATIVE, better="lower",
        family="distribution",
        explains="The Fréchet distance over the variance of the real features: 0 is the same, about 1 "
                 "and above is nothing in common. Differences under 3 % are ties.",
    ),
    Metric(
        name="distribution.counter_fid", title="Fréchet distance, second network", better="lower",
        unit="squared feature distance", family="distribution",
        explains="The same as a second, differently built network sees it; images tuned to please the "
                 "first do not please the second.",
    ),
    Metric(
        name="distribution.counter_fid_relative", title="Fréchet distance, relative, second network",
        unit=RELATIVE, better="lower", family="distribution",
        explains="Should agree with the first network's; where it does not, a person should look.",
    ),
    Metric(
        name="distribution.kid", title="Kernel distance", unit="squared kernel distance", better="lower",
        family="distribution",
        explains="Like the Fréchet distance, without assuming Gaussians, and free of bias for few "
                 "samples; it may fall slightly below 0 when nothing tells the sets apart.",
    ),
    Metric(
        name="distribution.precision", title="Precision", unit="share", better="higher",
        family="distribution",
        explains="The share of samples that lie among the real images: how realistic single samples are.",
    ),
    Metric(
        name="distribution.recall", title="Recall", unit="share", better="higher",
        family="distribution",
        explains="The share of test images that lie among the samples: how much of the variety is there.",
    ),
    Metric(
        name="distribution.density", title="Density", unit="ratio", better="higher", family="distribution",
        explains="How deep the samples lie among the real images; 1 is like real ones, more is too "
                 "typical.",
    ),
    Metric(
        name="distribution.coverage", title="Coverage", unit="share", better="higher", family="distribution",
        explains="The share of test images with a sample in their close neighbourhood: the steadiest "
                 "measure of variety.",
    ),
    Metric(
        name="distribution.class_balance", title="Imbalance of classes", unit="total variation",
        better="lower", family="distribution",
        explains="How uneven the judge finds the ten classes among the samples: 0 is even, 0.9 is one "
                 "class alone.",
    ),
    Metric(
        name="distribution.confidence", title="Confidence of the judge", unit="probability", better="higher",
        family="distribution",
        explains="How sure the judge is of the class of a sample: blurred mixtures make it doubt.",
    ),
    Metric(
        name="distribution.label_accuracy", title="Class as asked", unit="share", better="higher",
        family="distribution",
        explains="How often the judge sees in a sample the class that was asked for.",
    ),
    Metric(
        name="distribution.inception_fid", title="Fréchet distance, Inception-v3", better="lower",
        unit="squared feature distance", family="distribution",
        explains="The Fréchet distance as papers report it, by a network that was trained on photographs.",
    ),
)

TABLE = {metric.name.removeprefix("distribution."): metric for metric in METRICS}

REAL, MEAN, NOISE = "training images", "mean image", "noise"

SAME_SAMPLE = 1e-6
"""A difference of intensities that rounding can explain."""

DISAGREEMENT, LEAST_DISTANCE = 2.0, 0.05
"""The networks disagree where one sees this many times the distance that the other sees, if it is more than noise."""

COLLAPSED_RECALL, COLLAPSED_PRECISION = 0.01, 0.5
"""A collapsed model: next to no test image lies among its samples, though they are real enough."""

MISSING_SHARE = 0.01
"""A class with fewer of the samples than this is called missing; an even share is 0.1."""


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """Everything that is computed from one set of images."""

    fid: FrechetDistance
    counter: FrechetDistance
    kid: KernelDistance
    manifolds: Manifolds
    classes: np.ndarray         # (n, 10) probabilities
    real_count: int

    def numbers(self) -> dict[str, float]:
        return {
            "fid": self.fid.value, "fid_relative": self.fid.relative, "counter_fid": self.counter.value,
            "counter_fid_relative": self.counter.relative, "kid": self.kid.value,
            "precision": float(self.manifolds.precise.mean()),
            "recall": float(self.manifolds.recalled.mean()),
            "density": float(self.manifolds.density.mean()),
            "coverage": float(self.manifolds.covered.mean()),
            "class_balance": class_balance(self.classes.argmax(axis=1)),
            "confidence": float(self.classes.max(axis=1).mean(dtype=np.float64)),
        }


def measure(scene: Scene) -> Findings:
    """Measure how the samples are distributed beside the test images."""
    samples, labels = scene.evidence.samples, scene.evidence.sample_labels
    if samples is None or len(samples) < 2:
        return Findings()
    seen = _compare(scene.perception, *scene.of_samples("judge"), scene.of_samples("counter")[0])
    predicted = seen.classes.argmax(axis=1)
    measurements = _measurements(scene, seen, _baselines(scene, len(samples)))
    if labels is not None:
        right = float((predicted == labels).mean())
        measurements.append(TABLE["label_accuracy"].measured(
            right, sample_size=len(samples), interval=wilson(right, len(samples)),
            settings={"classes": "judge"},
        ))
    measurements += _measure_inception(scene, samples)
    of_test = scene.perception.of("judge", "test")[1].argmax(axis=1)
    return Findings(
        measurements=measurements,
        tables={"distribution.classes": _classes(predicted, of_test)},
        pictures={"distribution.samples": _samples(samples, predicted, labels)},
        flags=[*_quality_flags(seen), *_seed_flags(scene)],
    )


def _measure_inception(scene: Scene, samples: np.ndarray) -> list[Measurement]:
    """Measure the distance that papers report, where the weights are at hand; slow without a GPU."""
    if scene.inception_weights is None:
        return []
    from harness.features import inception_features

    real = inception_features(scene.data.test.images, scene.inception_weights)
    found = frechet(real, inception_features(samples, scene.inception_weights))
    return [TABLE["inception_fid"].measured(
        found.value, sample_size=len(samples), interval=found.interval,
        settings={"features": "Inception-v3 of torch-fidelity", "test images": float(len(real))},
        note="Compare only with figures by the same extractor, the same images and as many samples.",
    )]


def class_balance(classes: np.ndarray) -> float:
    """Give the total variation between the shares of ten classes among (n,) and a tenth each, in [0, 0.9]."""
    return float(_imbalance(np.bincount(classes, minlength=len(CLASSES))[None])[0])


def _imbalance(counts: np.ndarray) -> np.ndarray:
    shares = counts / counts.sum(axis=1, keepdims=True)
    distances: np.ndarray = 0.5 * np.abs(shares - 1.0 / len(CLASSES)).sum(axis=1)
    return distances


def _see(perception: Perception, images: np.ndarray) -> _Seen:
    features, classes = perception.features("judge", images)
    return _compare(perception, features, classes, perception.features("counter", images)[0])


def _compare(
    perception: Perception, features: np.ndarray, classes: np.ndarray, counter_features: np.ndarray,
) -> _Seen:
    real = perception.of("judge", "test")[0]
    return _Seen(
        fid=frechet(real, features), counter=frechet(perception.of("counter", "test")[0], counter_features),
        kid=kernel_distance(real, features), manifolds=compare_manifolds(real, features), classes=classes,
        real_count=len(real),
    )


def _baselines(scene: Scene, count: int) -> dict[str, dict[str, float]]:
    """Give the metric -> the baseline -> its value: as many training images, mean images, images of noise."""
    train = scene.data.train.images
    size = train.shape[1:]

    def of_training() -> dict[str, float]:
        return _see(scene.perception, train[:count]).numbers()

    def of_mean() -> dict[str, float]:
        mean = np.rint(train.mean(axis=0, dtype=np.float64)).astype(np.uint8)
        return _see(scene.perception, np.broadcast_to(mean, (count, *size))).numbers()

    def of_noise() -> dict[str, float]:
        noise = np.random.default_rng(0).integers(0, 256, (count, *size), dtype=np.uint8)
        return _see(scene.perception, noise).numbers()

    made: dict[str, Callable[[], dict[str, float]]] = {REAL: of_training, MEAN: of_mean, NOISE: of_noise}
    found = {
        name: scene.recall(f"distribution.{name}.{count}.{scene.perception.judge_hash}", make)
        for name, make in made.items()
    }
    return {
        metric: {name: numbers[metric] for name, numbers in found.items()} for metric in found[REAL]
    }


def _measurements(scene: Scene, seen: _Seen, baselines: dict[str, dict[str, float]]) -> list[Measurement]:
    numbers, count = seen.numbers(), len(seen.classes)
    among = seen.manifolds
    counts = np.bincount(seen.classes.argmax(axis=1), minlength=len(CLASSES))
    intervals = {
        "fid": seen.fid.interval, "fid_relative": seen.fid.relative_interval,
        "counter_fid": seen.counter.interval, "counter_fid_relative": seen.counter.relative_interval,
        "kid": seen.kid.interval,
        "precision": wilson(numbers["precision"], count), "density": normal_mean(among.density),
        "recall": wilson(numbers["recall"], seen.real_count),
        "coverage": wilson(numbers["coverage"], seen.real_count),
        "class_balance": bootstrap_statistic(
            counts, _imbalance, resamples=scene.budget.bootstrap, seed=scene.seed),
        "confidence": normal_mean(seen.classes.max(axis=1)),
    }
    settings: dict[str, float | str] = {"test images": float(seen.real_count)}
    jackknife = settings | {"interval": "jackknife over ten blocks of samples"}
    particular: dict[str, dict[str, float | str]] = {
        "fid": {"features": "judge", **jackknife}, "fid_relative": {"features": "judge", **jackknife},
        "counter_fid": {"features": "counter-judge", **jackknife},
        "counter_fid_relative": {"features": "counter-judge", **jackknife},
        "kid": {"features": "judge", "kernel": "(x·y / f + 1)³", "subsets": "none, all pairs", **jackknife},
        "precision": {"features": "judge", "k": 3, "interval": "over samples", **settings},
        "recall": {"features": "judge", "k": 3, "interval": "over test images", **settings},
        "density": {"features": "judge", "k": 5, "interval": "over samples", **settings},
        "coverage": {"features": "judge", "k": 5, "interval": "over test images", **settings},
        "class_balance": {"classes": "judge"}, "confidence": {"classes": "judge"},
    }
    return [
        TABLE[name].measured(
            value, sample_size=count, interval=intervals[name], settings=particular[name],
            baselines=baselines[name],
        )
        for name, value in numbers.items()
    ]


def _quality_flags(seen: _Seen) -> list[Flag]:
    numbers = seen.numbers()
    flags = []
    ours, theirs = numbers["fid_relative"], numbers["counter_fid_relative"]
    # Honest models differ by some percent, mirrored images by 1.6 times, noise tuned to the judge by 20.
    if abs(ours - theirs) > LEAST_DISTANCE and max(ours, theirs) > DISAGREEMENT * min(ours, theirs):
        flags.append(Flag(
            name="judges_disagree",
            message="The two judge networks disagree about the samples: they may have been tuned to "
                    "one of them.",
            evidence={
                **_with_interval("fid_relative", ours, seen.fid.relative_interval),
                **_with_interval("counter_fid_relative", theirs, seen.counter.relative_interval),
                "ratio_flagged_above": DISAGREEMENT,
            },
        ))
    # Copies of a few good images: each one is real enough, and no test image lies among them.
    if numbers["recall"] < COLLAPSED_RECALL and numbers["precision"] > COLLAPSED_PRECISION:
        flags.append(Flag(
            name="collapse",
            message="Single samples look real, but together they show next to nothing of the variety "
                    "of the test images: the model may have collapsed to a few pictures.",
            evidence={
                **{name: numbers[name] for name in ("precision", "coverage")},
                **_with_interval("recall", numbers["recall"], wilson(numbers["recall"], seen.real_count)),
                "precision_flagged_above": COLLAPSED_PRECISION, "recall_flagged_below": COLLAPSED_RECALL,
            },
        ))
    shares = np.bincount(seen.classes.argmax(axis=1), minlength=len(CLASSES)) / len(seen.classes)
    missing = [name for name, share in zip(CLASSES, shares, strict=True) if share < MISSING_SHARE]
    if missing:
        flags.append(Flag(
            name="classes_missing",
            message=f"The judge finds hardly any samples of: {', '.join(missing)}.",
            evidence={
                **{name: float(share) for name, share in zip(CLASSES, shares, strict=True) if share < MISSING_SHARE},
                "samples": float(len(seen.classes)), "flagged_below": MISSING_SHARE,
            },
        ))
    return flags


def _with_interval(name: str, value: float, interval: tuple[float, float] | None) -> dict[str, float | str]:
    ends = {} if interval is None else {f"{name}_from": float(interval[0]), f"{name}_to": float(interval[1])}
    return {name: value, **ends}


def _seed_flags(scene: Scene) -> list[Flag]:
    """Compare the samples with what the same seed and another seed drew."""
    evidence = scene.evidence
    samples, flags = evidence.samples, []
    if samples is None:
        return []
    repeated, other = evidence.samples_repeated, evidence.samples_other
    if other is not None and len(other) and np.array_equal(other, samples[:len(other)]):
        flags.append(Flag(
            name="seed_ignored",
            message="Another seed drew exactly the same samples: the model does not use the seed that "
                    "it is given.",
            evidence={"images": float(len(other))},
        ))
    if repeated is not None and len(repeated):
        difference = float(np.abs(repeated - samples[:len(repeated)]).max())
        if difference > SAME_SAMPLE:
            flags.append(Flag(
                name="seed_unstable",
                message="The same seed drew different samples: a grade of them cannot be repeated "
                        "exactly.",
                evidence={
                    "largest_difference": difference, "images": float(len(repeated)), "flagged_above": SAME_SAMPLE,
                },
            ))
    return flags


def _classes(predicted: np.ndarray, of_test: np.ndarray) -> Table:
    return table("Classes that the judge sees among the samples and among the test images.", {
        "class": list(CLASSES),
        "samples": np.bincount(predicted, minlength=len(CLASSES)) / len(predicted),
        "test images": np.bincount(of_test, minlength=len(CLASSES)) / len(of_test),
    })


def _samples(
    samples: np.ndarray, predicted: np.ndarray, labels: np.ndarray | None, *, each: int = 10,
) -> Picture:
    """Lay out the first samples of each class in a row; without any choice, so that nothing is hidden."""
    classes = predicted if labels is None else labels
    tiles = np.zeros((len(CLASSES), each, *samples.shape[1:]), samples.dtype)
    for number in range(len(CLASSES)):
        chosen = np.flatnonzero(classes == number)[:each]
        tiles[number, :len(chosen)] = samples[chosen]
    which = "by the class that the judge sees" if labels is None else "by the class that was asked for"
    return grid(
        tiles.reshape(-1, *samples.shape[1:]), columns=each, row_labels=CLASSES,
        caption=f"The first samples of each class, {which}; a row stays dark where there are no more.",
        alt=f"Ten rows of samples, sorted {which}.",
    )
