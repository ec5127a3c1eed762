"""Hand-ins graded side by side in real processes: same results as one after the other, and no one costs another."""

from __future__ import annotations

import logging
import os
import signal
from dataclasses import replace

import pytest

from harness.batch import InlineRunner, LocalRunner, Task, open_workshop, run_task, tasks_for
from harness.batch import runner as runners
from harness.batch.log import LOG
from harness.cli.exits import OURS
from harness.errors import HarnessFault, UserError
from tests.attacks.tiny import noise_hand_in
from tests.batch.classes import answers_hand_in, course_in, graded, lasting, settings_for


@pytest.fixture
def course(tmp_path):
    return course_in(tmp_path / "course")


def test_two_jobs_write_what_one_writes_in_the_order_that_was_asked_for(tmp_path, course):
    folders = [answers_hand_in(tmp_path / f"group{n}", f"1a: {'yes' if n % 2 else 'no'}") for n in range(5)]
    one = graded(folders, settings_for(course, keep=False), tmp_path / "one")
    two = graded(folders, settings_for(course, keep=False), tmp_path / "two", jobs=2)
    assert lasting(tmp_path / "one") == lasting(tmp_path / "two")
    assert len(lasting(tmp_path / "one")) == 5
    for run in (one, two):
        assert [result.group for result, _ in run.results] == [f"group{n}" for n in range(5)]


@pytest.mark.box
@pytest.mark.slow
def test_models_measure_the_same_in_two_jobs_as_in_one_whatever_their_threads(tmp_path, course):
    shades = [0.2, 0.5, 0.8]
    folders = [
        noise_hand_in(tmp_path / f"group{n}", model=f"{MODEL}        return images * np.float32({shade})\n")
        for n, shade in enumerate(shades)]
    plain = settings_for(course).model_copy(update={"unconfined": False, "keep": False})
    graded(folders, plain, tmp_path / "one")
    graded(folders, plain.model_copy(update={"threads": 1}), tmp_path / "two", jobs=2)
    one = lasting(tmp_path / "one")
    assert one == lasting(tmp_path / "two")
    assert all('"distribution.fid' in told for told in one.values())
    assert len(set(one.values())) == 3


MODEL = """import numpy as np

class Noise:
    framework = "numpy"

    def fit(self, images, labels, *, seed, device, deadline):
        pass

    def save(self, folder):
        (folder / "nothing.txt").write_text("nothing")

    def load(self, folder):
        pass

    def sample(self, count, *, labels=None, seed):
        images = np.random.default_rng(seed).random((count, 1, 28, 28), dtype=np.float32)
"""


def test_a_process_that_is_killed_costs_its_hand_in_a_fault_of_ours_and_no_other(tmp_path, course):
    folders = [answers_hand_in(tmp_path / f"group{n}") for n in range(4)]
    reports = tmp_path / "reports"
    settings = settings_for(course)
    runner = LocalRunner(settings, jobs=2)
    struck = []

    def strike(task: Task, stage: str, share: float | None) -> None:
        if task.group == "group1" and not struck:
            (worker,) = [one for one in runner._crew if one.task == task]
            struck.append(worker.process.pid)
            os.kill(worker.process.pid, signal.SIGSTOP)     # so that it cannot be done in the meantime
            os.kill(worker.process.pid, signal.SIGKILL)

    ends = {done.group: done for done in runner.run(tasks_for(folders, reports), strike)}
    assert struck
    assert sorted(ends) == ["group0", "group1", "group2", "group3"]
    lost = ends["group1"]
    assert lost.result is None
    assert "killed by signal 9 (SIGKILL), as the system does where memory runs out" in lost.failed
    assert "not graded: the process that graded it was killed" in (reports / "group1" / LOG).read_text()
    assert not (reports / "group1" / "result.json").exists()
    assert [group for group in sorted(ends) if ends[group].result] == ["group0", "group2", "group3"]
    again = graded(folders, settings, reports, jobs=2)
    assert len(again.results) == 4
    with pytest.raises(ProcessLookupError):
        os.kill(struck[0], 0)


