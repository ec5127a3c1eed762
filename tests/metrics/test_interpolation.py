"""Lines between codes: known answers, laws, and the order that the score must keep."""

from __future__ import annotations

import importlib.util
from pathlib import Path as File

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from harness.evidence import Path
from harness.metrics import interpolation
from harness.metrics.interpolation_score import Reference, interpolation_score
from harness.metrics.k_nearest import k_nearest
from harness.metrics.linear import principal_components
from harness.metrics.lines import (
    class_switches,
    contrast_dip,
    cross_fade,
    line_shape,
    middle_points,
    path_length,
    spread,
    third_class,
)
from harness.metrics.pictures import picture_array, to_uint8
from tests.conftest import real_data_folder

LADDER = File(__file__).parent.parent / "ladder"
REFERENCE = Reference(evenness=0.34, middle=0.33, real=0.19, mean_image=1.13)


# --- formulas -------------------------------------------------------------------------------------

def test_an_even_straight_line_has_no_variation_and_no_detour():
    shape = line_shape(np.linspace([[0.0, 0.0]], [[30.0, 40.0]], 11, axis=1))
    assert shape.length == pytest.approx([50.0])
    assert shape.distance == pytest.approx([50.0])
    assert shape.variation == pytest.approx([0.0], abs=1e-9)
    assert shape.shares == pytest.approx(np.full((1, 10), 0.1))


def test_a_single_jump_is_the_whole_length():
    features = np.zeros((1, 11, 3))
    features[0, 5:] = 2.0
    shape = line_shape(features)
    assert shape.shares.max() == 1.0
    assert shape.variation == pytest.approx([3.0])      # sqrt(n - 1) for all of the length in one of n steps


def test_there_and_back_is_a_detour():
    features = np.array([[[0.0], [1.0], [2.0], [1.0]]])
    shape = line_shape(features)
    assert (shape.length / shape.distance).tolist() == [3.0]


def test_a_line_that_does_not_move_is_even():
    shape = line_shape(np.ones((2, 11, 4)))
    assert shape.variation.tolist() == [0.0, 0.0]
    assert shape.shares == pytest.approx(np.full((2, 10), 0.1))


lines_of_features = arrays(np.float64, (3, 6, 2), elements=st.floats(-100, 100, width=32))


@given(lines_of_features)
def test_a_line_is_the_same_backwards(features):
    there, back = line_shape(features), line_shape(features[:, ::-1])
    np.testing.assert_allclose(there.variation, back.variation, atol=1e-9)
    np.testing.assert_allclose(there.length, back.length)


@given(lines_of_features)
def test_no_line_is_shorter_than_the_distance_of_its_ends(features):
    shape = line_shape(features)
    assert (shape.length >= shape.distance - 1e-9).all()
    np.testing.assert_allclose(shape.shares.sum(axis=1), 1.0)


@given(lines_of_features, st.floats(0.01, 100))
def test_the_scale_of_the_features_does_not_matter(features, scale):
    np.testing.assert_allclose(
        line_shape(features * scale).variation, line_shape(features).variation, rtol=1e-6, atol=1e-6,
    )


def test_the_middle_third():
    assert middle_points(11).tolist() == [4, 5, 6]
    assert middle_points(4).tolist() == [1, 2]


def test_contrast_at_the_middle():
    first = np.zeros((2, 28, 28), np.float32)
    first[:, :14] = 1.0
    faded = cross_fade(first, np.stack([first[0], 1 - first[1]]), points=11)
    assert contrast_dip(faded) == pytest.approx([0.0, 1.0], abs=1e-6)
    assert contrast_dip(np.zeros((1, 11, 28, 28), np.float32)) == 0.0


def test_a_cross_fade_begins_and_ends_with_its_images():
    rng = np.random.default_rng(0)
    first, second = rng.random((2, 3, 28, 28), dtype=np.float32)
    faded = cross_fade(first, second, points=11)
    np.testing.assert_array_equal(faded[:, 0], first)
    np.testing.assert_array_equal(faded[:, -1], second)
    np.testing.assert_allclose(faded[:, 5], (first + second) / 2, atol=1e-6)


def test_classes_on_the_way():
    predicted = np.array([[0, 0, 3, 3, 1], [0, 1, 0, 1, 1]])
    ends = np.array([0, 0]), np.array([1, 1])
    assert third_class(predicted, *ends).tolist() == [0.4, 0.0]
    assert class_switches(predicted).tolist() == [2, 3]


def test_the_path_length_of_a_straight_way_is_its_squared_speed_whatever_the_step():
    rng = np.random.default_rng(0)
    start, end = rng.normal(size=(2, 50, 4))
    for epsilon in (1e-1, 1e-3):
        found = path_length(start, start + epsilon * (end - start), epsilon=epsilon, scale=2.0)
        np.testing.assert_allclose(found, np.square(end - start).sum(axis=1) / 4.0)


