"""Scripts and notebooks that train at their top level: what they define is imported, and nothing else happens."""

from __future__ import annotations

import json

import numpy as np
import pytest

SCRIPT = """
    from __future__ import annotations
    import argparse, sys, torch, no_such_library
    from torch import nn
    from torchvision import datasets, transforms
    from google.colab import drive

    parser = argparse.ArgumentParser(description="a VAE")
    parser.add_argument("--latent", type=int, default=7)
    args = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    hidden = args.latent * 2
    drive.mount("/content/drive")
    train_set = datasets.FashionMNIST("data", download=True, transform=transforms.ToTensor())
    loader = torch.utils.data.DataLoader(train_set, batch_size=64)

    class VAE(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = nn.Linear(784, hidden)
        def encode(self, images):
            return self.net(images.flatten(1))
        def late(self):
            return history

    model = VAE().to(device)
    optimiser = torch.optim.Adam(model.parameters())
    history = train(model)
    for epoch in range(10**12):
        open("trained", "w").write("it trained")
    if __name__ == "__main__":
        raise SystemExit("it ran")
"""
IMAGES = np.zeros((2, 28, 28), np.uint8)


def notebook(*cells: str | dict) -> str:
    return json.dumps({"nbformat": 4, "metadata": {}, "cells": [
        {"cell_type": "markdown", "source": "# Our VAE", "metadata": {}},
        *({"cell_type": "code", "source": cell, "metadata": {}, "outputs": []} if isinstance(cell, str)
          else {"cell_type": "code", "outputs": [], **cell} for cell in cells),
    ]})


def only(**more):
    return {"definitions_only": True, **more}


def test_a_script_that_trains_is_imported_for_what_it_defines(talk):
    talk.write(SCRIPT, "train.py")
    _, arrays = talk.ask("encode", {"images": IMAGES}, source="train.py:VAE", **only())
    assert arrays["codes"].shape == (2, 14)
    assert not (talk.folder / "trained").exists()


def test_a_model_that_the_script_makes_can_be_named_itself(talk):
    talk.write(SCRIPT, "train.py")
    _, arrays = talk.ask("encode", {"images": IMAGES}, source="train.py:model", **only())
    assert arrays["codes"].shape == (2, 14)


def test_files_that_it_imports_are_imported_by_their_definitions_too(talk):
    talk.write("import torch\nWIDTH = 5\nraise RuntimeError('it ran')", "settings.py")
    talk.write("""
        import torch
        from settings import *
        class Model(torch.nn.Module):
            def encode(self, images): return images.flatten(1)[:, :WIDTH]
    """)
    assert talk.ask("encode", {"images": IMAGES}, **only())[1]["codes"].shape == (2, 5)


def test_what_was_left_out_is_named_where_it_is_missed(talk):
    talk.write("""
        limits = compute_limits()
        class Model:
            def encode(self, images): return images * limits
    """)
    error = talk.error("encode", {"images": IMAGES}, **only())
    assert "NameError: name 'limits' is not defined" in error["message"]
    assert "limits is made in model.py, line 2: limits = compute_limits()" in error["hint"]
    assert "definitions: false" in error["hint"]


def test_a_library_that_is_missing_counts_only_where_it_is_used(talk):
    talk.write("""
        import wandb
        class Model:
            def encode(self, images): return images.flatten(1)[:, :3]
            def decode(self, codes): return wandb.images(codes)
    """)
    assert talk.ask("encode", {"images": IMAGES}, **only())[1]["codes"].shape == (2, 3)
    error = talk.error("decode", {"codes": np.zeros((2, 3), np.float32)}, **only())
    assert (error["kind"], error["needs"]) == ("environment", "wandb")


def test_a_class_that_needs_a_missing_library_is_missing_for_that_reason(talk):
    talk.write("import pytorch_lightning as pl\nclass Model(pl.LightningModule): ...")
    error = talk.error(**only())
    assert error["kind"] == "environment"
    assert (error["needs"], error["package"]) == ("pytorch_lightning", "pytorch-lightning")


def test_a_file_that_was_forgotten_is_no_missing_library(talk):
    talk.write("from utils import helper\nclass Model: ...")
    assert talk.error()["kind"] == "crashed"


