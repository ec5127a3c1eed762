"""A hand-in as a folder: what lies in it, links never followed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from harness.limits import MIB, Intake
from harness.submissions.leavings import reason_to_leave, reason_to_leave_folder
from harness.submissions.survey import Entry, check_depth, check_name

__all__ = ["files_in_folder"]


def files_in_folder(
    folder: Path, limits: Intake, below: PurePosixPath = PurePosixPath(),  # noqa: B008 - cannot be changed
) -> Iterator[tuple[str, Entry | str]]:
    """List everything that is not a folder, by its path below the hand-in, or why it is left out.

    Raises:
        Rejected: an odd name, or too deep a nesting.

    """
    check_depth(below, limits)
    try:
        entries = sorted(os.scandir(folder / below), key=lambda entry: entry.name)
    except OSError as error:
        yield f"{below}/", f"the folder cannot be read ({error.strerror})"
        return
    for entry in entries:
        check_name(entry.name, below)
        path = below / entry.name
        if not entry.is_dir(follow_symlinks=False):
            yield str(path), _file(folder / path, str(path))
        elif reason := reason_to_leave_folder(entry.name):
            yield f"{path}/", reason
        else:
            yield from files_in_folder(folder, limits, path)


def _file(place: Path, name: str) -> Entry | str:
    info = place.lstat()
    reason = reason_to_leave(name, mode=info.st_mode, links=info.st_nlink)
    return reason or Entry(info.st_size, lambda: _pieces(_open_regular(place)))


def _open_regular(source: Path) -> int:
    """Open a file that may have been exchanged since it was looked at: no link, no pipe, no device."""
    wanted = os.O_RDONLY
    for flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):     # each system has some of them
        wanted |= getattr(os, flag, 0)
    stream = os.open(source, wanted)
    info = os.fstat(stream)
    if not stat.S_ISREG(info.st_mode) or info.st_nlink > 1:
        os.close(stream)
        raise OSError("it changed while it was copied")
    return stream


def _pieces(stream: int) -> Iterator[bytes]:
    with open(stream, "rb", buffering=0) as reader:
        while piece := reader.read(MIB):
            yield piece
