"""How images look to a model and as it returns them: by its first and last layers, and by how the code loads data."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.forms import SIDE
from harness.guess.blueprint import Blueprint
from harness.guess.guesses import ModelGuess
from harness.guess.layers import SHAPERS, Layer, after, fits
from harness.guess.project import Piece, Project, name_of
from harness.guess.values import scope_of, value_of

__all__ = ["Preparation", "guess_images", "is_square", "made_by", "preparation"]

SIZES = (28, 32, 64, 16, 48, 128)      # in the order in which they are tried
CLASSES = 10
_JUDGE = re.compile(r"(?i)discriminator|critic|netd")


@dataclass(frozen=True, slots=True)
class Preparation:
    """What is done to images before a model gets them; each with where it is said, empty where nothing is."""

    normalize: tuple[float, float] | None = None
    size: int | None = None
    fit: str = "pad"
    binarise: float | None = None
    to_tensor: bool = False
    where: Mapping[str, str] = field(default_factory=dict)
    conflicts: tuple[str, ...] = ()


def preparation(project: Project, file: str) -> Preparation:
    """Read the transforms of a project, those in `file` and in what imports it before others."""
    found: dict[str, list[tuple[Any, str]]] = {}
    pieces = project.near(file)
    for piece in pieces:
        for key, value, node in _preparing(project, piece):
            known = found.setdefault(key, [])
            if not any(value == other for other, _ in known):
                known.append((value, piece.place(node)))
    first = {key: values[0][0] for key, values in found.items()}
    resized, padded = first.get("resize"), first.get("pad")
    where = {key: values[0][1] for key, values in found.items()}
    return Preparation(
        normalize=first.get("normalize"), binarise=first.get("binarise"), to_tensor="to_tensor" in found,
        size=resized or (SIDE + 2 * padded if padded else None), fit="resize" if resized else "pad",
        where=where | ({"size": where["resize" if resized else "pad"]} if resized or padded else {}),
        conflicts=tuple(key for key, values in found.items() if len(values) > 1))


def _preparing(project: Project, piece: Piece) -> Iterator[tuple[str, Any, ast.AST]]:
    """Give each step of preparing images that is written in a piece."""
    scope = scope_of(project, piece)
    for node in ast.walk(piece.tree):
        if isinstance(node, ast.Call):
            name = name_of(node.func)
            first = node.args[0] if node.args else next((word.value for word in node.keywords), None)
            value = value_of(first, scope)
            if name == "Normalize":
                words = {word.arg: word.value for word in node.keywords}
                second = value_of(node.args[1] if len(node.args) > 1 else words.get("std"), scope)
                mean, std = _number(value_of(words["mean"], scope) if "mean" in words else value), _number(second)
                if mean is not None and std:
                    yield "normalize", (mean, std), node
            elif name == "Resize" and (size := _number(value)):
                if int(size) != SIDE:
                    yield "resize", int(size), node
            elif name in {"Pad", "ZeroPad2d"} and (margin := _number(value)):
                yield "pad", int(margin), node
            elif name in {"ToTensor", "to_tensor"}:
                yield "to_tensor", True, node
            elif name == "bernoulli" and node.args and not _says_dropout(node):
                yield "binarise", 0.5, node
        yield from _compared(node, scope)


def _compared(node: ast.AST, scope: Mapping[str, Any]) -> Iterator[tuple[str, Any, ast.AST]]:
    """Find `(x > 0.5).float()` and `x * 2 - 1` of what looks like images."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], (ast.Gt, ast.GtE)):
        threshold = value_of(node.comparators[0], scope)
        if isinstance(threshold, float) and 0 < threshold < 1 and _is_images(node.left):
            yield "binarise", threshold, node
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and value_of(node.right, scope) == 1:
        left = node.left
        if isinstance(left, ast.BinOp) and isinstance(left.op, ast.Mult):
            for images, two in ((left.left, left.right), (left.right, left.left)):
                if value_of(two, scope) == 2 and _is_images(images):
                    yield "normalize", (0.5, 0.5), node
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and value_of(node.right, scope) == 127.5:
        yield "normalize", (0.5, 0.5), node


def _is_images(node: ast.expr) -> bool:
    text = ast.unparse(node).lower()
    return text in {"x", "t", "img", "image", "images", "data", "batch", "imgs", "inputs", "x_train", "train_images",
                    "tensor", "x_batch", "real", "real_images"} or text.startswith(("images.", "data.", "x."))


def _says_dropout(node: ast.Call) -> bool:
    return "prob" in ast.unparse(node)


def _number(value: Any) -> float | None:
    if isinstance(value, (tuple, list)) and value and all(one == value[0] for one in value):
        value = value[0]
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


