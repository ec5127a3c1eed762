"""Two graders and a marker at one course, ended by SIGKILL at any moment: nothing is lost and no file is damaged."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from at_work import GROUPS
from graded import course_in, criteria, grade_again, grade_of

from harness.course import Course
from harness.gradebook import Gradebook, catch_up, filed_result
from harness.records import GradeResult

WORKERS = (("grader", "first"), ("grader", "second"), ("marker", "cleo"))
KILLS = 7


def begin(course: Course, work: str, name: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("at_work.py")), work, str(course.root), name],
        stderr=subprocess.PIPE)


def told(course: Course) -> list[str]:
    """What the marker was told is kept."""
    path = course.root / "cleo.txt"
    return path.read_text().split("\n")[:-1] if path.exists() else []


def look_at_files(course: Course) -> None:
    """Every file that a reader may meet is whole, at any moment."""
    for path in course.reports.glob("*/result.json"):
        GradeResult.model_validate_json(path.read_bytes())
    for path in course.reports.rglob("index.html"):
        assert path.read_text().rstrip().endswith("</html>")


def wait_for_marks(course: Course, number: int) -> None:
    """Wait until the marker was told so often that a mark is kept."""
    until = time.monotonic() + 60
    while len(told(course)) < number:
        assert time.monotonic() < until, "the marker gives no marks"
        time.sleep(0.02)


def work_under_kills(course: Course, chance: random.Random) -> None:
    """Let all work, and end one after the other at a random moment; a new one takes its place."""
    running = {worker: begin(course, *worker) for worker in WORKERS}
    try:
        for victim in [*WORKERS, *chance.choices(WORKERS, k=KILLS - len(WORKERS))]:
            wait_for_marks(course, len(told(course)) + 1)
            time.sleep(chance.uniform(0, 0.3))
            assert running[victim].poll() is None, running[victim].stderr.read().decode()
            running[victim].kill()
            look_at_files(course)
            running[victim].communicate()
            running[victim] = begin(course, *victim)
    finally:
        for one in running.values():
            one.kill()
            one.communicate()


@pytest.mark.slow
def test_no_mark_is_lost_and_no_file_damaged_under_random_kills(tmp_path):
    course = course_in(tmp_path)
    for group in GROUPS:
        grade_again(course, grade_of(group))
    work_under_kills(course, random.Random(15))
    book = Gradebook(course.gradebook)
    assert book.problems() == []
    kept = [mark.reason for group in GROUPS for mark in book.person_marks(group)]
    assert len(told(course)) >= KILLS
    assert len(set(kept)) == len(kept)
    assert set(told(course)) <= set(kept)
    catch_up(course, course.reports)
    look_at_files(course)
    for group in GROUPS:
        newest = book.person_marks(group)[-1]
        assert criteria(filed_result(course.reports, group))["text"].by_hand.reason == newest.reason
    assert book.unfiled(course.reports) == {}
