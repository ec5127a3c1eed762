"""The page of a benchmark: a table to sort, a wall of samples, and quality beside time and size."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.lms import safe_cell
from harness.metrics import METRICS
from harness.records import BenchResult, BenchRow, Measurement
from harness.report.figures import Grid, picture_grid
from harness.report.render import environment, script, write_atomically
from harness.report.text import count, value_and_interval

__all__ = ["COLUMNS", "render_bench", "write_bench"]


COLUMNS = {
    "distribution.fid_relative": "Fréchet distance",
    "distribution.counter_fid_relative": "by the second network",
    "distribution.precision": "Precision",
    "distribution.recall": "Recall",
    "distribution.coverage": "Coverage",
    "copies.share_features": "Copies",
    "distribution.label_accuracy": "Class as asked",
    "likelihood.bits_per_dimension": "Bits per dimension",
    "reconstruction.mse": "Squared error",
    "clusters.knn_accuracy": "Class by neighbours",
    "interpolation.score": "Interpolation",
    "translation.cycle_error": "Error after a cycle",
    "translation.class_kept": "Class kept",
}
"""From measurements to the titles of their columns; those that no contender has are left out. Fréchet distances are
the relative ones."""

QUALITY = "distribution.fid_relative"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell: what is written, and the number it is sorted by."""

    text: str
    interval: str = ""
    sort: str = ""
    best: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row of the table."""

    row: BenchRow
    cells: list[Cell]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """One contender in a scatter plot, in user units; `label_y` is where its name stands without covering others."""

    name: str
    x: float
    y: float
    label_y: float
    reference: bool
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scatter:
    """A scatter plot with logarithmic axes."""

    title: str
    x_label: str
    y_label: str
    dots: list[Dot]
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]


WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640.0, 400.0, 62.0, 128.0, 14.0, 48.0


def write_bench(result: BenchResult, folder: Path) -> Path:
    """Write index.html, bench.json and bench.csv into `folder`, and give the path of the page.

    Raises:
        UserError: they cannot be written.

    """
    write_atomically(folder / "bench.json", result.model_dump_json(by_alias=True, indent=1) + "\n")
    write_atomically(folder / "bench.csv", _csv(result))
    write_atomically(folder / "index.html", render_bench(result))
    return folder / "index.html"


def render_bench(result: BenchResult) -> str:
    """Render the page; it loads nothing and sends nothing, and runs only the script that sorts the table."""
    columns = {
        name: title for name, title in COLUMNS.items() if any(name in row.model.measurements for row in result.rows)}
    lines = _lines(result.rows, columns)
    source, source_hash = script("sort.js")
    return environment("bench.css").get_template("bench.html").render(
        result=result, columns=columns, metrics=METRICS,
        lines=lines, walls=list(_walls(lines)), plots=list(_plots(result.rows)),
        script=source, script_hash=source_hash,
        seeds=max((len(values) for row in result.rows for values in row.over_seeds.values()), default=1),
    )


def _lines(rows: Sequence[BenchRow], columns: Iterable[str]) -> list[Line]:
    best = {name: _best(rows, name) for name in columns}
    lines = []
    for row in rows:
        cells = [_cell(row, name, one) for name, one in best.items()]
        size, time = row.model.parameters, row.training_seconds
        cells += [
            Cell(text="–" if size is None else count(size), sort="" if size is None else str(size)),
            Cell(text="–" if time is None else _minutes(time), sort="" if time is None else str(time)),
        ]
        lines.append(Line(row=row, cells=cells))
    return sorted(lines, key=lambda line: (float(line.cells[0].sort or "inf"), line.row.name))


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.0f} s"


def _cell(row: BenchRow, name: str, best: float | None) -> Cell:
    one = row.model.measurements.get(name)
    if one is None:
        return Cell(text="–")
    values = row.over_seeds.get(name)
    if values:
        text, interval = value_and_interval(sum(values) / len(values), (min(values), max(values)))
        value = sum(values) / len(values)
    else:
        (text, interval), value = value_and_interval(one.value, one.interval), one.value
    return Cell(text=text, interval=interval, sort=repr(value), best=best is not None and one.value == best)


def _best(rows: Sequence[BenchRow], name: str) -> float | None:
    found = [row.model.measurements[name] for row in rows if name in row.model.measurements]
    if len(found) < 2 or found[0].better == "neither":
        return None
    return (min if found[0].better == "lower" else max)(one.value for one in found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wall:
    """A picture of what a contender makes: samples, or translations where it has no samples."""

    name: str
    caption: str
    alt: str
    grid: Grid


PICTURES = {
    "distribution.samples": "", "translation.photograph": "photographs to drawings and back",
    "translation.drawing": "drawings to photographs and back",
}


def _walls(lines: Iterable[Line]) -> Iterable[Wall]:
    for line in lines:
        for name, caption in PICTURES.items():
            picture = line.row.model.pictures.get(name)
            grid = picture_grid(picture) if picture else None
            if picture and grid:
                yield Wall(name=line.row.name, caption=caption, alt=picture.alt, grid=grid)


def _plots(rows: Sequence[BenchRow]) -> Iterable[Scatter]:
    shown = [row for row in rows if QUALITY in row.model.measurements and row.model.measurements[QUALITY].value > 0]
    for title, x_label, costs in (
        ("Quality beside training time", "seconds of training", [row.training_seconds for row in shown]),
        ("Quality beside size", "parameters", [row.model.parameters for row in shown]),
    ):
        points = [(row, float(cost), row.model.measurements[QUALITY])
                  for row, cost in zip(shown, costs, strict=True) if cost]
        if len(points) > 1:
            yield _scatter(title, x_label, points)


def _scatter(title: str, x_label: str, points: Sequence[tuple[BenchRow, float, Measurement]]) -> Scatter:
    xs, ys = [x for _, x, _ in points], [one.value for _, _, one in points]
    across, up = _Axis(xs, LEFT, WIDTH - RIGHT), _Axis(ys, HEIGHT - BOTTOM, TOP)
    dots = [
        Dot(name=row.name, x=across(x), y=up(one.value), label_y=up(one.value), reference=row.reference,
            title=f"{row.name}: {one.value:.3g} at {x:,.0f} {x_label}")
        for row, x, one in points
    ]
    return Scatter(
        title=title, x_label=x_label, y_label="Fréchet distance, relative", dots=_apart(dots),
        x_ticks=[(across(tick), count(round(tick))) for tick in _ticks(xs)],
        y_ticks=[(up(tick), f"{tick:g}") for tick in _ticks(ys)],
    )


class _Axis:
    """A logarithmic axis that leaves a little room at both ends."""

    def __init__(self, values: Sequence[float], first: float, last: float) -> None:
        self.low, self.high = math.log(min(values)), math.log(max(values))
        margin = 0.06 * (self.high - self.low) or 0.5
        self.low, self.high, self.first, self.last = self.low - margin, self.high + margin, first, last

    def __call__(self, value: float) -> float:
        share = (math.log(value) - self.low) / (self.high - self.low)
        return round(self.first + share * (self.last - self.first), 1)


def _ticks(values: Sequence[float]) -> list[float]:
    """Choose round numbers between the ends: 1, 2 and 5 times powers of ten, or closer ones if they are few."""
    low, high = min(values), max(values)
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    for steps in ((1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7)):
        found = [step * 10.0**power for power in powers for step in steps if low <= step * 10.0**power <= high]
        if len(found) >= 3:
            break
    return found or [low, high]


def _apart(dots: Sequence[Dot], *, line: float = 13.0) -> list[Dot]:
    """Move names apart that would cover each other, from the top down; names far apart sideways do not meet."""
    placed: list[Dot] = []
    for dot in sorted(dots, key=lambda one: one.y):
        y = dot.y
        for other in placed:
            if abs(other.x - dot.x) < RIGHT and y - other.label_y < line:
                y = max(y, other.label_y + line)
        placed.append(Dot(name=dot.name, x=dot.x, y=dot.y, label_y=y, reference=dot.reference, title=dot.title))
    return placed


def _csv(result: BenchResult) -> str:
    """Write one line for each measurement of each contender."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["contender", "measurement", "value", "low", "high", "unit", "better", "sample_size", "seeds"])
    for row in result.rows:
        for name, one in row.model.measurements.items():
            low, high = one.interval or ("", "")
            values = row.over_seeds.get(name, [])
            table.writerow([
                safe_cell(row.name), safe_cell(name), one.value, low, high, safe_cell(one.unit), one.better,
                one.sample_size, " ".join(repr(value) for value in values)])
    return out.getvalue()
