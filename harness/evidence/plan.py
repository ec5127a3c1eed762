"""What a model is asked about: which images, pairs and probes. All of it follows from seed and labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from harness.data import Dataset
from harness.evidence.checks import Moved, moved, rebatched
from harness.limits import Budget

__all__ = ["Plan", "balanced", "derive", "make_plan", "pairs_between", "pairs_within", "probes"]

Pairs = tuple[np.ndarray, np.ndarray]

TOLD = 2_000
"""Training images that a model may tell numbers of its own about."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Plan:
    """Everything that is asked of a model that can do everything.

    Attributes:
        test_index, train_index: which images of the splits, ascending.
        test, train: these images, (N, 28, 28) uint8.
        test_labels: their classes, (N,) int64; shown to a model only where its manifest declares that it needs them.
        train_labels: likewise of the training images.
        probes: images (n, 28, 28) uint8 that no small code can carry, by name; probe_labels: (n,), of what each
            was made from.
        told_images, told_labels: some training images and their classes, for what a model tells of itself.
        moved: test and training images moved by one pixel, by the name of the split.
        rebatched: positions in `test_index` that are asked about again, in another order.
        within, between: positions in `test_index` of the two ends of each line.

    """

    seed: int
    budget: Budget
    test_index: np.ndarray
    train_index: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray
    train: np.ndarray
    train_labels: np.ndarray
    within: Pairs
    between: Pairs
    told_images: np.ndarray
    told_labels: np.ndarray
    probe_labels: np.ndarray
    moved: dict[str, Moved]
    rebatched: np.ndarray
    probes: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def train_shown(self) -> int:
        """How many of the training images are reconstructed as well: as many as there are test images."""
        return min(len(self.test_index), len(self.train_index))

    @property
    def moved_labels(self) -> np.ndarray:
        """The classes (n,) int64 of all moved images, in the order of `moved`."""
        return np.concatenate([
            self.test_labels[self.moved["test"].place], self.train_labels[self.moved["train"].place]])


def make_plan(data: Dataset, budget: Budget, seed: int) -> Plan:
    """Choose images, pairs and probes for a data set; the same for every hand-in."""
    test_index = balanced(data.test.labels, budget.test_images, derive(seed, "test"))
    train_index = balanced(data.train.labels, budget.train_images, derive(seed, "train"))
    labels = data.test.labels[test_index]
    test, train = _take(data.test.images, test_index), _take(data.train.images, train_index)
    train_shown = train[:len(test)]
    told = balanced(data.train.labels, TOLD, derive(seed, "report"))
    shown = balanced(labels, budget.probe_images, derive(seed, "probes"))
    return Plan(
        seed=seed, budget=budget, test_index=test_index, train_index=train_index,
        test=test, test_labels=labels.astype(np.int64), train=train,
        train_labels=data.train.labels[train_index].astype(np.int64), probe_labels=labels[shown].astype(np.int64),
        within=pairs_within(labels, budget.pairs, derive(seed, "within")),
        between=pairs_between(labels, budget.pairs, derive(seed, "between")),
        moved={
            "test": moved(test, budget.moved_images, derive(seed, "moved", "test")),
            "train": moved(train_shown, budget.moved_images, derive(seed, "moved", "train")),
        },
        rebatched=rebatched(len(test), derive(seed, "batches")),
        told_images=data.train.images[told], told_labels=data.train.labels[told].astype(np.int64),
        probes=probes(test[shown], derive(seed, "permutation")),
    )


def derive(seed: int, *names: str | int) -> int:
    """Derive the seed of one purpose from the seed of the grade: a number in 0 .. 2**31 - 1."""
    words = [word for name in names for word in (name.encode() if isinstance(name, str) else (256 + name,))]
    return int(np.random.SeedSequence([seed, *words]).generate_state(1)[0] >> 1)


def balanced(labels: np.ndarray, count: int | None, seed: int) -> np.ndarray:
    """Choose `count` positions, as many of each class as there are to be had, ascending; all where None."""
    if count is None or count >= len(labels):
        return np.arange(len(labels))
    order = np.random.default_rng(seed).permutation(len(labels))
    # Rank: the n-th image of its class in the shuffled order; the smallest ranks first keep the classes even.
    rank = np.empty(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        members = order[labels[order] == label]
        rank[members] = np.arange(len(members))
    return np.sort(order[np.argsort(rank[order], kind="stable")[:count]])


def pairs_within(labels: np.ndarray, count: int, seed: int) -> Pairs:
    """Choose pairs of two different images of one class; the classes take turns, so ten rows show all."""
    rng = np.random.default_rng(seed)
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    members = [group for group in members if len(group) > 1]
    first, second = np.empty((2, count if members else 0), dtype=np.int64)
    for turn, group in enumerate(members):
        rows = np.arange(turn, count, len(members))
        start = rng.integers(len(group), size=len(rows))
        step = rng.integers(1, len(group), size=len(rows))
        first[rows], second[rows] = group[start], group[(start + step) % len(group)]
    return first, second


def pairs_between(labels: np.ndarray, count: int, seed: int) -> Pairs:
    """Choose pairs of images of two classes; the pairs of classes take turns in a shuffled order."""
    rng = np.random.default_rng(seed)
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    classes = list(combinations(range(len(members)), 2))
    first, second = np.empty((2, count if classes else 0), dtype=np.int64)
    for turn, chosen in enumerate(rng.permutation(len(classes))):
        rows = np.arange(turn, count, len(classes))
        ends = rng.permutation(classes[chosen])     # so that no class always stands on the left
        first[rows] = rng.choice(members[ends[0]], size=len(rows))
        second[rows] = rng.choice(members[ends[1]], size=len(rows))
    return first, second


def probes(images: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Make probes (n, 28, 28) uint8 that no small code can carry, of as many images: a true bottleneck fails.

    "noise" has uniform random pixels, "permuted" the pixels of `images` in one fixed random order, "inverted"
    their negatives.
    """
    rng = np.random.default_rng(seed)
    noise = rng.integers(256, size=images.shape, dtype=np.uint8)
    order = rng.permutation(images[0].size) if len(images) else np.arange(0)
    permuted = images.reshape(len(images), -1)[:, order].reshape(images.shape)
    return {"noise": noise, "permuted": permuted, "inverted": 255 - images}


def _take(images: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Give the images at ascending positions, without a copy where these are all."""
    return images if len(index) == len(images) else images[index]
