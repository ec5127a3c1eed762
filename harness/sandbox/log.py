"""What a group's code prints: drained all the time, kept up to a cap, shown without tricks."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

__all__ = ["LogTail", "printable"]

KEPT = 64 * 1024
SHOWN = 8_000


class LogTail:
    """Reads a pipe to its end in a thread of its own, so that a worker never waits for its log to be read.

    Args:
        descriptor: the reading end; closed by the thread.
        most: bytes that may be written in all.
        flooded: called once when more came.

    """

    def __init__(self, descriptor: int, *, most: int, flooded: Callable[[], None]) -> None:
        self.overflowed = False
        self._descriptor = descriptor
        self._most = most
        self._flooded = flooded
        self._tail = bytearray()
        self._total = 0
        self._thread = threading.Thread(target=self._drain, name="harness-log", daemon=True)
        self._thread.start()

    def text(self) -> str:
        """Give the tail of what was printed so far."""
        data = bytes(self._tail)
        shown = printable(data.decode(errors="replace"))[-SHOWN:]
        if self.overflowed:
            shown += f"\n[cut off: more than the {self._most:,} bytes that may be printed]"
        elif self._total > len(data) or len(shown) == SHOWN:
            shown = "[the beginning is left out]\n" + shown
        return shown

    @property
    def written(self) -> int:
        """How many bytes came so far; what comes after a flood is not counted."""
        return self._total

    def join(self, seconds: float) -> None:
        """Wait until the pipe has ended and everything was read."""
        self._thread.join(seconds)

    def _drain(self) -> None:
        try:
            while data := os.read(self._descriptor, KEPT):
                self._total += len(data)
                self._tail += data
                del self._tail[:-KEPT]
                if self._total > self._most:
                    self.overflowed = True
                    self._flooded()
                    break
        finally:
            os.close(self._descriptor)


def printable(text: str) -> str:
    r"""Escape what could move a cursor, recolour a terminal or reorder a line; keep line breaks.

    Of a line that was overwritten by carriage returns, as progress bars do, the last state is kept.

    >>> printable("1%\r2%\x1b[31mred\u202e")
    '2%\\x1b[31mred\\u202e'
    """
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    return "\n".join(
        "".join(c if c.isprintable() or c == "\t" else c.encode("unicode_escape").decode() for c in line)
        for line in lines
    )
