"""Time the training of two VAEs beside the usual loop, and compare how good the models are.

The reference models (reference_models/vae.py and conv_vae.py) train by their own `fit`; beside each, the same
networks train as most scripts do: a Dataset that gives one image at a time, ToTensor, a shuffling DataLoader,
plain Adam, a loss on probabilities whose number is read at every step. Both see all training images, 64 at a
time, with the same step size. They take turns epoch by epoch, so that both meet the same machine; medians are
taken over the epochs after the first, in which torch.compile works (it is printed apart).

    python benchmarks/training.py [--epochs 5] [--models vae conv_vae] [--threads N] [--data DIR] [--json]

The test loss is the negative ELBO of the 10,000 test images in nats, computed in the same way for both.
"""

from __future__ import annotations

import argparse
import gzip
import importlib
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader
from torchvision.datasets import FashionMNIST
from torchvision.transforms import ToTensor

ROOT = Path(__file__).resolve().parent.parent
MODELS = {"vae": "VAE", "conv_vae": "ConvVAE"}      # file -> class
BATCH = 64
RATE, DECAY = 1e-3, 1e-5                            # as the reference models' `fit`


@dataclass(frozen=True)
class Result:
    """Seconds of each epoch after the first, of the first, and the test loss in nats, of both sides."""

    reference_seconds: list[float]
    usual_seconds: list[float]
    reference_first_seconds: float
    usual_first_seconds: float
    reference_test_loss: float
    usual_test_loss: float

    @property
    def ratio(self) -> float:
        """How many times as long the usual loop takes, by the medians."""
        return statistics.median(self.usual_seconds) / statistics.median(self.reference_seconds)


def usual_epoch(model: Any, loader: DataLoader[Any], optimiser: torch.optim.Optimizer) -> float:
    """Train for an epoch as most scripts do, and give the mean loss."""
    model.train()
    total = 0.0
    for images, _ in loader:
        optimiser.zero_grad()
        mean, log_variance = model.encoder(images).chunk(2, dim=1)
        code = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        rebuilt = torch.sigmoid(model.decoder(code))
        entropy = functional.binary_cross_entropy(rebuilt, images, reduction="sum")
        divergence = -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp())
        loss = (entropy + divergence) / len(images)
        loss.backward()  # type: ignore[no-untyped-call]  # torch has not annotated it
        optimiser.step()
        total += loss.item()
    return total / len(loader)


@torch.no_grad()
def test_loss(model: Any, images: Tensor) -> float:
    """Give the mean negative ELBO in nats, the same noise for every model."""
    model.eval()
    torch.manual_seed(0)
    terms = [model.elbo(part) for part in torch.split(images, 1000)]
    return float(torch.cat([divergence - likelihood for likelihood, divergence in terms]).double().mean())


def compare(name: str, *, epochs: int, train: FashionMNIST, test: Tensor) -> Result:
    """Train one model both ways, an epoch here and an epoch there."""
    training = importlib.import_module("training")
    kind = getattr(importlib.import_module(name), MODELS[name])
    torch.manual_seed(0)
    reference, usual = kind(epochs=epochs + 1), kind()
    convolves = any(isinstance(layer, nn.Conv2d) for layer in reference.modules())
    reference.speed = training.Speed(
        bfloat16=convolves and training.bfloat16_is_fast(), channels_last=convolves, compiled=True)
    images = train.data.unsqueeze(1).float().div(255)
    loader = DataLoader(train, batch_size=BATCH, shuffle=True)
    optimiser = torch.optim.Adam(usual.parameters(), lr=RATE, weight_decay=DECAY)
    ours: list[float] = []
    theirs: list[float] = []
    begun = time.perf_counter()

    def take_turns(epoch: int, number: int, loss: float) -> None:
        nonlocal begun
        ours.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        usual_loss = usual_epoch(usual, loader, optimiser)
        theirs.append(time.perf_counter() - begun)
        print(f"{name} epoch {epoch}/{number}: reference {ours[-1]:.2f} s, loss {loss:.2f}; "
              f"usual {theirs[-1]:.2f} s, loss {usual_loss:.2f}", flush=True)
        begun = time.perf_counter()

    begun = time.perf_counter()
    reference.fit(images, None, seed=0, progress=take_turns)
    return Result(
        ours[1:], theirs[1:], ours[0], theirs[0], test_loss(reference, test), test_loss(usual, test))


def unpacked(data: Path, into: Path) -> Path:
    """Unpack the archives as torchvision would, which is no part of what is timed."""
    raw = into / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for archive in (data / "FashionMNIST" / "raw").glob("*.gz"):
        (raw / archive.stem).write_bytes(gzip.decompress(archive.read_bytes()))
    return into


def summarise(results: dict[str, Result], *, as_json: bool) -> None:
    """Print medians, ratios and test losses."""
    print(f"\n{'':<12}{'usual':>10}{'reference':>11}{'ratio':>8}{'test loss: usual':>19}{'reference':>11}")
    for name, result in results.items():
        print(f"{name:<12}{statistics.median(result.usual_seconds):>8.2f} s"
              f"{statistics.median(result.reference_seconds):>9.2f} s{result.ratio:>8.2f}"
              f"{result.usual_test_loss:>19.2f}{result.reference_test_loss:>11.2f}")
    first = ", ".join(f"{one.reference_first_seconds:.0f} s ({name})" for name, one in results.items())
    print(f"seconds are medians of epochs in turn; before them the reference took, with compiling, {first}")
    if as_json:
        print(json.dumps({
            "machine": platform.processor() or platform.machine(), "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "models": {name: asdict(result) | {"ratio": result.ratio} for name, result in results.items()},
        }))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=5, help="epochs that count, after a first one")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--threads", type=int, help="of torch; all cores by default")
    parser.add_argument("--data", type=Path, default=os.environ.get("HARNESS_DATA"))
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    given = parser.parse_args(arguments)
    if given.data is None:
        sys.exit("say where Fashion-MNIST is: --data DIR or HARNESS_DATA")
    if given.threads is not None:
        torch.set_num_threads(given.threads)
    sys.path.insert(0, str(ROOT / "reference_models"))      # where the models find each other
    with tempfile.TemporaryDirectory() as scratch:
        root = unpacked(given.data, Path(scratch))
        train = FashionMNIST(str(root), train=True, transform=ToTensor())
        test = FashionMNIST(str(root), train=False).data.unsqueeze(1).float().div(255)
        summarise(
            {name: compare(name, epochs=given.epochs, train=train, test=test) for name in given.models},
            as_json=given.json)


if __name__ == "__main__":
    main()
