"""What is asked of the decoder, which never sees an image: samples, reconstructions, lines between codes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from harness.evidence.checks import coarse
from harness.evidence.encoder import PATH_STEPS
from harness.evidence.exchange import Exchange
from harness.evidence.plan import Pairs, Plan, derive
from harness.evidence.sampling import Samples, draw
from harness.evidence.talk import BATCH, Described, Talk, batches, image_rule

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


def ask_decoder(talk: Talk, plan: Plan, exchange: Exchange, *, conditional: bool) -> Decoded:
    """Ask the decoder for everything, the most important first, as a failure costs what is later.

    Samples come first of all, as they need nothing of the encoder, which is at work meanwhile.
    """
    try:
        described = talk.describe()
        found = Decoded(described)
        if "sample" in described.capabilities:
            conditional = conditional or described.conditional
            found.samples = draw(talk, plan.budget, plan.seed, conditional=conditional)
        exchange.samples.set_result(found.samples.images)
        if "decode" in described.capabilities:
            _decode_all(talk, plan, exchange, found)
        return found
    finally:
        talk.stage("")
        exchange.settle_samples()


def _decode_all(talk: Talk, plan: Plan, exchange: Exchange, found: Decoded) -> None:
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
    found.test = decode(talk, codes)
    if found.test is None:
        return
    talk.stage("decoding lines between codes")
    found.within = _lines(talk, codes, found.test, plan.within, points=plan.budget.points)
    found.between = _lines(talk, codes, found.test, plan.between, points=plan.budget.points)
    talk.stage("decoding training images")
    train_codes = exchange.train_codes.result()
    if train_codes is not None:
        found.train = decode(talk, train_codes[:plan.train_shown])
    probe_codes = exchange.probe_codes.result()
    sample_codes = exchange.sample_codes.result()
    if sample_codes is not None:
        talk.stage("decoding short steps")
        found.path_steps = _path_steps(talk, sample_codes, derive(plan.seed, "path"))
    if probe_codes is not None:
        talk.stage("decoding probes")
        found.probes = decode(talk, probe_codes)
    _decode_checks(talk, plan, exchange, found, codes)


def _decode_checks(talk: Talk, plan: Plan, exchange: Exchange, found: Decoded, codes: np.ndarray) -> None:
    """Decode what shows whether the model is what it seems: moved images, other batches, coarser codes (N, d)."""
    talk.stage("decoding in other batches")
    found.rebatched = decode(talk, codes[plan.rebatched])
    found.coarse = decode(talk, coarse(codes)[plan.rebatched])
    moved_codes = exchange.moved_codes.result()
    if moved_codes is not None:
        talk.stage("decoding moved images")
        found.moved = decode(talk, moved_codes)


def decode(talk: Talk, codes: np.ndarray) -> np.ndarray | None:
    """Decode codes (N, d) to images (N, 28, 28) float32, in [0, 1] but for rounding, which is clipped off."""
    out = np.empty((len(codes), 28, 28), dtype=np.float32)
    for part in batches(len(codes)):
        count = part.stop - part.start
        answer = talk.ask("decode", {"codes": codes[part]}, expect={"images": image_rule(count)})
        if answer is None:
            return None
        np.clip(answer["images"], 0.0, 1.0, out=out[part])
        talk.meter.done(count)
    return out


def _lines(
    talk: Talk, codes: np.ndarray, ends: np.ndarray, pairs: Pairs, *, points: int,
) -> np.ndarray | None:
    """Decode straight lines between codes: (pairs, points, 28, 28), with the reconstructions as ends."""
    first, second = pairs
    out = np.empty((len(first), points, 28, 28), dtype=np.float32)
    out[:, 0], out[:, -1] = ends[first], ends[second]
    share = np.linspace(0, 1, points, dtype=np.float32)[1:-1, None]
    if not len(share):
        return out
    for part in batches(len(first), max(BATCH // len(share), 1)):
        start, end = codes[first[part], None], codes[second[part], None]
        line = start + share * (end - start)
        images = decode(talk, line.reshape(-1, codes.shape[1]))
        if images is None:
            return None
        out[part, 1:-1] = images.reshape(*line.shape[:2], 28, 28)
    return out


def _path_steps(talk: Talk, codes: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Decode t and t + EPSILON of lines between codes of samples, t uniform (Karras et al. 2019)."""
    count = len(codes) // 2
    start, end = codes[:count], codes[count:2 * count]
    t = np.random.default_rng(seed).random((count, 1), dtype=np.float32)
    steps = np.concatenate([start + t * (end - start), start + (t + np.float32(EPSILON)) * (end - start)])
    images = decode(talk, steps)
    return None if images is None else (images[:count], images[count:])