def test_independent_images_are_two_squared_spreads_apart():
    first, second = np.random.default_rng(0).normal(size=(2, 20_000, 5)) * [1, 2, 3, 4, 5]
    assert path_length(first, second, epsilon=1.0, scale=spread(first)).mean() == pytest.approx(2.0, abs=0.05)


# --- the score ------------------------------------------------------------------------------------

parts = st.tuples(
    st.floats(0, 3), st.floats(0, 10), st.floats(0, 5), st.floats(0, 1), st.floats(0, 2),
).map(np.array)


@given(parts)
def test_the_score_is_between_nothing_and_one(found):
    score, each = interpolation_score(found, REFERENCE)
    assert 0.0 <= score <= 1.0
    assert score <= each.max() + 1e-12


@given(parts, st.integers(0, 4), st.floats(0, 1))
def test_the_score_never_rises_by_getting_worse(found, part, change):
    worse = found.copy()
    worse[part] += -change if part == 2 else change     # part 2 is the distance that the line bridges
    worse[2] = max(worse[2], 0.0)
    if found[1] > 0:
        assert interpolation_score(worse, REFERENCE)[0] <= interpolation_score(found, REFERENCE)[0] + 1e-12


def test_a_cross_fade_has_no_score():
    fade = np.array([0.53, 1.4, 1.0, REFERENCE.middle, 0.0])
    assert interpolation_score(fade, REFERENCE)[0] == 0.0


def test_many_lines_of_means_are_scored_at_once():
    many = np.random.default_rng(0).random((7, 5))
    found, each = interpolation_score(many, REFERENCE)
    assert found.shape == (7,)
    assert each.shape == (7, 3)
    assert found[3] == interpolation_score(many[3], REFERENCE)[0]


# --- the family -----------------------------------------------------------------------------------

def decoded(first, second, codes, decode, *, points=11):
    share = np.linspace(0, 1, points, dtype=np.float32)[:, None]
    line = codes[first][:, None] * (1 - share) + codes[second][:, None] * share
    images = decode(line.reshape(-1, codes.shape[1])).reshape(len(first), points, 28, 28)
    return Path(first=first, second=second, images=images.astype(np.float32))


def pairs(labels, count, *, same, seed=0):
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, len(labels), (2, 50 * count))
    kept = np.flatnonzero((labels[first] == labels[second]) == same)[:count]
    return first[kept], second[kept]


@pytest.fixture
def linear(data):
    return principal_components(data.train.images, size=8)


@pytest.fixture
def scene(make_scene, data, linear):
    codes = linear.encode(data.test.images)

    def decode(z):
        return np.clip(z @ linear.basis.T + linear.mean, 0, 1).reshape(-1, 28, 28)

    def make(decode=decode):
        steps = codes[:50], codes[:50] + 0.01 * (codes[50:100] - codes[:50])
        return make_scene(
            test_codes=codes,
            within=decoded(*pairs(data.test.labels, 20, same=True), codes, decode),
            between=decoded(*pairs(data.test.labels, 20, same=False), codes, decode),
            path_steps=tuple(decode(step) for step in steps),
        )

    return make


def values(findings):
    return {one.name.removeprefix("interpolation."): one for one in findings.measurements}


def test_every_measurement_of_the_table_is_made_and_none_else(scene):
    found = interpolation.measure(scene())
    assert {one.name for one in found.measurements} == {metric.name for metric in interpolation.METRICS}
    for one in found.measurements:
        assert one.interval[0] <= one.value <= one.interval[1], one.name
        assert "pixel cross-fade" in one.baselines


def test_a_decoder_that_ignores_its_code_is_flagged_and_scores_nothing(scene, data):
    mean = data.train.images.mean(axis=0) / 255
    found = interpolation.measure(scene(lambda z: np.repeat(mean[None], len(z), axis=0)))
    assert [flag.name for flag in found.flags] == ["code_ignored"]
    assert values(found)["step_variation_between"].value == 0.0
    assert values(found)["path_length"].value == 0.0
    assert values(found)["score"].value == 0.0


def test_steps_smaller_than_a_grey_level_are_seen(scene):
    found = values(interpolation.measure(scene()))["path_length"]
    assert found.value > 0.1
    assert found.value < 5 * found.baselines["pixel cross-fade"]


def test_the_judges_see_less_than_a_grey_level_where_they_are_asked_to(data):
    from harness.features import Judges

    judges = Judges(data)
    image = np.full((1, 28, 28), 0.5, np.float32)
    both = np.concatenate([image, image + np.float32(1e-3)])
    rounded, exact = (judges.features("judge", both, exact=exact)[0] for exact in (False, True))
    assert (rounded[0] == rounded[1]).all()
    assert (exact[0] != exact[1]).any()


