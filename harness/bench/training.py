"""Training a reference model in the box, as a hand-in is, and keeping its weights small."""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

from harness import evidence
from harness.bench.cards import Card, Training
from harness.bench.contenders import as_hand_in
from harness.course import Course
from harness.data import Dataset
from harness.limits import Budget
from harness.sandbox.base import Box
from harness.scratch import scratch_folder
from harness.submissions import intake

__all__ = ["halved", "machine", "train", "with_time"]

HARM = 1e-3
"""Relative error, over a whole tensor, from which on half precision is not good enough for it."""

Progress = Callable[[str, float | None], None]


def train(
    course: Course, name: str, weights: Path, *, data: Dataset, box: Box, budget: Budget, seed: int,
    device: str = "cpu", progress: Progress = lambda _stage, _share: None,
) -> Card:
    """Train a reference model on all training images, and write its weights.

    Args:
        course: where the model is.
        name: which one.
        weights: the safetensors file to write.
        data: what it is trained on.
        box: where its code runs.
        budget: its `fit_seconds` is the deadline, its `limits.threads` the number of threads.
        seed: the seed of the role's seed, as for a hand-in.
        device: "cpu" or "cuda".
        progress: told what is being done.

    Returns:
        The card, without measurements.

    Raises:
        SubmissionFault: the model failed, or did not end in time.
        HarnessFault: the box failed.

    """
    with scratch_folder() as scratch:
        folder = scratch / name
        slot = as_hand_in(course, name, folder)
        submission = intake(folder, scratch / "copy")
        begun = time.perf_counter()
        trained = evidence.train(
            submission, slot, data=data, box=box, budget=budget, seed=seed, device=device,
            into=scratch / "trained", progress=progress,
        )
        seconds = time.perf_counter() - begun
        numbers = _keep(trained / "model.safetensors", weights)
        source = submission.manifest.models[slot].source.replace("model.py", f"{name}.py")
    return Card(
        name=name, source=source, weights=weights.name, sha256=hashlib.sha256(weights.read_bytes()).hexdigest(),
        numbers=numbers, trained=Training(
            data=data.name, data_hash=data.hash, images=len(data.train.images), seed=seed,
            limit_seconds=budget.fit_seconds, seconds=round(seconds, 1), threads=budget.limits.threads,
            device=device, machine=machine(), torch=version("torch"),
            command=shlex.join([
                "harness", "bench", name, "--train", "--seconds", f"{budget.fit_seconds:g}", "--seed", str(seed),
                "--threads", str(budget.limits.threads)]),
        ),
    )


def _keep(trained: Path, weights: Path) -> str:
    """Write the trained weights in half precision where that does no harm; say in which numbers they are."""
    from safetensors.numpy import load_file, save_file

    kept = {name: halved(array) for name, array in load_file(trained).items()}
    weights.parent.mkdir(parents=True, exist_ok=True)
    aside = weights.with_name(f".{weights.name}.new")
    save_file(kept, aside)
    aside.replace(weights)
    return ", ".join(sorted({str(array.dtype) for array in kept.values()}))


def halved(array: np.ndarray) -> np.ndarray:
    """Give an array of float32 as float16, unless it would be more than a thousandth off by that."""
    if array.dtype != np.float32:
        return array
    with np.errstate(over="ignore"):
        half = array.astype(np.float16)
    error = np.linalg.norm((half.astype(np.float64) - array).ravel())
    good = bool(np.isfinite(half).all()) and error <= HARM * np.linalg.norm(array.astype(np.float64).ravel())
    return half if good else array


def machine() -> str:
    """Name the processor and how many of its cores this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{_processor()}, {cores} cores, {platform.system()}"


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def with_time(budget: Budget, *, seconds: float, threads: int) -> Budget:
    """Give the budget with another deadline for `fit`, and another number of threads."""
    own = {name: value for name, value in budget.roles.get("fit", {}).items() if name != "threads"}
    return replace(
        budget, fit_seconds=seconds, limits=replace(budget.limits, threads=threads), roles={**budget.roles, "fit": own})
