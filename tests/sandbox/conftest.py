"""Boxes for the tests, and workers that misbehave in them."""

from __future__ import annotations

import pytest

from harness.limits import Limits
from harness.sandbox.bubblewrap import BubblewrapBox
from harness.sandbox.process import WorkerSession
from tests.boxes import PRELUDE, SMALL, LoneProcess, boxed_script, plain_script


@pytest.fixture(scope="session")
def small():
    """Limits that tests can reach."""
    return SMALL


@pytest.fixture(scope="session")
def prelude():
    """The beginning of each misbehaving worker."""
    return PRELUDE


@pytest.fixture(scope="session")
def open_boxed():
    """Start a misbehaving worker in a box; the caller closes it."""
    return boxed_script


@pytest.fixture(scope="session")
def lone_process():
    """The guard of a process that no box holds."""
    return LoneProcess


@pytest.fixture(params=["plain", pytest.param("bubblewrap", marks=pytest.mark.box)])
def run(request, tmp_path):
    """Start a misbehaving worker, once without a box and once in one."""
    sessions = []

    def start(script: str, limits: Limits = SMALL) -> WorkerSession:
        start_script = plain_script if request.param == "plain" else boxed_script
        sessions.append(start_script(script, limits, tmp_path))
        return sessions[-1]

    yield start
    for session in sessions:
        session.close()


@pytest.fixture
def boxed(tmp_path):
    """Start a misbehaving worker in a box."""
    sessions = []

    def start(script: str, limits: Limits = SMALL, *, box: BubblewrapBox | None = None) -> WorkerSession:
        sessions.append(boxed_script(script, limits, tmp_path, box=box))
        return sessions[-1]

    yield start
    for session in sessions:
        session.close()
