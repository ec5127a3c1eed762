"""Loads a script or notebook for what it defines: nothing trains, downloads or draws while it is imported.

Kept are imports, functions, classes, and assignments that only make something: literals, arithmetic, networks, their
constructors and the group's own functions that build them, graphs of Keras, devices, arguments of a command line with
their defaults. Left out are all other calls, loops, `with`, magics and what stands under `if __name__ == "__main__"`.
A library that is missing counts only where it is used.
"""

from __future__ import annotations

import ast
import importlib.abc
import importlib.machinery
import importlib.util
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from harness.worker.keras_layers import is_keras

__all__ = ["LeftOut", "install", "left_out", "left_out_of", "run_definitions"]

# Functions that make something and do nothing else, by the last part of their name.
HARMLESS = frozenset({
    "abs", "arange", "bool", "ceil", "device", "dict", "exists", "expand_dims", "expanduser", "field", "float", "floor",
    "frozenset", "get", "getcwd", "getLogger", "int", "is_available", "is_built", "isdir", "join", "len", "linspace",
    "list", "log", "max", "min", "namedtuple", "ones", "parse_args", "parse_known_args", "partial", "pow", "prod",
    "range", "reshape", "round", "set", "sqrt", "str", "sum", "tensor", "tuple", "zeros", "zip",
})
# Methods of what is harmless already.
METHODS = frozenset({
    "astype", "cpu", "cuda", "double", "eval", "float", "format", "half", "items", "keys", "lower", "requires_grad_",
    "split", "strip", "to", "upper", "values",
})
# The group's own functions that make networks, such as build_encoder and make_generator_model.
BUILDER = re.compile(
    r"(?!.*(train|fit|load|data))(build|compile|create|define|get|make)_.*"
    r"(model|network|net|encoder|decoder|generator|discriminator|critic|vae|autoencoder|gan)s?\d*")
# Keras's data sets: sizes of layers are often taken from the arrays, so that one blank image stands in for each.
DATA = re.compile(r"(\w+\.)*(fashion_)?mnist\.load_data")
BLANK = "((__import__('numpy').zeros((1, 28, 28), 'uint8'), __import__('numpy').zeros(1, 'uint8')),) * 2"
# Calls for their effect that later definitions need.
EFFECTS = re.compile(
    r"(sys\.path\.(append|insert)|\w+\.add_argument|(np|numpy|random|torch)(\.random)?\.(manual_)?seed)")
# Classes whose construction reads data, opens files or starts work.
BUSY = re.compile(r".*(MNIST|CIFAR\d*|Dataset|Loader|Folder|Writer|Trainer|Logger|Tuner|Session|Client|Thread|Process)")
MOST_TEXT = 80


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A statement that was left out.

    Attributes:
        file: what the group calls it.
        line: number of its first line.
        text: that line.
        names: what it would have defined.
        error: what it raised, where it was tried.

    """

    file: str
    line: int
    text: str
    names: frozenset[str] = frozenset()
    error: BaseException | None = None

    def __str__(self) -> str:
        why = f" ({type(self.error).__name__}: {self.error})" if self.error else ""
        return f"{self.file}, line {self.line}: {self.text}{why}"


left_out: list[LeftOut] = []
"""What this process left out so far."""

_layers: set[str] = set()
"""Names of Keras's layers and models that were made so far: calling one, as `decoder(encoder(x)[2])`, makes a graph."""


def left_out_of(name: str) -> LeftOut | None:
    """Find the statement that would have defined a name, the last one as in running."""
    return next((one for one in reversed(left_out) if name in one.names), None)


def run_definitions(
    source: str, *, filename: str, shown: str, namespace: dict[str, Any],
) -> None:
    """Execute what `source` defines in `namespace`.

    Args:
        source: Python, without magics.
        filename: what tracebacks name it.
        shown: what the group calls it.
        namespace: of the module.

    Raises:
        SyntaxError: it is not Python.

    """
    tree = ast.parse(source, filename)
    futures = _futures(tree)
    for node in tree.body:
        for kept in _kept(node, shown):
            _execute(kept, filename, futures, namespace, shown)


def install(folder: Path) -> None:
    """Import modules of the hand-in by their definitions, too, from now on."""
    sys.meta_path.insert(0, _Finder(folder))


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.origin is None or not Path(spec.origin).is_relative_to(self._folder):
            return None
        if isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path, self._folder)
        return spec


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, fullname: str, path: str, folder: Path) -> None:
        super().__init__(fullname, path)
        self._folder = folder

    def exec_module(self, module: ModuleType) -> None:
        source = importlib.util.decode_source(self.get_data(self.path))
        shown = str(Path(self.path).relative_to(self._folder))
        run_definitions(source, filename=self.path, shown=shown, namespace=vars(module))


class _Absent:
    """Stands for a library that is not here, until it is used."""

    def __init__(self, error: ModuleNotFoundError) -> None:
        object.__setattr__(self, "_error", error)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__mro_entries__":
            raise AttributeError(name)
        raise ModuleNotFoundError(str(self._error), name=self._error.name)

    def __call__(self, *_: Any, **__: Any) -> Any:
        raise ModuleNotFoundError(str(self._error), name=self._error.name)


