"""Puts together what was handed in, and lets a process of its own look at the report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel

from harness.errors import HarnessFault, Rejected
from harness.handin.asked import asked_by, link_in, missing, text_to_search
from harness.limits import INTAKE, Intake
from harness.pdf import apart
from harness.records import OUR_FAULT, Fault, HandIn, ImageFile
from harness.submissions import Submission

__all__ = ["Report", "facts", "read"]

_READABLE = "A person reads the report, and the grade shows its page."


class Report(BaseModel):
    """What was seen in a PDF.

    Attributes:
        pages: number of pages of the file.
        page: number of the group's own page, from 1; the sheet's pages may be in the file as well.
        text: text of that page, as it is in the file; may be empty.
        png: picture of that page in base64, `width` x `height` pixels; empty where it cannot be drawn.
        picture_error: the size of the page in words, where it cannot be drawn.

    """

    pages: int = 0
    page: int = 1
    text: str = ""
    png: str = ""
    width: int = 0
    height: int = 0
    picture_error: str = ""


def facts(
    submission: Submission, *, limits: Intake = INTAKE, look: Callable[[Path, str], Report] | None = None,
) -> tuple[HandIn, list[Fault]]:
    """Give the facts of a hand-in, and the faults of its report; never raises for what is in the file.

    Args:
        submission: what was handed in.
        limits: how large the report may be.
        look: gives what is seen in a report, by its path and what messages call it; `read` by default.

    """
    look = look or (lambda path, name: read(path, name=name, limits=limits))
    manifest = submission.manifest
    report: Report | None = None
    faults: list[Fault] = []
    if "report" in submission.missing:
        faults.append(submission.missing["report"])
    elif manifest.report is not None:
        try:
            report = look(submission.folder / manifest.report, manifest.report)
        except Rejected as fault:
            faults.append(Fault(stage="report", **fault.facts))
        except HarnessFault as fault:
            faults.append(Fault(
                kind=OUR_FAULT, stage="report", message=str(fault), hint="Open the PDF by hand.",
                rationale="This is a fault of the harness or its machine; it costs no points."))
    if report is not None and report.picture_error:
        faults.append(Fault(stage="report", **Rejected(
            f"page {report.page} of {manifest.report} is {report.picture_error} large and is not drawn",
            rationale=_READABLE, hint="Make it A4: 595 x 842 points.").facts))
    text = report.text if report else ""
    return HandIn(
        members=list(manifest.members), code=manifest.code or link_in(text),
        references=list(manifest.references), report=manifest.report or "",
        pages=report.pages if report else None, page=_picture(report),
        text_missing=_remarks(submission, report), files=dict(submission.files),
        left_out=dict(submission.left_out), fingerprint=submission.fingerprint,
    ), faults


def read(path: Path, *, name: str | None = None, limits: Intake = INTAKE) -> Report:
    """Look at a PDF, in a process of its own that is ended when it takes too long.

    Raises:
        Rejected: it is no PDF, locked, broken, or too large to be read; messages call it `name`.
        HarnessFault: the process could not be started.

    """
    return apart.run("group page", path, Report, name=name or path.name, limits=limits)


def _picture(report: Report | None) -> ImageFile | None:
    if report is None or not report.png:
        return None
    return ImageFile(
        caption=f"Page {report.page} of {report.pages} of the report" if report.pages > 1 else "The report",
        alt=f"The page of the group's report. Its text begins: {' '.join(report.text.split())[:200]}",
        width=report.width, height=report.height, data=report.png,
    )


def _remarks(submission: Submission, report: Report | None) -> list[str]:
    """Say what a person should look for in the report."""
    if report is None:
        return [] if submission.manifest.report else ["no report was handed in"]
    remarks = []
    if report.pages > 1:
        remarks.append(
            f"the report has {report.pages} pages; the sheet allows one (its own pages do not count)")
    text = text_to_search(report.text)
    if not text:
        return [*remarks, f"page {report.page} holds no text that can be read; it may be a scan"]
    given = {"a link to the code": submission.manifest.code, "references": submission.manifest.references}
    things = [
        thing for thing in missing(text, asked_by(submission.manifest.assignment)) if not given.get(thing)]
    return remarks + [f"{thing}: not found in the text of page {report.page}" for thing in things]
