"""What was seen on pages, before anything is made of it; lengths are in points from a page's upper left corner."""

from __future__ import annotations

from pydantic import Field

from harness.records import Record

__all__ = ["Box", "FormField", "Mark", "Page", "Pages", "TickBox", "Word", "centre", "grown", "inside", "joined"]

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


class Word(Record):
    """A word of the text."""

    text: str
    box: Box


class TickBox(Record):
    """A box or circle to tick, drawn or written (☐); `ticked` where it is written with its tick (☒)."""

    box: Box
    shape: str = "square"
    filled: bool = False
    ticked: bool = False
    text: str = ""          # as it is written


class Mark(Record):
    """Something that a pen or an annotation tool left."""

    kind: str
    box: Box
    text: str = ""


class FormField(Record):
    """A field of a form."""

    name: str
    kind: str               # check, radio, text, choice
    box: Box
    value: str = ""
    checked: bool | None = None
    export: str = ""        # what a button stands for when it is on
    state: str = ""         # what its appearance says: "Off", or the name of what is on


class Page(Record):
    """A page, or a whole text file laid out by lines and columns."""

    number: int
    width: float
    height: float
    words: tuple[Word, ...] = ()
    boxes: tuple[TickBox, ...] = ()
    marks: tuple[Mark, ...] = ()
    fields: tuple[FormField, ...] = ()
    pictures: tuple[Box, ...] = ()
    is_text: bool = False

    @property
    def covered(self) -> bool:
        """Whether a picture covers it, as a scan does, with or without the text that a scanner found."""
        area = self.width * self.height
        return any((one[2] - one[0]) * (one[3] - one[1]) > 0.7 * area for one in self.pictures)


class Pages(Record):
    """The pages of a document."""

    total: int = Field(ge=1)
    pages: tuple[Page, ...]


def centre(box: Box) -> tuple[float, float]:
    """Give the middle of a box."""
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def grown(box: Box, by: float) -> Box:
    """Give a box with every side moved outwards by so many points."""
    return box[0] - by, box[1] - by, box[2] + by, box[3] + by


def inside(point: tuple[float, float], box: Box) -> bool:
    """Tell whether a point lies in a box."""
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


def joined(*boxes: Box) -> Box:
    """Give the box around boxes."""
    return (
        min(box[0] for box in boxes), min(box[1] for box in boxes),
        max(box[2] for box in boxes), max(box[3] for box in boxes),
    )
