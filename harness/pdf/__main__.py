"""The process that reads one PDF: python -P -m harness.pdf SUBJECT FILE, a request as JSON on its standard input.

It prints what it found as one JSON object. SIGPROF ends it when the file takes too much of the processor's time.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import signal
import sys
from collections.abc import Callable
from typing import Any

__all__ = ["main"]

_NEEDED: dict[str, tuple[str, ...]] = {
    "answer pages": (), "contents": (), "crops": (), "ink": (),
    "pictures": ("scipy.ndimage",), "scans": ("scipy.fft", "scipy.ndimage"),
}


def _confine(memory_bytes: int, seconds: float) -> None:
    """Limit what a hostile file can take from the machine; the time that others take is not counted."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)
    with contextlib.suppress(ImportError, ValueError, OSError):     # systems without such limits
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _subjects() -> dict[str, Callable[..., dict[str, Any]]]:
    from harness.pdf import answer_pages, contents, crops, ink, pictures, scans

    return {
        "answer pages": answer_pages.look, "contents": contents.look, "crops": crops.look, "ink": ink.look,
        "pictures": pictures.look, "scans": scans.look,
    }


def main() -> None:
    """Look at the file that the arguments name."""
    subject, path = sys.argv[1:]
    request = json.load(sys.stdin)
    # Loaded before the limits, so that these count what the file needs.
    import numpy  # noqa: F401
    import PIL.PngImagePlugin
    import pypdfium2

    del PIL
    for module in _NEEDED[subject]:
        importlib.import_module(module)
    look = _subjects()[subject]
    _confine(request.pop("memory_bytes"), request.pop("seconds"))
    try:
        found = look(path, **request)
    except pypdfium2.PdfiumError:
        found = {"error": "format"}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
