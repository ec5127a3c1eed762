"""What of the host a box shows, read-only and at which place; the same for all boxes that confine."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from harness.limits import MIB, Limits
from harness.sandbox.environments import Environment
from harness.scratch import scratch_folder

__all__ = [
    "CHECKPOINT", "FOLDER", "NOBODY", "SHARED_MEMORY", "SYSTEM", "own_parts", "readable", "variables",
]

NOBODY = 65534
FOLDER = Path("/hand-in")
CHECKPOINT = Path("/checkpoint")
PACKAGE = Path("/opt/harness")      # where the worker's part of the harness lies in the box
PARTS = ("__init__.py", "errors.py", "contract.py", "forms.py", "wire.py", "worker")
SHARED_MEMORY = 256 * MIB
SYSTEM = tuple(map(Path, ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")))     # links into /usr, mostly


def own_parts() -> list[tuple[Path, Path]]:
    """List the worker's part of the harness, (outside, inside)."""
    own = Path(__file__).parents[1]
    return [(own / part, PACKAGE / "harness" / part) for part in PARTS]


def variables(limits: Limits, environment: Environment) -> dict[str, str]:
    """Give all variables, of bubblewrap too, because /proc/1/environ can be read inside."""
    threads = str(limits.threads)
    return {
        "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/tmp", "TMPDIR": "/tmp", "USER": "nobody",  # noqa: S108
        "LOGNAME": "nobody", "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads, "MPLBACKEND": "Agg", "PYTHONHASHSEED": "0",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",   # lets cuBLAS give the same result twice
        "PYTHONPATH": os.pathsep.join([str(PACKAGE), *map(str, environment.inside.values())]),
        **environment.variables,
    }


@contextlib.contextmanager
def readable(path: Path, *, to_others: bool) -> Iterator[Path]:
    """Give a path whose content the box's user may read: itself, or a copy where it could not.

    The way to the path does not matter, as the box has its own.

    Args:
        path: a file or folder.
        to_others: whether the box's user is another one than the grader's, to the host as well.

    """
    if not to_others or _is_open(path):
        yield path
        return
    with scratch_folder() as parent:
        copy = parent / path.name
        if path.is_dir():
            shutil.copytree(path, copy, symlinks=True)
        else:
            shutil.copyfile(path, copy)
        for entry in [copy, *copy.rglob("*")]:
            if not entry.is_symlink():
                entry.chmod(0o755 if entry.is_dir() else 0o644)
        yield copy


def _is_open(path: Path) -> bool:
    for entry in [path, *path.rglob("*")]:
        mode = entry.lstat().st_mode
        needed = 0o5 if stat.S_ISDIR(mode) else 0o4
        if not stat.S_ISLNK(mode) and mode & needed != needed:
            return False
    return True
