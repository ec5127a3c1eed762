"""Imports the code that a job's `source` names: a file, a module by its name, or a notebook."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from harness.worker import definitions
from harness.worker.explain import RefusalError
from harness.worker.notebooks import cells_of, chosen, remember

__all__ = ["import_source"]


def import_source(
    where: str, folder: Path, *, definitions_only: bool | None = None, cells: Sequence[int | str] = (),
) -> ModuleType:
    """Import "model.py", "package.module" or "model.ipynb" from `folder`.

    Args:
        where: what stands before the colon of `source`.
        folder: of the hand-in; on the path already.
        definitions_only: import only what is defined there, and likewise in the hand-in's other files. None: so for
            notebooks, which train in their cells, and not for files.
        cells: of a notebook, by number or tag; empty for all.

    Raises:
        RefusalError: it is not there.
        BaseException: whatever the group's code raises.

    """
    notebook = where.endswith(".ipynb")
    sys.argv = [where]      # a command line is read with its defaults
    if definitions_only or (definitions_only is None and notebook):
        definitions.install(folder)
    if not notebook and not where.endswith(".py"):
        return _import_by_name(where, folder)
    path = folder / where
    if not path.is_file():
        raise RefusalError(f"there is no file {where} in the hand-in", hint=_python_files(folder))
    if str(path.parent) not in sys.path:
        sys.path.insert(1, str(path.parent))    # as `python src/model.py` would
    if notebook:
        return _import_notebook(path, where, cells, whole=definitions_only is False)
    return _import_file(path, where, definitions_only=bool(definitions_only))


def _import_file(path: Path, where: str, *, definitions_only: bool) -> ModuleType:
    name = path.stem if path.stem not in sys.modules else f"hand_in_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise RefusalError(f"{where} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    if definitions_only:
        source = importlib.util.decode_source(path.read_bytes())
        definitions.run_definitions(source, filename=str(path), shown=where, namespace=vars(module))
    else:
        spec.loader.exec_module(module)
    return module


def _import_notebook(path: Path, where: str, cells: Sequence[int | str], *, whole: bool) -> ModuleType:
    """Run the cells one by one in one module, as Jupyter does, or only what they define."""
    module = ModuleType(f"hand_in_{path.stem}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    for cell in chosen(cells_of(path), cells, where):
        remember(cell)
        if whole:
            exec(compile(cell.source, cell.filename, "exec"), vars(module))    # noqa: S102 - the group's, in its box
            continue
        try:
            definitions.run_definitions(
                cell.source, filename=cell.filename, shown=f"{where}, cell {cell.number}", namespace=vars(module))
        except SyntaxError as error:
            text = (error.text or "").strip()
            definitions.left_out.append(
                definitions.LeftOut(f"{where}, cell {cell.number}", error.lineno or 0, text, error=error))
    return module


def _import_by_name(where: str, folder: Path) -> ModuleType:
    try:
        return importlib.import_module(where)
    except ModuleNotFoundError as error:
        if error.name and (where == error.name or where.startswith(error.name + ".")):
            raise RefusalError(
                f"there is no module {where} in the hand-in", hint=_python_files(folder)) from error
        raise


def _python_files(folder: Path) -> str:
    files = sorted(
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.suffix in {".py", ".ipynb"})
    return "Python files there: " + (", ".join(files[:20]) or "none")
