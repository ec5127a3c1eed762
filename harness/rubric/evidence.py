"""What a person who gives points looks at, as a hash: where it changes, points given by hand are looked at anew.

Numbers count to the four digits that a report shows, as nobody decides by those behind them, which may differ from
one machine to the next.
"""

from __future__ import annotations

import hashlib
import json

from harness.records import CriterionMark, HandIn, TheoryResult

__all__ = ["seen_in_hand_in", "seen_in_theory", "with_evidence"]

_CODE = (".py", ".ipynb")


def with_evidence(mark: CriterionMark, seen: list[object]) -> CriterionMark:
    """Add the hash of how the criterion ended, of its measurement, and of what else a person sees."""
    evidence = [
        mark.outcome.value, _digits(mark.max_points), mark.measurement, _digits(mark.value),
        [_digits(end) for end in mark.interval or ()], seen,
    ]
    canonical = json.dumps(evidence, ensure_ascii=False, separators=(",", ":"))
    digest = hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()
    return mark.model_copy(update={"evidence": digest})


def _digits(number: float | None) -> str | None:
    return None if number is None else f"{number:.4g}"


def seen_in_theory(theory: TheoryResult) -> list[object]:
    """Give answers, arguments and verdicts."""
    return [[one.id, one.answer, one.argument, one.verdict] for one in theory.statements]


def seen_in_hand_in(hand_in: HandIn, needs: str | None) -> list[object]:
    """Give the report, and the code or the references where the criterion needs them."""
    seen: list[object] = [hand_in.files.get(hand_in.report, "")]
    if needs == "code":
        seen += [hand_in.code, *sorted(
            [path, digest] for path, digest in hand_in.files.items() if path.endswith(_CODE))]
    if needs == "references":
        seen += hand_in.references
    return seen
