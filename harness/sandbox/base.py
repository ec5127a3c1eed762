"""What every box offers: a worker process that answers requests in frames of raw arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from harness.limits import Limits, Role
from harness.wire import Expected

__all__ = ["Box", "Job", "Session"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a worker is started with.

    Attributes:
        role: `fit`, `encode` or `decode` (which also samples, translates and gives likelihoods).
        source: "file.py:Class" or "module:Class", looked up in `folder`.
        folder: the clean copy of the hand-in; the worker sees it read-only.
        arguments: keyword arguments of the constructor.
        checkpoint: a file or folder to load after construction, None for a fresh model; read-only as well.
        seed: what the worker seeds torch, NumPy and random with before anything else.
        device: "cpu" or "cuda".

    """

    role: Role
    source: str
    folder: Path
    arguments: Mapping[str, Any] = field(default_factory=dict)
    checkpoint: Path | None = None
    seed: int = 0
    device: str = "cpu"


class Session(Protocol):
    """A conversation with one worker. A context manager; leaving it ends every process of the box."""

    def ask(
        self, verb: str, arrays: Mapping[str, np.ndarray] | None = None, options: Mapping[str, Any] | None = None,
        *, expect: Mapping[str, Expected], seconds: float,
    ) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Send one request and wait for its answer.

        Returns the answer's JSON object (nothing in it may be trusted as a score, a time or a status) and
        its arrays, each checked for dtype, shape, finiteness and range against `expect`.

        Raises:
            SubmissionFault: of the kind that happened, with the tail of the worker's log.
            HarnessFault: the box itself failed.

        """
        ...

    @property
    def log(self) -> str:
        """The tail of what the group's code printed so far, with control characters escaped."""
        ...

    def close(self) -> None:
        """End every process of the box and remove what it leaves."""
        ...

    def __enter__(self) -> Session: ...
    def __exit__(self, *exc: object) -> None: ...


class Box(Protocol):
    """A way to run workers."""

    name: str
    """Backend and level, as recorded in every grade: "bubblewrap (uid 65534, cgroup v1)"."""

    protects: bool
    """Whether it confines what runs inside; a box that does not is for one's own code only."""

    def open(self, job: Job, limits: Limits) -> Session:
        """Start a worker. Returns at once: importing and loading go on while the caller does other work."""
        ...
