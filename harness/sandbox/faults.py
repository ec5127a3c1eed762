"""The faults of a worker, in words that the group can act on."""

from __future__ import annotations

import importlib.util
import signal
from collections.abc import Mapping

from harness.errors import (
    BrokenProtocol,
    Crashed,
    InvalidOutput,
    MissingLibrary,
    OutOfMemory,
    Rejected,
    SubmissionFault,
    TimedOut,
    TooMuchOutput,
)
from harness.limits import Limits
from harness.sandbox.log import printable

__all__ = ["ended", "from_worker", "out_of_memory", "pipe_closed", "timed_out", "too_much_output"]

KINDS: Mapping[object, type[SubmissionFault]] = {
    "rejected": Rejected, "crashed": Crashed, "invalid output": InvalidOutput,
}
CONTRACT = "A model is used only through the methods of harness/contract.py, and each has to return."
WHY: Mapping[str, str] = {
    "rejected": "What submission.yaml names has to be there, and has to load.",
    "crashed": "The error came out of the hand-in's own code.",
}
MOST_FRAMES = 8
MOST_TEXT = 2_000

_FASTER = {
    "loading": 'move training at the top level of the module under `if __name__ == "__main__":`',
    "fit": "`fit` is given a `deadline` on the clock of time.monotonic(), and the box ends it a little later: "
           "look at the clock before each step, and return in time with what was learned",
    "": "work on whole batches instead of single images, and look for a loop that does not end",
}


def timed_out(what: str, seconds: float, *, loading: bool) -> TimedOut:
    """Say that a step took too long."""
    return TimedOut(
        f"{what} did not end within {seconds:g} seconds",
        rationale="Each step has a time limit, so that no hand-in can hold up the others.",
        hint=_FASTER.get("loading" if loading else what, _FASTER[""]),
    )


def too_much_output(limits: Limits) -> TooMuchOutput:
    """Say that too much was printed."""
    return TooMuchOutput(
        f"the code printed more than {limits.log_bytes:,} bytes",
        rationale="What a hand-in may print is limited, so that it cannot fill the grader's memory.",
        hint="print once per epoch instead of once per batch or image",
    )


def out_of_memory(limits: Limits) -> OutOfMemory:
    """Say that too much memory was needed."""
    return OutOfMemory(
        f"the code needed more than {limits.memory_bytes / 2**30:.1f} GiB of memory",
        rationale="All processes of one model together may use that much.",
        hint="use smaller batches, and keep no list of tensors that still have gradients",
    )


def pipe_closed(what: str) -> BrokenProtocol:
    """Say that the worker lives but has closed its pipe."""
    return BrokenProtocol(
        f"the pipe to the worker was closed during {what}", rationale=CONTRACT,
        hint="close no file descriptors that your code did not open",
    )


def ended(what: str, code: int) -> SubmissionFault:
    """Say that the process ended with an exit code, negative or over 128 for a signal."""
    if code == 0:
        return BrokenProtocol(
            f"the process ended by itself during {what}", rationale=CONTRACT,
            hint='remove os._exit, and what ends the program outside of `if __name__ == "__main__":`',
        )
    number = -code if code < 0 else code - 128
    name = next((s.name for s in signal.Signals if s.value == number), "")
    return Crashed(
        f"the process ended during {what} with exit code {code}" + (f" ({name})" if name else ""),
        rationale=CONTRACT,
        hint="SIGSEGV and SIGABRT come from native code; the last lines of the log may say where" if name
        else "look for os._exit, and at the last lines of the log",
    )


def from_worker(error: object, *, log: str) -> SubmissionFault:
    """Make a fault of what a worker says about an exception; its words are shown, never believed."""
    told = error if isinstance(error, dict) else {}
    if told.get("kind") == MissingLibrary.kind and _is_missing(told.get("needs")):
        return _missing_library(_text(told["needs"]), _text(told.get("package")), log=log)
    frames = told.get("traceback")
    places = [_place(frame) for frame in frames[-MOST_FRAMES:]] if isinstance(frames, list) else []
    hint = _text(told.get("hint"))
    if places and not hint:
        hint = "run the named lines yourselves on the images they were given (`harness check` shows the same fault)"
    if places:
        hint = "\n".join([*filter(None, [hint]), "It came to this through:", *places])
    return KINDS.get(str(told.get("kind")), Crashed)(
        _text(told.get("message")) or "the code raised an exception",
        rationale=WHY.get(str(told.get("kind")), CONTRACT), hint=hint, log=log)


def _is_missing(module: object) -> bool:
    """Whether a library is really not here: what a worker says about that is checked, as it saves points."""
    if not isinstance(module, str) or not module.isidentifier():
        return False
    return importlib.util.find_spec(module) is None


def _missing_library(module: str, package: str, *, log: str) -> MissingLibrary:
    return MissingLibrary(
        f"the code needs the library {module}, which is not installed here",
        rationale="Nothing is deducted for that: a person decides what happens.",
        hint=f"Teaching staff: install {package or module} where hand-ins are graded, and grade again. Students: ask "
             "whether it may be used, or take out the import if the model does without.",
        log=log)


def _place(frame: object) -> str:
    told = frame if isinstance(frame, dict) else {}
    line = told.get("line")
    where = f"{_text(told.get('file'))}, line {line if type(line) is int else '?'}"
    inside = f", in {_text(told.get('function'))}" if told.get("function") else ""
    return f"{where}{inside}: {_text(told.get('code'))}".rstrip(": ")


def _text(value: object) -> str:
    return printable(value[:MOST_TEXT]) if isinstance(value, str) else ""
