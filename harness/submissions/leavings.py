"""What a hand-in's folder holds that is no part of the hand-in."""

from __future__ import annotations

import re
import stat
from pathlib import PurePosixPath

__all__ = ["reason_to_leave", "reason_to_leave_folder"]

_FOLDERS = {
    "__pycache__": "compiled code; the harness runs the sources",
    ".git": "the history of versions",
    ".hg": "the history of versions",
    ".svn": "the history of versions",
    ".venv": "an environment; the harness brings its own",
    "venv": "an environment; the harness brings its own",
    "env": "an environment; the harness brings its own",
    "site-packages": "an environment; the harness brings its own",
    "node_modules": "an environment; the harness brings its own",
    ".ipynb_checkpoints": "an editor's files",
    ".idea": "an editor's files",
    ".vscode": "an editor's files",
    ".mypy_cache": "a tool's files",
    ".pytest_cache": "a tool's files",
    ".ruff_cache": "a tool's files",
    "__MACOSX": "the operating system's files",
}
_FILES = {".DS_Store", "Thumbs.db", "desktop.ini"}
_DATA_SET = re.compile(r"(train|t10k)-(images|labels)[-.]idx[13]-ubyte(\.gz)?")
_ARCHIVES = {".gz", ".zip", ".tar", ".tgz", ".bz2", ".xz", ".7z", ".npz", ".csv", ".parquet"}


def reason_to_leave_folder(name: str) -> str | None:
    """Say why a folder of this name is not copied; None if it is."""
    return _FOLDERS.get(name)


def reason_to_leave(path: str, *, mode: int, links: int = 1) -> str | None:
    """Say why a file is not copied; None if it is.

    Args:
        path: its path below the hand-in, with forward slashes.
        mode: its kind and permissions, as `st_mode` of `lstat` says them.
        links: how many names it has in its file system.

    """
    if kind := _not_a_file(mode, links):
        return kind
    place = PurePosixPath(path)
    if place.suffix in {".pyc", ".pyo"}:
        return "compiled code; the harness runs the sources"
    if place.name in _FILES:
        return "the operating system's files"
    if _DATA_SET.fullmatch(place.name) or ("data" in place.parts[:-1] and place.suffix.lower() in _ARCHIVES):
        return "a data set; the harness brings its own"
    return None


def _not_a_file(mode: int, links: int) -> str | None:
    if stat.S_ISLNK(mode):
        return "a symbolic link; put the file itself there"
    if not stat.S_ISREG(mode):
        return "neither a file nor a folder"
    if links > 1:
        return "a hard link, which shares its content with another file; put a copy there"
    return None
