"""No box at all: a worker as an ordinary process, for one's own code on one's own machine."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.limits import Limits
from harness.sandbox.base import Job
from harness.sandbox.process import WorkerSession, start_process
from harness.sandbox.watch import Exceeded, Usage, processor_seconds

__all__ = ["PlainBox", "job_head"]


class PlainBox:
    """Runs workers without protection; only time and log are limited. Works on every system."""

    name = "plain (no protection)"
    protects = False

    def open(self, job: Job, limits: Limits) -> WorkerSession:
        """Start a worker; returns at once."""
        threads = str(limits.threads)
        env = {
            **os.environ, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "MPLBACKEND": "Agg",
            "PYTHONPATH": os.pathsep.join(
                filter(None, [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH")])),
            "PYTHONHASHSEED": "0", "PYTHONIOENCODING": "utf-8:backslashreplace", **job.environment.variables,
        }
        process = start_process(
            [str(job.environment.python), "-P", "-B", "-m", "harness.worker", json.dumps({})], env=env,
            own_session=os.name == "posix",
        )
        folder = job.folder.resolve()
        checkpoint = None if job.checkpoint is None else job.checkpoint.resolve()
        head = job_head(job, limits, folder=folder, checkpoint=checkpoint)
        return WorkerSession(process, head, limits=limits, guard=_ProcessGroup(process), has=job.environment.has)


def job_head(job: Job, limits: Limits, *, folder: Path, checkpoint: Path | None) -> Mapping[str, Any]:
    """Give the first frame of a conversation: the job, with paths as the worker sees them."""
    weights = None if checkpoint is None else str(checkpoint)
    parts = {name: str(checkpoint / file) for name, file in job.parts.items()} if checkpoint else None
    return {
        "role": job.role, "source": job.source, "folder": str(folder), "arguments": dict(job.arguments),
        "checkpoint": parts or weights, "seed": job.seed, "device": job.device, "threads": limits.threads,
        "definitions_only": job.definitions_only, "cells": list(job.cells), "manner": dict(job.manner),
        "load": job.load,
    }


class _ProcessGroup:
    """Ends the worker and, where the system knows process groups, what it started."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def kill(self) -> None:
        """End the group."""
        if os.name == "posix":
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        else:
            self._process.kill()

    def exceeded(self) -> Exceeded | None:
        """Never known here: nothing is limited but time and log."""
        return None

    def usage(self) -> Usage:
        """Give the processor time, where the system tells it."""
        if not Path("/proc/self/stat").is_file():
            return Usage()
        return Usage(cpu_seconds=processor_seconds(self._process.pid))

    def release(self) -> None:
        """Nothing is left."""
