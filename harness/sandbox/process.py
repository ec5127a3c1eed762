"""The evaluator's side of a worker process; shared by all boxes that start one."""

from __future__ import annotations

import contextlib
import math
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, NoReturn, Protocol, Self, TypeVar

import numpy as np

from harness.errors import (
    BrokenProtocol,
    Crashed,
    HarnessFault,
    InvalidOutput,
    Rejected,
    SubmissionFault,
    TimedOut,
)
from harness.limits import Limits
from harness.sandbox import faults
from harness.sandbox.log import LogTail
from harness.sandbox.pipe import Pipe
from harness.sandbox.watch import Exceeded, Usage
from harness.wire import Expected, StreamEnded, read_arrays, read_head, write_frame

__all__ = ["Guard", "WorkerSession", "start_process"]

T = TypeVar("T")


class Guard(Protocol):
    """What a box knows and does about the process that a session talks to."""

    def kill(self) -> None:
        """End every process of the box now; may be called from any thread, and more than once."""
        ...

    def exceeded(self) -> Exceeded | None:
        """Give the limit that the box was ended for: known, not guessed from exit codes."""
        ...

    def usage(self) -> Usage:
        """Give what the box's processes used so far."""
        ...

    def release(self) -> None:
        """Remove what the box leaves, after its processes ended."""
        ...


def start_process(
    command: list[str], *, env: Mapping[str, str], cwd: str | None = None, pass_fds: tuple[int, ...] = (),
    own_session: bool = False,
) -> subprocess.Popen[bytes]:
    """Start a process with pipes for stdin, stdout and stderr, from a thread that outlives the caller's.

    bubblewrap ends with the *thread* that started it (PR_SET_PDEATHSIG): a box that a short-lived thread
    opened would vanish in the middle of a conversation.
    """
    return _starter(os.getpid()).submit(
        subprocess.Popen, command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=dict(env), cwd=cwd, pass_fds=pass_fds, start_new_session=own_session, bufsize=0,
    ).result()


@lru_cache(maxsize=1)
def _starter(process: int) -> ThreadPoolExecutor:
    del process     # only the key: threads do not survive a fork
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="harness-start")


