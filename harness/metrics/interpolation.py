"""Interpolation: straight lines between the codes of two test images, decoded and looked at by the judge.

No one number suffices. A pixel cross-fade is as even as a VAE, snapping to training images is real at every
point, and a constant decoder is perfectly smooth. The score for rubrics (`interpolation_score`) therefore
asks for three things at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.data import CLASSES
from harness.evidence import Path
from harness.metrics.base import Metric, Scene
from harness.metrics.interpolation_score import Reference, interpolation_score
from harness.metrics.intervals import bootstrap_mean
from harness.metrics.k_nearest import k_nearest
from harness.metrics.lines import (
    Shape,
    class_switches,
    contrast_dip,
    cross_fade,
    line_shape,
    middle_points,
    path_length,
    spread,
    third_class,
)
from harness.metrics.pictures import grid, table
from harness.metrics.pixels import as_float
from harness.records import Better, Findings, Flag, Measurement, Picture, Table

__all__ = ["METRICS", "measure"]

KINDS = {"within": "within a class", "between": "between two classes"}
REALISM_PAIRS = 500
"""Lines of each kind that are looked up among the training images and that the score is made from."""

SHOWN = 5
STILL = 0.2
"""A line shorter than this many spreads of the features hardly moves: a VAE's measure 2, an untrained one's
0.05."""

CROSS_FADE = "pixel cross-fade"

Settings = dict[str, float | str]


def _metric(name: str, title: str, unit: str, better: Better, explains: str) -> Metric:
    return Metric(
        name=f"interpolation.{name}", title=title, unit=unit, better=better, family="interpolation",
        explains=explains,
    )


def _of_kind(name: str, title: str, unit: str, better: Better, explains: str) -> tuple[Metric, Metric]:
    first, second = (
        _metric(f"{name}_{kind}", f"{title}, {words}", unit, better, explains)
        for kind, words in KINDS.items()
    )
    return first, second


METRICS = (
    _metric(
        "score", "Interpolation score", "from 0 to 1", "higher",
        "Whether the way between two classes is even, believable in the middle and right at its ends.",
    ),
    *_of_kind(
        "step_variation", "Unevenness of the steps", "coefficient of variation", "lower",
        "How much the steps along the line differ in length, as the judge sees them: 0 means all alike.",
    ),
    *_of_kind(
        "largest_step", "Largest step", "share of the length", "lower",
        "How much of the whole change happens in a single step.",
    ),
    *_of_kind(
        "detour", "Detour", "length over distance of the ends", "lower",
        "How much longer the way is than the distance of its ends, as the judge sees it: 1 is straight.",
    ),
    *_of_kind(
        "realism", "Distance of the middle from real images", "times that of the ends", "lower",
        "How far images in the middle of the line are from any real one, compared with those at the ends.",
    ),
    *_of_kind(
        "contrast_dip", "Loss of contrast in the middle", "share", "lower",
        "How much paler the middle of the line is than its ends: double exposures are pale.",
    ),
    *_of_kind(
        "third_class", "Images of another class on the way", "share of points", "lower",
        "How many images on the line show a class that neither of the two images has.",
    ),
    _metric(
        "class_switches_between", "Changes of class on the way", "changes per line", "neither",
        "How often the predicted class changes between two images of different classes: once is ideal.",
    ),
    _metric(
        "path_length", "Perceptual path length", "squared spreads of the features", "neither",
        "How fast images change along lines between codes of samples; a decoder that ignores its code has 0.",
    ),
)

_BY_NAME = {metric.name.removeprefix("interpolation."): metric for metric in METRICS}


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """What the judge says about n lines; distances in spreads of the features.

    Attributes:
        shape: their steps.
        predicted: (n, points) classes.
        middle, ends: (m,) mean distance of the middle third and of the two ends to the nearest training
            image, for the first m <= `REALISM_PAIRS` lines.
        dip: (n,) loss of contrast.
        third: (n,) share of points of another class.
        end_error: (n,) mean distance of the two ends from the test images they stand for.

    """

    shape: Shape
    predicted: np.ndarray
    middle: np.ndarray
    ends: np.ndarray
    dip: np.ndarray
    third: np.ndarray
    end_error: np.ndarray


def measure(scene: Scene) -> Findings:
    """Measure lines within and between classes and the path length, each beside the pixel cross-fade."""
    measurements: list[Measurement] = []
    pictures: dict[str, Picture] = {}
    columns: dict[str, np.ndarray] = {}
    flags: list[Flag] = []
    for kind, path in (("within", scene.evidence.within), ("between", scene.evidence.between)):
        if path is None or not len(path.first):
            continue
        looked = _look(scene, path, path.images)
        faded = _cross_fade(scene, kind, path)
        measurements += _line_measurements(scene, kind, looked, faded)
        pictures[f"interpolation.{kind}"] = _picture(scene, kind, path)
        columns[kind] = looked.shape.shares.mean(axis=0)
        steps = range(path.images.shape[1] - 1)
        columns[f"cross-fade {kind}"] = np.array([faded[f"share_{step}"] for step in steps])
        if kind == "between":
            measurements.insert(0, _score(scene, looked, faded))
            flags += _still(scene, looked)
    if scene.evidence.path_steps is not None and len(scene.evidence.path_steps[0]):
        measurements.append(_path_length(scene, scene.evidence.path_steps))
    return Findings(
        measurements=measurements, pictures=pictures, flags=flags,
        tables={"interpolation.steps": _steps(columns)} if columns else {},
    )


def _look(scene: Scene, path: Path, images: np.ndarray) -> Looked:
    """Show lines (n, points, 28, 28) to the judge."""
    count, points = images.shape[:2]
    real, _ = scene.perception.of("judge", "test")
    features, probabilities = scene.perception.features("judge", images.reshape(-1, *images.shape[2:]))
    features = features.reshape(count, points, -1)
    predicted = probabilities.argmax(axis=1).reshape(count, points)
    unit = spread(real)
    some = features[:REALISM_PAIRS]
    labels = scene.data.test.labels
    originals = np.stack([real[path.first], real[path.second]], axis=1)
    gaps = features[:, [0, -1]].astype(np.float64) - originals
    return Looked(
        shape=line_shape(features), predicted=predicted,
        middle=_from_real(scene, some[:, middle_points(points)]) / unit,
        ends=_from_real(scene, some[:, [0, -1]]) / unit,
        dip=contrast_dip(images), third=third_class(predicted, labels[path.first], labels[path.second]),
        end_error=np.sqrt(np.square(gaps).sum(axis=2)).mean(axis=1) / unit,
    )


def _from_real(scene: Scene, features: np.ndarray) -> np.ndarray:
    """Give the mean distance of some points of each line (n, some, f) to the nearest training image: (n,)."""
    train, _ = scene.perception.of("judge", "train")
    squared, _ = k_nearest(features.reshape(-1, features.shape[2]), train, k=1)
    found: np.ndarray = np.sqrt(squared).reshape(features.shape[:2]).mean(axis=1)
    return found


def _cross_fade(scene: Scene, kind: str, path: Path) -> dict[str, float]:
    """Measure the cross-fade of the same pairs of test images, and what the score refers to; remembered."""
    points = path.images.shape[1]

    def make() -> dict[str, float]:
        images = cross_fade(*_ends(scene, path), points=points)
        looked = _look(scene, path, images)
        shares = looked.shape.shares.mean(axis=0)
        values = _values(looked)
        return {
            **values, "middle": float(looked.middle.mean()), "real": float(looked.ends.mean()),
            "evenness": max(1.0 - values["step_variation"], 0.0) / values["detour"],
            "mean_image": _mean_image_error(scene, path),
            **{f"share_{step}": float(share) for step, share in enumerate(shares)},
        }

    key = f"{len(path.first)} pairs/{points} points/seed {scene.seed}/{scene.perception.judge_hash}"
    return scene.recall(f"interpolation.cross_fade_{kind}/{key}", make)


def _mean_image_error(scene: Scene, path: Path) -> float:
    mean = scene.data.train.images.mean(axis=0, dtype=np.float64).astype(np.float32) / np.float32(255.0)
    features, _ = scene.perception.features("judge", mean[None])
    real, _ = scene.perception.of("judge", "test")
    gaps = real[np.concatenate([path.first, path.second])].astype(np.float64) - features
    return float(np.sqrt(np.square(gaps).sum(axis=1)).mean()) / spread(real)


def _ends(scene: Scene, path: Path) -> tuple[np.ndarray, np.ndarray]:
    images = scene.data.test.images
    return as_float(images[path.first]), as_float(images[path.second])


def _values(looked: Looked) -> dict[str, float]:
    """Give the value of each measurement of lines, without the kind in its name."""
    shape = looked.shape
    return {
        "step_variation": float(shape.variation.mean()),
        "largest_step": float(shape.shares.max(axis=1).mean()),
        "detour": float(_ratio(shape.length.mean(), shape.distance.mean())),
        "realism": float(_ratio(looked.middle.mean(), looked.ends.mean())),
        "contrast_dip": float(looked.dip.mean()),
        "third_class": float(looked.third.mean()),
        "class_switches": float(class_switches(looked.predicted).mean()),
    }


def _line_measurements(
    scene: Scene, kind: str, looked: Looked, faded: dict[str, float],
) -> list[Measurement]:
    shape, values = looked.shape, _values(looked)
    means = {
        "step_variation": shape.variation, "largest_step": shape.shares.max(axis=1),
        "contrast_dip": looked.dip, "third_class": looked.third,
        "class_switches": class_switches(looked.predicted),
    }
    resamples, seed = scene.budget.bootstrap, scene.seed
    ends = bootstrap_mean(np.stack(list(means.values()), axis=1), resamples=resamples, seed=seed)
    intervals = {name: (float(low), float(high)) for name, (low, high) in zip(means, ends, strict=True)}
    intervals["detour"] = _ratio_interval(scene, shape.length, shape.distance)
    intervals["realism"] = _ratio_interval(scene, looked.middle, looked.ends)
    settings: dict[str, Settings] = {"realism": {
        "middle": float(looked.middle.mean()), "ends": float(looked.ends.mean()),
        "unit of both": "spread of the test images' features", "nearest among": "training images",
    }}
    return [
        _measurement(
            f"{name}_{kind}", value, intervals[name], len(looked.middle if name == "realism" else looked.dip),
            {CROSS_FADE: faded[name]}, {"points": looked.predicted.shape[1], **settings.get(name, {})},
        )
        for name, value in values.items() if f"{name}_{kind}" in _BY_NAME
    ]


def _score(scene: Scene, looked: Looked, faded: dict[str, float]) -> Measurement:
    count = len(looked.middle)
    reference = Reference(**{name: faded[name] for name in ("evenness", "middle", "real", "mean_image")})
    shape = looked.shape
    lines = np.stack([
        *(part[:count] for part in (shape.variation, shape.length, shape.distance)),
        looked.middle, looked.end_error[:count],
    ], axis=1)
    value, parts = interpolation_score(lines.mean(axis=0), reference)
    resampled, _ = interpolation_score(_resampled(scene, lines), reference)
    low, high = np.quantile(resampled, [0.025, 0.975])
    names = ("evenness", "realism", "fidelity")
    return _measurement(
        "score", float(value), (float(low), float(high)), count, {CROSS_FADE: 0.0, "mean image": 0.0},
        {name: float(part) for name, part in zip(names, parts, strict=True)},
        note="Geometric mean of evenness, realism and fidelity of the ends, each against the cross-fade.",
    )


def _path_length(scene: Scene, steps: tuple[np.ndarray, np.ndarray]) -> Measurement:
    first, second = (scene.perception.features("judge", images, exact=True)[0] for images in steps)
    epsilon, unit = scene.evidence.path_epsilon, spread(scene.perception.of("judge", "test")[0])
    values = path_length(first, second, epsilon=epsilon, scale=unit)
    low, high = bootstrap_mean(values, resamples=scene.budget.bootstrap, seed=scene.seed)
    beside = {CROSS_FADE: _path_of_cross_fade(scene, len(values), epsilon=epsilon, unit=unit)}
    ends = (float(low), float(high))
    return _measurement(
        "path_length", float(values.mean()), ends, len(values), beside, {"epsilon": epsilon},
        note="Read it beside the reconstructions: a decoder that ignores its code is perfectly smooth.",
    )


def _path_of_cross_fade(scene: Scene, count: int, *, epsilon: float, unit: float) -> float:
    """Give the path length of cross-fades of random pairs of test images; remembered."""
    def make() -> dict[str, float]:
        rng = np.random.default_rng(scene.seed)
        images = scene.data.test.images
        ends = (as_float(images[rng.integers(len(images), size=count)]) for _ in range(2))
        first, second = (part.reshape(count, -1) for part in ends)
        share = rng.random((count, 1), dtype=np.float32)
        features = [
            scene.perception.features(
                "judge", (first + t * (second - first)).reshape(images[:count].shape), exact=True,
            )[0]
            for t in (share, share + np.float32(epsilon))
        ]
        return {"path_length": float(path_length(*features, epsilon=epsilon, scale=unit).mean())}

    key = f"{count} steps of {epsilon}/seed {scene.seed}/{scene.perception.judge_hash}"
    return scene.recall(f"interpolation.cross_fade_path/{key}", make)["path_length"]


def _still(scene: Scene, looked: Looked) -> list[Flag]:
    moved = float(looked.shape.length.mean()) / spread(scene.perception.of("judge", "test")[0])
    if moved >= STILL:
        return []
    return [Flag(
        name="code_ignored",
        message="Images hardly change between codes of two classes: the decoder ignores its code, or the codes say "
                "nothing.",
        evidence={"length of a line, in spreads of the features": moved},
    )]


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Divide; 0 / 0 is 1, as for a line that does not move and so makes no detour."""
    without = np.where(above > 0.0, np.inf, 1.0)
    return np.where(below > 0.0, above / np.where(below > 0.0, below, 1.0), without)


