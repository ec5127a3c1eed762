"""What a group implements, on one screen, and helpers that turn common student code into it.

Images are float32 in [0, 1] of shape (N, 1, 28, 28). They arrive as torch tensors, or as NumPy arrays where
the class says `framework = "numpy"`; either may be returned. A model has the capabilities whose methods it
has: what it lacks is not applicable, never zero. Subclass `GenerativeModel`, or just write the same methods.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

__all__ = [
    "CAPABILITIES",
    "GenerativeModel",
    "as_images",
    "capabilities",
    "crop",
    "flatten",
    "from_logits",
    "from_symmetric",
    "load_weights",
    "pad",
    "posterior_mean",
    "reconstruction",
    "to_symmetric",
]

CAPABILITIES = ("fit", "sample", "encode", "decode", "posterior", "log_prob", "translate", "report")


class GenerativeModel:
    """The contract. Every method is optional; write those that your model can do."""

    framework: ClassVar[Literal["torch", "numpy"]] = "torch"
    conditional: ClassVar[bool] = False     # True: fit and sample are given labels
    log_prob_kind: ClassVar[Literal["exact", "bound", "estimate"]] = "bound"
    domains: ClassVar[tuple[str, ...]] = ()     # of translate: ("photograph", "drawing") are measured
    batch_size: ClassVar[int] = 64         # most images that one call of encode, decode or log_prob gets

    def fit(self, images: Any, labels: Any, *, seed: int, device: str, deadline: float) -> None:
        """Train on images (N, 1, 28, 28); labels (N,) int64, or None unless conditional.

        Return before time.monotonic() reaches `deadline`. Optional where a checkpoint is handed in.
        """
        raise NotImplementedError

    def save(self, folder: Path) -> None:
        """Write the trained model into the empty `folder`. Done for you for torch modules."""
        raise NotImplementedError

    def load(self, folder: Path) -> None:
        """Read what `save` wrote. Done for you for torch modules."""
        raise NotImplementedError

    def sample(self, count: int, *, labels: Any = None, seed: int) -> Any:
        """Draw `count` images (count, 1, 28, 28); the same seed draws the same, another seed others."""
        raise NotImplementedError

    def encode(self, images: Any) -> Any:
        """Give the codes (N, d) of images (N, 1, 28, 28); deterministic: for a VAE, the posterior mean."""
        raise NotImplementedError

    def decode(self, codes: Any) -> Any:
        """Give the images (N, 1, 28, 28) of codes (N, d)."""
        raise NotImplementedError

    def posterior(self, images: Any) -> tuple[Any, Any]:
        """Give mean and log variance, each (N, d), of the Gaussian posterior; for the KL of each unit."""
        raise NotImplementedError

    def log_prob(self, images: Any) -> Any:
        """Give the log density (N,) in nats of images dequantised to [0, 1]; `log_prob_kind` says which."""
        raise NotImplementedError

    def translate(self, images: Any, *, to: str) -> Any:
        """Give the images (N, 1, 28, 28) translated to the domain `to` (CycleGAN and its kin)."""
        raise NotImplementedError

    def report(self, images: Any, labels: Any) -> dict[str, float]:
        """Tell numbers of your own about the trained model, by name, from some training images and their labels.

        They are shown as what the model says of itself, and never marked.
        """
        raise NotImplementedError


def capabilities(model: object) -> tuple[str, ...]:
    """Name the capabilities of a model or of its class: the methods of the contract that it wrote itself."""
    kind = model if isinstance(model, type) else type(model)
    return tuple(
        name for name in CAPABILITIES
        if callable(getattr(kind, name, None)) and getattr(kind, name) is not getattr(GenerativeModel, name)
    )


# Helpers for common shapes of student code; each takes and returns torch tensors or NumPy arrays.


def to_symmetric(images: Any) -> Any:
    """Map [0, 1] to [-1, 1], for a network that was trained on normalised images.

    >>> import numpy
    >>> to_symmetric(numpy.array([0.0, 0.5, 1.0])).tolist()
    [-1.0, 0.0, 1.0]
    """
    return images * 2 - 1


def from_symmetric(images: Any) -> Any:
    """Map [-1, 1] to [0, 1], for a decoder that ends in tanh.

    >>> import numpy
    >>> from_symmetric(numpy.array([-1.0, 0.0, 1.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    return (images + 1) / 2


def from_logits(logits: Any) -> Any:
    """Map logits to [0, 1] by the logistic function, for a decoder trained with a loss on logits.

    >>> import numpy
    >>> from_logits(numpy.array([-1000.0, 0.0, 1000.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    if hasattr(logits, "sigmoid"):
        return logits.sigmoid()
    import numpy as np

    return (np.tanh(logits / 2) + 1) / 2    # the same function, without the overflow of exp


def flatten(images: Any) -> Any:
    """Turn images (N, 1, 28, 28) into vectors (N, 784), for a fully connected network.

    >>> import numpy
    >>> flatten(numpy.zeros((5, 1, 28, 28))).shape
    (5, 784)
    """
    return images.reshape(images.shape[0], -1)


def as_images(vectors: Any) -> Any:
    """Turn vectors (N, 784) or images (N, 28, 28) into images (N, 1, 28, 28).

    >>> import numpy
    >>> as_images(numpy.zeros((5, 784))).shape
    (5, 1, 28, 28)
    """
    return vectors.reshape(-1, 1, 28, 28)


def pad(images: Any, *, size: int = 32) -> Any:
    """Put images (..., 28, 28) on a black ground of size x size; unlike resizing, this loses nothing.

    >>> import numpy
    >>> padded = pad(numpy.ones((5, 1, 28, 28)))
    >>> padded.shape, float(padded[0, 0, 1, 1]), float(padded[0, 0, 2, 2])
    ((5, 1, 32, 32), 0.0, 1.0)
    """
    height, width = images.shape[-2:]
    top, left = (size - height) // 2, (size - width) // 2
    shape = (*images.shape[:-2], size, size)
    if hasattr(images, "new_zeros"):
        ground = images.new_zeros(shape)
    else:
        import numpy as np

        ground = np.zeros(shape, images.dtype)
    ground[..., top : top + height, left : left + width] = images
    return ground


def crop(images: Any, *, size: int = 28) -> Any:
    """Cut the middle size x size out of images (..., height, width); undoes `pad`.

    >>> import numpy
    >>> crop(numpy.zeros((5, 1, 32, 32))).shape
    (5, 1, 28, 28)
    """
    top, left = (images.shape[-2] - size) // 2, (images.shape[-1] - size) // 2
    return images[..., top : top + size, left : left + size]


def posterior_mean(output: Any) -> Any:
    """Take the code (N, d) out of what an encoder returns: the mean, or the first of `(mu, logvar)`.

    Understands a tensor, a tuple or list, a mapping with "mu" or "mean", and a torch distribution.

    >>> import numpy
    >>> posterior_mean((numpy.zeros((5, 2, 1, 1)), numpy.ones((5, 2)))).shape
    (5, 2)
    """
    if isinstance(output, Mapping):
        output = output["mu"] if "mu" in output else output["mean"]
    elif isinstance(output, (tuple, list)):
        output = output[0]
    elif not hasattr(output, "shape"):
        output = output.mean
    return flatten(output)


def reconstruction(output: Any, *, size: int = 28) -> Any:
    """Take the images (N, 1, size, size) out of what `forward` returns, wherever in the tuple they stand.

    The first array whose rows hold size x size numbers is taken.

    >>> import numpy
    >>> mu, logvar, x_hat = numpy.zeros((5, 20)), numpy.zeros((5, 20)), numpy.zeros((5, 784))
    >>> reconstruction((mu, logvar, x_hat)).shape
    (5, 1, 28, 28)
    """
    parts = output.values() if isinstance(output, Mapping) else output
    parts = parts if isinstance(output, (Mapping, tuple, list)) else [output]
    shapes = []
    for part in parts:
        shape = tuple(getattr(part, "shape", ()))
        shapes.append(shape)
        if len(shape) > 1 and part[:1].reshape(-1).shape[0] == size * size:
            return part.reshape(-1, 1, size, size)
    raise ValueError(f"none of the outputs holds images of {size} x {size}; their shapes are {shapes}")


WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "weights")
PREFIXES = ("module.", "_orig_mod.")    # of torch.nn.DataParallel and torch.compile


def load_weights(module: Any, path: Path | str) -> None:
    """Load a checkpoint into a torch module: safetensors, or what torch.save wrote of a state dict or module.

    A state dict may lie in a dictionary with other things, or come from a wrapped module. Files of torch.save
    run code when they are read: read only your own; the harness reads them only inside the box.

    Raises:
        ValueError: the checkpoint does not fit the module; says which keys differ, and how.

    >>> import tempfile, torch, safetensors.torch
    >>> folder, layer = tempfile.TemporaryDirectory(), torch.nn.Linear(2, 3)
    >>> safetensors.torch.save_file(layer.state_dict(), folder.name + "/layer.safetensors")
    >>> load_weights(torch.nn.Linear(2, 3), folder.name + "/layer.safetensors")
    >>> load_weights(torch.nn.Linear(2, 3, bias=False), folder.name + "/layer.safetensors")
    Traceback (most recent call last):
    ValueError: layer.safetensors does not fit the model: not in the model: bias
    >>> folder.cleanup()

    """
    path = Path(path)
    saved = _state_dict(_read_checkpoint(path))
    for prefix in PREFIXES:
        if saved and all(key.startswith(prefix) for key in saved):
            saved = {key.removeprefix(prefix): value for key, value in saved.items()}
    if differences := _differences(saved, module.state_dict()):
        raise ValueError(f"{path.name} does not fit the model: {differences}")
    module.load_state_dict(saved)


def _read_checkpoint(path: Path) -> Any:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    import torch

    return torch.load(path, map_location="cpu", weights_only=False)     # runs code; see load_weights


def _state_dict(loaded: Any) -> dict[str, Any]:
    """Find the state dict in what a checkpoint holds."""
    if hasattr(loaded, "state_dict"):
        return dict(loaded.state_dict())
    if not isinstance(loaded, Mapping):
        raise ValueError(f"the checkpoint holds a {type(loaded).__name__} instead of a state dict")
    for key in WRAPPERS:
        inner = loaded.get(key)
        if isinstance(inner, Mapping) or hasattr(inner, "state_dict"):
            return _state_dict(inner)
    return dict(loaded)


def _differences(saved: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """Say which keys are missing, unexpected, or of another shape; empty where everything fits."""
    def shape(value: Any) -> tuple[int, ...]:
        return tuple(getattr(value, "shape", ()))

    groups = {
        "missing in the file": [key for key in wanted if key not in saved],
        "not in the model": [key for key in saved if key not in wanted],
        "other shapes": [
            f"{key} is {shape(saved[key])} in the file and {shape(wanted[key])} in the model"
            for key in wanted if key in saved and shape(saved[key]) != shape(wanted[key])
        ],
    }
    return "; ".join(
        f"{title}: " + ", ".join(keys[:8]) + (f" and {len(keys) - 8} more" if len(keys) > 8 else "")
        for title, keys in groups.items() if keys
    )
