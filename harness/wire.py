"""Frames between evaluator and worker: a fixed header, a JSON head, raw array bytes. No pickle anywhere.

```
offset  size  field
     0     4  magic "HRNS"
     4     2  version, 1
     6     2  zero
     8     4  length of the head in bytes
    12     8  length of the body in bytes
    20        head: a JSON object; "arrays" lists {"name", "dtype", "shape"} of each array of the body
              body: the arrays' bytes, little-endian, C order, one after the other
```
All integers are little-endian. What a frame claims is compared with what was asked for before a byte of
memory is taken for it; the values are checked after. A frame that breaks these rules raises `BrokenProtocol`,
an array that is not what was expected raises `InvalidOutput`.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from harness.errors import BrokenProtocol, InvalidOutput

__all__ = [
    "MOST_FILES",
    "ArrayHeader",
    "Expected",
    "Sink",
    "Source",
    "StreamEnded",
    "read_arrays",
    "read_frame",
    "read_head",
    "write_frame",
]

HEADER = struct.Struct("<4sHHIQ")
MAGIC = b"HRNS"
VERSION = 1
MOST_HEAD = 64 * 1024
MOST_AXES = 8
MOST_FILES = 100        # in one answer: their names have to fit into its head
DTYPES = frozenset({"|u1", "|b1", "<u2", "<i4", "<i8", "<f2", "<f4", "<f8"})
SKIPPED = 2**30     # a refused body up to this long is read and thrown away, and the conversation goes on
CHUNK = 2**20



@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What an array of an answer must be.

    Attributes:
        shape: sizes by axis; None where any size will do (then `most` caps the elements).
        dtype: NumPy dtype string, little-endian: "<f4", "|u1", "<i8".
        low, high: the closed range its values must lie in; None for no bound.
        finite: False where NaN and infinity are answers too.
        most: most elements where the shape leaves an axis open.

    """

    shape: tuple[int | None, ...]
    dtype: str = "<f4"
    low: float | None = None
    high: float | None = None
    finite: bool = True
    most: int = 2**28


class StreamEnded(BrokenProtocol):
    """The other side closed its end in the middle of a frame, or before one."""


class Source(Protocol):
    """Anything that bytes come from: a pipe, a file opened for binary reading, `io.BytesIO`."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Read up to len(buffer) bytes; 0 at the end of the stream."""
        ...


class Sink(Protocol):
    """Anything that bytes go to."""

    def write(self, data: memoryview, /) -> int | None:
        """Write some of the bytes and say how many."""
        ...


@dataclass(frozen=True, slots=True)
class ArrayHeader:
    """What a frame says about one of its arrays."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Number of bytes."""
        return self.size * np.dtype(self.dtype).itemsize


def _broken(message: str) -> BrokenProtocol:
    return BrokenProtocol(
        message,
        rationale="A worker answers each request with exactly one frame, and writes nothing else there.",
        hint="print as usual, but write nothing to file descriptors that your code did not open",
    )


def write_frame(sink: Sink, head: Mapping[str, Any], arrays: Mapping[str, np.ndarray] | None = None) -> None:
    """Write one frame; arrays that are contiguous and little-endian are not copied.

    Raises:
        OSError, HarnessError: as the sink does.
        TypeError, ValueError: the head is no JSON, or an array's type cannot cross.

    """
    ready = {name: _crossing(array) for name, array in (arrays or {}).items()}
    described = [{"name": name, "dtype": a.dtype.str, "shape": a.shape} for name, a in ready.items()]
    text = json.dumps({**head, "arrays": described}, allow_nan=False).encode()
    body = sum(array.nbytes for array in ready.values())
    _write_all(sink, memoryview(HEADER.pack(MAGIC, VERSION, 0, len(text), body) + text))
    for array in ready.values():
        if array.nbytes:
            _write_all(sink, _bytes_of(array))


def _crossing(array: np.ndarray) -> np.ndarray:
    array = np.asarray(array)
    array = np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")
    if array.dtype.str not in DTYPES:
        raise ValueError(f"arrays of type {array.dtype} do not cross between evaluator and worker")
    return array


