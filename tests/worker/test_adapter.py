"""Models as students write them are asked as they are: tuples, other names, forms, labels, samplers."""

from __future__ import annotations

import numpy as np
import pytest

IMAGES = np.arange(2 * 784, dtype=np.uint8).reshape(2, 28, 28)
CODES = np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 4)

VAE = """
    import torch
    from torch import nn
    class VAE(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1, self.mu, self.lv = nn.Linear(784, 16), nn.Linear(16, 4), nn.Linear(16, 4)
            self.dec = nn.Sequential(nn.Linear(4, 784), nn.Tanh())
        def encode(self, x):
            assert x.shape[1:] == (784,) and x.min() >= -1 and x.min() < 0
            h = torch.relu(self.fc1(x))
            return self.mu(h), self.lv(h)
        def decode(self, z):
            return self.dec(z), z, None
        def forward(self, x):
            return self.decode(self.encode(x)[0])
"""
SYMMETRIC = {"layout": "flat", "range": [-1, 1]}


def test_tuples_flat_vectors_and_another_range_need_no_adapter(talk):
    talk.write(VAE)
    job = {"source": "model.py:VAE", "manner": {"input": SYMMETRIC, "output": SYMMETRIC, "second": "log_variance"}}
    head, _ = talk.ask("describe", **job)
    assert head["capabilities"] == ["encode", "decode", "posterior"]
    codes = talk.ask("encode", {"images": IMAGES}, **job)[1]["codes"]
    posterior = talk.ask("posterior", {"images": IMAGES}, **job)[1]
    assert np.array_equal(posterior["mean"], codes)
    images = talk.ask("decode", {"codes": codes}, **job)[1]["images"]
    assert images.shape == (2, 28, 28)
    assert images.min() >= 0
    assert images.max() <= 1


def test_samples_are_drawn_from_a_prior_only_where_it_is_declared(talk):
    talk.write(VAE)
    job = {"source": "model.py:VAE", "manner": {"input": SYMMETRIC, "output": SYMMETRIC}}
    assert "sample" not in talk.ask("describe", **job)[0]["capabilities"]
    job["manner"]["prior"] = {"kind": "normal", "shape": [4]}
    one, same = (talk.ask("sample", options={"count": 3, "seed": 5}, **job)[1]["images"] for _ in range(2))
    other = talk.ask("sample", options={"count": 3, "seed": 6}, **job)[1]["images"]
    assert one.shape == (3, 28, 28)
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_codes_get_back_the_shape_that_the_encoder_gave_them(talk):
    talk.write("""
        from torch import nn
        class Model(nn.Module):
            def __init__(self):
                super().__init__()
                self.encoder = nn.Conv2d(1, 2, 4, stride=14)
                self.decoder = nn.Sequential(nn.ConvTranspose2d(2, 1, 14, stride=14), nn.Sigmoid())
    """)
    codes = talk.ask("encode", {"images": IMAGES})[1]["codes"]
    assert codes.shape == (2, 8)
    assert talk.ask("decode", {"codes": codes})[1]["images"].shape == (2, 28, 28)


def test_whole_numbers_as_codes_are_rounded_and_told(talk):
    talk.write("""
        import torch
        class Model(torch.nn.Module):
            def encode(self, x): return x.flatten(1)[:, :4].mul(10).long()
            def decode(self, codes):
                assert codes.dtype == torch.int64
                return (codes.float() / 10).repeat(1, 196)
    """)
    job: dict = {"manner": {"output": {"layout": "flat"}}}
    head, answer = talk.ask("decode", {"codes": np.full((2, 4), 2.6, np.float32)}, **job)
    assert head["whole_codes"] is True
    assert answer["images"][0, 0, 0] == pytest.approx(0.3)


def test_an_encoder_that_ends_the_program_costs_no_samples(talk):
    talk.write("""
        import torch
        class Model:
            def encode(self, x): raise SystemExit
            def decode(self, codes): return codes
            def sample(self, count, seed): return torch.zeros(count, 1, 28, 28)
    """)
    assert talk.ask("describe")[0]["capabilities"] == ["sample", "encode", "decode"]
    assert talk.ask("sample", options={"count": 2, "seed": 0})[1]["images"].shape == (2, 28, 28)


def test_global_networks_and_lists_are_named_in_the_manifest(talk):
    talk.write("""
        from torch import nn
        encoder = nn.Sequential(nn.Flatten(), nn.Linear(784, 4))
        parts = [None, nn.Sequential(nn.Linear(4, 784), nn.Sigmoid(), nn.Unflatten(1, (1, 28, 28)))]
    """, "nets.py")
    job = {"source": "nets.py", "definitions_only": True,
           "manner": {"methods": {"encode": "encoder", "decode": "parts.1"}}}
    head, _ = talk.ask("describe", **job)
    assert head["capabilities"] == ["encode", "decode"]
    assert head["parameters"] == 784 * 4 + 4 + 4 * 784 + 784
    assert talk.ask("decode", {"codes": CODES}, **job)[1]["images"].shape == (2, 28, 28)


def test_a_name_that_is_not_there_is_refused(talk):
    talk.write(VAE)
    error = talk.error(source="model.py:VAE", manner={"methods": {"decode": "net.decoder"}})
    assert error["message"] == "submission.yaml names net.decoder for decode, but VAE has no net"


