"""What a class says of itself: its methods and networks, and the layers that a method's input goes through."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from harness.guess.layers import Layer
from harness.guess.project import Piece, Project, name_of
from harness.guess.values import UNKNOWN, assigned, bind, scope_of, value_of

__all__ = ["Blueprint", "bound_arguments", "class_written", "defaults", "optional", "parameters"]

MODULES = ("Module", "LightningModule", "Model", "GenerativeModel")
LIBRARIES = {"nn", "torch.nn", "F", "torch", "layers", "keras.layers"}
MOST_DEPTH = 8          # classes and functions within each other
Env = dict[str, list[Layer] | None]


def parameters(function: ast.FunctionDef) -> list[str]:
    """Name the parameters of a method that take a value each, without self."""
    names = [one.arg for one in (*function.args.posonlyargs, *function.args.args)]
    return [name for name in names if name not in {"self", "cls"}] + [one.arg for one in function.args.kwonlyargs]


def optional(function: ast.FunctionDef) -> set[str]:
    """Name the parameters that have a default."""
    named = [*function.args.posonlyargs, *function.args.args]
    last = named[len(named) - len(function.args.defaults):]
    pairs = zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    return {one.arg for one in last} | {one.arg for one, value in pairs if value is not None}


def bound_arguments(function: ast.FunctionDef | None, call: ast.Call | None) -> dict[str, ast.expr]:
    """Say which parameter gets which expression in a call."""
    if function is None or call is None:
        return {}
    given: dict[str, ast.expr] = {}
    for name, value in zip(parameters(function), call.args, strict=False):
        if isinstance(value, ast.Starred):
            break
        given[name] = value
    return given | {word.arg: word.value for word in call.keywords if word.arg}


class Blueprint:
    """A class as it is written.

    Args:
        project: it is a class of.
        piece: file or cell that it is written in.
        node: the class.
        given: values of the constructor's arguments, as far as they are known.

    """

    def __init__(
        self, project: Project, piece: Piece, node: ast.ClassDef, *, given: Mapping[str, Any] | None = None,
        depth: int = 0,
    ) -> None:
        self.project = project
        self.piece = piece
        self.node = node
        self.name = node.name
        self.depth = depth
        self.bases = [name_of(base) for base in node.bases]
        self.methods: dict[str, ast.FunctionDef] = {}
        self.attributes: dict[str, ast.expr] = {}
        self._locals: dict[str, ast.expr] = {}
        self.is_module = self.of_the_contract = False
        self._inherit(piece, node, 0)
        self.scope: dict[str, Any] = scope_of(project, piece)
        for statement in node.body:
            bind(statement, self.scope, prefix="self.")
        self._construct(dict(given or {}))

    def _inherit(self, piece: Piece, node: ast.ClassDef, depth: int) -> None:
        """Take over methods, those of the class itself before those of its bases."""
        for statement in node.body:
            if isinstance(statement, ast.FunctionDef):
                self.methods.setdefault(statement.name, statement)
        for base in node.bases:
            name = name_of(base)
            there = self.project.class_named(name, piece)
            if there is not None and there[1] is not node and depth < MOST_DEPTH:
                self._inherit(*there, depth + 1)
                continue
            self.is_module |= name in MODULES
            self.of_the_contract |= name == "GenerativeModel"

    def _construct(self, given: dict[str, Any]) -> None:
        function = self.methods.get("__init__")
        if function is None:
            return
        self.scope.update(defaults(function, self.scope))
        self.scope.update({name: value for name, value in given.items() if value is not UNKNOWN})
        self.scope.update({
            f"self.hparams.{name}": self.scope[name] for name in parameters(function) if name in self.scope})
        statements = list(_flat(function.body))
        for node in self.node.bases:        # what a base's constructor makes
            there = self.project.class_named(name_of(node), self.piece)
            base = there and next((one for one in there[1].body
                                   if isinstance(one, ast.FunctionDef) and one.name == "__init__"), None)
            if base is not None and base is not function:
                self.scope = defaults(base, self.scope) | self.scope
                statements = [*_flat(base.body), *statements]
        for statement in statements:
            bind(statement, self.scope)
            self._note(statement)

    def _note(self, statement: ast.stmt) -> None:
        """Remember what an attribute or a local variable of the constructor is made of."""
        if isinstance(statement, (ast.For, ast.While)):     # lists that grow in a loop are not followed
            for node in ast.walk(statement):
                if isinstance(node, ast.Name) and node.id in self._locals:
                    self._locals[node.id] = ast.Constant("?")
            return
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            self._grow(statement.value)
        for left, right in assigned(statement):
            if isinstance(left, ast.Name):
                self._locals[left.id] = right
            elif isinstance(left, ast.Attribute) and name_of(left.value) == "self":
                self.attributes[left.attr] = right

    def _grow(self, call: ast.Call) -> None:
        """Follow `layers.append(...)`."""
        held = call.func.value if isinstance(call.func, ast.Attribute) else None
        if name_of(call.func) not in {"append", "extend"} or not isinstance(held, ast.Name) or not call.args:
            return
        before = self._locals.get(held.id)
        items = list(before.elts) if isinstance(before, ast.List) else [ast.Constant("?")] if before else []
        more = call.args[0].elts if isinstance(call.args[0], ast.List) else [call.args[0]]
        self._locals[held.id] = ast.List([*items, *more], ast.Load())

    # --- networks

    def network(self, attribute: str) -> list[Layer] | None:
        """List the layers of an attribute; None where there is none of that name."""
        expression = self.attributes.get(attribute)
        return None if expression is None else self.layers_of(expression)

    def layers_of(self, expression: ast.expr) -> list[Layer]:
        """List the layers that an expression makes: of a Sequential, of a class or function of the project."""
        if isinstance(expression, ast.Starred):
            return self.layers_of(expression.value)
        if isinstance(expression, (ast.List, ast.Tuple)):
            named = isinstance(expression, ast.Tuple) and len(expression.elts) == 2 and isinstance(
                expression.elts[0], ast.Constant)       # of an OrderedDict
            return [layer for item in expression.elts[named:] for layer in self.layers_of(item)]
        if isinstance(expression, ast.Name) and expression.id in self._locals:
            kept = self._locals.pop(expression.id)      # so that `layers = layers + [...]` ends
            try:
                return self.layers_of(kept)
            finally:
                self._locals[expression.id] = kept
        if isinstance(expression, ast.Call):
            return self._layers_called(expression)
        return [Layer("?", line=getattr(expression, "lineno", 0))]

    def _layers_called(self, call: ast.Call) -> list[Layer]:
        name = name_of(call.func)
        if name in {"Sequential", "ModuleList", "OrderedDict", "spectral_norm", "weight_norm"}:
            return [layer for one in call.args for layer in self.layers_of(one)]
        if name in {"to", "cuda", "float", "double", "apply"} and isinstance(call.func, ast.Attribute):
            return self.layers_of(call.func.value)
        library = isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) in LIBRARIES
        own = None if library or self.depth >= MOST_DEPTH else self._of_the_project(name, call)
        return [self._layer(call, call.args)] if own is None else own

    def _of_the_project(self, name: str, call: ast.Call) -> list[Layer] | None:
        there = self.project.class_named(name, self.piece)
        if there is not None and there[1] is not self.node:
            inner = Blueprint(self.project, *there, depth=self.depth + 1, given=self._values(
                _method(there[1], "__init__"), call))
            if "Sequential" in inner.bases or "forward" not in inner.methods:
                return [Layer(name, line=call.lineno)]
            return inner.through("forward") or [Layer(name, line=call.lineno)]
        function = self.project.function_named(name, self.piece)
        if function is None:
            return None
        returned = [node.value for node in ast.walk(function) if isinstance(node, ast.Return) and node.value]
        if len(returned) != 1:
            return [Layer(name, line=call.lineno)]
        before, self.scope = self.scope, {
            **self.scope, **defaults(function, self.scope), **self._values(function, call)}
        self.depth += 1
        try:
            return self.layers_of(returned[0])
        finally:
            self.scope = before
            self.depth -= 1

    def _values(self, function: ast.FunctionDef | None, call: ast.Call) -> dict[str, Any]:
        return {name: value_of(value, self.scope) for name, value in bound_arguments(function, call).items()}

    # --- methods

    def through(self, method: str, *, most: int = MOST_DEPTH) -> list[Layer] | None:
        """List what the first parameter of a method goes through until it is returned (of several: the first).

        Returns:
            Layers, in order; None where what is returned does not come from it.

        """
        function = self.methods.get(method)
        if function is None or not parameters(function) or most == 0:
            return None
        env: Env = {parameters(function)[0]: []}
        result: list[Layer] | None = None
        for statement in _flat(function.body):
            if isinstance(statement, ast.Return) and statement.value is not None:
                found = self._trace(statement.value, env, most)
                result = found if found is not None else result
            else:
                self._step(statement, env, most)
        return result

    def _step(self, statement: ast.stmt, env: Env, most: int) -> None:
        if isinstance(statement, ast.For):      # for layer in self.layers: x = layer(x)
            attribute = statement.iter.attr if isinstance(statement.iter, ast.Attribute) else ""
            body = statement.body[0]
            if attribute in self.attributes and isinstance(body, ast.Assign):
                for name in [target.id for target in body.targets if isinstance(target, ast.Name)]:
                    env[name] = [*(env.get(name) or []), *(self.network(attribute) or [])]
            return
        for left, right in assigned(statement):
            if isinstance(left, ast.Name):
                env[left.id] = self._trace(right, env, most)

    def _trace(self, node: ast.expr, env: Env, most: int) -> list[Layer] | None:
        if isinstance(node, ast.Name):
            return env.get(node.id)
        if isinstance(node, (ast.Tuple, ast.List, ast.Dict)):
            parts = node.values if isinstance(node, ast.Dict) else node.elts
            return next((found for one in parts if (found := self._trace(one, env, most)) is not None), None)
        if isinstance(node, ast.BinOp):
            sides = [self._trace(side, env, most) for side in (node.left, node.right)]
            known = next((side for side in sides if side is not None), None)
            return None if known is None else [*known, Layer("arithmetic", line=node.lineno)]
        if isinstance(node, (ast.Subscript, ast.Attribute, ast.Starred)) and getattr(node, "attr", "") != "shape":
            return self._trace(node.value, env, most)
        return self._trace_call(node, env, most) if isinstance(node, ast.Call) else None

    def _trace_call(self, call: ast.Call, env: Env, most: int) -> list[Layer] | None:
        function = call.func
        if name_of(function) in {"size", "dim", "len"}:
            return None
        held = self._trace(function.value, env, most) if isinstance(function, ast.Attribute) else None
        if held is not None:        # x.view(-1, 784)
            return [*held, self._layer(call, call.args)]
        traced = [self._trace(one, env, most) for one in call.args]
        before = next((one for one in traced if one is not None), None)
        if before is None:
            return None
        if isinstance(function, ast.Attribute) and name_of(function.value) == "self":
            return [*before, *self._of_self(function.attr, call, most)]
        if isinstance(function, ast.Subscript):      # self.parts[0](x)
            return [*before, Layer("?", line=call.lineno)]
        return [*before, self._layer(call, call.args[1:])]

    def _of_self(self, name: str, call: ast.Call, most: int) -> list[Layer]:
        """List the layers of a method or network that is called."""
        if name in self.methods:
            return self.through(name, most=most - 1) or []
        return self.network(name) or [Layer(name, line=call.lineno)]

    def _layer(self, call: ast.Call, given: Sequence[ast.expr]) -> Layer:
        """Give a call as a layer."""
        return Layer(
            name_of(call.func), tuple(value_of(one, self.scope) for one in given),
            {word.arg: value_of(word.value, self.scope) for word in call.keywords if word.arg}, call.lineno)


def defaults(function: ast.FunctionDef, scope: Mapping[str, Any]) -> dict[str, Any]:
    """Give the defaults of parameters that are literal."""
    named = [*function.args.posonlyargs, *function.args.args]
    pairs = list(zip(reversed(named), reversed(function.args.defaults), strict=False))
    pairs += [(one, value) for one, value in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
              if value is not None]
    known = {one.arg: value_of(value, scope) for one, value in pairs}
    return {name: value for name, value in known.items() if value is not UNKNOWN}


def class_written(text: str) -> ast.ClassDef:
    """Give the class that a text defines first."""
    return next(node for node in ast.parse(text).body if isinstance(node, ast.ClassDef))


def _method(node: ast.ClassDef, name: str) -> ast.FunctionDef | None:
    return next((one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == name), None)


def _flat(body: Sequence[ast.stmt]) -> list[ast.stmt]:
    """List statements with those inside of `with` and `if`, both branches."""
    found: list[ast.stmt] = []
    for statement in body:
        if isinstance(statement, (ast.If, ast.With, ast.Try)):
            found += _flat([*statement.body, *getattr(statement, "orelse", [])])
        else:
            found.append(statement)
    return found
