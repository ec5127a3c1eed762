"""Temporary folders: gone afterwards, also after a grader that was killed, and never taken from one that lives."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from harness.scratch import PREFIX, scratch_folder, sweep

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="folders cannot be locked on Windows")

GRADER = """
import time
from harness.scratch import scratch_folder
with scratch_folder() as folder:
    (folder / "hand-in").mkdir()
    (folder / "hand-in" / "model.py").write_text("x = 1")
    print(folder, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """A place for temporary folders that nobody else uses."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


@pytest.fixture
def grader(folders):
    """Another process that holds a folder."""
    root = str(Path(__file__).parent.parent)
    with subprocess.Popen(
        [sys.executable, "-c", GRADER], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": root},
    ) as process:
        process.folder = Path(process.stdout.readline().strip())
        yield process
        process.kill()


def test_a_folder_is_ones_own_and_goes_away(folders):
    with scratch_folder() as folder:
        assert folder.parent == folders
        assert folder.stat().st_mode & 0o077 == 0
        (folder / "file").write_text("x")
    assert list(folders.iterdir()) == []


def test_a_folder_whose_owner_lives_is_let_be(grader):
    sweep(younger_than=0)
    assert (grader.folder / "hand-in" / "model.py").read_text() == "x = 1"


def test_a_folder_whose_owner_was_killed_is_removed(grader):
    grader.send_signal(signal.SIGKILL)
    grader.wait()
    assert grader.folder.is_dir()
    sweep()
    assert grader.folder.is_dir()       # too young: its owner might be about to lock it
    sweep(younger_than=0)
    assert not grader.folder.exists()


def test_nothing_else_is_removed(folders):
    kept = folders / "kept"
    kept.mkdir()
    (folders / f"{PREFIX}link").symlink_to(kept)
    (folders / f"{PREFIX}file").write_text("x")
    (folders / "harness-of-a-climber").mkdir()
    sweep(younger_than=0)
    assert {path.name for path in folders.iterdir()} == {
        "kept", f"{PREFIX}link", f"{PREFIX}file", "harness-of-a-climber"}
