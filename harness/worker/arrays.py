"""Between the arrays that cross and those that a group's model takes and gives."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

from harness.worker.explain import RefusalError
from harness.worker.tensors import into, is_tensor

__all__ = ["codes_from", "images_for", "images_from", "into", "numbers_from"]

SIDE = 28
SINGLE = {(1, SIDE, SIDE), (SIDE, SIDE, 1), (1, SIDE * SIDE), (SIDE * SIDE,)}   # layouts of one grey image


def images_for(images: np.ndarray) -> np.ndarray:
    """Give uint8 or float32 images (N, 28, 28) as the contract has them: float32 (N, 1, 28, 28) in [0, 1].

    Bytes become exactly x / 255 (a division: multiplying by 1/255 rounds differently).
    """
    if images.dtype == np.uint8:
        images = np.divide(images, np.float32(255), dtype=np.float32)
    return images.reshape(-1, 1, SIDE, SIDE)


def numbers_from(output: Any, *, what: str) -> np.ndarray:
    """Take a float32 array out of what the model returned; neither its shape nor its values are changed."""
    if is_tensor(output):
        output = output.detach().cpu().float().numpy()
    # Arrays of other libraries have __array__ as well; None, lists and tuples would turn into something odd.
    if hasattr(output, "__array__") and getattr(output, "shape", ()) != ():
        with contextlib.suppress(TypeError, ValueError):
            return np.asarray(output, dtype="<f4", order="C")
    raise RefusalError(
        f"{what} returned a {type(output).__name__} instead of an array of numbers, one row for each input",
        kind="invalid output",
        hint="return one tensor or NumPy array; harness.contract has helpers that take it out of a tuple",
    )


def images_from(output: Any, *, what: str, count: int | None = None) -> np.ndarray:
    """Take images out: (N, 1, 28, 28), (N, 28, 28) or (N, 784) become (N, 28, 28); other shapes stay.

    `count` is how many were asked for in this call, where that is known.
    """
    images = _counted(numbers_from(output, what=what), what=what, count=count)
    if images.ndim > 1 and images.shape[1:] in SINGLE:
        return images.reshape(-1, SIDE, SIDE)
    return images


def _counted(numbers: np.ndarray, *, what: str, count: int | None) -> np.ndarray:
    if count is not None and len(numbers) != count:
        raise RefusalError(
            f"{what} returned the shape {numbers.shape} when it was asked for {count}", kind="invalid output",
            hint=f"return one row for each of the {count}, in their order; print the .shape of what you return")
    return numbers


def codes_from(output: Any, *, what: str, count: int | None = None) -> np.ndarray:
    """Take codes out: (N, ...) becomes (N, d); `count` as for `images_from`."""
    codes = _counted(numbers_from(output, what=what), what=what, count=count)
    return codes.reshape(codes.shape[0], -1) if codes.ndim > 2 else codes
