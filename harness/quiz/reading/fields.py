"""Fields of a form: buttons that are on, and what was written into fields of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.quiz.reading.facts import FormField, Page, centre, grown, inside
from harness.quiz.reading.results import Evidence
from harness.quiz.reading.seen import Place, Seen
from harness.quiz.reading.signals import Signal
from harness.quiz.reading.typed import meaning, read_typed
from harness.quiz.sheet import Sheet, fold

__all__ = ["read_fields"]


def read_fields(
    sheet: Sheet, pages: Sequence[Page], places: Sequence[Place], seen: Mapping[str, Seen],
) -> None:
    """Add what the fields of a form say, by their names or by where they stand."""
    names = {fold(statement.id): statement.id for statement in sheet.statements}
    for page in pages:
        for one in page.fields:
            if one.checked is not None:
                _button(one, page, names, places, seen)
            elif one.value.strip():
                _text_field(one, page, names, places, seen)


def _button(
    one: FormField, page: Page, names: Mapping[str, str], places: Sequence[Place], seen: Mapping[str, Seen],
) -> None:
    """Read a check box or radio button: by its name and value, else by where it stands."""
    on = one.state not in {"", "Off"}
    if not one.checked and not on:
        return
    found = _by_name(one, names) or _by_place(one, page, places)
    if found is None:
        return
    identifier, answer = found
    evidence = Evidence(page=page.number, box=grown(one.box, 6), snippet=f"{answer}, ticked", how="form field")
    if one.checked != on and one.state:
        reason = "its form field is ticked and not ticked at once"
        seen[identifier].signals.append(Signal(None, "form field", evidence, reason=reason))
    else:
        seen[identifier].signals.append(Signal(answer, "form field", evidence))    # type: ignore[arg-type]


def _by_name(one: FormField, names: Mapping[str, str]) -> tuple[str, str] | None:
    own = fold(one.name)
    answer = meaning(one.export)
    if own in names and answer is not None:
        return names[own], answer
    for word in ("yes", "no", "abstain", "ja", "nein", "true", "false"):
        meant = meaning(word)
        if own.endswith(word) and own.removesuffix(word) in names and meant:
            return names[own.removesuffix(word)], meant
    return None


def _by_place(one: FormField, page: Page, places: Sequence[Place]) -> tuple[str, str] | None:
    for place in places:
        for target in place.targets:
            here = any(band.holds(one.box, page.number) for band in place.zone.bands)
            if here and inside(centre(one.box), target.box) and not place.zone.location.rival:
                return place.zone.location.id, target.answer
    return None


def _text_field(
    one: FormField, page: Page, names: Mapping[str, str], places: Sequence[Place], seen: Mapping[str, Seen],
) -> None:
    """Read a text field or a list to choose from: an argument by its name, an answer, or what its place tells."""
    own = fold(one.name)
    if own.endswith("argument") and own.removesuffix("argument") in names:
        _note(one.value, seen[names[own.removesuffix("argument")]])
        return
    identifier = names.get(own) or next(
        (place.zone.location.id for place in places if not place.zone.location.rival
         and any(band.holds(one.box, page.number) for band in place.zone.bands)), None)
    if identifier is None:
        return
    words = one.value.split()
    typed = read_typed(words, [0] * len(words))
    evidence = Evidence(page=page.number, box=one.box, snippet=one.value.strip()[:200], how="form field")
    if typed.at >= 0:
        seen[identifier].signals.append(Signal(typed.answer, "form field", evidence, reason=typed.unclear))
        if typed.argument:
            seen[identifier].arguments.append(typed.argument)
    else:
        _note(one.value, seen[identifier])


def _note(text: str, seen: Seen) -> None:
    seen.arguments.append(text.strip())
    seen.noted = True
