"""`harness store`: what is kept of earlier grades, and taking away what nobody needs any more."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.options import AsJson
from harness.errors import UserError

if TYPE_CHECKING:
    from harness.store import Entry, Store

__all__ = ["app"]

app = typer.Typer(invoke_without_command=True, help="Show or prune the store of results by stage.")

_UNITS = {"h": 3_600.0, "d": 86_400.0, "w": 7 * 86_400.0}


@app.callback()
def show(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show what the store of this course holds: a line for each stage, with its size and the time that it saves.

    The store makes grading fast and resumable; it may be deleted at any time.
    """
    if context.invoked_subcommand:
        return
    from rich.table import Table

    from harness.cli.live import duration
    from harness.cli.terminal import console, plain

    store = _store()
    rows: dict[str, dict[str, float]] = {}
    for entry in store.entries():
        row = rows.setdefault(entry.stage or "unreadable", {"entries": 0, "bytes": 0, "seconds": 0.0, "unused": 0})
        row["entries"] += 1
        row["bytes"] += entry.size
        row["seconds"] += entry.seconds
        row["unused"] += _unused(entry)
    if as_json:
        stages = {name: {**row, "seconds": round(row["seconds"], 3)} for name, row in sorted(rows.items())}
        typer.echo(json.dumps({"folder": str(store.folder), "stages": stages}, indent=2))
        return
    table = Table("Stage", box=None, pad_edge=False)
    for title in ("Entries", "Size", "Took", "Of other versions"):
        table.add_column(title, justify="right")
    for name, row in sorted(rows.items()):
        table.add_row(plain(name), f"{row['entries']:.0f}", _size(row["bytes"]), duration(row["seconds"]),
                      f"{row['unused']:.0f}")
    out = console()
    out.print(table if rows else "the store is empty")
    out.print(f"[dim]{plain(str(store.folder))}, {_size(sum(row['bytes'] for row in rows.values()))}[/]",
              soft_wrap=True)


@app.command("prune")
def prune(
    *,
    older_than: Annotated[str | None, typer.Option(
        metavar="TIME", show_default=False, help="What was last used longer ago than this: 12h, 30d, 8w.")] = None,
    unused: Annotated[bool, typer.Option(
        "--unused", help="What this version of the harness and its libraries cannot recall any more.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Everything.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take results away; what is needed again is made again."""
    import time

    from harness.documents import counted

    if not (older_than or unused or everything):
        raise UserError("say what to take away: --older-than 30d, --unused, or --all")
    oldest = time.time() - _seconds(older_than) if older_than else None

    def unwanted(entry: Entry) -> bool:
        old = oldest is not None and entry.used < oldest
        return everything or old or (unused and _unused(entry))

    number, freed = _store().prune(unwanted)
    if as_json:
        typer.echo(json.dumps({"entries": number, "bytes": freed}))
    else:
        typer.echo(f"{counted(number, 'entry', 'entries')} taken away, {_size(freed)}")


def _store() -> Store:
    from harness.batch import store_of
    from harness.course import find_course

    return store_of(find_course())


def _unused(entry: Entry) -> bool:
    """Whether no grade of this version can recall an entry: another code or library made it, or it is damaged."""
    from harness.workshop import STAGES, code_of

    if entry.stage not in STAGES:
        return True
    return any(entry.inputs.get(name) != one for name, one in code_of(entry.stage).items())


def _seconds(age: str) -> float:
    found = re.fullmatch(r"(\d{1,6})([hdw])", age)
    if found is None:
        raise UserError(f"--older-than {age}: write a number with h, d or w, such as 30d")
    return int(found[1]) * _UNITS[found[2]]


def _size(size: float) -> str:
    return f"{size / 2**20:.1f} MiB" if size >= 2**20 else f"{size / 2**10:.1f} KiB"
