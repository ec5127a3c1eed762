"""Marks of the review page in the course's gradebook, beside whoever else writes into it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import httpx
import pytest

from harness.course import Course
from harness.errors import UserError
from harness.gradebook import Gradebook
from harness.gradebook.giving import given, withdrawn
from harness.records import GradeResult
from harness.report import write_report
from harness.review import Item, Kept, MarkedMeanwhile, Queue

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def course(reports: Path, complete: GradeResult) -> Course:
    """A course folder around the reports, whose marks have evidence."""
    root = reports.parent
    (root / "course.yaml").write_text("title: a course\n")
    shutil.copytree(ROOT / "rubrics", root / "rubrics")
    for name in ("group10", "group2", "group3"):
        write_report(with_evidence(complete, "as seen").model_copy(update={"group": name}), reports)
    return Course(root)


def with_evidence(result: GradeResult, evidence: str) -> GradeResult:
    parts = [
        part.model_copy(update={"criteria": [one.model_copy(update={"evidence": evidence}) for one in part.criteria]})
        for part in result.marks.parts]
    return result.model_copy(update={"marks": result.marks.model_copy(update={"parts": parts})})


def item_of(queue: Queue, group: str = "group2") -> Item:
    return next(one for one in queue.items() if (one.group, one.criterion) == (group, "needs_person"))


def give(queue: Queue, item: Item, points: float) -> None:
    queue.store.give(
        queue.result(item), item.criterion, Fraction(points), reason="Well explained.", author="Ada Example",
        evidence=item.evidence, seen=item.version)


def result_of(course: Course, group: str = "group2") -> GradeResult:
    return GradeResult.model_validate_json((course.reports / group / "result.json").read_bytes())


def test_a_mark_stands_at_once_and_settling_brings_it_into_the_report(course):
    queue = Queue(course.reports, Kept(course, course.reports))
    give(queue, item_of(queue), 2.5)
    assert item_of(queue).state == "done"
    queue.store.settle()
    mark = next(one for part in result_of(course).marks.parts for one in part.criteria if one.id == "needs_person")
    assert mark.points == 2.5
    assert mark.by_hand is not None
    assert mark.by_hand.author == "Ada Example"
    assert item_of(queue).state == "done"
    assert "Well explained." in (course.reports / "group2" / "index.html").read_text()
    assert "by hand" in (course.reports / "index.html").read_text()


def test_what_harness_mark_gave_meanwhile_is_told_and_kept(course):
    queue, book = Queue(course.reports, Kept(course, course.reports)), Gradebook(course.gradebook)
    seen = item_of(queue)
    change = given(course, queue.result(seen), "needs_person", "1", author="Bo", reason="At the terminal.")
    book.say([change], reports=course.reports)
    with pytest.raises(MarkedMeanwhile):
        give(queue, seen, 3)
    assert [one.author for one in book.person_marks("group2")] == ["Bo"]
    give(queue, item_of(queue), 3)
    assert [one.author for one in book.person_marks("group2")] == ["Bo", "Ada Example"]


def test_a_mark_that_was_taken_back_is_open_again(course):
    queue = Queue(course.reports, Kept(course, course.reports))
    give(queue, item_of(queue), 1)
    queue.store.settle()
    Gradebook(course.gradebook).say(
        [withdrawn(result_of(course), "needs_person", author="Bo", reason="By mistake.")], reports=course.reports)
    queue.store.settle()
    assert item_of(queue).state == "open"
    give(queue, item_of(queue), 2)
    assert item_of(queue).state == "done"


def test_a_mark_on_another_report_is_to_be_confirmed_with_the_old_one_in_sight(course, complete):
    queue = Queue(course.reports, Kept(course, course.reports))
    give(queue, item_of(queue), 2)
    write_report(with_evidence(complete, "another report").model_copy(update={"group": "group2"}), course.reports)
    reopened = item_of(queue)
    assert reopened.state == "reopened"
    assert reopened.mark is not None
    assert (reopened.mark.points, reopened.mark.author) == (2, "Ada Example")


def test_points_that_are_no_step_of_the_rubric_are_refused(course):
    queue = Queue(course.reports, Kept(course, course.reports))
    with pytest.raises(UserError, match="no multiple"):
        give(queue, item_of(queue), 1.25)


def test_marks_that_are_saved_while_reports_are_written_reach_them_as_well(course):
    queue = Queue(course.reports, Kept(course, course.reports))
    items = [item for item in queue.items() if item.criterion == "needs_person"]

    def save(item: Item) -> None:
        give(queue, item, 2)
        queue.store.settle()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(save, items))
    queue.store.settle()
    for item in items:
        (given_by,) = [
            one.by_hand for part in result_of(course, item.group).marks.parts for one in part.criteria if one.by_hand]
        assert given_by.points == 2


def test_the_command_serves_until_ctrl_c_and_says_how_far_it_is(course):
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", "review", "--author", "Ada Example"], cwd=course.root, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "0 of 12 done\n"
        link = process.stdout.readline().split()[-1]
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/enter\?token=\S{20,}", link)
        with httpx.Client(base_url=link.split("/enter")[0], headers={"Origin": link.split("/enter")[0]}) as person:
            assert person.get(link, timeout=60).status_code == 200
            address = f"/item/{item_of(Queue(course.reports, Kept(course, course.reports))).id}"
            form = dict(re.findall(
                r'<input type="hidden" name="(\w+)" value="(.*?)">', person.get(address, timeout=60).text))
            saved = person.post(address, data={**form, "points": "2", "reason": "Good.", "author": "Bo"}, timeout=60)
            assert saved.status_code == 303
        process.send_signal(signal.SIGINT)
        said, complaints = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, complaints
    assert "1 of 12 done" in said
    assert "Traceback" not in complaints
    mark = next(one for part in result_of(course).marks.parts for one in part.criteria if one.id == "needs_person")
    assert mark.points == 2


def test_without_the_extra_one_sentence_says_what_to_install(course):
    hidden = course.root / "hidden"
    hidden.mkdir()
    (hidden / "starlette.py").write_text("raise ModuleNotFoundError('hidden', name='starlette')")
    done = subprocess.run(
        [sys.executable, "-m", "harness", "review"], cwd=course.root, text=True, capture_output=True, check=False,
        env={**os.environ, "PYTHONPATH": f"{hidden}{os.pathsep}{ROOT}"})
    assert done.returncode == 2
    assert done.stderr.strip() == (
        "harness: the review page needs starlette, which is not installed; run: pip install 'harness[web]'")
