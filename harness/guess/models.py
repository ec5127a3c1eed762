"""Which classes of a project are its models: the VAE of the first task, another generative model of the second."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from harness.guess.blueprint import Blueprint, bound_arguments, defaults, optional, parameters
from harness.guess.project import Piece, Project, name_of
from harness.guess.values import UNKNOWN, scope_of, value_of
from harness.worker.adapter import NAMES, NOISES

__all__ = ["Candidate", "Slot", "arguments_of", "candidates", "constructions", "needed_cells"]

Slot = Literal["vae", "other"]

_AUTOENCODER = re.compile(r"(?i).*(vae|auto_?enc).*|v?q?ae|ae[A-Z_0-9].*|.*AE")
_GENERATIVE = re.compile(
    r"(?i).*(gan|generator|netg|flow|ddpm|ddim|diffusion|rbm|boltzmann|glow|nvp|pixel_?cnn|score|autoregress).*")
_GENERATOR = re.compile(r"(?i)gen(erator)?([_\d]|$)|gan$|netg")
_PART = re.compile(
    r"(?i).*(discriminator|critic|classifier|block|layer|loss|dataset|loader|embedding|unet|flatten|reshape|trainer|"
    r"coupling|attention|config|schedule\w*|encoder|decoder|quantizer|netd|callback)")


@dataclass(frozen=True)
class Candidate:
    """A class that may be one of the models.

    Attributes:
        blueprint: what it says of itself, with the arguments that it is constructed with.
        slot: which model it may be.
        score: how much speaks for it.
        why: what does.
        call: where it is constructed; None where it is not.
        encode, decode: what these are called, where they are not found under the usual names.

    """

    blueprint: Blueprint
    slot: Slot
    score: int
    why: str
    call: tuple[Piece, ast.Call] | None = None
    methods: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the class."""
        return self.blueprint.name


def candidates(project: Project) -> list[Candidate]:
    """List the classes that may be models, those that most speaks for first."""
    found: list[Candidate] = []
    for name, places in project.classes.items():
        if (_PART.fullmatch(name) and not _AUTOENCODER.fullmatch(name)):
            continue
        for piece, node in places:
            plain = Blueprint(project, piece, node)
            judged = _judged(plain)
            if judged is not None:
                slot, score, why = judged
                call = next(constructions(project, name, piece), None)
                blueprint = Blueprint(project, piece, node, given=_known_arguments(project, plain, call))
                found.append(Candidate(
                    blueprint, slot, score + (call is not None), why, call, _methods(blueprint, slot)))
    inside = {(name, one.slot) for one in found for name in _parts_of(one.blueprint.node)}
    return sorted((one for one in found if (one.name, one.slot) not in inside), key=lambda one: -one.score)


def _parts_of(node: ast.ClassDef) -> set[str]:
    """Name the classes that a class makes or is derived from."""
    calls = {name_of(one.func) for one in ast.walk(node) if isinstance(one, ast.Call)}
    return ({name_of(base) for base in node.bases} | calls) - {node.name}


def _judged(blueprint: Blueprint) -> tuple[Slot, int, str] | None:
    """Say which model a class may be, how much speaks for it, and what; None if nothing does."""
    has = set(blueprint.methods) | set(blueprint.attributes)
    encoder = next((name for name in NAMES["encode"] if name in has), None)
    decoder = next((name for name in NAMES["decode"] if name in has), None)
    noise = _noise_parameter(blueprint)
    vae = [(points, words) for holds, points, words in (
        (encoder and decoder, 4, f"has {encoder} and {decoder}"),
        (any(name.startswith("reparam") for name in has), 2, "reparameterizes"),
        (_AUTOENCODER.fullmatch(blueprint.name), 3, "is called so"),
        (_pair_of_networks(blueprint), 2, "goes through two networks"),
    ) if holds]
    other = [(points, words) for holds, points, words in (
        (_GENERATIVE.fullmatch(blueprint.name), 3, "is called so"),
        (any(name in has for name in NAMES["sample"]), 2, "has a method that samples"),
        (noise, 3, f"takes {noise} in its forward"),
        ("generator" in (ast.get_docstring(blueprint.node) or "").lower(), 2, "says that it is the generator"),
    ) if holds]
    of_vae, of_other = sum(points for points, _ in vae), sum(points for points, _ in other)
    if not blueprint.is_module and max(of_vae, of_other) < 4:
        return None
    if max(of_vae, of_other) < 2:
        return None
    slot: Slot = "vae" if of_vae >= of_other else "other"
    reasons = ", ".join(words for _, words in (vae if slot == "vae" else other))
    return slot, max(of_vae, of_other), f"{blueprint.name} {reasons}"


def _noise_parameter(blueprint: Blueprint) -> str | None:
    forward = blueprint.methods.get("forward")
    first = next(iter(parameters(forward)), "") if forward else ""
    only_noise = first.lower() in NOISES - {"x", "input", "x_t", "code", "codes"}
    generator = _GENERATOR.search(blueprint.name) is not None
    return first if only_noise or generator else None


