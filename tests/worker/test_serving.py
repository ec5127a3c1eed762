"""What the evaluator asks, what the group's class is handed, and what comes back."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from safetensors.torch import load as load_safetensors

EVERY_BYTE = np.arange(1000 * 784, dtype=np.int64).reshape(1000, 28, 28).astype(np.uint8)


def test_a_model_is_described_by_what_it_wrote(talk):
    talk.write("""
        import torch
        from harness.contract import GenerativeModel
        class Model(GenerativeModel, torch.nn.Module):
            conditional = True
            log_prob_kind = "exact"
            batch_size = 7
            def __init__(self):
                super().__init__()
                self.free = torch.nn.Linear(2, 3)
                self.frozen = torch.nn.Linear(2, 3).requires_grad_(False)
            def sample(self, count, *, labels=None, seed): ...
            def log_prob(self, images): ...
        """)
    head, _ = talk.ask("describe")
    assert head == {
        "id": 0, "capabilities": ["sample", "log_prob"], "conditional": True, "log_prob_kind": "exact",
        "parameters": 9, "domains": [], "batch_size": 7, "framework": "torch",
    }


def test_bytes_arrive_as_x_over_255_exactly_in_torch_and_in_numpy(talk):
    body = """
        import {name}
        class Model:
            framework = "{name}"
            def encode(self, images):
                assert isinstance(images, {kind}), type(images)
                assert tuple(images.shape[1:]) == (1, 28, 28)
                return images.reshape(-1, 784)
        """
    for name, kind in (("torch", "torch.Tensor"), ("numpy", "numpy.ndarray")):
        talk.write(body.format(name=name, kind=kind), f"in_{name}.py")
        _, arrays = talk.ask("encode", {"images": EVERY_BYTE}, source=f"in_{name}.py:Model")
        expected = EVERY_BYTE.reshape(1000, 784).astype("<f4") / np.float32(255)
        np.testing.assert_array_equal(arrays["codes"], expected)


def test_inputs_come_in_batches_and_answers_in_order(talk):
    talk.write("""
        import torch
        class Model:
            batch_size = 300
            sizes = []
            def encode(self, images):
                self.sizes.append(len(images))
                return torch.full((len(images), 1), float(self.sizes[-1])) + images.flatten(1)[:, :1]
        """)
    _, arrays = talk.ask("encode", {"images": np.zeros((1000, 28, 28), np.uint8)})
    assert arrays["codes"][:, 0].tolist() == [300.0] * 900 + [100.0] * 100


@pytest.mark.parametrize(
    "shape", ["(-1, 1, 28, 28)", "(-1, 28, 28)", "(-1, 784)", "(-1, 28, 28, 1)", "(-1, 1, 784)"])
def test_images_of_every_usual_layout_come_back_as_n_28_28(talk, shape):
    talk.write(f"class Model:\n    def decode(self, codes): return codes.reshape({shape})")
    codes = np.linspace(-3, 3, 5 * 784, dtype="<f4").reshape(5, 784)
    _, arrays = talk.ask("decode", {"codes": codes})
    np.testing.assert_array_equal(arrays["images"], codes.reshape(5, 28, 28))     # and nothing is clamped


def test_an_unknown_layout_comes_back_as_it_is_for_the_evaluator_to_refuse(talk):
    talk.write("import torch\nclass Model:\n    def decode(self, z): return torch.zeros(len(z), 3, 28, 28)")
    assert talk.ask("decode", {"codes": np.zeros((5, 2), "<f4")})[1]["images"].shape == (5, 3, 28, 28)


@pytest.mark.parametrize("dtype", ["float64", "float16", "bfloat16", "uint8"])
def test_other_number_types_become_float32(talk, dtype):
    talk.write(f"""
        import torch
        class Model:
            def decode(self, codes): return torch.ones(len(codes), 784, dtype=torch.{dtype})
        """)
    images = talk.ask("decode", {"codes": np.zeros((5, 2), "<f4")})[1]["images"]
    assert images.dtype == np.float32
    assert (images == 1).all()


def test_something_that_is_no_array_is_an_invalid_output(talk):
    talk.write("""
        class Model:
            def decode(self, codes): return None
            def encode(self, images): return ({}, "x")
        """)
    error = talk.error("decode", {"codes": np.zeros((5, 2), "<f4")})
    assert error["kind"] == "invalid output"
    assert "decode returned a NoneType" in error["message"]
    assert talk.error("encode", {"images": np.zeros((5, 28, 28), np.uint8)})["kind"] == "invalid output"


def test_networks_are_in_eval_mode_without_gradients_but_train_in_fit(talk):
    talk.write("""
        import torch
        class Model(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.layer = torch.nn.Linear(784, 2)
                self.drop = torch.nn.Dropout(0.5)
            def fit(self, images, labels, *, seed, device, deadline):
                assert self.training and torch.is_grad_enabled() and labels is None
                self.layer(images.flatten(1)).sum().backward()
            def encode(self, images):
                assert not self.training and not torch.is_grad_enabled()
                with torch.enable_grad():   # energy-based models need this
                    x = images.clone().requires_grad_()
                    (x ** 2).sum().backward()
                return self.drop(self.layer(images.flatten(1)))
        """)
    images = np.ones((3, 28, 28), np.uint8)
    _, fitted, encoded = talk.run(
        ("fit", {"images": images}, {"seconds": 5}), ("encode", {"images": images}, {}))
    assert "error" not in fitted[0]
    assert encoded[1]["codes"].shape == (3, 2)


def test_an_eval_that_raises_is_tolerated(talk):
    talk.write("""
        import torch
        class Model(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.layer = torch.nn.Linear(2, 2)
            def train(self): print("training now")
            def decode(self, codes): return torch.zeros(len(codes), 784)
        """)
    assert talk.ask("decode", {"codes": np.zeros((5, 2), "<f4")})[1]["images"].shape == (5, 28, 28)


def test_fit_gets_images_labels_seed_and_a_deadline_and_its_weights_come_back(talk):
    talk.write("""
        import time, torch
        class Model(torch.nn.Module):
            conditional = True
            def __init__(self):
                super().__init__()
                self.mean = torch.nn.Parameter(torch.zeros(784))
                self.tied = self.mean
            def fit(self, images, labels, *, seed, device, deadline):
                assert images.shape == (4, 1, 28, 28) and images.dtype == torch.float32
                assert labels.tolist() == [0, 1, 2, 3] and labels.dtype == torch.int64
                assert seed == 9 and device == "cpu" and 40 < deadline - time.monotonic() <= 50
                self.mean.data = images.flatten(1).mean(0)
        """)
    images = np.full((4, 28, 28), 51, np.uint8)
    _, files = talk.ask("fit", {"images": images, "labels": np.arange(4)}, {"seconds": 50, "seed": 9})
    assert list(files) == ["files/model.safetensors"]
    assert files["files/model.safetensors"].dtype == np.uint8
    weights = load_safetensors(files["files/model.safetensors"].tobytes())
    torch.testing.assert_close(weights["mean"], torch.full((784,), 0.2))


def test_the_files_that_save_writes_come_back_by_name(talk):
    talk.write("""
        class Model:
            def fit(self, images, labels, *, seed, device, deadline): pass
            def save(self, folder):
                (folder / "a.txt").write_text("one")
                (folder / "deep").mkdir()
                (folder / "deep" / "b.bin").write_bytes(b"")
                (folder / "link").symlink_to("/etc/passwd")
        """)
    _, files = talk.ask("fit", {"images": np.zeros((1, 28, 28), np.uint8)}, {"seconds": 1})
    contents = {name: data.tobytes() for name, data in files.items()}
    assert contents == {"files/a.txt": b"one", "files/deep/b.bin": b""}


def test_a_model_without_anything_to_save_is_told_what_to_write(talk):
    talk.write("class Model:\n    def fit(self, images, labels, *, seed, device, deadline): pass")
    error = talk.error("fit", {"images": np.zeros((1, 28, 28), np.uint8)}, {"seconds": 1})
    assert "nothing that could be saved" in error["message"]
    assert "save(self, folder)" in error["hint"]


def test_samples_follow_the_seed_even_where_the_model_ignores_it(talk):
    talk.write("""
        import random, numpy, torch
        class Model:
            def sample(self, count, *, seed, labels=None):
                return torch.rand(count, 784) / 3 + random.random() / 3 + numpy.random.rand() / 3
        """)
    asked = [("sample", {}, {"count": 6, "seed": seed}) for seed in (1, 2, 1)]
    first, other, again = (arrays["images"] for _, arrays in talk.run(*asked)[1:])
    np.testing.assert_array_equal(first, again)
    assert abs(first - other).max() > 0.01


def test_labels_reach_a_conditional_sampler(talk):
    talk.write("""
        import torch
        class Model:
            def sample(self, count, *, labels, seed):
                return labels.float().reshape(-1, 1).expand(count, 784) / 10
        """)
    _, arrays = talk.ask("sample", {"labels": np.arange(5)}, {"count": 5, "seed": 0})
    np.testing.assert_allclose(arrays["images"][:, 0, 0], np.arange(5) / 10, rtol=1e-6)


def test_posterior_log_prob_and_translate_are_asked_for_as_the_contract_says(talk):
    talk.write("""
        class Model:
            batch_size = 2
            def posterior(self, images): return images[:, 0, 0, :3], images[:, 0, 0, 3:6]
            def log_prob(self, images): return images.sum((1, 2, 3)).reshape(-1, 1)
            def translate(self, images, *, to): return 1 - images if to == "inverted" else images
        """)
    images = np.random.default_rng(0).random((5, 28, 28), "float32")
    _, arrays = talk.ask("posterior", {"images": images})
    np.testing.assert_array_equal(arrays["mean"], images[:, 0, :3])
    np.testing.assert_array_equal(arrays["log_variance"], images[:, 0, 3:6])
    _, arrays = talk.ask("log_prob", {"images": images})
    np.testing.assert_allclose(arrays["log_prob"], images.sum((1, 2)), rtol=1e-5)
    _, arrays = talk.ask("translate", {"images": images}, {"to": "inverted"})
    np.testing.assert_allclose(arrays["images"], 1 - images, rtol=1e-6)


def test_a_missing_method_names_those_that_are_there(talk):
    talk.write("""
        class Model:
            def decode(self, codes): ...
            def sample(self, count, *, labels=None, seed): ...
        """)
    error = talk.error("encode", {"images": np.zeros((1, 28, 28), np.uint8)})
    assert error["kind"] == "rejected"
    assert error["message"] == "Model has no method encode"
    assert "sample, decode" in error["hint"]


def test_an_exception_names_file_line_and_code_and_the_next_request_is_answered(talk):
    talk.write("""
        import torch
        def helper(x):
            return x @ torch.zeros(3, 3)
        class Model:
            def encode(self, images):
                return helper(images.flatten(1))
            def decode(self, codes):
                return torch.zeros(len(codes), 784)
        """)
    _, failed, good = talk.run(
        ("encode", {"images": np.zeros((2, 28, 28), np.uint8)}, {}),
        ("decode", {"codes": np.zeros((2, 3), "<f4")}, {}))
    error = failed[0]["error"]
    assert error["kind"] == "crashed"
    assert error["message"].startswith("encode failed (model.py, line 4): RuntimeError: mat1 and mat2")
    assert [frame["function"] for frame in error["traceback"]] == ["encode", "helper"]
    assert error["traceback"][1]["code"] == "return x @ torch.zeros(3, 3)"
    assert good[1]["images"].shape == (2, 28, 28)


def test_answers_whose_shape_changes_between_batches_are_explained(talk):
    talk.write("""
        import torch
        class Model:
            batch_size = 2
            def encode(self, images): return torch.zeros(len(images), len(images))
        """)
    error = talk.error("encode", {"images": np.zeros((3, 28, 28), np.uint8)})
    assert error["kind"] == "invalid output"
    assert "[(1,), (2,)]" in error["message"]


def test_an_answer_does_not_depend_on_what_was_asked_before(talk):
    talk.write("import torch\nclass Model:\n    def encode(self, images): return torch.randn(len(images), 2)")
    request = ("encode", {"images": np.zeros((2, 28, 28), np.uint8)}, {})
    _, first, second = talk.run(request, request)
    np.testing.assert_array_equal(first[1]["codes"], second[1]["codes"])


def test_the_seed_is_set_before_the_hand_in_is_imported(talk):
    talk.write("""
        import random, numpy, torch
        at_import = torch.tensor([[random.random(), numpy.random.rand(), torch.rand(()).item()]])
        class Model:
            def encode(self, images): return at_import
        """)
    request = ("encode", {"images": np.zeros((1, 28, 28), np.uint8)}, {})
    drawn = []
    for seed in (3, 3, 4):
        talk.write((talk.folder / "model.py").read_text(), f"again_{len(drawn)}.py")
        _, (_, arrays) = talk.run(request, seed=seed, source=f"again_{len(drawn)}.py:Model")
        drawn.append(arrays["codes"].tolist())
    assert drawn[0] == drawn[1] != drawn[2]


def test_time_is_not_told_by_the_worker(talk):
    talk.write("import torch\nclass Model:\n    def encode(self, images): return torch.zeros(len(images), 2)")
    begun = time.monotonic()
    head, _ = talk.ask("encode", {"images": np.zeros((1, 28, 28), np.uint8)})
    assert head == {"id": 0}
    assert time.monotonic() - begun < 60


def test_a_model_that_asks_for_the_order_of_its_numbers_answers_as_one_that_does_not(talk):
    body = """
        import torch
        class Model(torch.nn.Module):
            def __init__(self):
                super().__init__()
                torch.manual_seed(0)
                self.conv = torch.nn.Conv2d(1, 3, 3)
            def encode(self, images):
                return {}
        """
    answers = []
    for number, code in enumerate((
        "self.conv(images)[:, :, :5, :5].contiguous().view(-1, 75)",    # bears any layout
        "self.conv(images).view(len(images), -1)[:, :5 * 26]",          # bears channels first alone
        "self.conv(images).flatten(1)[:, :5 * 26]",
    )):
        talk.write(body.format(code), f"model{number}.py")
        _, arrays = talk.ask("encode", {"images": EVERY_BYTE[:100]}, source=f"model{number}.py:Model")
        answers.append(arrays["codes"])
    assert answers[0].shape == (100, 75)
    np.testing.assert_allclose(answers[1], answers[2], atol=1e-6)


def test_convolutions_are_laid_out_channels_last_for_questions_and_not_for_training(talk):
    talk.write("""
        import torch
        class Model(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.conv = torch.nn.Conv2d(4, 3, 3)
            def _said(self):
                return self.conv.weight.is_contiguous(memory_format=torch.channels_last)
            def fit(self, images, labels, *, seed, device, deadline):
                assert not self._said()
            def encode(self, images):
                return torch.full((len(images), 1), float(self._said()))
        """)
    head, _ = talk.ask("fit", {"images": EVERY_BYTE[:10]}, {"seconds": 10})
    assert "error" not in head
    _, arrays = talk.ask("encode", {"images": EVERY_BYTE[:10]})
    assert (arrays["codes"] == 1).all()


def test_an_error_of_the_model_is_told_as_it_is_after_both_layouts(talk):
    talk.write("""
        import torch
        class Model(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.conv = torch.nn.Conv2d(1, 3, 3)
            def encode(self, images):
                raise RuntimeError(f"no luck, {self.conv.weight.shape[0]} times")
        """)
    head, _ = talk.ask("encode", {"images": EVERY_BYTE[:10]})
    assert "no luck, 3 times" in head["error"]["message"]