def _futures(tree: ast.Module) -> int:
    import __future__

    return sum(
        getattr(__future__, alias.name).compiler_flag
        for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__"
        for alias in node.names if hasattr(__future__, alias.name)
    )


def _execute(
    node: ast.stmt, filename: str, futures: int, namespace: dict[str, Any], shown: str,
) -> None:
    """Execute one statement; what cannot be had without what was left out is left out as well."""
    module = ast.fix_missing_locations(ast.Module([node], []))
    code: CodeType = compile(module, filename, "exec", flags=futures, dont_inherit=True)
    try:
        exec(code, namespace)   # noqa: S102 - the group's code, in its box
        _layers.update(name for name in _stored(node) if is_keras(namespace.get(name)))
    except ModuleNotFoundError as error:
        if not isinstance(node, (ast.Import, ast.ImportFrom)):
            _note(node, shown, error)
            return
        for alias in node.names:
            namespace[alias.asname or alias.name.split(".")[0]] = _Absent(error)
    # Whatever a group's line raises, the lines after it may do without; a command line without defaults exits.
    except (Exception, SystemExit) as error:        # noqa: BLE001
        _note(node, shown, error)


def _kept(node: ast.stmt, shown: str) -> Iterator[ast.stmt]:
    """Give what is kept of a statement."""
    if isinstance(node, ast.Import):     # one by one, so that a library that is missing takes no other with it
        yield from (ast.copy_location(ast.Import([alias]), node) for alias in node.names)
    elif isinstance(node, (ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Pass)):
        yield node
    elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
        if isinstance(node.value, ast.Call) and DATA.fullmatch(ast.unparse(node.value.func)):
            node.value = ast.copy_location(ast.parse(BLANK, mode="eval").body, node.value)
            yield node
        elif node.value is None or _harmless(node.value):
            yield node
        else:
            _note(node, shown)
    elif isinstance(node, ast.Expr):
        if _has_wanted_effect(node.value):
            yield node
    elif isinstance(node, ast.If):
        yield from _kept_of_choice(node, shown)
    elif isinstance(node, ast.Try):
        yield from _kept_of_attempt(node, shown)
    else:
        _note(node, shown)


def _kept_of_choice(node: ast.If, shown: str) -> Iterator[ast.stmt]:
    if _is_main(node.test) or not _harmless(node.test):
        _note(node, shown)
        return
    body, otherwise = _kept_all(node.body, shown), _kept_all(node.orelse, shown)
    if body or otherwise:
        yield ast.copy_location(ast.If(node.test, body or [ast.Pass()], otherwise), node)


def _kept_of_attempt(node: ast.Try, shown: str) -> Iterator[ast.stmt]:
    body = _kept_all(node.body, shown)
    if not body:
        return
    handlers = [
        ast.copy_location(ast.ExceptHandler(one.type, one.name, _kept_all(one.body, shown) or [ast.Pass()]), one)
        for one in node.handlers
    ]
    kept = ast.Try(body, handlers, _kept_all(node.orelse, shown), _kept_all(node.finalbody, shown))
    yield ast.copy_location(kept, node)


def _kept_all(nodes: Iterable[ast.stmt], shown: str) -> list[ast.stmt]:
    return [kept for node in nodes for kept in _kept(node, shown)]


def _is_main(test: ast.expr) -> bool:
    return any(isinstance(node, ast.Name) and node.id == "__name__" for node in ast.walk(test))


def _harmless(value: ast.expr) -> bool:
    """Whether evaluating an expression only makes something."""
    if isinstance(value, ast.Lambda):
        return True
    if isinstance(value, (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)):
        return False
    if isinstance(value, ast.Call) and not _harmless_call(value):
        return False
    return all(_harmless(part) for part in _parts(value))


def _parts(value: ast.AST) -> Iterator[ast.expr]:
    for child in ast.iter_child_nodes(value):
        if isinstance(child, ast.expr):
            yield child
        else:       # keywords, comprehensions, slices
            yield from _parts(child)


def _harmless_call(call: ast.Call) -> bool:
    function = call.func
    if isinstance(function, ast.Call):      # Keras: Dense(10)(inputs)
        return _harmless_call(function)
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name in HARMLESS or BUILDER.fullmatch(name):
        return True
    if isinstance(function, ast.Name) and name in _layers:
        return True
    if isinstance(function, ast.Attribute) and (name in METHODS or ast.unparse(function.value) == "layers"):
        return True
    reads_data = ast.unparse(function).startswith(("datasets.", "torchvision.datasets"))
    return name[:1].isupper() and not BUSY.fullmatch(name) and not reads_data


def _has_wanted_effect(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and EFFECTS.fullmatch(ast.unparse(value.func)) is not None


def _stored(node: ast.stmt) -> frozenset[str]:
    return frozenset(
        part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store))


def _note(node: ast.stmt, shown: str, error: BaseException | None = None) -> None:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        names = frozenset({node.name})
    else:
        names = _stored(node)
    bare = node
    if isinstance(node, ast.ClassDef):
        bare = ast.ClassDef(node.name, node.bases, node.keywords, [ast.Pass()], [])
    text = ast.unparse(bare).splitlines()[0][:MOST_TEXT]
    left_out.append(LeftOut(shown, node.lineno, text, names, error))
