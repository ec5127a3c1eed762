"""What the group is told when its code raises: the error, and where in its own files."""

from __future__ import annotations

import linecache
import traceback
from pathlib import Path
from typing import Any

__all__ = ["RefusalError", "describe_error"]

MOST_TEXT = 2_000
MOST_FRAMES = 8


class RefusalError(Exception):
    """Something about the hand-in that its own code did not raise: a missing file, class, method or key.

    Args:
        kind: "rejected" or "invalid output"; the evaluator makes the fault of that kind.
        message: what is wrong, in one sentence.
        hint: what to do about it.

    """

    def __init__(self, message: str, *, hint: str = "", kind: str = "rejected") -> None:
        super().__init__(message)
        self.kind = kind
        self.hint = hint


def describe_error(error: BaseException, *, doing: str, folder: Path) -> dict[str, Any]:
    """Turn an exception into the `error` object of an answer, with paths relative to the hand-in."""
    if isinstance(error, RefusalError):
        return {"kind": error.kind, "message": _short(str(error)), "hint": _short(error.hint)}
    own = str(folder)
    text = _short(f"{type(error).__name__}: {error}".replace(own + "/", ""))
    if isinstance(error, SystemExit):
        text = f"it called exit({error.code!r})"
    places = _own_frames(error, folder)
    where = f" ({places[-1][0]}, line {places[-1][1]})" if places else ""
    return {
        "kind": "crashed",
        "message": f"{doing} failed{where}: {text}",
        "hint": "",
        "traceback": [
            {"file": file, "line": line, "function": name, "code": _short(code)}
            for file, line, name, code in places[-MOST_FRAMES:]
        ],
    }


def _own_frames(error: BaseException, folder: Path) -> list[tuple[str, int, str, str]]:
    """List (file, line, function, code) of the frames that lie in the hand-in, the innermost last."""
    frames = [(frame.filename, frame.lineno or 0, frame.name, frame.line or "")
              for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        line = error.lineno or 0
        frames.append((error.filename, line, "", linecache.getline(error.filename, line).strip()))
    return [
        (str(Path(file).relative_to(folder)), line, name, code)
        for file, line, name, code in frames if Path(file).is_relative_to(folder)
    ]


def _short(text: str) -> str:
    return text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 1] + "…"
