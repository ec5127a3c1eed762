"""Starts the process that reads a PDF, and turns what can go wrong with it into one sentence."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from harness.errors import HarnessFault, Rejected
from harness.limits import INTAKE, MIB, Intake

__all__ = ["run"]

T = TypeVar("T", bound=BaseModel)

_OUT_OF_TIME = -getattr(signal, "SIGPROF", 2**16)       # exit status of a process that took too much
WAIT = 120.0        # seconds by the clock beyond those of the processor: other programs may need it meanwhile

_READABLE = "A person reads the report, and the grade shows its page."
_HINTS = {
    "password": "Save it without a password.",
    "format": "Export it again as PDF, and open it once before you hand it in.",
    "pages": "Hand in the one page that the sheet asks for.",
}


def run(
    subject: str, path: Path, kind: type[T], *, name: str, request: dict[str, Any] | None = None,
    limits: Intake = INTAKE, rationale: str = _READABLE,
) -> T:
    """Let a process of its own look at a PDF; it is ended when it takes too long or too much.

    Args:
        subject: what is looked for, one of those that `harness.pdf.__main__` knows.
        path: the file.
        kind: the model of what is answered.
        name: what messages call the file.
        request: arguments of the subject.
        limits: how large the file, and how long and large the reading of it may be.
        rationale: why the file has to be readable, for the message.

    Raises:
        Rejected: it is no PDF, locked, broken, or too large to be read.
        HarnessFault: the process could not be started, or got too little of a busy machine.

    """
    def rejected(what: str, why: str) -> Rejected:
        return Rejected(f"{name} {what}", rationale=rationale, hint=_HINTS[why])

    size = path.stat().st_size
    if size > limits.report_bytes:
        allowed = limits.report_bytes / MIB
        raise rejected(f"has {size / MIB:.0f} MiB; {allowed:.0f} MiB are allowed", "pages")
    asked = {**(request or {}), "most_pages": limits.report_pages, "memory_bytes": limits.report_memory_bytes,
             "seconds": limits.report_seconds}
    done = _process(subject, path, asked, name=name)
    if b"ModuleNotFoundError" in done.stderr:
        raise HarnessFault(f"{name} cannot be read: a package is missing ({done.stderr.splitlines()[-1]!r})")
    if done.returncode == _OUT_OF_TIME:
        raise rejected(f"could not be read within {limits.report_seconds:.0f} s", "format")
    if done.returncode:
        raise rejected("made the program fail that reads it", "format")
    try:
        answer = json.loads(done.stdout)
        problem = answer.get("error", "")
        if problem == "pages":
            raise rejected(
                f"has {answer['pages']} pages; {limits.report_pages} are read at most", "pages")
        if problem:
            what = "is locked with a password" if problem == "password" else "is no PDF, or a broken one"
            raise rejected(what, problem)
        return kind.model_validate(answer)
    except (ValueError, ValidationError):
        raise rejected("made the program fail that reads it", "format") from None


def _process(subject: str, path: Path, asked: dict[str, Any], *, name: str) -> subprocess.CompletedProcess[bytes]:
    root = str(Path(__file__).resolve().parent.parent.parent)
    by_the_clock = asked["seconds"] + WAIT
    try:
        return subprocess.run(
            [sys.executable, "-P", "-m", "harness.pdf", subject, str(path)], input=json.dumps(asked).encode(),
            capture_output=True, check=False, timeout=by_the_clock,
            # One thread: a pool of them would take the address space that the file may use.
            env={**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
    except subprocess.TimeoutExpired:
        raise HarnessFault(
            f"{name} was not read within {by_the_clock:.0f} s; run it again when this machine is less busy") from None
    except OSError as error:
        raise HarnessFault(f"no process could be started to read {name}: {error}") from error
