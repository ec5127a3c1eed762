"""`harness quiz export` and `import`: sheets to Moodle's question bank, and true/false questions from GIFT."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["export", "import_"]


class Format(StrEnum):
    """File formats that Moodle imports."""

    GIFT = "gift"
    XML = "moodle-xml"


def export(
    sheet: Annotated[str, typer.Argument(metavar="SHEET", help="Name of the quiz, such as summer23.")],
    *,
    format_: Annotated[Format, typer.Option("--format", help="What Moodle is to import.")] = Format.GIFT,
    with_key: Annotated[bool, typer.Option(
        "--with-key", help="With right answers and feedback: for the teaching staff.")] = False,
    out: Annotated[Path | None, typer.Option(
        "-o", "--out", metavar="FILE", show_default="print it", help="Write to this file.")] = None,
) -> None:
    """Write a sheet for Moodle's question bank.

    With the key: true/false questions with feedback; where wrong answers cost points, a choice of yes, no and
    abstain with negative marks. Without it: open questions, which a person marks.
    """
    from harness.course import find_course
    from harness.errors import UserError
    from harness.quiz import load_key, load_sheet
    from harness.quiz.moodle import items, remarks, write_gift, write_xml

    course = find_course()
    found = load_sheet(course, sheet)
    key = load_key(course, sheet) if with_key else None
    if with_key and key is None:
        raise UserError(f"there is no key to {sheet} ({course.keys / f'{sheet}.yaml'}); leave out --with-key")
    said = remarks(found, key)
    text = {Format.GIFT: write_gift, Format.XML: write_xml}[format_](items(found, key), remarks=said)
    if out is None:
        typer.echo(text, nl=False)
        return
    _write(out, text)
    for remark in said:
        typer.echo(f"note: {remark}", err=True)
    typer.echo(str(out))


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE.gift", help="Questions in Moodle's GIFT format.")],
    *,
    out: Annotated[Path, typer.Option(
        "-o", "--out", metavar="quiz/NAME.yaml", help="The sheet to write; its key goes to keys/ beside it.")],
    title: Annotated[str, typer.Option("--title", show_default="its name", help="Title of the sheet.")] = "",
    points: Annotated[str | None, typer.Option(
        "--points", metavar="POINTS", show_default="one for each statement", help="Points of the sheet.")] = None,
) -> None:
    """Make sheet and key of the true/false questions of a GIFT file."""
    from harness import documents
    from harness.errors import UserError
    from harness.quiz.exact import exact
    from harness.quiz.moodle import adopt, read_gift

    key_path = out.parent / "keys" / out.name
    if out.suffix != ".yaml":
        raise UserError(f"{out}: the sheet must be called NAME.yaml, such as quiz/spring.yaml")
    for path in (out, key_path):
        if path.exists():
            raise UserError(f"{path} is there already; remove it, or choose another name with -o")
    name = documents.display_name(file)
    try:
        wanted = exact(points) if points is not None else None
        adopted = adopt(
            read_gift(documents.text_of(file, name=name), name), quiz=out.stem, title=title, points=wanted)
    except UserError as error:
        raise UserError(str(error) if str(error).startswith(name) else f"{name}: {error}") from None
    except ValueError as error:     # a name or number that no sheet can have: pydantic's words, or those of `exact`
        problem = str(error).splitlines()[-1] if points is None else str(error).splitlines()[0]
        raise UserError(f"no sheet can be made of {name}: {problem.strip()}; check -o and --points") from None
    _write(out, adopted.sheet_yaml())
    _write(key_path, adopted.key_yaml())
    for one in adopted.left_out:
        typer.echo(f"left out: {documents.harmless(one)}", err=True)
    typer.echo(f"{out}: {len(adopted.key.answers)} statements\n{key_path}: their key, for the staff alone")


def _write(path: Path, text: str) -> None:
    from harness.errors import UserError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}); choose another with -o") from None
