"""A grader or a marker at work on a course until it is ended: `python at_work.py grader|marker COURSE NAME`.

What a marker was told is kept it writes to NAME.txt in the course folder, line by line.
"""

from __future__ import annotations

import os
import sys
from itertools import count
from pathlib import Path

from graded import grade_of

from harness.course import Course
from harness.gradebook import Gradebook, catch_up, file_result, filed_result
from harness.gradebook.giving import given
from harness.report import write_index

GROUPS = ("herons", "otters", "voles")
REPORTS = ("one", "two")


def grade(course: Course) -> None:
    """Grade all groups again and again, by turns with one report and another under the points by hand."""
    for turn in count():
        for group in GROUPS:
            file_result(course, grade_of(group, report=REPORTS[turn % 2]), course.reports)
        write_index(course.reports)


def mark(course: Course, name: str) -> None:
    """Give points, each with a reason of its own, and note them once they were kept."""
    told = os.open(course.root / f"{name}.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for turn in count():
        group = GROUPS[turn % len(GROUPS)]
        reason = f"{name}, {os.getpid()}, {turn}"
        result = filed_result(course.reports, group)
        change = given(course, result, "text", str(turn % 4), author=name, reason=reason)
        Gradebook(course.gradebook).say([change], reports=course.reports)
        os.write(told, f"{reason}\n".encode())
        catch_up(course, course.reports)


if __name__ == "__main__":
    work, folder, who = sys.argv[1:]
    grade(Course(Path(folder))) if work == "grader" else mark(Course(Path(folder)), who)
