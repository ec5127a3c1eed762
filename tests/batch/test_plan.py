"""Which hand-ins are graded again, and why; what is taken from the store, and what a change makes anew."""

from __future__ import annotations

import os
import time

import pytest

from harness.batch import open_workshop, plan, run_task, seconds_of, tasks_for
from harness.batch import task as tasks_module
from harness.batch.plan import failures_in, note_failures
from harness.cli import batches
from harness.grading import stages_of
from harness.measuring import _of_models_alone
from harness.records import OUR_FAULT, Fault, GradeResult
from harness.store import Store
from harness.submissions import intake
from tests.attacks.tiny import noise_hand_in
from tests.batch.classes import answers_hand_in, course_in, graded, settings_for

WITH_REPORT = (
    "group: {group}\nmembers: [Ada Example]\nassignment: summer23\nanswers: answers.yaml\nreport: report.pdf\n"
    'models: {{other: {{source: "model.py:Noise", route: fit}}}}\n')


@pytest.fixture
def course(tmp_path):
    return course_in(tmp_path / "course")


def planned(folders, shop, reports, **options):
    chosen = {"changed": False, "only_failed": False, **options}
    return {one.task.group: one for one in batches.planned(tasks_for(folders, reports), shop, reports, **chosen)}


@pytest.mark.parametrize(("file", "text", "anew"), [
    ("answers.yaml", "quiz: summer23\nanswers: {1a: no}\n", {"theory"}),
    ("report.pdf", "%PDF-1.4 another", {"report"}),
    ("model.py", "class Noise: pass\n", {"other"}),
    ("helper.py", "# read by model.py, perhaps\n", {"other"}),
    ("submission.yaml", WITH_REPORT.format(group="another"), set()),
])
def test_a_changed_file_makes_anew_what_depends_on_it_and_nothing_else(tmp_path, course, file, text, anew):
    folder = noise_hand_in(tmp_path / "group", manifest=WITH_REPORT)
    (folder / "report.pdf").write_text("%PDF-1.4")
    shop = open_workshop(settings_for(course))
    before = stages_of(intake(folder, tmp_path / "before"), shop)
    (folder / file).write_text(text)
    after = stages_of(intake(folder, tmp_path / "after"), shop)
    assert set(before) == set(after) == {"other", "theory", "report"}
    assert {stage for stage in before if before[stage] != after[stage]} == anew


def test_a_model_sees_no_answers_no_report_and_no_manifest_but_all_else(tmp_path):
    folder = noise_hand_in(tmp_path / "group", manifest=WITH_REPORT)
    (folder / "report.pdf").write_text("%PDF-1.4")
    (folder / "parts").mkdir()
    (folder / "parts" / "layers.py").write_text("")
    shown = _of_models_alone(intake(folder, tmp_path / "copy"), tmp_path / "shown")
    files = {path.relative_to(shown.folder).as_posix() for path in shown.folder.rglob("*") if path.is_file()}
    assert files == {"model.py", "parts/layers.py"}


def test_a_file_that_is_a_model_s_own_stays_its_own_whatever_else_it_is_named_as(tmp_path):
    folder = noise_hand_in(tmp_path / "group", manifest=WITH_REPORT.replace("report.pdf", "model.py"))
    shown = _of_models_alone(intake(folder, tmp_path / "copy"), tmp_path / "shown")
    assert (shown.folder / "model.py").is_file()


def test_a_plan_says_what_is_new_what_has_changed_and_what_stands(tmp_path, course):
    folders = [answers_hand_in(tmp_path / name) for name in ("new", "edited", "same")]
    settings, reports = settings_for(course), tmp_path / "reports"
    graded(folders[1:], settings, reports)
    (folders[1] / "answers.yaml").write_text("quiz: summer23\nanswers: {1a: abstain}\n")
    shop = open_workshop(settings)
    found = planned(folders, shop, reports)
    assert {name: (one.why, one.stages) for name, one in found.items()} == {
        "new": ("it has not been graded", []),      # its answers are those of another: the store has them
        "edited": ("the hand-in has changed", ["theory"]), "same": ("nothing has changed", [])}
    assert set(planned(folders, shop, reports, changed=True)) == {"new", "edited"}
    assert set(planned(folders, shop, reports, only_failed=True)) == {"new"}


@pytest.mark.parametrize(("change", "why"), [
    ({"seed": 1}, "the seed differs"), ({"with_key": False}, "not in the store as it would be made now: theory"),
    ({"stand_in_images": (50, 30)}, "the data differs"),
])
def test_other_settings_make_another_grade(tmp_path, course, change, why):
    folder, reports = answers_hand_in(tmp_path / "group"), tmp_path / "reports"
    settings = settings_for(course)
    graded([folder], settings, reports)
    found = planned([folder], open_workshop(settings.model_copy(update=change)), reports, changed=True)
    assert why in found["group"].changed


