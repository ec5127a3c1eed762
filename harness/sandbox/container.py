"""The box of a container engine, Docker or Podman, where bubblewrap is not to be had.

It shows the same as bubblewrap's: the image is empty, made here without any download, and holds nothing but folders to
bind to; the host's /usr, this interpreter, the worker's part of the harness and the hand-in are bound read-only. So the
same code runs on the same libraries, and measures the same. The engine's own caps hold memory and processes.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import itertools
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.errors import BoxUnavailable, HarnessFault
from harness.limits import Limits
from harness.sandbox.confined import ConfinedBox, resource_limits
from harness.sandbox.environments import Environment, own_environment
from harness.sandbox.process import start_process
from harness.sandbox.seccomp import seccomp_profile
from harness.sandbox.shown import NOBODY, SHARED_MEMORY, SYSTEM, own_parts, variables
from harness.sandbox.watch import SELDOM, Exceeded, Usage, Watcher, processor_seconds
from harness.scratch import scratch_folder

__all__ = ["ContainerBox", "ContainerGuard"]

Engine = Literal["podman", "docker"]
PATIENCE = 30.0     # seconds that a question to the engine may take
SETTLING = 2.0      # seconds that the engine may take to notice the end of a container
_numbers = itertools.count()

GPUS: dict[Engine, list[str]] = {"podman": ["--device", "nvidia.com/gpu=all"], "docker": ["--gpus", "all"]}

REMEDIES = {
    "docker.sock": "start Docker, and let this user use it (the group docker)",
    "permission denied": "let this user use it (for Docker: the group docker)",
    "newuidmap": "give this user a range in /etc/subuid and /etc/subgid",
}
"""What an engine says -> what to do about it."""


@dataclass(frozen=True, slots=True)
class ContainerBox(ConfinedBox):
    """Runs workers in containers."""

    engine: Engine
    program: str
    image: str

    @classmethod
    def find(cls, engine: Engine) -> ContainerBox:
        """Find an engine on this machine, and make the empty image where it is not there yet.

        Raises:
            BoxUnavailable: it is not installed, does not answer, or takes no image.

        """
        program = shutil.which(engine)
        if program is None or not sys.platform.startswith("linux"):
            raise BoxUnavailable(f"{engine} is not installed")
        layer = _empty_layer()
        box = cls(engine, program, f"localhost/harness-box:{hashlib.sha256(layer).hexdigest()[:16]}")
        box.sweep()
        if not box.ask("images", "--quiet", box.image).strip():
            box.ask("import", "-", box.image, stdin=layer)
        return box

    @property
    def name(self) -> str:
        """Backend and level, as recorded in every grade."""
        return f"{self.engine} (uid {NOBODY}, caps of the engine, {'seccomp' if seccomp_profile() else 'no seccomp'})"

    @property
    def other_user(self) -> bool:
        """Whether the worker is another user than the grader to the host's files: always."""
        return True

    def confinement(self, limits: Limits) -> dict[str, object]:
        """Say what the worker gives up itself; the engine saw to its user and privileges."""
        return {"uid": None, "limits": resource_limits(limits)}

    def start(
        self, arguments: list[str], limits: Limits, *, binds: Sequence[tuple[Path, Path]], cuda: bool,
        environment: Environment | None = None,
    ) -> tuple[subprocess.Popen[bytes], ContainerGuard]:
        """Start an interpreter (this one by default) with `arguments` in a fresh container that shows `binds`.

        Raises:
            HarnessFault: the container cannot be made.

        """
        name = f"harness-{os.getpid()}-{next(_numbers)}"
        guard = ContainerGuard(self, name)
        environment = environment or own_environment()
        try:
            options = [*self._confined(limits), *_shown(binds, environment), *(GPUS[self.engine] if cuda else [])]
            if profile := seccomp_profile():
                file = guard.after.enter_context(scratch_folder()) / "seccomp.json"
                file.write_text(json.dumps(profile))
                options += ["--security-opt", f"seccomp={file}"]
            # `env -i` takes away what the engine sets, such as a proxy's address with its password.
            told = [f"{key}={value}" for key, value in variables(limits, environment).items()]
            command = [
                self.program, "run", "--name", name, *options, self.image, "/usr/bin/env", "-i", *told,
                *environment.command, *arguments]
            guard.process = process = start_process(command, env=os.environ, cwd="/")
        except OSError as error:
            guard.release()
            raise HarnessFault(f"the container cannot be made: {error}") from error
        guard.watch(limits)
        return process, guard

    def ask(self, *arguments: str, stdin: bytes | None = None) -> str:
        """Ask the engine something, and give its answer.

        Raises:
            BoxUnavailable: it fails, or does not answer in time.

        """
        try:
            done = subprocess.run(
                [self.program, *arguments], input=stdin, capture_output=True, check=False, timeout=PATIENCE,
                stdin=subprocess.DEVNULL if stdin is None else None)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise BoxUnavailable(f"{self.engine} does not answer ({error})") from error
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip()
            last = said.splitlines()[-1] if said else f"exit code {done.returncode}"
            remedy = next((text for sign, text in REMEDIES.items() if sign in said.lower()), "")
            raise BoxUnavailable(f"{self.engine} does not work ({last})" + (f"; {remedy}" if remedy else ""))
        return done.stdout.decode(errors="replace")

    def sweep(self) -> None:
        """Remove the containers of graders that were killed.

        Raises:
            BoxUnavailable: the engine does not work.

        """
        for name in self.ask("ps", "--all", "--filter", "name=harness-", "--format", "{{.Names}}").split():
            kind, _, rest = name.partition("-")
            owner = rest.partition("-")[0]
            if kind == "harness" and owner.isdigit() and not Path("/proc", owner).exists():
                with contextlib.suppress(BoxUnavailable):
                    self.ask("rm", "--force", name)

    def _confined(self, limits: Limits) -> list[str]:
        memory, files = str(limits.memory_bytes), limits.open_files
        return [
            "--interactive", "--pull", "never", "--network", "none", "--hostname", "box", "--read-only",
            "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--user", f"{NOBODY}:{NOBODY}",
            "--ipc", "private", "--cgroupns", "private", "--workdir", "/tmp",  # noqa: S108 - the box's own
            "--pids-limit", str(limits.processes), "--memory", memory, "--memory-swap", memory,
            "--ulimit", f"nofile={files}:{files}", "--ulimit", "core=0:0",
            "--shm-size", str(SHARED_MEMORY),
            # exec: torch.compile loads what it has compiled there.
            "--tmpfs", f"/tmp:rw,exec,nosuid,nodev,mode=1777,size={limits.disk_bytes}",  # noqa: S108
            # What is shown of the host carries labels of SELinux that a container could not read.
            "--security-opt", "label=disable",
        ]


