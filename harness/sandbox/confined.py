"""What all boxes that confine have in common: how a job is put into one, and how the box itself is tried."""

from __future__ import annotations

import contextlib
import json
import math
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from harness.limits import Limits
from harness.sandbox.base import Job
from harness.sandbox.environments import Environment, own_environment
from harness.sandbox.plain import job_head
from harness.sandbox.process import Guard, WorkerSession
from harness.sandbox.shown import CHECKPOINT, FOLDER, readable

__all__ = ["BoxGuard", "ConfinedBox", "resource_limits"]


class BoxGuard(Guard, Protocol):
    """A guard that also removes what was made for the box outside of it."""

    after: contextlib.ExitStack


class ConfinedBox(ABC):
    """A box that runs this interpreter with a worker's modules, shut off from the host."""

    __slots__ = ()
    program: str    # the path of the backend

    @property
    @abstractmethod
    def name(self) -> str:
        """Backend and level, as recorded in every grade."""

    @property
    def protects(self) -> bool:
        """Whether it confines what runs inside."""
        return True

    @property
    @abstractmethod
    def other_user(self) -> bool:
        """Whether the worker is another user than the grader to the host's files."""

    @abstractmethod
    def confinement(self, limits: Limits) -> dict[str, object]:
        """Say what the worker gives up itself, first of all; see `harness.worker.confine`."""

    @abstractmethod
    def start(
        self, arguments: list[str], limits: Limits, *, binds: Sequence[tuple[Path, Path]], cuda: bool,
        environment: Environment | None = None,
    ) -> tuple[subprocess.Popen[bytes], BoxGuard]:
        """Start an interpreter (by default this one) in a fresh box that shows `binds`, (outside, inside).

        Raises:
            HarnessFault: the box cannot be made.

        """

    def open(self, job: Job, limits: Limits) -> WorkerSession:
        """Start a worker; returns at once.

        Raises:
            HarnessFault: the box cannot be made.

        """
        with contextlib.ExitStack() as undo:
            folder = undo.enter_context(readable(job.folder.resolve(), to_others=self.other_user))
            binds = [(folder, FOLDER)]
            inside = None
            if job.checkpoint is not None:
                inside = CHECKPOINT / job.checkpoint.name
                if job.checkpoint.exists():     # else the worker says in its own words that it is missing
                    shown = readable(job.checkpoint.resolve(), to_others=self.other_user)
                    binds.append((undo.enter_context(shown), inside))
            process, guard = self.start(
                ["-m", "harness.worker", json.dumps(self.confinement(limits))], limits,
                binds=binds, cuda=job.device.startswith("cuda"), environment=job.environment,
            )
            guard.after.push(undo.pop_all())
        head = job_head(job, limits, folder=FOLDER, checkpoint=inside)
        return _session(process, head, limits, guard, job.environment)

    def attack(self, folder: Path, limits: Limits) -> WorkerSession:
        """Start `harness.worker.probe` in place of a hand-in's worker; for the self-test.

        Raises:
            HarnessFault: the box cannot be made.

        """
        told = {**self.confinement(limits), "folder": str(FOLDER)}
        process, guard = self.start(
            ["-m", "harness.worker.probe", json.dumps(told)], limits, binds=[(folder, FOLDER)], cuda=False)
        return _session(process, {}, limits, guard, own_environment())


def resource_limits(limits: Limits) -> dict[str, int]:
    """Give the limits that each process has by itself, by their names in the `resource` module."""
    return {
        "RLIMIT_NOFILE": limits.open_files, "RLIMIT_CORE": 0, "RLIMIT_FSIZE": limits.disk_bytes,
        # The sum over all processes is watched from outside; this is for a watcher that is held up.
        "RLIMIT_CPU": math.ceil(limits.cpu_seconds) + 5,
    }


def _session(
    process: subprocess.Popen[bytes], head: Mapping[str, Any], limits: Limits, guard: BoxGuard,
    environment: Environment,
) -> WorkerSession:
    try:
        return WorkerSession(process, head, limits=limits, guard=guard, has=environment.has)
    except BaseException:
        guard.kill()
        guard.release()
        raise
