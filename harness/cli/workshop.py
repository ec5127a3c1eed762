"""What commands need besides a workshop: data whose download is shown, and a box for one's own code."""

from __future__ import annotations

from pathlib import Path

from harness.batch.opening import workshop
from harness.data import Dataset, load
from harness.sandbox.base import Box

__all__ = ["box_for_own_code", "load_data", "workshop"]


def load_data(folder: Path | None, *, stand_in: bool) -> Dataset:
    """Load the data that the options name; a download shows its progress."""
    from harness.cli.terminal import console

    shown = console(err=True)
    return load("garments") if stand_in else load(folder=folder, progress=shown.print)


def box_for_own_code() -> tuple[Box, str]:
    """Give the box, or a plain process and the reason where none works; for code that one trusts as one's own."""
    from harness.errors import BoxUnavailable
    from harness.sandbox.choose import choose_box
    from harness.sandbox.plain import PlainBox

    try:
        return choose_box(), ""
    except BoxUnavailable as unavailable:
        return PlainBox(), str(unavailable)
