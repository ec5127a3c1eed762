from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.course import Course

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run() -> Callable[..., tuple[int, str, str]]:
    """Run the program in a course folder, as a person does: exit code, output, messages."""

    def program(course: Course, *arguments: str) -> tuple[int, str, str]:
        env = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", "OMP_NUM_THREADS": "1"}
        ended = subprocess.run(
            [sys.executable, "-m", "harness", *arguments], cwd=course.root, env=env, capture_output=True, text=True)
        return ended.returncode, ended.stdout, " ".join(ended.stderr.split())

    return program
