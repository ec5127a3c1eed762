"""Gather what a run needs (course, data, box, judges, store) from the options of a command."""

from __future__ import annotations

import threading
from pathlib import Path

from harness.course import Course
from harness.data import Dataset, cache_folder, load
from harness.grading import Workshop
from harness.limits import Budget
from harness.metrics.base import Perception
from harness.sandbox.base import Box
from harness.store import Store, recall_for, shipped

__all__ = ["Late", "load_data", "workshop"]


class Late:
    """The judges, made on a thread of their own while the models start, and waited for when first asked."""

    def __init__(self, data: Dataset, cache: Path | None) -> None:
        self._made: Perception | None = None
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._data, self._cache = data, cache

    def _make(self) -> None:
        from harness.features import Judges

        try:
            self._made = Judges(self._data, cache=self._cache)
        except BaseException as error:  # noqa: BLE001 - carried to the thread that asks
            self._error = error

    def start(self) -> None:
        """Begin to make them."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._make, daemon=True)
                self._thread.start()

    def __call__(self) -> Perception:
        """Give them, waiting as long as it takes."""
        self.start()
        assert self._thread is not None  # noqa: S101 - start() made it
        self._thread.join()
        if self._error is not None:
            raise self._error
        assert self._made is not None  # noqa: S101 - the thread ended without an error
        return self._made


def load_data(folder: Path | None, *, stand_in: bool) -> Dataset:
    """Load the data that the options name; a download shows its progress."""
    from harness.cli.terminal import console

    shown = console(err=True)
    return load("garments") if stand_in else load(folder=folder, progress=shown.print)


def workshop(
    course: Course, data: Dataset, box: Box, budget: Budget, *, seed: int, device: str, keep: bool, with_key: bool,
    data_option: str = "", inception: Path | None = None,
) -> Workshop:
    """Put a workshop together; its results are kept in the course folder's `.harness/` where `keep` says so."""
    store = Store(course.root / ".harness" / "store") if keep else None
    cache = cache_folder() if keep else None
    late = Late(data, cache)
    recall = shipped(
        recall_for(store, data=data, budget_name=budget.name) if store else lambda _name, make: make(),
        data=data, budget_name=budget.name,
    )
    return Workshop(
        course=course, data=data, box=box, perception=late, recall=recall, budget=budget, seed=seed, device=device,
        keep=store, with_key=with_key, data_option=data_option, inception_weights=inception,
    )
