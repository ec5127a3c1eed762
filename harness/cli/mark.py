"""`harness mark` and `harness history`: points that a person gives, and how a grade came about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.options import AsJson, Reports

if TYPE_CHECKING:
    from harness.course import Course
    from harness.gradebook import Change

__all__ = ["history", "mark"]


def mark(
    group: Annotated[str | None, typer.Argument(show_default=False, help="As it is called in reports/.")] = None,
    criterion: Annotated[str | None, typer.Argument(show_default=False, help="Its id in the rubric.")] = None,
    points: Annotated[str | None, typer.Argument(show_default=False, help="In steps of the rubric.")] = None,
    *,
    because: Annotated[str, typer.Option(
        "--because", metavar="TEXT", show_default=False, help="The reason; it stands in the report.")] = "",
    author: Annotated[str | None, typer.Option(
        "--author", metavar="NAME", show_default="git's user.name", help="Who gives the points.")] = None,
    confirm: Annotated[bool, typer.Option(
        "--confirm", help="Give the same points anew after what they rest on changed.")] = False,
    withdraw: Annotated[bool, typer.Option(
        "--withdraw", help="Take points back; what was measured counts again.")] = False,
    list_: Annotated[bool, typer.Option(
        "--list", help="List what waits for a person, of one group or of all.")] = False,
    from_: Annotated[Path | None, typer.Option(
        "--from", metavar="DIR|FILE", show_default=False, help="Give what YAML files say, one for each group.")] = None,
    handed_in: Annotated[str | None, typer.Option(
        "--handed-in", metavar="TIME", show_default=False,
        help="Note when the hand-in came: 2026-07-02T00:10+02:00.")] = None,
    reports: Reports = None,
    as_json: AsJson = False,
) -> None:
    """Give points by hand; report, result.json and the list of all reports show them at once, and no model is run.

    Every word is kept: newer points replace older ones, and a grade made anew never does. Where it changes what points
    were given on, they wait to be confirmed.
    """
    from harness.cli import marked
    from harness.cli.terminal import console
    from harness.course import find_course

    course = find_course()
    place = reports or course.reports
    chosen = [name for name, wanted in (
        ("--list", list_), ("--from", from_), ("--handed-in", handed_in), ("--confirm", confirm),
        ("--withdraw", withdraw), ("POINTS", points is not None)) if wanted]
    _check(chosen, group, criterion)
    report: marked.Listed | marked.Marked
    if list_:
        report = marked.listed(course, place, group)
    elif handed_in is not None:
        report = marked.noted(course, place, str(group), handed_in, author=author or me(), reason=because)
    else:
        changes = _changes(
            course, place, from_, str(group), str(criterion), points, because, author or me(), confirm=confirm)
        report = marked.say(course, place, changes, once=from_ is not None)
    if as_json:
        typer.echo(report.to_json())
    else:
        report.show(console())


def _check(chosen: list[str], group: str | None, criterion: str | None) -> None:
    """Refuse a call that asks for nothing or for two things."""
    from harness.errors import UserError

    if len(chosen) != 1:
        asked = f"{' and '.join(chosen)} cannot go together" if chosen else "it is not said what to do"
        raise UserError(f'{asked}; write such as: harness mark group3 interpretation 1.5 --because "..."')
    wants = {"--list": (), "--from": (), "--handed-in": ("GROUP",)}.get(chosen[0], ("GROUP", "CRITERION"))
    missing = [name for name, value in (("GROUP", group), ("CRITERION", criterion)) if name in wants and not value]
    if missing:
        raise UserError(f"{chosen[0]} needs {' and '.join(missing)}; `harness mark --list` names them")


def _changes(
    course: Course, reports: Path, files: Path | None, group: str, criterion: str, points: str | None, because: str,
    author: str, *, confirm: bool,
) -> list[Change]:
    from harness.gradebook import filed_result
    from harness.gradebook.giving import changes_in, confirmed, files_of_marks, given, withdrawn

    if files is not None:
        return [change for path in files_of_marks(files) for change in changes_in(path, course, reports, author=author)]
    result = filed_result(reports, group)
    if points is not None:
        return [given(course, result, criterion, points, author=author, reason=because)]
    said = confirmed if confirm else withdrawn
    return [said(result, criterion, author=author, reason=because)]


def me() -> str:
    """Name whoever calls: as git does, else by the name of the account."""
    import getpass
    import shutil
    import subprocess

    git = shutil.which("git")
    if git:
        done = subprocess.run([git, "config", "user.name"], capture_output=True, text=True, check=False)
        if name := done.stdout.strip():
            return name
    try:
        return getpass.getuser()
    except (OSError, KeyError):     # an account without a name, as in a container
        return "unknown"


def history(
    group: Annotated[str, typer.Argument(help="As it is called in reports/.")], *, as_json: AsJson = False,
) -> None:
    """Tell how a group's grade came about: attempts, what changed between them, points by hand, who and why."""
    from harness.cli.marked import Told
    from harness.cli.terminal import console
    from harness.course import find_course

    report = Told.of(find_course(), group)
    if as_json:
        typer.echo(report.to_json())
    else:
        report.show(console())
