"""Hand-ins graded by a real Slurm: the same numbers, and what becomes of jobs and drivers that are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from harness.batch import Done, Settings, tasks_for
from harness.cli.exits import INTERRUPTED
from harness.cluster import SlurmRunner, folder_of, wants
from harness.course import Cluster, Course
from tests.attacks.tiny import BUDGET, NOISE, ROOT, noise_hand_in
from tests.batch.classes import answers_hand_in, course_in, graded, lasting

pytestmark = [pytest.mark.slurm, pytest.mark.slow, pytest.mark.box, pytest.mark.timeout(420)]

SLEEPS = NOISE.replace("        pass\n", "        import time; time.sleep({})\n", 1)
DRIVER = """
import sys
from pathlib import Path
from harness.batch import Settings, tasks_for
from harness.cli.clusters import grade_in_jobs
settings = Settings.model_validate_json(sys.argv[1])
reports, *folders = map(Path, sys.argv[2:])
made = grade_in_jobs(tasks_for(folders, reports, settings), None, settings, reports, quiet=True, every=0.3)
print(made.to_json())
"""


@pytest.fixture
def course(tmp_path):
    return course_in(tmp_path / "course")


def settings_in(course: Path) -> Settings:
    return Settings(course=course, stand_in=True, stand_in_images=(600, 200), budget=BUDGET)


def in_jobs(folders: list[Path], course: Path, *, minutes: int = 20, told=lambda *_: None) -> dict[str, Done]:
    """Grade in jobs, and give how each ended."""
    settings, reports = settings_in(course), course / "reports"
    wanted = wants(Cluster(), BUDGET, device="cpu", training=True) | {"time": minutes, "signal_delay_s": 12}
    runner = SlurmRunner(folder_of(Course(course), reports), wanted, every=0.3, grace=2.0)
    return {done.group: done for done in runner.run(tasks_for(folders, reports, settings), told)}


def jobs_of(slurm) -> dict[str, str]:
    """All jobs that the controller remembers, with their states."""
    text = slurm.ask("squeue", "--noheader", "--array", "--states=all", "--format=%F_%K %T")
    return dict(line.split() for line in text.splitlines())


def graders(*, since: float) -> list[int]:
    """Processes that grade in a job and were begun after a moment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            if b"submitit.core._submit" in words and b"srun" not in words[0] and process.stat().st_mtime > since:
                found.append(int(process.name))
        except OSError:
            continue
    return found


def wait_until(condition, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def training(course: Path, group: str) -> bool:
    log = course / "reports" / group / "log.txt"
    return log.is_file() and "other: training" in log.read_text()


def driver(folders: list[Path], course: Path) -> subprocess.Popen[str]:
    words = [settings_in(course).model_dump_json(), str(course / "reports"), *map(str, folders)]
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, *words], cwd=course, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_same_hand_ins_give_the_same_results_on_slurm_as_here(slurm, tmp_path, course):
    folders = []
    for number in range(4):
        model = NOISE.replace("random((count", f"beta({number + 1}, 2, (count")
        model = model.replace(", dtype=np.float32)", ").astype(np.float32)")
        folders.append(noise_hand_in(tmp_path / f"group{number}", model=model))
    here = course_in(tmp_path / "here")
    graded(folders, settings_in(here), here / "reports")
    before = set(jobs_of(slurm))
    ends = in_jobs(folders, course)
    assert [done.failed for done in ends.values()] == [""] * 4
    assert lasting(course / "reports") == lasting(here / "reports")
    assert all((course / "reports" / folder.name / "index.html").is_file() for folder in folders)
    assert (course / "gradebook.sqlite").is_file()
    arrays = {number.partition("_")[0] for number in set(jobs_of(slurm)) - before}
    assert len(arrays) == 1     # one array of four


def test_a_hand_in_whose_job_is_killed_is_graded_by_another(slurm, tmp_path, course):
    folder = noise_hand_in(tmp_path / "group", model=SLEEPS.format(6))
    begun, killed, before = time.time(), [], set(jobs_of(slurm))

    def told(_task, stage, _share):
        if "training" in stage and not killed:
            killed.extend(graders(since=begun))
            for number in killed:
                os.kill(number, signal.SIGKILL)

    ends = in_jobs([folder], course, told=told)
    assert killed
    assert ends["group"].result is not None
    states = [state for number, state in jobs_of(slurm).items() if number not in before]
    assert len(states) == 2
    assert "FAILED" in states


