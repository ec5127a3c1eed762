"""The command line: one file for each group of commands.

Importing this package must stay cheap (`harness --help` answers in under 0.3 s): the files of the commands import
what they need when they are called.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
from typing import Annotated, NoReturn

import typer

from harness import __version__
from harness.cli import (
    bench,
    calibrate,
    check,
    demo,
    doctor,
    exchange,
    grade,
    mark,
    new,
    quiz,
    quiz_class,
    quiz_moodle,
    review,
    schema,
    similarity,
    store,
)
from harness.cli.exits import INTERRUPTED, OURS, WRONG_USE, Stopped
from harness.errors import HarnessFault, UserError

__all__ = ["app", "main", "program"]

app = typer.Typer(
    name="harness", no_args_is_help=True, add_completion=True, rich_markup_mode="rich", pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Grade and compare generative models of deep-learning exercises.",
    epilog="Exit codes: 0 done · 1 a hand-in has faults · 2 wrong use or a missing piece · 3 a fault of the harness.",
)
app.command("grade")(grade.grade)
app.command("mark")(mark.mark)
app.command("history")(mark.history)
app.command("check")(check.check)
app.command("new")(new.new)
app.command("review")(review.review)
app.command("bench")(bench.bench)
app.command("calibrate")(calibrate.calibrate)
app.command("demo")(demo.demo)
app.command("doctor")(doctor.doctor)
app.command("schema")(schema.schema)
app.command("similarity")(similarity.similarity)
app.command("import")(exchange.import_)
quiz.app.command("stats")(quiz_class.stats)
quiz.app.command("export")(quiz_moodle.export)
quiz.app.command("import")(quiz_moodle.import_)
app.add_typer(quiz.app, name="quiz")
app.add_typer(store.app, name="store")
app.add_typer(exchange.app, name="export")


def _version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it with the flag's value
    if wanted:
        typer.echo(f"harness {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[bool, typer.Option(
        "--version", callback=_version, is_eager=True, help="Print the version and end.")] = False,
) -> None:
    pass


def program() -> NoReturn:
    """Run the command line as a process of its own, and end it without taking torch apart, which takes 0.3 s."""
    try:
        main()
        code: int | str | None = 0
    except SystemExit as end:
        code = end.code
    if "torch" not in sys.modules or not (code is None or isinstance(code, int)):
        sys.exit(code)
    atexit._run_exitfuncs()
    with contextlib.suppress(OSError, ValueError):      # whoever read the output may have gone
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code or 0)


def main() -> None:
    """Run the command line, and end every error of the tree in one sentence and its exit code."""
    # Threads of OpenMP that spin while they wait take the cores from the workers beside them.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        app()
    except UserError as error:
        _end(str(error), WRONG_USE)
    except HarnessFault as fault:
        _end(f"fault of the harness (it costs nobody points): {fault}", OURS)
    except MemoryError:
        _end("fault of the harness (it costs nobody points): no memory left; close other programs", OURS)
    except Stopped as stopped:
        _end(str(stopped), INTERRUPTED)
    except KeyboardInterrupt:
        _end("stopped; reports that were finished are kept", INTERRUPTED)


def _end(message: str, code: int) -> NoReturn:
    """Say on the error stream how it ended, in red where that is a terminal, and leave."""
    from harness.documents import harmless

    # A message may name files, and a stranger may have named those.
    typer.secho(f"harness: {harmless(message)}", err=True, fg=typer.colors.RED if sys.stderr.isatty() else None)
    sys.exit(code)
