"""The box changes nothing that is measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def graded(reports: Path, **changed: str) -> tuple[str, dict[str, object]]:
    """Grade a shipped hand-in on the stand-in data; give the box and the measurements."""
    command = [
        sys.executable, "-m", "harness", "grade", "submissions/group2", "--stand-in", "--budget", "quick", "--no-store",
        "--no-key", "--unconfined", "--json", "--reports", str(reports)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, **changed})
    assert done.returncode == 0, done.stderr
    result = json.loads(Path(json.loads(done.stdout)["hand_ins"][0]["result"]).read_text())
    return result["provenance"]["box"], {
        name: (one["measurements"], one["tables"], one["flags"]) for name, one in result["measurements"].items()}


@pytest.mark.slow
@pytest.mark.box
@pytest.mark.timeout(900)
def test_a_hand_in_measures_the_same_with_the_box_and_without(tmp_path):
    box, boxed = graded(tmp_path / "boxed")
    none, plain = graded(tmp_path / "plain", PATH="")     # where no backend is found, --unconfined does without
    assert (box.split()[0], none.split()[0]) == ("bubblewrap", "plain")
    assert len(boxed["vae"][0]) > 30
    assert boxed == plain
