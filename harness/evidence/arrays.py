"""The arrays that a model produced, as the measurements are given them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from harness.evidence.checks import Moved
from harness.evidence.translation import Translations

__all__ = ["Evidence", "Path"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Path:
    """Decoded straight lines between codes of pairs of test images.

    Attributes:
        first, second: positions (pairs,) of the ends in the test split, `data.test`.
        images: decoded lines (pairs, points, 28, 28) float32; the first and last point are the decoded ends.

    """

    first: np.ndarray
    second: np.ndarray
    images: np.ndarray


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Evidence:
    """Arrays that a group's model produced inside the box, checked, and the indices of what was asked about.

    Images are float32 in [0, 1] of shape (N, 28, 28). Codes are float32 of shape (N, d), rounded to float16
    before they crossed to the decoder. What the model cannot do, or failed at, is None.
    """

    capabilities: tuple[str, ...]
    conditional: bool
    labelled: tuple[str, ...] = ()                      # verbs that were given the images' true classes
    parameters: int | None
    test_index: np.ndarray                              # which test images were used, ascending
    train_index: np.ndarray                             # which training images were encoded, ascending
    test_codes: np.ndarray | None = None                # of test_index
    train_codes: np.ndarray | None = None               # of train_index
    codes_repeated: np.ndarray | None = None            # of the first of test_index, encoded again
    reconstructions: np.ndarray | None = None           # of test_index
    train_reconstructions: np.ndarray | None = None     # of the first len(test_index) of train_index
    probes: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    """"noise", "permuted", "inverted" -> (what was encoded, what was decoded), each (n, 28, 28)."""
    moved: dict[str, Moved] = field(default_factory=dict)   # "test", "train": images moved by one pixel
    rebatched: np.ndarray | None = None                 # positions in test_index, asked about again in this order
    codes_rebatched: np.ndarray | None = None           # of these
    images_rebatched: np.ndarray | None = None          # decoded from their codes, again
    images_coarse: np.ndarray | None = None             # decoded from their codes, rounded to few levels
    posterior: tuple[np.ndarray, np.ndarray] | None = None  # mean, log variance of test_index
    within: Path | None = None                          # lines between images of one class
    between: Path | None = None                         # lines between images of two classes
    path_steps: tuple[np.ndarray, np.ndarray] | None = None
    """Images (n, 28, 28) decoded at t and at t + epsilon of lines between codes of the model's samples."""
    path_epsilon: float = 1e-2
    samples: np.ndarray | None = None                   # (count, 28, 28)
    sample_labels: np.ndarray | None = None             # labels asked for, where the model is conditional
    samples_repeated: np.ndarray | None = None          # the first of `samples`, drawn again by the same seed
    samples_other: np.ndarray | None = None             # as many, drawn by another seed
    log_prob: np.ndarray | None = None                  # (n,) nats of the first n of test_index, dequantised
    log_prob_noise: np.ndarray | None = None             # (n,) nats of uniform noise; may hold infinities
    log_prob_kind: str = "bound"
    translations: dict[str, Translations] = field(default_factory=dict)     # by the domain they come from
    told: dict[str, float] = field(default_factory=dict)    # what the model says of itself; shown, never marked
    whole_codes: bool = False               # codes are positions in a codebook: there are none between them
    clipped: float | None = None            # share of pixels outside of [0, 1], where they are declared to be clipped
    redirected: tuple[str, ...] = ()        # devices that its code insists on, and did not get
    seconds: dict[str, float] = field(default_factory=dict) # kind of request -> wall clock in all
