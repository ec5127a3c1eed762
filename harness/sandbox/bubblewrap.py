"""The box on Linux: bubblewrap's namespaces, an empty root, a filter of system calls, caps by the kernel.

Inside there is nothing of the host but, read-only, /usr and its libraries, this interpreter and its packages,
the few files of the harness that the worker is made of, the copy of the hand-in and its checkpoint; there is
no network, no other process, no environment. Work space is /tmp and /dev/shm, in memory and limited.

A grader that is root makes the box without a user namespace, because an "ordinary" user of one would still be
root to the host's files; the worker becomes user 65534 for good before it imports anything of the group's.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import site
import stat
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from harness.errors import BoxUnavailable, HarnessFault
from harness.limits import Limits
from harness.sandbox.base import Job
from harness.sandbox.cgroup import Cgroup, Hierarchy, find_hierarchy
from harness.sandbox.plain import job_head
from harness.sandbox.process import WorkerSession, start_process
from harness.sandbox.seccomp import seccomp_program
from harness.sandbox.watch import Watcher

__all__ = ["BoxGuard", "BubblewrapBox"]

NOBODY = 65534
FOLDER = Path("/hand-in")
CHECKPOINT = Path("/checkpoint")
PACKAGE = Path("/opt/harness")      # where the worker's part of the harness lies in the box
PARTS = ("__init__.py", "errors.py", "contract.py", "forms.py", "wire.py", "worker")
SHARED_MEMORY = 256 * 2**20

# Joins the control groups, then becomes bubblewrap, so that no child of it is ever outside of them.
JOIN = 'while [ "$1" != -- ]; do echo $$ > "$1" || exit 125; shift; done; shift; exec "$@"'


@dataclass(frozen=True, slots=True)
class BubblewrapBox:
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
    def protects(self) -> bool:
        """Whether it confines what runs inside."""
        return True

    def open(self, job: Job, limits: Limits) -> WorkerSession:
        """Start a worker; returns at once.

        Raises:
            HarnessFault: the box cannot be made.

        """
        with contextlib.ExitStack() as undo:
            folder = undo.enter_context(_readable(job.folder.resolve()))
            binds = [(folder, FOLDER)]
            inside = None
            if job.checkpoint is not None:
                inside = CHECKPOINT / job.checkpoint.name
                if job.checkpoint.exists():     # else the worker says in its own words that it is missing
                    binds.append((undo.enter_context(_readable(job.checkpoint.resolve())), inside))
            process, guard = self.start(
                ["-m", "harness.worker", json.dumps(self.confinement(limits))], limits,
                binds=binds, cuda=job.device.startswith("cuda"),
            )
            guard.after.push(undo.pop_all())
        try:
            head = job_head(job, limits, folder=FOLDER, checkpoint=inside)
            return WorkerSession(process, head, limits=limits, guard=guard)
        except BaseException:
            guard.kill()
            guard.release()
            raise

    def run(
        self, module: str, settings: dict[str, object], *, folder: Path, seconds: float,
    ) -> tuple[str, str]:
        """Run one module of the worker in a box of its own to its end; for the self-test.

        Returns:
            What it wrote to stdout and to stderr.

        """
        limits = Limits()
        told = {**self.confinement(limits), **settings, "folder": str(FOLDER)}
        arguments = ["-m", module, json.dumps(told)]
        process, guard = self.start(arguments, limits, binds=[(folder, FOLDER)], cuda=False)
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            guard.kill()
            out, err = process.communicate()
        finally:
            guard.kill()
            guard.release()
        return out.decode(errors="replace"), err.decode(errors="replace")

    def confinement(self, limits: Limits) -> dict[str, object]:
        """Say what the worker gives up itself, first of all."""
        resources = {"RLIMIT_NOFILE": limits.open_files, "RLIMIT_CORE": 0, "RLIMIT_FSIZE": limits.disk_bytes}
        if self.hierarchy is None and _counts_by_namespace():
            resources["RLIMIT_NPROC"] = limits.processes
        return {"uid": NOBODY if os.geteuid() == 0 else None, "limits": resources}

    def start(
        self, arguments: list[str], limits: Limits, *, binds: Sequence[tuple[Path, Path]], cuda: bool,
    ) -> tuple[subprocess.Popen[bytes], BoxGuard]:
        """Start this interpreter with `arguments` in a fresh box that shows `binds`, (outside, inside).

        Raises:
            HarnessFault: the box cannot be made.

        """
        guard = BoxGuard()
        with contextlib.ExitStack() as descriptors:
            options = [*_namespaces(), *_files(limits, binds, cuda=cuda)]
            passed = []
            if filters := seccomp_program():
                passed.append(descriptors.enter_context(_memory_file(filters)))
                options += ["--seccomp", str(passed[0])]
            passed.append(descriptors.enter_context(_memory_file("\0".join(options).encode())))
            # Options go by a file: a command line can be read inside, in /proc/1/cmdline.
            command = [self.program, "--args", str(passed[-1]), "--", *_python(), *arguments]
            try:
                if self.hierarchy is not None:
                    guard.group = self.hierarchy.make(limits)
                    command = ["/bin/sh", "-c", JOIN, "sh", *guard.group.entries, "--", *command]
                process = start_process(command, env=_environment(limits), cwd="/", pass_fds=tuple(passed))
            except OSError as error:
                guard.release()
                raise HarnessFault(f"the box cannot be made: {error}") from error
        guard.process = process
        if guard.group is None:
            guard.watcher = Watcher(process.pid, limits, kill=guard.kill)
        return process, guard


class BoxGuard:
    """Ends a box, knows why it ended, and removes what it leaves."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.group: Cgroup | None = None
        self.watcher: Watcher | None = None
        self.after = contextlib.ExitStack()

    def kill(self) -> None:
        """End bubblewrap; its first process inside ends with it, and every other one with that."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
        if self.group is not None:
            self.group.kill()

    def out_of_memory(self) -> bool:
        """Whether the kernel's counter of this fresh group, or the watcher, says so."""
        if self.watcher is not None:
            return self.watcher.over_memory
        return self.group is not None and self.group.oom_kills() > 0

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


