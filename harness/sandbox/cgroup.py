"""Caps on memory and processes by the kernel's control groups, where this user may make one."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.limits import Limits
from harness.sandbox.watch import Usage

__all__ = ["Cgroup", "Hierarchy", "find_hierarchy"]

CONTROLLERS = ("memory", "pids")
ACCOUNTING = "cpuacct"      # of version 1, where it can be had; version 2 counts processor time in every group
PATIENCE = 20.0     # seconds: a fork bomb of large processes takes a busy machine some time to clear away
_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """Where groups can be made: the folder for each controller (one folder for all in version 2)."""

    version: int
    parents: dict[str, Path]

    def make(self, limits: Limits) -> Cgroup:
        """Make a fresh group with these limits.

        Raises:
            OSError: the kernel refuses.

        """
        name = f"harness-{os.getpid()}-{next(_numbers)}"
        group = Cgroup(self.version, {key: parent / name for key, parent in self.parents.items()})
        try:
            for folder in set(group.folders.values()):
                folder.mkdir()
            group.limit(limits)
        except OSError:
            group.remove()
            raise
        return group

    def sweep(self) -> None:
        """Remove what graders left that were killed; the kernel removes only groups without processes."""
        for parent in set(self.parents.values()):
            for folder in parent.glob("harness-*-*"):
                owner = folder.name.split("-")[1]
                if owner.isdigit() and not Path("/proc", owner).exists():
                    with contextlib.suppress(OSError):
                        folder.rmdir()


@dataclass(frozen=True, slots=True)
class Cgroup:
    """One group: the processes of one box."""

    version: int
    folders: dict[str, Path]

    @property
    def entries(self) -> list[str]:
        """Files that a process writes its number into to join."""
        return [str(folder / "cgroup.procs") for folder in sorted(set(self.folders.values()))]

    def limit(self, limits: Limits) -> None:
        """Set the caps; swap does not count as more memory."""
        memory, pids = self.folders["memory"], self.folders["pids"]
        (pids / "pids.max").write_text(str(limits.processes))
        if self.version == 2:
            (memory / "memory.max").write_text(str(limits.memory_bytes))
            _write_if_there(memory / "memory.swap.max", "0")
            return
        (memory / "memory.limit_in_bytes").write_text(str(limits.memory_bytes))
        _write_if_there(memory / "memory.memsw.limit_in_bytes", str(limits.memory_bytes))
        _write_if_there(memory / "memory.swappiness", "0")

    def oom_kills(self) -> int:
        """Count the processes that the kernel ended because the group was out of memory."""
        file = "memory.events" if self.version == 2 else "memory.oom_control"
        return _counter(self.folders["memory"] / file, "oom_kill") or 0

    def usage(self) -> Usage:
        """Give what the kernel counted so far."""
        peak = "memory.peak" if self.version == 2 else "memory.max_usage_in_bytes"
        return Usage(
            cpu_seconds=self._cpu_seconds(), peak_memory_bytes=_counter(self.folders["memory"] / peak),
            processes_refused=bool(_counter(self.folders["pids"] / "pids.events", "max")))

    def _cpu_seconds(self) -> float | None:
        if self.version == 2:
            used, unit = _counter(self.folders["memory"] / "cpu.stat", "usage_usec"), 1e6
        elif ACCOUNTING in self.folders:
            used, unit = _counter(self.folders[ACCOUNTING] / "cpuacct.usage"), 1e9
        else:
            return None
        return None if used is None else used / unit

    def kill(self) -> None:
        """End whatever is in the group."""
        for entry in self.entries:
            with contextlib.suppress(OSError):
                for number in Path(entry).read_text().split():
                    with contextlib.suppress(OSError):
                        os.kill(int(number), signal.SIGKILL)

    def remove(self) -> None:
        """Remove the group once its processes are gone, which takes the kernel a moment, and a busy one longer."""
        end = time.monotonic() + PATIENCE
        for folder in set(self.folders.values()):
            while not _removed(folder) and time.monotonic() < end:
                self.kill()
                time.sleep(0.01)


def _removed(folder: Path) -> bool:
    """Try to remove a group; only one without processes can be."""
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _counter(file: Path, key: str = "") -> int | None:
    """Read a number from a line "key number", or from a file that is one number; None where it is not there."""
    with contextlib.suppress(OSError, ValueError):
        for line in file.read_text().splitlines():
            name, _, value = line.rpartition(" ")
            if name == key:
                return int(value)
    return None


def _write_if_there(file: Path, text: str) -> None:
    with contextlib.suppress(OSError):
        file.write_text(text)


def find_hierarchy() -> Hierarchy | None:
    """Find out by trying where this process can make groups; None where it cannot."""
    first = _version_1()
    without = first and Hierarchy(1, {key: first.parents[key] for key in CONTROLLERS})
    for candidate in (first, without, *_version_2()):
        if candidate is None:
            continue
        with contextlib.suppress(OSError):
            candidate.make(Limits()).remove()
            candidate.sweep()
            return candidate
    return None


def _version_1() -> Hierarchy | None:
    own = _own_groups()
    parents = {}
    for kind, root, mounted, options in _mounts():
        for controller in (*CONTROLLERS, ACCOUNTING):
            if kind == "cgroup" and controller in options and controller in own:
                parents[controller] = mounted / os.path.relpath(own[controller], root)
    return Hierarchy(1, parents) if set(CONTROLLERS) <= set(parents) else None


def _version_2() -> Iterator[Hierarchy]:
    """Look below and beside this process's group: one that holds processes may not hand on controllers."""
    own = _own_groups().get("")
    for kind, root, mounted, _ in _mounts():
        if kind == "cgroup2" and own is not None:
            here = mounted / os.path.relpath(own, root)
            for parent in (here, here.parent):
                control = parent / "cgroup.subtree_control"
                if control.is_file() and set(CONTROLLERS) <= set(control.read_text().split()):
                    yield Hierarchy(2, dict.fromkeys(CONTROLLERS, parent))


def _own_groups() -> dict[str, str]:
    """Map each controller to this process's group; version 2 has the empty name. See cgroups(7)."""
    with contextlib.suppress(OSError):
        lines = (line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines())
        return {name: path for _, names, path in lines for name in names.split(",")}
    return {}


def _mounts() -> Iterator[tuple[str, str, Path, list[str]]]:
    """Kind, root within the hierarchy, place and options of each mount. See proc(5)."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/mountinfo").read_text().splitlines():
            left, _, right = line.partition(" - ")
            kind, _, options = right.split(" ", 2)
            if kind in {"cgroup", "cgroup2"}:
                yield kind, left.split()[3], Path(left.split()[4]), options.split(",")
