"""Puts together what is guessed about each model of a project."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from harness.guess.adapters import ADAPTER, joined, split_forward
from harness.guess.arrays import guess_array_images, guess_sampled_images, is_numpy
from harness.guess.blueprint import Blueprint, class_written
from harness.guess.codes import encoding, guess_labels, guess_prior, guess_second, sampler_of
from harness.guess.guesses import ModelGuess
from harness.guess.images import guess_images
from harness.guess.layers import Layer
from harness.guess.models import Candidate, arguments_of, candidates, constructions, needed_cells
from harness.guess.project import Piece, Project, name_of
from harness.guess.values import UNKNOWN, scope_of, value_of
from harness.guess.weights import Saved, busy_line, file_for, is_run, saved_by
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
        elif slot == "vae" and (globals_ := _networks_of_the_top_level(project)):
            guesses.append(_of_globals(project, *globals_, saved))
        elif slot == "vae" and (joint := _joint(project, saved)):
            guesses.append(joint)
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
    _guess_route(guess, project, blueprint, saved, taken, _networks(one))
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
    _guess_manner(guess, project, one)
    return guess


def _guess_manner(guess: ModelGuess, project: Project, one: Candidate) -> None:
    """Guess how the model is asked: images, spread, labels, prior."""
    blueprint = one.blueprint
    split = split_forward(blueprint) if guess.slot == "vae" and not one.methods else None
    if split is not None and _needs_splitting(blueprint):
        _take_split(guess, blueprint, split.code, split.adapter(blueprint), split.spread)
        blueprint = _with_methods(project, blueprint, split.code)
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


def _guess_route(
    guess: ModelGuess, project: Project, blueprint: Blueprint, saved: Sequence[Saved], taken: Sequence[str],
    networks: Sequence[str] = (),
) -> None:
    """Guess how the model comes to be trained; `networks` are its encoder and decoder, by name."""
    file = file_for(project, guess.slot, blueprint, saved, taken)
    parts = _files_of_parts(project, networks) if len(networks) == 2 and not any(
        one.kind == blueprint.name for one in saved) else {}
    if parts:
        guess.add("route", "load", "trained weights lie in the folder")
        guess.add("checkpoint", parts, "one file for each network")
        return
    if file is not None:
        guess.add("route", "load", "trained weights lie in the folder")
        guess.add("checkpoint", file[0], file[1])
        return
    if blueprint.of_the_contract and "fit" in blueprint.methods:
        guess.add("route", "fit", f"{blueprint.name} has the `fit` of the contract, and no weights lie in the folder")
        return
    runs = [one for one in saved if one.kind in {blueprint.name, ""} and is_run(one)]
    runs.sort(key=lambda one: (one.kind != blueprint.name, one.piece.file != blueprint.piece.file))
    if runs:
        one = runs[0]
        guess.add("route", "run", "no weights lie in the folder, and the code trains and saves when it is run")
        guess.add("checkpoint", one.inside, f"{one.piece.place(one.node)} saves {one.what or 'it'} there")
        if one.leads_out:
            guess.ask("checkpoint", one.inside, f"your code saves to {one.path}, out of its folder: save inside of it")
        if one.piece.file != blueprint.piece.file:
            guess.add("script", one.piece.file, "the file that trains and saves")
        return
    guess.add("route", "load", "neither weights nor a script that saves them were found")
    guess.add("checkpoint", f"{guess.slot}.pt", "put your trained weights there")
    guess.ask("checkpoint", f"{guess.slot}.pt", "no weights were found; save them and write their file here")


def _networks(one: Candidate) -> list[str]:
    """Name encoder and decoder, where they are networks that can have weights of their own."""
    if "encode" in one.methods:
        return [one.methods["encode"], one.methods["decode"]] if _is_pair(one) else []
    there = one.blueprint.attributes
    names = [next((name for name in NAMES[verb] if name in there), "") for verb in ("encode", "decode")]
    return names if all(names) else []


def _files_of_parts(project: Project, networks: Sequence[str]) -> dict[str, str]:
    """Find a file for each of an encoder and a decoder; empty where there is none for one of them."""
    files: dict[str, str] = {}
    for name, stem in zip(networks, ("enc", "dec"), strict=True):
        there = [file for file in project.weights if stem in PurePosixPath(file).stem.lower().replace("autoenc", "")]
        if there:
            files[name] = there[-1]
    return files if len(set(files.values())) == 2 else {}


def _guess_reading(guess: ModelGuess, project: Project, one: Candidate) -> None:
    """Guess which parts of the file are read."""
    piece = one.blueprint.piece
    if cells := needed_cells(one):
        guess.add("cells", cells, f"{one.name} is defined twice; these cells define the one of cell {piece.cell}")
    if piece.cell is None and guess.keys["route"].value != "run" and (busy := _busy(project, piece)):
        guess.add("definitions", value=True, why=f"{busy[0]} works on import: {busy[1][:60]}")


def _busy(project: Project, piece: Piece) -> tuple[str, str] | None:
    """Find what works when a file is imported, in it or in the files that it imports."""
    imported = [one for one in project.pieces
                if one is not piece and one.cell is None and PurePosixPath(one.file).stem in piece.imports]
    for one in [piece, *imported]:
        if busy := busy_line(one.tree):
            return f"{one.file}, line {busy[0]}", busy[1]
    return None


def _guess_arguments(guess: ModelGuess, one: Candidate) -> None:
    arguments, unknown = arguments_of(one)
    if arguments:
        where = one.call[0].place(one.call[1]) if one.call else ""
        guess.add("arguments", arguments, f"so it is constructed in {where}")
    for name in unknown:
        guess.ask("arguments", {**arguments, name: 0}, f"with which {name} is {one.name} constructed?")


# --- networks that no class joins


def _networks_of_the_top_level(project: Project) -> tuple[Piece, dict[str, ast.expr]] | None:
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


def _of_globals(
    project: Project, piece: Piece, networks: dict[str, ast.expr], saved: Sequence[Saved],
) -> ModelGuess:
    guess = ModelGuess("vae")
    verbs = {_verb_of(name) or "": name for name in networks}
    if "decode" in verbs:
        guess.add("source", piece.file, f"{', '.join(networks)} are global variables there")
    else:
        guess.add("source", f"{piece.file}:{verbs['encode']}", f"{verbs['encode']} is made there")
    _route_of_parts(guess, project, networks, saved)
    if piece.cell is None and guess.keys["route"].value != "run" and (busy := _busy(project, piece)):
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
    if len(networks) == 2 and (files := _files_of_parts(project, ordered)):
        guess.add("route", "load", "trained weights lie in the folder")
        guess.add("checkpoint", files, "one file for each network")
        return
    runs = {one.what: one.inside for one in saved if one.what in networks and is_run(one)}
    if not project.weights and runs:
        guess.add("route", "run", "no weights lie in the folder, and the code saves them when it is run")
        guess.add("checkpoint", runs if len(runs) > 1 else next(iter(runs.values())), "what it saves")
        return
    _guess_route(guess, project, _nothing(project), [], ())


def _nothing(project: Project) -> Blueprint:
    return Blueprint(project, project.pieces[0], _class_of({}))


def _joint(project: Project, saved: Sequence[Saved]) -> ModelGuess | None:
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
