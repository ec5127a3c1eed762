"""Does an image keep its code? Encoded a second time, and in another order among other images."""

from __future__ import annotations

import numpy as np

from harness.evidence import Evidence
from harness.metrics.intervals import normal_mean
from harness.records import Flag

__all__ = ["SAME_CODE", "unsteady"]

SAME_CODE = 0.01
"""A mean change of codes, as a share of their spread, that rounding can explain."""

CHANCE = "For a VAE, return the posterior mean and draw no sample."


def unsteady(evidence: Evidence) -> list[Flag]:
    """Flag an encoder that gives one image two codes: nothing that is measured of it can be repeated."""
    codes, place = evidence.test_codes, evidence.rebatched
    if codes is None:
        return []
    if evidence.codes_repeated is not None and (flags := _flag(
        "codes_unstable", evidence.codes_repeated, codes[:len(evidence.codes_repeated)], float(codes.std()),
        "The same images got other codes when they were encoded a second time, so the measurements cannot be "
        f"repeated: encode must hold no chance. {CHANCE}",
    )):
        return flags
    if evidence.codes_rebatched is None or place is None:
        return []
    return _flag(
        "codes_depend_on_batch", evidence.codes_rebatched, codes[place], float(codes.std()),
        "The same images got other codes when they were encoded in another order: a code depends on the batch that its "
        f"image is in, as with batch normalisation in training mode, or on chance. {CHANCE}",
    )


def _flag(name: str, again: np.ndarray, first: np.ndarray, spread: float, message: str) -> list[Flag]:
    changes = np.abs(again - first).mean(axis=1)
    if changes.mean() <= SAME_CODE * spread:
        return []
    low, high = normal_mean(changes)
    return [Flag(name=name, message=message, evidence={
        "mean change": float(changes.mean()), "from": low, "to": high, "images": float(len(changes)),
        "spread of the codes": spread, "flagged above": SAME_CODE * spread,
    })]
