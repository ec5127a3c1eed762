"""Scores of labelled codes, against scikit-learn and against what they must not depend on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.metrics import clusters
from harness.metrics.cluster_baselines import BASELINES, baseline_codes
from harness.metrics.k_nearest import k_nearest, vote
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


def blobs(count: int, *, size: int = 5, apart: float = 2.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 10, count)
    middles = np.random.default_rng(42).normal(size=(10, size)) * apart
    return (middles[labels] + rng.normal(size=(count, size))).astype(np.float32), labels


def turned(codes: np.ndarray, seed: int) -> np.ndarray:
    """The codes rotated, shifted and scaled by one number."""
    rng = np.random.default_rng(seed)
    rotation, _ = np.linalg.qr(rng.normal(size=(codes.shape[1],) * 2))
    return codes @ rotation * rng.uniform(0.1, 10) + rng.normal(size=codes.shape[1])


# --- against scikit-learn -------------------------------------------------------------------------

def test_the_silhouette_is_scikit_learns():
    from sklearn.metrics import silhouette_samples

    codes, labels = blobs(700)
    labels[labels == 3] = 4
    labels[0] = 3                       # a class of one has silhouette 0
    found = silhouette(codes, labels, classes=11)       # class 10 has no member
    np.testing.assert_allclose(found, silhouette_samples(codes.astype(np.float64), labels), atol=1e-5)
    assert found[0] == 0.0


def test_the_silhouettes_of_some_codes_are_those_among_all():
    codes, labels = blobs(500)
    some = np.array([7, 499, 0])
    found = silhouette(codes, labels, classes=10, of=some)
    np.testing.assert_allclose(found, silhouette(codes, labels, classes=10)[some], atol=1e-6)


@given(st.integers(0, 10_000), st.integers(1, 10), st.integers(1, 10))
def test_agreement_is_scikit_learns(seed, first_size, second_size):
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, first_size, 60), rng.integers(0, second_size, 60)
    second[:30] = first[:30] % second_size
    counts = contingency(first, second, size=10)
    assert adjusted_rand(counts) == pytest.approx(adjusted_rand_score(first, second), abs=1e-9)
    assert mutual_information(counts) == pytest.approx(normalized_mutual_info_score(first, second), abs=1e-9)


@pytest.mark.parametrize(("queries", "points", "size"), [(130, 5000, 3), (70, 40, 8), (5, 4097, 130)])
def test_the_nearest_are_those_of_a_full_search_in_float64(queries, points, size):
    from sklearn.neighbors import NearestNeighbors

    rng = np.random.default_rng(queries)
    among = rng.normal(size=(points, size)).astype(np.float32) + 100
    asked = rng.normal(size=(queries, size)).astype(np.float32) + 100
    search = NearestNeighbors(n_neighbors=10, algorithm="brute").fit(among.astype(np.float64))
    distances, index = search.kneighbors(asked.astype(np.float64))
    squared, found = k_nearest(asked, among, k=10)
    assert (found == index).all()
    np.testing.assert_allclose(np.sqrt(squared), distances, rtol=1e-6)


def test_of_equally_near_points_the_first_count():
    points = np.tile(np.array([[3.0, 4.0], [0.0, 1.0]], np.float32), (100, 1))
    squared, index = k_nearest(np.zeros((1, 2), np.float32), points, k=3)
    assert set(index[0]) <= set(range(1, 200, 2))
    assert squared.tolist() == [[1.0, 1.0, 1.0]]


def test_a_code_is_not_its_own_neighbour_where_it_is_left_out():
    codes = np.arange(50, dtype=np.float32)[:, None] ** 2
    squared, index = k_nearest(codes, codes, k=1, leave_out_own=True)
    assert index[:, 0].tolist() == [1, *range(49)]
    assert squared[3, 0] == (9 - 4) ** 2


def test_more_neighbours_than_points_are_all_points():
    codes = np.eye(4, dtype=np.float32)
    assert k_nearest(codes, codes, k=10)[1].shape == (4, 4)
    assert k_nearest(codes, codes, k=10, leave_out_own=True)[1].shape == (4, 3)


def test_bytes_are_searched_like_numbers():
    rng = np.random.default_rng(0)
    points, queries = rng.integers(0, 256, (300, 784), np.uint8), rng.integers(0, 256, (20, 784), np.uint8)
    as_bytes = k_nearest(queries, points, k=5)
    as_floats = k_nearest(queries.astype(np.float64), points.astype(np.float64), k=5)
    assert (as_bytes[1] == as_floats[1]).all()
    assert (as_bytes[0] == as_floats[0]).all()


def test_the_vote_of_the_neighbours_is_scikit_learns():
    from sklearn.neighbors import KNeighborsClassifier

    codes, labels = blobs(800, apart=1.0)
    others, _ = blobs(200, apart=1.0, seed=1)
    _, near = k_nearest(others, codes, k=10)
    reference = KNeighborsClassifier(10, algorithm="brute").fit(codes, labels).predict(others)
    assert (vote(labels[near], classes=10) == reference).all()


def test_davies_bouldin_of_two_pairs_of_points():
    codes = np.array([[0.0, 1.0], [0.0, -1.0], [10.0, 2.0], [10.0, -2.0]])
    assert davies_bouldin(codes, np.array([0, 0, 1, 1])) == pytest.approx((1 + 2) / 10)


def test_the_probe_learns_what_a_flat_border_can_part_and_no_more():
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(2000, 2))
    flat, ring = codes[:, 0] > 0, np.square(codes).sum(axis=1) > 1.4
    assert (probe(codes[:1000], flat[:1000], codes[1000:]) == flat[1000:]).mean() > 0.97
    assert (probe(codes[:1000], ring[:1000], codes[1000:]) == ring[1000:]).mean() < 0.65


# --- laws -----------------------------------------------------------------------------------------

@settings(max_examples=5)
@given(st.integers(0, 10_000))
def test_rotating_shifting_and_scaling_all_codes_changes_no_score(seed):
    codes, labels = blobs(400, seed=seed)
    codes = codes.astype(np.float64)
    others = turned(codes, seed)
    for score in (
        lambda c: silhouette(c, labels, classes=10).mean(),
        lambda c: davies_bouldin(c, labels),
        lambda c: (probe(c[:300], labels[:300], c[300:]) == labels[300:]).mean(),
        lambda c: (vote(labels[k_nearest(c, c, k=10, leave_out_own=True)[1]], classes=10) == labels).mean(),
    ):
        assert score(codes) == pytest.approx(score(others), abs=0.011)


@settings(max_examples=15)
@given(st.integers(0, 10_000))
def test_neither_the_order_of_the_rows_nor_the_names_of_the_classes_matter(seed):
    codes, labels = blobs(300, seed=seed)
    rng = np.random.default_rng(seed)
    order, names = rng.permutation(300), rng.permutation(10)
    values = silhouette(codes, labels, classes=10)
    np.testing.assert_allclose(silhouette(codes[order], labels[order], classes=10), values[order], atol=1e-5)
    np.testing.assert_allclose(silhouette(codes, names[labels], classes=10), values, atol=1e-5)
    assert davies_bouldin(codes[order], names[labels[order]]) == pytest.approx(davies_bouldin(codes, labels))
    counts = contingency(labels, rng.integers(0, 10, 300), size=10)
    for score in (adjusted_rand, mutual_information):
        assert score(counts[names]) == pytest.approx(float(score(counts)))
        assert score(counts.T) == pytest.approx(float(score(counts)))


def test_clusters_that_are_the_classes_agree_fully_and_surely():
    codes, labels = blobs(500, apart=50.0)
    counts = contingency(labels, k_means(codes, clusters=10, starts=10, seed=0), size=10)
    assert adjusted_rand(counts) == pytest.approx(1.0)
    assert mutual_information(counts) == pytest.approx(1.0)
    rand, shared = agreement_intervals(counts, resamples=50, seed=0)
    assert rand == pytest.approx((1.0, 1.0))
    assert shared == pytest.approx((1.0, 1.0))


def test_the_interval_of_agreement_is_as_wide_as_that_of_new_samples():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, (200, 400))
    found = np.where(rng.random((200, 400)) < 0.6, labels, rng.integers(0, 3, (200, 400)))
    tables = np.stack([contingency(*pair, size=3) for pair in zip(labels, found, strict=True)])
    low, high = np.quantile(adjusted_rand(tables), [0.025, 0.975])
    (left, right), _ = agreement_intervals(tables[0], resamples=500, seed=0)
    assert (right - left) / (high - low) == pytest.approx(1.0, abs=0.3)


# --- the family -----------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def codes(data):
    """Codes of a size that principal components would need: the images' own."""
    return baseline_codes("PCA", data.train.images, data.test.images, size=8, seed=0)


