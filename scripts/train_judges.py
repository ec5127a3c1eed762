"""Train the judge and the counter-judge on Fashion-MNIST's training images, and write what the package ships.

    python scripts/train_judges.py --data FOLDER               # train on 60,000, write harness/weights/
    python scripts/train_judges.py --data FOLDER --validate    # train on 55,000, try on the other 5,000

Every choice (widths, epochs, augmentation) was made with --validate; the test images are looked at once, by
the run that writes the weights, to record the accuracy. Each network takes about two minutes of one core.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn

from harness.data import Dataset, load
from harness.features.networks import NETWORKS, Network, multiply_adds

WEIGHTS = Path(__file__).parent.parent / "harness" / "weights"
FILES = {"judge": "judge.safetensors", "counter": "counter_judge.safetensors"}
VALIDATION = 5_000
BATCH = 256


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How one network is trained."""

    seed: int
    epochs: int
    augment: Callable[[Tensor, torch.Generator], Tensor]
    peak: float = 4e-3              # highest learning rate
    weight_decay: float = 0.05
    label_smoothing: float = 0.05


def as_tensors(images: np.ndarray, labels: np.ndarray) -> tuple[Tensor, Tensor]:
    """Turn a split into float images (N, 1, 28, 28) in [0, 1] and integer labels."""
    return torch.from_numpy(images.copy())[:, None].float() / 255, torch.from_numpy(labels.astype(np.int64))


def moved(images: Tensor, generator: torch.Generator) -> Tensor:
    """Move the whole batch by at most one pixel each way, over the black border."""
    down, right = torch.randint(-1, 2, (2,), generator=generator).tolist()
    return torch.roll(images, (down, right), dims=(2, 3))


RECIPES = {
    "judge": Recipe(seed=1, epochs=12, augment=moved),
    "counter": Recipe(seed=2, epochs=18, augment=moved),
}


def train(name: str, images: Tensor, labels: Tensor, recipe: Recipe) -> Network:
    """Train one network by AdamW under a one-cycle schedule (Smith and Topin 2018)."""
    torch.manual_seed(recipe.seed)
    generator = torch.Generator().manual_seed(recipe.seed)
    network = NETWORKS[name]()
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=recipe.peak, weight_decay=recipe.weight_decay, fused=True
    )
    steps = recipe.epochs * (len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.peak, total_steps=steps, pct_start=0.2)
    network.train()
    for epoch in range(recipe.epochs):
        start, total = time.perf_counter(), torch.zeros(())
        order = torch.randperm(len(images), generator=generator)
        for batch in order[: len(images) // BATCH * BATCH].view(-1, BATCH):
            with torch.autocast("cpu", torch.bfloat16):     # the weights stay float32; 1.6 times faster
                _, logits = network(recipe.augment(images[batch], generator))
            loss = nn.functional.cross_entropy(
                logits.float(), labels[batch], label_smoothing=recipe.label_smoothing
            )
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
            schedule.step()
            total += loss.detach()
        mean = total.item() / (len(images) // BATCH)
        seconds = time.perf_counter() - start
        print(f"{name}: epoch {epoch + 1} of {recipe.epochs}, loss {mean:.4f}, {seconds:.1f} s", flush=True)
    network.eval()
    return network


@torch.inference_mode()
def look(network: Network, images: Tensor, labels: Tensor) -> tuple[float, Tensor]:
    """Give the accuracy on a split, and its features."""
    outputs = [network(batch) for batch in torch.split(images, 1000)]
    predicted = torch.cat([logits for _, logits in outputs]).argmax(1)
    return (predicted == labels).double().mean().item(), torch.cat([features for features, _ in outputs])


def effective_rank(features: Tensor) -> float:
    """Give the exponential of the entropy of the covariance's spectrum (Roy and Vetterli 2007)."""
    shares = torch.linalg.eigvalsh(torch.cov(features.double().T)).clamp(min=1e-300)
    shares = shares / shares.sum()
    return torch.exp(-(shares * shares.log()).sum()).item()


def report(network: Network, accuracy: float, features: Tensor) -> dict[str, Any]:
    """Describe a trained network in numbers."""
    return {
        "accuracy": round(accuracy, 4),
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "multiply_adds": multiply_adds(network),
        "features": features.shape[1],
        "smallest_feature_variance": round(features.var(0).min().item(), 4),
        "effective_rank": round(effective_rank(features), 1),
    }


def main() -> None:
    """Train what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder that holds Fashion-MNIST")
    parser.add_argument("--validate", action="store_true", help="hold back 5,000 images and write nothing")
    parser.add_argument("--only", choices=sorted(NETWORKS), help="train this one alone")
    options = parser.parse_args()
    data = load(folder=options.data)
    names = [options.only] if options.only else list(NETWORKS)
    # One process and one core for each: threads that share two cores mostly wait for each other.
    with ProcessPoolExecutor(len(names), mp_context=get_context("spawn")) as pool:
        made = list(pool.map(partial(make, data=data, validate=options.validate), names))
    print(json.dumps({name: record for name, (record, _) in zip(names, made, strict=True)}, indent=2))
    if not options.validate:
        for name, (record, content) in zip(names, made, strict=True):
            record |= {"file": FILES[name], "sha256": hashlib.sha256(content).hexdigest()}
            (WEIGHTS / FILES[name]).write_bytes(content)
        write_record(data, {name: record for name, (record, _) in zip(names, made, strict=True)})


def make(name: str, *, data: Dataset, validate: bool) -> tuple[dict[str, Any], bytes]:
    """Train one network and look at images it has not seen: what it is in numbers, and its weights."""
    torch.set_num_threads(1)
    images, labels = as_tensors(data.train.images, data.train.labels)
    if validate:
        kept = len(images) - VALIDATION
        unseen = images[kept:], labels[kept:]
        images, labels = images[:kept], labels[:kept]
    else:
        unseen = as_tensors(data.test.images, data.test.labels)
    recipe = RECIPES[name]
    network = train(name, images, labels, recipe)
    record = report(network, *look(network, *unseen)) | {"epochs": recipe.epochs, "seed": recipe.seed}
    return record, save({key: value.contiguous() for key, value in network.state_dict().items()})


def write_record(data: Dataset, made: dict[str, Any]) -> None:
    """Write weights/judges.json, which the weights are checked against; keep what was not trained now."""
    path = WEIGHTS / "judges.json"
    before = json.loads(path.read_text()) if path.exists() else {"networks": {}}
    record = {
        "data": {"name": data.name, "sha256": data.hash},
        "torch": torch.__version__,
        "command": "python scripts/train_judges.py --data FOLDER",
        "networks": before["networks"] | made,
    }
    path.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
