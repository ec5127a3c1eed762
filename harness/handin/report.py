"""Puts together what was handed in, and lets processes of their own look at the report."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import BaseModel

from harness.errors import HarnessFault, Rejected
from harness.handin.asked import asked_by, missing, text_to_search
from harness.handin.links import code_link, links_of, same_address
from harness.handin.pages import Kind, PageText, best_page, kinds_of
from harness.handin.sections import members_in, references_of, sections_of
from harness.handin.stated import stated_in
from harness.limits import INTAKE, Intake
from harness.pdf import apart
from harness.quiz import Sheet
from harness.records import OUR_FAULT, Fault, HandIn, ImageFile
from harness.submissions import Submission

__all__ = ["Report", "facts", "own_pages", "read"]

_READABLE = "A person reads the report, and the grade shows its page."


class _Contents(BaseModel):
    total: int
    pages: list[_Page]


class _Page(BaseModel):
    number: int
    text: str
    links: list[str]
    pictures: int
    scanned: bool


class _Figure(BaseModel):
    page: int
    kind: str
    png: str
    width: int
    height: int


class _Pictures(BaseModel):
    png: str = ""
    width: int = 0
    height: int = 0
    picture_error: str = ""
    figures: list[_Figure]


class Report(BaseModel):
    """What was seen in a PDF.

    Attributes:
        total: number of pages of the file.
        pages: what stands on its first pages.
        kinds: which of these are the group's own, the sheet's, answers to it, or blank.
        page: number of the page that shows most of the group's work, from 1.
        png: picture of that page in base64, `width` x `height` pixels; empty where it cannot be drawn.
        picture_error: the size of the page in words, where it cannot be drawn.
        figures: figures on the group's own pages, made small.

    """

    total: int = 0
    pages: list[PageText] = []
    kinds: dict[int, Kind] = {}
    page: int = 1
    png: str = ""
    width: int = 0
    height: int = 0
    picture_error: str = ""
    figures: list[_Figure] = []

    @property
    def own(self) -> list[PageText]:
        """The group's own pages."""
        return [page for page in self.pages if self.kinds[page.number] == "own"]

    @property
    def text(self) -> str:
        """The text of the group's own pages."""
        return "\n".join(page.text for page in self.own)


def facts(
    submission: Submission, *, sheet: Sheet | None = None, limits: Intake = INTAKE,
    look: Callable[[Path, str], Report] | None = None,
) -> tuple[HandIn, list[Fault]]:
    """Give the facts of a hand-in, and the faults of its report; never raises for what is in the file.

    Args:
        submission: what was handed in.
        sheet: the one that was answered: its own pages are known by its statements.
        limits: how large the report may be.
        look: gives what is seen in a report, by its path and what messages call it; `read` by default.

    """
    look = look or (lambda path, name: read(path, name=name, sheet=sheet, limits=limits))
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
    bare = HandIn(
        members=list(manifest.members), code=manifest.code or "", references=list(manifest.references),
        report=manifest.report or "", text_missing=_remarks(submission, report), files=dict(submission.files),
        left_out=dict(submission.left_out), fingerprint=submission.fingerprint,
    )
    return (bare if report is None else _with_report(bare, report)), faults


def read(path: Path, *, name: str | None = None, sheet: Sheet | None = None, limits: Intake = INTAKE) -> Report:
    """Look at a PDF, in processes of their own that are ended when they take too long.

    Raises:
        Rejected: it is no PDF, locked, broken, or too large to be read; messages call it `name`.
        HarnessFault: a process could not be started.

    """
    name = name or path.name
    total, pages, kinds = _contents(path, name=name, sheet=sheet, limits=limits)
    best = best_page(pages, kinds)
    own = [number for number, kind in kinds.items() if kind == "own"]
    drawn = apart.run("pictures", path, _Pictures, name=name, request={"page": best, "figures_on": own}, limits=limits)
    return Report(total=total, pages=pages, kinds=kinds, page=best, **drawn.model_dump())


