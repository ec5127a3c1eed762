"""Asks both roles of a trained model at once, and puts together what they gave."""

from __future__ import annotations

from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any

import numpy as np

from harness.contract import CAPABILITIES
from harness.data import Dataset
from harness.evidence.arrays import Evidence, Path
from harness.evidence.checks import Moved
from harness.evidence.decoder import EPSILON, Decoded, ask_decoder
from harness.evidence.encoder import Encoded, ask_encoder
from harness.evidence.exchange import Exchange
from harness.evidence.ledger import Ledger, Meter, Progress
from harness.evidence.plan import Pairs, Plan, derive, make_plan
from harness.evidence.talk import Talk
from harness.limits import Budget, Role
from harness.records import Fault
from harness.sandbox.base import Box, Job
from harness.sandbox.environments import Environment, own_environment
from harness.submissions import Submission

__all__ = ["gather", "job_for"]

_OF_THE_ENCODER = frozenset({"encode", "posterior", "log_prob", "translate", "report"})


def gather(
    submission: Submission, name: str, *, checkpoint: FilePath | None, data: Dataset, box: Box,
    budget: Budget, seed: int, device: str = "cpu", environment: Environment | None = None,
    progress: Progress = lambda _stage, _share: None,
) -> tuple[Evidence, list[Fault]]:
    """Ask a trained model for everything that is measured.

    Args:
        submission: the hand-in; only its clean copy is used.
        name: which of its models, "vae" or "other".
        checkpoint: the file or folder of its weights; None where the constructor makes it ready.
        data: what it is asked about; labels and test images stay on this side, but for what is to be encoded.
        box: where its code runs, in one worker for each role.
        budget: how much is asked for, and within which limits.
        seed: everything that is drawn here follows from it.
        device: "cpu" or "cuda".
        environment: what its code runs with; None for this interpreter and its packages.
        progress: called from other threads, one call at a time.

    Returns:
        What could be had, and the faults of the group's code that cost the rest.

    Raises:
        HarnessFault: a box failed.

    """
    ledger, meter, exchange = Ledger(model=name), Meter(progress), Exchange()
    entry = submission.manifest.models[name]
    labelled = entry.given_labels
    with ExitStack() as stack:
        # Sessions are closed before the pool is joined: a thread that waits for a worker is set free by that.
        pool = stack.enter_context(ThreadPoolExecutor(max_workers=2, thread_name_prefix="evidence"))
        talks = {}
        roles: tuple[Role, ...] = ("encode", "decode")
        for role in roles:
            limits = budget.limits_of(role)
            # The roles work at the same time: with all threads each, they take the cores from one another.
            limits = replace(limits, threads=max(1, limits.threads // 2))
            job = job_for(
                submission, name, role, checkpoint=checkpoint, seed=seed, device=device, environment=environment)
            session = stack.enter_context(box.open(job, limits))
            talks[role] = Talk(
                session, role=role, limits=limits, ledger=ledger, meter=meter,
                clip=entry.output is not None and entry.output.clip)
        plan = make_plan(data, budget, seed)    # while the workers import
        encoder = pool.submit(ask_encoder, talks["encode"], plan, exchange, labelled=labelled)
        decoder = pool.submit(ask_decoder, talks["decode"], plan, exchange, labelled=labelled)
        everyone: list[Future[Any]] = [encoder, decoder]
        for done in wait(everyone, return_when=FIRST_EXCEPTION).done:
            done.result()
        encoded, decoded = encoder.result(), decoder.result()
    seen = _put_together(plan, encoded, decoded, ledger, labelled=labelled)
    clipped = talks["decode"].clipped
    return replace(
        seen, redirected=tuple(sorted(talks["encode"].redirected | talks["decode"].redirected)),
        whole_codes=talks["decode"].whole_codes,
        clipped=None if clipped is None or not clipped.seen else clipped.outside / clipped.seen,
    ), ledger.faults


def job_for(
    submission: Submission, name: str, role: Role, *, checkpoint: FilePath | None, seed: int, device: str,
    environment: Environment | None = None,
) -> Job:
    """Say what the worker of a role is started with; each role has a seed of its own."""
    entry = submission.manifest.models[name]
    parts = entry.checkpoint if isinstance(entry.checkpoint, dict) and checkpoint is not None else {}
    return Job(
        role=role, source=entry.source, folder=submission.folder, arguments=entry.arguments,
        checkpoint=checkpoint, parts=parts, definitions_only=entry.only_definitions, cells=entry.cells,
        manner=entry.manner, load=not (role == "fit" and entry.route == "run"),
        seed=derive(seed, "role", role), device=device, environment=environment or own_environment(),
    )


def _put_together(
    plan: Plan, encoded: Encoded, decoded: Decoded, ledger: Ledger, *, labelled: frozenset[str],
) -> Evidence:
    says, also_says = encoded.described, decoded.described
    samples = decoded.samples
    return Evidence(
        capabilities=tuple(
            name for name in CAPABILITIES
            if name in (says if name in _OF_THE_ENCODER else also_says).capabilities
        ),
        conditional="sample" in labelled or also_says.conditional, labelled=tuple(sorted(labelled)),
        parameters=also_says.parameters if also_says.parameters is not None else says.parameters,
        test_index=plan.test_index, train_index=plan.train_index,
        test_codes=encoded.test_codes, train_codes=encoded.train_codes, codes_repeated=encoded.codes_repeated,
        posterior=encoded.posterior,
        reconstructions=decoded.test, train_reconstructions=decoded.train,
        probes=_probes(plan, decoded.probes), moved=_moved(plan, decoded.moved),
        rebatched=plan.rebatched, codes_rebatched=encoded.codes_rebatched,
        images_rebatched=decoded.rebatched, images_coarse=decoded.coarse,
        within=_path(plan, plan.within, decoded.within), between=_path(plan, plan.between, decoded.between),
        path_steps=decoded.path_steps, path_epsilon=EPSILON,
        samples=samples.images, sample_labels=samples.labels,
        samples_repeated=samples.repeated, samples_other=samples.other,
        log_prob=encoded.log_prob, log_prob_noise=encoded.log_prob_noise, log_prob_kind=says.log_prob_kind,
        translations=encoded.translations, told=encoded.told,
        seconds=dict(ledger.seconds),
    )


def _path(plan: Plan, pairs: Pairs, images: np.ndarray | None) -> Path | None:
    if images is None:
        return None
    return Path(first=plan.test_index[pairs[0]], second=plan.test_index[pairs[1]], images=images)


def _probes(plan: Plan, decoded: np.ndarray | None) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    if decoded is None:
        return {}
    parts = np.split(decoded, np.cumsum([len(images) for images in plan.probes.values()])[:-1])
    return {
        name: (images.astype(np.float32) / np.float32(255), part)
        for (name, images), part in zip(plan.probes.items(), parts, strict=True)
    }


def _moved(plan: Plan, decoded: np.ndarray | None) -> dict[str, Moved]:
    if decoded is None:
        return {}
    parts = np.split(decoded, np.cumsum([len(part.images) for part in plan.moved.values()])[:-1])
    return {
        name: replace(asked, reconstructions=part)
        for (name, asked), part in zip(plan.moved.items(), parts, strict=True)
    }
