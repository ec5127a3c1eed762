"""The rooms of the house: who may import whom, and what is imported when."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ORDER = (
    "errors", "scratch", "contract", "forms", "records", "limits", "documents", "pdf", "course", "references", "data",
    "submissions", "wire", "sandbox", "worker", "evidence", "features", "metrics", "quiz", "handin", "rubric",
    "schemas", "workshop", "measuring", "grading", "store", "lms", "similarity", "report", "gradebook", "batch",
    "cluster", "review", "guess", "scaffold", "bench", "cli", "__main__",
)
FILES = sorted((ROOT / "harness").rglob("*.py"))


def room(path: Path) -> str:
    parts = path.relative_to(ROOT / "harness").with_suffix("").parts
    return parts[0]


def imported_rooms(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            rooms |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("harness.")}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "harness":
            _, *below = node.module.split(".")
            rooms |= set(below[:1]) or {alias.name for alias in node.names if alias.name != "__version__"}
    return rooms


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_from_rooms_above_its_own(path):
    own = room(path)
    if own == "__init__":
        assert imported_rooms(path) == set()
        return
    assert own in ORDER, f"{own} has no place in the order of rooms"
    for other in imported_rooms(path) - {own}:
        assert other in ORDER, f"{path}: harness.{other} has no place in the order of rooms"
        assert ORDER.index(other) < ORDER.index(own), f"{own} may not import {other}"


@pytest.mark.parametrize("name", ["errors", "contract"])
def test_the_first_rooms_import_nothing_of_ours(name):
    assert imported_rooms(ROOT / "harness" / f"{name}.py") == set()


@pytest.mark.parametrize("path", [path for path in FILES if room(path) == "worker"], ids=lambda path: path.name)
def test_the_worker_imports_only_what_may_be_in_the_box(path):
    assert imported_rooms(path) <= {"contract", "forms", "wire", "errors", "worker", "limits"}


def test_no_relative_imports():
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            assert not (isinstance(node, ast.ImportFrom) and node.level), path