def _files(limits: Limits, binds: Sequence[tuple[Path, Path]], *, cuda: bool) -> list[str]:
    """Give the options that build the box's files, from an empty root up."""
    options = [*_system(), "--proc", "/proc", "--dev", "/dev"]
    # Before what is shown of the host: an interpreter that lies below /tmp must not vanish under the box's own /tmp.
    for size, place in ((SHARED_MEMORY, "/dev/shm"), (limits.disk_bytes, "/tmp")):  # noqa: S108 - the box's own
        options += ["--perms", "1777", "--size", str(size), "--tmpfs", place]
    options += _packages()
    for outside, inside in binds:
        options += _shown(outside, inside)
    if cuda:
        for device in map(str, sorted(Path("/dev").glob("nvidia*"))):
            options += ["--dev-bind", device, device]
        options += ["--ro-bind-try", "/sys", "/sys"]
    return [*options, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"]  # noqa: S108 - likewise


def _system() -> list[str]:
    """Show what the system's libraries are; where /lib and its kin are links into /usr, they stay so."""
    options = ["--ro-bind", "/usr", "/usr"]
    for path in map(Path, ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")):
        if path.is_symlink():
            options += ["--symlink", str(path.readlink()), str(path)]
        elif path.exists():
            options += ["--ro-bind", str(path), str(path)]
    for file in ("/etc/ld.so.cache", "/etc/alternatives", "/sys/devices/system/cpu"):
        options += ["--ro-bind-try", file, file]
    return options


def _packages() -> list[str]:
    """Show the interpreter, its packages and the worker's part of the harness."""
    options: list[str] = []
    for path in _interpreter():
        options += _shown(path, path)
    for packages in _site_packages():
        if (packages / "harness").is_dir():     # an installed harness: the worker's part is enough
            options += ["--tmpfs", str(packages / "harness"), "--remount-ro", str(packages / "harness")]
    own = Path(__file__).parents[1]
    for part in PARTS:
        options += _shown(own / part, PACKAGE / "harness" / part)
    return options


def _shown(outside: Path, inside: Path) -> list[str]:
    """Bind a path read-only, below folders that every user may pass: bubblewrap would leave them to root."""
    options: list[str] = []
    for folder in reversed(inside.parents[:-1]):
        if folder != Path("/tmp"):  # noqa: S108 - the box's own, which everybody may write to
            options += ["--perms", "0755", "--dir", str(folder)]
    return [*options, "--ro-bind", str(outside), str(inside)]


def _python() -> list[str]:
    """Start the interpreter without site; its packages come by PYTHONPATH, none from the current folder."""
    return [_executable(), "-S", "-P", "-B"]


def _executable() -> str:
    return os.path.realpath(getattr(sys, "_base_executable", sys.executable))


@lru_cache(maxsize=1)
def _interpreter() -> list[Path]:
    """List what the interpreter is made of outside of /usr, by real names and those it was built with."""
    executable = Path(_executable())
    wanted = {executable, *_site_packages()}
    for prefix in {executable.parents[1], Path(sys.base_prefix)}:
        wanted |= {prefix / "lib", prefix / "lib64"}
    wanted |= {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")}
    shown: list[Path] = []
    for path in sorted(wanted, key=lambda path: len(path.parts)):
        covered = path.is_relative_to("/usr") or any(path.is_relative_to(other) for other in shown)
        if path.exists() and not covered:
            shown.append(path)
    return shown


@lru_cache(maxsize=1)
def _site_packages() -> list[Path]:
    folders = [*site.getsitepackages(), site.getusersitepackages()]
    return [Path(folder) for folder in folders if folder in sys.path and Path(folder).is_dir()]


def _environment(limits: Limits) -> dict[str, str]:
    """Give the whole environment, of bubblewrap too, because /proc/1/environ can be read inside."""
    threads = str(limits.threads)
    return {
        "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/tmp", "TMPDIR": "/tmp", "USER": "nobody",  # noqa: S108
        "LOGNAME": "nobody", "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads, "MPLBACKEND": "Agg", "PYTHONHASHSEED": "0",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",   # lets cuBLAS give the same result twice
        "PYTHONPATH": os.pathsep.join([str(PACKAGE), *map(str, _site_packages())]),
    }


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


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[Path]:
    """Give a path whose content everybody may read: itself, or a copy where the box's user could not.

    Only a grader that is root needs this; the way to the path does not matter, as the box has its own.
    """
    if os.geteuid() != 0 or _is_open(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="harness-") as parent:
        copy = Path(parent, path.name)
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
