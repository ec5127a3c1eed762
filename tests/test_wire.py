"""Frames: what goes in comes out, and nothing that a stranger writes gets further than an error."""

from __future__ import annotations

import io
import json
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from harness.errors import BrokenProtocol, InvalidOutput
from harness.wire import Expected, StreamEnded, read_frame, write_frame

TYPES = ["|u1", "|b1", "<u2", "<i4", "<i8", "<f2", "<f4", "<f8"]


def frame(
    head: object, body: bytes = b"", *,
    magic: bytes = b"HRNS", version: int = 1, body_bytes: int | None = None,
) -> bytes:
    text = head if isinstance(head, bytes) else json.dumps(head).encode()
    claimed = len(body) if body_bytes is None else body_bytes
    return struct.pack("<4sHHIQ", magic, version, 0, len(text), claimed) + text + body


def described(name: object = "x", dtype: object = "<f4", shape: object = (2,)) -> dict[str, object]:
    return {"name": name, "dtype": dtype, "shape": shape}


def read(data: bytes, expected: dict[str, Expected] | None = None):
    return read_frame(io.BytesIO(data), expected)


@given(st.data())
def test_arrays_of_every_type_and_shape_come_back_as_they_were(data):
    dtypes = data.draw(st.lists(st.sampled_from(TYPES), max_size=3))
    arrays = {
        f"array {i}": data.draw(hnp.arrays(np.dtype(dtype), hnp.array_shapes(min_dims=0, min_side=0)))
        for i, dtype in enumerate(dtypes)
    }
    stream = io.BytesIO()
    write_frame(stream, {"verb": "é", "n": 3}, arrays)
    head, back = read(stream.getvalue())
    assert head == {"verb": "é", "n": 3}
    assert list(back) == list(arrays)
    for name, array in arrays.items():
        assert back[name].dtype == array.dtype
        np.testing.assert_array_equal(back[name], array)


def test_views_and_foreign_byte_orders_are_made_plain():
    array = np.arange(24, dtype=">f4").reshape(4, 6)[::2, ::-1]
    stream = io.BytesIO()
    write_frame(stream, {}, {"x": array})
    _, back = read(stream.getvalue(), {"x": Expected(shape=(2, 6))})
    np.testing.assert_array_equal(back["x"], array)


def test_a_contiguous_array_is_written_without_a_copy():
    class Counting(io.RawIOBase):
        def write(self, data, /):
            return len(data)

    array = np.zeros(10_000_000, np.uint8)
    tracemalloc.start()
    write_frame(Counting(), {}, {"x": array})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000


def test_several_frames_follow_each_other_in_one_stream():
    stream = io.BytesIO()
    for number in range(3):
        write_frame(stream, {"id": number}, {"x": np.full(5, number, np.uint8)})
    stream.seek(0)
    for number in range(3):
        head, arrays = read_frame(stream, None)
        assert head["id"] == number
        assert arrays["x"].tolist() == [number] * 5


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_a_broken_protocol(data):
    with pytest.raises(BrokenProtocol):
        read(data, {"x": Expected(shape=(None,))})


@given(st.binary(max_size=200), st.integers(0, 2**64 - 1))
def test_an_arbitrary_head_is_refused(text, body_bytes):
    with pytest.raises((BrokenProtocol, InvalidOutput)):
        read(frame(text, body_bytes=body_bytes), {"x": Expected(shape=(3,))})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["x", "name", "<f4"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["arrays", "name", "dtype", "shape", "error"]), inner, max_size=4),
    max_leaves=12,
)


@given(JSON, st.binary(max_size=40))
def test_a_well_formed_head_with_any_content_is_refused_or_read(head, body):
    try:
        _, arrays = read(frame(head, body), {"x": Expected(shape=(None,), most=10)})
    except (BrokenProtocol, InvalidOutput):
        return
    assert list(arrays) == ["x"]


@given(st.integers(0, 40), st.integers(0, 255))
def test_a_frame_with_one_byte_changed_never_raises_anything_else(place, value):
    stream = io.BytesIO()
    write_frame(stream, {}, {"x": np.arange(4, dtype="<f4")})
    data = bytearray(stream.getvalue())
    data[place] = value
    try:
        _, arrays = read(bytes(data), {"x": Expected(shape=(4,))})
    except (BrokenProtocol, InvalidOutput):
        return
    assert arrays["x"].shape == (4,)


@given(st.integers(0, 75))
def test_a_frame_that_is_cut_off_says_so(length):
    stream = io.BytesIO()
    write_frame(stream, {}, {"x": np.arange(4, dtype="<f4")})
    data = stream.getvalue()
    assert length < len(data)
    with pytest.raises(StreamEnded):
        read(data[:length], {"x": Expected(shape=(4,))})


@pytest.mark.parametrize("head", [
    b"[]", b"null", b"{", b"\xff", b'{"arrays": []', b'{"arrays": {}}', b"{}",
    b'{"arrays": [], "arrays": []}',
    b'{"arrays": [], "n": NaN}', b"[" * 60_000, b'{"arrays": [], "n": ' + b"9" * 5_000 + b"}",
    json.dumps({"arrays": [described(), described()]}).encode(),
    json.dumps({"arrays": [described(dtype="|O")]}).encode(),
    json.dumps({"arrays": [described(dtype=">f4")]}).encode(),
    json.dumps({"arrays": [described(shape=[-1])]}).encode(),
    json.dumps({"arrays": [described(shape=[True])]}).encode(),
    json.dumps({"arrays": [described(shape=[2**60])]}).encode(),
    json.dumps({"arrays": [described(shape=[1] * 9)]}).encode(),
    json.dumps({"arrays": [described(name=3)]}).encode(),
    json.dumps({"arrays": [{**described(), "more": 1}]}).encode(),
], ids=lambda head: head[:40].decode(errors="replace"))
def test_malformed_heads_are_refused(head):
    with pytest.raises(BrokenProtocol):
        read(frame(head, b"\0" * 8))


