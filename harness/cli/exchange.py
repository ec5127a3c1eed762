"""`harness import` and `harness export`: hand-ins from Moodle, grades to Moodle, Gradescope and spreadsheets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.options import AsJson, Reports

if TYPE_CHECKING:
    from harness.lms import Results
    from harness.lms.moodle import FilledWorksheet

__all__ = ["app", "import_"]

app = typer.Typer(
    no_args_is_help=True, help="Write grades for Moodle, Gradescope or a spreadsheet, from reports/*/result.json.",
)

Submissions = Annotated[Path | None, typer.Option(
    "--submissions", metavar="DIR", show_default="submissions/ of the course folder",
    help="Where the hand-ins were imported to.")]
Partial = Annotated[bool, typer.Option(
    "--partial", help="Also write the points so far where a person has still to give some.")]


def import_(
    archive: Annotated[Path, typer.Argument(
        metavar="MOODLE.zip", help="What “Download all submissions” of a Moodle assignment gave.")],
    *,
    into: Annotated[Path | None, typer.Option(
        "--into", metavar="DIR", show_default="submissions/ of the course folder",
        help="Where the folders go.")] = None,
    replace: Annotated[bool, typer.Option(
        "--replace", help="Exchange folders that hold something else than the archive.")] = False,
    worksheet: Annotated[Path | None, typer.Option(
        "--worksheet", metavar="FILE.csv", show_default=False,
        help="Moodle's grading worksheet: takes from it when each was handed in.")] = None,
    as_json: AsJson = False,
) -> None:
    """Unpack the submissions of a Moodle assignment, each into a folder that `harness grade` takes.

    Zip archives within are unpacked as well. A second import changes nothing. Who handed in what is kept beside the
    folders, in .moodle.json, for `harness export moodle`.
    """
    from harness.cli.exchanged import ImportReport
    from harness.cli.terminal import console
    from harness.course import find_course
    from harness.lms.moodle import import_archive, note_times, read_worksheet

    folder = into or find_course().submissions
    sheet = read_worksheet(worksheet) if worksheet else None
    imported = import_archive(archive, folder, replace=replace)
    report = ImportReport(imported, folder, note_times(folder, sheet) if sheet else {})
    if as_json:
        typer.echo(report.to_json())
    else:
        report.show(console())
    raise typer.Exit(report.exit_code)


@app.command("moodle")
def moodle(
    *,
    worksheet: Annotated[Path, typer.Option(
        "--worksheet", metavar="FILE.csv", help="The grading worksheet as Moodle wrote it.")],
    out: Annotated[Path | None, typer.Option(
        "-o", "--out", metavar="FILE.csv", show_default="FILE-filled.csv", help="Where the filled copy goes.")] = None,
    feedback: Annotated[Path | None, typer.Option(
        "--feedback", metavar="FILE.zip", help="Also write the reports as Moodle's feedback files.")] = None,
    partial: Partial = False,
    overwrite: Annotated[bool, typer.Option(
        "--overwrite", help="Also fill rows with another grade or comment, or changed since the import.")] = False,
    scale: Annotated[bool, typer.Option(
        "--scale", help="Turn points into the worksheet's maximum where the rubric has another.")] = False,
    submissions: Submissions = None,
    reports: Reports = None,
    as_json: AsJson = False,
) -> None:
    """Fill in a copy of Moodle's grading worksheet, a row for each member; every other cell stays as it is.

    A fault of the harness or points that a person has still to give are never written as a grade: the row is left
    and named.
    """
    from harness.cli.exchanged import MoodleReport
    from harness.cli.terminal import console
    from harness.course import find_course
    from harness.errors import UserError
    from harness.lms.moodle import fill, origins_of, read_record, read_worksheet

    course = find_course()
    place = submissions or course.submissions
    target = out or worksheet.with_name(f"{worksheet.stem}-filled{worksheet.suffix}")
    sheet = read_worksheet(worksheet)
    if target.resolve() == worksheet.resolve():
        raise UserError(f"{target}: is the worksheet that was downloaded; choose another file with -o")
    found = _results(reports)
    results = {group: filed.result for group, filed in found.by_group.items()}
    origins, without = origins_of(read_record(place), place, results)
    filled = fill(sheet, results, origins, partial=partial, overwrite=overwrite, scale=scale)
    _write(target, filled.data)
    sent = _write_feedback(feedback, filled, found) if feedback else []
    report = MoodleReport(filled, target, feedback, sent, found.damaged, without, results)
    if as_json:
        typer.echo(report.to_json())
    else:
        report.show(console())
    raise typer.Exit(report.exit_code)


def _write_feedback(path: Path, filled: FilledWorksheet, found: Results) -> list[str]:
    """Send the report to whoever has a grade, and to whose hand-in could not be taken in, who has to mend it."""
    from harness.lms import standing
    from harness.lms.moodle import write_feedback
    from harness.records import GradeResult, Outcome
    from harness.report import render_report

    def page_of(group: str) -> str:
        return render_report(GradeResult.model_validate_json(found.by_group[group].path.read_bytes()))

    members = [
        (one.row, one.group) for one in filled.rows
        if one.state != "left"
        or standing(found.by_group[one.group].result).outcome is Outcome.SUBMISSION_FAULT
    ]
    return write_feedback(path, members, page_of)


@app.command("gradescope")
def gradescope(
    group: Annotated[str, typer.Argument(metavar="GROUP|all", help="A group that was graded, or all.")],
    *,
    out: Annotated[Path, typer.Option(
        "-o", "--out", metavar="DIR", help="Where results.json goes; with all, below it a folder for each group.")],
    partial: Partial = False,
    reports: Reports = None,
    as_json: AsJson = False,
) -> None:
    """Write results.json as Gradescope's autograders do.

    Points and reasons show after grades are published, faults of form at once. What is no grade yet has no score.
    """
    import json

    from harness.cli.exchanged import PlainReport
    from harness.cli.terminal import console
    from harness.errors import UserError
    from harness.lms import results_json

    found = _results(reports)
    if group != "all" and group not in found.by_group:
        raise UserError(f"{group}: no such group was graded; take all, or one of {', '.join(found.by_group)}")
    chosen = {name: one for name, one in found.by_group.items() if group in {"all", name}}
    written = {}
    for name, filed in chosen.items():
        target = (out / filed.path.parent.name if group == "all" else out) / "results.json"
        content = results_json(filed.result, partial=partial)
        _write(target, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())
        written[name] = str(target)
    damaged = found.damaged if group == "all" else {}
    report = PlainReport({name: one.result for name, one in chosen.items()}, written, damaged, partial=partial)
    if as_json:
        typer.echo(report.to_json())
    else:
        report.show(console())
    raise typer.Exit(report.exit_code)


@app.command("csv")
def csv(
    *,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE.csv", help="Where the table goes.")],
    reports: Reports = None,
    as_json: AsJson = False,
) -> None:
    """Write one row for each group: parts, points, what is open, outcome, flags.

    The column `points` is the grade, and empty where there is none yet; empty is not zero.
    """
    from harness.cli.exchanged import PlainReport
    from harness.cli.terminal import console
    from harness.lms import grades_csv

    found = _results(reports)
    results = {group: filed.result for group, filed in found.by_group.items()}
    _write(out, b"\xef\xbb\xbf" + grades_csv(list(results.values())).encode())   # spreadsheets ask for the mark
    report = PlainReport(results, dict.fromkeys(results, str(out)), found.damaged, partial=False)
    if as_json:
        typer.echo(report.to_json())
    else:
        report.show(console())
    raise typer.Exit(report.exit_code)


def _results(reports: Path | None) -> Results:
    from harness.course import find_course
    from harness.errors import UserError
    from harness.lms import read_results

    try:
        course = find_course()
    except UserError:
        if reports is None:
            raise
        return read_results(reports)        # they may lie where no course is
    if course.gradebook.is_file():
        from harness.gradebook import catch_up

        catch_up(course, reports or course.reports)
    return read_results(reports or course.reports)


def _write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    from harness.errors import UserError

    scratch = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch.write_bytes(data)
        scratch.replace(path)
    except OSError as error:
        scratch.unlink(missing_ok=True)
        raise UserError(f"{path}: cannot be written ({error.strerror or error}); choose another with -o") from None
