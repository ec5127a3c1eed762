"""Gather what a run needs (course, data, box, judges, store) from the options of a command."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from harness.course import Course
from harness.data import Dataset, cache_folder, load
from harness.grading import Workshop
from harness.limits import Budget
from harness.metrics.base import Perception
from harness.sandbox.base import Box
from harness.store import Store, recall_for, shipped

__all__ = ["box_for_own_code", "load_data", "workshop"]


def load_data(folder: Path | None, *, stand_in: bool) -> Dataset:
    """Load the data that the options name; a download shows its progress."""
    from harness.cli.terminal import console

    shown = console(err=True)
    return load("garments") if stand_in else load(folder=folder, progress=shown.print)


def box_for_own_code() -> tuple[Box, str]:
    """Give the box, or a plain process and the reason where none works; for code that one trusts as one's own."""
    from harness.errors import BoxUnavailable
    from harness.sandbox.choose import choose_box
    from harness.sandbox.plain import PlainBox

    try:
        return choose_box(), ""
    except BoxUnavailable as unavailable:
        return PlainBox(), str(unavailable)


def workshop(
    course: Course, data: Dataset, box: Box, budget: Budget, *, seed: int, device: str, keep: bool, with_key: bool,
    data_folder: Path | None = None, inception: Path | None = None,
) -> Workshop:
    """Put a workshop together; its results are kept in the course folder's `.harness/` where `keep` says so."""
    store = Store(course.root / ".harness" / "store") if keep else None

    @cache
    def perception() -> Perception:
        from harness.features import Judges

        return Judges(data, cache=cache_folder() if keep else None)

    recall = shipped(
        recall_for(store, data=data, budget_name=budget.name) if store else lambda _name, make: make(),
        data=data, budget_name=budget.name,
    )
    return Workshop(
        course=course, data=data, box=box, perception=perception, recall=recall, budget=budget, seed=seed,
        device=device, keep=store, with_key=with_key, data_option=str(data_folder or ""), inception_weights=inception,
    )