@pytest.fixture(scope="module")
def found(make_scene, codes):
    """What is found out about those codes."""
    return clusters.measure(make_scene(train_codes=codes[0], test_codes=codes[1]))


def values(findings):
    return {measurement.name.removeprefix("clusters."): measurement for measurement in findings.measurements}


def test_every_measurement_of_the_table_is_made_and_none_else(found, codes):
    assert {one.name for one in found.measurements} == {metric.name for metric in clusters.METRICS}
    for one in found.measurements:
        low, high = one.interval
        assert low <= one.value <= high, one.name
        assert one.sample_size == len(codes[1])


def test_structured_codes_stand_above_random_ones(make_scene, found):
    noise = np.random.default_rng(0).normal(size=(1900, 8)).astype(np.float32)
    good = values(found)
    bad = values(clusters.measure(make_scene(train_codes=noise[:1500], test_codes=noise[1500:])))
    for name in ("silhouette", "knn_accuracy", "knn_gain", "kmeans_ari", "kmeans_nmi", "probe_accuracy"):
        assert good[name].value > bad[name].value, name
    assert good["davies_bouldin"].value < bad["davies_bouldin"].value
    assert bad["knn_accuracy"].value == pytest.approx(0.1, abs=0.06)
    assert bad["kmeans_ari"].value == pytest.approx(0.0, abs=0.02)