def test_a_cancelled_job_is_no_fault_of_the_group_and_is_submitted_anew_the_next_time(slurm, tmp_path, course):
    folder = noise_hand_in(tmp_path / "group", model=SLEEPS.format(40))
    before = set(jobs_of(slurm))

    def told(_task, stage, _share):
        if "training" in stage:
            slurm.ask("scancel", *(number.removesuffix("_N/A") for number in set(jobs_of(slurm)) - before))

    done = in_jobs([folder], course, told=told)["group"]
    assert done.result is None
    assert "was cancelled; grade again to submit it anew (Slurm: CANCELLED)" in done.failed
    assert Path(done.failed.partition("its log: ")[2]).is_file()
    log = (course / "reports" / "group" / "log.txt").read_text()
    assert "not graded: job " in log
    assert "Slurm sent SIGTERM" in log
    assert not (course / "reports" / "group" / "result.json").exists()
    (folder / "model.py").write_text(NOISE)
    assert in_jobs([folder], course)["group"].result is not None


def test_a_job_that_comes_to_the_end_of_its_time_is_the_course_s_to_mend(slurm, tmp_path, course):
    folder = noise_hand_in(tmp_path / "group", model=SLEEPS.format(55))
    done = in_jobs([folder], course, minutes=1)["group"]
    assert done.result is None
    assert "came to the end of its time; raise `time` below `cluster:`" in done.failed
    assert not (course / "reports" / "group" / "result.json").exists()


def test_a_driver_that_is_killed_and_started_again_takes_up_the_jobs_that_run(slurm, tmp_path, course):
    folders = [noise_hand_in(tmp_path / f"group{n}", model=SLEEPS.format(10) + f"# {n}\n") for n in range(2)]
    before = set(jobs_of(slurm))
    first = driver(folders, course)
    wait_until(lambda: training(course, "group0"))
    first.kill()
    first.communicate()
    submitted = set(jobs_of(slurm)) - before
    second = driver(folders, course)
    told, errors = second.communicate(timeout=200)
    assert second.returncode == 0, errors
    assert told.count('"points"') == 2
    assert set(jobs_of(slurm)) - before == submitted
    assert len(submitted) == 2


def test_a_hand_in_that_was_changed_meanwhile_is_submitted_anew_and_the_old_job_cancelled(slurm, tmp_path, course):
    folder = noise_hand_in(tmp_path / "group", model=SLEEPS.format(50))
    before = set(jobs_of(slurm))
    first = driver([folder], course)
    wait_until(lambda: training(course, "group"))
    first.kill()
    first.communicate()
    (old,) = set(jobs_of(slurm)) - before
    (folder / "model.py").write_text(NOISE)
    assert in_jobs([folder], course)["group"].result is not None
    assert jobs_of(slurm)[old] in {"CANCELLED", "COMPLETING"}


def test_ctrl_c_leaves_the_jobs_and_cancel_cancels_them(slurm, tmp_path, course):
    folders = [answers_hand_in(tmp_path / "quick"), noise_hand_in(tmp_path / "slow", model=SLEEPS.format(50))]
    before = set(jobs_of(slurm))
    words = [
        sys.executable, "-m", "harness", "grade", *map(str, folders), "--stand-in", "--budget", "quick", "--cluster",
        "slurm"]
    told = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(words, cwd=course, env=told, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: training(course, "slow"))
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED, said
    assert "the jobs go on, the same command takes them up, and with --cancel it cancels them" in said
    ours = set(jobs_of(slurm)) - before
    assert "RUNNING" in {jobs_of(slurm)[number] for number in ours}
    done = subprocess.run([*words, "--cancel"], cwd=course, env=told, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stdout.strip()) == (0, "1 job cancelled"), done.stderr
    wait_until(lambda: "RUNNING" not in {jobs_of(slurm)[number] for number in ours}, 20)


def test_what_slurm_refuses_is_said_in_its_words(slurm, tmp_path, course):
    (course / "course.yaml").write_text("cluster: {partition: nowhere}\n")
    process = driver([answers_hand_in(tmp_path / "group")], course)
    _, errors = process.communicate(timeout=100)
    assert "Slurm takes no job such as `cluster:` in course.yaml asks for: " in errors
    assert "invalid partition specified: nowhere" in errors


def test_a_job_that_is_requeued_starts_again_by_itself(slurm, tmp_path, course):
    folder = noise_hand_in(tmp_path / "group", model=SLEEPS.format(5))
    before, requeued = set(jobs_of(slurm)), []

    def told(_task, stage, _share):
        if "training" in stage and not requeued:
            requeued.extend(set(jobs_of(slurm)) - before)
            (number,) = (number.removesuffix("_N/A") for number in requeued)
            slurm.ask("scontrol", "requeue", number)
            # Slurm makes it wait for two minutes, which nobody has to here.
            threading.Timer(12, slurm.ask, ("scontrol", "update", f"JobId={number}", "StartTime=now")).start()

    assert in_jobs([folder], course, told=told)["group"].result is not None
    assert set(jobs_of(slurm)) - before == set(requeued)
    assert "Slurm sent SIGTERM" in (course / "reports" / "group" / "log.txt").read_text()
