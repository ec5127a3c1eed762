"""Sets what a report states beside what was measured: agree, differ, or not comparable, each with its reason.

A stated number is never trusted and never marked. It is compared only where its kind and its unit are plain, and
with a margin that the reason names; losses, sums and Fréchet distances of other networks are not compared.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from harness.handin.numbers import half_unit
from harness.records import HandIn, Measurement, ModelResult, Stated

__all__ = ["compared"]

Models = Mapping[str, ModelResult]
Verdict = tuple[str, str, str]      # what was measured, the verdict, why

PIXELS = 784            # of an image
NEAR = 0.05             # share by which a ratio may be off a wrong count
_COUNTS = ("latent size", "parameters")
_NOT_MEASURED = "", "not measured", "Nothing of the kind is measured: it cannot be seen in a trained model."


class _Rule(NamedTuple):
    """How a stated number is compared: with which measurement, how much it may be off beside its rounding."""

    measurement: str
    relative: float = 0.0       # share of the measured value
    absolute: float = 0.0
    why: str = ""               # where the margin comes from


_SAMPLED = "codes may be drawn or be means, which moves the error a little"
_WINDOWS = "windows of other shapes give other values"
_MEANS = "the mean over images and that of the mean error lie up to 1 dB apart"
_NOISE = "noise is added to pixels in several ways"
_RULES = {
    "mean squared error": _Rule("reconstruction.mse", relative=0.05, why=_SAMPLED),
    "mean squared error in training": _Rule("reconstruction.train_mse", relative=0.05, why=_SAMPLED),
    "structural similarity": _Rule("reconstruction.ssim", absolute=0.03, why=_WINDOWS),
    "peak signal-to-noise ratio": _Rule("reconstruction.psnr", absolute=1.0, why=_MEANS),
    "bits per dimension": _Rule("likelihood.bits_per_dimension", absolute=0.1, why=_NOISE),
}
_BESIDE = {
    "reconstruction error": (
        "reconstruction.mse", "The report does not say of which kind its error is, nor over what it is averaged."),
    "Fréchet distance": (
        "distribution.fid",
        "A Fréchet distance depends on the network, the number of images and their size; the harness takes its own."),
    "accuracy": ("clusters.knn_accuracy", "The report does not say plainly of which classifier, on which codes."),
    "nearest-neighbour accuracy": (
        "clusters.knn_accuracy", "The number of neighbours, the images and the codes differ from report to report."),
    "silhouette": ("clusters.silhouette", "It depends on whether codes or a projection of them are looked at."),
    "evidence lower bound": ("likelihood.nats", "Bounds are summed and averaged over different counts."),
    "loss": ("", "A loss is summed and averaged over different counts in every program."),
}


def compared(hand_in: HandIn, models: Models, *, stand_in: bool = False) -> HandIn:
    """Give the facts with each stated value set beside what was measured of the models.

    With `stand_in` it was measured on other images than those of the exercise, and only counts can agree or differ.
    """
    stated = [_beside(one, models, stand_in=stand_in) for one in hand_in.stated]
    return hand_in.model_copy(update={"stated": stated})


def _beside(one: Stated, models: Models, *, stand_in: bool) -> Stated:
    measured, verdict, why = _compare(one, models)
    if stand_in and verdict in {"agree", "differ"} and one.name not in _COUNTS:
        verdict, why = "not comparable", "It was measured on images that stand in for those of the exercise."
    return one.model_copy(update={"measured": measured, "verdict": verdict, "why": why})


def _compare(one: Stated, models: Models) -> Verdict:
    if one.name == "latent size":
        return _counted(one, models, _code_numbers, "numbers in a code", "code")
    if one.name == "parameters":
        return _counted(one, models, lambda model: model.parameters, "trainable parameters", "parameters")
    if one.name == "binary cross-entropy":
        return _cross_entropy(one, models)
    if rule := _RULES.get(one.name):
        return _measured(one, models, rule)
    plain = one.name.removesuffix(" in training")
    if plain in _BESIDE:
        name, why = _BESIDE[plain]
        return _words(_values(name, models)), "not comparable", why
    return _NOT_MEASURED


def _values(name: str, models: Models) -> dict[str, Measurement]:
    found = {key: model.measurements[name] for key, model in models.items() if name in model.measurements}
    return {key: one for key, one in found.items() if math.isfinite(one.value)}


def _words(values: Mapping[str, Measurement]) -> str:
    return "; ".join(f"{name}: {one.value:.4g} {one.unit}" for name, one in values.items())


def _code_numbers(model: ModelResult) -> int | None:
    one = model.measurements.get("reconstruction.code_numbers")
    return round(one.value) if one else None


def _counted(
    one: Stated, models: Models, count: Callable[[ModelResult], int | None], unit: str, thing: str,
) -> Verdict:
    """Compare a number with a count; it may be that of any model."""
    counts = {name: count(model) for name, model in models.items()}
    known = {name: value for name, value in counts.items() if value is not None}
    said = "; ".join(f"{name}: {value:,} {unit}" for name, value in known.items())
    if not known or one.number is None:
        return said, "not comparable", f"No {thing} of the models handed in could be counted."
    margin = 0.0 if one.name == "latent size" else _rounding(one)
    for name, value in known.items():
        if abs(value - one.number) <= margin:
            return said, "agree", f"{name} has {value:,}."
    uncounted = [name for name, value in counts.items() if value is None]
    if uncounted:
        return said, "not comparable", f"It may be that of {', '.join(uncounted)}, whose {thing} could not be counted."
    return said, "differ", "No model that was handed in has this number; the page may speak of another one."


def _rounding(one: Stated) -> float:
    """Give how far the printed number may be from the one that was rounded: half a unit of its last digit."""
    number = one.number or 0.0
    if one.value.endswith("%"):
        return half_unit(one.value.rstrip("% "), 100 * number) / 100
    many = re.fullmatch(r"([\d.,]+)\s?([km]).*", one.value, re.IGNORECASE)
    if many is None:
        return half_unit(one.value, number)
    factor = 1e3 if many[2].casefold() == "k" else 1e6
    return factor * half_unit(many[1], number / factor)


def _measured(one: Stated, models: Models, rule: _Rule) -> Verdict:
    """Compare with a measurement of the VAE, or of the only model that has it."""
    values = _values(rule.measurement, models)
    said = _words(values)
    if not values or one.number is None:
        return said, "not comparable", "Nothing of the kind could be measured of the models handed in."
    margins = {name: _rounding(one) + _spread(value) + rule.relative * abs(value.value) + rule.absolute
               for name, value in values.items()}
    for name, value in values.items():
        if abs(one.number - value.value) <= margins[name]:
            why = f"Within {margins[name]:.2g} of what was measured of {name}: rounding, interval; {rule.why}."
            return said, "agree", why
    if rule.measurement.endswith("mse") and (odd := _odd_count(one.number, values)):
        return said, "not comparable", odd
    if len(values) < len([model for model in models.values() if "decode" in model.capabilities]):
        return said, "not comparable", "It may be that of a model of which nothing of the kind could be measured."
    margin = max(margins.values())
    return said, "differ", f"Further than {margin:.2g} from what was measured: rounding, interval; {rule.why}."


def _spread(value: Measurement) -> float:
    if value.interval is None:
        return 0.0
    return max(abs(end - value.value) for end in value.interval)


def _odd_count(stated: float, values: Mapping[str, Measurement]) -> str:
    """Say which other count, range or sum would explain a squared error; "" where none does."""
    explained = {
        float(PIXELS): "a sum over the 784 pixels of an image", 4.0: "intensities from -1 to 1",
        4.0 * PIXELS: "a sum over pixels with intensities from -1 to 1", 255.0**2: "intensities from 0 to 255",
        PIXELS / 2: "half the sum over pixels", 0.5: "half the squared error",
    }
    for value in values.values():
        ratio = stated / value.value if value.value > 0 else 0.0
        for factor, what in explained.items():
            if abs(ratio / factor - 1) <= NEAR:
                return f"It is {ratio:.3g} times the measured error per pixel: {what} would explain it."
        if ratio > 50:
            return f"It is {ratio:.3g} times the measured error per pixel: it must be summed or scaled in another way."
    return ""


def _cross_entropy(one: Stated, models: Models) -> Verdict:
    """Compare with nats per image where the words say per image or per pixel."""
    values = _values("reconstruction.bce", models)
    said = _words(values)
    snippet = one.snippet.casefold()
    per_pixel, per_image = "per pixel" in snippet, "per image" in snippet
    if not values or one.number is None or per_pixel == per_image:
        why = "The report does not say whether it is per image or per pixel." if values else "It was not measured."
        return said, "not comparable", why
    factor = PIXELS if per_pixel else 1
    for name, value in values.items():
        margin = factor * _rounding(one) + _spread(value) + 0.02 * value.value
        if abs(factor * one.number - value.value) <= margin:
            return said, "agree", f"Within {margin:.2g} nats per image of {name}: rounding, interval; {_SAMPLED}."
    return said, "differ", "Further from what was measured than rounding, the interval and 2 % explain."