def test_the_pictures_show_each_line_above_the_cross_fade_of_its_images(scene, data):
    given_scene = scene()
    picture = interpolation.measure(given_scene).pictures["interpolation.between"]
    tiles = picture_array(picture).reshape(picture.rows, picture.columns, 28, 28)
    path = given_scene.evidence.between
    assert (picture.rows, picture.columns) == (10, 11)
    assert len(picture.row_labels) == 10
    np.testing.assert_array_equal(tiles[0], to_uint8(path.images[0]))
    np.testing.assert_array_equal(tiles[1, 0], data.test.images[path.first[0]])
    np.testing.assert_array_equal(tiles[9, 10], data.test.images[path.second[4]])


def test_the_table_of_steps_holds_shares_of_the_length(scene):
    columns = interpolation.measure(scene()).tables["interpolation.steps"].columns
    assert list(columns) == ["position", "within", "between", "cross-fade within", "cross-fade between"]
    assert columns.pop("position") == list(range(1, 11))
    for column in columns.values():
        assert sum(column) == pytest.approx(1.0)


def test_without_lines_there_is_nothing_to_measure(make_scene):
    found = interpolation.measure(make_scene())
    assert found.measurements == []
    assert found.tables == {}


def test_the_order_of_the_lines_does_not_matter(make_scene, scene):
    given_scene = scene()
    path = given_scene.evidence.between
    turned = Path(first=path.first[::-1], second=path.second[::-1], images=path.images[::-1])
    one, other = (values(interpolation.measure(make_scene(between=part))) for part in (path, turned))
    for name in ("score", "step_variation_between", "detour_between", "realism_between"):
        assert one[name].value == pytest.approx(other[name].value), name


# --- the order that the score must keep -----------------------------------------------------------

def vae(checkpoint: str | None):
    """Encode and decode by the ladder's VAE."""
    import torch

    from harness.contract import load_weights

    spec = importlib.util.spec_from_file_location("ladder_of_interpolation", LADDER / "models.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = module.Untrained() if checkpoint is None else module.VAE()
    if checkpoint is not None:
        load_weights(model, LADDER / checkpoint)

    def encode(images):
        with torch.no_grad():
            return model.encode(torch.from_numpy(images[:, None])).numpy()

    def decode(codes):
        with torch.no_grad():
            return model.decode(torch.from_numpy(codes)).numpy()

    return encode, decode


def linear_and_trivial_models(train: np.ndarray):
    """Encode and decode by what a VAE must beat: pixels, components, training images, one image."""
    components = principal_components(train, size=20)
    flat = train.reshape(len(train), -1)

    def itself(images):
        return images.reshape(len(images), -1)

    def snap(codes):
        return flat[k_nearest(255 * codes, flat, k=1)[1][:, 0]] / np.float32(255)

    return {
        "cross-fade": (itself, lambda codes: codes),
        "PCA-20": (components.encode, lambda codes: np.clip(codes @ components.basis.T + components.mean, 0, 1)),
        "nearest training image": (itself, snap),
        "constant": (itself, lambda codes: np.tile(flat.mean(axis=0) / 255, (len(codes), 1))),
    }


@pytest.mark.slow
@pytest.mark.real_data
def test_the_score_puts_a_vae_over_all_that_only_looks_smooth_and_ten_epochs_over_one(recall):
    from harness.data import load
    from harness.evidence import Evidence
    from harness.features import Judges
    from harness.limits import QUICK
    from harness.metrics.base import Scene

    data = load(folder=real_data_folder(), download=False)
    judges = Judges(data)
    first, second = pairs(data.test.labels, 200, same=False)
    models = linear_and_trivial_models(data.train.images) | {
        "untrained": vae(None),
        "one epoch": vae("one_epoch.safetensors"), "ten epochs": vae("ten_epochs.safetensors"),
    }
    images = data.test.images.astype(np.float32) / np.float32(255)
    scores = {}
    for name, (encode, decode) in models.items():
        evidence = Evidence(
            capabilities=("encode", "decode"), conditional=False, parameters=None,
            test_index=np.arange(10_000), train_index=np.arange(60_000),
            between=decoded(first, second, encode(images), decode),
        )
        scene = Scene(data=data, evidence=evidence, perception=judges, budget=QUICK, seed=0, recall=recall)
        scores[name] = values(interpolation.measure(scene))["score"]
    print({name: round(score.value, 3) for name, score in scores.items()})
    ten, one = scores.pop("ten epochs"), scores.pop("one epoch")
    assert ten.interval[0] > one.value
    for name, score in scores.items():
        assert one.interval[0] > score.value, name
