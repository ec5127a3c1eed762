"""The log of a hand-in, `reports/GROUP/log.txt`: what was done when, what the harness warned of, how it ended."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from harness.documents import harmless
from harness.records import GradeResult

__all__ = ["LOG", "Log", "log_in"]

LOG = "log.txt"
MOST_BYTES = 200_000
TAIL_LINES = 20


class Log:
    """Lines with the seconds since the grade began, written at once; a disk that is full costs lines, not the grade.

    Args:
        path: the file; runs are appended to it, and the oldest are dropped where it grows long.
        title: what is graded.

    """

    def __init__(self, path: Path, title: str) -> None:
        self._path = path
        self._begun = time.monotonic()
        self._stage = ""
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_file() and path.stat().st_size > MOST_BYTES:
                path.write_bytes(path.read_bytes()[-MOST_BYTES // 2:])
        self.line(f"--- {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC, {title}", timed=False)

    def line(self, text: str, *, timed: bool = True) -> None:
        """Write a line (or several) that cannot do anything but be read."""
        seconds = f"{time.monotonic() - self._begun:8.1f} s  " if timed else ""
        with contextlib.suppress(OSError), self._path.open("a", encoding="utf-8", errors="replace") as file:
            file.writelines(f"{seconds}{harmless(line)}\n" for line in text.splitlines())

    def stage(self, stage: str, _share: float | None) -> None:
        """Note that a stage has begun."""
        if stage != self._stage:
            self._stage = stage
            self.line(stage)

    def end(self, result: GradeResult) -> None:
        """Note the points, and each fault with the end of what the group's code printed."""
        for fault in result.all_faults:
            where = f"{fault.model}, {fault.stage}" if fault.model else fault.stage
            self.line(f"{fault.kind} ({where}): {fault.message}")
            for line in fault.log.splitlines()[-TAIL_LINES:]:
                self.line(f"    | {line}")
        marks = result.marks
        self.line(f"graded: {marks.points:g} of {marks.max_points:g} points, {marks.open_points:g} open")


class _Warnings(logging.Handler):
    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log.line(f"{record.levelname.lower()}: {self.format(record)}")


@contextlib.contextmanager
def log_in(folder: Path, title: str) -> Iterator[Log]:
    """Open the log in a folder; while the block runs, warnings of this process go there as well."""
    log = Log(folder / LOG, title)
    handler = _Warnings(log)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield log
    except BaseException as error:
        log.line(f"not graded: {type(error).__name__}: {error}")
        raise
    finally:
        root.removeHandler(handler)
