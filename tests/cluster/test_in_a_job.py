"""What one job does on its node, called here as Slurm's batch script calls it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.batch import Done, Settings, tasks_for
from harness.cluster.job import MOST_RESTARTS, TIME_OVER, result_file
from harness.records import GradeResult
from tests.attacks.tiny import BUDGET, ROOT
from tests.batch.classes import answers_hand_in, course_in

START = """
import sys
from harness.cluster.job import grade_here
grade_here(sys.argv[1], sys.argv[2], float(sys.argv[3]))
"""
SIGNALLED = """
import os, signal, sys
import harness.cluster.job as job
job.run_task = lambda task, **_: os.kill(os.getpid(), getattr(signal, sys.argv[4]))
job.grade_here(sys.argv[1], sys.argv[2], float(sys.argv[3]))
"""


@pytest.fixture
def words(tmp_path) -> list[str]:
    course = course_in(tmp_path / "course")
    settings = Settings(course=course, stand_in=True, stand_in_images=(60, 40), budget=BUDGET, unconfined=True)
    (task,) = tasks_for([answers_hand_in(tmp_path / "group")], course / "reports", settings)
    return [task.model_dump_json(), str(tmp_path / "end.json"), "0"]


def run(words: list[str], *, script: str = START, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, *words], env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True, text=True, timeout=100)


def end(words: list[str]) -> Done:
    return Done.model_validate_json(Path(words[1]).read_bytes())


def test_a_job_grades_also_where_the_node_has_neither_the_home_nor_the_temporary_folder(words, tmp_path):
    done = run(words, TMPDIR=str(tmp_path / "gone"), HOME="/proc/none", XDG_CACHE_HOME="")
    assert done.returncode == 0, done.stderr
    assert end(words).result is not None
    whole = GradeResult.model_validate_json(result_file(Path(words[1])).read_bytes())
    assert whole.marks == end(words).result.marks
    assert not (tmp_path / "course" / "gradebook.sqlite").exists()      # which only one machine may write


def test_a_job_that_was_requeued_too_often_says_so(words):
    assert run(words, SLURM_RESTART_COUNT=str(MOST_RESTARTS + 1), SLURM_JOB_ID="12").returncode == 0
    assert f"job 12 on {os.uname().nodename} was interrupted by Slurm 6 times" in end(words).failed


def test_a_warning_near_the_end_of_its_time_is_told_by_the_job_itself(words):
    assert run([*words, "SIGUSR2"], script=SIGNALLED).returncode == 0
    assert end(words).failed.endswith(TIME_OVER)


@pytest.mark.parametrize(("signal", "seconds"), [("SIGTERM", "0"), ("SIGUSR2", "1000")])
def test_a_job_that_is_cancelled_or_preempted_leaves_no_end(words, signal, seconds):
    assert run([*words[:2], seconds, signal], script=SIGNALLED).returncode == 143
    assert not Path(words[1]).exists()
