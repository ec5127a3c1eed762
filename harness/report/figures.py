"""Pictures of a report: grids of images, maps of codes and pages as PNG data addresses."""

from __future__ import annotations

import base64
import binascii
import io
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from markupsafe import Markup
from PIL import Image, ImageDraw

from harness.errors import HarnessFault
from harness.metrics.pictures import cloud_arrays, picture_array
from harness.records import ImageFile, Picture, PointCloud

__all__ = ["COLOURS", "Grid", "Layer", "Map", "code_map", "data_address", "picture_grid", "shown_page"]

T = TypeVar("T")

COLOURS = 10
"""Number of class colours in the stylesheet; further classes take them again from the first."""

GAP = 1  # transparent pixels between tiles, at the images' own resolution
MAP_SIDE = 560  # pixels of a map, which is shown at about this size
MAP_MARGIN = 12
DOT = 1.7  # radius of a point of a map, in its pixels
LABEL_HEIGHT = 20  # least distance of two class labels on a map, in its pixels
MOST_PAGE_BYTES = 350_000
MOST_TILES = 4_096  # a picture with more cannot be one of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Images in rows and columns, ready to be shown, with the labels that stand around them."""

    address: Markup
    width: int
    height: int
    row_labels: list[str]
    column_labels: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """The points of one class: a mask that the page fills with the colour of the class."""

    label: str
    colour: int
    count: int
    address: Markup
    x: float  # where its label stands: the median of its points
    y: float
    side: str  # "start" or "end": which way the label is written, so that it stays on the map


@dataclass(frozen=True, slots=True, kw_only=True)
class Map:
    """A map of codes in layers, one for each class."""

    side: int
    layers: list[Layer]


def data_address(png: bytes) -> Markup:
    """Give the `data:` address of a PNG, marked as our own text: templates leave it as it is."""
    return Markup("data:image/png;base64," + base64.b64encode(png).decode("ascii"))  # noqa: S704 - base64


def picture_grid(picture: Picture) -> Grid | None:
    """Lay the images of `picture` out as one PNG with transparent gaps; None where it is damaged."""
    rows, columns, height, width = picture.rows, picture.columns, picture.height, picture.width
    if min(rows, columns, height, width) < 1 or rows * columns > MOST_TILES or max(height, width) > 1_024:
        return None
    grey = _undamaged(lambda: picture_array(picture))
    if grey is None:
        return None
    # Level 0 is kept for the gaps, so that one transparent level serves light and dark pages alike.
    tiles = np.maximum(grey, 1).reshape(rows, columns, height, width)
    canvas = np.zeros((rows, height + GAP, columns, width + GAP), np.uint8)
    canvas[:, :height, :, :width] = tiles.transpose(0, 2, 1, 3)
    flat = canvas.reshape(rows * (height + GAP), columns * (width + GAP))[: -GAP or None, : -GAP or None]
    scale = max(1, (3 if columns <= 6 else 2) * 28 // max(height, width))
    return Grid(
        address=data_address(_png(Image.fromarray(flat), transparency=0)),
        width=flat.shape[1] * scale,
        height=flat.shape[0] * scale,
        row_labels=_labels(picture.row_labels, rows),
        column_labels=_labels(picture.column_labels, columns),
    )


def code_map(cloud: PointCloud) -> Map | None:
    """Draw each class of `cloud` as a mask of dots; None where its bytes are damaged."""
    arrays = _undamaged(lambda: cloud_arrays(cloud))
    if arrays is None or not cloud.count or arrays[1].max() >= len(cloud.classes):
        return None
    places, labels = arrays[0].astype(np.float64), arrays[1]
    middle = (places.min(axis=0) + places.max(axis=0)) / 2
    extent = max(float(np.ptp(places, axis=0).max()), 1.0)
    places = (places - middle) / extent * (MAP_SIDE - 2 * MAP_MARGIN) + MAP_SIDE / 2
    places[:, 1] = MAP_SIDE - places[:, 1]  # the second axis points up
    present = [index for index in range(len(cloud.classes)) if (labels == index).any()]
    centres = [np.median(places[labels == index], axis=0) for index in present]
    heights = _apart([float(y) for _, y in centres], [float(x) for x, _ in centres])
    layers = [
        Layer(
            label=cloud.classes[index],
            colour=index % COLOURS,
            count=int((labels == index).sum()),
            address=data_address(_dots(places[labels == index])),
            x=float(x),
            y=height,
            side="start" if x < MAP_SIDE * 0.15 else "end" if x > MAP_SIDE * 0.85 else "middle",
        )
        for index, (x, _), height in zip(present, centres, heights, strict=True)
    ]
    return Map(side=MAP_SIDE, layers=layers)


def shown_page(page: ImageFile) -> Markup | None:
    """Give the address of a page's picture, made smaller where it is big; None where it is no PNG."""
    try:
        png = base64.b64decode(page.data, validate=True)
        image = Image.open(io.BytesIO(png), formats=["PNG"])
        image.load()
    except (binascii.Error, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None  # Pillow raises SyntaxError for some broken PNGs
    if len(png) <= MOST_PAGE_BYTES:
        return data_address(png)
    smaller = image.convert("RGB")
    for side in (1_400, 1_000, 700):
        smaller.thumbnail((side, side))
        png = _png(smaller.quantize(64))
        if len(png) <= MOST_PAGE_BYTES:
            break
    return data_address(png)


def _undamaged(unpack: Callable[[], T]) -> T | None:
    """Give what `unpack` gives; None where the bytes are damaged: the rest can still be read."""
    try:
        return unpack()
    except (HarnessFault, ValueError, zlib.error):
        return None


def _png(image: Image.Image, *, transparency: int | None = None) -> bytes:
    buffer = io.BytesIO()
    options = {} if transparency is None else {"transparency": transparency}
    image.save(buffer, "PNG", optimize=True, **options)
    return buffer.getvalue()


def _dots(places: np.ndarray) -> bytes:
    """Draw white dots on black at twice the size, then halve: their edges come out smooth in five levels."""
    image = Image.new("L", (2 * MAP_SIDE, 2 * MAP_SIDE))
    pencil = ImageDraw.Draw(image)
    for x, y in 2 * places:
        pencil.ellipse((x - 2 * DOT, y - 2 * DOT, x + 2 * DOT, y + 2 * DOT), fill=255)
    return _png(image.reduce(2).point(lambda level: level // 17 * 17))


def _apart(heights: list[float], places: list[float]) -> list[float]:
    """Move labels that would cover each other apart, from the top one down."""
    moved: list[tuple[float, float]] = []
    result = list(heights)
    for index in sorted(range(len(heights)), key=heights.__getitem__):
        height = heights[index]
        for other, place in moved:
            if abs(place - places[index]) < 90 and height - other < LABEL_HEIGHT:
                height = other + LABEL_HEIGHT
        moved.append((height, places[index]))
        result[index] = min(max(height, LABEL_HEIGHT), MAP_SIDE - 6.0)
    return result


def _labels(labels: Iterable[str], size: int) -> list[str]:
    """Give `size` labels, or none where none were given."""
    given = list(labels)[:size]
    return given + [""] * (size - len(given)) if given else []
