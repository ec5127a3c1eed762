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
from harness.cli import bench, calibrate, check, demo, doctor, grade, new, quiz, quiz_class, quiz_moodle, schema
from harness.cli.exits import INTERRUPTED, OURS, WRONG_USE
from harness.errors import HarnessFault, UserError

__all__ = ["app", "main"]

app = typer.Typer(
    name="harness", no_args_is_help=True, add_completion=True, rich_markup_mode="rich", pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Grade and compare generative models of deep-learning exercises.",
    epilog="Exit codes: 0 done · 1 a hand-in has faults · 2 wrong use or a missing piece · 3 a fault of the harness.",
)
app.command("grade")(grade.grade)
app.command("check")(check.check)
app.command("new")(new.new)
app.command("bench")(bench.bench)
app.command("calibrate")(calibrate.calibrate)
app.command("demo")(demo.demo)
app.command("doctor")(doctor.doctor)
app.command("schema")(schema.schema)
quiz.app.command("stats")(quiz_class.stats)
quiz.app.command("export")(quiz_moodle.export)
quiz.app.command("import")(quiz_moodle.import_)
app.add_typer(quiz.app, name="quiz")


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


def main() -> None:
    """Run the command line, and end every error of the tree in one sentence and its exit code."""
    # Threads of OpenMP that spin while they wait take the cores from the workers beside them.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        app()
    except UserError as error:
        _leave(_say(str(error), WRONG_USE))
    except HarnessFault as fault:
        _leave(_say(f"fault of the harness (it costs nobody points): {fault}", OURS))
    except KeyboardInterrupt:
        _leave(_say("stopped; reports that were finished are kept", INTERRUPTED))
    except SystemExit as end:       # how typer ends every command
        _leave(end.code)


def _say(message: str, code: int) -> int:
    """Say on the error stream how it ended, in red where that is a terminal; give the exit code."""
    typer.secho(f"harness: {message}", err=True, fg=typer.colors.RED if sys.stderr.isatty() else None)
    return code


def _leave(code: int | str | None) -> NoReturn:
    """End the process, without the third of a second that the interpreter spends on taking torch apart."""
    if "torch" in sys.modules and (code is None or isinstance(code, int)):
        atexit._run_exitfuncs()
        with contextlib.suppress(OSError, ValueError):      # whoever read the output may have gone
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code or 0)
    sys.exit(code)
