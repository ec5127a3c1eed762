"""Train the judge and the counter-judge on Fashion-MNIST's training images, and write what the package ships.

    python scripts/train_judges.py --data FOLDER                 # train on 60,000, write harness/weights/
    python scripts/train_judges.py --data FOLDER --validate      # train on 55,000, print accuracy on the other 5,000

Every choice (widths, epochs, augmentation) was made with --validate; the test images are looked at once, by the run
that writes the weights, to record the accuracy.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn

from harness.data import Dataset, load
from harness.features.networks import NETWORKS, multiply_adds

WEIGHTS = Path(__file__).parent.parent / "harness" / "weights"
FILES = {"judge": "judge.safetensors", "counter": "counter_judge.safetensors"}
SEEDS = {"judge": 1, "counter": 2}
VALIDATION = 5_000
BATCH = 256


def as_tensors(images: np.ndarray, labels: np.ndarray) -> tuple[Tensor, Tensor]:
    """Turn a split into float images (N, 1, 28, 28) in [0, 1] and integer labels."""
    return torch.from_numpy(images.copy())[:, None].float() / 255, torch.from_numpy(labels.astype(np.int64))


def shifted(images: Tensor, generator: torch.Generator) -> Tensor:
    """Move the batch by up to two pixels each way (one move for all: the batches are many)."""
    down, right = torch.randint(-1, 2, (2,), generator=generator).tolist()
    return torch.roll(images, (down, right), dims=(2, 3))


def erased(images: Tensor, generator: torch.Generator) -> Tensor:
    """Black out one square of each image (random erasing, Zhong et al. 2020), each elsewhere."""
    top, left = torch.randint(-4, 28, (2, len(images), 1, 1, 1), generator=generator)
    rows, columns = torch.arange(28).view(1, 1, 28, 1), torch.arange(28).view(1, 1, 1, 28)
    square = (rows >= top) & (rows < top + 8) & (columns >= left) & (columns < left + 8)
    return images.masked_fill(square, 0.0)


AUGMENT = {"judge": shifted, "counter": erased}


def train(name: str, images: Tensor, labels: Tensor, *, epochs: int, peak: float) -> nn.Module:
    """Train one network by AdamW under a one-cycle schedule (Smith and Topin 2018)."""
    torch.manual_seed(SEEDS[name])
    generator = torch.Generator().manual_seed(SEEDS[name])
    network = NETWORKS[name]()
    optimiser = torch.optim.AdamW(network.parameters(), lr=peak, weight_decay=0.05, fused=True)
    steps = epochs * (len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, peak, total_steps=steps, pct_start=0.2)
    network.train()
    for epoch in range(epochs):
        start, total = time.perf_counter(), torch.zeros(())
        order = torch.randperm(len(images), generator=generator)
        for batch in order[: len(images) // BATCH * BATCH].view(-1, BATCH):
            with torch.autocast("cpu", torch.bfloat16):     # the weights stay float32; 1.6 times faster
                _, logits = network(AUGMENT[name](images[batch], generator))
            loss = nn.functional.cross_entropy(logits.float(), labels[batch], label_smoothing=0.05)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.detach()
        mean = total.item() / (len(images) // BATCH)
        print(f"{name}: epoch {epoch + 1} of {epochs}, loss {mean:.4f}, {time.perf_counter() - start:.1f} s", flush=True)
    return network.eval()


@torch.inference_mode()
def look(network: nn.Module, images: Tensor, labels: Tensor) -> tuple[float, Tensor]:
    """Give the accuracy on a split, and its features."""
    outputs = [network(batch) for batch in images.split(1000)]
    predicted = torch.cat([logits for _, logits in outputs]).argmax(1)
    return (predicted == labels).double().mean().item(), torch.cat([features for features, _ in outputs])


def effective_rank(features: Tensor) -> float:
    """Give the effective rank of the features' covariance: the exponential of its spectrum's entropy (Roy and Vetterli 2007)."""
    shares = torch.linalg.eigvalsh(torch.cov(features.double().T)).clamp(min=1e-300)
    shares = shares / shares.sum()
    return torch.exp(-(shares * shares.log()).sum()).item()


def report(name: str, network: nn.Module, accuracy: float, features: Tensor) -> dict[str, Any]:
    """Describe a trained network in numbers."""
    return {
        "accuracy": round(accuracy, 4),
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "multiply_adds": multiply_adds(network),
        "features": features.shape[1],
        "smallest_feature_variance": round(features.var(0).min().item(), 4),
        "effective_rank": round(effective_rank(features), 1),
        "seed": SEEDS[name],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder that holds Fashion-MNIST")
    parser.add_argument("--validate", action="store_true", help="hold back 5,000 training images and write nothing")
    parser.add_argument("--only", choices=sorted(NETWORKS), help="train this one alone (with --validate)")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--peak", type=float, default=4e-3, help="highest learning rate")
    options = parser.parse_args()
    data = load(folder=options.data)
    names = [options.only] if options.only and options.validate else list(NETWORKS)
    # One process and one core for each: threads that share two cores wait for each other more than they compute.
    with ProcessPoolExecutor(len(names), mp_context=get_context("spawn")) as pool:
        records = dict(zip(names, pool.map(partial(make, data=data, options=options), names), strict=True))
    print(json.dumps(records, indent=2))
    if not options.validate:
        write_record(data, records, options)


def make(name: str, *, data: Dataset, options: argparse.Namespace) -> dict[str, Any]:
    """Train one network, look at it on images it has not seen, and write its weights unless this is a validation."""
    torch.set_num_threads(1)
    images, labels = as_tensors(data.train.images, data.train.labels)
    if options.validate:
        kept = len(images) - VALIDATION
        unseen = images[kept:], labels[kept:]
        images, labels = images[:kept], labels[:kept]
    else:
        unseen = as_tensors(data.test.images, data.test.labels)
    network = train(name, images, labels, epochs=options.epochs, peak=options.peak)
    record = report(name, network, *look(network, *unseen)) | {"epochs": options.epochs, "peak": options.peak}
    if not options.validate:
        content = save({key: value.contiguous() for key, value in network.state_dict().items()})
        (WEIGHTS / FILES[name]).write_bytes(content)
        record |= {"file": FILES[name], "sha256": hashlib.sha256(content).hexdigest()}
    return record


def write_record(data: Dataset, records: dict[str, Any], options: argparse.Namespace) -> None:
    """Write weights/judges.json, which the package checks the weights against."""
    record = {
        "data": {"name": data.name, "sha256": data.hash},
        "torch": torch.__version__,
        "command": f"python scripts/train_judges.py --epochs {options.epochs} --peak {options.peak:g} --data FOLDER",
        "networks": records,
    }
    (WEIGHTS / "judges.json").write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