def test_a_library_that_the_hand_in_lists_is_a_missing_library(talk):
    talk.write("import odd_flows\nclass Model: ...")
    (talk.folder / "requirements.txt").write_text("torch\nodd-flows==1.2\n")
    assert talk.error()["needs"] == "odd_flows"


def test_a_notebook_is_imported_for_what_it_defines_without_magics(talk):
    (talk.folder / "vae.ipynb").write_text(notebook(
        "!pip install torch\n%matplotlib inline\nimport torch\nWIDTH = 4",
        "%%bash\nrm -rf /",
        "class Model(torch.nn.Module):\n    def encode(self, images):\n        return images.flatten(1)[:, :WIDTH]",
        "model = Model()\nfor _ in range(10**12): pass",
        "print('%d of %d'\n      % (1, 2))\nraise RuntimeError",
    ))
    assert talk.ask("encode", {"images": IMAGES}, source="vae.ipynb:Model")[1]["codes"].shape == (2, 4)


@pytest.mark.parametrize("cells", [[1, 3], ["common", "second"]])
def test_cells_are_chosen_by_number_or_tag(talk, cells):
    (talk.folder / "vae.ipynb").write_text(notebook(
        {"source": ["import torch\n", "WIDTH = 4"], "metadata": {"tags": ["common"]}},
        {"source": "class Model:\n    def encode(self, images): raise RuntimeError", "metadata": {}},
        {"source": "class Model:\n    def encode(self, images): return images.flatten(1)[:, :WIDTH]",
         "metadata": {"tags": ["second"]}},
        {"source": "class Model: ...", "metadata": {}},
    ))
    answer = talk.ask("encode", {"images": IMAGES}, source="vae.ipynb:Model", cells=cells)
    assert answer[1]["codes"].shape == (2, 4)


def test_a_cell_that_is_not_there_is_told_with_those_that_are(talk):
    (talk.folder / "vae.ipynb").write_text(notebook({"source": "a = 1", "metadata": {"tags": ["model"]}}))
    error = talk.error(source="vae.ipynb:Model", cells=[2])
    assert error["message"] == "vae.ipynb has no code cell 2"
    assert error["hint"] == "it has 1 code cells, counted from 1; tags: model"


def test_an_error_in_a_notebook_is_traced_to_its_cell_and_line(talk):
    (talk.folder / "vae.ipynb").write_text(notebook(
        "a = 1", "class Model:\n    def encode(self, images):\n        return images.no_such"))
    error = talk.error("encode", {"images": IMAGES}, source="vae.ipynb:Model")
    assert error["message"].startswith("encode failed (vae.ipynb, cell 2, line 3): AttributeError")
    assert error["traceback"][-1]["code"] == "return images.no_such"


@pytest.mark.parametrize("text", ["{", "[]", '{"cells": 3}', '{"cells": [{"cell_type": "code"}]}', "[" * 100_000])
def test_a_broken_notebook_is_refused_in_words(talk, text):
    (talk.folder / "vae.ipynb").write_text(text)
    error = talk.error(source="vae.ipynb:Model")
    assert error["kind"] == "rejected"
    assert "vae.ipynb is no notebook that can be read" in error["message"]


def test_functions_that_build_networks_are_called_and_sizes_of_the_data_are_known(talk):
    talk.write("""
        import torch
        from elsewhere.datasets import fashion_mnist

        def build_encoder(size):
            return torch.nn.Linear(size, 3)

        def build_and_train_model():
            raise SystemExit("it trained")

        (x_train, _), (x_test, _) = fashion_mnist.load_data()
        x_train = x_train.astype("float32") / 255
        size = x_train.shape[1] * x_train.shape[2]
        encoder = build_encoder(size)
        model = build_and_train_model()
    """)
    head, _ = talk.ask(
        "describe", source="model.py:encoder", definitions_only=True, manner={"methods": {"encode": "forward"}})
    assert head["parameters"] == 784 * 3 + 3
    assert "build_and_train_model" in talk.error(source="model.py:model", definitions_only=True)["message"]
