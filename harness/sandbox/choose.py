"""Which box to use on this machine: found out by attacking it, not by asking for its version."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from harness.errors import BoxUnavailable, Crashed, HarnessFault, OutOfMemory, SubmissionFault, TooMuchOutput
from harness.limits import MIB, Limits
from harness.sandbox.base import Box
from harness.sandbox.bubblewrap import BubblewrapBox
from harness.sandbox.confined import ConfinedBox
from harness.sandbox.container import ContainerBox
from harness.sandbox.environments import own_environment
from harness.sandbox.plain import PlainBox
from harness.sandbox.shown import variables
from harness.sandbox.verdict import is_proven, keep_proven
from harness.scratch import scratch_folder, sweep

__all__ = ["BACKENDS", "Diagnosis", "choose_box", "diagnose", "self_test"]

BACKENDS: dict[str, Callable[[], ConfinedBox]] = {
    "bubblewrap": BubblewrapBox.find,
    "podman": lambda: ContainerBox.find("podman"),
    "docker": lambda: ContainerBox.find("docker"),
}
"""What can confine a hand-in, in the order in which it is tried; the first that withstands the self-test is taken.

bubblewrap needs no service and no image; of the engines, Podman needs no service that is root.
"""

# What a backend prints where it may not work -> what to do about it.
REMEDIES = {
    "uid map": "allow unprivileged user namespaces (Ubuntu: an AppArmor profile for bwrap, see docs/sandbox.md)",
    "No permissions to create new namespace": "set the sysctl kernel.unprivileged_userns_clone to 1",
    "Creating new namespace failed": "allow namespaces; in a container: --security-opt seccomp=unconfined",
    "Can't mount proc": "in a container, start it with --security-opt systempaths=unconfined",
    "Permission denied": "install Python where every user can read it",
}

TRIED = Limits(
    start_seconds=30, request_seconds=30, memory_bytes=256 * MIB, processes=32, log_bytes=200_000,
    disk_bytes=16 * MIB)
"""The limits that the self-test tries to break: small, so that it is quick."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Whether a backend is ready.

    Attributes:
        name: of the backend.
        ready: whether it withstood the self-test.
        says: what it is and how long the test took, or why it cannot be used and what to do.
        protects: whether it confines what runs in it.

    """

    name: str
    ready: bool
    says: str
    protects: bool = True


def choose_box(*, unconfined: bool = False) -> Box:
    """Give the best box that works here; what was proven since the machine started is not tried again.

    Args:
        unconfined: take no box at all where none works; for one's own code only.

    Raises:
        BoxUnavailable: none works, and why, and what to do; never a silent fall-back.

    """
    sweep()
    reasons = []
    for find in BACKENDS.values():
        try:
            box = find()
            if not is_proven(box):
                self_test(box)
                keep_proven(box)
        except BoxUnavailable as unavailable:
            reasons.append(str(unavailable))
        else:
            return box
    if unconfined:
        return PlainBox()
    raise BoxUnavailable(
        f"hand-ins cannot be run safely here: {'; '.join(reasons)}; `harness doctor` says more, and --unconfined "
        "runs code that you trust")


def diagnose() -> list[Diagnosis]:
    """Try every backend anew, for `harness doctor`."""
    found = []
    for name, find in BACKENDS.items():
        begun = perf_counter()
        try:
            box = find()
            self_test(box)
        except BoxUnavailable as unavailable:
            found.append(Diagnosis(name, ready=False, says=str(unavailable)))
            continue
        took = perf_counter() - begun
        keep_proven(box)
        found.append(Diagnosis(name, ready=True, says=f"{box.name}, withstood the self-test in {took:.2f} s"))
    words = "no protection: only for code that you trust as your own"
    return [*found, Diagnosis("plain", ready=True, says=words, protects=False)]


def self_test(box: ConfinedBox) -> None:
    """Attack the box from inside, as `harness.worker.probe` does, in several boxes at once.

    Raises:
        BoxUnavailable: it does not start, or an attack succeeds.

    """
    with scratch_folder() as folder, socket.create_server(("127.0.0.1", 0)) as server:
        (folder / "hand-in").mkdir()
        (folder / "secret").write_text("secret")
        for path in (folder, folder / "hand-in", folder / "secret"):
            path.chmod(0o755)       # what keeps the box out must be the box, not the file's mode
        inside = variables(TRIED, own_environment())
        options: dict[str, object] = {
            "secret": str(folder / "secret"), "port": server.getsockname()[1], "process": os.getpid(),
            "names": sorted(set(os.environ) - set(inside) - {"PWD", "LC_CTYPE"}), "disk": TRIED.disk_bytes,
            "memory": TRIED.memory_bytes + 1024 * MIB, "output": 20 * TRIED.log_bytes,
            "processes": 2 * TRIED.processes,
        }
        with ThreadPoolExecutor(len(_ATTACKS), thread_name_prefix="self-test") as pool:
            outcomes = [pool.submit(_attack, box, verb, options, folder / "hand-in") for verb in _ATTACKS]
            problems = [problem for outcome in outcomes if (problem := outcome.result()) is not None]
    if problems:
        raise BoxUnavailable(f"{_kind(box)} {problems[0]}")


_ATTACKS: dict[str, tuple[type[SubmissionFault], str] | None] = {
    "look": None, "memory": (OutOfMemory, ""), "flood": (TooMuchOutput, ""), "fork": (Crashed, "processes and threads"),
}
"""Attack -> the fault that may end it, with words of its message; else the probe answers what it could do: nothing."""


def _attack(box: ConfinedBox, verb: str, options: dict[str, object], folder: Path) -> str | None:
    """Give what is wrong with the box, as words that continue its name; None where it withstands."""
    try:
        with box.attack(folder, TRIED) as session:
            head, _ = session.ask(verb, None, options, expect={}, seconds=TRIED.request_seconds)
    except SubmissionFault as fault:
        kind, words = _ATTACKS[verb] or (None, "")
        if kind is None or not isinstance(fault, kind) or words not in fault.message:
            return f"does not protect on this machine: the attack {verb!r} ended as {fault.kind} ({fault.message})"
    except HarnessFault as fault:
        return _why_not_started(str(fault))
    else:
        broken = head.get("broken")
        if broken != []:
            done = broken[0] if isinstance(broken, list) else "gave no answer"
            return f"does not protect on this machine: code inside {done}"
    return None


def _why_not_started(words: str) -> str:
    last = words.rpartition("): ")[2].splitlines()[-1:] or ["it printed nothing"]
    remedy = next((text for sign, text in REMEDIES.items() if sign in words), "docs/sandbox.md says what it needs")
    return f"does not start ({last[0]}); {remedy}"


def _kind(box: ConfinedBox) -> str:
    return box.name.partition(" ")[0]
