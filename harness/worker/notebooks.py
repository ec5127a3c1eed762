"""Reads notebooks: their code cells, chosen by tag or number, without magics.

Source: the notebook format 4 (nbformat), of which only `cells`, `cell_type`, `source` and `metadata.tags` are used;
version 3 keeps its cells in `worksheets` and calls their text `input`.
"""

from __future__ import annotations

import ast
import json
import linecache
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.worker.explain import RefusalError

__all__ = ["Cell", "cells_of", "chosen", "remember"]

# Cell magics whose cell is Python all the same.
STILL_PYTHON = {"%%time", "%%timeit", "%%capture", "%%prun"}
_MAGIC = re.compile(r"\s*([!?]|%{1,2}[A-Za-z]|[\w, ]+=\s*(!|%[A-Za-z])|[\w.]+\?{1,2}\s*$)")


@dataclass(frozen=True, slots=True)
class Cell:
    """One code cell.

    Attributes:
        number: counted over the code cells, from 1.
        tags: what its author called it.
        source: Python; lines that were magics are empty, so that line numbers stay.
        filename: what tracebacks name it.

    """

    number: int
    tags: frozenset[str]
    source: str
    filename: str


def cells_of(path: Path) -> list[Cell]:
    """List the code cells of a notebook.

    Raises:
        RefusalError: it is not a notebook.

    """
    try:
        content = json.loads(path.read_text("utf-8"))
        sheets = content.get("worksheets") or [content]
        found = [cell for sheet in sheets for cell in sheet["cells"] if cell.get("cell_type") == "code"]
        return [
            Cell(number, frozenset(map(str, (cell.get("metadata") or {}).get("tags") or ())),
                 _python(_text(cell)), f"{path}, cell {number}")
            for number, cell in enumerate(found, start=1)
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RefusalError(
            f"{path.name} is no notebook that can be read ({type(error).__name__}: {error})",
            hint="open it in Jupyter and save it again, or hand in the code as a .py file",
        ) from error


def chosen(cells: Sequence[Cell], wanted: Sequence[int | str], name: str) -> list[Cell]:
    """Take the cells of these numbers or tags, in the notebook's order; all of them where none is named.

    Raises:
        RefusalError: a number or a tag is not there.

    """
    if not wanted:
        return list(cells)
    numbers, tags = {cell.number for cell in cells}, {tag for cell in cells for tag in cell.tags}
    for one in wanted:
        if one not in (numbers if isinstance(one, int) else tags):
            what = f"code cell {one}" if isinstance(one, int) else f"cell tagged {one!r}"
            raise RefusalError(
                f"{name} has no {what}",
                hint=f"it has {len(cells)} code cells, counted from 1; tags: {', '.join(sorted(tags)) or 'none'}")
    return [cell for cell in cells if cell.number in wanted or cell.tags & set(map(str, wanted))]


def remember(cell: Cell) -> None:
    """Let tracebacks show the lines of a cell."""
    lines = cell.source.splitlines(keepends=True)
    linecache.cache[cell.filename] = (len(cell.source), None, lines, cell.filename)


def _text(cell: dict[str, Any]) -> str:
    source = cell["source"] if "source" in cell else cell["input"]
    return source if isinstance(source, str) else "".join(source)


def _python(source: str) -> str:
    """Blank what is not Python: magics, shell lines, help, and cells of other languages."""
    lines = source.splitlines()
    first = next((line.strip() for line in lines if line.strip()), "")
    if first.startswith("%%") and first.split()[0] not in STILL_PYTHON:
        return ""
    if _parses(source):     # a line that begins with % may go on with an expression
        return source
    return "\n".join(_blanked(lines))


def _parses(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    return True


def _blanked(lines: Sequence[str]) -> Iterator[str]:
    continued = False
    for line in lines:
        magic = continued or _MAGIC.match(line) is not None
        continued = magic and line.rstrip().endswith("\\")
        yield " " * (len(line) - len(line.lstrip())) + "pass" if magic else line
