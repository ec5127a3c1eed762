"""What is asked of the decoder, which never sees an image: samples, reconstructions, lines between codes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from harness.evidence.checks import coarse
from harness.evidence.encoder import PATH_STEPS
from harness.evidence.exchange import Exchange
from harness.evidence.plan import Pairs, Plan, derive
from harness.evidence.sampling import Samples, asked_labels, draw
from harness.evidence.talk import BATCH, Described, Talk, batches, with_labels

__all__ = ["EPSILON", "Decoded", "ask_decoder", "decode"]

EPSILON = 1e-2
"""Step of the perceptual path length, as a share of the line; smaller ones agree to 1%."""


@dataclass(slots=True)
class Decoded:
    """What the decoder gave; None where it has not the capability or failed."""

    described: Described
    samples: Samples = field(default_factory=Samples)
    test: np.ndarray | None = None
    train: np.ndarray | None = None
    within: np.ndarray | None = None
    between: np.ndarray | None = None
    path_steps: tuple[np.ndarray, np.ndarray] | None = None
    probes: np.ndarray | None = None
    moved: np.ndarray | None = None
    rebatched: np.ndarray | None = None
    coarse: np.ndarray | None = None


def ask_decoder(
    talk: Talk, plan: Plan, exchange: Exchange, *, labelled: frozenset[str] = frozenset(),
) -> Decoded:
    """Ask the decoder for everything, the most important first, as a failure costs what is later.

    Samples come first of all, as they need nothing of the encoder, which is at work meanwhile.
    """
    try:
        described = talk.describe()
        found = Decoded(described)
        if "sample" in described.capabilities:
            conditional = "sample" in labelled or described.conditional
            found.samples = draw(talk, plan.budget, plan.seed, conditional=conditional)
        exchange.samples.set_result(found.samples.images)
        if "decode" in described.capabilities:
            _decode_all(talk, plan, exchange, found, given="decode" in labelled)
        return found
    finally:
        talk.stage("")
        exchange.settle_samples()


def _decode_all(talk: Talk, plan: Plan, exchange: Exchange, found: Decoded, *, given: bool) -> None:
    codes = exchange.test_codes.result()
    if codes is None:
        return
    inner = max(plan.budget.points - 2, 0)
    talk.meter.plan(len(codes) + inner * (len(plan.within[0]) + len(plan.between[0])) + plan.train_shown)
    talk.meter.plan(sum(len(images) for images in plan.probes.values()) + 2 * len(plan.rebatched))
    talk.meter.plan(sum(len(part.images) for part in plan.moved.values()))
    if found.samples.images is not None:
        talk.meter.plan(2 * min(PATH_STEPS, len(found.samples.images) // 2))
    talk.stage("decoding test images")
    labels = plan.test_labels if given else None
    found.test = decode(talk, codes, labels=labels)
    if found.test is None:
        return
    talk.stage("decoding lines between codes")
    found.within = _lines(talk, codes, found.test, plan.within, points=plan.budget.points, labels=labels)
    found.between = _lines(talk, codes, found.test, plan.between, points=plan.budget.points, labels=labels)
    talk.stage("decoding training images")
    train_codes = exchange.train_codes.result()
    if train_codes is not None:
        found.train = decode(
            talk, train_codes[:plan.train_shown], labels=plan.train_labels[:plan.train_shown] if given else None)
    probe_codes = exchange.probe_codes.result()
    sample_codes = exchange.sample_codes.result()
    if sample_codes is not None:
        talk.stage("decoding short steps")
        found.path_steps = _path_steps(talk, sample_codes, derive(plan.seed, "path"), given=given)
    if probe_codes is not None:
        talk.stage("decoding probes")
        found.probes = decode(
            talk, probe_codes, labels=np.tile(plan.probe_labels, len(plan.probes)) if given else None)
    _decode_checks(talk, plan, exchange, found, codes, given=given)


def _decode_checks(
    talk: Talk, plan: Plan, exchange: Exchange, found: Decoded, codes: np.ndarray, *, given: bool,
) -> None:
    """Decode what shows whether the model is what it seems: moved images, other batches, coarser codes (N, d)."""
    talk.stage("decoding in other batches")
    labels = plan.test_labels[plan.rebatched] if given else None
    found.rebatched = decode(talk, codes[plan.rebatched], labels=labels)
    found.coarse = decode(talk, coarse(codes)[plan.rebatched], labels=labels)
    moved_codes = exchange.moved_codes.result()
    if moved_codes is not None:
        talk.stage("decoding moved images")
        found.moved = decode(talk, moved_codes, labels=plan.moved_labels if given else None)


def decode(talk: Talk, codes: np.ndarray, *, labels: np.ndarray | None = None) -> np.ndarray | None:
    """Decode codes (N, d) to images (N, 28, 28) float32, in [0, 1] but for rounding, which is clipped off.

    Labels (N,) are handed over where the manifest declares that the decoder needs them.
    """
    out = np.empty((len(codes), 28, 28), dtype=np.float32)
    for part in batches(len(codes)):
        count = part.stop - part.start
        images = talk.images("decode", count, with_labels({"codes": codes[part]}, labels, part))
        if images is None:
            return None
        out[part] = images
        talk.meter.done(count)
    return out


def _lines(
    talk: Talk, codes: np.ndarray, ends: np.ndarray, pairs: Pairs, *, points: int, labels: np.ndarray | None = None,
) -> np.ndarray | None:
    """Decode straight lines between codes: (pairs, points, 28, 28), with the reconstructions as ends.

    A decoder that needs labels is given that of the nearer end.
    """
    first, second = pairs
    out = np.empty((len(first), points, 28, 28), dtype=np.float32)
    out[:, 0], out[:, -1] = ends[first], ends[second]
    share = np.linspace(0, 1, points, dtype=np.float32)[1:-1, None]
    if not len(share):
        return out
    for part in batches(len(first), max(BATCH // len(share), 1)):
        start, end = codes[first[part], None], codes[second[part], None]
        line = start + share * (end - start)
        given = None if labels is None else np.where(
            share.T < 0.5, labels[first[part], None], labels[second[part], None]).reshape(-1)
        images = decode(talk, line.reshape(-1, codes.shape[1]), labels=given)
        if images is None:
            return None
        out[part, 1:-1] = images.reshape(*line.shape[:2], 28, 28)
    return out


def _path_steps(talk: Talk, codes: np.ndarray, seed: int, *, given: bool) -> tuple[np.ndarray, np.ndarray] | None:
    """Decode t and t + EPSILON of lines between codes of samples, t uniform (Karras et al. 2019)."""
    count = len(codes) // 2
    start, end = codes[:count], codes[count:2 * count]
    t = np.random.default_rng(seed).random((count, 1), dtype=np.float32)
    steps = np.concatenate([start + t * (end - start), start + (t + np.float32(EPSILON)) * (end - start)])
    images = decode(talk, steps, labels=np.tile(asked_labels(count), 2) if given else None)
    return None if images is None else (images[:count], images[count:])
