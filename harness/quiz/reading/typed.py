"""Answers that are typed beside a statement: "-> YES", "NO, but the ELBO", "1.1: No."."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from harness.quiz.words import Answer

__all__ = ["Typed", "is_answer", "is_arrow", "meaning", "read_typed"]

_MEANINGS: dict[str, Answer] = {
    **dict.fromkeys(("yes", "ja", "true", "wahr", "richtig", "correct", "y", "j"), "yes"),
    **dict.fromkeys(("no", "nein", "false", "falsch", "incorrect", "n"), "no"),
    **dict.fromkeys(("abstain", "abstained", "abstention", "skip", "skipped", "enthaltung"), "abstain"),
}
_ARROW = re.compile(r"^(?:[-–—=]+>|[→⇒➔➜⟶⇨]|:|=)+$")
_POINTER = re.compile(r"^(?:answer|antwort|our answer|a)[:=]?$", re.IGNORECASE)
_LEAD = re.compile(r"^[-–—=>→⇒➔➜⟶⇨:;.,|/*_~•·()\[\]\"'“”]+$")
_NUMBER = re.compile(r"^[(\[]?\d{1,2}(?:[.)]?[a-z]|\.\d{1,2})[)\].:;,]*$", re.IGNORECASE)
_CHANGED = {"sorry", "actually", "correction", "correct:", "wait", "rather", "oops", "changed", "korrektur", "doch"}
_BECAUSE = {"because", "but", "since", "as", "due", "only", "see", "weil", "aber", "denn", "da", "nur"}
_WORDY = {"yes", "ja", "nein"}      # that stand for nothing else, also before another word


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed.

    Attributes:
        answer: None where there is none, or none that is clear.
        unclear: why a person has to look; "" where nobody has to.
        at: place among the words that were given of the word that answers; -1 where there is none.
        argument: what stands behind it.

    """

    answer: Answer | None = None
    unclear: str = ""
    at: int = -1
    argument: str = ""


def meaning(word: str) -> Answer | None:
    """Give what a word means as an answer, whatever its capitals and the punctuation around it."""
    bare = word.strip("-–—=>→⇒()[]{}\"'“”*_~.,;:!?/|").casefold()
    return _MEANINGS.get(bare)


def is_arrow(word: str) -> bool:
    """Tell whether a word points to an answer, as -> and => do."""
    return _ARROW.match(word) is not None and word not in {":", "="}


def is_answer(words: Sequence[str]) -> bool:
    """Tell whether words are an answer and nothing else."""
    kept = [word for word in words if not _LEAD.match(word)]
    return len(kept) == 1 and meaning(kept[0]) is not None and "?" not in kept[0]


def read_typed(words: Sequence[str], lines: Sequence[int]) -> Typed:
    """Read what stands behind a statement.

    Args:
        words: in the order of reading.
        lines: the line of each.

    """
    found = _answers(words, lines)
    if not found:
        return Typed(argument=_argument(words, -1))
    at, answer = found[0]
    if _before_a_number(words, lines, at):
        return Typed(unclear=f"{words[at]!r} stands in front of a number, so it may answer that statement", at=at)
    others = [place for place, other in found[1:] if other != answer]
    others += [place for place in range(at + 1, len(words)) if _takes_back(words, at, place, answer)]
    if others or any("~~" in word for word in words):
        said = " ... ".join(words[place] for place in (at, *others[:1]))
        return Typed(unclear=f"it says {said!r}", at=at, argument=_argument(words, at))
    if "?" in words[at] or (at + 1 < len(words) and words[at + 1] in {"?", "??"}):
        return Typed(unclear=f"it asks {words[at]!r}", at=at, argument=_argument(words, at))
    return Typed(answer=answer, at=at, argument=_argument(words, at))


def _answers(words: Sequence[str], lines: Sequence[int]) -> list[tuple[int, Answer]]:
    """Find answers: the first word, a word behind an arrow, a line that holds nothing else."""
    found = []
    leading = True
    for place, word in enumerate(words):
        if _LEAD.match(word) or (leading and _POINTER.match(word)):
            continue
        answer = meaning(word)
        pointed = place > 0 and (_ARROW.match(words[place - 1]) is not None or _is_pointer(words, place))
        pointed = pointed or re.match(r"^(?:[-–—=]+>|[→⇒➔➜⟶⇨])\w", word) is not None
        alone = answer is not None and is_answer(
            [words[other] for other in range(len(words)) if lines[other] == lines[place]])
        if answer and (alone or ((leading or pointed) and _stands_alone(words, lines, place))):
            found.append((place, answer))
        leading = False
    return found


def _before_a_number(words: Sequence[str], lines: Sequence[int], at: int) -> bool:
    """Tell whether an answer begins a line and the number of a statement comes next: "YES - 1b The ..."."""
    if at > 0 and lines[at - 1] == lines[at] and not all(
            _LEAD.match(words[place]) for place in range(at) if lines[place] == lines[at]):
        return False
    behind = [word for place, word in enumerate(words) if place > at and lines[place] == lines[at]]
    first = next((word for word in behind if not _LEAD.match(word)), "")
    return _NUMBER.match(first) is not None


def _is_pointer(words: Sequence[str], place: int) -> bool:
    return words[place - 1].endswith(":") and _POINTER.match(words[place - 1]) is not None


def _stands_alone(words: Sequence[str], lines: Sequence[int], place: int) -> bool:
    """Tell an answer from the beginning of a phrase, such as "no discriminator" or "true posterior"."""
    word = words[place]
    bare = word.strip("-–—=>→⇒()[]{}\"'“”*_~")
    after = words[place + 1] if place + 1 < len(words) else ""
    ended = not after or lines[place + 1] != lines[place] or re.search(r"[.,;:!)?]$", word) is not None
    ended = ended or _LEAD.match(after) is not None or after.casefold().strip(",.;:") in _BECAUSE
    if len(bare.rstrip(".,;:!)?")) == 1:
        return ended
    return ended or (bare.isupper() and len(bare) > 1) or bare.casefold() in _WORDY or after.startswith("(")


def _takes_back(words: Sequence[str], at: int, place: int, answer: Answer) -> bool:
    """Tell whether a later word may take an answer back: the opposite right behind it, in capitals, or announced."""
    other = meaning(words[place])
    if other is None or other == answer or len(words[place].strip(".,;:!()")) < 2:
        return False
    between = [word for word in words[at + 1:place] if not _LEAD.match(word)]
    if not between:
        return True
    announced = any(word.casefold().strip(".,;:!()") in _CHANGED for word in between[-3:])
    bare = words[place].strip(".,;:!()/-–>")
    return announced or (bare.isupper() and words[at].strip(".,;:!()/-–>").isupper())


def _argument(words: Sequence[str], at: int) -> str:
    kept = list(words[at + 1:])
    while kept and _LEAD.match(kept[0]):
        kept.pop(0)
    return " ".join(kept)
