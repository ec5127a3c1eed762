"""What all tests share: where the real data is, and which outside programs are there."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from harness.course import Course
from harness.errors import MissingLibrary
from harness.sandbox.environments import environment_of

# Every run tries the same examples, so that a change is judged by what it changed.
settings.register_profile(
    "steady", derandomize=True, deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("steady")

ROOT = Path(__file__).parent.parent


def real_data_folder() -> Path | None:
    """The folder that holds the official archives, if this machine has them."""
    for folder in filter(None, [os.environ.get("HARNESS_DATA"), str(ROOT.parent / "shared" / "data")]):
        if (Path(folder) / "FashionMNIST" / "raw" / "t10k-images-idx3-ubyte.gz").is_file():
            return Path(folder)
    return None


def why_no_box() -> str | None:
    """Why bubblewrap cannot work here: asked of the program itself, so that a fault of ours fails tests."""
    program = shutil.which("bwrap")
    if program is None:
        return "bubblewrap is not installed"
    spaces = ["--unshare-pid", "--unshare-net"] if os.geteuid() == 0 else ["--unshare-all"]
    tried = subprocess.run(
        [program, *spaces, "--ro-bind", "/", "/", "--proc", "/proc", "true"], capture_output=True, text=True)
    return None if tried.returncode == 0 else f"bubblewrap does not work here: {tried.stderr.strip()}"


def why_no_keras() -> str | None:
    """Why Keras code cannot be run here."""
    try:
        environment_of(Course(ROOT), "keras")
    except MissingLibrary as missing:
        return f"{missing.message} (`make keras`)"
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = {
        "real_data": None if real_data_folder() else "the official archives are not here (HARNESS_DATA)",
        "box": why_no_box(),
        "keras": why_no_keras(),
        "browser": None if shutil.which("chromium") else "Chromium is not installed",
    }
    for item in items:
        for mark, reason in missing.items():
            if reason and item.get_closest_marker(mark):
                item.add_marker(pytest.mark.skip(reason=reason))
