"""Workers that misbehave: scripts that speak in frames without importing torch, in a box or without one."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from pathlib import Path

from harness.limits import Limits
from harness.sandbox.bubblewrap import BubblewrapBox
from harness.sandbox.process import WorkerSession, start_process
from harness.sandbox.watch import Usage, processor_seconds

MIB = 2**20
SMALL = Limits(start_seconds=20, memory_bytes=300 * MIB, processes=40, log_bytes=100_000, disk_bytes=20 * MIB)

# Says what a worker says until its model is loaded; `answer` then answers the next request.
PRELUDE = """
import io, json, os, sys, time
from harness.worker.confine import confine
confine(json.loads(sys.argv[1]))
from harness.wire import read_frame, write_frame
import numpy as np
source, sink = io.FileIO(os.dup(0)), io.FileIO(os.dup(1), "wb")
os.dup2(2, 1)
write_frame(sink, {"stage": "started"})
read_frame(source, None)
def ready():
    write_frame(sink, {"stage": "ready"})
def answer(head=None, arrays=None):
    request, given = read_frame(source, None)
    write_frame(sink, {"id": request["id"], **(head or {})}, arrays)
    return request, given
"""


class LoneProcess:
    """The guard of a process that no box holds."""

    def __init__(self, process):
        self.process = process

    def kill(self):
        self.process.kill()

    def exceeded(self):
        return None

    def usage(self):
        return Usage(cpu_seconds=processor_seconds(self.process.pid))

    def release(self):
        pass


def plain_script(script: str, limits: Limits, folder: Path) -> WorkerSession:
    del folder
    root = str(Path(__file__).parents[1])
    command = [sys.executable, "-c", PRELUDE + textwrap.dedent(script), "{}"]
    process = start_process(command, env={**os.environ, "PYTHONPATH": root})
    return WorkerSession(process, {}, limits=limits, guard=LoneProcess(process))


def boxed_script(
    script: str, limits: Limits, folder: Path, *, box: BubblewrapBox | None = None,
) -> WorkerSession:
    box = box or BubblewrapBox.find()
    arguments = ["-c", PRELUDE + textwrap.dedent(script), json.dumps(box.confinement(limits))]
    process, guard = box.start(arguments, limits, binds=[(folder, Path("/hand-in"))], cuda=False)
    return WorkerSession(process, {}, limits=limits, guard=guard)
