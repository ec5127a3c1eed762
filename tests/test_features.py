"""The judges see what they were trained to see, the same however they are asked."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
import warnings

import numpy as np
import pytest

from harness.data import garments, load
from harness.errors import HarnessFault, UserError
from harness.features import Judges, inception_features, judges
from tests.conftest import real_data_folder

RECORD = json.loads((judges.WEIGHTS / "judges.json").read_text())


@pytest.fixture(scope="module")
def data():
    return garments(train=700, test=300)


@pytest.fixture(scope="module")
def both(data):
    return Judges(data)


def effective_rank(features):
    spectrum = np.linalg.eigvalsh(np.cov(features.T.astype(np.float64)))
    shares = spectrum / spectrum.sum()
    return np.exp(-(shares * np.log(shares)).sum())


@pytest.mark.parametrize("network", judges.NAMES)
def test_features_and_probabilities_have_their_shapes(both, data, network):
    features, probabilities = both.features(network, data.test.images)
    assert features.shape == (300, 64)
    assert probabilities.shape == (300, 10)
    assert features.dtype == probabilities.dtype == np.float32
    assert np.isfinite(features).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("network", judges.NAMES)
def test_the_fast_path_sees_what_the_network_sees_as_it_was_trained(both, data, network):
    import torch

    images = torch.from_numpy(data.test.images)[:, None].float() / 255
    with torch.inference_mode():
        features, logits = judges.load_network(network)(images)
    seen, probabilities = both.features(network, data.test.images)
    np.testing.assert_allclose(seen, features.numpy(), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(probabilities, logits.softmax(1).numpy(), rtol=1e-3, atol=1e-4)


def test_floats_are_rounded_to_eight_bits_first(both, data):
    exact = data.test.images.astype(np.float32) / 255
    seen = both.features("judge", data.test.images)[0]
    assert np.array_equal(both.features("judge", exact)[0], seen)
    assert np.array_equal(both.features("judge", exact + np.float32(0.4 / 255))[0], seen)
    assert np.array_equal(both.features("judge", exact.astype(np.float64))[0], seen)
    assert not np.array_equal(both.features("judge", exact + np.float32(0.6 / 255))[0], seen)


def test_the_number_of_threads_changes_nothing(both, data):
    alone = Judges(data, threads=1)
    for network in judges.NAMES:
        for ours, theirs in zip(both.of(network, "train"), alone.of(network, "train"), strict=True):
            assert np.array_equal(ours, theirs)


def test_looking_leaves_torchs_threads_as_they_were(both, data):
    import torch

    before = torch.get_num_threads()
    both.features("judge", data.test.images[:10])
    assert torch.get_num_threads() == before


def test_read_only_and_empty_arrays_can_be_looked_at(both, data):
    images = data.test.images[:5].copy()
    images.setflags(write=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert both.features("judge", images)[0].shape == (5, 64)
    assert both.features("judge", images[:0])[0].shape == (0, 64)


def test_the_splits_are_looked_at_once_even_when_many_ask(data):
    asked = Judges(data)
    seen = []
    threads = [threading.Thread(target=lambda: seen.append(asked.of("judge", "test"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(pair[0] is seen[0][0] for pair in seen)
    assert np.array_equal(seen[0][0], asked.features("judge", data.test.images)[0])


def test_what_was_seen_is_kept_on_disk_and_a_damaged_file_is_made_again(tmp_path, data):
    first = Judges(data, cache=tmp_path).of("judge", "test")
    (kept,) = tmp_path.iterdir()
    written = kept.stat().st_mtime_ns
    again = Judges(data, cache=tmp_path).of("judge", "test")
    assert kept.stat().st_mtime_ns == written
    content = kept.read_bytes()
    kept.write_bytes(content[:-100])
    mended = Judges(data, cache=tmp_path).of("judge", "test")
    assert kept.read_bytes() == content
    for other in (again, mended):
        assert np.array_equal(first[0], other[0])
        assert np.array_equal(first[1], other[1])


def test_another_data_set_is_kept_apart(tmp_path, data):
    Judges(data, cache=tmp_path).of("judge", "test")
    other = garments(seed=1, train=10, test=300)
    seen = Judges(other, cache=tmp_path).of("judge", "test")[0]
    assert np.array_equal(seen, Judges(other).of("judge", "test")[0])
    assert len(list(tmp_path.iterdir())) == 2


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(tmp_path, data):
    (tmp_path / "file").write_text("in the way")
    assert Judges(data, cache=tmp_path / "file" / "cache").of("judge", "test")[0].shape == (300, 64)


def test_wrong_calls_are_faults_of_ours(both):
    with pytest.raises(HarnessFault, match="uint8 or float"):
        both.features("judge", np.zeros((3, 1, 28, 28), np.uint8))
    with pytest.raises(HarnessFault, match="uint8 or float"):
        both.features("judge", np.zeros((3, 28, 28), np.int64))
    with pytest.raises(HarnessFault, match="no network 'jury'"):
        both.features("jury", np.zeros((3, 28, 28), np.uint8))
    with pytest.raises(HarnessFault, match="keep nothing"):
        both.of("judge", "validation")


@pytest.mark.parametrize("name", judges.NAMES)
def test_the_shipped_weights_are_the_recorded_ones_and_small(name):
    entry = RECORD["networks"][name]
    content = (judges.WEIGHTS / entry["file"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == entry["sha256"]
    assert len(content) < 2_000_000


@pytest.mark.parametrize("name", judges.NAMES)
def test_the_record_says_what_the_networks_are(name):
    from harness.features.networks import multiply_adds

    network = judges.load_network(name)
    entry = RECORD["networks"][name]
    assert entry["parameters"] == sum(parameter.numel() for parameter in network.parameters())
    assert entry["multiply_adds"] == multiply_adds(network)
    assert entry["accuracy"] >= 0.92


def test_damaged_weights_are_a_fault_of_the_harness(tmp_path, monkeypatch, data):
    shutil.copytree(judges.WEIGHTS, tmp_path / "weights")
    monkeypatch.setattr(judges, "WEIGHTS", tmp_path / "weights")
    Judges(data)
    path = tmp_path / "weights" / RECORD["networks"]["judge"]["file"]
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(HarnessFault, match="not the file that"):
        Judges(data)
    path.unlink()
    with pytest.raises(HarnessFault, match="cannot be read"):
        Judges(data)
    (tmp_path / "weights" / "judges.json").write_text("{")
    with pytest.raises(HarnessFault, match="cannot be read"):
        Judges(data)


def test_torch_fidelity_sees_through_the_registered_judge(both, data):
    from torch_fidelity.utils import create_feature_extractor, extract_featuresdict_from_input_id

    from tests.fidelity_judge import as_dataset, register

    register()
    extractor = create_feature_extractor("judge", ["64"], cuda=False, verbose=False)
    seen = extract_featuresdict_from_input_id(
        1, extractor, input1=as_dataset(data.test.images), batch_size=64, cuda=False, verbose=False,
        cache=False, save_cpu_ram=True,
    )["64"].numpy()
    np.testing.assert_allclose(seen, both.of("judge", "test")[0], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("content", [b"", b"not weights", None], ids=["empty", "text", "other weights"])
def test_a_file_that_is_not_inceptions_weights_is_refused(tmp_path, content):
    import torch

    path = tmp_path / "weights.pth"
    if content is None:
        torch.save({"layer.weight": torch.zeros(3)}, path)
    else:
        path.write_bytes(content)
    with pytest.raises(UserError, match="does not hold the weights of Inception-v3"):
        inception_features(np.zeros((1, 28, 28), np.uint8), path)


def test_a_weights_file_that_runs_code_is_refused_and_the_code_is_not_run(tmp_path):
    import torch

    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    torch.save({"layer.weight": Evil()}, tmp_path / "weights.pth")
    with pytest.raises(UserError, match="does not hold the weights of Inception-v3"):
        inception_features(np.zeros((1, 28, 28), np.uint8), tmp_path / "weights.pth")
    assert not (tmp_path / "ran").exists()


def test_a_missing_weights_file_is_the_users_mistake(tmp_path):
    with pytest.raises(UserError, match="There is no Inception weights file"):
        inception_features(np.zeros((1, 28, 28), np.uint8), tmp_path / "none.pth")


@pytest.mark.slow
def test_inception_looks_at_grey_images_through_a_file_of_weights(tmp_path, monkeypatch):
    import torch
    from torch_fidelity import feature_extractor_inceptionv3 as theirs

    # Random weights of the right shapes: the class itself makes them when its own download is left out.
    torch.manual_seed(0)
    monkeypatch.setattr(theirs, "load_state_dict_from_url", lambda *_, **__: {})
    monkeypatch.setattr(theirs.FeatureExtractorInceptionV3, "load_state_dict", lambda *_, **__: None)
    network = theirs.FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], verbose=False)
    monkeypatch.undo()
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28), dtype=np.uint8)
    seen = inception_features(images, tmp_path / "weights.pth")
    assert seen.shape == (3, 2048)
    with torch.inference_mode():
        expected = network(torch.from_numpy(np.stack([images] * 3, axis=1)))[0].numpy()
    np.testing.assert_allclose(seen, expected, rtol=1e-4, atol=1e-5)
    assert np.array_equal(inception_features(images.astype(np.float32) / 255, tmp_path / "weights.pth"), seen)


@pytest.mark.real_data
@pytest.mark.parametrize("name", judges.NAMES)
def test_on_the_official_test_images_it_is_as_accurate_as_recorded_and_no_feature_is_dead(name):
    data = load(folder=real_data_folder(), download=False)
    assert RECORD["data"]["sha256"] == data.hash
    features, probabilities = Judges(data).of(name, "test")
    entry = RECORD["networks"][name]
    accuracy = (probabilities.argmax(axis=1) == data.test.labels).mean()
    assert accuracy == pytest.approx(entry["accuracy"], abs=5e-4)
    assert features.var(axis=0).min() > 0.1
    assert np.linalg.matrix_rank(np.cov(features.T.astype(np.float64))) == 64
    assert effective_rank(features) == pytest.approx(entry["effective_rank"], abs=0.2)
