"""Words that are written without spaces: "YES/NO", "1a=yes", "1a;no;because", and signs that pick a picture's style."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.quiz.reading.facts import Word
from harness.quiz.reading.targets import option
from harness.quiz.reading.typed import meaning

__all__ = ["taken_apart"]

_STYLE = re.compile("[\ufe0e\ufe0f]")      # variation selectors: a tick as text, or as a coloured picture
_NUMBER = r"[\"'(\[]?(?:[A-Za-z]?\d{1,2}[.)]?[A-Za-z]|\d{1,2}\.\d{1,2}|[A-Za-z])[\"')\]]?"
_GLUED = re.compile(rf"^({_NUMBER}\.?(?:[=:;,|)]|[-–—=]+>?|[→⇒])+)([^\W\d_].*)$")
_FIELD = re.compile(r"^([\"']?[^\W\d_]+[\"']?[;,|:])([^;,|].*)$")


def taken_apart(word: Word) -> list[Word]:
    """Give the words that one without spaces holds; the word itself where it holds no answer."""
    text = _STYLE.sub("", word.text)
    left, slash, right = text.partition("/")
    if slash and option(left) is not None and option(right) is not None:
        return _cut(word, [left, right], between=1)
    found = _GLUED.match(text)
    if not found:
        return [word.model_copy(update={"text": text})]
    answer, *more = found[2], *()
    if behind := _FIELD.match(found[2]):
        answer, more = behind[1], [behind[2]]
    if meaning(answer) is None:
        return [word.model_copy(update={"text": text})]
    return _cut(word, [found[1], answer, *more], between=0)


def _cut(word: Word, texts: Sequence[str], *, between: int) -> list[Word]:
    """Share the width of a word among its parts, `between` letters of it lying between two of them."""
    letter = (word.box[2] - word.box[0]) / (sum(map(len, texts)) + between * (len(texts) - 1))
    parts = []
    left = word.box[0]
    for text in texts:
        right = left + letter * len(text)
        parts.append(Word(text=text, box=(left, word.box[1], right, word.box[3])))
        left = right + letter * between
    return parts
