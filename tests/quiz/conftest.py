"""Sheets, keys and answers for the tests of the theory part."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.course import Course
from harness.quiz import Key, KeyEntry, Question, Scheme, Sheet, Statement

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="session")
def course() -> Course:
    """The project's own course folder."""
    return Course(ROOT)


@pytest.fixture
def sheet() -> Sheet:
    """Two questions of three statements each, 12 points: 2 for each statement."""
    return Sheet(quiz="small", title="Small", points=12, scheme=Scheme(), questions=tuple(
        Question(id=question, title="Question", statements=tuple(
            Statement(id=f"{question}{letter}", text=f"Statement {question}{letter}.") for letter in "abc"
        )) for question in "12"
    ))


@pytest.fixture
def key() -> Key:
    """All yes in the first question, all no in the second; 1c is contested."""
    return Key(quiz="small", answers={
        f"{question}{letter}": KeyEntry(answer=answer, why="Because.", contested=(question + letter == "1c"))
        for question, answer in (("1", "yes"), ("2", "no")) for letter in "abc"
    })


@pytest.fixture(scope="session")
def cohorts() -> SimpleNamespace:
    """Classes drawn from a model that the statistics do not use."""
    return SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("cohorts.py"))))
