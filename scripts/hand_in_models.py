"""The models of the shipped hand-ins as the scripts handle them: imported, stored, loaded again."""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from harness.contract import load_weights

__all__ = ["ROOT", "SUBMISSIONS", "as_tensor", "beside", "store", "trained"]

ROOT = Path(__file__).resolve().parent.parent
SUBMISSIONS = ROOT / "submissions"


def as_tensor(images: np.ndarray) -> Tensor:
    """Turn uint8 images (N, 28, 28) into float32 (N, 1, 28, 28) in [0, 1]."""
    return torch.tensor(images).float().div(255).unsqueeze(1)


@contextlib.contextmanager
def beside(folder: Path) -> Iterator[None]:
    """Put a hand-in's folder first on the path, and forget its modules afterwards: groups share names."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)
            if file is not None and Path(file).parent == folder:
                del sys.modules[name]


def store(model: torch.nn.Module, checkpoint: Path, facts: dict[str, Any]) -> None:
    """Write the weights in half precision; whole numbers keep their type."""
    weights = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in model.state_dict().items()
    }
    save_file(weights, checkpoint, metadata={"training": json.dumps(facts)})
    print(f"{checkpoint.relative_to(ROOT)}: {checkpoint.stat().st_size / 1e6:.2f} MB", flush=True)


def trained(folder: Path, *, module: str, kind: str, checkpoint: str) -> tuple[Any, dict[str, Any]]:
    """Construct a hand-in's model with its stored weights; also give the facts of its training."""
    with beside(folder):
        model = getattr(importlib.import_module(module), kind)()
    load_weights(model, folder / checkpoint)
    with safe_open(folder / checkpoint, framework="pt") as file:
        facts = json.loads(file.metadata()["training"])
    return model.eval(), facts
