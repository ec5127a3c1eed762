"""The conversation with the worker of one role: requests are timed, a fault ends only what it concerns."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

import numpy as np

from harness.contract import CAPABILITIES
from harness.data.outlines import DOMAINS
from harness.errors import SubmissionFault
from harness.evidence.ledger import Ledger, Meter
from harness.evidence.plan import Plan
from harness.limits import Limits
from harness.sandbox.base import Session
from harness.wire import Expected

__all__ = ["BATCH", "Clipped", "Described", "Talk", "batches", "image_rule", "numbers_told", "with_labels"]

BATCH = 5_000
"""Most images in one request: 16 MB as float32, enough that the requests cost nothing beside the work."""

TOLERANCE = 1e-4
"""How far outside of [0, 1] a pixel may lie; rounding in a sigmoid or a rescaling stays below it."""

MOST_TOLD, LONGEST_NAME = 20, 60
"""How many numbers of its own a model may tell, and how long their names may be."""


def batches(count: int, size: int = BATCH) -> Iterator[slice]:
    """Cut `count` items into runs of at most `size`."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def with_labels(
    arrays: Mapping[str, np.ndarray], labels: np.ndarray | None, part: slice,
) -> dict[str, np.ndarray]:
    """Add the labels of a part of what is asked about, where the model is given labels."""
    return dict(arrays) if labels is None else {**arrays, "labels": labels[part]}


def image_rule(count: int, *, any_range: bool = False) -> Expected:
    """Give what `count` images must be on the wire: in [0, 1] but for rounding, unless the range is declared open."""
    if any_range:
        return Expected(shape=(count, 28, 28))
    return Expected(shape=(count, 28, 28), low=-TOLERANCE, high=1 + TOLERANCE)


@dataclass(slots=True)
class Clipped:
    """How many pixels of a model lie outside of [0, 1], where its manifest declares that they are to be clipped."""

    outside: int = 0
    seen: int = 0

    def count(self, images: np.ndarray) -> None:
        """Add the pixels of some images."""
        self.outside += int(np.count_nonzero((images < -TOLERANCE) | (images > 1 + TOLERANCE)))
        self.seen += images.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What a model says about itself; nothing in it counts for marks."""

    capabilities: tuple[str, ...] = ()
    conditional: bool = False
    parameters: int | None = None
    log_prob_kind: str = "bound"
    domains: tuple[str, ...] = ()

    @classmethod
    def of(cls, head: Mapping[str, Any]) -> Described:
        """Take from a worker's answer what has the right type, and nothing else."""
        named, count, kind = head.get("capabilities"), head.get("parameters"), head.get("log_prob_kind")
        return cls(
            capabilities=tuple(name for name in CAPABILITIES if isinstance(named, list) and name in named),
            conditional=head.get("conditional") is True,
            parameters=count if type(count) is int and 0 <= count < 2**53 else None,
            log_prob_kind=kind if isinstance(kind, str) and kind in {"exact", "bound", "estimate"} else "bound",
            domains=DOMAINS if head.get("domains") == list(DOMAINS) else (),
        )


class Talk:
    """Asks one worker. What failed once is not asked again.

    A worker that has ended answers each request with the fault that ended it; the ledger keeps that once.
    """

    def __init__(
        self, session: Session, *, role: str, limits: Limits, ledger: Ledger, meter: Meter, clip: bool = False,
    ) -> None:
        self.role = role
        self.redirected: set[str] = set()   # devices that its code asked for and did not get
        self.whole_codes = False            # whether its codes turned out to be whole numbers
        self.clipped = Clipped() if clip else None
        self.meter = meter
        self.spent: dict[str, float] = {}   # seconds of the latest request of each kind
        self._session = session
        self._limits = limits
        self._ledger = ledger
        self._failed: set[str] = set()

    def can(self, verb: str) -> bool:
        """Whether it is worth asking."""
        return verb not in self._failed

    def fail(self, verb: str, fault: SubmissionFault) -> None:
        """Keep a fault, and ask for this no more."""
        self._failed.add(verb)
        self._ledger.blame(fault, stage="start" if verb == "describe" else verb)

    def describe(self) -> Described:
        """Wait until the model is made and loaded, and ask what it can do; nothing where that failed."""
        self.stage("starting the model")
        answer = self._ask("describe", None, None, expect={}, seconds=self._limits.start_seconds)
        return Described() if answer is None else Described.of(answer[0])

    def ask(
        self, verb: str, arrays: Mapping[str, np.ndarray] | None = None,
        options: Mapping[str, Any] | None = None, *, expect: Mapping[str, Expected],
    ) -> dict[str, np.ndarray] | None:
        """Make one request; give its arrays, None where it failed, now or before."""
        answer = self._ask(verb, arrays, options, expect=expect, seconds=self._limits.request_seconds)
        return None if answer is None else answer[1]

    def images(
        self, verb: str, count: int, arrays: Mapping[str, np.ndarray], options: Mapping[str, Any] | None = None,
    ) -> np.ndarray | None:
        """Ask for images (count, 28, 28) float32 in [0, 1]; what lies outside by rounding, or as declared, is clipped.

        None where the request failed, now or before.
        """
        rule = image_rule(count, any_range=self.clipped is not None)
        answer = self.ask(verb, arrays, options, expect={"images": rule})
        if answer is None:
            return None
        images = answer["images"]
        if self.clipped is not None:
            self.clipped.count(images)
        return np.clip(images, 0.0, 1.0, out=images)

    def report(self, plan: Plan) -> dict[str, float]:
        """Ask what the model tells of itself, from some training images and their labels; nothing where it failed."""
        self.stage("asking for the model's own numbers")
        arrays = {"images": plan.told_images, "labels": plan.told_labels}
        answer = self._ask("report", arrays, None, expect={}, seconds=self._limits.request_seconds)
        return {} if answer is None else numbers_told(answer[0].get("told"))

    def stage(self, text: str) -> None:
        """Say what comes next."""
        self.meter.stage(self.role, text)

    def _ask(
        self, verb: str, arrays: Mapping[str, np.ndarray] | None, options: Mapping[str, Any] | None,
        *, expect: Mapping[str, Expected], seconds: float,
    ) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
        if not self.can(verb):
            return None
        begun = monotonic()
        try:
            head, answer = self._session.ask(verb, arrays, options, expect=expect, seconds=seconds)
            told = head.get("redirected")
            self.redirected |= {one for one in ("cuda", "mps") if isinstance(told, list) and one in told}
            self.whole_codes |= head.get("whole_codes") is True
            return head, answer
        except SubmissionFault as fault:
            self.fail(verb, fault)
            return None
        finally:
            self.spent[verb] = monotonic() - begun
            self._ledger.spend(verb, self.spent[verb])


def numbers_told(told: object) -> dict[str, float]:
    """Take a few finite numbers with short names, and nothing else."""
    if not isinstance(told, dict):
        return {}
    return {
        name: float(value) for name, value in list(told.items())[:MOST_TOLD]
        if isinstance(name, str) and 0 < len(name) <= LONGEST_NAME and name.isprintable()
        and type(value) in (int, float) and abs(value) <= sys.float_info.max     # whole numbers may be longer
    }
