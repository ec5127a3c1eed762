"""The page of what a class's answers say."""

from __future__ import annotations

import re

import pytest

from harness.quiz.cohort import statistics
from harness.records import GradeResult, TheoryResult
from harness.report import render_theory, write_index, write_report


def theory_of(result: GradeResult, *, right: bool) -> TheoryResult:
    return result.theory.model_copy(update={"statements": [
        one if one.id != "1a" else one.model_copy(update={
            "verdict": "right" if right else "wrong", "points": 1.0 if right else -1.0, "argument": "<b>why</b>"})
        for one in result.theory.statements]})


def test_each_statement_has_a_row_with_its_numbers_and_arguments_come_out_as_text(result):
    found = statistics({f"group{place}": theory_of(result, right=place < 3) for place in range(5)})
    page = render_theory(found)
    assert "60 (15 to 95)" in page
    assert "&lt;b&gt;why&lt;/b&gt;" in page
    assert "<b>why" not in page
    assert "5 of 5 say yes" in page         # 1b, whose key is no
    assert "Void and counted nowhere: 2a" in page
    assert page.count('<th scope="row">') == 4


def test_the_list_links_a_page_for_each_quiz_that_several_groups_answered(result, tmp_path):
    for group in ("group1", "group2"):
        write_report(result.model_copy(update={"group": group}), tmp_path)
    alone = result.theory.model_copy(update={"quiz": "other"})
    write_report(result.model_copy(update={"group": "group3", "theory": alone}), tmp_path)
    page = write_index(tmp_path).read_text(encoding="utf-8")
    assert re.findall(r'href="(theory-[^"]+)"', page) == ["theory-summer23.html"]
    shown = (tmp_path / "theory-summer23.html").read_text(encoding="utf-8")
    assert "2 groups" in shown
    assert 'href="index.html"' in shown


@pytest.mark.parametrize("change", [{"points": None}, {"statements": []}])
def test_answers_without_a_mark_or_without_statements_make_no_page(result, tmp_path, change):
    theory = result.theory.model_copy(update=change)
    for group in ("group1", "group2"):
        write_report(result.model_copy(update={"group": group, "theory": theory}), tmp_path)
    write_index(tmp_path)
    assert not list(tmp_path.glob("theory-*"))