def _pair_of_networks(blueprint: Blueprint) -> tuple[str, str] | None:
    """Find two networks in a list that images go through."""
    for name, value in blueprint.attributes.items():
        listed = value.args[0] if isinstance(value, ast.Call) and name_of(value.func) == "ModuleList" and value.args \
            else value
        if isinstance(listed, (ast.List, ast.Tuple)) and len(listed.elts) == 2 and all(
                isinstance(one, ast.Call) and len(blueprint.layers_of(one)) > 1 for one in listed.elts):
            return f"{name}.0", f"{name}.1"
    return None


def _methods(blueprint: Blueprint, slot: Slot) -> dict[str, str]:
    """Say what encode, decode and sample are called, where the usual names are not there or mislead."""
    has = set(blueprint.methods) | set(blueprint.attributes)
    if slot == "other":
        sampler = any(name in has for name in NAMES["sample"])
        return {"sample": "forward"} if not sampler and _noise_parameter(blueprint) else {}
    if (pair := _pair_of_networks(blueprint)) and not any(name in has for name in NAMES["encode"]):
        return {"encode": pair[0], "decode": pair[1]}
    if {"encode", "decode"} & set(blueprint.methods):
        return {}
    for name, function in blueprint.methods.items():        # positions in a codebook and back
        looks_up = any(
            isinstance(one, ast.Call) and name_of(one.func) in {"argmin", "min"} for one in ast.walk(function))
        back = next((other for other in blueprint.methods if other in {
            f"from_{name}", f"decode_{name}", f"decode_{name.removeprefix('encode_')}", f"{name}_to_image"}), None)
        if looks_up and back:
            return {"encode": name, "decode": back}
    return {}


# --- how it is constructed


def constructions(project: Project, name: str, near: Piece) -> Iterator[tuple[Piece, ast.Call]]:
    """Find the calls that construct a class, those of its own file first, those of scripts that import it next."""
    for piece in project.near(near.file):
        for call in piece.calls:
            if isinstance(call.func, (ast.Name, ast.Attribute)) and name_of(call.func) == name:
                yield piece, call


def _known_arguments(
    project: Project, blueprint: Blueprint, call: tuple[Piece, ast.Call] | None,
) -> dict[str, Any]:
    if call is None:
        return {}
    scope = _scope_at(project, *call)
    bound = bound_arguments(blueprint.methods.get("__init__"), call[1])
    return {name: value_of(node, scope) for name, node in bound.items()}


def _scope_at(project: Project, piece: Piece, call: ast.Call) -> dict[str, Any]:
    """Give what is known where a call stands: constants, and defaults and constants of the function around it."""
    scope = scope_of(project, piece)
    for node in ast.walk(piece.tree):
        if isinstance(node, ast.FunctionDef) and any(inner is call for inner in ast.walk(node)):
            scope.update(defaults(node, scope))
            for statement in ast.walk(node):
                if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
                    value = value_of(statement.value, scope)
                    if value is not UNKNOWN:
                        scope[ast.unparse(statement.targets[0])] = value
    return scope


def arguments_of(candidate: Candidate) -> tuple[dict[str, Any], list[str]]:
    """Give the constructor's arguments that a manifest has to say, and the names of those that are not known."""
    blueprint = candidate.blueprint
    function = blueprint.methods.get("__init__")
    if function is None:
        return {}, []
    usual = defaults(function, scope_of(blueprint.project, blueprint.piece))
    told = _known_arguments(blueprint.project, blueprint, candidate.call)
    arguments, unknown = {}, []
    for name in parameters(function):
        value = told.get(name, UNKNOWN)
        if value is UNKNOWN:
            if name not in optional(function) or name in told:
                unknown.append(name)
        elif name not in usual or usual[name] != value:
            arguments[name] = value
    return arguments, unknown


# --- cells of a notebook


def needed_cells(candidate: Candidate) -> list[int]:
    """Give the numbers of the cells that define a class and what it needs, where its name is given twice; else none."""
    blueprint = candidate.blueprint
    piece, project = blueprint.piece, blueprint.project
    twice = [one for one, _ in project.classes[blueprint.name] if one.file == piece.file]
    if piece.cell is None or len(twice) < 2:
        return []
    cells = [one for one in project.pieces if one.file == piece.file]
    needed, waiting = {piece.cell}, [piece]
    while waiting:
        one = waiting.pop()
        for name in _free_names(one.tree):
            there = [cell for cell in cells if name in _defined(cell.tree)]
            before = [cell for cell in there if (cell.cell or 0) < (piece.cell or 0)] or there
            if one not in there and before and before[-1].cell not in needed:
                needed.add(before[-1].cell or 0)
                waiting.append(before[-1])
    return sorted(needed)


def _free_names(tree: ast.Module) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def _defined(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {alias.asname or alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {one.id for target in node.targets for one in ast.walk(target) if isinstance(one, ast.Name)}
    return names
