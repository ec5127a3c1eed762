"""What the machine gives a batch: how many hand-ins at a time, and a graphics card for one model at a time."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from harness.data import cache_folder
from harness.errors import HarnessFault
from harness.limits import GIB

__all__ = ["MEMORY_OF_A_JOB", "cores", "free_memory", "jobs_for", "turn_on"]

OWNER = ("CUDA_VISIBLE_DEVICES", "SLURM_JOB_ID")
"""What tells one card from another; in jobs of Slurm each has its own, by whatever number the job knows it."""

MEMORY_OF_A_JOB = 3 * GIB
"""What grading one hand-in takes at its peak: about 1.2 GiB of our own, and twice 0.6 GiB for a model that is asked."""


def cores() -> int:
    """Give how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_memory(meminfo: Path = Path("/proc/meminfo")) -> int | None:
    """Give the bytes of memory that may be taken; None where the system does not say."""
    try:
        found = re.search(r"^MemAvailable: +(\d+) kB", meminfo.read_text(encoding="ascii"), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None


def jobs_for(hand_ins: int, *, cores: int, memory: int | None, threads: int, training: bool) -> int:
    """Choose how many hand-ins are graded at a time.

    Args:
        hand_ins: how many there are.
        cores: processors that may be used.
        memory: bytes that may be used; None where that is not known.
        threads: cores that a group's code is told to use.
        training: whether a model is trained: its deadline is of wall clock, so it must have its cores to itself.

    """
    by_cores = cores // threads if training else cores
    by_memory = hand_ins if memory is None else memory // MEMORY_OF_A_JOB
    return max(1, min(hand_ins, by_cores, by_memory))


def turn_on(device: str) -> Callable[[], AbstractContextManager[None]]:
    """Give what to enter while a model is on a device: on a graphics card the models of this user take turns.

    Whoever dies gives up its turn, as the system lets go of the lock of a process that ends.
    """
    if device == "cpu":
        return nullcontext
    card = "-".join([socket.gethostname(), device, *(os.environ.get(name, "") for name in OWNER)])
    lock = cache_folder() / f"turn-{re.sub(r'[^A-Za-z0-9.-]', '_', card)}.lock"

    @contextmanager
    def turn() -> Iterator[None]:
        try:
            import fcntl
        except ImportError:     # Windows, where a batch is no matter
            yield
            return
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            file = lock.open("w")
        except OSError as error:
            raise HarnessFault(f"the queue for {device} cannot be kept in {lock}: {error}") from error
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    return turn
