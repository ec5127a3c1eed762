"""Latent clusters: whether codes of one class lie together, although the model was never told the classes.

Scores are of the codes as they are, because the prior gives them their scale. A second set stands beside
them, of the active units (variance over 0.01, Burda et al. 2016) brought to unit variance: standardising
every unit would blow up those that carry nothing, and one unit scaled by 100 would otherwise hide all the
others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.data import CLASSES
from harness.metrics import projection
from harness.metrics.base import Metric, Scene
from harness.metrics.cluster_baselines import BASELINES, baseline_codes
from harness.metrics.intervals import blocks, bootstrap_mean, jackknife, wilson
from harness.metrics.k_nearest import k_nearest, vote
from harness.metrics.pictures import table
from harness.metrics.separation import (
    adjusted_rand,
    agreement_intervals,
    contingency,
    davies_bouldin,
    k_means,
    mutual_information,
    probe,
    silhouette,
)
from harness.metrics.steadiness import unsteady
from harness.records import Better, Findings, Flag, Measurement

__all__ = ["METRICS", "Labelled", "measure", "standardised"]

VOTERS = 10
STARTS = 10
PROBE_IMAGES = 10_000
BASELINE_QUERIES = 2_000
RAW_QUERIES = 1_000
ACTIVE_VARIANCE = 0.01
LARGE_DIFFERENCE = 0.1
JUDGE = "judge's features"
COUNT = len(CLASSES)

Interval = tuple[float, float]


def _metric(name: str, title: str, unit: str, better: Better, explains: str) -> Metric:
    return Metric(
        name=f"clusters.{name}", title=title, unit=unit, better=better, family="clusters", explains=explains,
    )


METRICS = (
    _metric(
        "silhouette", "Silhouette of the classes", "from -1 to 1", "higher",
        "How much nearer a code lies to its own class than to the nearest other one.",
    ),
    _metric(
        "knn_accuracy", "Class by the ten nearest training codes", "share", "higher",
        "How often the ten nearest training codes tell the class of a test image.",
    ),
    _metric(
        "knn_gain", "Gain of the neighbours over PCA of the same size", "share", "higher",
        "How much more often the neighbours are right than among principal components of the same number.",
    ),
    _metric(
        "kmeans_ari", "Agreement of ten clusters with the classes", "adjusted Rand index", "higher",
        "How well ten clusters found without labels match the ten classes: 1 exactly, 0 as by chance.",
    ),
    _metric(
        "kmeans_nmi", "Information that ten clusters share with the classes", "normalised mutual information",
        "higher", "How much knowing a code's cluster tells about its class: 1 everything, 0 nothing.",
    ),
    _metric(
        "probe_accuracy", "Class by a linear probe", "share", "higher",
        "How often logistic regression on the codes tells the class: whether flat borders part the classes.",
    ),
    _metric(
        "davies_bouldin", "Davies-Bouldin index", "ratio", "lower",
        "How wide the classes are compared with the distance between their centres.",
    ),
    _metric(
        "standardised_silhouette", "Silhouette, active units standardised", "from -1 to 1", "neither",
        "The silhouette once every unit that carries something counts the same.",
    ),
    _metric(
        "standardised_ari", "Agreement of ten clusters, active units standardised", "adjusted Rand index",
        "neither", "The agreement of ten clusters once every unit that carries something counts the same.",
    ),
    _metric(
        "standardised_knn_accuracy", "Class by neighbours, active units standardised", "share", "neither",
        "The neighbours' accuracy once every unit that carries something counts the same.",
    ),
    *projection.METRICS,
)

_BY_NAME = {metric.name.removeprefix("clusters."): metric for metric in METRICS}


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """Codes of test and training images, (n, d) and (m, d), with their classes (n,) and (m,)."""

    test: np.ndarray
    test_labels: np.ndarray
    train: np.ndarray
    train_labels: np.ndarray


def measure(scene: Scene) -> Findings:
    """Score the test codes against the classes, in themselves and beside codes that nobody learned."""
    evidence = scene.evidence
    if evidence.test_codes is None or evidence.train_codes is None:
        return Findings()
    codes = Labelled(
        evidence.test_codes, scene.data.test.labels[evidence.test_index],
        evidence.train_codes, scene.data.train.labels[evidence.train_index],
    )
    if not (codes.test.var(axis=0) > 0.0).any():
        return Findings(flags=[Flag(
            name="codes_collapsed",
            message="Every test image has the same code: the encoder ignores its input.",
        )])
    beside = {name: _baseline(scene, name, codes.test.shape[1]) for name in (*BASELINES, JUDGE)}
    predicted = _by_neighbours(codes)
    measurements = {
        **_separation(scene, codes, beside),
        **_supervised(codes, predicted, beside),
        **_standardised(scene, codes),
    }
    _explain_difference(measurements)
    chart = projection.measure(scene)
    return Findings(
        measurements=[*measurements.values(), *chart.measurements],
        tables={"clusters.confusion": table(
            "Which class the ten nearest training codes give (columns) to the images of each class (rows), "
            "as shares of the class.",
            {"class": CLASSES, **_confusion(codes.test_labels, predicted)},
        )},
        clouds=chart.clouds,
        flags=[*_leak(measurements, beside[JUDGE]), *unsteady(evidence)],
    )


def standardised(codes: Labelled) -> Labelled | None:
    """Keep the active units, each shifted and scaled to mean 0 and variance 1 over the test codes."""
    active = codes.test.var(axis=0, dtype=np.float64) > ACTIVE_VARIANCE
    if not active.any():
        return None
    kept = codes.test[:, active].astype(np.float64)
    centre, scale = kept.mean(axis=0), kept.std(axis=0)
    return Labelled(
        (kept - centre) / scale, codes.test_labels,
        (codes.train[:, active] - centre) / scale, codes.train_labels,
    )


def _separation(scene: Scene, codes: Labelled, beside: dict[str, dict[str, float]]) -> dict[str, Measurement]:
    """Measure what needs no training codes: silhouette, clusters, Davies-Bouldin index."""
    resamples, seed, count = scene.budget.bootstrap, scene.seed, len(codes.test)
    values = silhouette(codes.test, codes.test_labels, classes=COUNT)
    clusters = _clusters(codes, starts=STARTS, seed=seed)
    rand, shared = agreement_intervals(clusters, resamples=resamples, seed=seed)
    mean, spread = float(values.mean()), davies_bouldin(codes.test, codes.test_labels)
    settings: dict[str, float | str] = {"clusters": COUNT, "starts": STARTS, "seed": seed}
    found = [
        _measurement("silhouette", mean, _mean_interval(values, resamples, seed), count, beside),
        _measurement("kmeans_ari", float(adjusted_rand(clusters)), rand, count, beside, settings),
        _measurement("kmeans_nmi", float(mutual_information(clusters)), shared, count, beside, settings),
        _measurement("davies_bouldin", spread, _left_out(codes, spread), count, beside),
    ]
    return {measurement.name: measurement for measurement in found}


def _supervised(
    codes: Labelled, predicted: np.ndarray, beside: dict[str, dict[str, float]],
) -> dict[str, Measurement]:
    """Measure what training codes tell about the classes of test codes: neighbours, probe."""
    count, size = len(codes.test), codes.test.shape[1]
    right = float((predicted == codes.test_labels).mean())
    probed = _probe_accuracy(codes)
    linear = beside["PCA"]["knn_accuracy"]
    settings: dict[str, float | str] = {"neighbours": VOTERS, "training_codes": len(codes.train)}
    found = [
        _measurement("knn_accuracy", right, wilson(right, count), count, beside, settings),
        _measurement(
            "knn_gain", right - linear, _difference(right, linear, count), count, {},
            {**settings, "pca_components": size, "pca_accuracy": linear},
        ),
        _measurement(
            "probe_accuracy", probed, wilson(probed, count), count, beside,
            {"training_codes": min(PROBE_IMAGES, len(codes.train))},
        ),
    ]
    return {measurement.name: measurement for measurement in found}


def _standardised(scene: Scene, codes: Labelled) -> dict[str, Measurement]:
    """Measure again on the active units, each brought to unit variance; nothing where no unit is active."""
    even = standardised(codes)
    if even is None:
        return {}
    resamples, seed, count = scene.budget.bootstrap, scene.seed, len(codes.test)
    values = silhouette(even.test, even.test_labels, classes=COUNT)
    clusters = _clusters(even, starts=STARTS, seed=seed)
    rand, _ = agreement_intervals(clusters, resamples=resamples, seed=seed)
    right = float((_by_neighbours(even) == even.test_labels).mean())
    settings: dict[str, float | str] = {
        "active_units": even.test.shape[1], "units": codes.test.shape[1], "variance_over": ACTIVE_VARIANCE,
    }
    mean, interval = float(values.mean()), _mean_interval(values, resamples, seed)
    found = [
        _measurement("standardised_silhouette", mean, interval, count, {}, settings),
        _measurement("standardised_ari", float(adjusted_rand(clusters)), rand, count, {}, settings),
        _measurement("standardised_knn_accuracy", right, wilson(right, count), count, {}, settings),
    ]
    return {measurement.name: measurement for measurement in found}


def _baseline(scene: Scene, name: str, size: int) -> dict[str, float]:
    """Give the scores of codes that do not depend on the model; remembered, as they depend on the data alone.

    Neighbours and silhouettes are looked up for 2,000 test images among all of them, which estimates the same
    number; neighbours among principal components, which the gain is measured against, for every one. Raw
    pixels are 784 numbers and get no probe: it would take longer than all the rest.
    """
    evidence = scene.evidence

    def make() -> dict[str, float]:
        train_labels = scene.data.train.labels[evidence.train_index]
        test_labels = scene.data.test.labels[evidence.test_index]
        if name == JUDGE:
            test = scene.perception.of("judge", "test")[0][evidence.test_index]
            return _unsupervised_scores(test, test_labels, seed=scene.seed)
        train, test = baseline_codes(
            name, scene.data.train.images[evidence.train_index], scene.data.test.images[evidence.test_index],
            size=size, seed=scene.seed,
        )
        part = slice({"PCA": None, "raw pixels": RAW_QUERIES}.get(name, BASELINE_QUERIES))
        queries = Labelled(test[part], test_labels[part], train, train_labels)
        found = _unsupervised_scores(test.astype(np.float32), test_labels, seed=scene.seed)
        found["knn_accuracy"] = float((_by_neighbours(queries) == queries.test_labels).mean())
        if name != "raw pixels":
            found["probe_accuracy"] = _probe_accuracy(Labelled(test, test_labels, train, train_labels))
        return found

    sizes = f"{len(evidence.train_index)}+{len(evidence.test_index)}"
    key = f"clusters.{name}/size {size}/seed {scene.seed}/{sizes} images"
    return scene.recall(key if name != JUDGE else f"{key}/{scene.perception.judge_hash}", make)


def _unsupervised_scores(codes: np.ndarray, labels: np.ndarray, *, seed: int) -> dict[str, float]:
    some = np.random.default_rng(seed).permutation(len(codes))[:BASELINE_QUERIES]
    clusters = contingency(labels, k_means(codes, clusters=COUNT, starts=3, seed=seed), size=COUNT)
    return {
        "silhouette": float(silhouette(codes, labels, classes=COUNT, of=some).mean()),
        "kmeans_ari": float(adjusted_rand(clusters)),
        "kmeans_nmi": float(mutual_information(clusters)),
        "davies_bouldin": davies_bouldin(codes, labels),
    }


def _by_neighbours(codes: Labelled) -> np.ndarray:
    _, near = k_nearest(codes.test, codes.train, k=VOTERS)
    return vote(codes.train_labels[near], classes=COUNT)


def _clusters(codes: Labelled, *, starts: int, seed: int) -> np.ndarray:
    found = k_means(codes.test, clusters=COUNT, starts=starts, seed=seed)
    return contingency(codes.test_labels, found, size=COUNT)


def _probe_accuracy(codes: Labelled) -> float:
    part = slice(PROBE_IMAGES)
    predicted = probe(codes.train[part], codes.train_labels[part], codes.test)
    return float((predicted == codes.test_labels).mean())


def _left_out(codes: Labelled, spread: float) -> Interval | None:
    """Give the jackknife interval of the Davies-Bouldin index over ten blocks of test codes."""
    return jackknife(spread, [
        davies_bouldin(np.delete(codes.test, block, axis=0), np.delete(codes.test_labels, block))
        for block in blocks(len(codes.test))
    ])


def _mean_interval(values: np.ndarray, resamples: int, seed: int) -> Interval:
    low, high = bootstrap_mean(values, resamples=resamples, seed=seed)
    return float(low), float(high)


def _difference(first: float, second: float, count: int) -> Interval:
    """Give the interval of the difference of two shares of `count` each (Newcombe 1998, method 10).

    It treats them as independent; on the same images they are not, so it is a little wide.
    """
    (low, high), (other_low, other_high) = wilson(first, count), wilson(second, count)
    value = first - second
    return (
        value - float(np.hypot(first - low, other_high - second)),
        value + float(np.hypot(high - first, second - other_low)),
    )


def _confusion(labels: np.ndarray, predicted: np.ndarray) -> dict[str, np.ndarray]:
    counts = contingency(labels, predicted, size=COUNT)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return {name: shares[:, column] for column, name in enumerate(CLASSES)}


def _measurement(
    name: str, value: float, interval: Interval | None, count: int, beside: dict[str, dict[str, float]],
    settings: dict[str, float | str] | None = None, note: str = "",
) -> Measurement:
    metric = _BY_NAME[name]
    return Measurement(
        name=metric.name, value=value, unit=metric.unit, better=metric.better, interval=interval,
        sample_size=count, settings=settings or {}, note=note,
        baselines={other: scores[name] for other, scores in beside.items() if name in scores},
    )


def _explain_difference(measurements: dict[str, Measurement]) -> None:
    """Say in the note of a standardised score why it is far from the plain one, where it is."""
    for name, plain in (
        ("silhouette", "silhouette"), ("ari", "kmeans_ari"), ("knn_accuracy", "knn_accuracy"),
    ):
        even = measurements.get(f"clusters.standardised_{name}")
        if even is None:
            continue
        change = even.value - measurements[f"clusters.{plain}"].value
        if change > LARGE_DIFFERENCE:
            note = "Far above the codes as they are: a few units of large variance hide the others there."
        elif change < -LARGE_DIFFERENCE:
            note = "Far below the codes as they are: units of small variance tell little of the classes."
        else:
            continue
        measurements[even.name] = even.model_copy(update={"note": note})


def _leak(measurements: dict[str, Measurement], judge: dict[str, float]) -> list[Flag]:
    """Flag codes that separate the classes better than the features of a network trained on the labels."""
    better = {
        name: measurements[f"clusters.{name}"].value for name in ("silhouette", "kmeans_ari")
        if measurements[f"clusters.{name}"].value > judge[name]
    }
    if not better:
        return []
    return [Flag(
        name="labels_leak",
        message=(
            "The codes separate the classes better than the features of a classifier that was trained on the "
            "labels; a model that never saw labels does not do that. Is its encoder a classifier?"
        ),
        evidence={**better, **{f"{name} of the judge's features": judge[name] for name in better}},
    )]
