"""The review page: what needs a person, one criterion after the other, with the evidence beside the form."""

from __future__ import annotations

from harness.review.kept import Kept
from harness.review.marks import HandMark, MarkedMeanwhile, MarkStore
from harness.review.queue import Choice, Item, Queue
from harness.review.server import application

__all__ = ["Choice", "HandMark", "Item", "Kept", "MarkStore", "MarkedMeanwhile", "Queue", "application"]
