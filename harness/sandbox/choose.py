"""Which box to use on this machine: found out by attacking it, not by asking for its version."""

from __future__ import annotations

import json
import socket
import tempfile
import time
from pathlib import Path

from harness.errors import BoxUnavailable
from harness.sandbox.base import Box
from harness.sandbox.bubblewrap import BubblewrapBox
from harness.sandbox.log import printable
from harness.sandbox.plain import PlainBox

__all__ = ["choose_box", "diagnose", "self_test"]

# What bubblewrap prints where it may not work -> what to do about it.
REMEDIES = {
    "uid map": "allow unprivileged user namespaces (Ubuntu: an AppArmor profile for bwrap)",
    "No permissions to create new namespace": "set the sysctl kernel.unprivileged_userns_clone to 1",
    "Creating new namespace failed": "allow namespaces; in a container: --security-opt seccomp=unconfined",
    "Can't mount proc": "in a container, start it with --security-opt systempaths=unconfined",
    "Permission denied": "install Python where every user can read it",
}


def choose_box(*, unconfined: bool = False) -> Box:
    """Give the best box that works here.

    Args:
        unconfined: take no box at all where none works; for one's own code only.

    Raises:
        BoxUnavailable: none works, and why, and what to do; never a silent fall-back.

    """
    try:
        box = BubblewrapBox.find()
        self_test(box)
    except BoxUnavailable as unavailable:
        if unconfined:
            return PlainBox()
        raise BoxUnavailable(
            f"hand-ins cannot be run safely here: {unavailable}; --unconfined runs code that you trust"
        ) from unavailable
    return box


def diagnose() -> list[tuple[str, bool, str]]:
    """List (backend, ready, what it is or what to do) for `harness doctor`."""
    begun = time.perf_counter()
    try:
        box = BubblewrapBox.find()
        self_test(box)
    except BoxUnavailable as unavailable:
        first = ("bubblewrap", False, str(unavailable))
    else:
        took = time.perf_counter() - begun
        first = ("bubblewrap", True, f"{box.name}, withstood the self-test in {took:.2f} s")
    return [first, ("plain", True, "no protection: only for code that you trust as your own")]


def self_test(box: BubblewrapBox, *, seconds: float = 20.0) -> None:
    """Attack the box from inside, as `harness.worker.probe` does.

    Raises:
        BoxUnavailable: it does not start, or an attack succeeds.

    """
    with (
        tempfile.TemporaryDirectory(prefix="harness-") as name,
        socket.create_server(("127.0.0.1", 0)) as server,
    ):
        folder = Path(name)
        (folder / "hand-in").mkdir()
        (folder / "secret").write_text("secret")
        for path in (folder, folder / "hand-in", folder / "secret"):
            path.chmod(0o755)       # what keeps the box out must be the box, not the file's mode
        out, err = box.run(
            "harness.worker.probe",
            {"secret": str(folder / "secret"), "port": server.getsockname()[1], "canary": "HARNESS_DATA"},
            folder=folder / "hand-in", seconds=seconds,
        )
    try:
        found = json.loads(out)
    except ValueError:
        raise BoxUnavailable(_why_not_started(err)) from None
    broken = [attack for attack, succeeded in found.items() if succeeded]
    if broken:
        raise BoxUnavailable(f"bubblewrap does not protect on this machine: code inside {broken[0]}")


def _why_not_started(err: str) -> str:
    last = printable(err.strip()[-500:]).splitlines()[-1:] or ["it printed nothing"]
    remedy = next((text for sign, text in REMEDIES.items() if sign in err), "try bwrap --ro-bind / / true")
    return f"bubblewrap does not start ({last[0]}); {remedy}"
