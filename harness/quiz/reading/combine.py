"""From everything that was seen of a statement to one reading, or to a question for a person."""

from __future__ import annotations

from collections.abc import Sequence

from harness.documents import harmless
from harness.quiz.reading.results import Evidence, Reading
from harness.quiz.reading.seen import Seen
from harness.quiz.reading.signals import STRENGTH, Signal
from harness.quiz.reading.zones import ABOVE

__all__ = ["combined"]


def combined(identifier: str, seen: Seen) -> Reading:
    """Read a statement: one answer everywhere it was seen, or none at all.

    Nothing outweighs anything: two different answers, or one answer and one reason for doubt, are a person's.
    """
    signals = seen.signals
    argument = harmless(_argument(seen.arguments))
    evidence = _evidence(seen, signals)
    answers = sorted({one.answer for one in signals if one.answer is not None})
    doubts = list(dict.fromkeys(one.reason for one in signals if one.answer is None))
    if not signals:
        return _without_answer(identifier, seen, argument, evidence)
    if len(answers) == 1 and not doubts:
        sure = max(STRENGTH.get(one.how, 0.8) * one.found for one in signals)
        return Reading(
            id=identifier, status="read", answer=answers[0], argument=argument, confidence=round(sure, 3),
            evidence=evidence)
    reason = "; ".join(doubts[:3]) if doubts else f"{' and '.join(answers)} are both marked"
    return Reading(
        id=identifier, status="unclear", argument=argument, confidence=0, evidence=evidence,
        reason=harmless(reason)[:300])


def _without_answer(identifier: str, seen: Seen, argument: str, evidence: tuple[Evidence, ...]) -> Reading:
    """Tell a statement that was left alone from one that was answered in a way which is not read, and from none."""
    open_ = Reading(id=identifier, status="unclear", argument=argument, confidence=0, evidence=evidence)
    if seen.noted and argument:
        return open_.model_copy(update={"reason": "there is an argument, and nothing is marked"})
    if seen.places:
        return open_.model_copy(update={"status": "blank", "reason": "nothing is marked"})
    if seen.hints:
        first = seen.hints[0]
        found = first.evidence.model_copy(update={"snippet": harmless(first.evidence.snippet)[:200]})
        return open_.model_copy(update={"reason": harmless(first.reason)[:300], "evidence": (found,)})
    return open_.model_copy(update={"status": "not found", "reason": "it was not found in the file"})


def _argument(arguments: Sequence[str]) -> str:
    kept = list(dict.fromkeys(one.strip() for one in arguments if any(letter.isalnum() for letter in one)))
    return "\n".join(kept[:2])


def _evidence(seen: Seen, signals: Sequence[Signal]) -> tuple[Evidence, ...]:
    found = [one.evidence for one in signals]
    if not found and seen.places:
        place = seen.places[0]
        band = place.zone.bands[0]
        top = band.top + ABOVE      # of its first line
        boxes = [target.box for target in place.targets]
        right = max((box[2] for box in boxes), default=300.0)
        left = min((box[0] for box in boxes), default=60.0)
        found = [Evidence(
            page=band.page, box=(left, top, right, max(top, min(band.bottom, band.top + 30))),
            snippet="nothing is marked", how="none")]
    unique = list(dict.fromkeys(found))[:6]
    return tuple(one.model_copy(update={"snippet": harmless(one.snippet)[:200]}) for one in unique)