class WorkerSession:
    """A conversation with one worker process; implements `Session`.

    Args:
        process: with pipes for stdin, stdout and stderr.
        job: the first frame that it is sent.
        limits: what it may use.
        guard: ends it.
        has: whether a module can be imported where it runs; by default as here.

    """

    def __init__(
        self, process: subprocess.Popen[bytes], job: Mapping[str, Any], *, limits: Limits, guard: Guard,
        has: Callable[[str], bool] | None = None,
    ) -> None:
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise HarnessFault("a worker was started without pipes")
        self._process = process
        self._limits = limits
        self._guard = guard
        self._has = has
        self._start_deadline = time.monotonic() + limits.start_seconds
        self._requests = Pipe(_take(process.stdin), deadline=self._start_deadline)
        self._answers = Pipe(_take(process.stdout), deadline=self._start_deadline)
        self._log = LogTail(_take(process.stderr), most=limits.log_bytes, flooded=guard.kill)
        self._lock = threading.RLock()
        self._ready = False
        self._closed = False
        self._over: SubmissionFault | HarnessFault | None = None
        self._asked = 0
        with contextlib.suppress(StreamEnded):      # the reason shows when the answer is read
            write_frame(self._requests, job)

    def ask(
        self, verb: str, arrays: Mapping[str, np.ndarray] | None = None,
        options: Mapping[str, Any] | None = None,
        *, expect: Mapping[str, Expected], seconds: float,
    ) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Send one request and wait for its answer; see `Session.ask`."""
        with self._lock:
            if self._over is not None:
                raise self._over
            if not self._ready:
                self._wait_until_ready()
            return self._conversing(
                lambda: self._exchange(verb, arrays, options, expect, seconds), what=verb, seconds=seconds)

    @property
    def log(self) -> str:
        """The tail of what the group's code printed so far, with control characters escaped."""
        return self._log.text()

    def close(self) -> None:
        """End every process of the box and remove what it leaves; a second call does nothing."""
        self._guard.kill()      # before the lock: it also ends a request that another thread waits for
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._over = self._over or HarnessFault("the conversation with this worker was closed")
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(10)
            self._log.join(2)
            self._requests.close()
            self._answers.close()
            self._guard.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _wait_until_ready(self) -> None:
        """Wait for "started" (the box works, nothing of the group's ran yet) and for "ready"."""
        seconds = self._limits.start_seconds
        with self._deadline(self._start_deadline - time.monotonic()):
            try:
                read_head(self._answers)
            except SubmissionFault as fault:
                self._over = self._box_failed(fault)
                raise self._over from fault
            head, _ = self._conversing(
                lambda: read_head(self._answers), what="loading the model", seconds=seconds)
        if "error" in head:
            self._end(self._proven() or faults.from_worker(head["error"], log="", limits=self._limits, has=self._has))
        self._ready = True

    def _exchange(
        self, verb: str, arrays: Mapping[str, np.ndarray] | None, options: Mapping[str, Any] | None,
        expect: Mapping[str, Expected], seconds: float,
    ) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        self._asked += 1
        with self._deadline(seconds):
            request = {"id": self._asked, "verb": verb, "options": dict(options or {})}
            write_frame(self._requests, request, arrays)
            head, headers = read_head(self._answers)
            if head.pop("id", None) != self._asked:
                raise BrokenProtocol(
                    "the worker sent an answer to something that was not asked",
                    rationale="Each request gets exactly one answer, in order.",
                    hint="write nothing to file descriptors that your code did not open")
            if "error" in head:
                read_arrays(self._answers, headers, {})
                raise faults.from_worker(head["error"], log=self.log, limits=self._limits, has=self._has)
            return head, read_arrays(self._answers, headers, expect)

    @contextlib.contextmanager
    def _deadline(self, seconds: float) -> Iterator[None]:
        """Let the pipes give up after `seconds`; where they cannot, end the worker by a timer."""
        deadline = time.monotonic() + seconds
        self._requests.deadline = self._answers.deadline = deadline
        timer = None if Pipe.can_wait else threading.Timer(max(seconds, 0), self._guard.kill)
        try:
            if timer:
                timer.start()
            yield
        except StreamEnded as ended:
            if timer and time.monotonic() >= deadline:
                raise TimedOut("no answer came in time") from ended
            raise
        finally:
            if timer:
                timer.cancel()
            self._requests.deadline = self._answers.deadline = math.inf

    def _conversing(self, act: Callable[[], T], *, what: str, seconds: float) -> T:
        """Do one part of the conversation; give its faults their kind, their words and the log."""
        before = self._guard.usage().cpu_seconds or 0.0
        try:
            return act()
        except (InvalidOutput, Crashed, Rejected) as fault:     # the worker lives on and may be asked again
            proven = self._proven()
            if proven is None:
                fault.log = fault.log or self.log
                raise
            reason: SubmissionFault = proven    # its last words are about a pipe that was closed, or a child that died
        except StreamEnded:
            reason = self._proven() or self._why_ended(what)
        except TimedOut:
            used = self._guard.usage().cpu_seconds      # before it is ended, and its processes are gone
            reason = self._proven() or faults.timed_out(
                what, seconds, loading=not self._ready, cpu_seconds=None if used is None else max(used - before, 0.0))
        except BrokenProtocol as broken:
            reason = self._proven() or broken
        return self._end(reason)

    def _end(self, fault: SubmissionFault) -> NoReturn:
        """End the worker, and let this fault be the answer to everything that is asked from now on."""
        self._guard.kill()
        self._log.join(1)
        fault.log = self.log
        self._over = fault
        raise fault from None

    def _proven(self) -> SubmissionFault | None:
        """Give the fault that the box saw itself, whatever the worker's exit looks like."""
        if self._log.overflowed:
            return faults.too_much_output(self._limits, written=self._log.written)
        exceeded = self._guard.exceeded()
        return faults.exceeded(exceeded, self._limits, self._guard.usage()) if exceeded else None

    def _why_ended(self, what: str) -> SubmissionFault:
        try:
            code = self._process.wait(2)
            self._log.join(1)
            return faults.ended(what, code, limits=self._limits, usage=self._guard.usage(), log=self.log)
        except subprocess.TimeoutExpired:
            return faults.pipe_closed(what)

    def _box_failed(self, fault: SubmissionFault) -> HarnessFault:
        exceeded = self._guard.exceeded()
        self._guard.kill()
        self._log.join(2)
        why = f"the limit of {exceeded} is too small to import torch" if exceeded else fault.message
        printed = self.log.strip()[-2000:] or "it printed nothing"
        return HarnessFault(f"the worker did not start ({why}): {printed}")


def _take(stream: Any) -> int:
    """Take over the descriptor of a stream that the process object would close by itself."""
    descriptor = os.dup(stream.fileno())
    stream.close()
    return descriptor
