"""What an expression is worth without running it: literals, names of literals, arithmetic of them."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any

from harness.guess.project import Piece, Project, name_of

__all__ = ["UNKNOWN", "Scope", "assigned", "bind", "path_of", "scope_of", "value_of"]

Scope = Mapping[str, Any]
"""Name as it is written ("latent", "self.latent", "args.latent") -> its value."""

UNKNOWN: Any = type("_Unknown", (), {"__repr__": lambda _: "?"})()
MOST_POWER = 64
SETTINGS = ("config", "cfg", "conf", "params", "settings", "hparams", "args", "opt")   # of a file of settings

_OPERATIONS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
}


def value_of(node: ast.expr | None, scope: Scope) -> Any:
    """Give the value of an expression, UNKNOWN where it depends on more than literals.

    >>> value_of(ast.parse("2 * latent + 1", mode="eval").body, {"latent": 8})
    17
    """
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, (ast.Name, ast.Attribute)):
        return scope.get(ast.unparse(node), UNKNOWN)
    if isinstance(node, (ast.Tuple, ast.List)):
        items = [value_of(item, scope) for item in node.elts]
        return UNKNOWN if UNKNOWN in items else tuple(items) if isinstance(node, ast.Tuple) else items
    if isinstance(node, ast.Dict):
        both = zip(node.keys, node.values, strict=True)
        pairs = [(value_of(key, scope), value_of(item, scope)) for key, item in both]
        return {key: item for key, item in pairs if isinstance(key, (str, int)) and item is not UNKNOWN}
    return _computed(node, scope)


def _computed(node: ast.expr | None, scope: Scope) -> Any:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = value_of(node.operand, scope)
        return -value if _is_number(value) else UNKNOWN
    if isinstance(node, ast.BinOp):
        return _operated(node.op, value_of(node.left, scope), value_of(node.right, scope))
    if isinstance(node, ast.Subscript):
        return _item(value_of(node.value, scope), value_of(node.slice, scope))
    if isinstance(node, ast.Call) and name_of(node.func) == "int" and len(node.args) == 1:
        value = value_of(node.args[0], scope)
        return int(value) if _is_number(value) else UNKNOWN
    return UNKNOWN


def _operated(kind: ast.operator, left: Any, right: Any) -> Any:
    if not (_is_number(left) and _is_number(right)):
        return UNKNOWN
    if isinstance(kind, ast.Pow):
        return left ** right if abs(left) < 1e6 and 0 <= right <= MOST_POWER else UNKNOWN
    operation = _OPERATIONS.get(type(kind))
    by_zero = right == 0 and isinstance(kind, (ast.Div, ast.FloorDiv))
    return UNKNOWN if operation is None or by_zero else operation(left, right)


def _item(holder: Any, key: Any) -> Any:
    if isinstance(holder, dict) and isinstance(key, (str, int)):
        return holder.get(key, UNKNOWN)
    if isinstance(holder, (tuple, list)) and isinstance(key, int) and -len(holder) <= key < len(holder):
        return holder[key]
    return UNKNOWN


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def scope_of(project: Project, piece: Piece) -> dict[str, Any]:
    """Collect what is known at the top level of a file: its own constants before those of the others.

    Defaults of a command line are known, too, as `args.latent` where the file calls it so.
    """
    return dict(_scope_of_file(project, piece.file))


@lru_cache(maxsize=512)
def _scope_of_file(project: Project, file: str) -> dict[str, Any]:
    scope: dict[str, Any] = {name: value for value in project.settings for name in SETTINGS}
    for one in reversed(project.near(file)):
        for call in one.calls:
            if name_of(call.func) == "add_argument":
                scope.update(_argument(call, scope))
        for statement in one.tree.body:
            bind(statement, scope)
    return scope


def bind(statement: ast.stmt, scope: dict[str, Any], *, prefix: str = "") -> None:
    """Take the names that an assignment gives known values."""
    if isinstance(statement, ast.ClassDef) and not prefix:      # class Config: latent = 20
        for inner in statement.body:
            bind(inner, scope, prefix=f"{statement.name}.")
    if isinstance(statement, ast.If):
        for inner in statement.body:
            bind(inner, scope, prefix=prefix)
    for left, right in assigned(statement):
        known = value_of(right, scope)
        if known is not UNKNOWN and isinstance(left, (ast.Name, ast.Attribute)):
            scope[prefix + ast.unparse(left)] = known


def assigned(statement: ast.stmt) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Give what an assignment sets, and to what; each of several names that are set to one call to that call."""
    targets = statement.targets if isinstance(statement, ast.Assign) else (
        [statement.target] if isinstance(statement, ast.AnnAssign) else [])
    value: ast.expr | None = getattr(statement, "value", None)
    if value is None:
        return
    for target in targets:
        if not isinstance(target, ast.Tuple):
            yield target, value
        elif isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            yield from zip(target.elts, value.elts, strict=True)
        else:
            yield from ((one, value) for one in target.elts)


def _argument(call: ast.Call, scope: Scope) -> dict[str, Any]:
    """Read one `add_argument`."""
    names = [value_of(argument, scope) for argument in call.args]
    name = next((name for name in names if isinstance(name, str) and name.startswith("--")), "")
    default = next((value_of(word.value, scope) for word in call.keywords if word.arg == "default"), UNKNOWN)
    if not name or default is UNKNOWN:
        return {}
    spelled = name.lstrip("-").replace("-", "_")
    return {f"{holder}.{spelled}": default for holder in ("args", "opt", "opts", "config", "cfg", "hparams")}


def path_of(node: ast.expr | None, scope: Scope) -> str:
    """Give the path that an expression names, with `*` for what is not known; empty where nothing is.

    >>> path_of(ast.parse("f'out/vae_{epoch}.pth'", mode="eval").body, {})
    'out/vae_*.pth'
    """
    value = value_of(node, scope)
    if isinstance(value, str):
        return value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else _shown(part, scope) for part in node.values)
    if isinstance(node, ast.Call):
        return _path_called(node, scope)
    if isinstance(node, ast.BinOp):
        left, right = path_of(node.left, scope) or "*", path_of(node.right, scope) or "*"
        if isinstance(node.op, ast.Div):
            return f"{left}/{right}"
        return f"{left}{right}" if isinstance(node.op, ast.Add) else _filled(r"%[-\d.]*[a-z]", left, node.right, scope)
    return ""


def _path_called(call: ast.Call, scope: Scope) -> str:
    """Give the path that os.path.join, Path, open or "...".format makes."""
    name = name_of(call.func)
    if name in {"join", "Path", "PurePath", "str", "open"} and call.args:
        parts = [path_of(argument, scope) or "*" for argument in call.args]
        return str(PurePosixPath(*parts[:1] if name == "open" else parts))
    if name == "format" and isinstance(call.func, ast.Attribute):
        return _filled(r"\{[^}]*\}", path_of(call.func.value, scope), ast.Tuple(call.args), scope)
    return ""


def _filled(place: str, text: str, given: ast.expr, scope: Scope) -> str:
    """Fill what is known into the places of a text, `*` into the others."""
    values = [value_of(one, scope) for one in (given.elts if isinstance(given, ast.Tuple) else [given])]
    known = iter(["*" if value is UNKNOWN else str(value) for value in values])
    return re.sub(place, lambda _: next(known, "*"), text)


def _shown(part: ast.expr, scope: Scope) -> str:
    value = value_of(part.value, scope) if isinstance(part, ast.FormattedValue) else UNKNOWN
    return str(value) if isinstance(value, (str, int)) else "*"

