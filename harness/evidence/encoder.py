"""What is asked of the encoder, the only role that is shown test images: codes, posteriors, likelihoods."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from harness.data.outlines import DOMAINS
from harness.errors import InvalidOutput
from harness.evidence.exchange import Exchange
from harness.evidence.plan import Plan, derive
from harness.evidence.sampling import asked_labels
from harness.evidence.talk import Described, Talk, batches, with_labels
from harness.evidence.translation import Translations, ask_translations
from harness.wire import Expected

__all__ = ["Encoded", "ask_encoder", "encode"]

PATH_STEPS = 2_000
"""Most steps of the perceptual path length; each needs the codes of two samples."""

REPEATED = 64
"""How many test images are encoded a second time, to see that the same image has the same code."""

_LIKELIHOODS = 500                          # images in one request for log densities, which may be slow
_NOISE = 32                                 # images of noise whose density is asked for
_LONGEST = 8_192                            # numbers of a code on the wire; the budget's limit comes after
_HALF = float(np.finfo(np.float16).max)     # 65504
_WIDEST = 80.0                              # largest log variance: its exponential is a number in float32, too


@dataclass(slots=True)
class Encoded:
    """What the encoder gave; None where it has not the capability or failed."""

    described: Described
    test_codes: np.ndarray | None = None
    train_codes: np.ndarray | None = None
    codes_repeated: np.ndarray | None = None
    codes_rebatched: np.ndarray | None = None
    posterior: tuple[np.ndarray, np.ndarray] | None = None
    log_prob: np.ndarray | None = None
    log_prob_noise: np.ndarray | None = None
    translations: dict[str, Translations] = field(default_factory=dict)
    told: dict[str, float] = field(default_factory=dict)


def ask_encoder(
    talk: Talk, plan: Plan, exchange: Exchange, *, labelled: frozenset[str] = frozenset(),
) -> Encoded:
    """Ask the encoder for everything; codes are handed on as soon as they are there.

    It is given the true classes of images only where `labelled` holds "encode".

    Likelihoods are asked of it too: a decoder that had seen test images could give them back for their codes.
    """
    try:
        described = talk.describe()
        found = Encoded(described)
        talk.meter.plan(_asked(plan, described.capabilities))
        given = "encode" in labelled
        if "encode" in described.capabilities:
            _encode_all(talk, plan, exchange, found, given=given)
        if "posterior" in described.capabilities:
            found.posterior = _posterior(talk, plan, given=given)
        if "encode" in described.capabilities:
            _encode_samples(talk, plan, exchange, given=given)
        if "log_prob" in described.capabilities:
            found.log_prob = _log_prob(talk, plan)
            found.log_prob_noise = _log_prob_of_noise(talk, plan)
        if "translate" in described.capabilities and described.domains == DOMAINS:
            found.translations = ask_translations(talk, plan)
        if "report" in described.capabilities:      # last: it is shown labels, of training images
            found.told = talk.report(plan)
        return found
    finally:
        talk.stage("")
        exchange.settle_codes()


def _asked(plan: Plan, capabilities: tuple[str, ...]) -> int:
    """Count the images that will be asked about."""
    count = 0
    if "encode" in capabilities:
        count += len(plan.test) + len(plan.test[:REPEATED]) + len(plan.train)
        count += sum(len(images) for images in plan.probes.values()) + len(plan.rebatched)
        count += sum(len(part.images) for part in plan.moved.values())
    if {"encode", "sample"} <= set(capabilities):
        count += 2 * min(PATH_STEPS, plan.budget.samples // 2)
    if "posterior" in capabilities:
        count += len(plan.test)
    if "log_prob" in capabilities:
        count += len(plan.test[:plan.budget.likelihood_images]) + _NOISE
    if "translate" in capabilities:
        count += 4 * min(plan.budget.translations, len(plan.test) // 2)
    return count


def _encode_all(talk: Talk, plan: Plan, exchange: Exchange, found: Encoded, *, given: bool) -> None:
    def codes_of(images: np.ndarray, labels: np.ndarray) -> np.ndarray | None:
        return encode(talk, images, most=plan.budget.most_code_numbers, labels=labels if given else None)

    talk.stage("encoding test images")
    found.test_codes = codes_of(plan.test, plan.test_labels)
    exchange.test_codes.set_result(found.test_codes)
    if found.test_codes is not None:
        found.codes_repeated = codes_of(plan.test[:REPEATED], plan.test_labels[:REPEATED])
    talk.stage("encoding training images")
    found.train_codes = codes_of(plan.train, plan.train_labels)
    exchange.train_codes.set_result(found.train_codes)
    probes = list(plan.probes.values())
    exchange.probe_codes.set_result(codes_of(np.concatenate(probes), np.tile(plan.probe_labels, len(probes))))
    talk.stage("encoding moved images")
    moved = np.concatenate([part.images for part in plan.moved.values()])
    exchange.moved_codes.set_result(codes_of(moved, plan.moved_labels))
    found.codes_rebatched = codes_of(plan.test[plan.rebatched], plan.test_labels[plan.rebatched])


def _encode_samples(talk: Talk, plan: Plan, exchange: Exchange, *, given: bool) -> None:
    samples = exchange.samples.result()
    if samples is None or not talk.can("encode"):
        return
    count = 2 * min(PATH_STEPS, len(samples) // 2)
    talk.stage("encoding samples")
    exchange.sample_codes.set_result(encode(
        talk, samples[:count], most=plan.budget.most_code_numbers, labels=asked_labels(count) if given else None))


def encode(talk: Talk, images: np.ndarray, *, most: int, labels: np.ndarray | None = None) -> np.ndarray | None:
    """Encode images (N, 28, 28), uint8 or float32, to codes (N, d) float32 that were rounded to float16.

    A code of more than `most` numbers, or one that float16 cannot hold, is a fault, kept in `talk`.
    """
    parts: list[np.ndarray] = []
    for part in batches(len(images)):
        count = part.stop - part.start
        rule = Expected(shape=(count, parts[0].shape[1] if parts else None), most=count * _LONGEST)
        answer = talk.ask("encode", with_labels({"images": images[part]}, labels, part), expect={"codes": rule})
        if answer is None:
            return None
        try:
            parts.append(_rounded(answer["codes"], most))
        except InvalidOutput as fault:
            talk.fail("encode", fault)
            return None
        talk.meter.done(count)
    return np.concatenate(parts) if parts else None


def _rounded(codes: np.ndarray, most: int) -> np.ndarray:
    numbers = codes.shape[1]
    if not 0 < numbers <= most:
        raise InvalidOutput(
            f"'codes' has {numbers} numbers for each image; 1 to {most} may cross to the decoder",
            rationale="A code as large as the image is the image, and its reconstruction shows nothing.",
            hint="Use a smaller latent space; leave encode out where there is none, as in a flow.",
        )
    largest = float(np.abs(codes).max(initial=0.0))
    if largest > _HALF:
        raise InvalidOutput(
            f"'codes' has a number of size {largest:.4g}; codes cross as float16, which ends at {_HALF:g}",
            rationale="Codes are rounded to 16 bits, so that no image hides in their digits.",
            hint="Look at the scale of the latent space: with a normal prior it is a few units.",
        )
    return codes.astype(np.float16).astype(np.float32)


def _posterior(talk: Talk, plan: Plan, *, given: bool) -> tuple[np.ndarray, np.ndarray] | None:
    """Ask for mean and log variance, each (N, d) float32, of the test images."""
    talk.stage("asking for the posterior")
    parts: list[tuple[np.ndarray, np.ndarray]] = []
    for part in batches(len(plan.test)):
        count = part.stop - part.start
        rule = Expected(
            shape=(count, parts[0][0].shape[1] if parts else None), most=count * plan.budget.most_code_numbers)
        arrays = with_labels({"images": plan.test[part]}, plan.test_labels if given else None, part)
        answer = talk.ask("posterior", arrays, expect={"mean": rule, "log_variance": rule})
        if answer is None:
            return None
        try:
            _check_posterior(answer["mean"], answer["log_variance"])
        except InvalidOutput as fault:
            talk.fail("posterior", fault)
            return None
        parts.append((answer["mean"], answer["log_variance"]))
        talk.meter.done(count)
    if not parts:
        return None
    return np.concatenate([mean for mean, _ in parts]), np.concatenate([log for _, log in parts])


def _check_posterior(mean: np.ndarray, log_variance: np.ndarray) -> None:
    if mean.shape != log_variance.shape or not mean.shape[1]:
        raise InvalidOutput(
            f"'mean' has the shape {mean.shape}, 'log_variance' the shape {log_variance.shape}",
            rationale="Each unit of the code has one mean and one variance.",
            hint="Return (mean, log_variance) with one number for each unit.",
        )
    largest, widest = float(np.abs(mean).max(initial=0.0)), float(log_variance.max(initial=0.0))
    if largest > _HALF or widest > _WIDEST:
        raise InvalidOutput(
            f"'mean' has a number of size {largest:.4g}, 'log_variance' one of {widest:.4g}; "
            f"{_HALF:g} and {_WIDEST:g} are the most that is measured",
            rationale="Beyond that the divergence from the prior is no number any more.",
            hint="Look for a training that diverged; if it is a variance that you return, return its logarithm.",
        )


def _log_prob(talk: Talk, plan: Plan) -> np.ndarray | None:
    """Ask for log densities (n,) in nats of uniformly dequantised test images, as many as the time allows.

    (x + u) / 256 with u uniform in [0, 1) for pixels x in 0..255 (Theis et al. 2016, section 3.1).
    """
    rng = np.random.default_rng(derive(plan.seed, "dequantisation"))
    asked = plan.test[:plan.budget.likelihood_images]
    talk.stage("asking for likelihoods")
    parts: list[np.ndarray] = []
    spent = 0.0
    for part in batches(len(asked), _LIKELIHOODS):
        pixels = asked[part]
        images = (pixels + rng.random(pixels.shape, dtype=np.float32)) / np.float32(256)
        answer = talk.ask("log_prob", {"images": images}, expect={"log_prob": Expected(shape=(len(pixels),))})
        if answer is None:
            break
        parts.append(answer["log_prob"])
        talk.meter.done(len(pixels))
        spent += talk.spent["log_prob"]
        if spent > plan.budget.samples_seconds:
            break
    return np.concatenate(parts) if parts else None


def _log_prob_of_noise(talk: Talk, plan: Plan) -> np.ndarray | None:
    """Ask for log densities (n,) of uniform noise, which may rightly be minus infinity."""
    rng = np.random.default_rng(derive(plan.seed, "noise"))
    images = rng.random((_NOISE, *plan.test.shape[1:]), dtype=np.float32)
    rule = Expected(shape=(_NOISE,), finite=False)
    answer = talk.ask("log_prob", {"images": images}, expect={"log_prob": rule})
    talk.meter.done(_NOISE)
    return None if answer is None else answer["log_prob"]
