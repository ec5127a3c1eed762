"""Run a worker: confine, take the pipes, load the model, answer requests until the evaluator hangs up.

The evaluator starts it as `python -m harness.worker SETTINGS`. Frames come in by stdin and go out by stdout;
both are moved out of the group's way before any of its code runs: what it prints goes to the log.
"""

from __future__ import annotations

import io
import os
import sys

from harness.worker.confine import confine, settings_from_arguments


def main() -> None:
    """Serve one model."""
    confine(settings_from_arguments())
    requests, answers = os.dup(0), os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.close(nowhere)
    os.dup2(2, 1)
    for stream in (sys.stdout, sys.stderr):
        # A crash in native code must not swallow what was printed before it; odd characters must not crash.
        stream.reconfigure(line_buffering=True, errors="backslashreplace")     # type: ignore[union-attr]

    from harness.worker.serving import serve

    with io.FileIO(requests, "rb") as source, io.FileIO(answers, "wb") as sink:
        serve(source, sink)


if __name__ == "__main__":
    main()
