"""Takes the files that a group's code saved, as arrays of bytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from harness.wire import MOST_FILES
from harness.worker.explain import RefusalError

__all__ = ["files_below", "read_files"]


def files_below(folder: Path) -> dict[str, Path]:
    """List regular files by their path below a folder, sorted; no links, and nothing that a link leads to."""
    return {
        str(path.relative_to(folder)): path for path in sorted(folder.rglob("*"))
        if not path.is_symlink() and path.is_file()}


def read_files(files: Mapping[str, Path], *, by: str) -> dict[str, np.ndarray]:
    """Give the bytes (n,) uint8 of each file.

    Args:
        files: name -> where it lies.
        by: what saved them, for the group.

    Raises:
        RefusalError: there are more than an answer can hold.

    """
    if len(files) > MOST_FILES:
        raise RefusalError(
            f"{by} saved {len(files):,} files; at most {MOST_FILES} are taken", kind="invalid output",
            hint="save the weights of all networks in few files, and of many checkpoints the last one")
    return {name: np.fromfile(path, np.uint8) for name, path in files.items()}
