"""Caps on memory and processes where no control group can be made: look often, and end what is over."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from harness.limits import Limits

__all__ = ["Watcher", "descendants"]

EVERY = 0.05    # seconds between looks; a process can take some hundred MB in that time, not more than exists


class Watcher:
    """Sums the resident memory and counts the threads of a process and all its descendants.

    A daemon of the box's stays a descendant: its new parent is the box's own first process.
    """

    def __init__(self, process: int, limits: Limits, *, kill: Callable[[], None]) -> None:
        self.over_memory = False
        self._process = process
        self._limits = limits
        self._kill = kill
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="harness-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(EVERY):
            members = list(descendants(self._process))
            # Resident sizes count shared pages several times, but cost nothing; the exact sum decides.
            if sum(map(_resident, members)) > self._limits.memory_bytes and (
                    sum(map(_proportional, members)) > self._limits.memory_bytes):
                self.over_memory = True
                self._kill()
                return
            if sum(map(_threads, members)) > self._limits.processes:
                self._kill()
                return


def descendants(process: int) -> Iterator[int]:
    """Give a process and all that descend from it."""
    yield process
    try:
        for task in Path(f"/proc/{process}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from descendants(int(child))
    except OSError:     # it ended in the meantime
        return


def _resident(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def _proportional(process: int) -> int:
    try:
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:     # not ours to read
        pass
    return _resident(process)


def _threads(process: int) -> int:
    try:
        return len(os.listdir(f"/proc/{process}/task"))     # noqa: PTH208 - fastest, twenty times a second
    except OSError:
        return 0
