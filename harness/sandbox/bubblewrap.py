"""The box on Linux: bubblewrap's namespaces, an empty root, a filter of system calls, caps by the kernel.

Inside there is nothing of the host but, read-only, /usr and its libraries, this interpreter and its packages,
the few files of the harness that the worker is made of, the copy of the hand-in and its checkpoint; there is
no network, no other process, no environment. Work space is /tmp and /dev/shm, in memory and limited.

A grader that is root makes the box without a user namespace, because an "ordinary" user of one would still be
root to the host's files; the worker becomes user 65534 for good before it imports anything of the group's.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import BoxUnavailable, HarnessFault
from harness.limits import Limits
from harness.sandbox.cgroup import Cgroup, Hierarchy, find_hierarchy
from harness.sandbox.confined import ConfinedBox, resource_limits
from harness.sandbox.environments import Environment, own_environment
from harness.sandbox.process import start_process
from harness.sandbox.seccomp import seccomp_program
from harness.sandbox.shown import NOBODY, SHARED_MEMORY, SYSTEM, own_parts, variables
from harness.sandbox.watch import EVERY, SELDOM, Census, Exceeded, Usage, Watcher, processor_seconds

__all__ = ["BoxGuard", "BubblewrapBox"]

DEVICES = Path("/dev")      # where a graphics card is

# Joins the control groups, then becomes bubblewrap, so that no child of it is ever outside of them.
JOIN = 'while [ "$1" != -- ]; do echo $$ > "$1" || exit 125; shift; done; shift; exec "$@"'


@dataclass(frozen=True, slots=True)
class BubblewrapBox(ConfinedBox):
    """Runs workers inside bubblewrap."""

    program: str
    hierarchy: Hierarchy | None

    @classmethod
    def find(cls) -> BubblewrapBox:
        """Find bubblewrap on this machine and the best caps that it can have here; not yet tried.

        Raises:
            BoxUnavailable: it is not installed.

        """
        program = shutil.which("bwrap")
        if program is None or not sys.platform.startswith("linux"):
            raise BoxUnavailable("bubblewrap is not installed; on Linux: apt install bubblewrap")
        return cls(program, find_hierarchy())

    @property
    def name(self) -> str:
        """Backend and level, as recorded in every grade."""
        caps = f"cgroup v{self.hierarchy.version}" if self.hierarchy else "memory watched"
        filtered = "seccomp" if seccomp_program() else "no seccomp"
        return f"bubblewrap (uid {NOBODY}, {caps}, {filtered})"

    @property
    def other_user(self) -> bool:
        """Whether the worker is another user than the grader to the host's files: where the grader is root."""
        return os.geteuid() == 0

    def confinement(self, limits: Limits) -> dict[str, object]:
        """Say what the worker gives up itself, first of all."""
        resources = resource_limits(limits)
        if self.hierarchy is None and _counts_by_namespace():
            resources["RLIMIT_NPROC"] = limits.processes
        return {"uid": NOBODY if os.geteuid() == 0 else None, "limits": resources}

    def start(
        self, arguments: list[str], limits: Limits, *, binds: Sequence[tuple[Path, Path]], cuda: bool,
        environment: Environment | None = None,
    ) -> tuple[subprocess.Popen[bytes], BoxGuard]:
        """Start an interpreter (by default this one) in a fresh box that shows `binds`, (outside, inside).

        Raises:
            HarnessFault: the box cannot be made.

        """
        guard = BoxGuard()
        environment = environment or own_environment()
        with contextlib.ExitStack() as descriptors:
            options = [*_namespaces(), *_files(limits, binds, environment, cuda=cuda)]
            passed = []
            if filters := seccomp_program():
                passed.append(descriptors.enter_context(_memory_file(filters)))
                options += ["--seccomp", str(passed[0])]
            passed.append(descriptors.enter_context(_memory_file("\0".join(options).encode())))
            # Options go by a file: a command line can be read inside, in /proc/1/cmdline.
            command = [self.program, "--args", str(passed[-1]), "--", *environment.command, *arguments]
            try:
                if self.hierarchy is not None:
                    guard.group = self.hierarchy.make(limits)
                    command = ["/bin/sh", "-c", JOIN, "sh", *guard.group.entries, "--", *command]
                process = start_process(command, env=variables(limits, environment), cwd="/", pass_fds=tuple(passed))
            except OSError as error:
                guard.release()
                raise HarnessFault(f"the box cannot be made: {error}") from error
        guard.watch(process, limits)
        return process, guard


