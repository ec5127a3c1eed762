"""The forms that a model's images have, and the way there and back from those of the contract.

Groups train on images in [-1, 1], of 32 x 32 pixels, flat, channels last, normalised or binarised. What a manifest
declares of that is done here, so that nobody has to write it; what it costs alone, without any model, is
`round_trip`. Images of the contract are float32 in [0, 1] of shape (N, 1, 28, 28). Everything takes and returns torch
tensors or NumPy arrays, and needs torch only for tensors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, Self

from harness.contract import crop, flatten, from_logits, pad

__all__ = ["LAYOUTS", "SIDE", "Form", "Layout", "from_model", "round_trip", "to_model"]

SIDE = 28
Layout = Literal["nchw", "nhwc", "nhw", "flat"]
LAYOUTS: tuple[Layout, ...] = ("nchw", "nhwc", "nhw", "flat")


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How images look to a model, or as it returns them.

    Attributes:
        layout: `nchw` (N, C, H, W), `nhwc` (N, H, W, C), `nhw` (N, H, W) or `flat` (N, C * H * W).
        size: height and width.
        fit: how 28 x 28 becomes `size`: `pad` with black, which loses nothing, or `resize` (bilinear).
        channels: 1, or 3 equal ones; of what a model returns, the mean is taken.
        range: what black and white are.
        mean: subtracted from images in `range` that are given to the model.
        std: what they are then divided by.
        binarise: threshold in [0, 1]; images above it are white, others black. None: grey values.
        logits: the values become grey by the logistic function (of what a model returns).
        clip: values outside of [0, 1] are clipped by the evaluator, which counts them, instead of being a fault (of
            what a model returns).

    """

    layout: Layout = "nchw"
    size: int = SIDE
    fit: Literal["pad", "resize"] = "pad"
    channels: Literal[1, 3] = 1
    range: tuple[float, float] = (0.0, 1.0)
    mean: float = 0.0
    std: float = 1.0
    binarise: float | None = None
    logits: bool = False
    clip: bool = False

    @classmethod
    def of(cls, told: Mapping[str, Any] | None) -> Self:
        """Take a form from a JSON object that was checked before; what it does not say is as in the contract."""
        given = dict(told or {})
        if "range" in given:
            given["range"] = tuple(given["range"])
        return cls(**{field.name: given[field.name] for field in fields(cls) if field.name in given})

    @property
    def plain(self) -> bool:
        """Whether images look as in the contract."""
        return self in {type(self)(), type(self)(clip=True)}


def to_model(images: Any, form: Form) -> Any:
    """Turn images of the contract (N, 1, 28, 28) into the form that a model takes.

    >>> import numpy
    >>> to_model(numpy.ones((2, 1, 28, 28), "float32"), Form(layout="flat", range=(-1, 1), size=32)).shape
    (2, 1024)
    """
    if form.plain:
        return images
    if form.binarise is not None:
        images = _as(images > form.binarise, images)
    images = _resized(images, form.size, form.fit)
    low, high = form.range
    if form.range != (0.0, 1.0):
        images = images * (high - low) + low
    if (form.mean, form.std) != (0.0, 1.0):
        images = (images - form.mean) / form.std
    if form.channels == 3:
        images = _repeated(images)
    return _laid_out(images, form.layout)


def from_model(output: Any, form: Form) -> Any:
    """Turn what a model returned into images of the contract; shapes that are not of the form stay as they are.

    >>> import numpy
    >>> float(from_model(numpy.zeros((2, 784)), Form(layout="flat", range=(-1, 1))).max())
    0.5
    """
    if form.plain:
        return output
    images = _channels_first(output, form)
    if images is None:
        return output
    if form.channels == 3:
        images = images.mean(1).reshape(-1, 1, form.size, form.size)
    if form.logits:
        images = from_logits(images)
    else:
        low, high = form.range
        images = (images * form.std + form.mean - low) / (high - low)
    return _resized(images, SIDE, form.fit)


def round_trip(images: Any, given: Form, returned: Form) -> Any:
    """Give images (N, 1, 28, 28) as they come back from a model that returned exactly what it was given.

    What they then differ by is the cost of the conversion alone.
    """
    seen = _resized(_as(images > given.binarise, images) if given.binarise is not None else images,
                    given.size, given.fit)
    return _resized(seen, SIDE, returned.fit) if given.size == returned.size else _resized(images, SIDE, "pad")


def _resized(images: Any, size: int, fit: str) -> Any:
    here = images.shape[-1]
    if here == size:
        return images
    if fit == "pad":
        return pad(images, size=size) if here < size else crop(images, size=size)
    if hasattr(images, "new_zeros"):
        import torch

        return torch.nn.functional.interpolate(
            images, size=(size, size), mode="bilinear", align_corners=False, antialias=True)
    weights = _linear(here, size)
    return weights @ images @ weights.T


def _linear(here: int, size: int) -> Any:
    """Give the weights (size, here) of the linear interpolation of a line, as torch and Pillow have it.

    A pixel of the result is a mean over a triangle, as wide as the step between two pixels and at least as one.
    """
    import numpy as np

    step = here / size
    centres = (np.arange(size) + 0.5) * step
    distances = np.abs(np.arange(here) + 0.5 - centres[:, None]) / max(step, 1.0)
    weights = np.maximum(1.0 - distances, 0.0)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def _laid_out(images: Any, layout: Layout) -> Any:
    if layout == "flat":
        return flatten(images)
    if layout == "nhw":
        return images[:, 0]
    if layout == "nhwc":
        return images.movedim(1, -1) if hasattr(images, "movedim") else images.transpose(0, 2, 3, 1)
    return images


def _channels_first(output: Any, form: Form) -> Any | None:
    """Give (N, C, size, size), or None where the numbers do not make it."""
    numbers = form.channels * form.size * form.size
    shape = tuple(output.shape)
    count = 1
    for length in shape[1:]:
        count *= length
    if len(shape) < 2 or count != numbers:
        return None
    if form.layout == "nhwc" and len(shape) == 4:
        return output.movedim(-1, 1) if hasattr(output, "movedim") else output.transpose(0, 3, 1, 2)
    return output.reshape(-1, form.channels, form.size, form.size)


def _repeated(images: Any) -> Any:
    if hasattr(images, "expand"):
        return images.expand(-1, 3, -1, -1)
    import numpy as np

    return np.repeat(images, 3, axis=1)


def _as(mask: Any, like: Any) -> Any:
    return mask.to(like.dtype) if hasattr(mask, "to") else mask.astype(like.dtype)
