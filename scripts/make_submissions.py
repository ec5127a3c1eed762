"""Make what the shipped hand-ins and the tests' ladder hold beside their code: trained weights and PDFs.

Everything is made from the real Fashion-MNIST, by the hand-ins' own `fit`. The weights are stored in half
precision, and with them the facts of their training, so that a page can be drawn again without training:

    python scripts/make_submissions.py                   # everything: about a quarter of an hour on two cores
    python scripts/make_submissions.py reports           # only the pages, from the weights that are there
    python scripts/make_submissions.py answers           # only the answer sheet that group2 filled in
    python scripts/make_submissions.py ladder            # only the weights of tests/ladder
"""

from __future__ import annotations

import argparse
import importlib
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from hand_in_models import ROOT, SUBMISSIONS, as_tensor, beside, store
from torch import Tensor

from harness.data import load

MODELS = ROOT / "reference_models"
LADDER = ROOT / "tests" / "ladder"


@dataclass(frozen=True, kw_only=True)
class Job:
    """A model to train: where its class is, how it is constructed, and where its weights go."""

    name: str
    folder: Path
    module: str
    kind: str
    checkpoint: Path
    arguments: dict[str, Any] = field(default_factory=dict)


JOBS = (
    Job(name="group2", folder=SUBMISSIONS / "group2", module="model", kind="ConvVAE",
        checkpoint=SUBMISSIONS / "group2" / "vae.safetensors"),
    Job(name="group3", folder=SUBMISSIONS / "group3", module="model", kind="ConvVAE",
        checkpoint=SUBMISSIONS / "group3" / "vae.safetensors"),
    Job(name="group3-diffusion", folder=SUBMISSIONS / "group3", module="diffusion", kind="LatentDiffusion",
        checkpoint=SUBMISSIONS / "group3" / "diffusion.safetensors"),
    Job(name="group4", folder=SUBMISSIONS / "group4", module="model", kind="VAE",
        checkpoint=SUBMISSIONS / "group4" / "vae.safetensors"),
    Job(name="ladder-mean", folder=LADDER, module="models", kind="MeanImage",
        checkpoint=LADDER / "mean_image.safetensors"),
    Job(name="ladder-one", folder=MODELS, module="vae", kind="VAE", arguments={"hidden": 256, "epochs": 1},
        checkpoint=LADDER / "one_epoch.safetensors"),
    Job(name="ladder-ten", folder=MODELS, module="vae", kind="VAE", arguments={"hidden": 256, "epochs": 10},
        checkpoint=LADDER / "ten_epochs.safetensors"),
)


def main() -> None:
    """Train and draw what the command line names, or everything."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [job.name for job in JOBS]
    choices = ", ".join([*names, "ladder", "reports", "answers"])
    parser.add_argument("what", nargs="*", help=f"{choices}; everything if left out")
    parser.add_argument("--data", type=Path, help="folder with the official archives")
    given = parser.parse_args()
    wanted = set(given.what or [*names, "reports", "answers"])
    if "ladder" in wanted:
        wanted = (wanted - {"ladder"}) | {name for name in names if name.startswith("ladder")}
    if unknown := wanted - {*names, "reports", "answers"}:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    if "answers" in wanted:
        from hand_in_answers import fill_in_sheet

        fill_in_sheet()
    if wanted == {"answers"}:
        return
    data = load(folder=given.data)
    train_images = as_tensor(data.train.images)
    for job in JOBS:
        if job.name in wanted:
            train_job(job, train_images)
    if "reports" in wanted:
        from hand_in_pages import draw_all

        draw_all(data)


def train_job(job: Job, images: Tensor) -> None:
    """Train one model by its own `fit`, and store weights and the facts of the training."""
    history: list[float] = []

    def progress(epoch: int, epochs: int, loss: float) -> None:
        history.append(loss)
        seconds = time.monotonic() - started
        print(f"{job.name}: {epoch}/{epochs}, loss {loss:.3f}, {seconds:.0f} s", flush=True)

    torch.manual_seed(0)
    with beside(job.folder):
        model = getattr(importlib.import_module(job.module), job.kind)(**job.arguments)
        started = time.monotonic()
        model.fit(images, None, seed=0, device="cpu", deadline=math.inf, progress=progress)
    facts = {"seconds": time.monotonic() - started, "history": history}
    store(model, job.checkpoint, facts)


if __name__ == "__main__":
    main()