def test_processes_that_cannot_begin_are_not_started_for_ever(tmp_path, course, monkeypatch):
    monkeypatch.setattr(runners.sys, "executable", "/bin/false")
    with pytest.raises(HarnessFault, match="cannot be started: the last one ended with code 1"):
        graded([answers_hand_in(tmp_path / name) for name in "ab"], settings_for(course), tmp_path / "r", jobs=2)


def test_what_the_person_at_the_terminal_has_to_mend_stops_the_batch_in_one_sentence(tmp_path, course):
    (course / "quiz" / "summer23.yaml").unlink()
    folders = [answers_hand_in(tmp_path / name) for name in "ab"]
    for jobs in (1, 2):
        with pytest.raises(UserError, match="there is no quiz 'summer23'"):
            graded(folders, settings_for(course), tmp_path / "reports", jobs=jobs)


def test_a_mistake_of_our_own_in_one_hand_in_leaves_the_others_their_grade(tmp_path, course, monkeypatch):
    folders = [answers_hand_in(tmp_path / name) for name in "abc"]
    real = run_task.__globals__["grade"]

    def grade(path, workshop, **options):
        if path.name == "b":
            raise ZeroDivisionError("by mistake")
        return real(path, workshop, **options)

    monkeypatch.setitem(run_task.__globals__, "grade", grade)
    run = graded(folders, settings_for(course), tmp_path / "reports")
    assert run.failed == {str(tmp_path / "b"): "ZeroDivisionError: by mistake"}
    assert run.exit_code == OURS
    assert [result.group for result, _ in run.results] == ["a", "c"]
    log = (tmp_path / "reports" / "b" / LOG).read_text()
    assert "not graded: ZeroDivisionError: by mistake" in log


def test_names_of_reports_are_told_apart_before_anything_is_graded(tmp_path, course):
    folders = [
        answers_hand_in(tmp_path / "first", group="same"), answers_hand_in(tmp_path / "second", group="same"),
        answers_hand_in(tmp_path / "third", group="same-2")]
    assert [task.group for task in tasks_for(folders, tmp_path)] == ["same", "same-3", "same-2"]
    run = graded(folders, settings_for(course), tmp_path / "reports", jobs=2)
    clashes = [[fault.message for fault in result.faults] for result, _ in run.results]
    assert clashes == [[], ["another hand-in names the group 'same' as well"], []]
    assert [report.parent.name for _, report in run.results] == ["same", "same-3", "same-2"]


def test_a_task_needs_nothing_but_its_own_words_to_be_done_elsewhere(tmp_path, course):
    (task,) = tasks_for([answers_hand_in(tmp_path / "group")], tmp_path / "reports", settings_for(course))
    done = run_task(Task.model_validate_json(task.model_dump_json()))
    assert done.result.theory.max_points == 20
    assert done.report == tmp_path / "reports" / "group" / "index.html"


def test_the_log_tells_stages_warnings_and_the_end_and_nothing_in_it_can_act(tmp_path, course):
    folder = answers_hand_in(tmp_path / "group")
    shop = open_workshop(settings_for(course))

    def warn(stage: str, _share: float | None) -> None:
        if stage == "taking a clean copy":
            logging.getLogger("harness.test").warning("odd \x1b[31m thing")

    (task,) = tasks_for([folder], tmp_path / "reports")
    run_task(task, shop, progress=warn)
    log = (tmp_path / "reports" / "group" / LOG).read_text()
    for words in ("taking a clean copy", "warning: odd", "writing the report", "graded: 1 of 40"):
        assert words in log
    assert "\x1b" not in log
    run_task(task, replace(shop, with_key=False))
    assert (tmp_path / "reports" / "group" / LOG).read_text().startswith(log)


def test_one_after_the_other_keeps_going_in_this_process(tmp_path, course):
    folders = [answers_hand_in(tmp_path / name) for name in "ab"]
    told = []
    runner = InlineRunner(open_workshop(settings_for(course)))
    tasks = tasks_for(folders, tmp_path / "reports")
    ends = list(runner.run(tasks, lambda task, stage, _share: told.append((task.group, stage))))
    assert [done.group for done in ends] == ["a", "b"]
    assert ("b", "taking a clean copy") in told
