"""Looking at a box from outside: what its processes use, and ending it where that is more than they may."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.limits import Limits

__all__ = ["Census", "Exceeded", "Usage", "Watcher", "descendants", "processor_seconds"]

EVERY = 0.05    # seconds between looks; a process can take some hundred MB in that time, not more than exists
SELDOM = 1.0    # the same, where the kernel caps everything but processor time

Exceeded = Literal["memory", "cpu", "processes"]
"""A limit that a box was ended for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What the processes of a box used together so far; None where it cannot be known."""

    cpu_seconds: float | None = None
    peak_memory_bytes: int | None = None
    processes_refused: bool = False     # whether a new process or thread was refused by the kernel's cap


class Watcher:
    """Looks again and again, and ends what is over a limit.

    Args:
        look: gives the limit that is exceeded, None while none is.
        every: seconds between looks.
        kill: ends the box.

    """

    def __init__(self, look: Callable[[], Exceeded | None], *, every: float, kill: Callable[[], None]) -> None:
        self.exceeded: Exceeded | None = None
        self._look = look
        self._every = every
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
        while not self._stop.wait(self._every):
            self.exceeded = self._look()
            if self.exceeded is not None:
                self._kill()
                return


class Census:
    """Sums the memory and processor time and counts the threads of a process and all its descendants.

    For boxes without a control group. A daemon of the box's stays a descendant: its new parent is the box's own
    first process.
    """

    def __init__(self, process: int, limits: Limits) -> None:
        self._process = process
        self._limits = limits
        self._peak = 0

    def look(self) -> Exceeded | None:
        """Give the limit that is exceeded now."""
        members = list(descendants(self._process))
        # Resident sizes count shared pages several times, but cost nothing; the exact sum decides.
        resident = sum(map(_resident, members))
        if resident > self._limits.memory_bytes:
            resident = sum(map(_proportional, members))
        self._peak = max(self._peak, resident)
        if resident > self._limits.memory_bytes:
            return "memory"
        if sum(map(_threads, members)) > self._limits.processes:
            return "processes"
        return "cpu" if processor_seconds(self._process) > self._limits.cpu_seconds else None

    def usage(self) -> Usage:
        """Give what was used so far."""
        return Usage(cpu_seconds=processor_seconds(self._process), peak_memory_bytes=self._peak or None)


def processor_seconds(process: int) -> float:
    """Sum the processor time of a process, its descendants, and those of them that ended and were waited for."""
    return sum(map(_ticks, descendants(process))) / os.sysconf("SC_CLK_TCK")


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


def _ticks(process: int) -> int:
    """Give utime, stime, cutime and cstime together; see proc(5)."""
    try:
        return sum(map(int, Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:15]))
    except (OSError, ValueError):
        return 0
