"""Pictures of the page around what was read, so that a person sees at a glance whether it was read rightly."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from harness.pdf import apart
from harness.quiz.reading.facts import Box, joined
from harness.quiz.reading.results import Reading, Readings
from harness.records import ImageFile

__all__ = ["with_crops"]

ASIDE, ABOVE = 30.0, 8.0        # points around the evidence that are shown as well
LARGEST = (420.0, 140.0)        # width and height in points


class _Crop(BaseModel):
    png: str
    width: int
    height: int


class _Crops(BaseModel):
    crops: list[_Crop | None]


def with_crops(path: Path, readings: Readings, *, name: str) -> Readings:
    """Give readings of a PDF the pictures of their first evidence; those of a text have none.

    Raises:
        Rejected: the pages cannot be drawn.

    """
    shown = [one for one in readings.readings if one.evidence]
    if readings.is_text or not shown:
        return readings
    regions = [{"page": one.evidence[0].page, "box": _region(one)} for one in shown]
    found = apart.run("crops", path, _Crops, name=name, request={"regions": regions})
    pictures = {one.id: _image(one, crop) for one, crop in zip(shown, found.crops, strict=True) if crop}
    return readings.model_copy(update={"readings": tuple(
        one.model_copy(update={"crop": pictures.get(one.id)}) for one in readings.readings)})


def _region(reading: Reading) -> Box:
    page = reading.evidence[0].page
    left, top, right, bottom = joined(*(one.box for one in reading.evidence if one.page == page))
    left, top = left - ASIDE, top - ABOVE
    return left, top, min(right + ASIDE, left + LARGEST[0]), min(bottom + ABOVE, top + LARGEST[1])


def _image(reading: Reading, crop: _Crop) -> ImageFile:
    said = reading.answer or reading.reason
    return ImageFile(
        caption=f"{reading.id}, page {reading.evidence[0].page}", data=crop.png, width=crop.width, height=crop.height,
        alt=f"The page where {reading.id} was read: {said}.",
    )
