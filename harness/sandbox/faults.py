"""The faults of a worker, in words that the group can act on."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping

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
from harness.limits import MIB, Limits
from harness.sandbox.environments import own_environment
from harness.sandbox.log import printable
from harness.sandbox.watch import Exceeded, Usage

__all__ = ["ended", "exceeded", "from_worker", "pipe_closed", "timed_out", "too_much_output"]

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
_OF_KERAS = frozenset({"keras", "tensorflow", "tf_keras"})

_FEWER_PROCESSES = "give data loaders num_workers=0, and start threads or processes once, not in a loop"

_FASTER = {
    "loading": 'move training at the top level of the module under `if __name__ == "__main__":`',
    "fit": "`fit` is given a `deadline` on the clock of time.monotonic(), and the box ends it a little later: "
           "look at the clock before each step, and return in time with what was learned",
    "": "work on whole batches instead of single images, and look for a loop that does not end",
}


def timed_out(what: str, seconds: float, *, loading: bool, cpu_seconds: float | None = None) -> TimedOut:
    """Say that a step took too long, and whether it was computing or waiting, as far as that is known."""
    used = "" if cpu_seconds is None else f"; it used {cpu_seconds:.1f} seconds of processor time"
    hint = _FASTER.get("loading" if loading else what, _FASTER[""])
    if cpu_seconds is not None and cpu_seconds < 0.1 * seconds:
        hint = f"it waited more than it computed: look for a sleep, a lock, a queue or a download; else {hint}"
    return TimedOut(
        f"{what} did not end within {seconds:g} seconds{used}",
        rationale="Each step has a time limit, so that no hand-in can hold up the others.", hint=hint)


def too_much_output(limits: Limits, *, written: int) -> TooMuchOutput:
    """Say that too much was printed."""
    return TooMuchOutput(
        f"the code printed more than {limits.log_bytes:,} bytes; it was ended after {written:,}",
        rationale="What a hand-in may print is limited, so that it cannot fill the grader's memory.",
        hint="print once per epoch instead of once per batch or image; the log shows what was printed last",
    )


def exceeded(which: Exceeded, limits: Limits, usage: Usage) -> SubmissionFault:
    """Say which limit the box was ended for, and what was used."""
    if which == "cpu":
        used = "" if usage.cpu_seconds is None else f"; it was ended after {usage.cpu_seconds:,.0f}"
        return TimedOut(
            f"the code used more than {limits.cpu_seconds:,g} seconds of processor time{used}",
            rationale="The time of all processes and threads of one model together is limited as well.",
            hint="look for threads or processes that spin while they wait, and use fewer of them",
        )
    if which == "processes":
        return Crashed(
            f"the code started more than {limits.processes} processes and threads, and was ended",
            rationale="All processes and threads of one model together may be that many.",
            hint=_FEWER_PROCESSES,
        )
    peak = usage.peak_memory_bytes
    reached = "" if peak is None else f"; at most {peak / 2**30:.2f} GiB were in use before it was ended"
    return OutOfMemory(
        f"the code needed more than {limits.memory_bytes / 2**30:.1f} GiB of memory{reached}",
        rationale="All processes of one model together may use that much, files in /tmp and /dev/shm included.",
        hint="use smaller batches, keep no list of tensors that still have gradients, and print "
             "resource.getrusage(resource.RUSAGE_SELF).ru_maxrss (KiB) to see where it grows",
    )


def pipe_closed(what: str) -> BrokenProtocol:
    """Say that the worker lives but has closed its pipe."""
    return BrokenProtocol(
        f"the pipe to the worker was closed during {what}", rationale=CONTRACT,
        hint="close no file descriptors that your code did not open",
    )


def ended(what: str, code: int, *, limits: Limits, usage: Usage, log: str = "") -> SubmissionFault:
    """Say that the process ended with an exit code, negative or over 128 for a signal, and what its last words mean."""
    if code == 0:
        return BrokenProtocol(
            f"the process ended by itself during {what}", rationale=CONTRACT,
            hint='remove os._exit, and what ends the program outside of `if __name__ == "__main__":`',
        )
    number = -code if code < 0 else code - 128
    name = next((s.name for s in signal.Signals if s.value == number), "")
    hint = _of_a_limit(log[-MOST_TEXT:], limits) or "look for os._exit, and at the last lines of the log"
    if usage.processes_refused:
        hint = f"it reached the limit of {limits.processes} processes and threads: {_FEWER_PROCESSES}"
    elif name == "SIGBUS":
        hint = "SIGBUS comes from a full /dev/shm: give data loaders num_workers=0"
    elif name:
        hint = "SIGSEGV and SIGABRT come from native code; the last lines of the log may say where"
    return Crashed(
        f"the process ended during {what} with exit code {code}" + (f" ({name})" if name else ""),
        rationale=CONTRACT, hint=hint)


def from_worker(
    error: object, *, log: str, limits: Limits, has: Callable[[str], bool] | None = None,
) -> SubmissionFault:
    """Make a fault of what a worker says about an exception; its words are shown, never believed.

    Args:
        error: what it says.
        log: what it printed.
        limits: that it has.
        has: whether a module can be imported where it runs: a missing library saves points, so that is checked. By
            default it runs with this interpreter's packages.

    """
    has = has or own_environment().has
    told = error if isinstance(error, dict) else {}
    needs = told.get("needs")
    if told.get("kind") == MissingLibrary.kind and isinstance(needs, str) and needs.isidentifier() and not has(needs):
        return _missing_library(_text(told["needs"]), _text(told.get("package")), log=log)
    frames = told.get("traceback")
    places = [_place(frame) for frame in frames[-MOST_FRAMES:]] if isinstance(frames, list) else []
    hint = _text(told.get("hint")) or _of_a_limit(_text(told.get("message")), limits)
    if places and not hint:
        hint = "run the named lines yourselves on the images they were given (`harness check` shows the same fault)"
    if places:
        hint = "\n".join([*filter(None, [hint]), "It came to this through:", *places])
    return KINDS.get(str(told.get("kind")), Crashed)(
        _text(told.get("message")) or "the code raised an exception",
        rationale=WHY.get(str(told.get("kind")), CONTRACT), hint=hint, log=log)


def _of_a_limit(message: str, limits: Limits) -> str:
    """Say which limit an error of the system comes from, where it is known to come from one."""
    hints = {
        "[Errno 28]": f"the box's disk is full: /tmp holds {limits.disk_bytes // MIB:,} MiB, and it is the only place "
                      "to write to besides `save`'s folder, which lies in it",
        "[Errno 27]": f"a file may have {limits.disk_bytes // MIB:,} MiB at most",
        "[Errno 24]": f"at most {limits.open_files} files may be open at a time: close them, or read them in `with`",
        "[Errno 11]": f"at most {limits.processes} processes and threads may run: {_FEWER_PROCESSES}",
        "can't start new thread": f"at most {limits.processes} processes and threads may run: {_FEWER_PROCESSES}",
        "[Errno 30]": "the hand-in's own folder cannot be written to: write to the folder that `save` is given",
    }
    return next((hint for sign, hint in hints.items() if sign in message), "")


def _missing_library(module: str, package: str, *, log: str) -> MissingLibrary:
    return MissingLibrary(
        f"the code needs the library {module}, which is not installed here",
        rationale="Nothing is deducted for that: a person decides what happens.",
        hint=f"Teaching staff: install {package or module} where hand-ins are graded, and grade again. Students: ask "
             "whether it may be used, or take out the import if the model does without."
             + (" A course may have an environment with it: `environment: keras` beside `source`."
                if module in _OF_KERAS else ""),
        log=log)


def _place(frame: object) -> str:
    told = frame if isinstance(frame, dict) else {}
    line = told.get("line")
    where = f"{_text(told.get('file'))}, line {line if type(line) is int else '?'}"
    inside = f", in {_text(told.get('function'))}" if told.get("function") else ""
    return f"{where}{inside}: {_text(told.get('code'))}".rstrip(": ")


def _text(value: object) -> str:
    return printable(value[:MOST_TEXT]) if isinstance(value, str) else ""
