"""What was seen of a statement before it comes to an answer."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.quiz.reading.facts import Mark
from harness.quiz.reading.lone import Sign
from harness.quiz.reading.signals import Signal
from harness.quiz.reading.targets import Target
from harness.quiz.reading.zones import Zone

__all__ = ["Place", "Seen"]


@dataclass(slots=True)
class Place:
    """One place where a statement stands, and what can be ticked there."""

    zone: Zone
    targets: list[Target]
    marks: list[Mark]
    signs: list[Sign] = field(default_factory=list)     # ticks and crosses that stand alone

    @property
    def page(self) -> int:
        """The page of its first line."""
        return self.zone.bands[0].page


@dataclass(slots=True)
class Seen:
    """Everything that was seen of one statement."""

    places: list[Place] = field(default_factory=list)
    signals: list[Signal] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)
    noted: bool = False                                         # an argument was put into a field or a note
    hints: list[Signal] = field(default_factory=list)           # where it may be answered, if it was seen nowhere
