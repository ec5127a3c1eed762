"""A project as it lies in a folder: its code as syntax trees, its other files by name; nothing of it is run."""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from harness import documents
from harness.errors import UserError
from harness.submissions.leavings import reason_to_leave, reason_to_leave_folder
from harness.worker.explain import PACKAGES, RefusalError
from harness.worker.notebooks import cells_of

__all__ = ["WEIGHTS", "Piece", "Project", "name_of", "read_project"]

WEIGHTS = (".safetensors", ".pt", ".pth", ".ckpt", ".h5", ".keras", ".npz", ".npy", ".pkl", ".bin", ".dill")
MOST_FILES = 2_000
MOST_CODE = 4 * 1024 * 1024      # bytes of one file of code, a notebook's pictures among them; others are data


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A file, or one cell of a notebook, as a syntax tree.

    Attributes:
        file: path below the folder, with forward slashes.
        cell: number of the code cell, counted from 1; None in a file.
        tree: what is written there.

    """

    file: str
    cell: int | None
    tree: ast.Module

    def place(self, node: ast.AST) -> str:
        """Say where a node stands: "vae.ipynb, cell 2, line 4"."""
        cell = f", cell {self.cell}" if self.cell is not None else ""
        return f"{self.file}{cell}, line {getattr(node, 'lineno', 1)}"

    @property
    def imports(self) -> frozenset[str]:
        """Every part of the names of the modules that it imports."""
        return _parts(self)

    @property
    def calls(self) -> tuple[ast.Call, ...]:
        """Every call that is written in it."""
        return _calls(self)


@dataclass(frozen=True, eq=False)
class Project:
    """What a folder holds.

    Attributes:
        folder: where it is.
        pieces: its code, by file and cell.
        files: every file that would be handed in.
        unread: code that cannot be read, and why.
        settings: what files like config.yaml hold.

    """

    folder: Path
    pieces: tuple[Piece, ...]
    files: tuple[str, ...]
    unread: tuple[str, ...]
    settings: tuple[Any, ...] = ()

    @cached_property
    def classes(self) -> dict[str, list[tuple[Piece, ast.ClassDef]]]:
        """Name of a class -> where it is written, in the order of the files and cells."""
        found: dict[str, list[tuple[Piece, ast.ClassDef]]] = {}
        for piece in self.pieces:
            for node in piece.tree.body:
                if isinstance(node, ast.ClassDef):
                    found.setdefault(node.name, []).append((piece, node))
        return found

    def class_named(self, name: str, near: Piece) -> tuple[Piece, ast.ClassDef] | None:
        """Find a class: of the same cell or file first."""
        there = self.classes.get(name, [])
        for same in (lambda one: one is near, lambda one: one.file == near.file, lambda _: True):
            for piece, node in reversed(there):
                if same(piece):
                    return piece, node
        return None

    def function_named(self, name: str, near: Piece) -> ast.FunctionDef | None:
        """Find a function of the top level: of the same file first."""
        every = self._functions.get(name, [])
        return next((node for piece, node in every if piece.file == near.file), every[0][1] if every else None)

    @cached_property
    def _functions(self) -> dict[str, list[tuple[Piece, ast.FunctionDef]]]:
        found: dict[str, list[tuple[Piece, ast.FunctionDef]]] = {}
        for piece in self.pieces:
            for node in piece.tree.body:
                if isinstance(node, ast.FunctionDef):
                    found.setdefault(node.name, []).append((piece, node))
        return found

    def near(self, file: str) -> list[Piece]:
        """List all pieces, those of `file` first, then those that import it."""
        stem = PurePosixPath(file).stem
        def distance(piece: Piece) -> int:
            return 0 if piece.file == file else 1 if stem in piece.imports else 2
        return sorted(self.pieces, key=distance)

    @cached_property
    def calls(self) -> list[tuple[Piece, ast.Call]]:
        """List every call that is written anywhere."""
        return [(piece, call) for piece in self.pieces for call in piece.calls]

    @property
    def weights(self) -> list[str]:
        """Files that look like weights, the largest last."""
        found = [file for file in self.files if file.lower().endswith(WEIGHTS)]
        return sorted(found, key=lambda file: (self.folder / file).stat().st_size)

    @property
    def missing_libraries(self) -> dict[str, str]:
        """Library that is imported and not installed here -> the package that has it."""
        own = {PurePosixPath(file).stem for file in self.files} | {
            part for file in self.files for part in PurePosixPath(file).parts[:-1]}
        names = {name.split(".")[0] for piece in self.pieces for name in _modules(piece.tree, relative=False)}
        absent = sorted(
            name for name in names - own - set(sys.stdlib_module_names) if importlib.util.find_spec(name) is None)
        return {name: PACKAGES.get(name, name) for name in absent if name != "google"}     # Colab's own drive


def read_project(folder: Path) -> Project:
    """Read the code of a folder and list its files.

    Raises:
        UserError: there is no such folder, or no code in it that can be read.

    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; give the folder that holds your code")
    files = sorted(_walk(folder))
    pieces: list[Piece] = []
    unread: list[str] = []
    for file in files:
        try:
            pieces += _pieces(folder, file)
        except (SyntaxError, ValueError, RecursionError, OSError, RefusalError) as error:
            unread.append(f"{file} ({_why(error)})")
    if not pieces:
        raise UserError(
            f"{folder}: holds no code that can be read" + (f": {'; '.join(unread)}" if unread else "")
            + "; give the folder that holds your .py files or notebooks")
    return Project(folder, tuple(pieces), tuple(files), tuple(unread), tuple(_settings(folder, files)))


