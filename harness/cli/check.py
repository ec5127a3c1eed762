"""`harness check`: a group looks at its own hand-in before it hands it in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.options import AsJson, Data, Device, Seed, StandIn

__all__ = ["check"]


def check(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The folder of the hand-in, or a zip archive of it.")],
    *,
    data: Data = None,
    stand_in: StandIn = False,
    fit_seconds: Annotated[float | None, typer.Option(
        min=1, show_default="60", help="Most seconds that `fit` may train.")] = None,
    seed: Seed = 0,
    device: Device = "cpu",
    as_json: AsJson = False,
) -> None:
    """Check your own hand-in before the deadline: quick, without the key.

    Says what will be measured, what is missing and what fails. Fewer images are used than for a grade.
    """
    from harness.cli.grade import budget_named, hand_ins
    from harness.cli.running import check_one
    from harness.cli.terminal import console
    from harness.cli.workshop import box_for_own_code, load_data, workshop
    from harness.course import find_course

    (path,) = hand_ins([path])
    course = find_course()
    budget = budget_named("quick", course, fit_seconds=fit_seconds)
    box, without = box_for_own_code()
    if without:
        console(err=True).print("[dim]no box on this machine: your code runs as an ordinary program[/]")
    shop = workshop(
        course, load_data(data, stand_in=stand_in), box, budget, seed=seed, device=device, keep=False,
        with_key=False, data_folder=data,
    )
    checked = check_one(path, shop, quiet=as_json)
    if as_json:
        typer.echo(checked.to_json())
    else:
        checked.show(console())
    raise typer.Exit(checked.exit_code)