class BoxGuard:
    """Ends a box, knows why it ended, and removes what it leaves."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.group: Cgroup | None = None
        self.census: Census | None = None
        self.watcher: Watcher | None = None
        self.after = contextlib.ExitStack()

    def watch(self, process: subprocess.Popen[bytes], limits: Limits) -> None:
        """Take the process that holds the box, and see to the limits that the kernel does not."""
        self.process = process
        if self.group is None:
            self.census = Census(process.pid, limits)
            self.watcher = Watcher(self.census.look, every=EVERY, kill=self.kill)
            return

        def look() -> Exceeded | None:
            return "cpu" if (self.usage().cpu_seconds or 0) > limits.cpu_seconds else None

        self.watcher = Watcher(look, every=SELDOM, kill=self.kill)

    def kill(self) -> None:
        """End bubblewrap; its first process inside ends with it, and every other one with that."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
        if self.group is not None:
            self.group.kill()

    def exceeded(self) -> Exceeded | None:
        """Give the limit that the box was ended for, by the kernel's counter of this fresh group or the watcher."""
        if self.group is not None and self.group.oom_kills() > 0:
            return "memory"
        return self.watcher.exceeded if self.watcher is not None else None

    def usage(self) -> Usage:
        """Give what the box used so far."""
        if self.census is not None:
            return self.census.usage()
        used = self.group.usage() if self.group is not None else Usage()
        if used.cpu_seconds is None and self.process is not None:
            return dataclasses.replace(used, cpu_seconds=processor_seconds(self.process.pid))
        return used

    def release(self) -> None:
        """Remove the group and temporary copies."""
        if self.watcher is not None:
            self.watcher.stop()
        if self.group is not None:
            self.group.remove()
        self.after.close()


def _namespaces() -> list[str]:
    options = [
        "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
        "--hostname", "box", "--die-with-parent", "--new-session",
    ]
    if os.geteuid() == 0:
        keep = ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP")     # what becoming another user takes
        return [*options, "--cap-drop", "ALL", *(word for name in keep for word in ("--cap-add", name))]
    return [*options, "--unshare-user", "--disable-userns", "--uid", str(NOBODY), "--gid", str(NOBODY)]


def _files(
    limits: Limits, binds: Sequence[tuple[Path, Path]], environment: Environment, *, cuda: bool,
) -> list[str]:
    """Give the options that build the box's files, from an empty root up."""
    options = [*_system(), "--proc", "/proc", "--dev", "/dev"]
    # Before what is shown of the host: an interpreter that lies below /tmp must not vanish under the box's own /tmp.
    for size, place in ((SHARED_MEMORY, "/dev/shm"), (limits.disk_bytes, "/tmp")):  # noqa: S108 - the box's own
        options += ["--perms", "1777", "--size", str(size), "--tmpfs", place]
    options += _packages(environment)
    for outside, inside in binds:
        options += _shown(outside, inside)
    if cuda:
        for device in map(str, sorted(DEVICES.glob("nvidia*"))):
            options += ["--dev-bind", device, device]
        options += ["--ro-bind-try", "/sys", "/sys"]
    return [*options, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"]  # noqa: S108 - likewise


def _system() -> list[str]:
    """Show what the system's libraries are; where /lib and its kin are links into /usr, they stay so."""
    options = ["--ro-bind", "/usr", "/usr"]
    for path in SYSTEM:
        if path.is_symlink():
            options += ["--symlink", str(path.readlink()), str(path)]
        elif path.exists():
            options += ["--ro-bind", str(path), str(path)]
    for file in ("/etc/ld.so.cache", "/etc/alternatives", "/sys/devices/system/cpu"):
        options += ["--ro-bind-try", file, file]
    return options


def _packages(environment: Environment) -> list[str]:
    """Show the interpreter, its packages and the worker's part of the harness."""
    options: list[str] = []
    for path in environment.shown:
        options += _shown(path, path)
    for packages, inside in environment.inside.items():
        if inside != packages:
            options += _shown(packages, inside)
        if (packages / "harness").is_dir():     # an installed harness: the worker's part is enough
            options += ["--tmpfs", str(inside / "harness"), "--remount-ro", str(inside / "harness")]
    for outside, inside in own_parts():
        options += _shown(outside, inside)
    return options


def _shown(outside: Path, inside: Path) -> list[str]:
    """Bind a path read-only, below folders that every user may pass: bubblewrap would leave them to root."""
    options: list[str] = []
    for folder in reversed(inside.parents[:-1]):
        if folder != Path("/tmp"):  # noqa: S108 - the box's own, which everybody may write to
            options += ["--perms", "0755", "--dir", str(folder)]
    return [*options, "--ro-bind", str(outside), str(inside)]


def _counts_by_namespace() -> bool:
    """Whether RLIMIT_NPROC counts only the box's processes: since Linux 5.14, or as a user of their own."""
    release = platform.release().split("-", 1)[0].split(".")
    with contextlib.suppress(ValueError):
        return os.geteuid() == 0 or (int(release[0]), int(release[1])) >= (5, 14)
    return False


@contextlib.contextmanager
def _memory_file(data: bytes) -> Iterator[int]:
    descriptor = os.memfd_create("box")
    try:
        os.write(descriptor, data)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


