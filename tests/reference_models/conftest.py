"""The reference models as a hand-in's own files see them: their folder is on the path."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

MODELS = Path(__file__).parent.parent.parent / "reference_models"


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
