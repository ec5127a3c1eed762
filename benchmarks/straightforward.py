"""The evaluation of one VAE as one would write it in an afternoon: a library for each number, a loop for each pair.

It is what `benchmarks/evaluate.py` compares the harness with: numbers of the same hand-in on the same images, pairs and
samples, by torch-fidelity, torchmetrics, scikit-learn and umap-learn, called one after the other with their defaults
where the definition of a number leaves a choice. It measures less than the harness does: no intervals, no baselines,
no second network, no look-up of copies, no box, no report.

    python benchmarks/straightforward.py submissions/group2 --data DIR
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
IMAGES, PAIRS, POINTS, PATHS, EPSILON = 10_000, 1_000, 11, 2_000, 1e-2


@dataclass
class Ledger:
    """The numbers by name, and the seconds by stage."""

    values: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage."""
        begun = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - begun


@dataclass
class Images:
    """A split as tensors: images (N, 1, 28, 28) and labels (N,)."""

    images: Any
    labels: Any


def load_split(data: Path, *, train: bool) -> Images:
    """Read a split the usual way."""
    import torch
    from torch.utils.data import DataLoader
    from torchvision.datasets import FashionMNIST
    from torchvision.transforms import ToTensor

    batches = list(DataLoader(FashionMNIST(str(data), train=train, transform=ToTensor()), batch_size=1_000))
    return Images(torch.cat([images for images, _ in batches]), torch.cat([labels for _, labels in batches]))


def load_model(folder: Path) -> Any:
    """Import the hand-in's VAE and load its checkpoint."""
    import yaml
    from safetensors.torch import load_file

    entry = yaml.safe_load((folder / "submission.yaml").read_text())["models"]["vae"]
    sys.path.insert(0, str(folder.resolve()))
    file, name = entry["source"].split(":")
    model = getattr(__import__(file.removesuffix(".py")), name)(**entry.get("arguments", {}))
    model.load_state_dict(load_file(folder / entry["checkpoint"]))
    return model.eval()


def in_batches(function: Any, inputs: Any, size: int = 64) -> Any:
    """Apply a function to batches of a size that one trains with."""
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    return torch.cat([function(batch) for (batch,) in DataLoader(TensorDataset(inputs), size)])


def draw(model: Any, seed: int) -> Any:
    """Draw samples by the seeds that the harness uses, so that both measure the same images."""
    import torch

    from harness.evidence.plan import derive

    parts, done = [], 0
    while done < IMAGES:
        count = 64 if done == 0 else min(2_500, IMAGES - done)
        parts.append(model.sample(count, seed=derive(seed, "sample", done)))
        done += count
    return torch.cat(parts)


def reconstruction(ledger: Ledger, test: Any, decoded: Any) -> None:
    """Errors of the reconstructions; torchmetrics' SSIM pads, so that its value is another one."""
    import torch
    from torchmetrics.image import StructuralSimilarityIndexMeasure

    error = (decoded - test).pow(2).mean(dim=(1, 2, 3))
    ledger.values["reconstruction.mse"] = float(error.mean())
    ledger.values["reconstruction.mae"] = float((decoded - test).abs().mean())
    ledger.values["reconstruction.psnr"] = float((-10 * torch.log10(error)).mean())
    ledger.values["reconstruction.ssim, padded"] = float(
        StructuralSimilarityIndexMeasure(data_range=1.0)(decoded, test))


def distribution(ledger: Ledger, test: Any, samples: Any) -> None:
    """FID, KID, precision and recall by torch-fidelity through the judge network."""
    import torch
    from torch_fidelity import calculate_metrics, register_feature_extractor
    from torch_fidelity.feature_extractor_base import FeatureExtractorBase

    from harness.features.judges import load_network

    class Judge(FeatureExtractorBase):  # type: ignore[misc]  # torch-fidelity is not typed
        def __init__(self, name: str, features_list: list[str], **_: object) -> None:
            super().__init__(name, features_list)
            self.network = load_network("judge")

        @staticmethod
        def get_provided_features_list() -> tuple[str, ...]:
            return ("64",)

        @staticmethod
        def get_default_feature_layer_for_metric(_metric: str) -> str:
            return "64"

        @staticmethod
        def can_be_compiled() -> bool:
            return False

        @staticmethod
        def get_dummy_input_for_compile() -> torch.Tensor:
            return torch.zeros(1, 3, 28, 28, dtype=torch.uint8)

        def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return (self.network(images[:, :1].float() / 255)[0],)

    class Bytes(torch.utils.data.Dataset[torch.Tensor]):
        def __init__(self, images: torch.Tensor) -> None:
            self.images = (images * 255).round().to(torch.uint8).expand(-1, 3, -1, -1)

        def __len__(self) -> int:
            return len(self.images)

        def __getitem__(self, index: int) -> torch.Tensor:
            return self.images[index]

    register_feature_extractor("judge", Judge)
    found = calculate_metrics(
        input1=Bytes(samples), input2=Bytes(test), fid=True, kid=True, prc=True, feature_extractor="judge",
        verbose=False, cuda=False, cache=False, save_cpu_ram=True)
    ledger.values["distribution.fid"] = found["frechet_inception_distance"]
    ledger.values["distribution.kid"] = found["kernel_inception_distance_mean"]
    ledger.values["distribution.precision"] = found["precision"]
    ledger.values["distribution.recall"] = found["recall"]


