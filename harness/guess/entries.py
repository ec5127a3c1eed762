"""Puts together what is guessed about each model of a project."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from harness.guess.adapters import ADAPTER, split_forward
from harness.guess.apart import joint, networks_of_the_top_level, of_globals, take_network
from harness.guess.arrays import guess_array_images, guess_sampled_images, is_numpy
from harness.guess.blueprint import Blueprint, class_written
from harness.guess.codes import encoding, guess_labels, guess_prior, guess_second, sampler_of
from harness.guess.guesses import ModelGuess
from harness.guess.images import guess_images
from harness.guess.layers import Layer
from harness.guess.models import Candidate, arguments_of, candidates, needed_cells
from harness.guess.project import Project
from harness.guess.routes import busy_place, guess_route
from harness.guess.weights import Saved, saved_by
from harness.worker.adapter import NAMES

__all__ = ["guess_models"]


def guess_models(project: Project) -> list[ModelGuess]:
    """Guess the models of a project, the VAE first; empty where nothing looks like one."""
    found = candidates(project)
    saved = saved_by(project)
    guesses: list[ModelGuess] = []
    taken: list[str] = []
    for slot in ("vae", "other"):
        fitting = [one for one in found if one.slot == slot]
        if fitting:
            guess = _of_class(project, _preferred(fitting, saved), saved, taken)
            more = sorted({one.name for one in fitting} - {_preferred(fitting, saved).name})
            if more:
                guess.notes.append(f"there is also {', '.join(more)}; write it into `source` if that is the one")
            guesses.append(guess)
        elif slot == "vae" and (networks := networks_of_the_top_level(project)):
            guesses.append(of_globals(project, *networks, saved))
        elif slot == "vae" and (joined := joint(project, saved)):
            guesses.append(joined)
        taken += [path for one in guesses for path in _paths(one)]
    return guesses


def _paths(guess: ModelGuess) -> list[str]:
    value = guess.keys["checkpoint"].value if "checkpoint" in guess.keys else ""
    return list(value.values()) if isinstance(value, dict) else [value]


def _preferred(fitting: Sequence[Candidate], saved: Sequence[Saved]) -> Candidate:
    """Take the class that most speaks for, of equal ones the one that is saved, then the last."""
    kinds = {one.kind for one in saved}
    return max(enumerate(fitting), key=lambda pair: (pair[1].score, pair[1].name in kinds, pair[0]))[1]


# --- a class


def _of_class(project: Project, one: Candidate, saved: Sequence[Saved], taken: Sequence[str]) -> ModelGuess:
    guess = ModelGuess(one.slot)
    blueprint = one.blueprint
    _guess_source(guess, one)
    guess_route(guess, project, blueprint, saved, taken, _networks(one))
    _guess_reading(guess, project, one)
    _guess_arguments(guess, one)
    if one.methods:
        guess.add("methods", dict(one.methods), "; ".join(
            f"{name} is what {verb} means" for verb, name in one.methods.items()))
    if blueprint.of_the_contract:
        guess.notes.append(f"{one.name} has the methods of the contract as they are")
        return guess
    if is_numpy(blueprint):
        guess_array_images(guess, blueprint)
        return guess
    _guess_manner(guess, project, one, saved)
    return guess


def _guess_manner(guess: ModelGuess, project: Project, one: Candidate, saved: Sequence[Saved]) -> None:
    """Guess how the model is asked: images, spread, labels, prior."""
    blueprint = one.blueprint
    split = split_forward(blueprint) if guess.slot == "vae" and not one.methods else None
    if split is not None and _needs_splitting(blueprint):
        _take_split(guess, blueprint, split.code, split.adapter(blueprint), split.spread)
        blueprint = _with_methods(project, blueprint, split.code)
    if guess.slot == "other" and not one.methods and sampler_of(blueprint) is None \
            and take_network(guess, project, one, saved):
        guess_sampled_images(guess, blueprint, next(name for name in NAMES["sample"] if name in blueprint.methods))
        return
    encoder, decoder = _both_ways(blueprint, one.methods)
    if guess.slot == "other" and encoder is None and (sampler := sampler_of(blueprint)) and not _decodes(blueprint):
        guess_sampled_images(guess, blueprint, sampler)
        return
    labels = guess_labels(guess, blueprint, encoder)
    guess_images(guess, blueprint, encoder=encoder, decoder=decoder, project=project)
    if guess.slot == "vae":
        guess_second(guess, blueprint)
    if encoder is not None or decoder is not None:
        if "encode" in one.methods and not _is_pair(one):      # positions in a codebook have no declared prior
            return
        guess_prior(guess, blueprint, encoder=encoder, decoder=decoder, project=project, labels=labels)
    elif guess.slot == "vae":
        guess.notes.append("neither an encoder nor a decoder was found; only what there is can be measured")


def _is_pair(one: Candidate) -> bool:
    return one.methods.get("encode", "").endswith(".0")


def _decodes(blueprint: Blueprint) -> bool:
    has = set(blueprint.methods) | set(blueprint.attributes)
    return any(name in has for name in NAMES["decode"])


def _needs_splitting(blueprint: Blueprint) -> bool:
    """Whether what is called encoder ends before the code, or decoder begins after it."""
    found = encoding(blueprint)
    if found is None and not any(name in blueprint.attributes for name in NAMES["encode"]):
        return True
    return found is None or found[0] is blueprint


def _take_split(guess: ModelGuess, blueprint: Blueprint, code: str, adapter: str, spread: str) -> None:
    if blueprint.piece.file.endswith(".ipynb"):
        guess.notes.append(
            f"{blueprint.name} can only be asked by its forward; add to its class:\n\n{code}")
        return
    guess.adapter = adapter
    where = "the manifest cannot say that encoding stands inside of forward: this file takes it apart"
    guess.add("source", f"{ADAPTER}:{blueprint.name}", where)
    if "script" not in guess.keys and guess.keys["route"].value == "run":
        guess.add("script", blueprint.piece.file, "the file that trains and saves")
    if not spread:
        guess.notes.append("encode returns the code alone")


def _with_methods(project: Project, blueprint: Blueprint, code: str) -> Blueprint:
    """Give the class with the methods of an adapter, to look at."""
    node = class_written("class Split:\n" + code)
    node.name, node.bases, node.body = blueprint.name, blueprint.node.bases, [*blueprint.node.body, *node.body]
    return Blueprint(project, blueprint.piece, node, given=blueprint.scope)


def _both_ways(
    blueprint: Blueprint, methods: Mapping[str, str],
) -> tuple[list[Layer] | None, list[Layer] | None]:
    """List the layers from images to codes, and from codes to images."""
    if methods.get("sample") == "forward":
        return None, blueprint.through("forward")
    ways = []
    for verb in ("encode", "decode"):
        names = (methods[verb],) if verb in methods else NAMES[verb]
        ways.append(next((layers for name in names if (layers := _layers(blueprint, name)) is not None), None))
    return ways[0], ways[1]


def _layers(blueprint: Blueprint, name: str) -> list[Layer] | None:
    """List the layers of a method, of a network, or of one in a list: "parts.0"."""
    attribute, _, place = name.partition(".")
    if name in blueprint.methods:
        return blueprint.through(name)
    value = blueprint.attributes.get(attribute)
    if value is None or not place:
        return blueprint.network(attribute)
    listed = value.args[0] if isinstance(value, ast.Call) and value.args else value
    return blueprint.layers_of(listed.elts[int(place)]) if isinstance(listed, (ast.List, ast.Tuple)) else None


def _guess_source(guess: ModelGuess, one: Candidate) -> None:
    piece = one.blueprint.piece
    file = PurePosixPath(piece.file)
    place = piece.file
    if file.suffix == ".py" and str(file.parent) != "." and f"{file.parent}/__init__.py" in one.blueprint.project.files:
        place = ".".join(file.with_suffix("").parts)
    guess.add("source", f"{place}:{one.name}", f"{piece.place(one.blueprint.node)}: {one.why}")


def _networks(one: Candidate) -> list[str]:
    """Name encoder and decoder, where they are networks that can have weights of their own."""
    if "encode" in one.methods:
        return [one.methods["encode"], one.methods["decode"]] if _is_pair(one) else []
    there = one.blueprint.attributes
    names = [next((name for name in NAMES[verb] if name in there), "") for verb in ("encode", "decode")]
    return names if all(names) else []


def _guess_reading(guess: ModelGuess, project: Project, one: Candidate) -> None:
    """Guess which parts of the file are read."""
    piece = one.blueprint.piece
    if cells := needed_cells(one):
        guess.add("cells", cells, f"{one.name} is defined twice; these cells define the one of cell {piece.cell}")
    if piece.cell is None and guess.keys["route"].value != "run" and (busy := busy_place(project, piece)):
        guess.add("definitions", value=True, why=f"{busy[0]} works on import: {busy[1][:60]}")


def _guess_arguments(guess: ModelGuess, one: Candidate) -> None:
    arguments, unknown = arguments_of(one)
    if arguments:
        where = one.call[0].place(one.call[1]) if one.call else ""
        guess.add("arguments", arguments, f"so it is constructed in {where}")
    for name in unknown:
        guess.ask("arguments", {**arguments, name: 0}, f"with which {name} is {one.name} constructed?")