def test_principal_components_gain_nothing_over_principal_components(found):
    gain = values(found)["knn_gain"]
    assert gain.value == 0.0
    assert gain.interval[0] < 0.0 < gain.interval[1]


def test_the_baselines_stand_beside(found):
    assert set(values(found)["silhouette"].baselines) == {*BASELINES, "judge's features"}
    beside = values(found)["knn_accuracy"].baselines
    assert set(beside) == set(BASELINES)
    assert beside["random codes"] < beside["raw pixels"]


def test_codes_that_are_the_labels_are_flagged(make_scene, data):
    leaked = [np.eye(10, dtype=np.float32)[split.labels] for split in (data.train, data.test)]
    found = clusters.measure(make_scene(train_codes=leaked[0], test_codes=leaked[1]))
    assert [flag.name for flag in found.flags] == ["labels_leak"]
    assert values(found)["kmeans_ari"].value == pytest.approx(1.0)


def test_codes_that_part_the_classes_no_better_than_the_judge_are_not_flagged(make_scene, codes):
    rng = np.random.default_rng(0)
    dull = [(part + 4 * rng.normal(size=part.shape)).astype(np.float32) for part in codes]
    assert clusters.measure(make_scene(train_codes=dull[0], test_codes=dull[1])).flags == []


def test_codes_that_are_all_the_same_are_flagged_and_not_measured(make_scene):
    found = clusters.measure(make_scene(
        train_codes=np.ones((1500, 4), np.float32), test_codes=np.ones((400, 4), np.float32),
    ))
    assert found.measurements == []
    assert [flag.name for flag in found.flags] == ["codes_collapsed"]


def test_one_loud_unit_is_explained_by_the_standardised_scores(make_scene, codes):
    noise = 1000 * np.random.default_rng(0).normal(size=(1900, 1)).astype(np.float32)
    loud = [np.hstack([part, more]) for part, more in zip(codes, (noise[:1500], noise[1500:]), strict=True)]
    found = values(clusters.measure(make_scene(train_codes=loud[0], test_codes=loud[1])))
    assert found["knn_accuracy"].value < 0.3
    assert found["standardised_knn_accuracy"].value > 0.5
    assert "few units of large variance" in found["standardised_knn_accuracy"].note


def test_units_that_carry_nothing_are_left_out_of_the_standardised_scores(make_scene, codes, found):
    still = [np.hstack([part, np.full((len(part), 5), 0.5, np.float32)]) for part in codes]
    scene = make_scene(train_codes=still[0], test_codes=still[1])
    even, plain = (values(one)["standardised_knn_accuracy"] for one in (clusters.measure(scene), found))
    assert even.settings["units"] - even.settings["active_units"] >= 5
    assert even.value == pytest.approx(plain.value)


def test_the_confusion_table_holds_shares_of_each_class(found):
    columns = found.tables["clusters.confusion"].columns
    shares = np.array([column for name, column in columns.items() if name != "class"])
    np.testing.assert_allclose(shares.sum(axis=0), 1.0)
    assert columns["class"][1] == "Trouser"


def test_a_model_without_codes_has_no_clusters(make_scene):
    assert clusters.measure(make_scene()).measurements == []


@pytest.mark.parametrize("name", BASELINES)
def test_baseline_codes_are_the_same_for_the_same_seed(data, name):
    images = data.train.images, data.test.images
    first, again = (baseline_codes(name, *images, size=6, seed=4) for _ in range(2))
    assert (first[0] == again[0]).all()
    assert (first[1] == again[1]).all()
    assert first[1].shape == (400, 784 if name == "raw pixels" else 6)


def test_an_encoder_that_gives_one_image_two_codes_is_flagged_and_rounding_is_not(make_scene, codes):
    train, test = codes
    for change, names in ((1e-4, []), (0.5, ["codes_unstable"])):
        noise = np.random.default_rng(0).normal(size=test[:64].shape) * change * test.std()
        scene = make_scene(train_codes=train, test_codes=test, codes_repeated=(test[:64] + noise).astype(np.float32))
        found = [flag.name for flag in clusters.measure(scene).flags if flag.name == "codes_unstable"]
        assert found == names


def test_an_encoder_whose_codes_depend_on_the_batch_is_flagged_once(make_scene, codes):
    train, test = codes
    place = np.random.default_rng(0).permutation(len(test))[:50]
    for change, names in ((1e-4, []), (0.5, ["codes_depend_on_batch"])):
        again = (test[place] + change * test.std()).astype(np.float32)
        scene = make_scene(train_codes=train, test_codes=test, rebatched=place, codes_rebatched=again)
        flags = clusters.measure(scene).flags
        assert [flag.name for flag in flags if flag.name.startswith("codes")] == names
    unstable = make_scene(
        train_codes=train, test_codes=test, rebatched=place, codes_rebatched=again,
        codes_repeated=test[:64] + test.std())
    names = [flag.name for flag in clusters.measure(unstable).flags if flag.name.startswith("codes")]
    assert names == ["codes_unstable"]
