"""`harness mark` and `harness history` as people and scripts meet them."""

from __future__ import annotations

import io
import json
import runpy
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import pytest

from harness.cli import main

ROOT = Path(__file__).parent.parent.parent
graded = SimpleNamespace(**runpy.run_path(str(ROOT / "tests" / "gradebook" / "graded.py")))


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course with two graded groups and a deadline; the tests below go on from one to the next."""
    made = graded.course_in(tmp_path_factory.mktemp("course"), deadline=graded.DEADLINE)
    for group in ("herons", "otters"):
        graded.grade_again(made, graded.grade_of(group))
    return made


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


def harness(course, *words: str) -> Done:
    """Call the command line as its script does, in this process: starting one costs seconds on a busy machine."""
    out, err = io.StringIO(), io.StringIO()
    with chdir(course.root), patch.object(sys, "argv", ["harness", *words]), redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as ended:
            return Done(int(ended.code or 0), out.getvalue(), err.getvalue())
    raise AssertionError("the command did not end as a program")


def test_points_are_given_shown_and_told_in_the_history(course):
    waiting = json.loads(harness(course, "mark", "--list", "--json").stdout)
    assert [one["criterion"] for one in waiting["otters"]] == ["text", "talk"]
    done = harness(course, "mark", "otters", "text", "1.5", "--because", "A thin comparison.", "--author", "Cleo")
    assert done.returncode == 0
    assert "otters: 25.5 of 30 points, 3 still open" in done.stdout
    page = (course.reports / "otters" / "index.html").read_text()
    assert "A thin comparison." in page
    told = json.loads(harness(course, "history", "otters", "--json").stdout)
    assert [entry["kind"] for entry in told["entries"]] == ["graded", "given"]
    assert told["entries"][1]["facts"]["author"] == "Cleo"


def test_a_folder_of_files_gives_points_to_many_groups_and_the_second_time_to_none(course):
    course.marks.mkdir()
    for group in ("herons", "otters"):
        (course.marks / f"{group}.yaml").write_text(
            "author: Dora Example\nmarks:\n  talk: {points: 2.5, because: One question stayed open.}\n")
    first, second = (json.loads(harness(course, "mark", "--from", "marks", "--json").stdout) for _ in range(2))
    assert [(one["group"], one["points"]) for one in first["said"]] == [("herons", 2.5), ("otters", 2.5)]
    assert (second["said"], len(second["left"])) == ([], 2)


def test_one_wrong_file_gives_no_points_at_all(course):
    (course.marks / "otters.yaml").write_text("marks: {txet: {points: 1, because: So.}}\n")
    (course.marks / "herons.yaml").write_text("marks: {talk: {points: 1, because: So.}}\n")
    done = harness(course, "mark", "--from", "marks")
    assert done.returncode == 2
    assert "marks/otters.yaml: otters: there is no criterion 'txet'; did you mean text?" in done.stderr
    result = graded.filed_result(course.reports, "herons")
    assert graded.criteria(result)["talk"].points == 2.5


def test_the_time_of_handing_in_is_said_and_costs_what_the_rule_says(course):
    done = harness(course, "mark", "herons", "--handed-in", "2026-07-02T12:00+02:00", "--because", "By mail.")
    assert done.returncode == 0
    assert "12 hours 1 minute after the deadline (1 day begun): 2.65 points deducted" in done.stdout
    page = (course.reports / "herons" / "index.html").read_text()
    assert "Time of handing in" in page
    assert "10 % of reached per day" in page


@pytest.mark.parametrize(("words", "says"), [
    (["mark", "oters", "text", "1", "--because", "So."], "did you mean otters?"),
    (["mark", "otters", "text", "1"], "say why"),
    (["mark", "otters", "text", "1", "--withdraw"], "cannot go together"),
    (["mark", "otters", "text"], "it is not said what to do"),
    (["mark", "otters", "--withdraw", "--because", "So."], "--withdraw needs CRITERION"),
    (["mark", "--from", "nowhere"], "no file of marks is there"),
    (["mark", "otters", "--handed-in", "yesterday", "--because", "So."], "is no time with its offset"),
    (["history", "oters"], "did you mean otters?"),
])
def test_a_wrong_call_gets_one_sentence_and_exit_code_2(course, words, says):
    done = harness(course, *words)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_exports_show_a_mark_whose_report_was_never_written(course):
    result = graded.filed_result(course.reports, "otters")
    change = graded.given(
        course, result, "text", "3", author="Cleo Example", reason="Looked at again.")
    graded.Gradebook(course.gradebook).say([change], reports=course.reports)
    assert "29.5" in harness(course, "export", "csv", "-o", "grades.csv").stdout
    assert graded.criteria(graded.filed_result(course.reports, "otters"))["text"].points == 3


def test_the_doctor_looks_through_the_gradebook_and_names_reports_that_lag_behind(course):
    from harness.cli.doctor import _gradebook

    assert _gradebook(course).says == "whole; groups: 2"
    result = graded.filed_result(course.reports, "otters")
    change = graded.given(course, result, "text", "1", author="Cleo Example", reason="So.")
    graded.Gradebook(course.gradebook).say([change], reports=course.reports)
    assert "brings up to date: otters" in _gradebook(course).says
    content = course.gradebook.read_bytes()
    course.gradebook.write_bytes(b"damaged" + content[7:])
    found = _gradebook(course)
    assert (found.ready, found.needed) == (False, True)
    assert "damaged" in found.says
    course.gradebook.write_bytes(content)
