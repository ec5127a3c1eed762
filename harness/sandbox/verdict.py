"""The verdict of a box's self-test, kept until the machine starts anew or anything that it depends on changes.

A kept verdict only spares time: what cannot be read, written or trusted means that the box is tried again.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
import tempfile
from pathlib import Path

from harness.data import cache_folder
from harness.sandbox.confined import ConfinedBox

__all__ = ["is_proven", "keep_proven"]

BOOT = Path("/proc/sys/kernel/random/boot_id")
FILE = "box.json"
MOST = 4_096
_ROOMS = ("sandbox", "worker", "wire.py", "limits.py", "errors.py")     # of our own code, what the verdict is about


def is_proven(box: ConfinedBox) -> bool:
    """Whether this box withstood the self-test since the machine started, in a file that only this user can write."""
    try:
        kept = json.loads(_trusted(cache_folder() / FILE))
    except (OSError, RuntimeError, ValueError):     # RuntimeError: this user has no home
        return False
    return isinstance(kept, dict) and kept.get("proven") == _key(box)


def keep_proven(box: ConfinedBox) -> None:
    """Keep that this box withstood the self-test; where that cannot be written, it is tried again the next time."""
    key = _key(box)
    if key is None:
        return
    try:
        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=folder, prefix="box-")      # only its owner may read and write it
        with os.fdopen(handle, "w") as file:
            json.dump({"box": box.name, "proven": key}, file)
        Path(name).replace(folder / FILE)
    except (OSError, RuntimeError):
        return


def _trusted(path: Path) -> bytes:
    """Read a file that nobody but this user and root can have written.

    Raises:
        OSError: there is none, or others can write to it, or to its folder.

    """
    for place in (path.parent, path):
        found = place.lstat()
        if found.st_uid not in {0, os.geteuid()} or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise PermissionError(f"{place} can be written by others")
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            raise PermissionError(f"{path} belongs to another user")
        return file.read(MOST)


def _key(box: ConfinedBox) -> str | None:
    """Hash everything that the verdict depends on; None where nothing tells one start of the machine from another."""
    try:
        boot = BOOT.read_text().strip()
        program = Path(box.program).resolve()
        facts = program.stat()
    except OSError:
        return None
    digest = hashlib.sha256(json.dumps([
        boot, os.geteuid(), box.name, str(program), facts.st_size, facts.st_mtime_ns, sys.version, sys.executable,
        sys.path,
    ]).encode())
    for room in _ROOMS:
        place = Path(__file__).parents[1] / room
        for file in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            digest.update(file.read_bytes())
    return digest.hexdigest()
