"""The options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["AsJson", "Data", "Device", "Reports", "Seed", "StandIn", "Unconfined"]

Data = Annotated[Path | None, typer.Option(
    "--data", metavar="DIR", show_default=False,
    help="Folder with the Fashion-MNIST archives. Else: HARNESS_DATA, the user's cache folder, a download.")]
StandIn = Annotated[bool, typer.Option(
    "--stand-in", help="Use `garments`, drawn by the program, in place of Fashion-MNIST; the report says so.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of everything random; equal seeds, equal measurements.")]
Device = Annotated[str, typer.Option("--device", metavar="cpu|cuda", help="Where the group's model runs.")]
Reports = Annotated[Path | None, typer.Option(
    "--reports", metavar="DIR", show_default="reports/ of the course folder", help="Where reports are written.")]
Unconfined = Annotated[bool, typer.Option(
    "--unconfined", help="Run the code without a box. Only for code that you trust as your own.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")]
