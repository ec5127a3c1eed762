"""The map of the codes: two dimensions for the eye, with scores that say how far the eye may trust it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.data import CLASSES
from harness.metrics.base import Metric, Scene
from harness.metrics.intervals import bootstrap_mean, wilson
from harness.metrics.k_nearest import k_nearest, vote
from harness.metrics.pictures import point_cloud
from harness.metrics.separation import adjusted_rand, agreement_intervals, contingency, k_means, silhouette
from harness.metrics.umap_layout import umap
from harness.records import Findings, Measurement

__all__ = ["METRICS", "measure", "trustworthiness"]

NEIGHBOURS = 15
EPOCHS = 100
TRUST_NEIGHBOURS = 5
TRUST_QUERIES = 2_000
VOTERS = 10

METRICS = (
    Metric(
        name="clusters.map_silhouette", title="Silhouette of the classes on the map", unit="from -1 to 1",
        better="neither", family="clusters", explains="How compact and separate the classes look on the map.",
    ),
    Metric(
        name="clusters.map_ari", title="Agreement of clusters on the map with the classes",
        unit="adjusted Rand index", better="neither", family="clusters",
        explains="How well ten clusters found on the map without labels match the ten classes.",
    ),
    Metric(
        name="clusters.map_knn_accuracy", title="Class by the neighbours on the map", unit="share",
        better="neither", family="clusters",
        explains="How often the ten nearest points on the map tell the class of an image.",
    ),
    Metric(
        name="clusters.map_trustworthiness", title="Trustworthiness of the map", unit="from 0 to 1",
        better="neither", family="clusters",
        explains="Whether points that are neighbours on the map are neighbours among the codes too.",
    ),
)
"""Shown, never marked: a map is drawn to be looked at, and another seed or method draws another."""

NOTE = "Shown, not marked: the map distorts distances, so read the scores of the codes themselves."


def measure(scene: Scene) -> Findings:
    """Draw the UMAP of the test codes and score it; the scores are shown and never marked."""
    evidence = scene.evidence
    if evidence.test_codes is None or len(evidence.test_codes) < 3:
        return Findings()
    codes, labels = evidence.test_codes, scene.data.test.labels[evidence.test_index]
    points = umap(codes, neighbours=NEIGHBOURS, epochs=EPOCHS, seed=scene.seed)
    cloud = point_cloud(
        points, labels, classes=CLASSES,
        caption=f"UMAP of {len(codes)} test codes by class ({NEIGHBOURS} neighbours, {EPOCHS} epochs).",
        alt="Points in the plane, one for each test image; images with similar codes lie close together.",
    )
    return Findings(measurements=_scores(scene, codes, points, labels), clouds={"clusters.map": cloud})


def trustworthiness(
    codes: np.ndarray, points: np.ndarray, *, k: int = TRUST_NEIGHBOURS, of: np.ndarray | None = None,
) -> np.ndarray:
    """Give the trustworthiness of each point's neighbourhood on the map; their mean is the map's.

    1 - 2 / (k (2n - 3k - 1)) sum over the k nearest on the map of max(0, r - k), with r the rank of that
    neighbour among the codes (Venna and Kaski 2001, equation 2). The mean over a random part of the points
    estimates the mean over all without bias, since each one is ranked among all n.

    Args:
        codes: (n, d).
        points: (n, 2), the map.
        k: number of neighbours, below n / 2.
        of: indices of the points wanted; None for all.

    Returns:
        (n,) or (len(of),) float64.

    """
    wanted = np.arange(len(codes)) if of is None else of
    centred = codes.astype(np.float64) - codes.mean(axis=0, dtype=np.float64)
    # One more than k: the point itself is found as well, and is struck out by its rank of infinity.
    _, near = k_nearest(points[wanted], points, k=k + 1)
    lengths = np.square(centred).sum(axis=1)
    penalties = np.empty(len(wanted))
    for start in range(0, len(wanted), 200):
        rows = wanted[start:start + 200]
        place = np.arange(len(rows))
        distances = lengths - 2.0 * (centred[rows] @ centred.T)
        distances[place, rows] = np.inf
        others = _without(near[start:start + 200], rows)
        ranks = np.stack([
            1 + (distances < distances[place, others[:, column], None]).sum(axis=1) for column in range(k)
        ])
        penalties[start:start + 200] = np.maximum(ranks - k, 0).sum(axis=0)
    found: np.ndarray = 1.0 - penalties * 2.0 / (k * (2.0 * len(codes) - 3.0 * k - 1.0))
    return found


def _without(near: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Strike each row's own index out of near (rows, k + 1), or its last where it is not there: (rows, k)."""
    here = near == own[:, None]
    here[~here.any(axis=1), -1] = True
    left: np.ndarray = near[~here].reshape(len(near), -1)
    return left


def _scores(scene: Scene, codes: np.ndarray, points: np.ndarray, labels: np.ndarray) -> list[Measurement]:
    classes, count = len(CLASSES), len(points)
    resamples, seed = scene.budget.bootstrap, scene.seed
    silhouettes = silhouette(points, labels, classes=classes)
    clusters = contingency(labels, k_means(points, clusters=classes, starts=10, seed=seed), size=classes)
    _, near = k_nearest(points, points, k=VOTERS, leave_out_own=True)
    right = float((vote(labels[near], classes=classes) == labels).mean())
    k = min(TRUST_NEIGHBOURS, max(count // 2 - 1, 1))
    queries = np.random.default_rng(seed).permutation(count)[:TRUST_QUERIES]
    trust = trustworthiness(codes, points, k=k, of=queries)
    rand_interval, _ = agreement_intervals(clusters, resamples=resamples, seed=seed)
    spreads = [bootstrap_mean(values, resamples=resamples, seed=seed) for values in (silhouettes, trust)]
    found: dict[str, tuple[float, Sequence[float] | np.ndarray, int, dict[str, float | str]]] = {
        "silhouette": (float(silhouettes.mean()), spreads[0], count, {}),
        "ari": (float(adjusted_rand(clusters)), rand_interval, count, {"clusters": classes, "starts": 10}),
        "knn_accuracy": (right, wilson(right, count), count, {"neighbours": VOTERS}),
        "trustworthiness": (float(trust.mean()), spreads[1], len(queries), {"neighbours": k}),
    }
    by_name = {metric.name.removeprefix("clusters.map_"): metric for metric in METRICS}
    return [
        Measurement(
            name=by_name[name].name, value=value, unit=by_name[name].unit, better="neither",
            interval=(float(interval[0]), float(interval[1])), sample_size=size, note=NOTE,
            settings={
                "method": "UMAP", "map_neighbours": NEIGHBOURS, "epochs": EPOCHS, "seed": seed, **settings,
            },
        )
        for name, (value, interval, size, settings) in found.items()
    ]
