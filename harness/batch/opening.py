"""Opens a workshop (course, data, box, judges, store) from settings that can be sent to another process."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from harness.batch.machine import turn_on
from harness.course import Course
from harness.data import Dataset, cache_folder, load
from harness.limits import Budget
from harness.metrics.base import Perception
from harness.records import Record
from harness.sandbox.base import Box
from harness.store import Store, recall_for, shipped
from harness.workshop import Workshop

__all__ = ["Settings", "load_data", "open_workshop", "store_of", "workshop"]


class Settings(Record):
    """What the grades of a run have in common, as plain data; `open_workshop` makes a workshop of it, anywhere.

    Attributes:
        course: the course folder.
        data_folder: where the official data lies; None to look in the usual places.
        stand_in: whether `garments` takes its place.
        stand_in_images: how many training and test images of it are drawn; None for the usual numbers.
        keep: whether results of stages are kept and recalled.
        unconfined: whether the group's code may run without a box; only where a person said so in words.
        threads: cores for the measurements of one hand-in; None: as many as the budget says. No number depends on it.

    """

    course: Path
    data_folder: Path | None = None
    stand_in: bool = False
    stand_in_images: tuple[int, int] | None = None
    budget: Budget
    seed: int = 0
    device: str = "cpu"
    keep: bool = True
    with_key: bool = True
    inception: Path | None = None
    unconfined: bool = False
    threads: int | None = None


def load_data(settings: Settings) -> Dataset:
    """Load the data that the settings name."""
    if not settings.stand_in:
        return load(folder=settings.data_folder)
    if settings.stand_in_images is None:
        return load("garments")
    from harness.data import garments

    train, test = settings.stand_in_images
    return garments(train=train, test=test)


def open_workshop(settings: Settings, *, data: Callable[[], Dataset] | None = None) -> Workshop:
    """Choose the box, load the data, and put a workshop together.

    Args:
        settings: what the workshop is for.
        data: gives the data, where it is being loaded already.

    Raises:
        UserError: the data cannot be had.
        BoxUnavailable: no box can be had, and the settings do not say to do without.

    """
    from harness.sandbox.choose import choose_box

    box = choose_box(unconfined=settings.unconfined)
    return workshop(
        Course(settings.course), data() if data else load_data(settings), box, settings.budget, seed=settings.seed,
        device=settings.device, keep=settings.keep, with_key=settings.with_key, data_folder=settings.data_folder,
        inception=settings.inception, threads=settings.threads)


def store_of(course: Course) -> Store:
    """Give the store of a course: its `.harness/store`."""
    return Store(course.root / ".harness" / "store")


def workshop(
    course: Course, data: Dataset, box: Box, budget: Budget, *, seed: int, device: str, keep: bool, with_key: bool,
    data_folder: Path | None = None, inception: Path | None = None, threads: int | None = None,
) -> Workshop:
    """Put a workshop together; its results are kept in the course folder's `.harness/` where `keep` says so."""
    store = store_of(course) if keep else None

    @cache
    def perception() -> Perception:
        from harness.features import Judges

        return Judges(data, threads=threads or 2, cache=cache_folder() if keep else None)

    recall = shipped(
        recall_for(store, data=data, budget_name=budget.name) if store else lambda _name, make: make(),
        data=data, budget_name=budget.name,
    )
    return Workshop(
        course=course, data=data, box=box, perception=perception, recall=recall, budget=budget, seed=seed,
        device=device, keep=store, with_key=with_key, data_option=str(data_folder or ""), inception_weights=inception,
        threads=threads, turn=turn_on(device),
    )
