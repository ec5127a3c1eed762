"""The contract and its helpers: each common shape of student code in a line or two."""

from __future__ import annotations

import doctest
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.torch import save_file

from harness import contract

IMAGES = hnp.arrays(np.dtype("<f4"), st.tuples(st.integers(1, 4), st.just(1), st.just(28), st.just(28)),
                    elements=st.floats(0, 1, width=32), fill=st.just(0.5))
BOTH = pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])


def test_the_examples_in_the_documentation_run():
    result = doctest.testmod(contract)
    assert result.attempted > 15
    assert result.failed == 0


def test_importing_the_contract_brings_neither_torch_nor_numpy():
    code = "import sys, harness.contract; sys.exit(bool({'torch', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_every_helper_is_exported():
    public = {name for name, value in vars(contract).items()
              if callable(value) and getattr(value, "__module__", "") == contract.__name__ and name[0] != "_"}
    assert public <= set(contract.__all__)


@BOTH
@given(images=IMAGES)
def test_conversions_and_their_inverses_give_the_same_images(kind, images):
    given = kind(images)
    for there_and_back in (
        contract.from_symmetric(contract.to_symmetric(given)),
        contract.crop(contract.pad(given)),
        contract.as_images(contract.flatten(given)),
    ):
        assert type(there_and_back) is type(given)
        assert there_and_back.shape == given.shape
        np.testing.assert_allclose(np.asarray(there_and_back), images, atol=1e-6)


@BOTH
def test_from_logits_is_the_logistic_function_without_overflow(kind):
    logits = np.array([-1e4, -3.0, 0.0, 3.0, 1e4], "<f4")
    expected = torch.special.expit(torch.from_numpy(logits)).numpy()
    np.testing.assert_allclose(np.asarray(contract.from_logits(kind(logits))), expected, atol=1e-6)


@BOTH
def test_padding_adds_black_and_keeps_type_and_gradient(kind):
    padded = contract.pad(kind(np.ones((2, 1, 28, 28), "<f4")), size=32)
    assert tuple(padded.shape) == (2, 1, 32, 32)
    assert float(padded.sum()) == 2 * 28 * 28
    assert str(padded.dtype).endswith("float32")


@pytest.mark.parametrize("output", [
    torch.ones(5, 3), (torch.ones(5, 3), torch.zeros(5, 3)), [torch.ones(5, 3, 1, 1), torch.zeros(5, 3)],
    {"mu": torch.ones(5, 3), "logvar": torch.zeros(5, 3)},
    {"logvar": torch.zeros(5, 3), "mean": torch.ones(5, 3)},
    torch.distributions.Normal(torch.ones(5, 3), torch.full((5, 3), 2.0)),
], ids=["tensor", "tuple", "list", "mu", "mean", "distribution"])
def test_the_posterior_mean_is_found_in_what_encoders_return(output):
    assert torch.equal(contract.posterior_mean(output), torch.ones(5, 3))


@pytest.mark.parametrize("where", range(3))
def test_the_reconstruction_is_found_wherever_it_stands(where):
    output = [torch.zeros(5, 20), torch.zeros(5, 20), torch.tensor(0.5)]
    output[where] = torch.ones(5, 784)
    for container in (tuple(output), dict(enumerate(output))):
        assert torch.equal(contract.reconstruction(container), torch.ones(5, 1, 28, 28))


def test_without_a_reconstruction_the_shapes_are_told():
    with pytest.raises(ValueError, match=r"28 x 28.*\(5, 20\)"):
        contract.reconstruction((torch.zeros(5, 20), torch.zeros(5)))


def test_capabilities_are_the_methods_that_a_class_wrote_itself():
    class Model(contract.GenerativeModel):
        def decode(self, codes): ...
        def sample(self, count, *, labels=None, seed): ...

    class Duck:
        def encode(self, images): ...

    assert contract.capabilities(Model()) == contract.capabilities(Model) == ("sample", "decode")
    assert contract.capabilities(Duck()) == ("encode",)
    assert contract.capabilities(contract.GenerativeModel()) == ()


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Linear(3, 4)
        self.second = torch.nn.Linear(4, 3)


def save_state(model, path):
    torch.save(model.state_dict(), path)


@pytest.mark.parametrize(("name", "save"), [
    ("net.safetensors", lambda model, path: save_file(model.state_dict(), path)),
    ("net.pt", save_state),
    ("net.pth", lambda model, path: torch.save({"epoch": 3, "model_state_dict": model.state_dict()}, path)),
    ("net.ckpt", lambda model, path: torch.save({"state_dict": model.state_dict(), "optimizer": {}}, path)),
    ("parallel.pt", lambda model, path: save_state(torch.nn.DataParallel(model), path)),
])
def test_every_usual_kind_of_checkpoint_is_loaded(tmp_path, name, save):
    torch.manual_seed(0)
    trained, fresh = Net(), Net()
    save(trained, tmp_path / name)
    contract.load_weights(fresh, tmp_path / name)
    for key, value in trained.state_dict().items():
        assert torch.equal(fresh.state_dict()[key], value)


def test_a_checkpoint_that_does_not_fit_is_explained_key_by_key(tmp_path):
    state = Net().state_dict()
    state["extra.weight"] = state.pop("first.weight")
    state["second.bias"] = torch.zeros(7)
    torch.save(state, tmp_path / "net.pt")
    with pytest.raises(ValueError, match=r"net\.pt does not fit the model") as caught:
        contract.load_weights(Net(), tmp_path / "net.pt")
    assert "missing in the file: first.weight" in str(caught.value)
    assert "not in the model: extra.weight" in str(caught.value)
    assert "second.bias is (7,) in the file and (3,) in the model" in str(caught.value)


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(ValueError, match="holds a list instead of a state dict"):
        contract.load_weights(Net(), tmp_path / "list.pt")