# --- of a model


def guess_images(
    guess: ModelGuess, blueprint: Blueprint, *, encoder: Sequence[Layer] | None, decoder: Sequence[Layer] | None,
    project: Project,
) -> None:
    """Guess `input` and `output` of a torch model.

    Args:
        guess: where they are entered.
        blueprint: of the class.
        encoder: layers that images go through to become a code; None where the model encodes nothing.
        decoder: layers that codes go through to become images; None where these are not known.
        project: for its transforms.

    """
    prepared = preparation(project, blueprint.piece.file)
    size, why_size = _size(encoder, decoder, prepared)
    fit = prepared.fit if prepared.size == size else "resize" if size > 40 else "pad"
    shape: dict[str, Any] = {} if size == SIDE else {"size": size} | ({"fit": "resize"} if fit == "resize" else {})
    bound = _bound(decoder)
    if encoder is not None:
        form, reasons = dict(shape), [why_size] if shape else []
        _enter_layout(form, reasons, *_input_layout(encoder))
        _enter_range(form, reasons, prepared, tanh=bound == "tanh")
        if prepared.binarise is not None:
            form["binarise"] = prepared.binarise
            reasons.append(f"binarised in {prepared.where['binarise']}")
        if form:
            guess.add("input", form, "; ".join(reasons))
        if "normalize" in prepared.conflicts or "resize" in prepared.conflicts:
            guess.ask("input", {"range": [-1, 1]}, "images are prepared in several ways in your code; which is its?")
        elif not prepared.to_tensor and prepared.normalize is None and "range" not in form:
            guess.ask("input", {**form, "range": [-1, 1]}, "no transforms were found; is black 0 and white 1?")
    form, reasons = dict(shape), [why_size] if shape else []
    if decoder is not None:
        _enter_layout(form, reasons, *_output_layout(decoder))
    _enter_output_range(guess, form, reasons, bound, decoder, prepared, project)
    if form:
        guess.add("output", form, "; ".join(reasons))


def _enter_layout(form: dict[str, Any], reasons: list[str], entries: Mapping[str, Any], why: str) -> None:
    form.update(entries)
    if entries:
        reasons.append(why)


def _input_layout(encoder: Sequence[Layer]) -> tuple[dict[str, Any], str]:
    first = next((layer for layer in encoder if layer.name not in {"cat", "concat", "arithmetic", "Dropout"}), None)
    if first is None or first.name in SHAPERS:
        return {}, ""
    if first.name == "Linear":
        return {"layout": "flat"}, f"the first layer, in line {first.line}, is Linear({first.argument(0)}, ...)"
    if first.name == "Conv2d" and first.argument(0, "in_channels") == 3:
        return {"channels": 3}, f"the first convolution, in line {first.line}, takes 3 channels"
    return {}, ""


def _output_layout(decoder: Sequence[Layer]) -> tuple[dict[str, Any], str]:
    for layer in reversed(decoder):
        if layer.name in {"Conv2d", "ConvTranspose2d"}:
            if layer.argument(1, "out_channels") == 3:
                return {"channels": 3}, f"the last convolution, in line {layer.line}, makes 3 channels"
            return {}, ""
        if layer.name in SHAPERS:
            lengths = layer.argument(1, "unflattened_size") if layer.name == "Unflatten" else layer.given
            lengths = lengths[0] if lengths and isinstance(lengths[0], (tuple, list)) else lengths
            dimensions = len(lengths or ()) + (layer.name == "Unflatten")
            if layer.name in {"flatten", "Flatten"} or dimensions == 2:
                return {"layout": "flat"}, f"line {layer.line} makes rows of them"
            return ({"layout": "nhw"}, f"line {layer.line} makes (N, H, W)") if dimensions == 3 else ({}, "")
        if layer.name == "Linear":
            return {"layout": "flat"}, f"the last layer, in line {layer.line}, is Linear(..., {layer.argument(1)})"
    return {}, ""


def is_square(number: Any) -> int | None:
    """Give the side of an image of so many pixels, if it is one of the usual ones."""
    side = math.isqrt(number) if isinstance(number, int) and number > 0 else 0
    return side if side * side == number and side in SIZES else None


