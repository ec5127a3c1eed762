"""What the worker needs of the library that a group's models are made of: torch, TensorFlow, or NumPy alone.

Where torch is installed, models are asked with its tensors. Where it is not, as in an environment for Keras, they are
asked with NumPy arrays, which Keras takes as they are, and what they return is turned into arrays.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

HAS_TORCH = importlib.util.find_spec("torch") is not None
HAS_TENSORFLOW = not HAS_TORCH and importlib.util.find_spec("tensorflow") is not None

if HAS_TORCH:
    import torch

__all__ = [
    "HAS_TENSORFLOW", "HAS_TORCH", "as_arrays", "draw", "into", "is_distribution", "is_module", "is_tensor", "log",
    "no_gradients", "one_hot", "repeat_exactly", "seed", "use_threads", "whole",
]


def is_tensor(value: object) -> bool:
    """Whether it is a tensor of torch."""
    return HAS_TORCH and isinstance(value, torch.Tensor)


def is_module(value: object) -> bool:
    """Whether it is a module of torch."""
    return HAS_TORCH and isinstance(value, torch.nn.Module)


def is_distribution(value: object) -> bool:
    """Whether it is a distribution of torch."""
    return HAS_TORCH and isinstance(value, torch.distributions.Distribution)


def no_gradients() -> contextlib.AbstractContextManager[object]:
    """Switch torch's gradients off."""
    return torch.no_grad() if HAS_TORCH else contextlib.nullcontext()


def use_threads(count: int) -> None:
    """Let the library work with so many threads; before it is used."""
    if HAS_TORCH:
        torch.set_num_threads(count)
    os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["TF_NUM_INTEROP_THREADS"] = str(count)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")      # no words about the processor and about cards


def seed(number: int) -> None:
    """Seed the library's generators."""
    if HAS_TORCH:
        torch.manual_seed(number)
    elif HAS_TENSORFLOW:
        import tensorflow  # here, because Keras looks for its home folder when it is imported

        tensorflow.keras.utils.set_random_seed(number % 2**32)


def repeat_exactly() -> None:
    """Let the same hand-in give the same numbers on a graphics card."""
    if HAS_TORCH:
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False


def into(array: np.ndarray, *, framework: str, device: str) -> Any:
    """Hand an array to a model as what its class asks for."""
    return torch.from_numpy(array).to(device) if HAS_TORCH and framework == "torch" else array


def as_arrays(output: Any) -> Any:
    """Turn tensors of TensorFlow into NumPy arrays, in tuples and mappings too; everything else stays as it is."""
    if isinstance(output, Mapping):
        return {key: as_arrays(part) for key, part in output.items()}
    if isinstance(output, (tuple, list)):
        return [as_arrays(part) for part in output]
    foreign = hasattr(output, "__array__") and not hasattr(output, "reshape")
    return np.asarray(output) if foreign else output


def draw(kind: str, size: Sequence[int], *, seed: int) -> Any:
    """Draw float32 numbers from "normal", "uniform" (0 to 1) or "symmetric" (-1 to 1), by a generator of its own."""
    if not HAS_TORCH:
        generator = np.random.default_rng(seed)
        if kind == "normal":
            return generator.standard_normal(size, np.float32)
        drawn: Any = generator.random(size, np.float32)
    else:
        draws = torch.Generator().manual_seed(seed)
        if kind == "normal":
            return torch.randn(*size, generator=draws)
        drawn = torch.rand(*size, generator=draws)
    return drawn * 2 - 1 if kind == "symmetric" else drawn


def log(values: Any) -> Any:
    """Take the natural logarithm."""
    return torch.log(values) if is_tensor(values) else np.log(values)


def one_hot(labels: Any, classes: int) -> Any:
    """Turn labels (N,) into float32 rows (N, classes) of one 1 and zeros."""
    if is_tensor(labels):
        return torch.nn.functional.one_hot(labels, classes).float()
    return np.eye(classes, dtype=np.float32)[labels]


def whole(values: Any) -> Any:
    """Round to whole numbers, as int64."""
    return values.round().long() if is_tensor(values) else np.rint(values).astype(np.int64)
