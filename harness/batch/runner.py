"""Grades tasks: in this process one after the other, or in several processes that are watched and replaced."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any, Protocol

from harness.batch.log import LOG, Log
from harness.batch.opening import Settings
from harness.batch.task import Done, Task, recall_task, run_task
from harness.errors import HarnessFault, UserError
from harness.report.render import folder_name
from harness.workshop import Workshop

__all__ = ["InlineRunner", "KeptFirst", "LocalRunner", "Runner", "Tell"]

Tell = Callable[[Task, str, float | None], None]
"""Told of a task what is being done, and which share of that is over where that is known."""

MOST_DEATHS = 3             # processes in a row that end before they can begin: then it is no accident
SECONDS_TO_STOP = 15.0      # that a process has to clear up before it is killed


class Runner(Protocol):
    """Grades tasks somewhere."""

    def run(self, tasks: Sequence[Task], tell: Tell) -> Generator[Done, None, None]:
        """Grade every task, in any order; give each as it is finished.

        Raises:
            UserError: nothing can be graded before the person at the terminal mends something.
            HarnessFault: nothing can be graded.

        """
        ...


class InlineRunner:
    """Grades one task after the other in this process."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop

    def run(self, tasks: Sequence[Task], tell: Tell) -> Generator[Done, None, None]:
        """Grade every task, in their order."""
        for task in tasks:
            tell(task, "starting", None)
            done = run_task(task, self._workshop, progress=partial(tell, task))
            if done.wrong_use:
                raise UserError(done.wrong_use)
            yield done


class KeptFirst:
    """Takes what the store holds, in this process, and has only the rest graded by another runner."""

    def __init__(self, workshop: Workshop, runner: Runner) -> None:
        self._workshop = workshop
        self._runner = runner

    def run(self, tasks: Sequence[Task], tell: Tell) -> Generator[Done, None, None]:
        """Grade every task, those first that cost no time."""
        rest = []
        for task in tasks:
            # A hand-in without a result is hardly in the store: a new class is not kept waiting.
            there = (task.reports / folder_name(task.group) / "result.json").is_file()
            done = recall_task(task, self._workshop) if there else None
            if done is None:
                rest.append(task)
            else:
                tell(task, "starting", None)
                yield done
        if rest:
            with contextlib.closing(self._runner.run(rest, tell)) as running:
                yield from running


class LocalRunner:
    """Grades tasks in several processes, each of which is started once and does one task at a time.

    A process that dies costs the task it had a fault of the harness, and is replaced.

    Args:
        settings: of every workshop.
        jobs: how many processes there are.

    """

    def __init__(self, settings: Settings, *, jobs: int) -> None:
        self._settings = settings
        self._jobs = jobs
        self._crew: list[_Worker] = []
        self._deaths = 0        # in a row, of processes that had not begun

    def run(self, tasks: Sequence[Task], tell: Tell) -> Generator[Done, None, None]:
        """Grade every task; when it is left early, the processes are told to stop, and waited for."""
        waiting = deque(tasks)
        try:
            while waiting or any(worker.task for worker in self._crew):
                while len(self._crew) < min(self._jobs, len(waiting) + sum(bool(one.task) for one in self._crew)):
                    self._crew.append(_Worker(self._settings))
                for worker in self._crew:
                    if waiting and worker.ready and worker.task is None:
                        worker.give(waiting.popleft())
                for worker in _heard(self._crew):
                    yield from self._listen(worker, tell)
        finally:
            _stop(self._crew)
            self._crew = []

    def _listen(self, worker: _Worker, tell: Tell) -> Generator[Done, None, None]:
        """Take what a process says, or notice that it has ended."""
        for message in worker.messages():
            if "stage" in message and worker.task:
                tell(worker.task, message["stage"], message["share"])
            elif "done" in message:
                worker.task, self._deaths = None, 0
                done = Done.model_validate(message["done"])
                _raise_wrong_use(done.wrong_use)
                yield done
            elif "fault" in message:
                _raise_wrong_use(message["wrong_use"])
                raise HarnessFault(message["fault"])
        if worker.ended:
            yield from self._bury(worker)

    def _bury(self, worker: _Worker) -> Generator[Done, None, None]:
        """Let go of a process that has died: its task is lost; others of its kind that cannot begin are too many."""
        self._crew.remove(worker)
        why = worker.why_it_ended()
        if worker.task:
            yield _lost(worker.task, why)
        elif not worker.ready:
            self._deaths += 1
            if self._deaths >= MOST_DEATHS:
                raise HarnessFault(f"the processes that grade cannot be started: the last one {why}")


