"""What both roles write down while they ask: faults, times, and how far they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from harness.errors import SubmissionFault
from harness.records import Fault

__all__ = ["Ledger", "Meter", "Progress"]

Progress = Callable[[str, float | None], None]
"""Called with what is being done and the share of it that is done, None where nobody can know."""


@dataclass(slots=True, kw_only=True)
class Ledger:
    """Faults of one model, and how long each kind of request took in all, in seconds."""

    model: str
    faults: list[Fault] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def blame(self, fault: SubmissionFault, *, stage: str) -> None:
        """Keep a fault; one that both roles meet (the code cannot be imported) is kept once."""
        shown = Fault(stage=stage, model=self.model, **fault.facts)
        with self.lock:
            if all((shown.kind, shown.message) != (known.kind, known.message) for known in self.faults):
                self.faults.append(shown)

    def spend(self, verb: str, seconds: float) -> None:
        """Add to the time of a kind of request."""
        with self.lock:
            self.seconds[verb] = self.seconds.get(verb, 0.0) + seconds


class Meter:
    """Adds up over both roles how many images are to be asked for and how many came back, and reports it."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._lock = Lock()
        self._stages: dict[str, str] = {}
        self._planned = 0
        self._done = 0
        self._share = 0.0

    def plan(self, count: int) -> None:
        """Expect `count` more images."""
        with self._lock:
            self._planned += count

    def done(self, count: int) -> None:
        """Note that `count` images came back."""
        with self._lock:
            self._done += count
            self._report()

    def stage(self, role: str, text: str) -> None:
        """Say what a role does now; an empty text when it is through."""
        with self._lock:
            self._stages[role] = text
            self._report()

    def _report(self) -> None:
        stages = dict.fromkeys(filter(None, self._stages.values()))     # once where both do the same
        if self._planned:   # it grows while the roles start, but nobody wants to see a bar go back
            self._share = max(self._share, min(self._done / self._planned, 1.0))
        self._progress(" and ".join(stages) or "asking the model", self._share if self._planned else None)