def _size(
    encoder: Sequence[Layer] | None, decoder: Sequence[Layer] | None, prepared: Preparation,
) -> tuple[int, str]:
    """Find the side of the model's images, and what tells it."""
    for layer in encoder or ():
        if layer.name == "Linear":
            inside = layer.argument(0, "in_features")
            pixels = inside if is_square(inside) else inside - CLASSES if isinstance(inside, int) else None
            if _is_first(layer, encoder or ()) and (side := is_square(pixels)):
                return side, f"Linear({inside}, ...) in line {layer.line} takes {side} x {side} pixels"
            break
    channels = next((layer.argument(0, "in_channels") for layer in encoder or () if layer.name == "Conv2d"), None)
    if channels in {1, 3}:
        fitting = [side for side in SIZES if fits(encoder or (), (channels, side, side))]
        if 0 < len(fitting) < len(SIZES) - 1 and (SIDE not in fitting or prepared.size not in fitting):
            return fitting[0], f"its layers fit images of {fitting[0]} x {fitting[0]} pixels, no others"
    if (made := made_by(decoder)) and is_square(made[-1] * made[-1] if len(made) == 3 else made[-1]):
        side = made[-1] if len(made) == 3 else math.isqrt(made[-1])
        return side, f"the decoder makes {side} x {side} pixels"
    if prepared.size:
        where = prepared.where["size"]
        return prepared.size, f"images are {'resized' if prepared.fit == 'resize' else 'padded'} in {where}"
    return SIDE, ""


def _is_first(layer: Layer, layers: Sequence[Layer]) -> bool:
    before = layers[:list(layers).index(layer)]
    return all(one.name in SHAPERS | {"cat", "concat", "Dropout", "arithmetic", "to", "float"} for one in before)


def made_by(decoder: Sequence[Layer] | None) -> tuple[int, ...] | None:
    """Give the shape of what a decoder makes, as far as its layers tell."""
    for place, layer in enumerate(decoder or ()):
        if layer.name in {"Linear", "ConvTranspose2d"}:
            inside = layer.argument(0, "in_features", "in_channels")
            if isinstance(inside, int):
                start = (inside,) if layer.name == "Linear" else (inside, 1, 1)
                return after((decoder or ())[place:], start)
    return None


def _bound(decoder: Sequence[Layer] | None) -> str | None:
    """Name the function that bounds what a decoder makes: the last one, unless a layer with weights comes after."""
    for layer in reversed(decoder or ()):
        if layer.bound is not None:
            return layer.bound
        if layer.name not in SHAPERS | {"interpolate", "Upsample", "cpu", "to", "float"}:
            return None
    return None


def _enter_range(form: dict[str, Any], reasons: list[str], prepared: Preparation, *, tanh: bool) -> None:
    if prepared.normalize == (0.5, 0.5):
        form["range"] = [-1, 1]
        reasons.append(f"normalised by 0.5 and 0.5 in {prepared.where['normalize']}")
    elif prepared.normalize is not None and prepared.normalize != (0.0, 1.0):
        form["mean"], form["std"] = prepared.normalize
        reasons.append(f"normalised in {prepared.where['normalize']}")
    elif tanh and not prepared.to_tensor:
        form["range"] = [-1, 1]
        reasons.append("a model that ends in Tanh is trained on images in [-1, 1]")


def _enter_output_range(
    guess: ModelGuess, form: dict[str, Any], reasons: list[str], bound: str | None, decoder: Sequence[Layer] | None,
    prepared: Preparation, project: Project,
) -> None:
    """Enter what black and white are in what a decoder makes."""
    if bound == "tanh":
        form["range"] = [-1, 1]
        reasons.append("it ends in Tanh")
    elif bound == "relu":
        form["clip"] = True
        reasons.append("it ends in ReLU, which bounds nothing above")
    elif bound is None and decoder and decoder[-1].name != "?":
        if where := _logits_evidence(project.pieces):
            form["logits"] = True
            reasons.append(f"it ends without an activation, and {where}")
            return
        if prepared.normalize == (0.5, 0.5):
            form["range"] = [-1, 1]
        elif prepared.normalize is not None:
            form["mean"], form["std"] = prepared.normalize
        form["clip"] = True
        reasons.append("it ends without an activation, so that values may lie beyond black and white")
        guess.ask("output", {"logits": True}, "does your code put a sigmoid behind it? Then they are logits")


def _logits_evidence(pieces: Iterable[Piece]) -> str | None:
    """Say where the code takes what comes out for logits; losses of a discriminator tell nothing of it."""
    for piece in pieces:
        if any(isinstance(node, ast.ClassDef) and _JUDGE.search(node.name) for node in ast.walk(piece.tree)):
            continue
        for node in ast.walk(piece.tree):
            if not isinstance(node, ast.Call):
                continue
            name = name_of(node.func)
            if name in {"BCEWithLogitsLoss", "binary_cross_entropy_with_logits"}:
                return f"{piece.place(node)} uses {name}"
            if name == "sigmoid" and node.args and any(
                    word in ast.unparse(node.args[0]).lower() for word in ("decode", "recon", "logits", "x_hat")):
                return f"{piece.place(node)} puts a sigmoid behind it"
    return None