@pytest.mark.parametrize("parameters", [
    "self, n", "self, num_samples, device", "self, batch_size=16, device='cpu'", "self, count, *, seed",
    "self, n, y=None",
])
def test_samplers_with_other_parameters_are_understood(talk, parameters):
    name = parameters.split(", ")[1].split("=")[0]
    talk.write(f"""
        import torch
        class Model(torch.nn.Module):
            def generate({parameters}): return torch.rand({name}, 784)
    """)
    images = talk.ask("sample", options={"count": 3, "seed": 1}, manner={"output": {"layout": "flat"}})[1]["images"]
    assert images.shape == (3, 28, 28)


def test_a_reparameterisation_is_not_taken_for_a_sampler(talk):
    talk.write("""
        import torch
        class Model(torch.nn.Module):
            def sample(self, mu, logvar): return mu + torch.randn_like(mu)
    """)
    assert talk.ask("describe")[0]["capabilities"] == []


def test_a_generator_draws_from_its_declared_noise(talk):
    talk.write("""
        from torch import nn
        class Generator(nn.Module):
            def __init__(self):
                super().__init__()
                self.net = nn.Sequential(nn.ConvTranspose2d(10, 1, 28), nn.Tanh())
            def forward(self, noise): return self.net(noise)
    """)
    job = {"source": "model.py:Generator", "manner": {
        "methods": {"sample": "forward"}, "prior": {"kind": "normal", "shape": [10, 1, 1]},
        "output": {"range": [-1, 1]}}}
    assert talk.ask("sample", options={"count": 3, "seed": 1}, **job)[1]["images"].shape == (3, 28, 28)


@pytest.mark.parametrize("one_hot", [False, True])
def test_labels_reach_what_declares_them(talk, one_hot):
    shape = "(2, 10)" if one_hot else "(2,)"
    talk.write(f"""
        import torch
        class CVAE(torch.nn.Module):
            def encode(self, x, y):
                assert tuple(y.shape) in ({shape}, {shape.replace("2", "1", 1)}), y.shape
                return x.flatten(1)[:, :4]
            def decode(self, z, y):
                assert tuple(y.shape) == {shape}
                return torch.zeros(len(z), 784)
    """)
    job = {"source": "model.py:CVAE", "manner": {"labels": ["encode", "decode"], "one_hot": one_hot}}
    labels = np.array([3, 7])
    assert talk.ask("encode", {"images": IMAGES, "labels": labels}, **job)[1]["codes"].shape == (2, 4)
    assert talk.ask("decode", {"codes": CODES, "labels": labels}, **job)[1]["images"].shape == (2, 28, 28)


@pytest.mark.parametrize(("second", "value"), [("log_variance", 0.5), ("variance", np.log(0.5)), ("std", np.log(0.25))])
def test_the_spread_becomes_a_log_variance(talk, second, value):
    talk.write("""
        import torch
        class Model(torch.nn.Module):
            def encode(self, x): return torch.zeros(len(x), 4), torch.full((len(x), 4), 0.5)
    """)
    answer = talk.ask("posterior", {"images": IMAGES}, manner={"second": second})[1]
    np.testing.assert_allclose(answer["log_variance"], value, rtol=1e-6)


def test_a_tuple_without_an_image_is_an_invalid_output_with_the_shapes(talk):
    talk.write("""
        import torch
        class Model(torch.nn.Module):
            def decode(self, z): return torch.zeros(len(z), 32, 32), z
    """)
    error = talk.error("decode", {"codes": CODES})
    assert error["kind"] == "invalid output"
    assert "a tuple of ((2, 32, 32), (2, 4))" in error["message"]


def test_a_class_of_the_contract_is_asked_directly(talk):
    talk.write("""
        from harness.contract import GenerativeModel
        class Model(GenerativeModel):
            framework = "numpy"
            def encode(self, images): return images, images
    """)
    assert talk.error("encode", {"images": IMAGES})["message"].startswith("encode returned a tuple")


def test_code_that_insists_on_another_device_runs_and_says_so(talk):
    talk.write("""
        import torch
        class Model(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.net = torch.nn.Linear(784, 3).cuda()
            def encode(self, x): return self.net(x.flatten(1).to("mps")) + torch.zeros(1, device="cuda:0")
    """)
    head, arrays = talk.ask("encode", {"images": IMAGES})
    assert arrays["codes"].shape == (2, 3)
    assert head["redirected"] == ["cuda", "mps"]


def test_a_checkpoint_that_was_saved_on_another_device_is_read_here(talk, tmp_path):
    import torch

    torch.save({"net.weight": torch.ones(3, 784), "net.bias": torch.zeros(3)}, tmp_path / "w.pt")
    talk.write(f"""
        import torch
        class Model(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.net = torch.nn.Linear(784, 3)
                self.load_state_dict(torch.load({str(tmp_path / "w.pt")!r}, map_location="cuda"))
            def encode(self, x): return self.net(x.flatten(1))
    """)
    ones = np.full((2, 28, 28), 255, np.uint8)
    assert talk.ask("encode", {"images": ones})[1]["codes"][0, 0] == pytest.approx(784)


def test_each_network_may_have_a_file_of_its_own(talk, tmp_path):
    import torch

    talk.write(VAE)
    torch.save(torch.nn.Linear(784, 16).state_dict(), tmp_path / "fc.pt")
    torch.save({"0.weight": torch.zeros(784, 4), "0.bias": torch.zeros(784)}, tmp_path / "dec.pt")
    files = {"fc1": str(tmp_path / "fc.pt"), "dec": str(tmp_path / "dec.pt")}
    job = {"source": "model.py:VAE", "manner": {"output": SYMMETRIC}, "checkpoint": files}
    assert talk.ask("decode", {"codes": CODES}, **job)[1]["images"].max() == 0.5
    error = talk.error(source="model.py:VAE", checkpoint={"nothing": files["dec"]})
    assert "nothing, which is no network of the model" in error["message"]
