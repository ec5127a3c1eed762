"""Models that are no single class: networks as global variables or of a function, a sampler beside its network."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from harness.guess.adapters import ADAPTER, joined, with_network
from harness.guess.blueprint import Blueprint, class_written, optional, parameters
from harness.guess.codes import guess_prior, guess_second
from harness.guess.guesses import Guess, ModelGuess
from harness.guess.images import guess_images
from harness.guess.models import Candidate, constructions
from harness.guess.project import Piece, Project, name_of
from harness.guess.routes import busy_place, files_of_parts, guess_route
from harness.guess.values import UNKNOWN, scope_of, value_of
from harness.guess.weights import Saved, is_run
from harness.worker.adapter import COUNTS, NAMES

__all__ = ["joint", "networks_of_the_top_level", "of_globals", "take_network"]

_NETWORK = re.compile(r"(?i)(u_?net|net|model|denois\w*|eps\w*|score\w*|transformer|backbone)\d*")


def networks_of_the_top_level(project: Project) -> tuple[Piece, dict[str, ast.expr]] | None:
    """Find an encoder and a decoder that are global variables of one file."""
    for file in dict.fromkeys(piece.file for piece in project.pieces):
        networks: dict[str, ast.expr] = {}
        holder: Piece | None = None
        for piece in project.pieces:
            for node in piece.tree.body if piece.file == file else ():
                if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
                    for target in node.targets:
                        verb = _verb_of(ast.unparse(target))
                        if verb and not isinstance(target, ast.Attribute) and _makes_a_network(project, node.value):
                            networks.setdefault(ast.unparse(target), node.value)
                            holder = piece
        if holder is not None and "encode" in map(_verb_of, networks):
            return holder, networks
    return None


def _verb_of(variable: str) -> str | None:
    lowered = variable.lower()
    for verb, words in (("encode", ("encoder", "enc")), ("decode", ("decoder", "dec"))):
        if lowered in NAMES[verb] or lowered.endswith(words) or lowered.startswith(words[0]):
            return verb
    return None


def _makes_a_network(project: Project, call: ast.Call) -> bool:
    names = {name_of(one.func) for one in ast.walk(call) if isinstance(one, ast.Call)}
    return bool(names & ({"Sequential", "Model"} | set(project.classes)))


def of_globals(
    project: Project, piece: Piece, networks: dict[str, ast.expr], saved: Sequence[Saved],
) -> ModelGuess:
    """Guess a model whose networks are global variables."""
    guess = ModelGuess("vae")
    verbs = {_verb_of(name) or "": name for name in networks}
    if "decode" in verbs:
        guess.add("source", piece.file, f"{', '.join(networks)} are global variables there")
    else:
        guess.add("source", f"{piece.file}:{verbs['encode']}", f"{verbs['encode']} is made there")
    _route_of_parts(guess, project, networks, saved)
    if piece.cell is None and guess.keys["route"].value != "run" and (busy := busy_place(project, piece)):
        guess.add("definitions", value=True, why=f"{busy[0]} works on import: {busy[1][:60]}")
    if "decode" not in verbs:
        return guess
    guess.add("methods", {verb: name for verb, name in verbs.items() if verb}, "the names of these variables")
    node = _class_of({verb: networks[name] for verb, name in verbs.items()})
    blueprint = Blueprint(project, piece, node)
    encoder, decoder = blueprint.network("encode"), blueprint.network("decode")
    guess_images(guess, blueprint, encoder=encoder, decoder=decoder, project=project)
    guess_prior(guess, blueprint, encoder=encoder, decoder=decoder, project=project, labels=False)
    return guess


def _class_of(attributes: dict[str, ast.expr]) -> ast.ClassDef:
    """Make a class that holds networks, to look at."""
    lines = [f"        self.{name} = {ast.unparse(value)}" for name, value in attributes.items()]
    return class_written("class Networks:\n    def __init__(self):\n" + "\n".join(lines or ["        pass"]))


def _route_of_parts(
    guess: ModelGuess, project: Project, networks: Sequence[str] | dict[str, ast.expr], saved: Sequence[Saved],
) -> None:
    """Find one checkpoint for each network, or one for all."""
    ordered = sorted(networks, key=lambda name: _verb_of(name) != "encode")
    if len(networks) == 2 and (files := files_of_parts(project, ordered)):
        guess.add("route", "load", "trained weights lie in the folder")
        guess.add("checkpoint", files, "one file for each network")
        return
    runs = {one.what: one.inside for one in saved if one.what in networks and is_run(one)}
    if not project.weights and runs:
        guess.add("route", "run", "no weights lie in the folder, and the code saves them when it is run")
        guess.add("checkpoint", runs if len(runs) > 1 else next(iter(runs.values())), "what it saves")
        return
    guess_route(guess, project, _nothing(project), [], ())


def _nothing(project: Project) -> Blueprint:
    return Blueprint(project, project.pieces[0], _class_of({}))


def joint(project: Project, saved: Sequence[Saved]) -> ModelGuess | None:
    """Join an Encoder and a Decoder that a function constructs; a manifest cannot say that."""
    calls: dict[str, tuple[Piece, ast.Call]] = {}
    for name, places in project.classes.items():
        verb = _verb_of(name)
        if verb and verb not in calls and places[0][0].cell is None and (
                call := next(constructions(project, name, places[0][0]), None)):
            calls[verb] = places[0][0], call[1]
    if len(calls) < 2:
        return None
    told = (_literal(project, *calls["encode"]), _literal(project, *calls["decode"]))
    guess = ModelGuess("vae")
    guess.adapter = joined(calls["encode"], calls["decode"], told)
    guess.add("source", f"{ADAPTER}:Joined", "neither a class nor global variables join encoder and decoder; this does")
    _route_of_parts(guess, project, ["encoder", "decoder"], saved)
    piece = calls["encode"][0]
    blueprint = Blueprint(project, piece, _class_of({"encoder": calls["encode"][1], "decoder": calls["decode"][1]}))
    encoder, decoder = blueprint.network("encoder"), blueprint.network("decoder")
    guess_images(guess, blueprint, encoder=encoder, decoder=decoder, project=project)
    guess_second(guess, blueprint)
    guess_prior(guess, blueprint, encoder=encoder, decoder=decoder, project=project, labels=False)
    return guess


def _literal(project: Project, piece: Piece, call: ast.Call) -> str:
    """Write a call with the values of its arguments in place of their names."""
    scope = scope_of(project, piece)

    def said(node: ast.expr) -> str:
        value = value_of(node, scope)
        return ast.unparse(node) if value is UNKNOWN else repr(value)

    words = [f"{word.arg}={said(word.value)}" for word in call.keywords if word.arg]
    return f"{name_of(call.func)}({', '.join([*map(said, call.args), *words])})"


# --- a sampler beside its network


def take_network(guess: ModelGuess, project: Project, one: Candidate, saved: Sequence[Saved]) -> bool:
    """Write an adapter for a sampler that is given its network; say whether it is one.

    Diffusion is often written so: `Diffusion().sample(model, n)`.
    """
    sampler = next((name for name in NAMES["sample"] if name in one.blueprint.methods), None)
    function = one.blueprint.methods.get(sampler or "")
    if sampler is None or function is None or one.blueprint.piece.cell is not None:
        return False
    needed = [name for name in parameters(function) if name not in optional(function)]
    networks = [name for name in needed if _NETWORK.fullmatch(name)]
    if len(networks) != 1 or any(name not in networks and name.lower() not in COUNTS for name in needed):
        return False
    made = _network_made(project, one, saved)
    if made is None:
        guess.ask("source", f"{ADAPTER}:Sampler", f"{sampler} needs a {networks[0]}; which network is it?")
        return False
    own = _literal(project, *one.call) if one.call else f"{one.name}()"
    given = ["self.network" if name in networks else "count" for name in needed]
    piece, call = made
    places = {one.blueprint.piece.file: [one.name]}
    places.setdefault(piece.file, []).append(name_of(call.func))
    guess.adapter = with_network(
        places, network=_literal(project, piece, call), sampler=own, call=f"{sampler}({', '.join(given)})")
    guess.add("source", f"{ADAPTER}:Sampler", f"{sampler} of {one.name} is given its network; this file does so")
    guess.keys.pop("arguments", None)
    guess.questions[:] = [question for question in guess.questions if question.key not in {"arguments", "checkpoint"}]
    network = Blueprint(project, *(project.class_named(name_of(call.func), piece) or (piece, one.blueprint.node)))
    guess_route(guess, project, network, saved, ())
    guess.add("checkpoint", {"network": guess.keys["checkpoint"].value}, guess.keys["checkpoint"].why)
    if guess.keys["route"].value == "run":
        guess.keys.pop("definitions", None)     # so it is read anyway
        guess.keys.setdefault("script", Guess(network.piece.file, "the file that trains and saves"))
    return True


def _network_made(project: Project, one: Candidate, saved: Sequence[Saved]) -> tuple[Piece, ast.Call] | None:
    """Find the class of the network, and how it is constructed: one that is saved before others."""
    kinds = [kept.kind for kept in saved if kept.kind and kept.kind != one.name]
    kinds += [name for name in project.classes if _NETWORK.search(name) and name != one.name]
    for kind in kinds:
        piece, _ = project.classes[kind][0]
        call = next(constructions(project, kind, piece), None)
        if call is not None and piece.cell is None:
            return piece, call[1]
    return None
