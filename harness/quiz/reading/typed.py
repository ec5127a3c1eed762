"""Answers that are typed beside a statement: "-> YES", "NO, but the ELBO", "1.1: No.", "that is wrong"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from harness.quiz.words import WORDS, Answer

__all__ = ["LONGEST", "Typed", "is_answer", "is_arrow", "is_lead", "meaning", "read_typed", "said"]

LONGEST = max(len(phrase.split()) for phrase in WORDS)
"""Words of the longest phrase that is an answer."""

_ARROW = re.compile(r"^(?:[-–—=]+>|[→⇒➔➜⟶⇨]|:|=)+$")
_POINTER = re.compile(
    r"^(?:answer|antwort|our answer|ans|solution|lösung|verdict|a)[.]?[:=]?$", re.IGNORECASE)
_FILLER = frozenset((
    "the", "this", "that", "it", "statement", "our", "my", "is", "it's", "that's", "die", "das", "dies", "diese",
    "aussage", "unsere", "ist"))
_LEAD = re.compile(r"^[-–—=>→⇒➔➜⟶⇨:;.,|/*_~•·()\[\]\"'“”]+$")
_NUMBER = re.compile(r"^[(\[]?\d{1,2}(?:[.)]?[a-z]|\.\d{1,2})[)\].:;,]*$", re.IGNORECASE)
_AROUND = "-–—=>→⇒➔➜⟶⇨()[]{}\"'“”„*_~.,;:!?/|"
_CHANGED = {"sorry", "actually", "correction", "correct:", "wait", "rather", "oops", "changed", "korrektur", "doch"}
_BECAUSE = {"because", "but", "since", "as", "due", "only", "see", "weil", "aber", "denn", "da", "nur"}
_WORDY = {"yes", "ja", "nein"}      # that stand for nothing else, also before another word
_BOTH = {"and", "or", "und", "oder", "&", "also", "as", "well"}
_ANNOUNCES = {"argument", "reason", "why", "grund", "begründung", "because:"}


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


@dataclass(frozen=True, slots=True)
class _Text:
    """Words in the order of reading, the line of each, and the part of its line (a table's cell)."""

    words: Sequence[str]
    lines: Sequence[int]
    pieces: Sequence[int]

    def alone(self, place: int, size: int) -> bool:
        """Tell whether a piece holds this answer and nothing else."""
        own = [word for word, piece in zip(self.words, self.pieces, strict=True)
               if piece == self.pieces[place] and not _LEAD.match(word)]
        return len(own) == size and is_answer(own) and not _is_heading(self, place)


def meaning(word: str) -> Answer | None:
    """Give what a word means as an answer, whatever its capitals and the punctuation around it."""
    return WORDS.get(word.strip(_AROUND).casefold())


def said(words: Sequence[str], place: int) -> tuple[Answer | None, int]:
    """Give the answer that begins at a word, and how many words it takes: the longest that has a meaning.

    >>> said(["stimmt", "nicht."], 0), said(["not", "wrong"], 0), said(["Yes,", "indeed"], 0)
    (('no', 2), (None, 1), ('yes', 1))
    """
    for size in range(min(LONGEST, len(words) - place), 1, -1):
        some = words[place:place + size]
        if all(word[-1:].isalnum() for word in some[:-1]) or some[0].casefold() == "k.":
            phrase = meaning(" ".join(some))
            if phrase is not None:
                return phrase, size
    return meaning(words[place]), 1


def is_arrow(word: str) -> bool:
    """Tell whether a word points to an answer, as -> and => do."""
    return _ARROW.match(word) is not None and word not in {":", "="}


def is_lead(word: str) -> bool:
    """Tell whether a word is nothing but signs that may stand before or behind an answer."""
    return _LEAD.match(word) is not None


def is_answer(words: Sequence[str]) -> bool:
    """Tell whether words are an answer and nothing else."""
    kept = [word for word in words if not _LEAD.match(word)]
    if not kept or any("?" in word for word in kept):
        return False
    answer, size = said(kept, 0)
    return answer is not None and size == len(kept)


def read_typed(words: Sequence[str], lines: Sequence[int], pieces: Sequence[int] | None = None) -> Typed:
    """Read what stands behind a statement.

    Args:
        words: in the order of reading.
        lines: the line of each.
        pieces: the part of a line, such as a table's cell, that each stands in; the lines themselves by default.

    """
    text = _Text(words, lines, lines if pieces is None else pieces)
    found = _answers(text)
    if not found:
        return Typed(argument=_argument(words, -1))
    at, size, answer = found[0]
    end = at + size - 1
    if _before_a_number(text, at):
        return Typed(unclear=f"{words[at]!r} stands in front of a number, so it may answer that statement", at=at)
    others = [place for place, _, other in found[1:] if other != answer]
    others += [place for place in range(end + 1, len(words)) if _takes_back(text, end, place, answer)]
    if others or any("~~" in word for word in words):
        quoted = " ... ".join([" ".join(words[at:end + 1]), *(words[place] for place in others[:1])])
        return Typed(unclear=f"it says {quoted!r}", at=at, argument=_argument(words, end))
    if "?" in words[end] or (end + 1 < len(words) and words[end + 1] in {"?", "??"}):
        return Typed(unclear=f"it asks {words[end]!r}", at=at, argument=_argument(words, end))
    return Typed(answer=answer, at=at, argument=_argument(words, end))


def _answers(text: _Text) -> list[tuple[int, int, Answer]]:
    """Find answers: the first word, a word behind an arrow, a piece that holds nothing else; with their sizes."""
    found = []
    words = text.words
    leading, filled, skip = True, False, 0
    for place, word in enumerate(words):
        if skip or _LEAD.match(word) or (leading and _POINTER.match(word)):
            skip = max(0, skip - 1)
            continue
        answer, size = said(words, place)
        if leading and answer is None and word.casefold().strip(":") in _FILLER:
            filled = True
            continue
        pointed = place > 0 and (_ARROW.match(words[place - 1]) is not None or _is_pointer(words, place))
        pointed = pointed or re.match(r"^(?:[-–—=]+>|[→⇒➔➜⟶⇨])\w", word) is not None
        first = leading and not (filled and size == 1 and len(word.strip(_AROUND)) == 1)
        if answer and (text.alone(place, size) or ((first or pointed) and _stands_alone(text, place, size))):
            found.append((place, size, answer))
            skip = size - 1
        leading = False
    return found


def _before_a_number(text: _Text, at: int) -> bool:
    """Tell whether the number of a statement comes behind an answer: "YES - 1b The ...", "yes 1a, no 1b"."""
    words, lines = text.words, text.lines
    if at > 0 and lines[at - 1] == lines[at] and not all(
            _LEAD.match(words[place]) for place in range(at) if lines[place] == lines[at]):
        return False
    behind = [word for place, word in enumerate(words)
              if place > at and lines[place] == lines[at] and not _LEAD.match(word)]
    if len(behind) > 1 and meaning(behind[0]) is not None:
        behind.pop(0)
    return bool(behind) and _NUMBER.match(behind[0]) is not None


def _is_pointer(words: Sequence[str], place: int) -> bool:
    return words[place - 1].endswith(":") and _POINTER.match(words[place - 1]) is not None


def _stands_alone(text: _Text, at: int, size: int) -> bool:
    """Tell an answer from the beginning of a phrase, such as "no discriminator", "No. 5" or "true posterior"."""
    place = at + size - 1
    word = text.words[place]
    bare = word.strip("-–—=>→⇒()[]{}\"'“”*_~")
    more = place + 1 < len(text.words) and text.pieces[place + 1] == text.pieces[place]
    after = text.words[place + 1] if more else ""
    if (bare.casefold() in {"no.", "nr."} and after[:1].isdigit()) or _is_heading(text, place):
        return False
    ended = not after or re.search(r"[.,;:!)?]$", word) is not None
    ended = ended or _LEAD.match(after) is not None or after.casefold().strip(",.;:") in _BECAUSE
    letter = bare.rstrip(".,;:!)?")
    if len(letter) == 1:        # "n, the number of images" explains a sign
        return ended and (not after or letter.isupper() or after.casefold().strip(",.;:") in _BECAUSE)
    return ended or (bare.isupper() and len(bare) > 1) or bare.casefold() in _WORDY or after.startswith("(")


def _is_heading(text: _Text, place: int) -> bool:
    """Tell whether an answer with a colon ends its line: then those below it may be meant."""
    last = place + 1 == len(text.words) or text.lines[place + 1] != text.lines[place]
    return last and text.words[place].endswith(":")


def _takes_back(text: _Text, at: int, place: int, answer: Answer) -> bool:
    """Tell whether a later word may take an answer back: the opposite right behind it, in capitals, or announced."""
    words = text.words
    other, size = said(words, place)
    if other is None or other == answer or len(words[place].strip(".,;:!()")) < 2:
        return False
    between = [word for word in words[at + 1:place] if not _LEAD.match(word)]
    if not between:     # what begins another cell of a table, as an argument may, takes nothing back
        apart = text.pieces[at] != text.pieces[place] and text.lines[at] == text.lines[place]
        begins = words[place][:1] == "(" or words[at][-1:] in {",", ";"}
        begins = begins or words[place].casefold().strip(_AROUND) not in {"yes", "no", "ja", "nein"}
        return not (apart or begins) or _stands_alone(text, place, size)
    if all(word.casefold().strip(_AROUND) in _BOTH or word in _BOTH for word in between):
        return True
    if size > 1 and len(between) < 3 and not {word.casefold().strip(_AROUND) for word in between} & _BECAUSE:
        return True
    announced = any(word.casefold().strip(".,;:!()") in _CHANGED for word in between[-3:])
    bare = words[place].strip(".,;:!()/-–>")
    return announced or (bare.isupper() and words[at].strip(".,;:!()/-–>").isupper())


def _argument(words: Sequence[str], at: int) -> str:
    kept = list(words[at + 1:])
    while kept and (_LEAD.match(kept[0]) or (kept[0][-1:] == ":" and kept[0].casefold().strip(":") in _ANNOUNCES)):
        kept.pop(0)
    return " ".join(kept)
