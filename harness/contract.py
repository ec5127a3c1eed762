"""What a group implements, on one screen, and helpers that turn common student code into it.

Images are float32 in [0, 1] of shape (N, 1, 28, 28). They arrive as torch tensors, or as NumPy arrays where the
class says `framework = "numpy"`; either may be returned. A model has the capabilities whose methods it has: what
it lacks is not applicable, never zero. Subclass `GenerativeModel`, or just write the same methods.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

__all__ = ["CAPABILITIES", "GenerativeModel", "capabilities"]

CAPABILITIES = ("fit", "sample", "encode", "decode", "posterior", "log_prob", "translate")


class GenerativeModel:
    """The contract. Every method is optional; write those that your model can do."""

    framework: ClassVar[Literal["torch", "numpy"]] = "torch"
    conditional: ClassVar[bool] = False     # True: fit and sample are given labels
    log_prob_kind: ClassVar[Literal["exact", "bound", "estimate"]] = "bound"
    batch_size: ClassVar[int] = 1000        # most images that a single call of encode, decode or log_prob gets

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


def capabilities(model: object) -> tuple[str, ...]:
    """Name the capabilities of a model or of its class: the methods of the contract that it wrote itself."""
    kind = model if isinstance(model, type) else type(model)
    return tuple(
        name for name in CAPABILITIES
        if callable(getattr(kind, name, None)) and getattr(kind, name) is not getattr(GenerativeModel, name)
    )
