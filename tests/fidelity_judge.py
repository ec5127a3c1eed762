"""The judges as torch-fidelity feature extractors: an independent way to FID, KID, precision and recall.

    from tests.fidelity_judge import as_dataset, register
    register()
    calculate_metrics(input1=as_dataset(samples), input2=as_dataset(real), fid=True, cuda=False,
                      feature_extractor="judge", save_cpu_ram=True)     # the last: no workers, no warning
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset
from torch_fidelity.feature_extractor_base import FeatureExtractorBase
from torch_fidelity.registry import register_feature_extractor

from harness.features.judges import NAMES, load_network

__all__ = ["JudgeExtractor", "as_dataset", "register"]


class JudgeExtractor(FeatureExtractorBase):
    """The judge or the counter-judge, by its name, as it was trained: not folded, on no threads of ours."""

    def __init__(self, name: str, features_list: list[str], **_: Any) -> None:
        super().__init__(name, features_list)
        self.network = load_network(name)

    @staticmethod
    def get_provided_features_list() -> tuple[str, ...]:
        return ("64", "logits")

    @staticmethod
    def get_default_feature_layer_for_metric(metric: str) -> str:
        return "logits" if metric == "isc" else "64"

    @staticmethod
    def can_be_compiled() -> bool:
        return False

    @staticmethod
    def get_dummy_input_for_compile() -> torch.Tensor:
        return torch.zeros(1, 3, 28, 28, dtype=torch.uint8)

    @torch.inference_mode()
    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        features, logits = self.network(images[:, :1].float() / 255)
        both = {"64": features, "logits": logits}
        return tuple(both[name] for name in self.features_list)


class _Grey(Dataset[torch.Tensor]):
    """Grey images as torch-fidelity wants them: uint8, three channels."""

    def __init__(self, images: np.ndarray) -> None:
        self.images = torch.from_numpy(images.copy())[:, None].expand(-1, 3, -1, -1)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> torch.Tensor:
        return self.images[index]


def as_dataset(images: np.ndarray) -> Dataset[torch.Tensor]:
    """Turn images (N, 28, 28), uint8 or float in [0, 1], into an input of `calculate_metrics`."""
    if images.dtype != np.uint8:
        images = np.clip(np.rint(images * np.float32(255)), 0, 255).astype(np.uint8)
    return _Grey(images)


def register() -> None:
    """Make "judge" and "counter" known to torch-fidelity."""
    for name in NAMES:
        register_feature_extractor(name, JudgeExtractor)
