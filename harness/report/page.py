"""What a report shows, and in which order: the results of one grade arranged for the templates."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from markupsafe import Markup

from harness.metrics import METRICS
from harness.records import (
    Fault,
    Flag,
    GradeResult,
    ImageFile,
    Measurement,
    ModelResult,
    Outcome,
    Picture,
    PointCloud,
    Table,
    TheoryResult,
)
from harness.report.charts import Cell, DotPlot, LineChart, cells, dot_plot, line_charts
from harness.report.figures import Grid, Map, code_map, picture_grid, shown_page
from harness.report.text import value_and_interval

__all__ = ["Banner", "Page", "Section", "ShownModel", "ShownTable", "page_of"]

T = TypeVar("T")
Noted = TypeVar("Noted", Flag, Fault)

BETTER = {"lower": "lower is better", "higher": "higher is better", "neither": "neither direction is better"}

FAMILIES: dict[str, tuple[str, str]] = {
    "reconstruction": (
        "Reconstruction",
        (
            "Test images are encoded in one box and decoded in another; only their codes cross. "
            "Beside each value stands what trivial solutions reach."
        ),
    ),
    "distribution": (
        "Distribution of samples",
        (
            "Samples are compared with the test set through the features of two networks of the harness, "
            "which the hand-in never sees."
        ),
    ),
    "copies": (
        "Copying and collapse",
        (
            "A generative model should make new images: samples are looked up among all training images "
            "and among themselves."
        ),
    ),
    "clusters": (
        "Latent clusters",
        ("How closely the codes of one class lie together. The harness brings the labels for this."),
    ),
    "interpolation": (
        "Interpolation",
        (
            "Straight lines between the codes of two test images, decoded step by step, "
            "beside a plain cross-fade of the same two images."
        ),
    ),
    "likelihood": ("Likelihood", "The density that the model assigns to test images."),
    "translation": (
        "Translation",
        "Test photographs translated to line drawings, line drawings of others to photographs, and both back again.",
    ),
}
"""Titles and introductions of the families of measurements, in the order of the report."""

HEADLINES = (
    "reconstruction.mse",
    "reconstruction.ssim",
    "reconstruction.train_gap",
    "reconstruction.fid_relative",
    "distribution.fid_relative",
    "distribution.counter_fid_relative",
    "distribution.recall",
    "distribution.coverage",
    "copies.share_features",
    "copies.share_pixels",
    "copies.duplicates",
    "clusters.silhouette",
    "clusters.kmeans_ari",
    "clusters.knn_accuracy",
    "clusters.knn_gain",
    "clusters.probe_accuracy",
    "interpolation.score",
    "interpolation.realism_between",
    "interpolation.step_variation_between",
    "interpolation.path_length",
    "likelihood.bits_per_dimension",
    "likelihood.nats",
    "translation.cycle_error",
    "translation.drawing_error",
    "translation.class_kept",
    "translation.drawing_fid_relative",
    "translation.photograph_fid_relative",
)
"""Measurements that are drawn among their baselines; all of them stand in the table of their family."""

MOST_FILES = 300
LONG_TABLE = 12  # a table with more rows is folded away


@dataclass(frozen=True, slots=True, kw_only=True)
class Banner:
    """Something that a reader has to know before anything else."""

    kind: str  # "warning" or "note"
    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A measurement with the words and the drawing that explain it."""

    measurement: Measurement
    title: str
    explains: str
    better: str
    value: str
    interval: str  # empty where there is none
    plot: DotPlot | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTable:
    """A table laid out in rows."""

    table: Table
    rows: list[list[Cell]]
    charts: list[LineChart] = field(default_factory=list)
    folded: bool = False
    barred: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One family of measurements of one model."""

    name: str
    title: str
    intro: str
    missing: str = ""
    headlines: list[Shown] = field(default_factory=list)
    measurements: list[Shown] = field(default_factory=list)
    pictures: list[tuple[Picture, Grid | None]] = field(default_factory=list)
    maps: list[tuple[PointCloud, Map | None]] = field(default_factory=list)
    tables: list[ShownTable] = field(default_factory=list)

    @property
    def anchor(self) -> str:
        """What the links within the page call it."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownModel:
    """One model of a hand-in."""

    model: ModelResult
    sections: list[Section]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Everything that the template of a report reads."""

    result: GradeResult
    banners: list[Banner]
    flags: list[Flag]
    faults: list[Fault]
    doubts: list[str]  # what a person has to decide or read
    has_key: bool
    models: list[ShownModel]
    page_address: Markup | None
    figures: list[tuple[ImageFile, Markup]]  # of the group's own pages, with their addresses
    crops: dict[str, Markup | None]  # statement -> address of the picture of its answer
    files: list[tuple[str, str]]
    files_more: int
    left_out: list[tuple[str, str]]
    left_out_more: int


def page_of(result: GradeResult) -> Page:
    """Arrange a result for the templates."""
    models = [result.measurements[name] for name in sorted(result.measurements, key=_model_order)]
    hand_in = result.hand_in
    return Page(
        result=result,
        banners=list(_banners(result)),
        flags=[_of_model(flag, model.name) for model in models for flag in model.flags],
        faults=[
            *result.faults,
            *(_of_model(fault, model.name) for model in models for fault in model.faults),
        ],
        doubts=doubts(result),
        has_key=has_key(result.theory),
        models=[ShownModel(model=model, sections=list(_sections(model))) for model in models],
        page_address=shown_page(hand_in.page) if hand_in.page else None,
        figures=[(one, address) for one in hand_in.figures if (address := shown_page(one))],
        crops={one.id: shown_page(one.crop) for one in result.theory.statements if one.crop},
        files=list(hand_in.files.items())[:MOST_FILES],
        files_more=max(0, len(hand_in.files) - MOST_FILES),
        left_out=list(hand_in.left_out.items())[:MOST_FILES],
        left_out_more=max(0, len(hand_in.left_out) - MOST_FILES),
    )


def doubts(result: GradeResult) -> list[str]:
    """Say what a person has to decide or read beside faults and flags of models: each in a sentence."""
    suspicion = "the model is flagged"   # stands among the flags already, and the statements are named below
    return [
        *(f"{mark.title}: {flag}" for part in result.marks.parts for mark in part.criteria for flag in mark.flags
          if mark.measurement is not None and not flag.startswith(suspicion)),
        *(f"Theory, {one.id} is contested: read the argument." for one in result.theory.statements if one.contested),
        *(f"Theory: {problem}" for problem in result.theory.problems),
    ]


def has_key(theory: TheoryResult) -> bool:
    """Tell whether the theory part was marked with a key, and not only checked for its form."""
    return any(statement.key is not None or statement.verdict == "void" for statement in theory.statements)


def _banners(result: GradeResult) -> Iterator[Banner]:
    provenance = result.provenance
    if provenance.stand_in:
        yield Banner(
            kind="warning",
            title="Stand-in data: not a grade",
            text=(
                f"Everything here was measured on “{provenance.data}”, images drawn by the program, "
                "and not on the real data set. The numbers cannot be compared with any others."
            ),
        )
    if provenance.budget != "full":
        yield Banner(
            kind="warning",
            title=f"Measured with the {provenance.budget} budget",
            text=(
                "Fewer images than an official grade takes: intervals are wider, "
                "and points can still move a little."
            ),
        )
    if provenance.box.startswith(("plain", "none")) or "no protection" in provenance.box:
        yield Banner(
            kind="warning",
            title="Run without protection",
            text=(
                "The group's code ran as a plain process, with nothing between it and this machine. "
                "An official grade needs a box."
            ),
        )
    failed = [
        mark.title
        for part in result.marks.parts
        for mark in part.criteria
        if mark.outcome is Outcome.HARNESS_FAULT
    ]
    if failed:
        yield Banner(
            kind="warning",
            title="The harness failed",
            text=(
                f"No points could be given for {', '.join(failed)}. This costs the group nothing: "
                "the points stay open until the grade is made again."
            ),
        )
    if result.theory.statements and not has_key(result.theory):
        yield Banner(
            kind="note",
            title="Theory checked for its form only",
            text=("No key was at hand, so answers are neither right nor wrong here and earn no points yet."),
        )


def _sections(model: ModelResult) -> Iterator[Section]:
    """Give the families that have anything to show, and those that do not apply, in their order."""
    named = [*model.measurements, *model.tables, *model.pictures, *model.clouds]
    others = sorted({_family(name) for name in named} - set(FAMILIES))
    for name in [*FAMILIES, *others]:
        title, intro = FAMILIES.get(name, (name.replace("_", " ").capitalize(), ""))
        if name in model.not_applicable:
            yield Section(name=name, title=title, intro=intro, missing=model.not_applicable[name])
        elif any(_family(key) == name for key in named):
            yield _section(model, name, title, intro)


def _section(model: ModelResult, name: str, title: str, intro: str) -> Section:
    measurements = [_shown(one) for one in _members(model.measurements, name).values()]
    order = {headline: place for place, headline in enumerate(HEADLINES)}
    headlines = [one for one in measurements if one.measurement.name in order]
    headlines.sort(key=lambda one: order[one.measurement.name])
    return Section(
        name=name,
        title=title,
        intro=intro,
        measurements=measurements,
        headlines=headlines,
        pictures=[(picture, picture_grid(picture)) for picture in _members(model.pictures, name).values()],
        maps=[(cloud, code_map(cloud)) for cloud in _members(model.clouds, name).values()],
        tables=[_shown_table(key, table) for key, table in _members(model.tables, name).items()],
    )


def _shown(measurement: Measurement) -> Shown:
    metric = METRICS.get(measurement.name)
    value, interval = value_and_interval(measurement.value, measurement.interval)
    return Shown(
        measurement=measurement,
        title=metric.title if metric else measurement.name,
        explains=metric.explains if metric else "",
        better=BETTER[measurement.better],
        value=value,
        interval=interval,
        plot=dot_plot(measurement),
    )


def _shown_table(name: str, table: Table) -> ShownTable:
    if name == "interpolation.steps":
        charts = line_charts(table, x_label="step along the line", y_label="share of the whole length")
        return ShownTable(table=table, rows=cells(table), charts=charts, folded=True)
    if "confusion" in name:
        return ShownTable(table=table, rows=cells(table, style="heat"))
    rows = cells(table, style="bars", one_scale=name == "distribution.classes")
    return ShownTable(table=table, rows=rows, barred=True, folded=len(rows) > LONG_TABLE)


def _members(named: Mapping[str, T], family: str) -> dict[str, T]:
    return {name: one for name, one in named.items() if _family(name) == family}


def _family(name: str) -> str:
    return name.split(".", 1)[0]


def _model_order(name: str) -> tuple[int, str]:
    return {"vae": 0, "other": 1}.get(name, 2), name


def _of_model(record: Noted, name: str) -> Noted:
    """Name the model in a flag or fault that stands with it and does not say so itself."""
    return record if record.model else record.model_copy(update={"model": name})
