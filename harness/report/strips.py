"""Each measurement of a class as a strip of dots, above what the reference models reach on the same scale."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.metrics import METRICS
from harness.report.charts import DotRow
from harness.report.page import BETTER, FAMILIES
from harness.report.rows import Row
from harness.report.text import number

__all__ = ["References", "Strip", "strips"]

References = Mapping[str, Mapping[str, float]]
"""Reference model -> measurement -> its value."""

TELLING = (
    "vae.reconstruction.mse", "vae.distribution.fid_relative", "vae.clusters.knn_accuracy", "vae.interpolation.score",
    "other.distribution.fid_relative", "other.distribution.recall", "other.distribution.coverage",
    "other.copies.share_features",
)
"""Strips that are drawn first, after those of the rubric; the others are folded away."""

MOST_FIRST = 8
MOST_REFERENCES = 7  # rows under a strip; with more, the others are named
WIDTH, HEIGHT = 1_000, 44  # user units across, pixels down
MARGIN = 20
BINS = 110
DOT = 6.0  # pixels from one dot to the next above it
FENCE = 3.0  # quartile ranges: what lies farther out would squeeze all others together (Tukey 1977)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extreme:
    """The lowest or highest of a class."""

    row: Row
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """One measurement of one model, for all groups that have it."""

    name: str  # "vae.reconstruction.mse"
    model: str
    title: str
    unit: str
    better: str
    explains: str
    count: int
    median: str
    quartiles: tuple[str, str]
    median_place: float  # percent of the width
    low: Extreme
    high: Extreme
    start: str  # numbers at both ends of the scale
    end: str
    beyond: int  # groups that lie outside of the scale, and are drawn at its ends
    dots: str  # the path of a dot for each group, in the order of the rows that have a value
    values: str  # the values in the order of all rows, empty where there is none
    references: list[DotRow]
    unlisted: list[tuple[str, str]]  # reference models that have no row: name and value


def strips(rows: Sequence[Row], references: References) -> tuple[list[Strip], list[Strip]]:
    """Draw every measurement that two groups have: those that matter first, and all others."""
    drawn = {name: _strip(name, rows, references) for name in _names(rows)}
    first = [name for name in dict.fromkeys([*_marked(rows), *TELLING]) if name in drawn][:MOST_FIRST]
    return [drawn[name] for name in first], [strip for name, strip in drawn.items() if name not in first]


def _names(rows: Iterable[Row]) -> list[str]:
    """List what at least two groups have, by model and in the order of the reports."""
    counts: dict[str, int] = {}
    for row in rows:
        for name in row.measured:
            counts[name] = counts.get(name, 0) + 1
    families, metrics = list(FAMILIES), list(METRICS)

    def order(name: str) -> tuple[bool, str, int, int]:
        model, _, measured = name.partition(".")
        family = measured.partition(".")[0]
        return (
            model != "vae", model, families.index(family) if family in families else len(families),
            metrics.index(measured) if measured in metrics else len(metrics))

    return sorted((name for name, count in counts.items() if count > 1), key=order)


def _marked(rows: Iterable[Row]) -> list[str]:
    """List the measurements that earn points."""
    return list(dict.fromkeys(name for row in rows for name in row.anchors))


def _strip(name: str, rows: Sequence[Row], references: References) -> Strip:
    model, _, measured = name.partition(".")
    metric = METRICS.get(measured)
    having = [row for row in rows if name in row.measured]
    values = [row.measured[name] for row in having]
    others = {title: measurements[measured] for title, measurements in references.items() if measured in measurements}
    for row in having:
        if name in row.anchors:
            others |= dict(zip(("no points", "full points"), row.anchors[name], strict=True))
            break
    scale = _Scale([*values, *others.values()])
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    lowest, highest = (pick(having, key=lambda row: row.measured[name]) for pick in (min, max))
    shown, unlisted = _chosen(others, model)
    return Strip(
        name=name, model=model,
        title=metric.title if metric else measured,
        unit=metric.unit if metric else "",
        better=BETTER[metric.better] if metric else "",
        explains=metric.explains if metric else "",
        count=len(values), median=number(middle), quartiles=(number(low), number(high)),
        median_place=scale(middle),
        low=Extreme(row=lowest, text=number(lowest.measured[name])),
        high=Extreme(row=highest, text=number(highest.measured[name])),
        start=number(scale.start), end=number(scale.end), beyond=sum(not scale.holds(value) for value in values),
        dots=_dots([scale(value) for value in values]),
        values=",".join(f"{row.measured[name]:.4g}" if name in row.measured else "" for row in rows),
        references=[
            DotRow(label=title, value=value, place=scale(value), own=title.endswith(" points"))
            for title, value in shown],
        unlisted=[(title, number(value)) for title, value in unlisted],
    )


def _chosen(
    others: Mapping[str, float], model: str,
) -> tuple[list[tuple[str, float]], list[tuple[str, float]]]:
    """Choose what gets a row, in the order of the values: anchors, models of the same kind, and the ends of the others.

    Models of the same kind are those that bear its name: vae, conv_vae.
    """
    ordered = sorted(others.items(), key=lambda one: one[1])
    kept = [one for one in ordered if one[0].endswith(" points")]
    models = [one for one in ordered if one not in kept]
    alike = [one for one in models if model in one[0]][:MOST_REFERENCES]
    rest = [one for one in models if one not in alike]
    room = min(MOST_REFERENCES - len(alike), len(rest))
    kept += alike + [rest[round(place * (len(rest) - 1) / max(room - 1, 1))] for place in range(room)]
    return [one for one in ordered if one in kept], [one for one in ordered if one not in kept]


class _Scale:
    """A linear scale in percent of the width; what lies far out stands at its ends."""

    def __init__(self, values: Sequence[float]) -> None:
        low, _, high = statistics.quantiles(values, n=4, method="inclusive")
        reach = FENCE * (high - low)
        near = [value for value in values if low - reach <= value <= high + reach] if reach else list(values)
        self.start, self.end = min(near), max(near)

    def holds(self, value: float) -> bool:
        return self.start <= value <= self.end

    def __call__(self, value: float) -> float:
        edge = 100 * MARGIN / WIDTH
        if self.start == self.end:
            return 50.0
        half = self.end / 2 - self.start / 2  # halves, because the whole width of extreme values is infinite
        share = min(max((value / 2 - self.start / 2) / half, 0.0), 1.0)
        return round(edge + (100 - 2 * edge) * share, 1)


def _dots(places: Sequence[float]) -> str:
    """Write a path of dots; those at the same place pile up from the middle, closer together in high piles."""
    bins = [round(place / 100 * BINS) for place in places]
    piles = {place: bins.count(place) for place in set(bins)}
    gap = min(DOT, (HEIGHT - 8) / max(piles.values()))
    seen: dict[int, int] = {}
    path = []
    for place, pile in zip(places, bins, strict=True):
        above = seen.get(pile, 0)
        seen[pile] = above + 1
        y = HEIGHT / 2 + gap * ((above + 1) // 2) * (-1 if above % 2 else 1)
        path.append(f"M{round(place * WIDTH / 100)} {y:.3g}h0")
    return "".join(path)
