"""Where a project's weights are: files that lie there, and those that its code would save."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import PurePosixPath

from harness.guess.blueprint import Blueprint
from harness.guess.project import WEIGHTS, Piece, Project, name_of
from harness.guess.values import assigned, path_of, scope_of, value_of
from harness.worker.definitions import BUSY

__all__ = ["Saved", "busy_line", "file_for", "is_run", "saved_by"]

_WORDS = {
    "vae": re.compile(r"(?i)(vae|auto|ae\b|ae[._-]|best|last|final|model|check)"),
    "other": re.compile(r"(?i)(gan|gen|netg|flow|diff|ddpm|rbm|glow|nvp|score|pixel)"),
}
_NOT_A_MODEL = re.compile(r"(?i)(disc|netd|critic|optim|adam|classifier|judge|loss|history|metric)")
_QUIET = re.compile(r"(os\.chdir|os\.makedirs|sys\.path\.\w+|print|warnings\.\w+|([\w.]*\.)?(manual_)?seed\w*|"
                    r"\w+\.add_argument|"
                    r"matplotlib\.use|plt\.(style\.use|rc\w*)|torch\.(set|use|manual|backends)\w*(\.\w+)*|logging\.\w+|"
                    r"display|help)")


@dataclass(frozen=True, slots=True)
class Saved:
    """A statement that saves something.

    Attributes:
        path: where, with `*` for what is not known.
        what: the variable whose weights are saved: "model", "netG".
        kind: class of that variable, as far as it is known.
        whole: whether the object itself is pickled instead of its weights.
        piece: file or cell that it stands in.
        node: the call.

    """

    path: str
    what: str
    kind: str
    whole: bool
    piece: Piece
    node: ast.Call

    @property
    def inside(self) -> str:
        """The path as a manifest can name it: from where the script runs."""
        parts = [part for part in PurePosixPath(self.path).parts if part not in {"/", "..", "."}]
        absolute = self.path.startswith(("/", "~"))
        return parts[-1] if absolute and parts else "/".join(parts)

    @property
    def leads_out(self) -> bool:
        """Whether the path leads out of the folder."""
        return self.path.startswith(("/", "~")) or ".." in PurePosixPath(self.path).parts


def saved_by(project: Project) -> list[Saved]:
    """Find what the code saves."""
    found = []
    for piece, call in project.calls:
        scope = scope_of(project, piece) | _last_turn(piece, call) if name_of(call.func) in _SAVERS else {}
        for node, content in _targets(call):
            path = path_of(_last_set(node, piece, call), scope)
            if name_of(call.func) == "ModelCheckpoint":
                path = re.sub(r"\{[^}]*\}", "*", f"{path}.ckpt" if path and not path.endswith(".ckpt") else path)
            if path.lower().endswith(WEIGHTS):
                what, whole = _content(content)
                found.append(Saved(path, what, _class_of(project, piece, what), whole, piece, call))
    return found


def _last_turn(piece: Piece, call: ast.Call) -> dict[str, int]:
    """Give the last values of the loops around a call, so that the name of the last file is known."""
    values = {}
    for loop in ast.walk(piece.tree):
        if isinstance(loop, ast.For) and isinstance(loop.target, ast.Name) and isinstance(loop.iter, ast.Call) \
                and name_of(loop.iter.func) == "range" and any(inner is call for inner in ast.walk(loop)):
            ends = [value_of(one, {}) for one in loop.iter.args]
            if ends and all(isinstance(one, int) for one in ends) and 0 not in ends[2:] and (turns := range(*ends[:3])):
                values[loop.target.id] = turns[-1]
    return values


def _last_set(node: ast.expr, piece: Piece, call: ast.Call) -> ast.expr:
    """Give what a variable was last set to before a call, by the order of the lines."""
    if not isinstance(node, ast.Name):
        return node
    before = [(left.lineno, right) for statement in ast.walk(piece.tree) if isinstance(statement, ast.stmt)
              for left, right in assigned(statement)
              if isinstance(left, ast.Name) and left.id == node.id and left.lineno <= call.lineno]
    return max(before, key=lambda pair: pair[0])[1] if before else node


_SAVERS = {"save", "save_file", "save_model", "savez", "savez_compressed", "dump", "save_weights", "save_pretrained",
           "ModelCheckpoint", "save_checkpoint"}


def _targets(call: ast.Call) -> Iterator[tuple[ast.expr, ast.expr | None]]:
    """Give the expressions of path and content of a call that saves."""
    name = name_of(call.func)
    words = {word.arg: word.value for word in call.keywords if word.arg}
    holder = call.func.value if isinstance(call.func, ast.Attribute) else None
    if name not in _SAVERS:
        return
    if name == "ModelCheckpoint":
        folder, file = words.get("dirpath", call.args[0] if call.args else None), words.get("filename")
        if file is not None:
            yield (ast.BinOp(folder, ast.Div(), file) if folder is not None else file), None
        elif folder is not None:
            yield folder, None
    elif name in {"savez", "savez_compressed"} and call.args:
        yield call.args[0], None
    elif len(call.args) > 1:
        content, path = call.args[0], call.args[1]
        if isinstance(content, ast.Constant):       # numpy.save(path, array)
            content, path = path, content
        yield path, content
    elif call.args and holder is not None and name_of(holder) not in {"torch", "np", "numpy", "dill", "pickle"}:
        yield call.args[0], holder
    elif "f" in words and (call.args or "obj" in words):
        yield words["f"], call.args[0] if call.args else words["obj"]


def _content(node: ast.expr | None) -> tuple[str, bool]:
    """Name the variable that is saved, and whether as a whole."""
    states = [one for one in ast.walk(node) if isinstance(one, ast.Call) and name_of(one.func) == "state_dict"
              and isinstance(one.func, ast.Attribute)] if node is not None else []
    named = [ast.unparse(one.func.value).removesuffix(".module") for one in states
             if isinstance(one.func, ast.Attribute)]
    models = [name for name in named if not _NOT_A_MODEL.search(name)]
    if models:
        return models[0], False
    return (node.id, True) if isinstance(node, ast.Name) else (named[0] if named else "", False)


def _class_of(project: Project, near: Piece, variable: str) -> str:
    """Find the class that a variable is an object of."""
    for piece in project.near(near.file):
        for node in ast.walk(piece.tree):
            if isinstance(node, ast.Assign) and variable in {ast.unparse(target) for target in node.targets}:
                names = [name_of(one.func) for one in ast.walk(node.value) if isinstance(one, ast.Call)]
                known = [name for name in names if name in project.classes]
                if known:
                    return known[0]
    return ""


def file_for(
    project: Project, slot: str, blueprint: Blueprint | None, saved: Sequence[Saved], taken: Sequence[str] = (),
) -> tuple[str, str] | None:
    """Choose the file with a model's weights among those that lie there.

    Returns:
        Path and why; None where none fits.

    """
    there = [file for file in project.weights if file not in taken]
    mine = [one for one in saved if blueprint is not None and one.kind == blueprint.name]
    for one in mine:
        for file in there:
            if fnmatch(file, one.inside) or fnmatch(PurePosixPath(file).name, PurePosixPath(one.inside).name):
                return file, f"{one.piece.place(one.node)} saves {one.what} there"
    others = {file for one in saved if one.kind and one not in mine for file in there
              if fnmatch(PurePosixPath(file).name, PurePosixPath(one.inside).name)}
    left = [file for file in there if file not in others and not _NOT_A_MODEL.search(PurePosixPath(file).name)]
    other_slot = "other" if slot == "vae" else "vae"
    named = [file for file in left if blueprint is not None
             and PurePosixPath(file).stem.lower().startswith(blueprint.name.lower())]
    worded = [file for file in left if _WORDS[slot].search(PurePosixPath(file).name)]
    if named or worded:
        return (named or worded)[-1], "it is called so"
    fitting = [file for file in left if not _WORDS[other_slot].search(PurePosixPath(file).name) or len(there) == 1]
    return (fitting[-1], "the weights that lie there") if fitting else None


def is_run(saved: Saved) -> bool:
    """Say whether a script or notebook saves by itself when it is run, not only when someone calls it."""
    if saved.piece.cell is not None:
        return True
    tree = saved.piece.tree
    if any(inner is saved.node for statement in tree.body
           if not isinstance(statement, (ast.FunctionDef, ast.ClassDef)) for inner in ast.walk(statement)):
        return True
    return busy_line(saved.piece.tree) is not None or any(
        isinstance(statement, ast.If) and "__name__" in ast.unparse(statement.test) for statement in tree.body)


def busy_line(tree: ast.Module) -> tuple[int, str] | None:
    """Find the first line of a file's top level that works when it is imported: a loop, a call, data that is read."""
    for statement in tree.body:
        if isinstance(statement, (ast.For, ast.While, ast.With)):
            return statement.lineno, ast.unparse(statement).splitlines()[0]
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call) \
                and not _QUIET.fullmatch(ast.unparse(statement.value.func)):
            return statement.lineno, ast.unparse(statement).splitlines()[0]
        value = getattr(statement, "value", None)
        if isinstance(statement, (ast.Assign, ast.AnnAssign)) and value is not None:
            for call in ast.walk(value):
                if isinstance(call, ast.Call) and (BUSY.fullmatch(name_of(call.func)) or name_of(call.func) in {
                        "fit", "load", "train", "load_data", "download", "read_csv"}):
                    return statement.lineno, ast.unparse(statement).splitlines()[0]
    return None


