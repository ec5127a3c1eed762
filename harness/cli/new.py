"""`harness new`: write a hand-in that grades as it stands, or one of code that is there already."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from harness.guess import Written

__all__ = ["new"]


def new(
    folder: Annotated[Path | None, typer.Argument(
        metavar="FOLDER", show_default=False, help="The folder to make, such as submissions/group7.")] = None,
    *,
    model: Annotated[str, typer.Option(
        metavar="NAME", help="Reference model to start from: a file of reference_models/.")] = "conv_vae",
    assignment: Annotated[str, typer.Option(metavar="NAME", help="The sheet it answers.")] = "summer23",
    source: Annotated[Path | None, typer.Option(
        "--from", metavar="DIR", show_default=False,
        help="Make it of the code in DIR: copy it to FOLDER and guess submission.yaml by reading it; nothing is "
             "run.")] = None,
    in_place: Annotated[bool, typer.Option(
        "--in-place", help="With --from: write submission.yaml into DIR itself, without a copy.")] = False,
) -> None:
    """Write a hand-in that grades as it stands: manifest, model, answers to fill in.

    With --from DIR: write a manifest for code that is there already, with each guess explained beside it.
    """
    from harness.cli.terminal import console, plain
    from harness.course import find_course
    from harness.errors import UserError
    from harness.scaffold import new_submission

    out = console()
    if source is not None:
        from harness.guess import new_from

        if in_place == (folder is not None):
            raise UserError("say where to write: give a new FOLDER, or --in-place without one")
        _tell(out, new_from(source, folder, assignment=assignment))
        return
    if folder is None or in_place:
        raise UserError("give the folder to make: harness new FOLDER; --in-place goes with --from DIR")
    written = new_submission(folder, model=model, assignment=assignment, course=find_course())
    for file in written:
        out.print(f"[green]wrote[/] {plain(str(file))}", soft_wrap=True)
    out.print(f"\nNext: [bold]harness check {plain(str(folder))}[/]", soft_wrap=True)


def _tell(out: Console, written: Written) -> None:
    """Print what was written, what was guessed and why, and what the group has to settle."""
    from harness.cli.terminal import plain
    from harness.guess import in_yaml

    for guess in written.models:
        out.print(f"[bold]{guess.slot}[/]")
        for key, value in guess.keys.items():
            out.print(f"  [cyan]{key}[/]: {plain(in_yaml(value.value))}  [dim]{plain(value.why)}[/]", soft_wrap=True)
        for note in guess.notes:
            out.print(f"  [yellow]note[/] {plain(note)}", soft_wrap=True)
        for question in guess.questions:
            out.print(f"  [yellow]question[/] {plain(question.key)}: {plain(question.text)}", soft_wrap=True)
    for remark in written.remarks:
        out.print(f"[yellow]note[/] {plain(remark)}", soft_wrap=True)
    for file in written.files:
        out.print(f"[green]wrote[/] {plain(str(file))}", soft_wrap=True)
    out.print(
        "\nWrite your names into submission.yaml and look at its comments.\n"
        f"Next: [bold]harness check {plain(str(written.folder))}[/]", soft_wrap=True)
