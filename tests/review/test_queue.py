"""What stands in the queue of the review page, and in which order."""

from __future__ import annotations

import runpy
from fractions import Fraction
from pathlib import Path

import pytest

from harness.records import GradeResult, Outcome
from harness.report import write_report
from harness.review import Choice, MarkedMeanwhile, Queue

Shelf = runpy.run_path(str(Path(__file__).with_name("shelf.py")))["Shelf"]


def give(queue: Queue, item, points: int = 1, seen: str | None = None) -> None:
    queue.store.give(
        queue.result(item), item.criterion, Fraction(points), reason="seen", author="Bo", evidence=item.evidence,
        seen=item.version if seen is None else seen)


def with_mark(result: GradeResult, name: str, **changes: object) -> GradeResult:
    parts = [
        part.model_copy(update={"criteria": [
            one.model_copy(update=changes) if one.id == name else one for one in part.criteria]})
        for part in result.marks.parts]
    return result.model_copy(update={"marks": result.marks.model_copy(update={"parts": parts})})


def test_what_is_open_or_flagged_waits_and_what_the_harness_broke_or_scored_does_not(reports):
    waiting = {item.criterion: item.reasons for item in Queue(reports, Shelf()).items() if item.group == "group3"}
    assert waiting["needs_person"] == ("the points are open",)
    assert waiting["reconstruction"] == ("The interval crosses the boundary between 3.5 and 4 points.",)
    assert {"harness_fault", "quiz", "submission_fault", "not_handed_in"} & set(waiting) == set()


def test_one_criterion_comes_after_the_other_and_groups_as_people_count(reports):
    items = Queue(reports, Shelf()).items()
    assert [item.group for item in items[:3]] == ["group2", "group3", "group10"]
    assert len({item.criterion for item in items[:3]}) == 1


def test_a_mark_ends_the_waiting_and_stays_in_the_queue_as_done(reports):
    queue = Queue(reports, Shelf())
    first = queue.items()[0]
    give(queue, first)
    again = queue.items()[0]
    assert (first.state, again.state) == ("open", "done")
    assert [item for item in queue.items() if Choice(state="done").holds(item)] == [again]


def test_a_grade_made_anew_that_changes_what_was_seen_opens_the_mark_again(reports, complete):
    queue = Queue(reports, Shelf())
    item = next(item for item in queue.items() if item.criterion == "needs_person" and item.group == "group2")
    give(queue, item, points=2)
    same = complete.model_copy(update={"group": "group2"})
    write_report(same, reports)
    assert next(one for one in queue.items() if one.id == item.id).state == "done"
    write_report(with_mark(same, "needs_person", evidence="another report"), reports)
    reopened = next(one for one in queue.items() if one.id == item.id)
    assert reopened.state == "reopened"
    assert reopened.mark is not None
    assert reopened.mark.points == 2


def test_a_mark_stays_in_sight_when_the_criterion_no_longer_asks_for_a_person(reports, complete):
    queue = Queue(reports, Shelf())
    item = next(item for item in queue.items() if item.criterion == "needs_person" and item.group == "group2")
    give(queue, item)
    write_report(with_mark(
        complete.model_copy(update={"group": "group2"}), "needs_person", outcome=Outcome.SCORED, points=3.0,
        evidence="another report"), reports)
    assert next(one for one in queue.items() if one.id == item.id).state == "reopened"


def test_of_two_who_mark_the_same_the_second_is_told(reports):
    queue = Queue(reports, Shelf())
    item = queue.items()[0]
    give(queue, item)
    with pytest.raises(MarkedMeanwhile):
        give(queue, item, points=2, seen="")
    give(queue, queue.items()[0], points=2)
    assert [mark.points for _, mark in queue.store.given] == [1, 2]


def test_without_names_groups_have_numbers_that_tell_nothing_and_stay(reports, complete):
    queue = Queue(reports, Shelf(), anonymous=True)
    before = {item.group: queue.label(item) for item in queue.items()}
    assert sorted(before.values()) == ["Hand-in 1", "Hand-in 2", "Hand-in 3"]
    write_report(complete.model_copy(update={"group": "group1"}), reports)
    after = {item.group: queue.label(item) for item in queue.items()}
    assert before.items() <= after.items()
    assert after["group1"] == "Hand-in 4"


def test_a_damaged_result_does_not_stop_the_others(reports):
    (reports / "group2" / "result.json").write_text("{")
    assert {item.group for item in Queue(reports, Shelf()).items()} == {"group3", "group10"}


def test_a_folder_without_reports_has_nothing_that_waits(tmp_path):
    assert Queue(tmp_path, Shelf()).items() == []
