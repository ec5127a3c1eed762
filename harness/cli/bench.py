"""`harness bench`: reference models and hand-ins, trained or loaded, measured in the same way, side by side."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.exits import DONE, FAULTS
from harness.cli.options import AsJson, Data, Device, Reports, Seed, StandIn
from harness.errors import UserError

if TYPE_CHECKING:
    from rich.table import Table

    from harness.records import BenchResult, BenchRow

__all__ = ["bench"]


def bench(
    names: Annotated[list[str] | None, typer.Argument(
        metavar="[NAME|FOLDER]...", help="Reference models, and folders of hand-ins; all reference models if none.",
        show_default=False)] = None,
    *,
    train: Annotated[bool, typer.Option(
        "--train", help="Train anew, and write weights and model cards of what was trained.")] = False,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each, by as many seeds; the first is kept.")] = 1,
    seconds: Annotated[float, typer.Option(min=1, help="Most seconds that each training may take.")] = 1_800.0,
    threads: Annotated[int, typer.Option(min=1, help="Threads of each training.")] = 2,
    table: Annotated[bool, typer.Option("--table", help="Print the table only; write no report.")] = False,
    data: Data = None,
    stand_in: StandIn = False,
    budget: Annotated[str, typer.Option(metavar="full|quick", help="How much is measured.")] = "full",
    seed: Seed = 0,
    device: Device = "cpu",
    reports: Reports = None,
    no_store: Annotated[bool, typer.Option("--no-store", help="Measure anew what is in the store.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compare generative models: load or train each, measure all alike, and set them side by side.

    Writes reports/bench/index.html, bench.json and bench.csv.
    """
    from harness.bench.contenders import contenders
    from harness.bench.running import Plan, run_bench
    from harness.cli.grade import budget_named, check_device
    from harness.cli.terminal import Stages, console, plain, printed_json, stages
    from harness.cli.workshop import box_for_own_code, load_data, workshop
    from harness.course import find_course
    from harness.report import write_bench
    from harness.sandbox.choose import choose_box

    if seeds > 1 and not train:
        raise UserError("--seeds needs --train: shipped weights are of one training")
    course = find_course()
    entrants = contenders(course, names or [])
    check_device(device)
    # Reference models are our own code; hand-ins are not.
    box = choose_box() if any(one.folder for one in entrants) else box_for_own_code()[0]
    shop = workshop(
        course, load_data(data, stand_in=stand_in), box, budget_named(budget, course), seed=seed, device=device,
        keep=not no_store, with_key=False, data_folder=data,
    )
    plan = Plan(
        train=train, seeds=tuple(range(seed, seed + seeds)), seconds=seconds, threads=threads,
        command=_command(names or [], train=train, seeds=seeds, seed=seed, budget=budget, stand_in=stand_in),
    )
    with stages(quiet=as_json) as progress:
        result = run_bench(
            course, entrants, shop, plan, progress=lambda name: Stages(progress, group=name))
    page = None if table else write_bench(result, (reports or course.reports) / "bench")
    if as_json:
        typer.echo(printed_json(
            result, by_alias=True, exclude={"rows": {"__all__": {"model": {"pictures", "clouds", "tables"}}}}))
    else:
        out = console()
        out.print(bench_table(result))
        if page:
            out.print(f"\n[bold]report[/] {plain(str(page))}", soft_wrap=True)
    raise typer.Exit(DONE if all(row.model.outcome == "scored" for row in result.rows) else FAULTS)


def _command(names: list[str], *, train: bool, seeds: int, seed: int, budget: str, stand_in: bool) -> str:
    words = ["harness", "bench", *names, *(["--train"] if train else [])]
    words += ["--seeds", str(seeds)] if seeds > 1 else []
    words += ["--budget", budget, "--seed", str(seed), *(["--stand-in"] if stand_in else [])]
    return shlex.join(words)


def bench_table(result: BenchResult) -> Table:
    """Lay the most telling measurements out side by side, best samples first, in 80 columns."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from harness.cli.terminal import plain

    shown = Table(
        title=f"{len(result.rows)} models on {result.data}, {result.budget} budget", title_justify="left",
        box=SIMPLE_HEAD, show_edge=False, pad_edge=False,
        caption="Fréchet: relative, ± half the 95% interval. bits: per dimension.", caption_justify="left")
    rows = [(plain(row.name), _cells(row)) for row in sorted(result.rows, key=_quality)]
    titles = [title for title in TITLES if any(cells[title] for _, cells in rows)]
    shown.add_column("Model", overflow="fold", max_width=24)
    for title in titles:
        shown.add_column(title, justify="right", no_wrap=True)
    for name, cells in rows:
        shown.add_row(name, *(cells[title] for title in titles))
    return shown


TITLES = ("Fréchet", "recall", "class", "bits", "error", "size", "min")
"""Those that no contender has are left out."""


def _cells(row: BenchRow) -> dict[str, str]:
    size, time = row.model.parameters, row.training_seconds
    return dict(zip(TITLES, (
        _distance(row), _number(row, "distribution.recall", ".2f"),
        _number(row, "distribution.label_accuracy", ".2f"), _number(row, "likelihood.bits_per_dimension", ".2f"),
        _number(row, "reconstruction.mse", ".4f"), "" if size is None else f"{size / 1000:.0f}k",
        "" if time is None else f"{time / 60:.1f}",
    ), strict=True))


def _quality(row: BenchRow) -> tuple[float, str]:
    one = row.model.measurements.get("distribution.fid_relative")
    return (float("inf") if one is None else one.value, row.name)


def _distance(row: BenchRow) -> str:
    one = row.model.measurements.get("distribution.fid_relative")
    if one is None:
        return ""
    return f"{one.value:.3f}" + (f" ±{(one.interval[1] - one.interval[0]) / 2:.3f}" if one.interval else "")


def _number(row: BenchRow, name: str, form: str) -> str:
    one = row.model.measurements.get(name)
    return "" if one is None else format(one.value, form)
