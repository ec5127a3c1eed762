"""What stands between encoder and decoder: spread, prior and labels of the codes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from typing import Any

from harness.guess.blueprint import Blueprint, optional, parameters
from harness.guess.guesses import ModelGuess
from harness.guess.images import CLASSES, is_square
from harness.guess.layers import Layer, after
from harness.guess.project import Piece, Project, name_of
from harness.guess.values import UNKNOWN, scope_of, value_of
from harness.worker.adapter import COUNTS, LABELS, NAMES

__all__ = ["encoding", "guess_labels", "guess_prior", "guess_second", "sampler_of"]

_RANDOM = {"randn", "randn_like", "normal_", "normal", "rsample", "Normal", "empty_like"}
_DRAWS = re.compile(r"(?i)^(reparam\w*|sampl\w*|forward|encode|encoder|latent\w*)$")


def encoding(blueprint: Blueprint) -> tuple[Blueprint, str] | None:
    """Find the method that encodes: of the class, or of a class of the project that its encoder is."""
    for name in NAMES["encode"]:
        if name in blueprint.methods:
            return blueprint, name
        value = blueprint.attributes.get(name)
        if isinstance(value, ast.Call):
            there = blueprint.project.class_named(name_of(value.func), blueprint.piece)
            if there is not None:
                inner = Blueprint(blueprint.project, *there)
                return (inner, "forward") if "forward" in inner.methods else None
    return None


# --- spread


def guess_second(guess: ModelGuess, blueprint: Blueprint) -> None:
    """Guess what the encoder returns after the mean."""
    found = encoding(blueprint)
    if found is None:
        return
    place, method = found
    second = _second_returned(place.methods[method])
    if second is None:
        return
    where = f"`{method}` returns {_short(second)} second"
    made = _made_of(second, place.methods[method])
    if (kind := _of_a_positive_function(made)) is not None:
        guess.add("second", kind, f"{where}, which is {_short(made)}, in {place.piece.place(made)}")
        return
    own = second.id if isinstance(second, ast.Name) else ""
    for name, node, kind in _uses(blueprint, own):
        if kind == "log_std":
            guess.notes.append(f"{where}, which is used as the logarithm of the standard deviation in "
                               f"{blueprint.piece.place(node)}; a manifest cannot say so, there is no KL divergence")
            return
        guess.add("second", kind, f"{where}, and {name} is used as {_words(kind)} in {blueprint.piece.place(node)}")
        return
    guess.ask("second", "log_variance", f"{where}; is it log_variance, variance or std?")


def _short(node: ast.AST) -> str:
    text = ast.unparse(node)
    return text if len(text) <= 50 else text[:49] + "…"


def _words(kind: str) -> str:
    return {"log_variance": "log variance", "variance": "variance", "std": "standard deviation"}[kind]


def _second_returned(function: ast.FunctionDef) -> ast.expr | None:
    returned = [node.value for node in ast.walk(function) if isinstance(node, ast.Return)]
    last = returned[-1] if returned else None
    return last.elts[1] if isinstance(last, (ast.Tuple, ast.List)) and len(last.elts) == 2 else None


def _made_of(node: ast.expr, function: ast.FunctionDef) -> ast.expr:
    """Give the expression that a local variable was last set to."""
    if not isinstance(node, ast.Name):
        return node
    made: ast.expr = node
    for statement in ast.walk(function):
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                if isinstance(target, ast.Name) and target.id == node.id:
                    made = statement.value
                elif isinstance(target, ast.Tuple) and isinstance(statement.value, ast.Tuple):
                    made = next((right for left, right in zip(target.elts, statement.value.elts, strict=False)
                                 if isinstance(left, ast.Name) and left.id == node.id), made)
    return made


def _of_a_positive_function(node: ast.expr) -> str | None:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):        # softplus(x) + 1e-6
        return _of_a_positive_function(node.left)
    if not isinstance(node, ast.Call):
        return None
    name = name_of(node.func)
    if name in {"exp", "exp_"}:
        halved = re.search(r"0?\.5|/ 2", ast.unparse(node))
        named = re.search(r"(?i)var", ast.unparse(node))
        return "variance" if named and not halved else "std"
    return "std" if name in {"softplus", "Softplus", "sqrt"} else None


def _uses(blueprint: Blueprint, own: str) -> Iterator[tuple[str, ast.AST, Any]]:
    """Give how the spread is used where codes are drawn: its name (`own` in forward), where, and as what."""
    for method, function in blueprint.methods.items():
        called = {name_of(node.func) for node in ast.walk(function) if isinstance(node, ast.Call)}
        if not (_DRAWS.match(method) and called & _RANDOM):
            continue
        given = parameters(function)
        names = given[1:2] if method != "forward" and len(given) > 1 else [own] if own else []
        names += [target.elts[1].id for node in ast.walk(function) if isinstance(node, ast.Assign)
                  for target in node.targets if isinstance(target, ast.Tuple) and len(target.elts) == 2
                  and isinstance(target.elts[1], ast.Name)]
        for name in names:
            for node in ast.walk(function):
                if (kind := _use(node, name)) is not None:
                    yield name, node, kind
                    break


def _use(node: ast.AST, name: str) -> str | None:
    """Say as what a variable is used by an expression: exp(0.5 * v), v.sqrt(), v * noise, Normal(mean, v)."""
    if isinstance(node, ast.Call):
        text = ast.unparse(node)
        called = name_of(node.func)
        if not re.search(rf"\b{re.escape(name)}\b", text):
            return None
        if called in {"exp", "exp_"}:
            return "log_variance" if re.search(r"0?\.5|/ 2", text) else "log_std"
        if called == "sqrt":
            return "log_variance" if "exp" in text else "variance"
        if called == "Normal" and len(node.args) > 1 and ast.unparse(node.args[1]) == name:
            return "std"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        sides = (node.left, node.right)
        if any(isinstance(side, ast.Name) and side.id == name for side in sides) and any(
                re.search(r"(?i)eps|noise|rand", ast.unparse(side)) for side in sides):
            return "std"
    return None


# --- labels


def guess_labels(guess: ModelGuess, blueprint: Blueprint, encoder: Sequence[Layer] | None) -> bool:
    """Guess which methods are given class labels; say whether any is."""
    given = []
    for verb in ("encode", "decode"):
        name = next((name for name in NAMES[verb] if name in blueprint.methods), None)
        if name and any(one.lower() in LABELS for one in parameters(blueprint.methods[name])[1:]):
            given.append(verb)
    sampler = sampler_of(blueprint)
    if guess.slot == "other" and sampler is None and "forward" in blueprint.methods and not given:
        sampler = "forward"     # of a generator
    if sampler and any(one.lower() in LABELS for one in parameters(blueprint.methods[sampler])):
        given.append("sample")
    if not given:
        return False
    if sampler is None and "decode" in given:
        given.append("sample")
    guess.add("labels", given, f"{', '.join(given)} take{'s' if len(given) == 1 else ''} class labels")
    linear = next((layer for layer in encoder or () if layer.name == "Linear"), None)
    inside = linear.argument(0, "in_features") if linear else None
    if isinstance(inside, int) and is_square(inside - CLASSES) and not _makes_one_hot(blueprint):
        guess.add("one_hot", value=True, why=f"Linear({inside}, ...) takes {inside - CLASSES} pixels and ten numbers")
    elif (where := _one_hot_outside(blueprint)) and not _makes_one_hot(blueprint):
        guess.add("one_hot", value=True, why=f"{where} makes them so")
    elif not _makes_one_hot(blueprint) and not _embeds(blueprint):
        guess.ask("one_hot", example=True, text="are labels given as rows of ten numbers?")
    return True


def _makes_one_hot(blueprint: Blueprint) -> bool:
    return any(isinstance(node, ast.Call) and name_of(node.func) in {"one_hot", "to_categorical", "eye", "scatter_"}
               for function in blueprint.methods.values() for node in ast.walk(function))


def _one_hot_outside(blueprint: Blueprint) -> str | None:
    """Say where the code turns labels into rows of ten numbers before it gives them to a model."""
    inside = {id(node) for node in ast.walk(blueprint.node)}
    return next((piece.place(call) for piece, call in blueprint.project.calls
                 if name_of(call.func) in {"one_hot", "to_categorical"} and id(call) not in inside), None)


def _embeds(blueprint: Blueprint) -> bool:
    return any(isinstance(value, ast.Call) and name_of(value.func) == "Embedding"
               for value in blueprint.attributes.values())


# --- prior


def sampler_of(blueprint: Blueprint) -> str | None:
    """Name the method that draws as many samples as it is told, and needs nothing else that is not understood."""
    known = COUNTS | LABELS | {"seed", "device"}
    for name in NAMES["sample"]:
        function = blueprint.methods.get(name)
        if function is None:
            continue
        needed = [one for one in parameters(function) if one not in optional(function)]
        if any(one.lower() in COUNTS for one in parameters(function)) and all(one.lower() in known for one in needed):
            return name
    return None


def guess_prior(
    guess: ModelGuess, blueprint: Blueprint, *, encoder: Sequence[Layer] | None, decoder: Sequence[Layer] | None,
    project: Project, labels: bool,
) -> None:
    """Guess what codes are drawn from, where the model has no sampler of its own."""
    if sampler_of(blueprint):
        return
    shape = _code_shape(encoder, decoder, guess, labels=labels)
    drawn = list(_drawn(project, blueprint.piece.file))
    for kind, size, where in drawn:
        if shape is None or size == list(shape):
            guess.add("prior", {"kind": kind, "shape": size}, f"{where} draws such codes")
            return
    if shape is None:
        guess.ask("prior", {"kind": "normal", "shape": [20]}, "what are the codes of your samples drawn from?")
        return
    told = {"kind": "normal", "shape": list(shape)}
    if guess.slot == "other" or _is_random(blueprint):
        guess.add("prior", told, f"codes have {_times(shape)} numbers; your code shows no samples being drawn, "
                                 "standard normal is the usual prior")
        return
    last = next((layer for layer in reversed(encoder or ()) if layer.bound), None)
    uniform = last is not None and encoder is not None and encoder[-1] is last and last.bound == "sigmoid"
    told["kind"] = "uniform" if uniform else "normal"
    guess.ask("prior", told, "an autoencoder alone has no prior; what are the codes of your samples drawn from?")


def _times(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))


def _is_random(blueprint: Blueprint) -> bool:
    """Whether codes are drawn around a mean."""
    return any(isinstance(node, ast.Call) and name_of(node.func) in {"randn_like", "rsample", "randn", "normal_", "exp"}
               for function in blueprint.methods.values() for node in ast.walk(function))


def _code_shape(
    encoder: Sequence[Layer] | None, decoder: Sequence[Layer] | None, guess: ModelGuess, *, labels: bool,
) -> tuple[int, ...] | None:
    first = next((layer for layer in decoder or () if layer.name in {"Linear", "ConvTranspose2d", "Conv2d"}), None)
    if first is not None:
        inside = first.argument(0, "in_features", "in_channels")
        if not isinstance(inside, int):
            return None
        if first.name == "Linear":
            return (inside - CLASSES if labels and "one_hot" in guess.keys else inside,)
        if guess.slot == "other":
            return inside, 1, 1
    form = guess.keys.get("input")
    side = form.value.get("size", 28) if form else 28
    channels = form.value.get("channels", 1) if form else 1
    made = after(encoder, (channels, side, side)) if encoder else None
    return made if made and len(made) == 3 and first is not None and made[0] == first.argument(0) else None


def _drawn(project: Project, file: str) -> Iterator[tuple[str, list[int], str]]:
    """Give the noise that the code draws and decodes: kind, shape of one code, where."""
    for piece in project.near(file):
        scope = scope_of(project, piece)
        for node in ast.walk(piece.tree):
            if isinstance(node, ast.Call) and name_of(node.func) in {"randn", "rand", "normal"}:
                shape = _lengths(node, scope)
                images = not shape or 784 in shape or (len(shape) == 3 and shape[-1] >= 28)    # noise for diffusion
                if not images and _is_decoded(piece, node):
                    kind = "uniform" if name_of(node.func) == "rand" else "normal"
                    yield kind, shape, piece.place(node)


def _lengths(call: ast.Call, scope: dict[str, Any]) -> list[int]:
    """Give the shape of one row of what is drawn; empty where it is not known."""
    words = {word.arg: word.value for word in call.keywords}
    given = list(call.args)
    if name_of(call.func) == "normal" or "size" in words:
        given = [words["size"]] if "size" in words else given[2:3]
    if len(given) == 1 and isinstance(given[0], (ast.Tuple, ast.List)):
        given = list(given[0].elts)
    lengths = [value_of(one, scope) for one in given[1:]]
    known = all(isinstance(length, int) and length is not UNKNOWN and length > 0 for length in lengths)
    return lengths if known else []


def _is_decoded(piece: Piece, draw: ast.Call) -> bool:
    """Whether a draw goes into a decoder or generator, itself or by the variable that holds it."""
    names = {target.id for node in ast.walk(piece.tree) if isinstance(node, ast.Assign)
             and any(inner is draw for inner in ast.walk(node.value))
             for target in node.targets if isinstance(target, ast.Name)}
    for node in ast.walk(piece.tree):
        if isinstance(node, ast.Call) and re.search(r"(?i)decod|gen|netg|\bg$|dec$", ast.unparse(node.func)):
            for argument in node.args:
                inside = list(ast.walk(argument))
                if any(one is draw for one in inside) or any(
                        isinstance(one, ast.Name) and one.id in names for one in inside):
                    return True
    return False
