"""course.yaml: what a course may say of limits, what is refused and in which words, and what a grade records."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from harness.bench.training import with_time
from harness.course import Cluster, Course, CourseFile, CourseLimits
from harness.documents import loads
from harness.errors import UserError
from harness.limits import FULL, GIB, MIB, QUICK, Limits

WHOLE = """
title: Generative models
limits:
  memory: 4 GiB
  processes: 100
  output: 2 MB
  disk: 1.5GiB
  request_seconds: 120
  fit: {seconds: 3600, memory: 12 GiB, cpu_seconds: 9000}
  decode: {request_seconds: 30, open_files: 100}
  code: {numbers: 64, bits: 512}
"""


def limits(text: str) -> CourseLimits:
    return loads(text, "course.yaml", CourseFile).limits


def test_a_course_sets_limits_for_all_roles_and_for_single_ones():
    budget = limits(WHOLE).applied(FULL)
    assert budget.limits == Limits(
        memory_bytes=4 * GIB, processes=100, log_bytes=2_000_000, disk_bytes=1536 * MIB, request_seconds=120)
    assert budget.limits_of("encode") == budget.limits
    fit, decode = budget.limits_of("fit"), budget.limits_of("decode")
    assert (fit.memory_bytes, fit.cpu_seconds, fit.processes) == (12 * GIB, 9000, 100)
    assert (decode.memory_bytes, decode.request_seconds, decode.open_files) == (4 * GIB, 30, 100)
    assert budget.fit_seconds == 3600


def test_a_code_is_capped_by_its_numbers_and_by_its_bits():
    assert FULL.most_code_numbers == 128
    assert limits(WHOLE).applied(FULL).most_code_numbers == 32      # 512 bits, 16 each
    assert limits("limits: {code: {numbers: 20}}").applied(FULL).most_code_numbers == 20


def test_a_course_that_says_nothing_changes_nothing(tmp_path):
    for text in (None, "", "# a course\n\n", "title: Exercises\n"):
        if text is not None:
            (tmp_path / "course.yaml").write_text(text)
        settings = Course(tmp_path).settings()
        assert settings.limits.applied(FULL) == FULL
        assert settings.limits.applied(QUICK) == QUICK


def test_the_quick_look_keeps_its_deadlines_and_takes_the_other_limits():
    quick = limits(WHOLE).applied(QUICK)
    assert (quick.fit_seconds, quick.limits.request_seconds) == (QUICK.fit_seconds, QUICK.limits.request_seconds)
    assert quick.limits_of("decode").request_seconds == 30
    assert quick.limits.memory_bytes == 4 * GIB


def test_a_longer_training_has_more_processor_time_unless_the_course_says_how_much():
    assert FULL.limits_of("fit").cpu_seconds == FULL.limits.cpu_seconds
    longer = with_time(FULL, seconds=7200, threads=8)
    assert longer.limits_of("fit").cpu_seconds > 7200 * 8
    assert longer.limits_of("encode").cpu_seconds == FULL.limits.cpu_seconds
    assert with_time(limits(WHOLE).applied(FULL), seconds=7200, threads=8).limits_of("fit").cpu_seconds == 9000


@pytest.mark.parametrize("changed", [
    "limits: {decode: {open_files: 100}}", "limits: {threads: 1}", "limits: {code: {bits: 1024}}"])
def test_changed_limits_are_recorded_in_a_grade_and_in_the_key_of_what_is_kept(changed):
    budget = limits(changed).applied(FULL)
    assert budget.told() != FULL.told()
    assert json.dumps(asdict(budget), sort_keys=True) != json.dumps(asdict(FULL), sort_keys=True)


def test_a_limit_of_one_role_is_recorded_under_its_name():
    told = limits(WHOLE).applied(FULL).told()
    assert (told["memory_bytes"], told["fit.memory_bytes"]) == (4 * GIB, 12 * GIB)
    assert (told["code_bits"], told["fit_seconds"]) == (512, 3600)


@pytest.mark.parametrize(("text", "words"), [
    ("limits: {memory: lots}", r"course\.yaml, line 1: limits\.memory: 'lots' is no size; write one such as 6 GiB"),
    ("limits:\n  memory: 512 MiB", r"line 2: limits\.memory: less than 1 GiB is not enough to import torch"),
    ("limits:\n  memori: 6 GiB", r"line 2: 'limits\.memori' is not a field .* did you mean 'memory'"),
    ("limits: {processes: 2}", "greater than or equal to 16"),
    ("limits: {request_seconds: 0}", "greater than 0"),
    ("limits: {fit: {output: -1 KiB}}", r"limits\.fit\.output: '-1 KiB' is no size"),
    ("limits: {encode: {seconds: 5}}", "not a field"),
    ("limits: {code: {bits: 8}}", "greater than or equal to 16"),
    ("limits: {disk: .inf}", "is no size"),
])
def test_a_limit_that_makes_no_sense_is_refused_with_place_and_remedy(text, words):
    with pytest.raises(UserError, match=words):
        limits(text)


def test_a_broken_course_file_is_named(tmp_path):
    (tmp_path / "course.yaml").write_text("limits: 5\n")
    with pytest.raises(UserError, match=r"course\.yaml, line 1: limits"):
        Course(tmp_path).settings()


def cluster(text: str) -> Cluster:
    return loads(f"cluster: {text}", "course.yaml", CourseFile).cluster


def test_a_course_says_what_jobs_on_a_cluster_ask_for():
    said = cluster(
        "{partition: gpu, time: 1.5 h, memory: 20 GiB, gpus: 1, setup: [module load cuda], options: {nice: 5}}")
    assert (said.partition, said.time, said.memory, said.gpus) == ("gpu", 90, 20 * GIB, 1)
    assert (list(said.setup), dict(said.options)) == (["module load cuda"], {"nice": "5"})
    assert cluster("{time: 2 d}").time == 2 * 24 * 60
    assert cluster("{}") == Cluster()


@pytest.mark.parametrize(("text", "says"), [
    ("{time: 90}", "90 of what? Write a time with its unit, such as 90 min or 4 h"),
    ("{time: soon}", "'soon' is no time; write one such as 90 min or 4 h"),
    ("{time: 0 min}", "greater than or equal to 1"),
    ('{partition: "gpu\\n#SBATCH --uid=0"}', "partition"),
    ("{partition: two words}", "partition"),
    ('{setup: ["one\\ntwo"]}', "setup"),
    ("{memory: much}", "is no size"),
    ("{gpu: 1}", "gpus"),
    ("{jobs: 0}", "jobs"),
])
def test_what_no_job_can_be_asked_for_is_refused(text, says):
    with pytest.raises(UserError) as caught:
        cluster(text)
    assert says in str(caught.value)
    assert "course.yaml, line 1" in str(caught.value) or "course.yaml:1" in str(caught.value)
