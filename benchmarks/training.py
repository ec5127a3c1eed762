"""Time the training of two VAEs beside the usual loop, and compare how good the models are.

The reference models (reference_models/vae.py and conv_vae.py) train by their own `fit`; beside each, the same
networks train as most scripts do: a Dataset that gives one image at a time, ToTensor, a shuffling DataLoader,
plain Adam, a loss on probabilities whose number is read at every step. Both see all training images, 64 at a
time, with the same step size. Each has a process of its own, and the two take turns epoch by epoch, so that
both meet the same machine. Medians are taken over the epochs after the first, in which torch.compile works;
it is printed apart.

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
import subprocess
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


# -- one side, in a process of its own -----------------------------------------------------------------


def work(side: str, name: str, *, epochs: int, data: Path) -> None:
    """Train one way; wait for a line before each epoch and before the test, and print what came of it."""
    sys.path.insert(0, str(ROOT / "reference_models"))      # where the models find each other
    kind = getattr(importlib.import_module(name), MODELS[name])
    train = FashionMNIST(str(data), train=True, transform=ToTensor())
    test = FashionMNIST(str(data), train=False).data.unsqueeze(1).float().div(255)
    torch.manual_seed(0)
    model = kind(epochs=epochs)
    begun = 0.0

    def start() -> None:
        nonlocal begun
        sys.stdin.readline()
        begun = time.perf_counter()

    def tell(epoch: int, number: int, loss: float) -> None:
        print(json.dumps({"seconds": time.perf_counter() - begun, "loss": loss}), flush=True)
        if epoch < number:
            start()

    if side == "reference":
        training = importlib.import_module("training")
        convolves = any(isinstance(layer, nn.Conv2d) for layer in model.modules())
        # Compiled convolutions lose more by changes of layout than is gained between them.
        model.speed = training.Speed(
            bfloat16=training.bfloat16_is_fast(), channels_last=convolves, compiled=not convolves)
        start()
        model.fit(train.data.unsqueeze(1).float().div(255), None, seed=0, progress=tell)
    else:
        loader = DataLoader(train, batch_size=BATCH, shuffle=True)
        optimiser = torch.optim.Adam(model.parameters(), lr=RATE, weight_decay=DECAY)
        start()
        for epoch in range(1, epochs + 1):
            tell(epoch, epochs, usual_epoch(model, loader, optimiser))
    start()
    print(json.dumps({"test_loss": test_loss(model, test)}), flush=True)


# -- both sides in turn --------------------------------------------------------------------------------


class Side:
    """A process that trains one way."""

    def __init__(self, side: str, name: str, given: argparse.Namespace, data: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--side", side, "--models", name, "--data", str(data),
             "--epochs", str(given.epochs), "--threads", str(given.threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.seconds: list[float] = []

    def epoch(self) -> float:
        """Let it train for an epoch, and give the mean loss."""
        told = self.turn()
        self.seconds.append(told["seconds"])
        return told["loss"]

    def turn(self) -> dict[str, float]:
        """Let it go on, and read what it prints then."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            sys.exit("one side ended early; its message stands above")
        told: dict[str, float] = json.loads(line)
        return told

    def end(self) -> float:
        """Let it measure the test loss, and end."""
        loss = self.turn()["test_loss"]
        self.process.communicate()
        return loss


def compare(name: str, given: argparse.Namespace, data: Path) -> Result:
    """Train one model both ways, an epoch here and an epoch there."""
    reference, usual = Side("reference", name, given, data), Side("usual", name, given, data)
    for number in range(1, given.epochs + 2):
        ours, theirs = reference.epoch(), usual.epoch()
        print(f"{name} epoch {number}/{given.epochs + 1}: "
              f"reference {reference.seconds[-1]:.2f} s, loss {ours:.2f}; "
              f"usual {usual.seconds[-1]:.2f} s, loss {theirs:.2f}", flush=True)
    return Result(
        reference.seconds[1:], usual.seconds[1:], reference.seconds[0], usual.seconds[0],
        reference.end(), usual.end())


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
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of torch")
    parser.add_argument("--data", type=Path, default=os.environ.get("HARNESS_DATA"))
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--side", choices=["reference", "usual"], help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.data is None:
        sys.exit("say where Fashion-MNIST is: --data DIR or HARNESS_DATA")
    torch.set_num_threads(given.threads)
    if given.side is not None:
        work(given.side, given.models[0], epochs=given.epochs + 1, data=given.data)
        return
    with tempfile.TemporaryDirectory() as scratch:
        data = unpacked(given.data, Path(scratch))
        summarise({name: compare(name, given, data) for name in given.models}, as_json=given.json)


if __name__ == "__main__":
    main()
