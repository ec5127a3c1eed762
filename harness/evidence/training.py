"""Lets a group's class fit itself, or its script run, in a box, and keeps what was saved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import numpy as np

from harness.data import Dataset
from harness.errors import HarnessFault, InvalidOutput, Rejected
from harness.evidence.gather import job_for
from harness.evidence.ledger import Progress
from harness.evidence.talk import Described
from harness.limits import Budget
from harness.sandbox.base import Box
from harness.sandbox.environments import Environment
from harness.submissions import ModelEntry, Submission, check_paths, safe_path
from harness.wire import MOST_FILES, Expected

__all__ = ["train"]

_SAVED = "A trained model is what its `save` writes: a few files of weights, within the folder it is given."


def train(
    submission: Submission, name: str, *, data: Dataset, box: Box, budget: Budget, seed: int,
    device: str = "cpu", environment: Environment | None = None, into: Path,
    progress: Progress = lambda _stage, _share: None,
) -> Path:
    """Let a model of a hand-in be trained on the training images, and write what was saved below `into`.

    By route "fit", its class does it, and labels are handed over only where submission.yaml declares the model
    conditional: codes that were made from labels have clusters by class that show nothing. By route "run", its script
    does, which finds images and labels as the files of the data set.

    Returns:
        `into`, to be given to `gather` as the checkpoint.

    Raises:
        SubmissionFault: the group's code failed, took longer than it may, or saved nothing.
        HarnessFault: the box failed, or the files cannot be written.

    """
    entry = submission.manifest.models[name]
    job = job_for(submission, name, "fit", checkpoint=None, seed=seed, device=device, environment=environment)
    arrays = {"images": data.train.images}
    if entry.conditional or entry.route == "run":
        arrays["labels"] = data.train.labels.astype(np.int64)
    options: dict[str, object] = {"seed": job.seed, "seconds": budget.fit_seconds}
    if entry.route == "run":
        options |= {"script": entry.ran, "keep": list(entry.checkpoints)}
    progress("starting the model", None)
    limits = budget.limits_of("fit")
    with box.open(job, limits) as session:
        if entry.route == "fit":
            head, _ = session.ask("describe", expect={}, seconds=limits.start_seconds)
            _check_described(Described.of(head), entry)
        what = f"running {entry.ran}" if entry.route == "run" else "training"
        with _ticking(progress, f"{what} (at most {budget.fit_seconds / 60:.0f} min)", budget.fit_seconds):
            _, files = session.ask(
                entry.route, arrays, options,
                expect={"files/*": Expected(shape=(None,), dtype="|u1", most=limits.saved_bytes)},
                seconds=budget.fit_seconds + budget.fit_grace_seconds,
            )
    _write({name.removeprefix("files/"): content for name, content in files.items()}, into)
    return into


def _check_described(model: Described, entry: ModelEntry) -> None:
    if "fit" not in model.capabilities:
        raise Rejected(
            f"{entry.source} has no method fit, but its route is fit",
            rationale="With route fit the harness trains the model itself, by calling its `fit`.",
            hint="Write fit(self, images, labels, *, seed, device, deadline), or use route load.",
        )
    if model.conditional and not entry.conditional:
        raise Rejected(
            f"{entry.source} says conditional = True, but submission.yaml does not",
            rationale="Labels are handed only to models that the manifest declares conditional.",
            hint="Write `conditional: true` beside its source in submission.yaml.",
        )


def _write(files: Mapping[str, np.ndarray], into: Path) -> None:
    if not files or len(files) > MOST_FILES:
        raise InvalidOutput(
            f"after fit the model saved {len(files)} files; 1 to {MOST_FILES} are taken", rationale=_SAVED,
            hint="Write the weights into the folder that save(folder) is given, as load(folder) reads them.",
        )
    named = _checked(files)
    try:
        into.mkdir(parents=True, exist_ok=True)
        for name, content in named.items():
            target = into / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.tobytes())
    except OSError as error:
        raise HarnessFault(f"the trained model cannot be written to {into}: {error}") from error


def _checked(files: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Give the files by paths that can be written, whatever they are called."""
    named: dict[str, np.ndarray] = {}
    for name, content in files.items():
        try:
            named[safe_path(name)] = content
        except ValueError as error:
            raise _odd_name(f"{name[:80]!a}: {error}") from None
    try:
        check_paths(named)
    except Rejected as fault:
        raise _odd_name(fault.message) from None
    return named


def _odd_name(why: str) -> InvalidOutput:
    return InvalidOutput(
        f"the model saved a file under a name that cannot be taken, {why}", rationale=_SAVED,
        hint="Use plain names such as weights.safetensors.")


@contextmanager
def _ticking(progress: Progress, stage: str, seconds: float) -> Iterator[None]:
    """Report each second which share of the time is over, as nothing else can be known of a training."""
    over = Event()

    def tick() -> None:
        passed = 0
        while not over.wait(1.0):
            passed += 1
            progress(stage, min(passed / seconds, 1.0))

    progress(stage, 0.0)
    ticker = Thread(target=tick, name="training-progress", daemon=True)
    ticker.start()
    try:
        yield
    finally:
        over.set()
        ticker.join()
