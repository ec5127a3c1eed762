"""What the exit codes of every command mean."""

from __future__ import annotations

__all__ = ["DONE", "FAULTS", "INTERRUPTED", "OURS", "WRONG_USE"]

DONE = 0
FAULTS = 1          # a hand-in has faults
WRONG_USE = 2       # wrong use, or something is missing
OURS = 3            # a fault of the harness
INTERRUPTED = 130   # as shells say it of a program that Ctrl-C ended
