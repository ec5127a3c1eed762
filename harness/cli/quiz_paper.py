"""`harness quiz sheet` and `harness quiz read`: answer sheets to hand out, and answers as they come back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from harness.cli.exits import DONE, FAULTS
from harness.cli.options import AsJson
from harness.errors import SubmissionFault, UserError

if TYPE_CHECKING:
    from rich.table import Table

    from harness.quiz import Readings, Sheet

__all__ = ["read", "sheet"]

Format = Literal["pdf", "html", "yaml", "md"]

_ENDINGS: dict[str, Format] = {
    ".pdf": "pdf", ".html": "html", ".htm": "html", ".yaml": "yaml", ".yml": "yaml", ".md": "md", ".markdown": "md"}


def sheet(
    quiz: Annotated[str, typer.Argument(metavar="QUIZ", help="Name of the quiz, such as summer23.")],
    *,
    form: Annotated[Format | None, typer.Option(
        "--format", help="What to write.", show_default="as FILE ends, else pdf")] = None,
    out: Annotated[Path | None, typer.Option(
        "--out", "-o", metavar="FILE", show_default="QUIZ-answers.FORMAT",
        help="Where; its ending tells the format, - is the terminal.")] = None,
) -> None:
    """Write an answer sheet to hand out."""
    from harness.course import find_course
    from harness.quiz import load_sheet

    form = form or _format_of(out)
    if out is not None and _ENDINGS.get(out.suffix.casefold(), form) != form:
        raise UserError(f"{out} ends as a file of another format than {form}; leave out --format, or name a .{form}")
    data = _sheet(load_sheet(find_course(), quiz), form)
    if out is not None and str(out) == "-":
        typer.echo(data, nl=False)
        return
    path = out or Path(f"{quiz}-answers.{form}")
    _write(path, data)
    typer.echo(f"wrote {path}")


def _format_of(out: Path | None) -> Format:
    """Take the format from the ending of the file that is written; without one, and on the terminal, it is PDF."""
    if out is None or not out.suffix:
        return "pdf"
    if out.suffix.casefold() not in _ENDINGS:
        raise UserError(f"{out} does not end in .pdf, .html, .yaml or .md; say by --format what to write")
    return _ENDINGS[out.suffix.casefold()]


def _sheet(sheet: Sheet, form: Format) -> bytes:
    from harness.quiz import template
    from harness.quiz.handout import sheet_html, sheet_markdown, sheet_pdf

    if form == "pdf":
        return sheet_pdf(sheet)
    return {"html": sheet_html, "yaml": template, "md": sheet_markdown}[form](sheet).encode()


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror}); choose another place with -o") from None


def read(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A PDF, a text or a Markdown file with answers.")],
    *,
    quiz: Annotated[str, typer.Option("--quiz", metavar="QUIZ", help="The quiz that it answers.")],
    out: Annotated[Path | None, typer.Option(
        "--out", "-o", metavar="ANSWERS.YAML", help="Write an answer file with what was read.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read the answers in a hand-in; what is not clear is left open and listed for a person.

    Exit code 1 says that something is open, or that the file cannot be read.
    """
    from harness.course import find_course
    from harness.quiz import as_yaml, load_sheet, read_file

    asked = load_sheet(find_course(), quiz)
    try:
        readings = read_file(file, asked)
    except SubmissionFault as fault:
        typer.echo(f"harness: {fault}. {fault.hint}".strip(), err=True)
        raise typer.Exit(FAULTS) from None
    if out is not None:
        if out.exists():
            raise UserError(f"{out} is there already; name another file with -o, or move it away")
        _write(out, as_yaml(readings, asked).encode())
    if as_json:
        from harness.cli.terminal import printed_json

        typer.echo(printed_json(readings, exclude={"readings": {"__all__": {"crop"}}}))
    else:
        _show(readings, out)
    raise typer.Exit(FAULTS if readings.open else DONE)


def _show(readings: Readings, out: Path | None) -> None:
    from harness.cli.terminal import console, plain

    screen = console()
    screen.print(_table(readings))
    for note in readings.notes:
        screen.print(f"[yellow]{plain(note)}[/]")
    total, left = len(readings.readings), len(readings.open)
    more = f", {left} left open for a person" if left else ""
    screen.print(f"\n[bold]{total - left} of {total} answers read[/]{more}")
    if out is not None:
        screen.print(f"wrote {plain(str(out))}")


def _table(readings: Readings) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from harness.cli.terminal import plain

    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for title in ("", "answer", "sure"):
        table.add_column(title, no_wrap=True)
    table.add_column("where, and what stands there", ratio=1)
    for one in readings.readings:
        said = one.evidence[0].snippet if one.status == "read" else one.reason
        colour = "default" if one.status == "read" else "yellow"
        sure = f"{one.confidence:.2f}" if one.status == "read" else ""
        where = readings.where(one)
        table.add_row(
            plain(one.id), one.answer or f"[{colour}]{one.status}[/]", sure,
            plain(f"{where}: {said}" if where else said))
    return table
