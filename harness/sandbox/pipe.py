"""Ends of pipes that do not wait for ever."""

from __future__ import annotations

import contextlib
import math
import os
import select
import time

from harness.errors import TimedOut
from harness.wire import StreamEnded

__all__ = ["Pipe"]

PIPE_BYTES = 2**20  # what Linux grants every user (fs.pipe-max-size); the default is 64 KiB


class Pipe:
    """One end of a pipe that gives up when `deadline` (of `time.monotonic`) has passed.

    Bytes that are already there are taken even after the deadline. Where the system cannot wait on a pipe
    with a time-out (Windows), reading and writing block, and whoever set the deadline ends the other side.
    """

    can_wait = hasattr(select, "poll")

    def __init__(self, descriptor: int, *, deadline: float = math.inf) -> None:
        self.descriptor = descriptor
        self.deadline = deadline
        if self.can_wait:
            os.set_blocking(descriptor, False)
            self._poll = select.poll()
            self._poll.register(descriptor)
            _enlarge(descriptor)

    def readinto(self, buffer: memoryview, /) -> int:
        """Read up to len(buffer) bytes; 0 at the end of the stream."""
        if not self.can_wait:
            return _read_blocking(self.descriptor, buffer)
        while True:
            with contextlib.suppress(BlockingIOError):
                return os.readv(self.descriptor, [buffer])
            self._wait(select.POLLIN)

    def write(self, data: memoryview, /) -> int:
        """Write some of the bytes and say how many."""
        while True:
            try:
                return os.write(self.descriptor, data)
            except BlockingIOError:
                self._wait(select.POLLOUT)
            except BrokenPipeError as error:
                raise StreamEnded("the worker closed its end") from error

    def close(self) -> None:
        """Close the descriptor; a second call does nothing."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def _wait(self, event: int) -> None:
        left = self.deadline - time.monotonic()
        self._poll.modify(self.descriptor, event)
        if left <= 0 or not self._poll.poll(None if math.isinf(left) else math.ceil(left * 1000)):
            raise TimedOut("no answer came in time")


def _enlarge(descriptor: int) -> None:
    """Ask for a large buffer; without one the pipe works all the same, only slower."""
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def _read_blocking(descriptor: int, buffer: memoryview) -> int:
    data = os.read(descriptor, min(len(buffer), PIPE_BYTES))
    buffer[: len(data)] = data
    return len(data)