def _raise_wrong_use(what: str) -> None:
    if what:
        raise UserError(what)


def _lost(task: Task, why: str) -> Done:
    """Say in the log as well that a hand-in lost the process that graded it."""
    message = f"the process that graded it {why}; grade it again"
    Log(task.reports / folder_name(task.group) / LOG, str(task.path)).line(f"not graded: {message}")
    return Done(path=task.path, group=task.group, failed=message)


class _Worker:
    """A process that grades, and what it is doing."""

    def __init__(self, settings: Settings) -> None:
        self.task: Task | None = None
        self.ready = False
        self.ended = False
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - `close` closes it
        self._partial = b""
        root = str(Path(__file__).resolve().parents[2])
        try:
            # A session of its own: Ctrl-C at the terminal reaches this process alone, which then stops the others.
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "harness.batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=self._errors, start_new_session=True, env={**os.environ, "PYTHONPATH": root})
        except OSError as error:
            raise HarnessFault(f"no process could be started to grade in: {error}") from error
        self._send(settings.model_dump_json())

    def give(self, task: Task) -> None:
        """Let it grade a hand-in."""
        self.task = task
        self._send(task.model_copy(update={"settings": None}).model_dump_json())

    @property
    def channel(self) -> IO[bytes]:
        """What it says, a message of JSON in a line."""
        assert self.process.stdout is not None  # noqa: S101 - it was opened as a pipe
        return self.process.stdout

    def messages(self) -> list[dict[str, Any]]:
        """Give the messages that have come in whole."""
        piece = os.read(self.channel.fileno(), 2**20)
        if not piece:
            self.ended = True
        *lines, self._partial = (self._partial + piece).split(b"\n")
        messages = [json.loads(line) for line in lines]
        self.ready = self.ready or any("ready" in message for message in messages)
        return messages

    def why_it_ended(self) -> str:
        """Say how a process ended that should not have, with the end of what it printed."""
        code = self.process.wait()
        how = f"was killed by signal {-code} ({signal.Signals(-code).name})" if code < 0 else f"ended with code {code}"
        if code == -signal.SIGKILL:
            how += ", as the system does where memory runs out"
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - 2_000))
        said = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        self.close()
        return f"{how}: {said[-1]}" if said and code > 0 else how

    def interrupt(self) -> None:
        """Ask it to stop and to clear up."""
        with contextlib.suppress(OSError):
            self.process.send_signal(signal.SIGINT)
        self._close_input()

    def close(self) -> None:
        """Let go of it when it has ended."""
        self._close_input()
        self.channel.close()
        self._errors.close()

    def _close_input(self) -> None:
        if self.process.stdin:
            with contextlib.suppress(OSError):
                self.process.stdin.close()

    def _send(self, line: str) -> None:
        assert self.process.stdin is not None  # noqa: S101 - it was opened as a pipe
        with contextlib.suppress(BrokenPipeError):      # it has ended, which is noticed where it is listened to
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()


def _heard(crew: Sequence[_Worker]) -> list[_Worker]:
    """Wait until at least one process says something or ends; give those."""
    with selectors.DefaultSelector() as selector:
        for worker in crew:
            selector.register(worker.channel, selectors.EVENT_READ, worker)
        return [key.data for key, _ in selector.select()]


def _stop(crew: Sequence[_Worker]) -> None:
    """End all processes: those that are idle at once, others after they have cleared up; kill what hangs."""
    for worker in crew:
        worker.interrupt()
    end = time.monotonic() + SECONDS_TO_STOP
    for worker in crew:
        try:
            worker.process.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            worker.process.kill()
            worker.process.wait()
        worker.close()
