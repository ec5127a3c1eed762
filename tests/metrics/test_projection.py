"""The map of the codes, against umap-learn and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest

from harness.metrics import projection
from harness.metrics.k_nearest import k_nearest, vote
from harness.metrics.pictures import cloud_arrays
from harness.metrics.projection import trustworthiness
from harness.metrics.separation import adjusted_rand, contingency, k_means, silhouette
from harness.metrics.umap_layout import fuzzy_graph, layout, umap


def blobs(count: int, *, apart: float = 1.5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 10, count)
    middles = np.random.default_rng(42).normal(size=(10, 6)) * apart
    return (middles[labels] + rng.normal(size=(count, 6))).astype(np.float32), labels


def scores(points: np.ndarray, codes: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    _, near = k_nearest(points, points, k=10, leave_out_own=True)
    clusters = k_means(points, clusters=10, starts=10, seed=0)
    return {
        "silhouette": float(silhouette(points, labels, classes=10).mean()),
        "ari": float(adjusted_rand(contingency(labels, clusters, size=10))),
        "knn": float((vote(labels[near], classes=10) == labels).mean()),
        "trust": float(trustworthiness(codes, points).mean()),
    }


@pytest.mark.parametrize("k", [1, 5, 12])
def test_trustworthiness_is_scikit_learns(k):
    from sklearn.manifold import trustworthiness as reference

    codes, _ = blobs(300)
    points = codes[:, :2] + np.random.default_rng(0).normal(size=(300, 2))
    found = trustworthiness(codes, points, k=k)
    assert found.mean() == pytest.approx(reference(codes, points, n_neighbors=k), abs=1e-9)
    some = np.array([5, 200, 17])
    np.testing.assert_allclose(trustworthiness(codes, points, k=k, of=some), found[some])


def test_a_map_that_keeps_the_neighbours_is_fully_trustworthy():
    codes = np.random.default_rng(0).normal(size=(100, 2))
    assert trustworthiness(codes, 3 * codes + 1).tolist() == [1.0] * 100


def test_the_map_shows_classes_that_are_there_and_none_where_there_are_none():
    codes, labels = blobs(600, apart=3.0)
    assert scores(umap(codes), codes, labels)["knn"] > 0.95
    noise = np.random.default_rng(1).normal(size=(600, 6)).astype(np.float32)
    assert scores(umap(noise), noise, labels)["silhouette"] < 0.0


def test_the_same_seed_draws_the_same_map_and_another_seed_another():
    codes, _ = blobs(200)
    assert (umap(codes, seed=1) == umap(codes, seed=1)).all()
    assert (umap(codes, seed=1) != umap(codes, seed=2)).any()


@pytest.mark.parametrize("codes", [
    np.zeros((40, 3), np.float32), np.arange(40, dtype=np.float32)[:, None], np.zeros((2, 3), np.float32),
    np.eye(5, dtype=np.float32), np.repeat(np.eye(4, dtype=np.float32), 30, axis=0),
], ids=["all the same", "one number", "two codes", "fewer than neighbours", "many repeats"])
def test_odd_codes_still_get_a_map(codes):
    points = umap(codes, epochs=20)
    assert points.shape == (len(codes), 2)
    assert np.isfinite(points).all()


def test_an_edge_pulls_its_ends_together_and_strangers_are_pushed_apart():
    start = np.array([[0, 0], [10, 0], [5, 0.2], [5, -0.2]], np.float64)
    edge = np.array([0, 1]), np.array([1, 0]), np.array([1.0, 1.0])
    points = layout(start, *edge, epochs=200, seed=0)
    assert np.linalg.norm(points[0] - points[1]) < np.linalg.norm(points[2] - points[0])


def test_the_measurements_are_shown_and_never_marked(make_scene, data):
    codes = data.test.images.reshape(400, -1)[:, ::20].astype(np.float32)
    found = projection.measure(make_scene(test_codes=codes))
    assert {one.name for one in found.measurements} == {metric.name for metric in projection.METRICS}
    for one in found.measurements:
        assert one.better == "neither"
        assert "not marked" in one.note
        assert one.interval[0] <= one.value <= one.interval[1]


def test_the_cloud_holds_a_point_and_a_class_for_every_test_image(make_scene, data):
    codes = data.test.images.reshape(400, -1)[:, ::20].astype(np.float32)
    cloud = projection.measure(make_scene(test_codes=codes)).clouds["clusters.map"]
    points, labels = cloud_arrays(cloud)
    assert points.shape == (400, 2)
    assert (labels == data.test.labels).all()


def test_too_few_codes_have_no_map(make_scene):
    assert projection.measure(make_scene()).clouds == {}
    few = make_scene(test_codes=np.eye(2, dtype=np.float32), test_index=np.arange(2))
    assert projection.measure(few).clouds == {}


@pytest.mark.slow       # umap-learn compiles for half a minute
@pytest.mark.filterwarnings("ignore")       # of numba and umap-learn, about their own code
def test_graph_and_scores_are_umap_learns():
    from umap.umap_ import fuzzy_simplicial_set, simplicial_set_embedding

    codes, labels = blobs(1500)
    squared, index = k_nearest(codes, codes, k=14, leave_out_own=True)
    own = np.arange(1500)[:, None]
    reference, _, _ = fuzzy_simplicial_set(
        codes, 15, np.random.RandomState(0), "euclidean", knn_indices=np.hstack([own, index]).astype(np.int32),
        knn_dists=np.hstack([0.0 * own, np.sqrt(squared)]).astype(np.float32),
    )
    heads, tails, weights = fuzzy_graph(np.sqrt(squared), index)
    graph = np.zeros((1500, 1500))
    graph[heads, tails] = weights
    np.testing.assert_allclose(graph, reference.toarray(), atol=2e-4)

    def theirs(seed: int) -> np.ndarray:
        points, _ = simplicial_set_embedding(
            codes, reference.copy(), 2, 1.0, 1.577, 0.8951, 1.0, 5, 100, "pca",
            np.random.RandomState(seed), "euclidean", {}, False, {}, False,
        )
        return points

    # The mean over seeds: one seed moves the scores by about as much as the two programs differ.
    seeds = range(3)
    ours = [scores(umap(codes, seed=seed), codes, labels) for seed in seeds]
    others = [scores(theirs(seed), codes, labels) for seed in seeds]
    for name in ours[0]:
        mine, reference_score = (np.mean([one[name] for one in scored]) for scored in (ours, others))
        assert mine == pytest.approx(reference_score, abs=0.03), name