class ContainerGuard:
    """Ends a container, knows why it ended, and removes it."""

    def __init__(self, box: ContainerBox, name: str) -> None:
        self.after = contextlib.ExitStack()
        self.process: subprocess.Popen[bytes] | None = None     # the engine's client
        self._box = box
        self._name = name
        self._first: int | None = None      # the container's first process, as the host counts
        self._watcher: Watcher | None = None

    def watch(self, limits: Limits) -> None:
        """See to the processor time, which the engine does not limit, where its counter can be read."""

        def look() -> Exceeded | None:
            return "cpu" if (self.usage().cpu_seconds or 0) > limits.cpu_seconds else None

        self._watcher = Watcher(look, every=5 * SELDOM, kill=self.kill)

    def kill(self) -> None:
        """End the container, and then the engine's client, which alone would leave it running."""
        with contextlib.suppress(BoxUnavailable):       # it ended already, or has not begun
            self._box.ask("kill", "--signal", "KILL", self._name)
        if self.process is not None:
            self.process.kill()

    def exceeded(self) -> Exceeded | None:
        """Give the limit that the container was ended for, by the engine's word or the watcher."""
        end = time.monotonic() + SETTLING
        with contextlib.suppress(BoxUnavailable):
            while True:     # the engine hears of the end a moment after the pipes do
                running, _, killed = self._inspected("{{.State.Running}} {{.State.OOMKilled}}").partition(" ")
                if killed == "true":
                    return "memory"
                if running != "true" or time.monotonic() > end:
                    break
                time.sleep(0.1)
        return self._watcher.exceeded if self._watcher is not None else None

    def usage(self) -> Usage:
        """Give the processor time so far, where the container's processes can be seen from here."""
        if self._first is None:
            with contextlib.suppress(BoxUnavailable, OSError, ValueError):      # it has not begun, or ended
                number, _, container = self._inspected("{{.State.Pid}} {{.Id}}").partition(" ")
                # An engine in a machine of its own counts otherwise: the group's name tells whether it is this one.
                if int(number) > 0 and container and container in Path("/proc", number, "cgroup").read_text():
                    self._first = int(number)
        return Usage(cpu_seconds=None if self._first is None else processor_seconds(self._first))

    def _inspected(self, form: str) -> str:
        return self._box.ask("inspect", "--format", form, self._name).strip()

    def release(self) -> None:
        """Remove the container and temporary files."""
        if self._watcher is not None:
            self._watcher.stop()
        with contextlib.suppress(BoxUnavailable):
            self._box.ask("rm", "--force", "--volumes", self._name)
        self.after.close()


def _shown(binds: Sequence[tuple[Path, Path]], environment: Environment) -> list[str]:
    """Bind read-only what bubblewrap's box shows as well."""
    system = [Path("/usr"), *(path for path in SYSTEM if path.exists() and not path.is_symlink())]
    same = [*system, *environment.shown, *(path for path in (Path("/etc/ld.so.cache"), Path("/etc/alternatives"))
                                       if path.exists())]
    options = [word for path in same for word in _mount(path, path)]
    for packages, inside in environment.inside.items():
        options += _mount(packages, inside) if inside != packages else []
        if (packages / "harness").is_dir():     # an installed harness: the worker's part is enough
            options += ["--tmpfs", f"{inside / 'harness'}:ro,size=4k"]
    return [*options, *(word for outside, inside in (*own_parts(), *binds) for word in _mount(outside, inside))]


def _mount(outside: Path, inside: Path) -> list[str]:
    """Write a bind as both engines read it: fields of CSV, so that a comma or colon in a path does no harm."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(
        ["type=bind", f"source={outside}", f"target={inside}", "readonly"])
    return ["--mount", line.getvalue()]


def _empty_layer() -> bytes:
    """Make the image's one layer: links into /usr as the host has them, and nothing else; the same bytes every time."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path in SYSTEM:
            if path.is_symlink():
                link = tarfile.TarInfo(str(path)[1:])
                link.type, link.linkname = tarfile.SYMTYPE, str(path.readlink())
                archive.addfile(link)
        for name in ("tmp", "usr"):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(folder)
    return packed.getvalue()
