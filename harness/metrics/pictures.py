"""Arrays into the pictures, maps and tables of a record, and back."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping, Sequence

import numpy as np

from harness.errors import HarnessFault
from harness.records import Picture, PointCloud, Table

__all__ = ["cloud_arrays", "grid", "picture_array", "point_cloud", "table", "to_uint8"]

MOST_BYTES = 2**28
"""No picture or map is larger than this once unpacked; a damaged record must not fill the memory."""


def to_uint8(images: np.ndarray) -> np.ndarray:
    """Round images of floats in [0, 1] to 0..255; uint8 is given back as it is."""
    if images.dtype == np.uint8:
        return images
    # x * 255 + 0.5 cut off is the nearest integer, and a third of the time that np.round takes.
    rounded: np.ndarray = (np.clip(images, 0.0, 1.0) * np.float32(255.0) + np.float32(0.5)).astype(np.uint8)
    return rounded


def grid(
    images: np.ndarray,
    *,
    columns: int,
    caption: str,
    alt: str,
    row_labels: Sequence[str] = (),
    column_labels: Sequence[str] = (),
) -> Picture:
    """Lay out images (n, height, width), uint8 or float in [0, 1], row by row in a grid of `columns`.

    An unfinished last row is filled up with black.
    """
    tiles = to_uint8(np.asarray(images))
    count, height, width = tiles.shape
    rows = -(-count // columns)
    tiles = np.concatenate([tiles, np.zeros((rows * columns - count, height, width), np.uint8)])
    return Picture(
        caption=caption, alt=alt, rows=rows, columns=columns, height=height, width=width,
        row_labels=list(row_labels), column_labels=list(column_labels), data=_pack(tiles),
    )


def picture_array(picture: Picture) -> np.ndarray:
    """Give the tiles of a picture: uint8 (rows * columns, height, width)."""
    shape = (picture.rows * picture.columns, picture.height, picture.width)
    return _unpack(picture.data, np.dtype(np.uint8), shape)


def point_cloud(
    points: np.ndarray, labels: np.ndarray, *, classes: Sequence[str], caption: str, alt: str,
) -> PointCloud:
    """Keep a map of points (n, 2) and their labels (n,), indices into `classes`.

    Both axes get one scale, so that distances keep their proportions; the larger one fills 0..65535.
    """
    lowest = points.min(axis=0)
    extent = float((points.max(axis=0) - lowest).max()) or 1.0
    scaled = np.rint((points - lowest).astype(np.float64) * (65535.0 / extent)).astype("<u2")
    return PointCloud(
        caption=caption, alt=alt, count=len(points), classes=list(classes),
        data=_pack(scaled), labels=_pack(np.asarray(labels).astype(np.uint8)),
    )


def cloud_arrays(cloud: PointCloud) -> tuple[np.ndarray, np.ndarray]:
    """Give the points, uint16 (count, 2), and the labels, uint8 (count,), of a map."""
    points = _unpack(cloud.data, np.dtype("<u2"), (cloud.count, 2))
    return points, _unpack(cloud.labels, np.dtype(np.uint8), (cloud.count,))


def table(caption: str, columns: Mapping[str, Sequence[float | str | None] | np.ndarray]) -> Table:
    """Make a table of columns of one length; numbers that are not finite become None.

    Raises:
        HarnessFault: the columns have several lengths.

    """
    if len({len(column) for column in columns.values()}) > 1:
        raise HarnessFault(f"the columns of the table “{caption}” have several lengths")
    cells = {name: [_cell(cell) for cell in column] for name, column in columns.items()}
    return Table(caption=caption, columns=cells)


def _cell(cell: object) -> float | str | None:
    if cell is None or isinstance(cell, str):
        return None if cell is None else str(cell)
    number = float(cell)  # type: ignore[arg-type]  # a number of Python's or NumPy's
    return number if np.isfinite(number) else None


def _pack(array: np.ndarray) -> str:
    return base64.b64encode(zlib.compress(np.ascontiguousarray(array).tobytes(), 6)).decode("ascii")


def _unpack(text: str, kind: np.dtype[np.generic], shape: tuple[int, ...]) -> np.ndarray:
    size = int(np.prod(shape)) * kind.itemsize
    if size > MOST_BYTES:
        raise HarnessFault(f"a picture of {size} bytes is too large; the record is damaged")
    raw = zlib.decompressobj().decompress(base64.b64decode(text), size + 1)
    if len(raw) != size:
        raise HarnessFault(f"a picture has {len(raw)} bytes where {size} are due; the record is damaged")
    return np.frombuffer(raw, kind).reshape(shape)
