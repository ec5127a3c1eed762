"""The errors of the harness, and whose fault each one is.

```
HarnessError
├── UserError               a wrong call, path or file: one sentence that says what, where, what to do (exit code 2)
├── SubmissionFault         the group's: shown to the group in plain words, never stops a batch     (exit code 1)
│   ├── Rejected            a manifest, answer file, checkpoint or folder that cannot be accepted
│   ├── Crashed             the group's code raised an exception or its process died
│   ├── TimedOut            it took longer than its role may take
│   ├── OutOfMemory         it needed more memory than its role may have
│   ├── TooMuchOutput       it wrote or returned more than its role may
│   ├── MissingLibrary      it needs a library that this machine lacks; costs no points
│   ├── BrokenProtocol      the worker's answers stopped, or were not the frames that were asked for
│   └── InvalidOutput       an array has the wrong shape or type, is not finite, or is out of range
└── HarnessFault            ours: never turned into points, never exported as zero                   (exit code 3)
    └── BoxUnavailable      no box that may run a group's code can be had on this machine
```
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "BoxUnavailable",
    "BrokenProtocol",
    "Crashed",
    "HarnessError",
    "HarnessFault",
    "InvalidOutput",
    "MissingLibrary",
    "OutOfMemory",
    "Rejected",
    "SubmissionFault",
    "TimedOut",
    "TooMuchOutput",
    "UserError",
]


class HarnessError(Exception):
    """The root of every error that the harness raises on purpose."""


class UserError(HarnessError):
    """The person at the terminal asked for something that cannot be done.

    The message is one sentence that says what is wrong and where, and what to do about it.
    """


class SubmissionFault(HarnessError):  # noqa: N818 - a fault is whose it is, an error is what happened
    """Something in a hand-in went wrong; the group that wrote it can mend it.

    Args:
        message: what happened, in one sentence that the group understands.
        rationale: which rule it broke and why that rule is there.
        hint: how to find the cause, or what to change.
        log: the tail of what the group's code printed, as text; may be empty.

    """

    kind: ClassVar[str] = "fault"

    def __init__(self, message: str, *, rationale: str = "", hint: str = "", log: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.rationale = rationale
        self.hint = hint
        self.log = log

    @property
    def facts(self) -> dict[str, str]:
        """What a record of this fault holds, by the names of its fields."""
        return {
            "kind": self.kind, "message": self.message, "rationale": self.rationale, "hint": self.hint, "log": self.log,
        }


class Rejected(SubmissionFault):
    """A file or folder of the hand-in cannot be accepted as it is."""

    kind = "rejected"


class Crashed(SubmissionFault):
    """The group's code raised an exception, or its process ended by itself."""

    kind = "crashed"


class TimedOut(SubmissionFault):
    """The group's code took longer than its role may take."""

    kind = "timed out"


class OutOfMemory(SubmissionFault):
    """The group's code needed more memory than its role may have."""

    kind = "out of memory"


class TooMuchOutput(SubmissionFault):
    """The group's code printed, wrote or returned more than its role may."""

    kind = "too much output"


class MissingLibrary(SubmissionFault):
    """The group's code needs a library that is not installed where it is graded; this costs no points."""

    kind = "environment"


class BrokenProtocol(SubmissionFault):
    """The worker stopped answering, or answered with something else than what was asked for."""

    kind = "broken protocol"


class InvalidOutput(SubmissionFault):
    """An array has the wrong shape or type, holds NaN or infinity, or leaves its range."""

    kind = "invalid output"


class HarnessFault(HarnessError):  # noqa: N818 - as above
    """Something of the harness or its machine failed; it costs nobody points."""


class BoxUnavailable(HarnessFault):
    """No box that may run a group's code can be had on this machine."""
