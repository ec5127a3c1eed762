"""Fingerprints of code and text by winnowing.

S. Schleimer, D. Wilkerson and A. Aiken, Winnowing: Local Algorithms for Document Fingerprinting, SIGMOD 2003: of the
hashes of all runs of `length` tokens, the least in every window is kept, so that every common run of
length + window - 1 tokens leaves a common fingerprint, wherever it stands.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Keyword, Literal, Name, Number, Operator, Punctuation, String

__all__ = ["CODE", "TEXT", "Settings", "Token", "code_tokens", "fingerprints", "text_tokens"]


class Settings(NamedTuple):
    """How long the runs are that are compared, in tokens, and over how many of them the least hash is kept."""

    length: int
    window: int


CODE = Settings(length=16, window=8)        # runs from 23 tokens on are found: about three lines
TEXT = Settings(length=6, window=3)         # from 8 words on


class Token(NamedTuple):
    """A piece of code or a word, made comparable, and the line where it stands, from 1."""

    word: str
    line: int


def code_tokens(source: str) -> list[Token]:
    """Give the pieces of Python code: own names, numbers and strings are all alike, so that renaming hides nothing.

    What libraries offer keeps its name: builtins, and what follows a dot unless that is after `self`. Comments,
    docstrings and imports are left out.
    """
    tokens: list[Token] = []
    line, importing, before = 1, False, ["", ""]
    for kind, text in PythonLexer(stripnl=False, ensurenl=False).get_tokens(source):
        if kind in Keyword.Namespace and text in {"import", "from"} and before[-1] not in {"yield", "raise"}:
            importing = True
        word = "" if importing or kind in Comment or kind in String.Doc else _comparable(kind, text, before)
        if word and not (word == "S" and before[-1] == "S"):
            tokens.append(Token(word, line))
        if text.strip():
            before = [before[-1], word or text]
        if "\n" in text:
            importing = importing and before[-1] in {"(", ",", "\\"}
        line += text.count("\n")
    return tokens


def _comparable(kind: object, text: str, before: Sequence[str]) -> str:
    text = text.strip()
    if not text:
        return ""
    if kind in String:
        return "S"
    if kind in Number:
        return "N"
    if kind in Name and kind not in Name.Builtin:
        return text if before[-1] == "." and before[-2] != "self" and kind not in Name.Builtin.Pseudo else "V"
    if kind in Name or kind in Keyword or kind in Operator or kind in Punctuation or kind in Literal:
        return text
    return ""


def text_tokens(text: str) -> list[Token]:
    """Give the words of a text in small letters."""
    tokens = []
    for number, line in enumerate(unicodedata.normalize("NFKC", text).split("\n"), 1):
        tokens += [Token(word, number) for word in re.findall(r"[^\W_]+", line.casefold())]
    return tokens


def fingerprints(tokens: Sequence[Token], settings: Settings) -> dict[int, int]:
    """Give the fingerprints of tokens, each with the place of the first run that has it."""
    words = [token.word for token in tokens]
    hashes = np.array([
        int.from_bytes(hashlib.blake2b(" ".join(words[begin:begin + settings.length]).encode(), digest_size=8).digest())
        for begin in range(len(words) - settings.length + 1)
    ], dtype=np.uint64)
    if not len(hashes):
        return {}
    window = min(settings.window, len(hashes))
    windows = np.lib.stride_tricks.sliding_window_view(hashes, window)
    # The rightmost of the least, as in the paper.
    places = np.unique(np.arange(len(windows)) + window - 1 - windows[:, ::-1].argmin(axis=1))
    found: dict[int, int] = {}
    for place in places.tolist():
        found.setdefault(int(hashes[place]), place)
    return found
