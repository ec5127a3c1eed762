"""Attacks the box from inside, as a hand-in might, and tells what it could do; run by the box's self-test.

Prints one JSON object: attack -> whether it succeeded. All must be false.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.worker.confine import confine, settings_from_arguments

CLONE_NEWUSER = 0x10000000


def main() -> None:
    """Confine as a worker does, attack, and report."""
    settings = settings_from_arguments()
    confine(settings)
    attacks: Mapping[str, Callable[[dict[str, Any]], bool]] = {
        "reads a file of the host": _reads_host_file, "writes into the hand-in": _writes_hand_in,
        "writes to the system": _writes_system, "reaches the host by network": _reaches_network,
        "makes a user namespace": _makes_namespace, "keeps a capability": _keeps_capability,
        "sees the host's environment": _sees_environment,
    }
    print(json.dumps({name: _succeeds(attack, settings) for name, attack in attacks.items()}))


def _succeeds(attack: Callable[[dict[str, Any]], bool], settings: dict[str, Any]) -> bool:
    with contextlib.suppress(OSError):
        return attack(settings)
    return False


def _reads_host_file(settings: dict[str, Any]) -> bool:
    return bool(Path(settings["secret"]).read_bytes())


def _writes_hand_in(settings: dict[str, Any]) -> bool:
    Path(settings["folder"], "probe").touch()
    return True


def _writes_system(settings: dict[str, Any]) -> bool:
    del settings
    for folder in ("/", "/usr", "/dev", "/etc", Path(__file__).parent):
        with contextlib.suppress(OSError):
            Path(folder, "probe").touch()
            return True
    return False


def _reaches_network(settings: dict[str, Any]) -> bool:
    with socket.create_connection(("127.0.0.1", settings["port"]), timeout=0.1):
        return True


def _makes_namespace(settings: dict[str, Any]) -> bool:
    del settings
    return bool(ctypes.CDLL(None).unshare(CLONE_NEWUSER) == 0)


def _keeps_capability(settings: dict[str, Any]) -> bool:
    del settings
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    sets = [int(value, 16) for name, value in status.items() if name.startswith("Cap") and name != "CapBnd"]
    return os.getuid() == 0 or any(sets)


def _sees_environment(settings: dict[str, Any]) -> bool:
    return settings["canary"] in os.environ


if __name__ == "__main__":
    main()
