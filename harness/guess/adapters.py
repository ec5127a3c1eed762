"""Writes the few lines that a manifest cannot say: encoding inside of forward, networks that nobody joins."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from harness.guess.blueprint import Blueprint, parameters
from harness.guess.project import Piece, name_of

__all__ = ["ADAPTER", "Split", "joined", "split_forward", "with_network"]

ADAPTER = "adapter.py"


@dataclass(frozen=True, slots=True)
class Split:
    """A forward taken apart.

    Attributes:
        code: of `encode` and `decode`, indented as methods.
        spread: name of what `encode` returns second; empty if it returns the code alone.
        node: the statement that draws the code.

    """

    code: str
    spread: str
    node: ast.stmt

    def adapter(self, blueprint: Blueprint) -> str:
        """Give the text of the adapter: a subclass that names what stands in forward."""
        return (
            f'"""Lets {blueprint.name} be asked for codes and for images: its forward, taken apart."""\n\n'
            f"from {module_of(blueprint.piece.file)} import *\n"
            f"from {module_of(blueprint.piece.file)} import {blueprint.name} as Original\n\n\n"
            f"class {blueprint.name}(Original):\n{self.code}")


def split_forward(blueprint: Blueprint) -> Split | None:
    """Take forward apart where the code is drawn; None where that is not needed, or not straight-line code.

    It is needed where nothing is called encode, or where what is called encoder ends before the mean.
    """
    forward = blueprint.methods.get("forward")
    if forward is None or not parameters(forward) or {"encode", "decode"} & set(blueprint.methods):
        return None
    body = [one for one in forward.body if not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))]
    place = next((place for place, one in enumerate(body) if _draws(one)), None)
    if place is None or not isinstance(body[-1], ast.Return) or body[-1].value is None:
        return None
    if any(not isinstance(one, (ast.Assign, ast.AnnAssign, ast.Return)) for one in body):
        return None
    drawn = body[place]
    mean, spread = _around(drawn)
    eps = {name for one in body[:place] if _is_noise(one) for name in _set(one)}
    std = spread
    spread = _derived(body[:place], spread).get(spread, spread)     # std = exp(0.5 * logvar) stands before
    image = _image(body[-1].value, known={mean, spread, *_set(drawn)})
    code = next(iter(_set(drawn)), "")
    if not mean or not code or image is None:
        return None
    before = [one for one in body[:place] if not (_set(one) & eps) and (std == spread or _set(one) != {std})]
    after_it = body[place + 1:-1]
    if any(name in _used([*after_it, ast.Expr(image)]) for one in before for name in _set(one)):
        return None     # the decoder needs more than the code
    first = parameters(forward)[0]
    returned = f"return {mean}, {spread}" if spread else f"return {mean}"
    lines = [f"    def encode(self, {first}):", *_indented(before), f"        {returned}", "",
             f"    def decode(self, {code}):", *_indented(after_it), f"        return {ast.unparse(image)}"]
    return Split("\n".join(lines) + "\n", spread, drawn)


def _draws(statement: ast.stmt) -> bool:
    value = getattr(statement, "value", None)
    if not isinstance(statement, ast.Assign) or value is None:
        return False
    if isinstance(value, ast.Call) and re.match(r"(?i)reparam|sampl", name_of(value.func)) and len(value.args) == 2:
        return True
    if not (isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add)):
        return False
    sides = (value.left, value.right)
    return any(isinstance(one, ast.Name) for one in sides) and any(
        isinstance(one, ast.BinOp) and isinstance(one.op, ast.Mult) for one in sides)


def _around(statement: ast.stmt) -> tuple[str, str]:
    """Name mean and spread in the statement that draws."""
    value = getattr(statement, "value", None)
    if isinstance(value, ast.Call):
        mean, spread = (one.id if isinstance(one, ast.Name) else "" for one in value.args)
        return mean, spread
    if not isinstance(value, ast.BinOp):
        return "", ""
    mean_side, noise_side = (value.left, value.right) if isinstance(value.left, ast.Name) else (value.right, value.left)
    names = [node.id for node in ast.walk(noise_side) if isinstance(node, ast.Name)]
    spread = next((name for name in names if not re.search(r"(?i)^(e|eps|epsilon|noise|self|torch|F)\d*$", name)), "")
    return ast.unparse(mean_side), spread


def _is_noise(statement: ast.stmt) -> bool:
    return any(
        isinstance(node, ast.Call) and name_of(node.func) in {"randn_like", "randn"} for node in ast.walk(statement))


def _derived(body: list[ast.stmt], name: str) -> dict[str, str]:
    """Say what `std` is made of: {"std": "logvar"}."""
    for one in body:
        if name in _set(one) and name.startswith(("std", "sigma")):
            names = [node.id for node in ast.walk(one) if isinstance(node, ast.Name)
                     and isinstance(node.ctx, ast.Load) and node.id not in {"torch", "self", "F"}]
            if len(set(names)) == 1:
                return {name: names[0]}
    return {}


def _image(returned: ast.expr, known: set[str]) -> ast.expr | None:
    """Find the reconstruction among what is returned."""
    parts = returned.elts if isinstance(returned, ast.Tuple) else [returned]
    return next((one for one in parts if not (isinstance(one, ast.Name) and one.id in known)), None)


def _set(statement: ast.stmt) -> set[str]:
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def _used(statements: list[ast.stmt]) -> set[str]:
    own: set[str] = set()
    used: set[str] = set()
    for one in statements:
        used |= {node.id for node in ast.walk(one) if isinstance(node, ast.Name)
                 and isinstance(node.ctx, ast.Load)} - own
        own |= _set(one)
    return used


def _indented(statements: list[ast.stmt]) -> list[str]:
    return [f"        {line}" for one in statements for line in ast.unparse(one).splitlines()]


def joined(encoder: tuple[Piece, ast.Call], decoder: tuple[Piece, ast.Call], known: tuple[str, str]) -> str:
    """Give the text of an adapter that joins two networks which a function constructs.

    Args:
        encoder: where it is defined, and the call that constructs it.
        decoder: likewise.
        known: these calls with literal arguments.

    """
    imports = sorted(
        {f"from {module_of(piece.file)} import {name_of(call.func)}" for piece, call in (encoder, decoder)})
    return (
        '"""Joins encoder and decoder, which a function of ours constructs, so that they can be asked."""\n\n'
        "from torch import nn\n\n" + "\n".join(imports) + "\n\n\n"
        "class Joined(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        f"        self.encoder = {known[0]}\n        self.decoder = {known[1]}\n")


def with_network(places: Mapping[str, Sequence[str]], *, network: str, sampler: str, call: str) -> str:
    """Give the text of an adapter that gives a sampler its network.

    Args:
        places: file -> classes that are imported from it.
        network: how the network is constructed.
        sampler: how the sampler is constructed.
        call: of its method, with `self.network` and `count`.

    """
    imports = [f"from {module_of(file)} import {', '.join(sorted(names))}" for file, names in sorted(places.items())]
    return (
        '"""Gives a sampler of ours its network, so that it can be asked for samples."""\n\n'
        "from torch import nn\n\n" + "\n".join(imports) + "\n\n\n"
        "class Sampler(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        f"        self.network = {network}\n        self.sampler = {sampler}\n\n"
        f"    def sample(self, count):\n        return self.sampler.{call}\n")


def module_of(file: str) -> str:
    """Name the module that a file is."""
    return ".".join(PurePosixPath(file).with_suffix("").parts)