def clusters(ledger: Ledger, codes: Any, labels: Any, train_codes: Any, train_labels: Any, seed: int) -> None:
    """Everything about the latent space, by scikit-learn and umap-learn."""
    from sklearn.cluster import KMeans
    from sklearn.linear_model import LogisticRegression
    from sklearn.manifold import trustworthiness
    from sklearn.metrics import (
        adjusted_rand_score,
        davies_bouldin_score,
        normalized_mutual_info_score,
        silhouette_score,
    )
    from sklearn.neighbors import KNeighborsClassifier

    values = ledger.values
    with ledger.stage("silhouette"):
        values["clusters.silhouette"] = float(silhouette_score(codes, labels))
        values["clusters.davies_bouldin"] = float(davies_bouldin_score(codes, labels))
    with ledger.stage("neighbours"):
        values["clusters.knn_accuracy"] = KNeighborsClassifier(10).fit(train_codes, train_labels).score(codes, labels)
    with ledger.stage("k-means"):
        found = KMeans(10, n_init=10, random_state=seed).fit_predict(codes)
        values["clusters.kmeans_ari"] = float(adjusted_rand_score(labels, found))
        values["clusters.kmeans_nmi"] = float(normalized_mutual_info_score(labels, found))
    with ledger.stage("probe"):
        probe = LogisticRegression(max_iter=1_000).fit(train_codes, train_labels)
        values["clusters.probe_accuracy"] = float(probe.score(codes, labels))
    with ledger.stage("umap"):
        from umap import UMAP

        placed = UMAP(random_state=seed).fit_transform(codes)
    with ledger.stage("trustworthiness"):
        values["clusters.map_trustworthiness"] = float(trustworthiness(codes, placed, n_neighbors=5))


def interpolation(ledger: Ledger, model: Any, judge: Any, codes: Any, pairs: dict[str, Any]) -> None:
    """Decode and judge each line by itself."""
    import torch

    share = torch.linspace(0, 1, POINTS)[:, None]
    for kind, (first, second) in pairs.items():
        variation, largest, lengths, distances = [], [], [], []
        for start, end in zip(first, second, strict=True):
            line = codes[start] + share * (codes[end] - codes[start])
            features, _ = judge((model.decode(line) * 255).round() / 255)
            steps = (features[1:] - features[:-1]).norm(dim=1)
            variation.append(float(steps.std(correction=0) / steps.mean()))
            largest.append(float(steps.max() / steps.sum()))
            lengths.append(float(steps.sum()))
            distances.append(float((features[-1] - features[0]).norm()))
        ledger.values[f"interpolation.step_variation_{kind}"] = sum(variation) / len(variation)
        ledger.values[f"interpolation.largest_step_{kind}"] = sum(largest) / len(largest)
        ledger.values[f"interpolation.detour_{kind}"] = sum(lengths) / sum(distances)


def path_length(ledger: Ledger, model: Any, judge: Any, samples: Any, test: Any, seed: int) -> None:
    """Measure the perceptual path length between codes of samples, in small batches."""
    import numpy as np
    import torch

    from harness.evidence.plan import derive

    codes = in_batches(model.encode, samples[:2 * PATHS]).half().float()
    start, end = codes[:PATHS], codes[PATHS:]
    t = torch.from_numpy(np.random.default_rng(derive(seed, "path")).random((PATHS, 1), dtype=np.float32))
    here = in_batches(lambda batch: judge(model.decode(batch))[0], start + t * (end - start))
    there = in_batches(lambda batch: judge(model.decode(batch))[0], start + (t + EPSILON) * (end - start))
    spread = in_batches(lambda batch: judge(batch)[0], test).double().var(dim=0, correction=0).sum()
    ledger.values["interpolation.path_length"] = float(
        ((there - here).double().pow(2).sum(dim=1) / EPSILON**2).mean() / spread)


def evaluate(folder: Path, data: Path, seed: int) -> Ledger:
    """Evaluate the VAE of a hand-in."""
    ledger = Ledger()
    with ledger.stage("imports"):
        import numpy as np
        import torch
        import torchmetrics.image  # noqa: F401 - timed here
        import torchvision  # noqa: F401 - timed here

        from harness.evidence.plan import derive, pairs_between, pairs_within
        from harness.features.judges import load_network
    with ledger.stage("data"):
        train, test = load_split(data, train=True), load_split(data, train=False)
    labels = test.labels.numpy().astype(np.uint8)
    with torch.inference_mode():
        with ledger.stage("model"):
            model, judge = load_model(folder), load_network("judge")
            train_codes = in_batches(model.encode, train.images).half().float()
            codes = in_batches(model.encode, test.images).half().float()
            decoded = in_batches(model.decode, codes)
            samples = draw(model, seed)
        with ledger.stage("reconstruction"):
            reconstruction(ledger, test.images, decoded)
        with ledger.stage("torch-fidelity"):
            distribution(ledger, test.images, samples)
        with ledger.stage("interpolation"):
            pairs = {"within": pairs_within(labels, PAIRS, derive(seed, "within")),
                     "between": pairs_between(labels, PAIRS, derive(seed, "between"))}
            interpolation(ledger, model, judge, codes, pairs)
        with ledger.stage("path length"):
            path_length(ledger, model, judge, samples, test.images, seed)
    clusters(ledger, codes.numpy(), labels, train_codes.numpy(), train.labels.numpy(), seed)
    return ledger


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="folder in torchvision's layout, archives unpacked")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    ledger = evaluate(given.folder, given.data, given.seed)
    print(json.dumps({"values": ledger.values, "seconds": ledger.seconds}))


if __name__ == "__main__":
    main()
