"""Foreign text becomes harmless, and numbers become readable."""

from __future__ import annotations

import math
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.report import text


@given(st.text())
def test_no_control_or_direction_character_survives(foreign):
    shown = text.harmless(foreign)
    unwanted = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert all(unicodedata.category(one) not in unwanted or one in "\n\t\u200c\u200d\u00ad" for one in shown)


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "S", "Zs"])))
def test_ordinary_text_of_any_script_stays_as_it_is(ordinary):
    assert text.harmless(ordinary) == ordinary


def test_terminal_colours_are_dropped_and_what_hides_or_reorders_is_named():
    assert text.harmless("\x1b[1;31mred\x1b[0m \x1b]0;title\x07done") == "red done"
    assert text.harmless("cv\u202efdp.exe") == "cv[U+202E]fdp.exe"
    assert text.harmless("a\u200bb\x00") == "a[U+200B]b[U+0000]"


def test_stacked_marks_and_endless_text_are_cut():
    assert text.harmless("e" + "\u0301" * 50) == "e" + "\u0301" * text.MOST_MARKS
    shown = text.harmless("x" * 100_000)
    assert len(shown) < text.LONGEST + 100
    assert "80\u202f000 more characters" in shown


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.013337, "0.01334"),
        (3.5, "3.5"),
        (10_000, "10\u202f000"),
        (0, "0"),
        (-2.5, "−2.5"),
        (19.7123, "19.71"),
        (0.000012, "1.2 × 10⁻⁵"),
        (2.5e12, "2.5 × 10¹²"),
        (math.nan, "not a number"),
        (-math.inf, "−infinite"),
        (None, "–"),
    ],
)
def test_numbers_are_written_with_four_significant_digits(value, written):
    assert text.number(value) == written


@given(st.floats(min_value=1e-12, max_value=1e12))
def test_a_written_number_is_the_number_to_four_digits(value):
    written = text.number(value).replace("\u202f", "")
    mantissa, _, power = written.partition(" × 10")
    digits = power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
    assert float(mantissa) * 10.0 ** int(digits or 0) == pytest.approx(value, rel=5.1e-4)


@pytest.mark.parametrize(
    ("value", "interval", "written"),
    [
        (0.01334, (0.0131, 0.0135), "0.0133 [0.0131, 0.0135]"),
        (0.3721, (0.369, 0.375), "0.372 [0.369, 0.375]"),
        (-0.00002, (-0.0003, 0.0003), "0.0000 [−0.0003, 0.0003]"),
        (0.25, None, "0.25"),
        (1.0, (1.0, 1.0), "1 [1, 1]"),
        (math.nan, (0.0, 1.0), "not a number [0, 1]"),
    ],
)
def test_a_value_is_written_to_the_digits_that_its_interval_supports(value, interval, written):
    assert text.value_with_interval(value, interval) == written


def test_numbers_of_a_column_have_the_same_decimals():
    assert text.column_of_numbers([0.5909, 0.687, 0.1, None]) == ["0.5909", "0.6870", "0.1000", "–"]
    assert text.column_of_numbers([1.0, 364.0, 0.0]) == ["1", "364", "0"]
    assert text.column_of_numbers([1e-9, 1.0]) == ["1 × 10⁻⁹", "1"]


def test_points_durations_sizes_and_times_read_as_people_write_them():
    assert [text.points(one) for one in (3.5, 20.0, 3.25, 10 / 3, None)] == ["3.5", "20", "3.25", "3.33", "–"]
    assert [text.seconds(one) for one in (0.214, 12.34, 132.4, 3_725)] == [
        "0.21 s",
        "12.3 s",
        "2 min 12 s",
        "1 h 2 min",
    ]
    assert text.quantity(6 * 2**30, "memory_bytes") == "6 GiB"
    assert text.quantity(90, "start_seconds") == "1 min 30 s"
    assert text.when("2026-11-25T11:13:00+01:00") == "25 November 2026, 10:13 UTC"
    assert text.when("some day") == "some day"


@pytest.mark.parametrize("address", ["https://example.org/group3", "http://example.org:8080/a?b=c#d"])
def test_web_addresses_become_links(address):
    assert text.web_link(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "//example.org",
        "example.org",
        "",
        "https://",
        "https://example.org@evil.example/",
        "https://exa mple.org",
        "https://\u202eexample.org",
        "http://[",
        "java\nscript:alert(1)",
    ],
)
def test_anything_else_stays_text(address):
    assert text.web_link(address) is None


def test_backticks_mark_code_and_a_single_one_is_only_itself():
    assert text.pieces("set `a = 1` first") == [("set ", False), ("a = 1", True), (" first", False)]
    assert text.pieces("it`s") == [("it`s", False)]
    assert text.pieces("") == []