@pytest.mark.parametrize("data", [
    frame({"arrays": []}, magic=b"\x80\x04PK"), frame({"arrays": []}, version=2),
    frame(b" " * 70_000), frame({"arrays": []}, b"more"), frame({"arrays": [described()]}, b"\0" * 4),
], ids=["pickle", "version", "large head", "body without arrays", "short body"])
def test_frames_that_contradict_themselves_are_refused(data):
    with pytest.raises(BrokenProtocol):
        read(data)


@pytest.mark.parametrize("shape", [(10**9,), (10**5, 10**5), (2**40, 0)])
def test_no_memory_is_taken_for_a_claim_that_was_not_expected(shape):
    size = 4 * int(np.prod([float(n) for n in shape]))
    data = frame({"arrays": [described(shape=shape)]}, body_bytes=size)
    tracemalloc.start()
    with pytest.raises((BrokenProtocol, InvalidOutput)):
        read(data, {"x": Expected(shape=(None,), most=100)})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * 2**20


def test_an_array_that_was_not_asked_for_and_one_that_is_missing_are_refused():
    data = frame({"arrays": [described("y")]}, b"\0" * 8)
    with pytest.raises(BrokenProtocol, match="'y' that nobody asked for"):
        read(data, {})
    with pytest.raises(BrokenProtocol, match="lacks the array 'x'"):
        read(frame({"arrays": []}), {"x": Expected(shape=(2,))})


def read_array(array: np.ndarray, rule: Expected) -> np.ndarray:
    stream = io.BytesIO()
    write_frame(stream, {}, {"images": array})
    return read(stream.getvalue(), {"images": rule})[1]["images"]


@pytest.mark.parametrize(("array", "rule", "words"), [
    (np.zeros((2, 3), "<f4"), Expected(shape=(2, 4)), ["'images'", "(2, 3)", "(2, 4)"]),
    (np.zeros((2, 3), "<f4"), Expected(shape=(None,)), ["(2, 3)", "(any)"]),
    (np.zeros((2, 3), "<f8"), Expected(shape=(2, 3)), ["float64", "float32"]),
    (np.zeros((2, 300), "<f4"), Expected(shape=(2, None), most=40), ["600", "40"]),
    (np.array([0, np.nan], "<f4"), Expected(shape=(2,)), ["1 values", "NaN", "(1)"]),
    (np.array([-np.inf, 0], "<f4"), Expected(shape=(2,)), ["infinity", "(0)"]),
    (np.array([-1, 1], "<f4"), Expected(shape=(2,), low=0, high=1), ["-1 to 1", "50.0%", "[0, 1]"]),
    (np.array([0, 1.2], "<f4"), Expected(shape=(2,), high=1), ["1.2", "[-inf, 1]"]),
    (np.array([0, 9], "|u1"), Expected(shape=(2,), dtype="|u1", high=8), ["0 to 9"]),
])
def test_an_unexpected_array_is_named_with_the_rule_and_what_was_found(array, rule, words):
    with pytest.raises(InvalidOutput) as caught:
        read_array(array, rule)
    for word in words:
        assert word in caught.value.message
    assert caught.value.rationale


@pytest.mark.parametrize(("values", "hint"), [
    ([-1.0, 1.0], "from_symmetric"), ([0.0, 255.0], "divide by 255"), ([-40.0, 12.0], "from_logits"),
])
def test_the_hint_fits_the_range_that_was_found(values, hint):
    with pytest.raises(InvalidOutput) as caught:
        read_array(np.array(values, "<f4"), Expected(shape=(2,), low=0, high=1))
    assert hint in caught.value.hint


@given(hnp.arrays(np.dtype("<f4"), 6, elements=st.floats(width=32)))
def test_an_array_is_read_exactly_if_it_is_finite_and_in_range(array):
    good = bool(np.isfinite(array).all() and (array >= 0).all() and (array <= 1).all())
    try:
        read_array(array, Expected(shape=(6,), low=0, high=1))
    except InvalidOutput:
        assert not good
    else:
        assert good


def test_a_refused_body_is_read_past_so_that_the_next_frame_is_found():
    stream = io.BytesIO()
    write_frame(stream, {"id": 1}, {"x": np.zeros(1000, "<f4")})
    write_frame(stream, {"id": 2}, {"x": np.zeros(2, "<f4")})
    stream.seek(0)
    with pytest.raises(InvalidOutput):
        read_frame(stream, {"x": Expected(shape=(2,))})
    head, _ = read_frame(stream, {"x": Expected(shape=(2,))})
    assert head["id"] == 2


def test_a_star_stands_for_any_number_of_arrays_that_share_one_cap():
    arrays = {f"files/{n}": np.zeros(30, np.uint8) for n in range(3)}
    stream = io.BytesIO()
    write_frame(stream, {}, arrays)
    rule = {"files/*": Expected(shape=(None,), dtype="|u1", most=90)}
    assert sorted(read(stream.getvalue(), rule)[1]) == sorted(arrays)
    assert read(frame({"arrays": []}), rule)[1] == {}
    with pytest.raises(InvalidOutput, match="90 numbers, more than the 80"):
        read(stream.getvalue(), {"files/*": Expected(shape=(None,), dtype="|u1", most=80)})


def test_types_that_cannot_cross_are_refused_where_they_are_written():
    with pytest.raises(ValueError, match="object"):
        write_frame(io.BytesIO(), {}, {"x": np.array([object()])})
