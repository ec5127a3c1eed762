"""The pages of the review: the templates of the static report, narrowed to what one criterion needs, beside a form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from urllib.parse import urlencode

from markupsafe import Markup

from harness.records import CriterionMark, GradeResult, ModelResult
from harness.report.page import Page, page_of
from harness.report.render import environment, script
from harness.review.queue import Choice, Item, Queue, progress, tallies

__all__ = ["Draft", "address", "denied_page", "item_page", "queue_page", "script_hash", "style_hash"]

SHEETS = ("report.css", "review.css")
MOST_LISTED = 300
MOST_REASONS = 6        # that were given before, offered again


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What somebody typed that could not be saved, and why not."""

    points: str = ""
    reason: str = ""
    author: str = ""
    problem: str = ""


def script_hash() -> str:
    """Give the hash of the only script of these pages."""
    return script("review.js")[1]


def style_hash() -> str:
    """Give the hash of the only style sheet of these pages."""
    return str(environment(*SHEETS).globals["style_hash"])


def address(item: Item | None, choice: Choice) -> str:
    """Give the address of an item, or of the queue, within a part of the queue."""
    chosen = {name: value for name, value in (
        ("criterion", choice.criterion), ("group", choice.group), ("state", choice.state)) if value}
    return f"{f'/item/{item.id}' if item else '/'}{'?' if chosen else ''}{urlencode(chosen)}"


def queue_page(queue: Queue, choice: Choice) -> str:
    """Render the queue: how far it is, criterion by criterion, and what is chosen of it."""
    items = queue.items()
    chosen = [item for item in items if choice.holds(item)]
    groups = {item.group_id: queue.label(item) for item in items}
    return _render(
        "review.html", queue=queue, choice=choice, counts=progress(items), total=len(items), tallies=tallies(items),
        chosen=chosen[:MOST_LISTED], more=max(0, len(chosen) - MOST_LISTED), chosen_count=len(chosen),
        groups=sorted(groups.items(), key=lambda one: (len(one[1]), one[1])),
        first=next((item for item in chosen if item.state != "done"), None))


def item_page(queue: Queue, items: Sequence[Item], item: Item, choice: Choice, *, author: str, draft: Draft) -> str:
    """Render one item: what is asked, the form, and the parts of the group's report that matter for it."""
    # What is done stays in sight here, so that one can go back to it and the count goes up.
    scope = replace(choice, state="") if choice.state == "todo" else choice
    chosen = [one for one in items if scope.holds(one) or one.id == item.id]
    here = next(index for index, one in enumerate(chosen) if one.id == item.id)
    alike = [one for one in items if (one.assignment, one.criterion) == (item.assignment, item.criterion)]
    return _render(
        "review_item.html", queue=queue, item=item, choice=choice, counts=progress(chosen), total=len(chosen),
        here=here + 1, before=chosen[here - 1] if here else None,
        after=chosen[here + 1] if here + 1 < len(chosen) else None,
        draft=draft, author=draft.author or author, alike=progress(alike), alike_total=len(alike),
        steps=_steps(item.max_points), evidence=evidence(queue, item),
        used=_used(alike, item), warned=queue.anonymous)


def denied_page(title: str, words: str) -> str:
    """Render why a request is refused."""
    return _render("review_denied.html", heading=title, words=words, goes_on="")


def landing_page() -> str:
    """Render the page that a one-time link shows: it goes on by itself, from an address without the token."""
    return _render(
        "review_denied.html", heading="Review", words="The page opens by itself; if it does not, go on here.",
        goes_on="/")


def _render(template: str, **values: object) -> str:
    source, source_hash = script("review.js")
    return environment(*SHEETS).get_template(template).render(
        **values, address=address, script=source, script_hash=source_hash)


def _steps(most: float) -> list[float]:
    """Offer whole points as buttons, and the most there is."""
    whole = [float(points) for points in range(int(most) + 1)] if most <= 10 else [0.0]
    return whole if whole[-1] == most else [*whole, most]


def _used(alike: Sequence[Item], item: Item) -> list[str]:
    """List reasons that were given for this criterion before, the latest first."""
    given = sorted((one.mark for one in alike if one.mark and one.id != item.id), key=lambda mark: mark.time)
    return list(dict.fromkeys(mark.reason for mark in reversed(given)))[:MOST_REASONS]


# --- evidence


def evidence(queue: Queue, item: Item) -> Markup:
    """Render the parts of the group's report that matter for a criterion, by the report's own templates."""
    stat = item.path.stat()
    label = queue.label(item) if queue.anonymous else None
    return _evidence(queue, replace(item, mark=None), label, (stat.st_mtime_ns, stat.st_size, stat.st_ino))


@lru_cache(maxsize=64)
def _evidence(queue: Queue, item: Item, label: str | None, stamp: tuple[int, int, int]) -> Markup:  # noqa: ARG001 - the stamp tells states of the file apart
    result = queue.result(item)
    if label is not None:
        result = _without_names(result, label)
    page, wanted = narrowed(result, item.criterion)
    template = environment(*SHEETS).get_template("review_evidence.html")
    html = template.render(page=page, result=page.result, wanted=wanted)
    return Markup(html)  # noqa: S704 - our own template, which escapes every value


def narrowed(result: GradeResult, criterion: str) -> tuple[Page, set[str]]:
    """Keep of a report what one criterion needs; and name the parts: "theory", "hand-in", "models"."""
    part, mark = next(
        (part, mark) for part in result.marks.parts for mark in part.criteria if mark.id == criterion)
    models = _models_for(mark, result.measurements)
    page = page_of(result.model_copy(update={
        "marks": result.marks.model_copy(update={"parts": [part.model_copy(update={"criteria": [mark]})]}),
        "measurements": {} if part.id == "theory" else models,
    }))
    if part.id == "theory":
        return page, {"theory"}
    if mark.measurement is None:
        return page, {"hand-in", "models"}
    family = mark.measurement.split(".")[1]
    shown = [
        replace(model, sections=[section for section in model.sections if section.name == family] or model.sections)
        for model in page.models]
    return replace(page, models=shown), {"models"}


def _models_for(mark: CriterionMark, models: dict[str, ModelResult]) -> dict[str, ModelResult]:
    """Keep the model that a criterion measures; a person who judges by the report sees them all."""
    if mark.measurement is None:
        return models
    name = mark.measurement.partition(".")[0]
    return {name: models[name]} if name in models else {}


def _without_names(result: GradeResult, label: str) -> GradeResult:
    """Hide the group's name and its members; what they wrote themselves stays as it is."""
    return result.model_copy(update={
        "group": label, "hand_in": result.hand_in.model_copy(update={"members": []})})
