"""Models without a framework, and samplers: what their methods say about the shapes of images."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from harness.guess.blueprint import Blueprint
from harness.guess.guesses import ModelGuess
from harness.guess.images import preparation
from harness.guess.project import name_of
from harness.guess.values import value_of
from harness.worker.adapter import NAMES

__all__ = ["guess_array_images", "guess_sampled_images", "is_numpy"]

_LAYOUTS: dict[tuple[int, ...], str] = {
    (28, 28, 1): "nhwc", (784,): "flat", (28, 28): "nhw", (1, 28, 28): "nchw", (32, 32, 1): "nhwc",
}


def is_numpy(blueprint: Blueprint) -> bool:
    """Whether a class is made of NumPy alone."""
    text = {name_of(node) for node in ast.walk(blueprint.node) if isinstance(node, (ast.Name, ast.Attribute))}
    return not blueprint.is_module and bool(text & {"np", "numpy"}) and "torch" not in text


def guess_array_images(guess: ModelGuess, blueprint: Blueprint) -> None:
    """Guess the layouts of a NumPy model by the shapes that its methods name."""
    guess.add("framework", "numpy", f"{blueprint.name} works on NumPy arrays")
    encode, decode, sample = (
        next((blueprint.methods[name] for name in NAMES[verb] if name in blueprint.methods), None)
        for verb in ("encode", "decode", "sample"))
    if encode is not None and (found := _layout(blueprint, encode)):
        if found[0] != "nchw":
            guess.add("input", {"layout": found[0]}, found[1])
    elif encode is not None:
        guess.ask("input", {"layout": "flat"}, "which shape do images have there?")
    makes = decode or sample
    if makes is None:
        return
    found = _layout(blueprint, makes) or _layout(blueprint, blueprint.methods.get("__init__"))
    form: dict[str, Any] = {"layout": found[0]} if found and found[0] != "nchw" else {}
    why = [found[1]] if form and found else []
    if not _is_bounded(makes):
        form["clip"] = True
        why.append("nothing bounds its values")
    if form:
        guess.add("output", form, "; ".join(why))


def guess_sampled_images(guess: ModelGuess, blueprint: Blueprint, sampler: str) -> None:
    """Guess the form of what a sampler returns that is no decoder: of a flow, of a diffusion."""
    function = blueprint.methods[sampler]
    found = _layout(blueprint, function)
    form: dict[str, Any] = {"layout": found[0]} if found and found[0] != "nchw" else {}
    why = [found[1]] if form and found else []
    if not _is_bounded(function):
        prepared = preparation(blueprint.project, blueprint.piece.file)
        if prepared.normalize == (0.5, 0.5):
            form["range"] = [-1, 1]
            why.append(f"images are brought to [-1, 1] in {prepared.where['normalize']}")
        elif _is_diffusion(blueprint) and not prepared.to_tensor:
            form["range"] = [-1, 1]
            why.append("diffusion is usually trained on images in [-1, 1]")
            guess.ask("output", {"clip": True}, "are your images trained on in [0, 1]? Then leave `range` out")
        form["clip"] = True
        why.append("nothing bounds its values")
    if form:
        guess.add("output", form, "; ".join(why))


def _is_diffusion(blueprint: Blueprint) -> bool:
    names = {name.lower() for name in (*blueprint.attributes, *blueprint.scope)}
    return any(word in blueprint.name.lower() for word in ("ddpm", "ddim", "diffusion")) or any(
        name.startswith(("alpha_bar", "alphas_cumprod", "self.alpha_bar")) for name in names)


def _layout(blueprint: Blueprint, function: ast.FunctionDef | None) -> tuple[str, str] | None:
    """Find the layout of images by the shapes that a method names."""
    for shape, node in _shapes(blueprint, function):
        for tail in (shape, shape[1:]):
            if tail in _LAYOUTS:
                return _LAYOUTS[tail], f"{blueprint.piece.place(node)} says {ast.unparse(node)[:60]}"
    return None


def _shapes(blueprint: Blueprint, function: ast.FunctionDef | None) -> Iterator[tuple[tuple[int, ...], ast.expr]]:
    """Give the shapes that stand in a method: tuples, and arguments of what makes or reshapes arrays."""
    for node in ast.walk(function) if function is not None else ():
        if isinstance(node, ast.Call) and name_of(node.func) in {"reshape", "rand", "randn", "random", "zeros", "view"}:
            lengths = tuple(value_of(one, blueprint.scope) for one in node.args)
            yield tuple(length if isinstance(length, int) else -1 for length in lengths), node
        if isinstance(node, ast.Tuple):
            lengths = tuple(value_of(one, blueprint.scope) for one in node.elts)
            yield tuple(length if isinstance(length, int) else -1 for length in lengths), node


def _is_bounded(function: ast.FunctionDef) -> bool:
    """Whether what is returned was bounded last of all."""
    returned = [node.value for node in ast.walk(function) if isinstance(node, ast.Return) and node.value is not None]
    node = _bare(returned[-1]) if returned else None
    if isinstance(node, ast.Name):
        made = [one.value for one in ast.walk(function) if isinstance(one, ast.Assign)
                and any(isinstance(target, ast.Name) and target.id == node.id for target in one.targets)]
        node = _bare(made[-1]) if made else None
    return isinstance(node, ast.Call) and name_of(node.func) in {"sigmoid", "expit", "clip", "clamp"}


def _bare(node: ast.expr) -> ast.expr:
    """Take off what changes no value."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in {
            "astype", "reshape", "view", "cpu", "numpy", "detach", "float", "squeeze"}:
        node = node.func.value
    return node
