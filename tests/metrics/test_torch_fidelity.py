"""torch-fidelity, with the same features, as the independent reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch_fidelity import calculate_metrics, register_feature_extractor
from torch_fidelity.feature_extractor_base import FeatureExtractorBase

from harness.metrics.frechet import frechet
from harness.metrics.kernel import kernel_distance
from harness.metrics.neighbours import compare_manifolds

WIDTH, COUNT = 24, 600


class Eyes(FeatureExtractorBase):
    """Two fixed layers without training."""

    def __init__(self, name, features_list, **options):
        super().__init__(name, features_list)
        generator = torch.Generator().manual_seed(0)
        self.first = torch.randn(784, 64, generator=generator) / 28
        self.second = torch.randn(64, WIDTH, generator=generator) / 8

    @staticmethod
    def get_provided_features_list():
        return ("layer",)

    @staticmethod
    def get_default_feature_layer_for_metric(metric):  # noqa: ARG004 - the base class names it
        return "layer"

    @staticmethod
    def can_be_compiled():
        return False

    def forward(self, images):
        hidden = torch.tanh(images.flatten(1).float() / 255 @ self.first)
        return (hidden @ self.second,)


class Images(torch.utils.data.Dataset):
    def __init__(self, images: np.ndarray) -> None:
        self.images = torch.from_numpy(images)[:, None]

    def __len__(self):
        return len(self.images)

    def __getitem__(self, place):
        return self.images[place]


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """Give torch-fidelity's figures, and the features that they were made from."""
    rng = np.random.default_rng(0)
    real = (rng.random((COUNT, 1, 1)) * rng.random((COUNT, 28, 28)) * 255).astype(np.uint8)
    samples = (rng.random((COUNT, 1, 1)) ** 1.2 * rng.random((COUNT, 28, 28)) * 240).astype(np.uint8)
    register_feature_extractor("fixed-layers", Eyes)
    figures = calculate_metrics(
        input1=Images(samples),
        input2=Images(real),
        feature_extractor="fixed-layers",
        cuda=False,
        fid=True,
        kid=True,
        prc=True,
        kid_subsets=1,
        kid_subset_size=COUNT,
        prc_neighborhood=3,
        verbose=False,
        batch_size=200,
        save_cpu_ram=True,
        cache=False,
        cache_root=str(tmp_path_factory.mktemp("cache")),
    )
    eyes = Eyes("fixed-layers", ["layer"])
    features = [eyes(Images(images).images)[0].numpy() for images in (real, samples)]
    return figures, *features


def test_the_frechet_distance_agrees(judged):
    figures, real, samples = judged
    assert frechet(real, samples).value == pytest.approx(figures["frechet_inception_distance"], rel=1e-3)


def test_the_kernel_distance_over_all_images_agrees(judged):
    figures, real, samples = judged
    assert kernel_distance(real, samples).value == pytest.approx(
        figures["kernel_inception_distance_mean"], rel=1e-3
    )


def test_precision_and_recall_agree(judged):
    figures, real, samples = judged
    found = compare_manifolds(real, samples)
    assert 0.05 < figures["recall"] < 0.95
    assert found.precise.mean() == pytest.approx(figures["precision"], abs=1.01 / COUNT)
    assert found.recalled.mean() == pytest.approx(figures["recall"], abs=1.01 / COUNT)


def test_nothing_is_downloaded(judged):
    assert not list(Path.cwd().glob("weights-*.pth"))
