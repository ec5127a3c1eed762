"""Temporary folders that a killed grader does not leave for ever.

A folder is held by a lock on itself for as long as its owner lives; the kernel lets go of it when the owner ends, in
whatever way. So the next grader knows, also across containers that share /tmp, which folders nobody needs any more.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["PREFIX", "YOUNG", "held", "scratch_folder", "sweep"]

PREFIX = "harness-scratch-"
YOUNG = 60.0    # seconds: the age below which a folder is let be, because its owner may be about to take the lock


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """Give a temporary folder that only this user may enter; it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix=PREFIX) as name, held(Path(name)):
        yield Path(name)


def sweep(*, younger_than: float = YOUNG) -> None:
    """Remove the folders of this user whose owner was killed.

    Args:
        younger_than: age in seconds below which a folder is let be.

    """
    if not hasattr(os, "geteuid"):
        return      # Windows, where no folder can be locked
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            found = folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
                continue
            if time.time() - found.st_mtime < younger_than:
                continue
            with held(folder, wait=False) as alone:
                if alone:
                    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def held(folder: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold the lock of a folder, where the system has one; give whether it is held."""
    try:
        import fcntl
    except ImportError:     # Windows
        yield False
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        alone = True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError:     # another holds it, or a file system that cannot lock folders
            alone = False
        yield alone
    finally:
        os.close(descriptor)
