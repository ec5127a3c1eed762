"""One grader at a time in one folder of reports."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from harness.documents import harmless
from harness.errors import UserError

__all__ = ["LOCK", "alone_in"]

LOCK = ".grading"


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold a folder of reports while the block runs, and take away what a killed run left half-written there.

    The system lets go of the folder when this process ends, however it ends. On a network file system (NFS) this
    holds between machines as long as its lock service runs; systems without `flock` are not guarded.

    Raises:
        UserError: another grader holds it (says who, and since when), or the folder cannot be written.

    """
    try:
        import fcntl
    except ImportError:     # Windows
        yield
        return
    with contextlib.ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context((folder / LOCK).open("a+", encoding="utf-8"))
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = harmless(file.read(500)).strip() or "another process"
            raise UserError(
                f"{folder} is in use by {holder}, which is grading there; "
                "wait until it has ended, or choose another folder with --reports") from None
        except OSError as error:
            raise UserError(
                f"{folder} cannot be used ({error.strerror or error}); choose another folder with --reports") from error
        _sign(file)
        _tidy(folder)
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                file.truncate(0)


def _sign(file: TextIO) -> None:
    """Say who holds the lock; a disk that is too full for that is no reason not to grade."""
    with contextlib.suppress(OSError):
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()} since {datetime.now(UTC):%Y-%m-%d %H:%M} UTC\n")
        file.flush()


def _tidy(folder: Path) -> None:
    """Remove files that a run was still writing when it was killed: `.index.html.1234`."""
    for name in ("index.html", "result.json"):
        for left in [*folder.glob(f".{name}.*"), *folder.glob(f"*/.{name}.*")]:
            if left.suffix[1:].isdecimal() and not _runs(int(left.suffix[1:])):
                left.unlink(missing_ok=True)


def _runs(process: int) -> bool:
    """Say whether a process of this number runs here: `harness mark` may be writing a report beside a grader."""
    try:
        os.kill(process, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True
