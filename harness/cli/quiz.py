"""`harness quiz`: the theory part by itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from harness.cli import quiz_paper
from harness.cli.exits import DONE, FAULTS
from harness.cli.options import AsJson
from harness.errors import UserError

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="The theory part by itself.")
app.command("sheet")(quiz_paper.sheet)
app.command("read")(quiz_paper.read)


@app.callback()
def _group() -> None:
    pass


@app.command("check")
def check(
    answers: Annotated[Path, typer.Argument(metavar="ANSWERS.YAML", help="The answers of a group.")],
    *,
    no_key: Annotated[bool, typer.Option("--no-key", help="Check the form only, even where the key is.")] = False,
    as_json: AsJson = False,
) -> None:
    """Mark answers where the key is at hand; without it, check only their form.

    Exit code 1: something is wrong with single answers, such as one that is missing, unknown or given twice.
    Exit code 2: the file is not there, or cannot be read as answers.
    """
    from harness.cli.terminal import console, plain, theory_table
    from harness.course import find_course
    from harness.documents import counted
    from harness.quiz import check_file
    from harness.quiz.collect import PAPERS

    if answers.suffix.casefold() in PAPERS:
        raise UserError(
            f"{answers}: this command takes answers.yaml; make one by "
            f"`harness quiz read {answers} --quiz NAME -o answers.yaml`")
    theory = check_file(answers, course=find_course(), with_key=not no_key)
    marked = theory.points is not None
    if as_json:
        typer.echo(json.dumps({
            "quiz": theory.quiz, "points": theory.points, "max_points": theory.max_points,
            "statements": [one.model_dump(mode="json") for one in theory.statements], "problems": theory.problems,
        }, indent=2))
    else:
        out = console()
        out.print(theory_table(theory))
        for problem in theory.problems:
            out.print(f"[yellow]{plain(problem)}[/]")
        if marked:
            out.print(f"\n[bold]{theory.points:g} of {theory.max_points:g} points[/]  {plain(theory.explanation)}")
        else:
            good = "the form is right" if not theory.problems else counted(len(theory.problems), "problem") + " of form"
            out.print(f"\n[bold]{good}[/]; no key was used, so nothing is said about the answers")
    raise typer.Exit(FAULTS if theory.problems else DONE)