def own_pages(
    path: Path, *, name: str, sheet: Sheet | None = None, limits: Intake = INTAKE,
) -> list[PageText]:
    """Give the group's own pages of a PDF without drawing them; raises what `read` does."""
    _, pages, kinds = _contents(path, name=name, sheet=sheet, limits=limits)
    return [page for page in pages if kinds[page.number] == "own"]


def _contents(
    path: Path, *, name: str, sheet: Sheet | None, limits: Intake,
) -> tuple[int, list[PageText], dict[int, Kind]]:
    contents = apart.run("contents", path, _Contents, name=name, limits=limits)
    pages = [PageText(**page.model_dump()) for page in contents.pages]
    return contents.total, pages, kinds_of(pages, sheet)


def _with_report(bare: HandIn, report: Report) -> HandIn:
    """Add what stands in the report to what the manifest says."""
    links = links_of(report.own)
    everywhere = "\n".join(page.text for page in report.pages)
    return bare.model_copy(update={
        "code": bare.code or code_link(links), "pages": report.total,
        "own_pages": [page.number for page in report.own],
        "sheet_pages": [number for number, kind in report.kinds.items() if kind in {"sheet", "answers"}],
        "page": _picture(report), "figures": [_figure(one, place) for place, one in enumerate(report.figures, 1)],
        "links": links, "sections": sections_of(report.own), "page_references": references_of(report.own),
        "members_named": members_in(everywhere, bare.members),
        "stated": stated_in(report.own, members=bare.members),
    })


def _picture(report: Report) -> ImageFile | None:
    if not report.png:
        return None
    text = next((page.text for page in report.pages if page.number == report.page), "")
    return ImageFile(
        caption=f"Page {report.page} of {report.total} of the report" if report.total > 1 else "The report",
        alt=f"The page of the group's report. Its text begins: {' '.join(text.split())[:200]}",
        width=report.width, height=report.height, data=report.png,
    )


def _figure(one: _Figure, place: int) -> ImageFile:
    kind = "picture" if one.kind == "image" else "drawing"
    return ImageFile(
        caption=f"Page {one.page}, {kind}", alt=f"Figure {place}: a {kind} on page {one.page} of the report.",
        width=one.width, height=one.height, data=one.png)


def _remarks(submission: Submission, report: Report | None) -> list[str]:
    """Say what a person should look for in the report."""
    manifest = submission.manifest
    if report is None:
        return [] if manifest.report else ["no report was handed in"]
    if not report.own:
        return ["no page of the group's own was found: the PDF seems to hold the sheet or answers to it alone"]
    remarks = _of_pages(report)
    text = text_to_search(report.text)
    where = _pages_in_words([page.number for page in report.own])
    if not text:
        verb = "holds" if len(report.own) == 1 else "hold"
        return [*remarks, f"{where} {verb} no text that can be read; it may be a scan"]
    given = {"a link to the code": manifest.code, "references": manifest.references}
    links = links_of(report.own)
    # A link behind a word is none that the text shows.
    shown = text if not links else f"{text} https://"
    remarks += [
        f"{thing}: not found in the text of {where}"
        for thing in missing(shown, asked_by(manifest.assignment)) if not given.get(thing)]
    if manifest.code and links and not any(same_address(link.address, manifest.code) for link in links):
        remarks.append(f"the report's links are others than the manifest's ({manifest.code})")
    everywhere = unicodedata.normalize("NFKC", "\n".join(page.text for page in report.pages))
    unnamed = [one for one in manifest.members if one not in members_in(everywhere, manifest.members)]
    return remarks + ([f"not named in the report: {', '.join(unnamed)}"] if unnamed else [])


def _of_pages(report: Report) -> list[str]:
    """Say so where there are more own pages than the one that the sheet allows."""
    own = len(report.own) + max(0, report.total - len(report.pages))
    if own <= 1:
        return []
    more = f" and what follows page {len(report.pages)}" if report.total > len(report.pages) else ""
    where = _pages_in_words([one.number for one in report.own])
    remark = f"the report has {own} pages of the group's own ({where}{more})"
    return [f"{remark}; the sheet allows one (its own pages do not count)"]


def _pages_in_words(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return f"page {numbers[0]}"
    if numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"pages {numbers[0]} to {numbers[-1]}"
    return f"pages {', '.join(map(str, numbers))}"
