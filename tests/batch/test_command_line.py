"""`harness grade` over several hand-ins and `harness store`, as people meet them: real processes, also killed ones."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.batch.machine import MEMORY_OF_A_JOB, free_memory, jobs_for, turn_on
from harness.cli.alone import LOCK
from harness.cli.exits import INTERRUPTED
from tests.attacks.tiny import MANIFEST, ROOT, noise_hand_in
from tests.batch.classes import answers_hand_in, course_in, lasting

OPTIONS = ("--stand-in", "--budget", "quick")
SLOW_FIT = """import time
import numpy as np

class Noise:
    framework = "numpy"

    def fit(self, images, labels, *, seed, device, deadline):
        time.sleep(50)
"""


@pytest.fixture
def course(tmp_path):
    (tmp_path / "tmp").mkdir()
    return course_in(tmp_path / "course")


def command(*words: str | Path) -> list[str]:
    return [sys.executable, "-m", "harness", *map(str, words)]


def environment(course: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(course.parent / "tmp")}


def harness(course: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*words), cwd=course, env=environment(course), capture_output=True, text=True, timeout=280, check=False)


def using(folder: Path) -> list[int]:
    """Processes that were told to keep their temporary files there: graders, and what they started."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            told = (process / "environ").read_bytes() + (process / "mountinfo").read_bytes()
            if str(folder).encode() in told and int(process.name) != os.getpid():
                found.append(int(process.name))
    return found


def wait_until(condition, seconds: float = 120.0) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)
    return bool(condition())


@pytest.mark.box
def test_a_class_is_told_line_by_line_and_as_json_and_what_stands_is_not_graded_again(tmp_path, course):
    folders = [answers_hand_in(tmp_path / f"group{n}", f"1a: {'yes' if n else 'no'}") for n in range(3)]
    done = harness(course, "grade", *folders, *OPTIONS, "--jobs", "2")
    assert done.returncode == 0, done.stderr
    lines = sorted(line.split(" ", 1)[0] for line in done.stderr.splitlines())
    assert lines == ["1/3", "2/3", "3/3"]
    assert all("of 40 points" in line for line in done.stderr.splitlines())
    told = json.loads(harness(course, "grade", *folders, *OPTIONS, "--dry-run", "--json").stdout)
    assert [(one["group"], one["stages"], one["why"]) for one in told["hand_ins"]] == [
        (f"group{n}", [], "nothing has changed") for n in range(3)]
    (folders[1] / "answers.yaml").write_text("quiz: summer23\nanswers: {1a: abstain}\n")
    some = json.loads(harness(course, "grade", *folders, *OPTIONS, "--changed", "--json").stdout)
    assert [one["group"] for one in some["hand_ins"]] == ["group1"]
    none = harness(course, "grade", *folders, *OPTIONS, "--only-failed")
    assert (none.returncode, none.stdout.strip()) == (0, "nothing to grade: every report is what would come out now")


def test_what_would_be_done_is_said_without_doing_it(tmp_path, course):
    (tmp_path / "group").mkdir()
    (tmp_path / "group" / "submission.yaml").write_text(MANIFEST.format(group="group"))
    (tmp_path / "group" / "model.py").write_text(f"open({str(tmp_path / 'canary')!r}, 'w')\n")
    shown = harness(course, "grade", tmp_path / "group", *OPTIONS, "--dry-run", "--unconfined")
    assert shown.returncode == 0, shown.stderr
    assert "it has not been graded" in shown.stdout
    assert "nothing like it was graded before" in shown.stdout
    assert not (course / "reports").exists()
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("jobs", ["0", "many", "-1", "2.5"])
def test_a_number_of_jobs_that_is_none_is_wrong_use(tmp_path, course, jobs):
    done = harness(course, "grade", answers_hand_in(tmp_path / "group"), "--jobs", jobs)
    assert done.returncode == 2
    assert f"--jobs {jobs}: write a number from 1 to 1000, or auto" in done.stderr


