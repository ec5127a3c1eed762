"""The evaluation of one VAE as one would write it in an afternoon: a library for each number, a loop for each pair.

It is what `benchmarks/evaluate.py` compares the harness with: the same numbers of the same hand-in by
torch-fidelity, torchmetrics, scikit-learn and umap-learn, called one after the other with their defaults where the
definition of the number leaves a choice. Run it by itself to see where the time goes:

    python benchmarks/straightforward.py submissions/group2 --data DIR --json
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
IMAGES, PAIRS, POINTS = 10_000, 1_000, 11


def evaluate(folder: Path, data: Path, seed: int) -> tuple[dict[str, float], dict[str, float]]:
    """Give the numbers by name, and the seconds by stage."""
    seconds: dict[str, float] = {}
    values: dict[str, float] = {}
    begun = time.perf_counter()

    def lap(stage: str) -> None:
        nonlocal begun
        now = time.perf_counter()
        seconds[stage] = now - begun
        begun = now

    import numpy as np
    import torch
    import yaml
    from safetensors.torch import load_file
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
    from torch.utils.data import DataLoader, TensorDataset
    from torch_fidelity import calculate_metrics, register_feature_extractor
    from torchmetrics.image import StructuralSimilarityIndexMeasure
    from torchvision.datasets import FashionMNIST
    from torchvision.transforms import ToTensor
    from umap import UMAP

    from harness.features import fidelity_extractor, load_network

    register_feature_extractor("judge", fidelity_extractor("judge"))
    lap("imports")

    def resident(train: bool) -> tuple[Any, Any]:
        loader = DataLoader(FashionMNIST(str(data), train=train, transform=ToTensor()), batch_size=1_000)
        batches = list(loader)
        return torch.cat([images for images, _ in batches]), torch.cat([labels for _, labels in batches])

    train, train_labels = resident(train=True)
    test, test_labels = resident(train=False)
    lap("data")

    manifest = yaml.safe_load((folder / "submission.yaml").read_text())["models"]["vae"]
    sys.path.insert(0, str(folder))
    file, name = manifest["source"].split(":")
    model = getattr(__import__(file.removesuffix(".py")), name)(**manifest.get("arguments", {}))
    model.load_state_dict(load_file(folder / manifest["checkpoint"]))
    model.eval()
    with torch.inference_mode():
        train_codes = torch.cat([model.encode(batch) for (batch,) in DataLoader(TensorDataset(train), 64)])
        codes = torch.cat([model.encode(batch) for (batch,) in DataLoader(TensorDataset(test), 64)])
        # codes cross to the decoder as 16-bit numbers
        codes, train_codes = codes.half().float(), train_codes.half().float()
        decoded = torch.cat([model.decode(batch) for (batch,) in DataLoader(TensorDataset(codes), 64)])
        samples = model.sample(IMAGES, seed=seed)
    lap("model")

    values["reconstruction.mse"] = float(((decoded - test) ** 2).mean())
    values["reconstruction.mae"] = float((decoded - test).abs().mean())
    per_image = ((decoded - test) ** 2).mean(dim=(1, 2, 3))
    values["reconstruction.psnr"] = float((-10 * torch.log10(per_image)).mean())
    # sample_covariance and padding differ between libraries; this is torchmetrics' own definition
    similarity = StructuralSimilarityIndexMeasure(data_range=1.0)
    values["reconstruction.ssim (torchmetrics)"] = float(similarity(decoded, test))
    lap("reconstruction")

    grey = lambda images: TensorDataset((images * 255).round().to(torch.uint8))  # noqa: E731 - used twice, below
    fidelity = calculate_metrics(
        input1=_Images(grey(samples)), input2=_Images(grey(test)), fid=True, kid=True, prc=True,
        feature_extractor="judge", feature_layer_fid="64", feature_layer_kid="64", feature_layer_prc="64",
        kid_subset_size=1_000, prc_neighborhood=3, verbose=False, cuda=False, cache=False,
    )
    values["distribution.fid"] = fidelity["frechet_inception_distance"]
    values["distribution.kid"] = fidelity["kernel_inception_distance_mean"]
    values["distribution.precision"] = fidelity["precision"]
    values["distribution.recall"] = fidelity["recall"]
    lap("torch-fidelity")

    flat, labels = codes.numpy(), test_labels.numpy()
    values["clusters.silhouette"] = float(silhouette_score(flat, labels))
    values["clusters.davies_bouldin"] = float(davies_bouldin_score(flat, labels))
    lap("silhouette")
    neighbours = KNeighborsClassifier(10).fit(train_codes.numpy(), train_labels.numpy())
    values["clusters.knn_accuracy"] = float(neighbours.score(flat, labels))
    lap("neighbours")
    found = KMeans(10, n_init=10, random_state=seed).fit_predict(flat)
    values["clusters.kmeans_ari"] = float(adjusted_rand_score(labels, found))
    values["clusters.kmeans_nmi"] = float(normalized_mutual_info_score(labels, found))
    lap("k-means")
    probe = LogisticRegression(max_iter=1_000).fit(train_codes.numpy(), train_labels.numpy())
    values["clusters.probe_accuracy"] = float(probe.score(flat, labels))
    lap("probe")
    placed = UMAP(random_state=seed).fit_transform(flat)
    lap("umap")
    values["clusters.map_trustworthiness"] = float(trustworthiness(flat, placed, n_neighbors=15))
    lap("trustworthiness")

    judge = load_network("judge")
    _interpolate(values, model, judge, codes, test_labels.numpy(), seed)
    lap("interpolation")
    distances = np.sqrt(((train[:, 0].flatten(1).numpy()[None, :0]) ** 2).sum())  # placeholder removed below
    del distances
    return values, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="folder in torchvision's layout, archives unpacked")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    values, seconds = evaluate(given.folder, given.data, given.seed)
    print(json.dumps({"values": values, "seconds": seconds}))


if __name__ == "__main__":
    main()
