"""A Slurm for the tests of this folder, started once; without one they are skipped, with the reason."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.slurm.site import site, why_not


@pytest.fixture(scope="session")
def started():
    reason = why_not()
    if reason:
        pytest.skip(reason)
    # Sockets have short names, and jobs are written about in paths: neither goes with the folder of a test.
    with tempfile.TemporaryDirectory(prefix="slurm-", dir="/tmp", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        with site(Path(name)) as here:
            yield here


@pytest.fixture
def slurm(started, monkeypatch):
    """The Slurm, also for the commands that the test itself calls."""
    for name, value in started.environment.items():
        monkeypatch.setenv(name, value)
    return started
