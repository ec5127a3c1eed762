"""The last steps of confinement, taken by the worker itself before anything of the group's is imported.

They need no trust in the group's code, because none of it has run yet, and cannot be taken back afterwards.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

__all__ = ["confine", "settings_from_arguments"]

CAPABILITY_VERSION_3 = 0x20080522
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38


def settings_from_arguments() -> dict[str, Any]:
    """Read what the box wants confined from the command line: one JSON object."""
    settings: dict[str, Any] = json.loads(sys.argv[1])
    return settings


def confine(settings: dict[str, Any]) -> None:
    """Give up what the worker needs no longer.

    Args:
        settings: `uid`, the user to become for good where the box was made by root; `limits`, the resource
            limits by their names in the `resource` module. Both may be missing.

    """
    limits = settings.get("limits") or {}
    if limits:
        import resource  # not on Windows, where no box sets limits

        for name, value in limits.items():
            which = getattr(resource, name)
            hard = resource.getrlimit(which)[1]
            most = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(which, (most, most))
    if settings.get("uid") is not None:
        _become(settings["uid"])


def _become(user: int) -> None:
    """Become an ordinary user without groups or capabilities, and without a way back."""
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    prctl = library.prctl
    for capability in range(64):
        prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)     # fails past the last one that this kernel knows
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    # Becoming another user clears all sets but the inheritable one.
    header, none = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)()
    if library.capset(header, none) != 0 or prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the worker cannot give up its privileges")
