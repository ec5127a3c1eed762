"""`harness calibrate`: take the anchors of a rubric from measured reference models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.options import Data, Seed, StandIn
from harness.errors import UserError

__all__ = ["calibrate"]


def calibrate(
    rubric: Annotated[Path, typer.Argument(metavar="RUBRIC", help="The file, such as rubrics/summer23.yaml.")],
    *,
    check: Annotated[bool, typer.Option("--check", help="Say what would change, and write nothing.")] = False,
    data: Data = None,
    stand_in: StandIn = False,
    seed: Seed = 0,
) -> None:
    """Write the anchors of a rubric from what reference models measure, and which measurements these are.

    A criterion says by `full_from: vae` which model reaches full points, and by `none_from: mean image` which
    baseline gets none. Points that were given before change with the anchors: calibrate before you grade.
    """
    from harness.bench.calibrate import calibrate as calibrated
    from harness.bench.calibrate import models_needed
    from harness.bench.contenders import contenders
    from harness.bench.running import Plan, run_bench
    from harness.cli.grade import budget_named
    from harness.cli.terminal import Stages, console, plain, stages
    from harness.cli.workshop import box_for_own_code, load_data, workshop
    from harness.course import find_course
    from harness.report.render import write_atomically
    from harness.rubric import load

    if not rubric.is_file():
        raise UserError(f"{rubric}: there is no such file; name a rubric, such as rubrics/summer23.yaml")
    course = find_course(rubric.resolve().parent)
    if rubric.resolve().parent != course.rubrics.resolve():
        raise UserError(f"{rubric}: rubrics lie in {course.rubrics}; name one of these")
    said = load(course, rubric.stem)
    entrants = contenders(course, models_needed(course, said))
    shop = workshop(
        course, load_data(data, stand_in=stand_in), box_for_own_code()[0], budget_named("full", course), seed=seed,
        device="cpu", keep=True, with_key=False, data_folder=data,
    )
    with stages() as progress:
        result = run_bench(course, entrants, shop, Plan(), progress=lambda name: Stages(progress, group=name))
    found = calibrated(rubric.read_text(encoding="utf-8"), said, result)
    out = console()
    for criterion, anchors in found.changes.items():
        for which, (old, new) in anchors.items():
            out.print(f"{plain(criterion)}: {which} {old:g} -> [bold]{new:g}[/]")
    if not found.changes:
        out.print("all anchors are as measured")
    if check:
        return
    write_atomically(rubric, found.text, remedy="free space, or make the file writable")
    out.print(f"[green]wrote[/] {plain(str(rubric))}", soft_wrap=True)
