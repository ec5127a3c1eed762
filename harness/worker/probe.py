"""Attacks the box from inside, as a hand-in might; the box's self-test starts it in place of a hand-in's worker.

It speaks in frames as a worker does. Each verb is an attack; an answer lists, in `broken`, what could be done
although it must not be, in words that continue "code inside ...".
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import platform
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.wire import read_frame, write_frame
from harness.worker.confine import confine, settings_from_arguments

CLONE_NEWUSER = 0x10000000
CLONE = {"x86_64": 56, "aarch64": 220}      # its number among the system calls
SIGCHLD = 17
PTRACE_ATTACH = 16
BLOCK = 2**24

Options = Mapping[str, Any]


def main() -> None:
    """Confine as a worker does, and attack in the way that is asked for."""
    settings = settings_from_arguments()
    confine(settings)
    source, sink = io.FileIO(os.dup(0), "rb"), io.FileIO(os.dup(1), "wb")
    os.dup2(2, 1)
    write_frame(sink, {"stage": "started"})
    read_frame(source, None)
    write_frame(sink, {"stage": "ready"})
    request, _ = read_frame(source, None)
    broken = VERBS[request["verb"]]({**settings, **request["options"]})
    write_frame(sink, {"id": request["id"], "broken": broken})


def _look(options: Options) -> list[str]:
    """Try what a single look or call can show."""
    attempts: Mapping[str, Callable[[Options], bool]] = {
        "reads a file of the host": _reads_host_file,
        "writes into the hand-in": _writes_hand_in,
        "writes to the system": _writes_system,
        "fills more than its disk": _overfills_disk,
        "reaches the host by network": _reaches_network,
        "sees a process of the host": _sees_process,
        "makes a user namespace": _makes_namespace,
        "traces the first process of the box": _traces,
        "keeps a capability": _keeps_capability,
        "sees the host's environment": _sees_environment,
        "sees paths of the host on a command line": _sees_paths,
        "has a file descriptor of the grader": _has_descriptors,
    }
    return [words for words, attempt in attempts.items() if _succeeds(attempt, options)]


def _succeeds(attempt: Callable[[Options], bool], options: Options) -> bool:
    with contextlib.suppress(OSError):
        return attempt(options)
    return False


def _reads_host_file(options: Options) -> bool:
    for path in (options["secret"], "/proc/1/root" + options["secret"], "/proc/self/cwd" + options["secret"]):
        with contextlib.suppress(OSError):
            Path(path).read_bytes()
            return True
    return False


def _writes_hand_in(options: Options) -> bool:
    Path(options["folder"], "probe").touch()
    return True


def _writes_system(options: Options) -> bool:
    del options
    for folder in ("/", "/usr", "/dev", "/etc", "/opt", Path(__file__).parent):
        with contextlib.suppress(OSError):
            Path(folder, "probe").touch()
            return True
    return False


def _overfills_disk(options: Options) -> bool:
    """Write three files that are too large together, each of them smaller than a file may be."""
    part = bytes(options["disk"] * 2 // 3)
    files = [Path("/tmp", f"probe-{number}") for number in range(3)]    # noqa: S108 - the box's own
    try:
        return all(file.write_bytes(part) for file in files)
    finally:
        for file in files:
            file.unlink(missing_ok=True)


def _reaches_network(options: Options) -> bool:
    with socket.create_connection(("127.0.0.1", options["port"]), timeout=0.1):
        return True


def _sees_process(options: Options) -> bool:
    if not Path("/proc", str(options["process"])).exists():
        os.kill(options["process"], 0)
    return True


def _makes_namespace(options: Options) -> bool:
    del options
    library = ctypes.CDLL(None)
    if library.unshare(CLONE_NEWUSER) == 0:
        return True
    number = CLONE.get(platform.machine())
    child = -1 if number is None else library.syscall(number, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0)
    if child == 0:
        os._exit(0)
    if child > 0:
        os.waitpid(child, 0)
    return bool(child > 0)


def _traces(options: Options) -> bool:
    del options
    return os.getpid() != 1 and ctypes.CDLL(None).ptrace(PTRACE_ATTACH, 1, 0, 0) == 0


def _keeps_capability(options: Options) -> bool:
    del options
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    sets = [int(value, 16) for name, value in status.items() if name.startswith("Cap") and name != "CapBnd"]
    return os.getuid() == 0 or any(sets) or status["NoNewPrivs"].strip() != "1"


def _sees_environment(options: Options) -> bool:
    first = Path("/proc/1/environ").read_bytes().split(b"\0") if os.access("/proc/1/environ", os.R_OK) else []
    names = set(os.environ) | {entry.partition(b"=")[0].decode(errors="replace") for entry in first}
    return bool(names & set(options["names"]))


def _sees_paths(options: Options) -> bool:
    hidden = str(Path(options["secret"]).parent).encode()
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if hidden in entry.read_bytes():
                return True
    return False


def _has_descriptors(options: Options) -> bool:
    """Whether anything but pipes, /dev/null and the list itself is open."""
    del options
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):      # the list's own descriptor is closed again
            target = str(entry.readlink())
            if not target.startswith(("pipe:", "/dev/null", "/proc/")):
                return True
    return False


def _eat_memory(options: Options) -> list[str]:
    eaten = [bytearray(b"x") * BLOCK for _ in range(options["memory"] // BLOCK)]
    time.sleep(0.5)     # where the cap is a watcher, it may look now
    return ["takes more memory than it may"] if eaten else []


def _flood(options: Options) -> list[str]:
    for _ in range(options["output"] // 65_536):
        os.write(2, b"spam" * 16_384)
    time.sleep(0.5)
    return ["prints more than it may"]


def _fork(options: Options) -> list[str]:
    made = 0
    with contextlib.suppress(OSError):
        while made < options["processes"]:
            if os.fork() == 0:
                time.sleep(60)
                os._exit(0)
            made += 1
    if made == options["processes"]:
        time.sleep(0.5)
        return ["starts more processes than it may"]
    return []


VERBS: Mapping[str, Callable[[Options], list[str]]] = {
    "look": _look, "memory": _eat_memory, "flood": _flood, "fork": _fork,
}


if __name__ == "__main__":
    main()
