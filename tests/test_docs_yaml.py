"""The YAML shown in the documentation is taken by the code that it describes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness import documents
from harness.course import CourseFile, FitLimits, RoleLimits
from harness.limits import FULL
from harness.quiz import Key, Sheet, read_answers
from harness.rubric import HandMarks, Rubric

DOCS = Path(__file__).parent.parent / "docs"


def examples(name: str) -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", (DOCS / name).read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize(("name", "place", "kind"), [
    ("quizzes.md", 0, Sheet), ("quizzes.md", 1, Key), ("rubrics.md", 0, Rubric),
    ("sandbox.md", 0, CourseFile), ("marking.md", 0, HandMarks), ("marking.md", 1, CourseFile),
])
def test_an_example_of_the_documentation_loads(name, place, kind):
    assert isinstance(documents.loads(examples(name)[place], name, kind), kind)


def test_the_answers_of_the_documentation_load(tmp_path):
    (tmp_path / "answers.yaml").write_text(examples("quizzes.md")[2])
    answers = read_answers(tmp_path / "answers.yaml")
    assert [(one.id, one.answer, one.problems) for one in answers.given] == [
        ("1a", "yes", ()), ("1b", "no", ()), ("2a", "abstain", ()),
    ]


def test_the_limits_of_the_documentation_are_those_that_hold_without_a_word():
    said = documents.loads(examples("sandbox.md")[0], "sandbox.md", CourseFile).limits
    common = said.model_copy(update={"fit": FitLimits(), "decode": RoleLimits()})
    assert common.applied(FULL) == FULL
