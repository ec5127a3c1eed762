"""The reference models as a hand-in's own files see them: their folder is on the path."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

MODELS = Path(__file__).parent.parent.parent / "reference_models"


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Compute in one thread: the models here are small, and on a busy machine a second one is waited for."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", autouse=True)
def beside() -> Iterator[None]:
    """Put the folder first on the path, and forget its modules afterwards: hand-ins use the same names."""
    sys.path.insert(0, str(MODELS))
    yield
    sys.path.remove(str(MODELS))
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file is not None and Path(file).parent == MODELS:
            del sys.modules[name]
