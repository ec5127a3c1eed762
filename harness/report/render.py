"""Render the report of one hand-in, and write it beside its `result.json`."""

from __future__ import annotations

import base64
import contextlib
import errno
import hashlib
import os
import re
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from harness.errors import HarnessFault, UserError
from harness.records import GradeResult, Outcome
from harness.report import text
from harness.report.page import page_of

__all__ = ["environment", "folder_name", "render_report", "script", "write_atomically", "write_report"]

OUTCOMES: dict[Outcome, tuple[str, str]] = {
    Outcome.SCORED: ("●", "scored"),
    Outcome.NOT_APPLICABLE: ("–", "not applicable"),
    Outcome.SUBMISSION_FAULT: ("✕", "fault of the hand-in"),
    Outcome.NEEDS_PERSON: ("?", "a person decides"),
    Outcome.ENVIRONMENT: ("◇", "needs a library that is not here"),
    Outcome.HARNESS_FAULT: ("!", "fault of the harness"),
    Outcome.NOT_HANDED_IN: ("○", "not handed in"),
}
"""A sign and words for each outcome: colour alone must never tell them apart."""

_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
"""What is the machine's fault, and nothing that the person at the terminal asked for."""

ASSETS = Path(__file__).parent / "assets"


def render_report(result: GradeResult) -> str:
    """Render one report as a complete HTML page that loads nothing, runs nothing and sends nothing."""
    return environment("report.css").get_template("report.html").render(page=page_of(result))


def write_report(result: GradeResult, folder: Path) -> Path:
    """Write `<folder>/<group>/result.json` and `index.html` beside it, each whole or not at all.

    Args:
        result: a complete grade.
        folder: the folder of all reports; it is made where it is missing.

    Returns:
        The path of the page.

    Raises:
        UserError: the files cannot be written.
        HarnessFault: the disk is full, or fails.

    """
    place = folder / folder_name(result.group)
    write_atomically(place / "result.json", result.model_dump_json(by_alias=True, indent=1) + "\n")
    write_atomically(place / "index.html", render_report(result))
    return place / "index.html"


def folder_name(group: str) -> str:
    """Name the folder of a group: its own name where that is safe, else what is safe of it and a hash."""
    if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", group):
        return group
    safe = re.sub(r"[^A-Za-z0-9_-]+", "-", group).strip("-")[:60] or "group"
    return f"{safe}-{hashlib.sha256(group.encode('utf-8', 'replace')).hexdigest()[:8]}"


def write_atomically(
    path: Path, content: str, *, remedy: str = "free space or choose another folder with --reports",
) -> None:
    """Write a text file under another name first, so that a reader never meets half of it.

    `remedy` is what the message tells to do where that fails.

    Raises:
        UserError: it cannot be written.
        HarnessFault: the disk is full, or fails.

    """
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch.write_text(content, encoding="utf-8", errors="replace", newline="\n")
        scratch.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            scratch.unlink(missing_ok=True)
        fault = HarnessFault if error.errno in _DISK else UserError
        raise fault(
            f"{path} cannot be written ({error.strerror or error}); {remedy}"
        ) from error


def script(name: str) -> tuple[Markup, str]:
    """Give one of our scripts, and the hash by which a page's policy lets it run."""
    source = (ASSETS / name).read_text(encoding="utf-8")
    return Markup(source), _hash(source)  # noqa: S704 - our own file


def _hash(source: str) -> str:
    return base64.b64encode(hashlib.sha256(source.encode()).digest()).decode("ascii")


@cache
def environment(*sheets: str) -> Environment:
    """Set up the templates, with `sheets` of styles after the common one.

    Every value is escaped, and every text first goes through `text.printed`, wherever it stands.
    """
    made = Environment(
        loader=PackageLoader("harness.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=text.printed,
    )
    style = "\n".join((ASSETS / sheet).read_text(encoding="utf-8") for sheet in ("base.css", *sheets))
    made.globals |= {
        "style": Markup(style),  # noqa: S704 - our own file
        "style_hash": _hash(style),
        "outcomes": OUTCOMES,
    }
    made.filters |= {
        "number": text.number,
        "points": text.points,
        "plain": text.plain_number,
        "count": text.count,
        "seconds": text.seconds,
        "when": text.when,
        "quantity": text.quantity,
        "pieces": text.pieces,
        "web_link": text.web_link,
        "anchor": text.anchor,
        "measured": text.value_with_interval,
    }
    return made
