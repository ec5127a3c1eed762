"""What every box offers: a worker process that answers requests in frames of raw arrays.

The verbs, with their arrays and options, and the arrays that come back:

| verb        | arrays                         | options       | back                                             |
|-------------|--------------------------------|---------------|--------------------------------------------------|
| `describe`  |                                |               | (head: capabilities, conditional, log_prob_kind, parameters, batch_size, framework) |
| `fit`       | images, labels if conditional  | seconds, seed | `files/<relative path>`: each saved file's bytes |
| `run`       | images, labels                 | script, cells, keep, seconds, seed | `files/<relative path>` of what it saved |
| `encode`    | images, labels if declared     |               | codes (N, d)                                     |
| `posterior` | images, labels if declared     |               | mean (N, d), log_variance (N, d)                 |
| `decode`    | codes (N, d), labels if declared |             | images (N, 28, 28)                               |
| `sample`    | labels if conditional          | count, seed   | images (count, 28, 28)                           |
| `log_prob`  | images                         |               | log_prob (N,)                                    |
| `translate` | images                         | to            | images (N, 28, 28)                               |

Images go in as uint8 (the model gets x / 255) or as float32 in [0, 1], of shape (N, 28, 28); they come back
as float32, never clamped. A key of `expect` that ends in "*" stands for any number of arrays whose names begin
so, of `most` elements in all: `{"files/*": Expected(shape=(None,), dtype="|u1", most=limits.saved_bytes)}`.
"""     # noqa: E501 - a row of the table

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np

from harness.limits import Limits, Role
from harness.sandbox.environments import Environment, own_environment
from harness.wire import Expected

__all__ = ["Box", "Job", "Session"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a worker is started with.

    Attributes:
        role: `fit`, `encode` (which is shown images, and so also gives posteriors and likelihoods), or
            `decode` (which also samples, and is never shown an image).
        source: "file.py:Class" or "module:Class", looked up in `folder`.
        folder: the clean copy of the hand-in; the worker sees it read-only.
        arguments: keyword arguments of the constructor.
        checkpoint: a file or folder to load after construction, None for a fresh model; read-only as well.
        parts: network, by its dotted name -> its file below `checkpoint`; empty where one file holds all weights.
        definitions_only: import only what the source defines; None: where it is a notebook.
        cells: code cells of a notebook, by number or tag; empty for all.
        manner: how the model wants to be asked, as the manifest declares it; empty for the contract's way.
        load: whether the model is made at all; not so where a script is only run.
        seed: what the worker seeds torch, NumPy and random with before anything else.
        device: "cpu" or "cuda".
        environment: the interpreter and packages that it runs with.

    """

    role: Role
    source: str
    folder: Path
    arguments: Mapping[str, Any] = field(default_factory=dict)
    checkpoint: Path | None = None
    parts: Mapping[str, str] = field(default_factory=dict)
    definitions_only: bool | None = None
    cells: Sequence[int | str] = ()
    manner: Mapping[str, Any] = field(default_factory=dict)
    load: bool = True
    seed: int = 0
    device: str = "cpu"
    environment: Environment = field(default_factory=own_environment)


class Session(Protocol):
    """A conversation with one worker. A context manager; leaving it ends every process of the box."""

    def ask(
        self, verb: str, arrays: Mapping[str, np.ndarray] | None = None,
        options: Mapping[str, Any] | None = None,
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

    def __enter__(self) -> Self: ...
    def __exit__(self, *exc: object) -> None: ...


class Box(Protocol):
    """A way to run workers."""

    @property
    def name(self) -> str:
        """Backend and level, as recorded in every grade: "bubblewrap (uid 65534, cgroup v1)"."""
        ...

    @property
    def protects(self) -> bool:
        """Whether it confines what runs inside; a box that does not is for one's own code only."""
        ...

    def open(self, job: Job, limits: Limits) -> Session:
        """Start a worker. Returns at once: importing and loading go on while the caller does other work."""
        ...