@pytest.mark.box
@pytest.mark.slow
def test_ctrl_c_keeps_what_is_finished_says_how_to_go_on_and_leaves_nothing_running(tmp_path, course):
    folders = [
        answers_hand_in(tmp_path / "quick"),
        *(noise_hand_in(tmp_path / name, model=f"{SLOW_FIT}# {name}\n") for name in ("slow", "slower", "waits"))]
    process = subprocess.Popen(
        command("grade", *folders, *OPTIONS, "--jobs", "2"), cwd=course, env=environment(course),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    log = course / "reports" / "slow" / "log.txt"
    assert wait_until(lambda: log.is_file() and "other: training" in log.read_text())
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED, said
    assert "stopped with 1 of 4 hand-ins graded; their reports are kept, and the same command goes on" in said
    assert "Traceback" not in said
    assert list(lasting(course / "reports")) == ["quick"]
    assert (course / "reports" / "index.html").is_file()
    assert "not graded: KeyboardInterrupt" in log.read_text()
    assert wait_until(lambda: using(tmp_path / "tmp") == [], 10)
    assert list((tmp_path / "tmp").glob("harness-*")) == []


@pytest.mark.row(54)
@pytest.mark.box
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_row_54_killed_at_any_moment_with_two_jobs_the_next_run_resumes_to_the_same_grades(tmp_path, course):
    folders = [noise_hand_in(tmp_path / f"group{n}") for n in range(4)]
    for number, folder in enumerate(folders):
        model = (folder / "model.py").read_text().replace("random((count", f"beta({number + 1}, 2, (count")
        (folder / "model.py").write_text(model.replace(", dtype=np.float32)", ").astype(np.float32)"))
    words = ("grade", *folders, *OPTIONS, "--jobs", "2", "--json")
    quiet = course_in(tmp_path / "quiet")
    begun = time.monotonic()
    assert harness(quiet, *words).returncode == 0
    took = time.monotonic() - begun
    draw = random.Random(0)
    for part in (0.2, 0.4, 0.6, 0.8):
        process = subprocess.Popen(
            command(*words), cwd=course, env=environment(course), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(took * (part + draw.uniform(-0.15, 0.15)))
        process.kill()
        process.wait()
        assert wait_until(lambda: using(tmp_path / "tmp") == [], 40)       # the others do not outlive it
    assert harness(course, *words).returncode == 0
    assert lasting(course / "reports") == lasting(quiet / "reports")
    assert len(lasting(course / "reports")) == 4
    assert [path.name for path in (course / "reports").rglob(".*") if path.name != LOCK] == []


def test_the_store_is_shown_by_stage_and_pruned_by_age_version_and_wholly(tmp_path, course):
    assert "the store is empty" in harness(course, "store").stdout
    folder = answers_hand_in(tmp_path / "group")
    assert harness(course, "grade", folder, *OPTIONS, "--unconfined").returncode == 0
    stages = json.loads(harness(course, "store", "--json").stdout)["stages"]
    assert {name: (one["entries"], one["unused"]) for name, one in stages.items()} == {
        "page": (1, 0), "theory": (1, 0)}
    assert "theory" in harness(course, "store").stdout
    (entry, *_) = sorted((course / ".harness" / "store").glob("??/*"))
    os.utime(entry, (1, 1))
    assert json.loads(harness(course, "store", "prune", "--unused", "--json").stdout)["entries"] == 0
    assert json.loads(harness(course, "store", "prune", "--older-than", "30d", "--json").stdout)["entries"] == 1
    assert "1 entry taken away" in harness(course, "store", "prune", "--all").stdout


@pytest.mark.parametrize(("words", "says"), [
    ([], "say what to take away"), (["--older-than", "yesterday"], "write a number with h, d or w, such as 30d"),
])
def test_pruning_needs_to_be_told_what(course, words, says):
    done = harness(course, "store", "prune", *words)
    assert done.returncode == 2
    assert says in done.stderr


@pytest.mark.parametrize(("hand_ins", "cores", "jobs_of_memory", "training", "jobs"), [
    (1, 16, 16, False, 1), (60, 16, 100, False, 16), (60, 16, 100, True, 8), (60, 2, 100, True, 1),
    (60, 2, 100, False, 2), (60, 16, 3, False, 3), (60, 1, 0, True, 1), (3, 16, None, False, 3),
])
def test_jobs_follow_cores_and_memory_and_trainings_have_their_cores_to_themselves(
    hand_ins, cores, jobs_of_memory, training, jobs,
):
    memory = None if jobs_of_memory is None else jobs_of_memory * MEMORY_OF_A_JOB + 1
    assert jobs_for(hand_ins, cores=cores, memory=memory, threads=2, training=training) == jobs


def test_memory_that_the_system_does_not_tell_is_not_guessed(tmp_path):
    assert free_memory(tmp_path / "nothing") is None
    (tmp_path / "meminfo").write_text("MemTotal:  100 kB\nMemAvailable:  12 kB\n")
    assert free_memory(tmp_path / "meminfo") == 12 * 1024


TAKES_TURNS = """
import sys, time
from harness.batch.machine import turn_on
with turn_on("cuda:0")():
    print("in", time.monotonic(), flush=True)
    time.sleep(float(sys.argv[1]))
    print("out", time.monotonic(), flush=True)
"""


def test_models_take_turns_on_a_graphics_card_and_the_dead_give_theirs_up(tmp_path):
    start = [sys.executable, "-c", TAKES_TURNS]
    told = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(tmp_path)}
    hangs = subprocess.Popen([*start, "100"], env=told, stdout=subprocess.PIPE, text=True)
    assert hangs.stdout.readline().startswith("in")
    others = [subprocess.Popen([*start, "0.3"], env=told, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    hangs.kill()
    hangs.communicate()
    spans = sorted([float(line.split()[1]) for line in one.communicate()[0].splitlines()] for one in others)
    assert spans[0][1] <= spans[1][0]
    with turn_on("cpu")():
        pass        # which nobody waits for