def test_an_edited_rubric_marks_anew_and_makes_no_stage(tmp_path, course):
    folder, reports = answers_hand_in(tmp_path / "group"), tmp_path / "reports"
    settings = settings_for(course)
    graded([folder], settings, reports)
    rubric = course / "rubrics" / "summer23.yaml"
    rubric.write_text(rubric.read_text() + "# a remark\n")
    (one,) = planned([folder], open_workshop(settings), reports).values()
    assert (one.changed, one.stages) == ("another grade: the rubric differs", [])


def test_only_failed_takes_what_the_harness_failed_at_what_got_no_grade_and_what_cannot_be_read(tmp_path, course):
    folders = [answers_hand_in(tmp_path / name) for name in ("whole", "broken", "lost", "damaged")]
    settings, reports = settings_for(course), tmp_path / "reports"
    graded(folders, settings, reports)
    path = reports / "broken" / "result.json"
    result = GradeResult.model_validate_json(path.read_bytes())
    ours = Fault(kind=OUR_FAULT, stage="report", message="no memory left")
    path.write_text(result.model_copy(update={"faults": [ours]}).model_dump_json(by_alias=True))
    note_failures(reports, failed={folders[2]: "the process that graded it was killed"}, graded=[])
    (reports / "damaged" / "result.json").write_text("{")
    found = planned(folders, open_workshop(settings), reports, only_failed=True)
    assert {name: one.failed for name, one in found.items()} == {
        "broken": "the harness failed: no memory left", "lost": "the process that graded it was killed",
        "damaged": "its result.json cannot be read"}
    graded(folders, settings, reports)
    assert planned(folders, open_workshop(settings), reports, only_failed=True) == {}
    assert failures_in(reports) == {}


def test_the_time_of_a_plan_is_what_such_stages_took(tmp_path, course):
    store = Store(course / ".harness" / "store")
    inputs = {"model": "vae", "entry": '{"route": "fit"}', "budget": "{}"}
    for number, pause in enumerate((0.01, 0.03, 0.2)):
        store.recall("model", {**inputs, "files": str(number)}, lambda pause=pause: time.sleep(pause) or b"")
    seconds = seconds_of(store)
    assert seconds == {"model vae fit {}": pytest.approx(0.03, abs=0.05)}
    folder = noise_hand_in(tmp_path / "group")
    shop = open_workshop(settings_for(course))
    (task,) = tasks_for([folder], tmp_path / "reports")
    assert plan(task, shop, failures={}, known=seconds).seconds is None     # nothing like it was graded before
    budget = stages_of(intake(folder, tmp_path / "copy"), shop)["other"]["budget"]
    known = {"theory": 2.0, f"model other fit {budget}": 30.0}
    assert plan(task, shop, failures={}, known=known).seconds == 32.0


def test_an_unchanged_hand_in_takes_under_a_tenth_of_a_second_and_its_files_stay(tmp_path, course):
    folders = [answers_hand_in(tmp_path / f"group{n}", f"1{'abcd'[n]}: yes") for n in range(4)]
    reports = tmp_path / "reports"
    shop = open_workshop(settings_for(course))
    tasks = tasks_for(folders, reports)
    assert all(run_task(task, shop).result for task in tasks)
    written = {path: path.stat().st_mtime_ns for path in reports.glob("*/*") if path.suffix != ".txt"}
    begun = time.process_time()
    ends = [tasks_module.recall_task(task, shop) for task in tasks]
    assert all(done.result for done in ends)
    assert (time.process_time() - begun) / len(tasks) < 0.1
    assert {path: path.stat().st_mtime_ns for path in written} == written


def test_a_page_that_was_edited_or_made_by_another_version_is_written_anew(tmp_path, course, monkeypatch):
    shop = open_workshop(settings_for(course))
    (task,) = tasks_for([answers_hand_in(tmp_path / "group")], tmp_path / "reports")
    page = run_task(task, shop).report
    whole = page.read_text()
    page.write_text("scribbled over")
    run_task(task, shop)
    assert page.read_text().endswith(whole[-200:])
    page.write_text("of another version")
    monkeypatch.setattr(tasks_module, "code_of", lambda _stage: {"code": "edited"})
    run_task(task, shop)
    assert page.read_text().endswith(whole[-200:])


def test_a_faulty_stage_of_ours_is_made_again_the_next_time(tmp_path, course, monkeypatch):
    shop = open_workshop(settings_for(course))
    (task,) = tasks_for([answers_hand_in(tmp_path / "group")], tmp_path / "reports")
    run_task(task, shop)
    for entry in shop.keep.entries():
        if entry.stage == "theory":
            content = entry.path.read_bytes()
            entry.path.write_bytes(content[:-10])
            os.utime(entry.path, (0, 0))
    assert tasks_module.recall_task(task, shop) is None     # damaged: it has to be made
    assert run_task(task, shop).result
    assert tasks_module.recall_task(task, shop).result
