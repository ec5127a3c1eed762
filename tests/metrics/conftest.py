"""A small data set whose classes have structure, random projections for judges, and scenes of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.data import Dataset, Split
from harness.evidence import Evidence
from harness.limits import FULL
from harness.metrics.base import Scene

BUDGET = replace(FULL, name="test", samples=400, pairs=20, probe_images=50, copies=200, bootstrap=100)


def draw_images(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw smooth images of ten classes that share eight directions of variation, with a little noise."""
    shape = np.random.default_rng(99)
    wave = np.linspace(0, np.pi, 28)
    basis = np.stack([np.outer(np.sin(a * wave), np.sin(b * wave)) for a in range(1, 5) for b in range(1, 5)])
    middles, directions = shape.normal(size=(10, 16)), shape.normal(size=(8, 16)) / 4
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 10, count)
    codes = middles[labels] + rng.normal(size=(count, 8)) @ directions
    images = 1 / (1 + np.exp(-np.einsum("nk,khw->nhw", codes, basis)))
    images += rng.normal(0, 0.02, images.shape)
    return (np.clip(images, 0, 1) * 255).round().astype(np.uint8), labels.astype(np.uint8)


class Projection:
    """Two random projections in place of the judges; the nearest middle of training images is the class."""

    judge_hash = "random-projection"

    def __init__(self, data: Dataset) -> None:
        rng = np.random.default_rng(5)
        self.data = data
        self.weights = {name: rng.normal(size=(784, 12)) / 5 for name in ("judge", "counter")}
        self.middles = {
            name: np.stack(
                [self.project(name, data.train.images[data.train.labels == k]).mean(0) for k in range(10)]
            )
            for name in self.weights
        }
        self.asked: list[str] = []

    def project(self, network: str, images: np.ndarray, *, exact: bool = False) -> np.ndarray:
        scaled = images if images.dtype == np.uint8 else np.clip(images, 0, 1) * 255
        scaled = scaled if exact else np.rint(scaled)
        return (scaled.reshape(len(images), -1).astype(np.float64) / 255) @ self.weights[network]

    def features(
        self,
        network: str,
        images: np.ndarray,
        *,
        exact: bool = False,
    ) -> tuple[np.ndarray, np.ndarray]:
        self.asked.append(network)
        found = self.project(network, images, exact=exact)
        distances = np.square(found[:, None] - self.middles[network]).sum(axis=2)
        odds = np.exp(-4 * (distances - distances.min(axis=1, keepdims=True)))
        return found.astype(np.float32), (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)

    def of(self, network: str, name: str) -> tuple[np.ndarray, np.ndarray]:
        return self.features(network, getattr(self.data, name).images)


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Small arrays gain nothing from threads, and on a busy machine threads wait for each other for long."""
    import torch
    from threadpoolctl import threadpool_limits

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def data() -> Dataset:
    train, test = Split(*draw_images(1500, seed=1)), Split(*draw_images(400, seed=2))
    return Dataset(name="waves", train=train, test=test, hash="waves", stand_in=True)


@pytest.fixture(scope="session")
def perception(data) -> Projection:
    return Projection(data)


@pytest.fixture(scope="session")
def recall():
    """Keep baselines for the session, as the store does."""
    kept: dict[str, dict[str, float]] = {}

    def recall(name, make):
        if name not in kept:
            kept[name] = make()
        return kept[name]

    return recall


@pytest.fixture(scope="session")
def make_scene(data, perception, recall):
    """Give a scene with the evidence that is named; all test images, unless said otherwise."""

    def make(**evidence) -> Scene:
        given = {
            "capabilities": ("encode", "decode", "sample"),
            "conditional": False,
            "parameters": 1,
            "test_index": np.arange(len(data.test.images)),
            "train_index": np.arange(len(data.train.images)),
        } | evidence
        return Scene(
            data=data,
            evidence=Evidence(**given),
            perception=perception,
            budget=BUDGET,
            seed=3,
            recall=recall,
        )

    return make


@pytest.fixture
def fresh_images():
    """Give (images, labels) of the same distribution that nobody has seen."""
    return lambda count, seed=7: draw_images(count, seed)
