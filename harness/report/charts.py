"""The geometry of the small drawings of a report; templates turn it into SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from harness.records import Measurement, Table
from harness.report.text import column_of_numbers, number

__all__ = ["Cell", "DotPlot", "DotRow", "LineChart", "Series", "Tick", "cells", "dot_plot", "line_charts"]

HEAT_LEVELS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class DotRow:
    """One value on the common scale of a dot plot; places are percent of its width."""

    label: str
    value: float
    place: float
    low: float | None = None
    high: float | None = None
    own: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DotPlot:
    """A value among its baselines (Cleveland 1984), best first where one direction is better."""

    rows: list[DotRow]
    start: float
    end: float
    zero: bool  # the scale starts at zero


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A mark on an axis, in user units of the chart."""

    place: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One line of a chart: its corners as SVG writes them, and where its points are."""

    label: str
    corners: str
    dots: list[tuple[float, float]]
    baseline: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChart:
    """A line chart in user units; the plot is the box from (left, top) to (right, bottom)."""

    title: str
    x_label: str
    y_label: str
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    series: list[Series]
    width: int = 400
    height: int = 240
    left: int = 52
    right: int = 388
    top: int = 14
    bottom: int = 196


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell of a table: what is written, and how it is drawn."""

    text: str
    numeric: bool = False
    bar: float | None = None  # percent of the longest bar
    heat: int | None = None  # 0..8, by share of its row


def dot_plot(measurement: Measurement) -> DotPlot | None:
    """Place a measurement among its baselines; None where there is nothing to compare it with."""
    baselines = {name: value for name, value in measurement.baselines.items() if math.isfinite(value)}
    if not baselines or not math.isfinite(measurement.value):
        return None
    interval = (
        measurement.interval
        if measurement.interval and all(map(math.isfinite, measurement.interval))
        else None
    )
    everything = [measurement.value, *baselines.values(), *(interval or ())]
    start, end = min(everything), max(everything)
    zero = 0 <= start < 0.6 * end
    start = 0.0 if zero else start
    half = (end / 2 - start / 2) or 1.0  # halves, because the whole width of extreme values is infinite

    def place(value: float) -> float:
        return round(2 + 96 * min(max((value / 2 - start / 2) / half, 0.0), 1.0), 2)

    own = DotRow(
        label="this model",
        value=measurement.value,
        place=place(measurement.value),
        own=True,
        low=place(interval[0]) if interval else None,
        high=place(interval[1]) if interval else None,
    )
    rows = [own, *(DotRow(label=name, value=value, place=place(value)) for name, value in baselines.items())]
    rows.sort(key=lambda row: row.value, reverse=measurement.better == "higher")
    return DotPlot(rows=rows, start=start, end=end, zero=zero)


def line_charts(table: Table, *, x_label: str, y_label: str) -> list[LineChart]:
    """Draw the columns of `table` over its first one, pairs within classes apart from pairs between.

    A column whose name says "cross-fade" is the baseline of its chart. All charts share their vertical scale.
    """
    names = list(table.columns)
    columns = {name: _numbers(table.columns[name]) for name in names}
    drawn = [name for name in names[1:] if any(value is not None for value in columns[name])]
    if not drawn:
        return []
    steps = columns[names[0]]
    xs = [float(index + 1) if step is None else step for index, step in enumerate(steps)]
    highest = max(value for name in drawn for value in columns[name] if value is not None)
    ticks = _round_ticks(highest)
    groups = {
        "Within one class": [name for name in drawn if "within" in name],
        "Between two classes": [name for name in drawn if "between" in name],
        "All pairs": [name for name in drawn if "within" not in name and "between" not in name],
    }
    return [
        _line_chart(
            title, {name: columns[name] for name in members}, xs, ticks, x_label=x_label, y_label=y_label
        )
        for title, members in groups.items()
        if members
    ]


def cells(
    table: Table, *, style: Literal["plain", "bars", "heat"] = "plain", one_scale: bool = False
) -> list[list[Cell]]:
    """Lay the columns of `table` out as rows.

    Args:
        table: columns that may be of several lengths; the shorter ones end in empty cells.
        style: "bars" draws a bar under each number; "heat" shades numbers by their share of their row.
        one_scale: bars of all columns share one scale.

    """
    columns = list(table.columns.values())
    height = max(map(len, columns), default=0)
    padded = [[*column, *[None] * (height - len(column))] for column in columns]
    longest = [
        max((abs(value) for value in _numbers(column) if value is not None), default=0.0) for column in padded
    ]
    if one_scale:
        longest = [max(longest[1:], default=0.0)] * len(longest)
    written = [column_of_numbers(_numbers(column)) for column in padded]
    rows: list[list[Cell]] = []
    for place, row in enumerate(zip(*padded, strict=True)):
        total = sum(value for value in _numbers(row[1:]) if value is not None and value > 0)
        rows.append(
            [
                _cell(
                    value,
                    written[index][place],
                    longest=longest[index] if style == "bars" and index else 0,
                    total=total if style == "heat" and index else 0,
                )
                for index, value in enumerate(row)
            ]
        )
    return rows


def _cell(value: float | str | None, written: str, *, longest: float, total: float) -> Cell:
    if value is None or isinstance(value, str):
        return Cell(text=value or "–")
    if not math.isfinite(value):
        return Cell(text=written, numeric=True)
    return Cell(
        text=written,
        numeric=True,
        bar=round(100 * max(value, 0) / longest, 1) if longest else None,
        heat=round(HEAT_LEVELS * max(value, 0) / total) if total else None,
    )


def _line_chart(
    title: str,
    lines: dict[str, list[float | None]],
    xs: list[float],
    ticks: list[float],
    *,
    x_label: str,
    y_label: str,
) -> LineChart:
    frame = LineChart(title=title, x_label=x_label, y_label=y_label, x_ticks=[], y_ticks=[], series=[])
    first, last = min(xs), max(xs)
    across = (frame.right - frame.left) / ((last - first) or 1)
    up = (frame.bottom - frame.top) / (ticks[-1] or 1)

    def spot(x: float, y: float) -> tuple[float, float]:
        return round(frame.left + (x - first) * across, 1), round(frame.bottom - max(y, 0) * up, 1)

    series = []
    for name, values in lines.items():
        dots = [spot(x, y) for x, y in zip(xs, values, strict=False) if y is not None]
        corners = " ".join(f"{x},{y}" for x, y in dots)
        series.append(Series(label=name, corners=corners, dots=dots, baseline="cross" in name))
    return LineChart(
        title=title,
        x_label=x_label,
        y_label=y_label,
        series=series,
        x_ticks=[Tick(place=spot(x, 0)[0], label=number(x)) for x in xs],
        y_ticks=[Tick(place=spot(first, y)[1], label=number(y)) for y in ticks],
    )


def _round_ticks(highest: float) -> list[float]:
    """Choose ticks from zero to at least `highest`, at steps of 1, 2 or 5 times a power of ten."""
    if not 1e-300 < highest < 1e300:
        return [0.0, 1.0]
    rough = highest / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    return [step * index for index in range(math.ceil(highest / step - 1e-9) + 1)]


def _numbers(values: Sequence[float | str | None]) -> list[float | None]:
    return [value if isinstance(value, int | float) and math.isfinite(value) else None for value in values]
