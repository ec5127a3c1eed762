"""`harness quiz export` and `import`: sheets to Moodle's question bank, and true/false questions from there."""

from __future__ import annotations

import re
from enum import StrEnum
from fractions import Fraction
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
    from harness.quiz.moodle import heading, items, remarks, write_gift, write_xml

    if out is not None and out.exists():
        raise UserError(f"{out} is there already; remove it, or choose another name with -o")
    course = find_course()
    found = load_sheet(course, sheet)
    key = load_key(course, sheet, sheet=found) if with_key else None
    if with_key and key is None:
        raise UserError(f"there is no key to {sheet} ({course.keys / f'{sheet}.yaml'}); leave out --with-key")
    said = remarks(found, key, gift=format_ is Format.GIFT)
    text = {Format.GIFT: write_gift, Format.XML: write_xml}[format_](
        items(found, key), remarks=[*heading(found), *said])
    if out is None:
        typer.echo(text, nl=False)
        return
    _write(out, text)
    for remark in said:
        typer.echo(f"note: {remark}", err=True)
    typer.echo(str(out))


def import_(
    file: Annotated[Path, typer.Argument(
        metavar="FILE", help="Questions in Moodle's GIFT format or as Moodle XML.")],
    *,
    out: Annotated[Path, typer.Option(
        "-o", "--out", metavar="quiz/NAME.yaml", help="The sheet to write; its key goes to keys/ beside it.")],
    title: Annotated[str, typer.Option(
        "--title", show_default="what the file says, else its name", help="Title of the sheet.")] = "",
    points: Annotated[str | None, typer.Option(
        "--points", metavar="POINTS", show_default="what the file says, else one for each statement",
        help="Points of the sheet, such as 20 or 7.5.")] = None,
) -> None:
    """Make sheet and key of the true/false questions of a GIFT or Moodle XML file.

    Taken are true/false questions and choices between yes, no and abstaining; others are listed and left out.
    """
    from harness import documents
    from harness.errors import UserError
    from harness.quiz.moodle import adopt, read_questions

    key_path = out.parent / "keys" / out.name
    _check_new(out, key_path)
    wanted = _points(points)
    name = documents.display_name(file)
    try:
        questions, said = read_questions(documents.text_of(file, name=name), name)
        adopted = adopt(
            questions, quiz=out.stem, title=title.strip() or said.title,
            points=said.points if wanted is None else wanted)
    except UserError as error:
        raise UserError(str(error) if str(error).startswith(name) else f"{name}: {error}") from None
    _write(out, adopted.sheet_yaml())
    _write(key_path, adopted.key_yaml())
    for one in adopted.left_out:
        typer.echo(f"left out: {documents.harmless(one)}", err=True)
    sheet = adopted.sheet
    typer.echo(
        f"note: a right answer counts {sheet.scheme.right}, a wrong one {sheet.scheme.wrong}; Moodle has no floor: "
        f"`floor: {sheet.scheme.floor}` is a choice of the program, look at the scheme in {out}", err=True)
    typer.echo(
        f"{out}: {documents.counted(len(sheet.statements), 'statement')}, {documents.counted(sheet.points, 'point')}\n"
        f"{key_path}: their key, for the staff alone")


def _check_new(sheet: Path, key: Path) -> None:
    """Refuse names that no quiz can have, and those of files that are there."""
    from harness.errors import UserError
    from harness.quiz.exact import IDENTIFIER

    if sheet.suffix != ".yaml":
        raise UserError(f"{sheet}: the sheet must be called NAME.yaml, such as quiz/spring.yaml; change -o")
    if not re.fullmatch(IDENTIFIER, sheet.stem):
        raise UserError(
            f"{sheet}: the name of a quiz has at most 32 letters, digits, dots, hyphens and underscores, and begins "
            "with a letter or digit, such as quiz/spring.yaml; change -o")
    for path in (sheet, key):
        if path.exists():
            raise UserError(f"{path} is there already; remove it, or choose another name with -o")


def _points(written: str | None) -> Fraction | None:
    from harness.errors import UserError
    from harness.quiz.exact import exact

    if written is None:
        return None
    try:
        points = exact(written)
    except ValueError as error:
        raise UserError(f"--points {written!r} {error}") from None
    if points <= 0:
        raise UserError(f"--points {written} must be above 0, such as 20 or 7.5")
    return points


def _write(path: Path, text: str) -> None:
    from harness.errors import UserError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}); choose another with -o") from None
