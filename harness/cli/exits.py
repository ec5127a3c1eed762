"""What the exit codes of every command mean."""

from __future__ import annotations

__all__ = ["DONE", "FAULTS", "INTERRUPTED", "OURS", "WRONG_USE", "Stopped"]

DONE = 0
FAULTS = 1          # a hand-in has faults
WRONG_USE = 2       # wrong use, or something is missing
OURS = 3            # a fault of the harness
INTERRUPTED = 130   # as shells say it of a program that Ctrl-C ended


class Stopped(Exception):  # noqa: N818 - the person at the terminal wanted it, it is no error
    """Ctrl-C, with what is kept and how to go on: typer ends a bare KeyboardInterrupt without a word."""