def _ratio_interval(scene: Scene, above: np.ndarray, below: np.ndarray) -> tuple[float, float]:
    """Give the bootstrap interval of a ratio of means over lines."""
    means = _resampled(scene, np.stack([above, below], axis=1))
    low, high = np.quantile(_ratio(means[:, 0], means[:, 1]), [0.025, 0.975])
    return float(low), float(high)


def _resampled(scene: Scene, values: np.ndarray) -> np.ndarray:
    """Give means (resamples, k) of values (n, k) over lines drawn with replacement."""
    count = len(values)
    rng = np.random.default_rng(scene.seed)
    drawn = rng.multinomial(count, np.full(count, 1.0 / count), size=scene.budget.bootstrap)
    means: np.ndarray = drawn @ values / count
    return means


def _measurement(
    name: str, value: float, interval: tuple[float, float], count: int, baselines: dict[str, float],
    settings: Settings, note: str = "",
) -> Measurement:
    metric = _BY_NAME[name]
    return Measurement(
        name=metric.name, value=value, unit=metric.unit, better=metric.better, interval=interval,
        sample_size=count, settings=settings, baselines=baselines, note=note,
    )


def _picture(scene: Scene, kind: str, path: Path) -> Picture:
    """Lay out some lines, the cross-fade of the same two test images under each."""
    count, points = min(SHOWN, len(path.first)), path.images.shape[1]
    some = Path(first=path.first[:count], second=path.second[:count], images=path.images[:count])
    faded = cross_fade(*_ends(scene, some), points=points)
    tiles = np.stack([some.images, faded], axis=1).reshape(-1, *faded.shape[2:])
    labels = scene.data.test.labels
    rows = [
        row for first, second in zip(labels[some.first], labels[some.second], strict=True)
        for row in (f"{CLASSES[first]} → {CLASSES[second]}", "cross-fade")
    ]
    return grid(
        tiles, columns=points, row_labels=rows,
        column_labels=[f"{share:.1f}" for share in np.linspace(0.0, 1.0, points)],
        caption=f"Lines {KINDS[kind]}: decoded, and under each the pixel cross-fade of the two test images.",
        alt=f"{count} rows of {points} images that change step by step, each above a cross-fade of its ends.",
    )


def _steps(columns: dict[str, np.ndarray]) -> Table:
    wanted = ("within", "between", "cross-fade within", "cross-fade between")
    order = [name for name in wanted if name in columns]
    count = len(columns[order[0]])
    return table(
        "Length of each step along the line, in features of the judge, as a share of the whole length.",
        {"position": list(range(1, count + 1)), **{name: columns[name] for name in order}},
    )