def name_of(function: ast.expr) -> str:
    """Give the last part of what is called: "Linear" of nn.Linear."""
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _walk(folder: Path) -> Iterator[str]:
    """List what would be handed in: no data sets, environments, links."""
    count = 0
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if reason_to_leave_folder(name) is None)
        for name in sorted(names):
            path = Path(place) / name
            file = path.relative_to(folder).as_posix()
            info = path.lstat()
            if reason_to_leave(file, mode=info.st_mode, links=info.st_nlink) is None:
                count += 1
                yield file
            if count >= MOST_FILES:
                raise UserError(
                    f"{folder}: holds more than {MOST_FILES} files; give the folder of your code, without data sets")


def _settings(folder: Path, files: Iterable[str]) -> Iterator[Any]:
    """Read files of settings; one that is not YAML of the plain kind is none."""
    for file in files:
        if re.fullmatch(r"(?i).*(conf|cfg|param|setting|default)[^/]*\.(ya?ml|json)", file):
            with contextlib.suppress(UserError):
                yield documents.raw(folder / file)


def _pieces(folder: Path, file: str) -> list[Piece]:
    path = folder / file
    if not file.endswith((".py", ".ipynb")):
        return []
    if path.stat().st_size > MOST_CODE * (8 if file.endswith(".ipynb") else 1):
        raise ValueError("too large")
    if file.endswith(".py"):
        return [Piece(file, None, ast.parse(importlib.util.decode_source(path.read_bytes())))]
    pieces = []
    for cell in cells_of(path):
        try:
            pieces.append(Piece(file, cell.number, ast.parse(cell.source)))
        except (SyntaxError, ValueError):       # one cell that never ran takes no other with it
            continue
    return pieces


def _why(error: Exception) -> str:
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: {error.msg}"
    return " ".join(str(error).split()).removesuffix(")").rpartition("(")[2] if isinstance(error, RefusalError) else (
        str(error) or type(error).__name__)


@lru_cache(maxsize=MOST_FILES)
def _parts(piece: Piece) -> frozenset[str]:
    return frozenset(part for name in _modules(piece.tree, relative=True) for part in name.split("."))


@lru_cache(maxsize=MOST_FILES)
def _calls(piece: Piece) -> tuple[ast.Call, ...]:
    return tuple(node for node in ast.walk(piece.tree) if isinstance(node, ast.Call))


def _modules(tree: ast.Module, *, relative: bool) -> set[str]:
    """Name the modules that are imported, whole: "torch.nn"."""
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return names | {node.module for node in ast.walk(tree)
                    if isinstance(node, ast.ImportFrom) and node.module and (relative or not node.level)}