def _bytes_of(array: np.ndarray) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _write_all(sink: Sink, data: memoryview) -> None:
    while data:
        data = data[sink.write(data) or 0:]


def read_frame(
    source: Source, expected: Mapping[str, Expected] | None, *, most_head: int = MOST_HEAD,
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read one frame and check its arrays against `expected`; None takes what comes, of a trusted writer.

    Returns:
        The head without its list of arrays, and the arrays by name.

    Raises:
        BrokenProtocol, InvalidOutput: see the module; whatever the source raises besides.

    """
    head, headers = read_head(source, most_head=most_head)
    return head, read_arrays(source, headers, expected)


def read_head(source: Source, *, most_head: int = MOST_HEAD) -> tuple[dict[str, Any], list[ArrayHeader]]:
    """Read header and head of a frame; `read_arrays` must follow."""
    magic, version, zero, head_bytes, body_bytes = HEADER.unpack(_read_bytes(source, HEADER.size))
    if magic != MAGIC or version != VERSION or zero:
        raise _broken("the worker wrote something that is no frame")
    if head_bytes > most_head:
        raise _broken(f"a frame's head claims {head_bytes} bytes, more than {most_head}")
    head = _parse(_read_bytes(source, head_bytes))
    headers = _array_headers(head.pop("arrays", None))
    claimed = sum(header.nbytes for header in headers)
    if claimed != body_bytes:
        raise _broken(f"a frame's arrays need {claimed} bytes, its body claims {body_bytes}")
    return head, headers


def read_arrays(
    source: Source, headers: list[ArrayHeader], expected: Mapping[str, Expected] | None,
) -> dict[str, np.ndarray]:
    """Compare `headers` with what was expected, read the body, and check its values."""
    rules: dict[str, Expected] = {}
    if expected is not None:
        try:
            rules = _match(headers, expected)
        except (BrokenProtocol, InvalidOutput):
            _skip(source, sum(header.nbytes for header in headers))
            raise
    arrays = {}
    for header in headers:
        array = np.empty(header.shape, header.dtype)
        if array.nbytes:
            _read_all(source, _bytes_of(array))
        arrays[header.name] = array
    for name, rule in rules.items():
        _check_values(name, arrays[name], rule)
    return arrays


def _read_bytes(source: Source, count: int) -> bytes:
    buffer = bytearray(count)
    _read_all(source, memoryview(buffer))
    return bytes(buffer)


def _read_all(source: Source, buffer: memoryview) -> None:
    total = len(buffer)
    while buffer:
        got = source.readinto(buffer)
        if not got:
            raise StreamEnded(f"the worker's answer ended after {total - len(buffer)} of {total} bytes")
        buffer = buffer[got:]


def _skip(source: Source, count: int) -> None:
    if count > SKIPPED:
        raise _broken(f"the worker sent {count} bytes that nobody asked for")
    scratch = memoryview(bytearray(min(count, CHUNK)))
    while count:
        _read_all(source, scratch[:count])
        count -= min(count, len(scratch))


def _parse(text: bytes) -> dict[str, Any]:
    try:
        head = json.loads(text.decode(), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise _broken("a frame's head is no JSON object") from error
    if not isinstance(head, dict):
        raise _broken("a frame's head is no JSON object")
    return head


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key is there twice")
    return result


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _array_headers(listed: object) -> list[ArrayHeader]:
    if not isinstance(listed, list):
        raise _broken("a frame's head lacks its list of arrays")
    headers = [_array_header(item) for item in listed]
    if len({header.name for header in headers}) != len(headers):
        raise _broken("a frame holds two arrays of one name")
    return headers


def _array_header(item: object) -> ArrayHeader:
    fields = item if isinstance(item, dict) and set(item) == {"name", "dtype", "shape"} else {}
    name, dtype, shape = fields.get("name"), fields.get("dtype"), fields.get("shape")
    if not (
        isinstance(name, str) and isinstance(dtype, str) and dtype in DTYPES and isinstance(shape, list)
        and len(shape) <= MOST_AXES and all(type(size) is int and 0 <= size < 2**48 for size in shape)
    ):
        raise _broken("a frame describes an array that cannot be")
    return ArrayHeader(name, dtype, tuple(shape))


def _match(headers: list[ArrayHeader], expected: Mapping[str, Expected]) -> dict[str, Expected]:
    """Give each array the rule it must keep; raise where names, types or shapes are not the expected ones."""
    rules: dict[str, Expected] = {}
    taken: dict[str, int] = {}
    for header in headers:
        key = _key(header.name, expected)
        _check_form(header, expected[key])
        rules[header.name] = expected[key]
        taken[key] = taken.get(key, 0) + header.size
        if taken[key] > expected[key].most:
            raise InvalidOutput(
                f"{header.name!r} has {taken[key]:,} numbers, more than the {expected[key].most:,} allowed",
                rationale="What comes back is limited, so that no hand-in can fill the grader's memory.",
            )
    missing = [name for name in expected if not name.endswith("*") and name not in rules]
    if missing:
        raise _broken(f"the worker's answer lacks the array {missing[0]!r}")
    return rules


def _key(name: str, expected: Mapping[str, Expected]) -> str:
    if name in expected and not name.endswith("*"):
        return name
    for key in expected:
        if key.endswith("*") and name.startswith(key[:-1]):
            return key
    raise _broken(f"the worker sent an array {name[:80]!r} that nobody asked for")


def _check_form(header: ArrayHeader, rule: Expected) -> None:
    if header.dtype != rule.dtype:
        raise InvalidOutput(
            f"{header.name!r} has the type {_type_name(header.dtype)} instead of {_type_name(rule.dtype)}",
            rationale="Arrays cross in one agreed type, so that nothing is converted in silence.",
        )
    fits = len(header.shape) == len(rule.shape) and all(
        wanted is None or size == wanted for size, wanted in zip(header.shape, rule.shape, strict=True))
    if not fits:
        raise InvalidOutput(
            f"{header.name!r} has the shape {_shape(header.shape)} instead of {_shape(rule.shape)}",
            rationale="Each image or code that goes in has to come back as one image or code, in order.",
            hint="print the .shape of what your method returns for a batch of three images; "
            "harness.contract has as_images and crop for flattened and padded images",
        )


def _check_values(name: str, array: np.ndarray, rule: Expected) -> None:
    if array.size == 0:
        return
    # minimum and maximum carry NaN and infinity through, so two passes without a temporary see everything.
    low, high = float(array.min()), float(array.max())
    if rule.finite and not (math.isfinite(low) and math.isfinite(high)):
        bad = ~np.isfinite(array)
        first = tuple(int(i) for i in np.unravel_index(int(bad.argmax()), array.shape))
        what = "NaN" if np.isnan(array[first]) else "infinity"
        raise InvalidOutput(
            f"{name!r} holds {int(bad.sum()):,} values that are not finite, first {what} at {_shape(first)}",
            rationale="No measurement can be taken of numbers that are NaN or infinite.",
            hint="look for log(0), a division by zero, exp of a large log-variance, or a diverged loss",
        )
    if (rule.low is not None and low < rule.low) or (rule.high is not None and high > rule.high):
        below = -math.inf if rule.low is None else rule.low
        above = math.inf if rule.high is None else rule.high
        share = float(((array < below) | (array > above)).mean())
        raise InvalidOutput(
            f"{name!r} has values from {low:.4g} to {high:.4g}, "
            f"{share:.1%} of them outside [{below:g}, {above:g}]",
            rationale="Nothing is clamped in silence, because that would change what is measured.",
            hint=_range_hint(low, high),
        )


def _range_hint(low: float, high: float) -> str:
    if low >= -1.01 and high <= 1.01:
        return "for a decoder that ends in tanh, return harness.contract.from_symmetric(images)"
    if low >= -0.01 and high > 2:
        return "for images in 0..255, divide by 255 before you return them"
    return "end the decoder in a sigmoid, or return harness.contract.from_logits(images) if it gives logits"


def _shape(shape: tuple[int | None, ...]) -> str:
    return "(" + ", ".join("any" if size is None else str(size) for size in shape) + ")"


def _type_name(dtype: str) -> str:
    return np.dtype(dtype).name
