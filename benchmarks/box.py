"""Measure what the box costs: for each start of a worker, and while a model trains.

Two comparisons, each paired in one run, a plain process and one in the box in turn, so that both meet the same machine:

- a start: from the call to the worker's first frame, before it imports torch, which takes the same in both and far
  longer than the box does;
- an epoch: a small VAE trains in two workers that live side by side, one epoch here and one epoch there.

Medians are given, and of the differences and ratios within pairs the median with its 95% interval (bootstrap).

    python benchmarks/box.py [--starts 25] [--epochs 15] [--images 10000] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from harness.data import garments
from harness.limits import Limits
from harness.sandbox.base import Job, Session
from harness.sandbox.choose import choose_box
from harness.sandbox.confined import ConfinedBox
from harness.sandbox.environments import own_environment
from harness.sandbox.pipe import Pipe
from harness.sandbox.plain import PlainBox
from harness.sandbox.process import start_process
from harness.sandbox.shown import FOLDER, variables
from harness.wire import Expected, read_head

ROOT = Path(__file__).resolve().parent.parent
LIMITS = Limits(threads=1)
MOST_MILLISECONDS, MOST_SHARE = 50.0, 0.02      # what the box may add to a start, and to an epoch

MODEL = '''
import torch
from torch import nn
from torch.nn import functional

class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(784, 400), nn.ReLU(), nn.Linear(400, 40))
        self.decoder = nn.Sequential(nn.Linear(20, 400), nn.ReLU(), nn.Linear(400, 784))
        self.optimiser = torch.optim.Adam(self.parameters(), lr=1e-3)

    def fit(self, images, labels, *, seed, device, deadline):
        for batch in images.flatten(1)[torch.randperm(len(images))].split(64):
            mean, log_variance = self.encoder(batch).chunk(2, dim=1)
            code = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
            error = functional.binary_cross_entropy_with_logits(self.decoder(code), batch, reduction="sum")
            divergence = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum()
            self.optimiser.zero_grad()
            ((error + divergence) / len(batch)).backward()
            self.optimiser.step()
'''


@dataclass(frozen=True)
class Pairs:
    """Seconds of the same thing without and with the box, pair by pair."""

    plain: list[float]
    boxed: list[float]

    def median_of(self, compare: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> tuple[float, float, float]:
        """Give the median of a comparison within pairs, and the ends of its 95% interval."""
        values = compare(np.array(self.boxed), np.array(self.plain))
        drawn = np.random.default_rng(0).choice(values, (2_000, len(values)))
        low, high = np.quantile(np.median(drawn, axis=1), [0.025, 0.975])
        return float(np.median(values)), float(low), float(high)


def in_turn(plain: Callable[[], float], boxed: Callable[[], float], *, pairs: int) -> Pairs:
    """Time both `pairs` times, the order within a pair turned from one to the next, after one pair to warm up."""
    times: dict[Callable[[], float], list[float]] = {plain: [], boxed: []}
    for number in range(pairs + 1):
        for one in (plain, boxed) if number % 2 else (boxed, plain):
            times[one].append(one())
    return Pairs(times[plain][1:], times[boxed][1:])


# -- starts --------------------------------------------------------------------------------------------


def first_frame(process: subprocess.Popen[bytes], begun: float) -> float:
    """Give the seconds until the worker's first frame is there."""
    assert process.stdout is not None
    head, _ = read_head(Pipe(os.dup(process.stdout.fileno()), deadline=begun + 60))
    assert head == {"stage": "started"}
    return time.perf_counter() - begun


def starts(box: ConfinedBox, folder: Path, *, pairs: int) -> Pairs:
    """Start the worker of the self-test, which imports no torch, without and with the box."""
    module = ["-m", "harness.worker.probe"]
    own = own_environment()
    outside = {**variables(LIMITS, own), "PYTHONPATH": os.pathsep.join(map(str, [ROOT, *own.packages]))}

    def plain() -> float:
        begun = time.perf_counter()
        process = start_process([*own.command, *module, "{}"], env=outside, cwd="/")
        seconds = first_frame(process, begun)
        process.kill()
        process.communicate()
        return seconds

    def boxed() -> float:
        begun = time.perf_counter()
        settings = json.dumps(box.confinement(LIMITS))
        process, guard = box.start([*module, settings], LIMITS, binds=[(folder, FOLDER)], cuda=False)
        seconds = first_frame(process, begun)
        guard.kill()
        process.communicate()
        guard.release()
        return seconds

    return in_turn(plain, boxed, pairs=pairs)


# -- epochs --------------------------------------------------------------------------------------------


def epochs(box: ConfinedBox, folder: Path, images: np.ndarray, *, pairs: int) -> Pairs:
    """Train the same model epoch by epoch in two workers that live side by side."""
    job = Job(role="fit", source="model.py:VAE", folder=folder)

    def epoch(session: Session) -> float:
        begun = time.perf_counter()
        session.ask("fit", {"images": images}, {"seconds": 600, "seed": 0}, seconds=600, expect={
            "files/*": Expected(shape=(None,), dtype="|u1", most=LIMITS.saved_bytes)})
        return time.perf_counter() - begun

    with PlainBox().open(job, LIMITS) as plain, box.open(job, LIMITS) as boxed:
        return in_turn(lambda: epoch(plain), lambda: epoch(boxed), pairs=pairs)


# -- the whole -----------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=25, help="pairs of starts")
    parser.add_argument("--epochs", type=int, default=15, help="pairs of epochs")
    parser.add_argument("--images", type=int, default=10_000, help="in an epoch")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    given = parser.parse_args(arguments)
    box = choose_box()
    if not isinstance(box, ConfinedBox):
        sys.exit(f"{box.name} confines nothing, so that there is nothing to measure")
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        folder.chmod(0o755)
        (folder / "model.py").write_text(MODEL)
        started = starts(box, folder, pairs=given.starts)
        trained = epochs(box, folder, garments().train.images[:given.images], pairs=given.epochs)
    more = [1000 * value for value in started.median_of(lambda boxed, plain: boxed - plain)]
    share = trained.median_of(lambda boxed, plain: boxed / plain - 1)
    print(f"{box.name}; load before {load:.1f}, after {os.getloadavg()[0]:.1f}\n")
    print(f"{'medians':<22}{'plain':>10}{'boxed':>10}{'added':>10}  95% interval        allowed")
    print(f"{'a start (ms)':<22}{1000 * np.median(started.plain):>10.1f}{1000 * np.median(started.boxed):>10.1f}"
          f"{more[0]:>10.1f}  {more[1]:.1f} to {more[2]:.1f}".ljust(74) + f"{MOST_MILLISECONDS:g}")
    print(f"{'an epoch (s)':<22}{np.median(trained.plain):>10.3f}{np.median(trained.boxed):>10.3f}"
          f"{share[0]:>10.2%}  {share[1]:.2%} to {share[2]:.2%}".ljust(74) + f"{MOST_SHARE:.0%}")
    if given.json:
        print(json.dumps({
            "box": box.name, "machine": platform.processor() or platform.machine(), "load": load,
            "starts": asdict(started), "epochs": asdict(trained), "images": given.images,
            "added_milliseconds": more, "added_share": share,
            "within": more[0] < MOST_MILLISECONDS and share[0] < MOST_SHARE,
        }))


if __name__ == "__main__":
    main()
