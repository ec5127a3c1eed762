"""What a reader must know about how a model was asked: conversions and what they cost, labels, devices, clipping."""

from __future__ import annotations

import numpy as np

from harness.data import Dataset
from harness.evidence.arrays import Evidence
from harness.forms import Form, round_trip
from harness.submissions import ModelEntry

__all__ = ["conversion_cost", "remarks"]

IMAGES = 1_000
"""Test images that the cost of a conversion is measured on."""


def conversion_cost(entry: ModelEntry, data: Dataset) -> float | None:
    """Give the mean squared error of the declared conversion alone, there and back without any model.

    None where it loses nothing: another range, layout or padding.
    """
    given, returned = forms(entry)
    if given.fit == "pad" and returned.fit == "pad" and given.binarise is None:
        return None
    images = data.test.images[:IMAGES, None].astype(np.float32) / np.float32(255)
    error = round_trip(images, given, returned) - images
    return float(np.mean(np.square(error), dtype=np.float64)) or None


def forms(entry: ModelEntry) -> tuple[Form, Form]:
    """Give the declared forms of images that a model takes and returns."""
    given, returned = entry.input, entry.output
    return Form.of(given.model_dump() if given else None), Form.of(returned.model_dump() if returned else None)


def remarks(entry: ModelEntry, seen: Evidence, data: Dataset) -> list[str]:
    """Say in sentences what was done to ask the model that its authors or a reader may not expect."""
    said = []
    if seen.redirected:
        said.append(
            f"Its code asks for {' and '.join(seen.redirected)}, which is not here; "
            "it ran on the device in use instead.")
    cost = conversion_cost(entry, data)
    if cost is not None:
        said.append(
            f"The declared conversion of images, {_conversion(entry)}, costs a mean squared error of {cost:.4f} by "
            "itself, before the model does anything.")
    told = [verb for verb in ("encode", "decode") if verb in seen.labelled]
    if told:
        said.append(
            f"Its {' and '.join(told)} {'is' if len(told) == 1 else 'are'} given each image's true class: "
            "reconstructions are made with the label known, and what codes show of classes may be the label itself.")
    if seen.whole_codes:
        said.append(
            "Its codes are whole numbers, such as positions in a codebook: on a line between two of them each is "
            "rounded to the nearest, and nothing says that these codes mean anything.")
    if seen.clipped:
        said.append(f"Of its pixels {seen.clipped:.2%} lie outside of black and white and were clipped, as declared.")
    return said


def _conversion(entry: ModelEntry) -> str:
    given, returned = forms(entry)
    ways = []
    if given.binarise is not None:
        ways.append(f"black or white at {given.binarise:g}")
    if "resize" in {given.fit, returned.fit}:
        ways.append(f"resized to {given.size} x {given.size} and back")
    return " and ".join(ways)
