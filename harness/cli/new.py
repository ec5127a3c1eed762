"""`harness new`: write a hand-in that grades as it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["new"]


def new(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder to make, such as submissions/group7.")],
    *,
    model: Annotated[str, typer.Option(
        metavar="NAME", help="Reference model to start from: a file of reference_models/.")] = "conv_vae",
    assignment: Annotated[str, typer.Option(metavar="NAME", help="The sheet it answers.")] = "summer23",
) -> None:
    """Write a hand-in that grades as it stands: manifest, model, answers to fill in."""
    from harness.cli.terminal import console, plain
    from harness.course import find_course
    from harness.scaffold import new_submission

    written = new_submission(folder, model=model, assignment=assignment, course=find_course())
    out = console()
    for file in written:
        out.print(f"[green]wrote[/] {plain(str(file))}", soft_wrap=True)
    out.print(f"\nNext: [bold]harness check {plain(str(folder))}[/]", soft_wrap=True)
