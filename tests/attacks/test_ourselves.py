"""Faults of our own side: killed, without a box, on a full disk, twice at once, at another time (rows 54 to 60)."""

from __future__ import annotations

import contextlib
import errno
import importlib.util
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness import measuring
from harness.cli.alone import LOCK, alone_in
from harness.cli.exits import OURS
from harness.cli.running import grade_all
from harness.errors import BoxUnavailable, HarnessFault, UserError
from harness.grading import grade
from harness.records import GradeResult, Outcome
from harness.sandbox.choose import choose_box
from harness.store import Store
from tests.attacks.tiny import ROOT, noise_hand_in, small_workshop

ANSWERS_ONLY = "group: {group}\nmembers: [Ada Example]\nassignment: summer23\nanswers: answers.yaml\n"
TIMES = {"created", "durations"}


def lasting(result: GradeResult) -> dict[str, object]:
    """What must be equal in two grades of one hand-in: all but times."""
    told = json.loads(result.model_dump_json(by_alias=True))
    told["provenance"] = {name: one for name, one in told["provenance"].items() if name not in TIMES}
    return told


def harness(*words: str | Path, cwd: Path = ROOT, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "harness", *map(str, words)], capture_output=True, text=True, cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **env}, timeout=600, check=False)


@pytest.fixture(scope="session")
def honest(tmp_path_factory) -> tuple[Path, GradeResult]:
    """A hand-in, and its grade on a quiet day."""
    folder = noise_hand_in(tmp_path_factory.mktemp("honest") / "group")
    result = grade(folder, small_workshop())
    assert result.measurements["other"].outcome is Outcome.SCORED
    return folder, result


# --- 54: killed


@pytest.mark.row(54)
def test_row_54_killed_while_it_writes_reports_every_file_is_whole_or_not_there(tmp_path, outcome):
    noise_hand_in(tmp_path / "group", manifest=ANSWERS_ONLY)
    result = grade(tmp_path / "group", small_workshop())
    (tmp_path / "result.json").write_text(result.model_dump_json(by_alias=True))
    script = (
        "import sys, pathlib; from harness.records import GradeResult; from harness.report import write_report\n"
        "result = GradeResult.model_validate_json(pathlib.Path('result.json').read_text())\n"
        "print('ready', flush=True)\n"
        "while True: write_report(result, pathlib.Path('reports'))\n")
    for delay in (0.0, 0.05):
        process = subprocess.Popen(
            [sys.executable, "-c", script], cwd=tmp_path, stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)})
        process.stdout.readline()
        time.sleep(delay)
        process.kill()
        process.communicate()
        for file in (tmp_path / "reports").glob("group/[!.]*"):     # what begins with a dot is not there yet
            if file.name == "result.json":
                assert GradeResult.model_validate_json(file.read_bytes()) == result
            else:
                assert file.name == "index.html"
                assert file.read_text().endswith("</html>")
    leftover = tmp_path / "reports" / "group" / f".index.html.{process.pid}"
    leftover.parent.mkdir(parents=True, exist_ok=True)      # it may have been killed before its first file
    leftover.write_text("half")
    with alone_in(tmp_path / "reports"):
        assert not leftover.exists()
        assert {file.name for file in (tmp_path / "reports" / "group").iterdir()} <= {"index.html", "result.json"}
    outcome("whole or not there")


def course_in(folder: Path) -> Path:
    folder.mkdir()
    shutil.copy(ROOT / "course.yaml", folder)
    shutil.copytree(ROOT / "quiz", folder / "quiz")
    shutil.copytree(ROOT / "rubrics", folder / "rubrics")
    (folder / "tmp").mkdir()
    return folder


def boxes_of(folder: Path) -> list[int]:
    """Find living processes that have something below `folder` mounted, or that were told to use it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            told = (process / "mountinfo").read_bytes() + (process / "environ").read_bytes()
            if str(folder).encode() in told and int(process.name) != os.getpid():
                found.append(int(process.name))
    return found


@pytest.mark.row(54)
@pytest.mark.box
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_row_54_a_batch_that_is_killed_at_any_moment_resumes_to_the_same_grades(tmp_path, outcome):
    groups = [noise_hand_in(tmp_path / name) for name in ("a", "b", "c")]
    quiet, disturbed = course_in(tmp_path / "quiet"), course_in(tmp_path / "disturbed")
    options = ("--stand-in", "--budget", "quick", "--json")
    begun = time.perf_counter()
    assert harness("grade", *groups, *options, cwd=quiet, TMPDIR=str(quiet / "tmp")).returncode == 0
    took = time.perf_counter() - begun
    draw = random.Random(0)
    for part in (0.15, 0.4, 0.65, 0.9):
        process = subprocess.Popen(
            [sys.executable, "-m", "harness", "grade", *groups, *options], cwd=disturbed, stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(disturbed / "tmp")})
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(took * (part + draw.uniform(-0.1, 0.1)))
        process.send_signal(signal.SIGKILL)
        process.wait()
    for scratch in (disturbed / "tmp").iterdir():
        os.utime(scratch, (0, 0))
    done = harness("grade", *groups, *options, cwd=disturbed, TMPDIR=str(disturbed / "tmp"))
    assert done.returncode == 0, done.stderr
    for name in "abc":
        told = [
            GradeResult.model_validate_json((course / "reports" / name / "result.json").read_bytes())
            for course in (quiet, disturbed)
        ]
        assert lasting(told[0]) == lasting(told[1])
    left = [path.name for path in (disturbed / "reports").rglob(".*") if path.name != LOCK]
    assert left == []
    assert boxes_of(disturbed) == []
    if importlib.util.find_spec("harness.scratch"):     # what takes away the folders of killed graders
        assert list((disturbed / "tmp").glob("harness-*")) == []
    outcome("resumed; grades equal")


# --- 55: no box


@pytest.mark.row(55)
def test_row_55_without_a_box_nothing_is_run_and_the_reason_is_told(tmp_path, outcome):
    folder = noise_hand_in(tmp_path / "group")
    (folder / "model.py").write_text(f"open({str(tmp_path / 'canary')!r}, 'w').write('ran')\n")
    done = harness(
        "grade", folder, "--stand-in", "--budget", "quick", "--reports", tmp_path / "reports", PATH="/nowhere",
        XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert done.returncode == OURS
    assert "fault of the harness (it costs nobody points)" in done.stderr
    assert "bubblewrap is not installed" in done.stderr
    assert "--unconfined" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "canary").exists()
    assert not (tmp_path / "reports").exists()
    outcome("BoxUnavailable")


@pytest.mark.row(55)
def test_row_55_only_who_says_so_in_words_runs_without_a_box(monkeypatch, tmp_path, outcome):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(BoxUnavailable, match="cannot be run safely"):
        choose_box()
    box = choose_box(unconfined=True)
    assert not box.protects
    noise_hand_in(tmp_path / "group", manifest=ANSWERS_ONLY)
    result = grade(tmp_path / "group", small_workshop(box=box))
    assert "no protection" in result.provenance.box
    assert "--unconfined" in result.provenance.command
    outcome("refused unless said")


# --- 56: what is left

LEAVING = """import os
if os.fork() == 0:
    os.setsid()
    while True:
        pass
os._exit(3)
"""


@pytest.mark.row(56)
@pytest.mark.box
def test_row_56_no_process_mount_or_folder_is_left_after_a_batch(tmp_path, monkeypatch, outcome):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    mounts = Path("/proc/self/mounts").read_text()
    honest = noise_hand_in(tmp_path / "group")
    broken = noise_hand_in(tmp_path / "broken", model=LEAVING)
    graded = grade_all([honest, broken], small_workshop(), tmp_path / "reports", quiet=True)
    assert [result.measurements["other"].outcome for result, _ in graded.results] == [
        Outcome.SCORED, Outcome.SUBMISSION_FAULT]
    assert list((tmp_path / "tmp").iterdir()) == []
    assert boxes_of(tmp_path / "tmp") == []
    assert Path("/proc/self/mounts").read_text() == mounts
    groups = [path for path in Path("/sys/fs/cgroup").glob(f"**/harness-{os.getpid()}-*") if path.is_dir()]
    assert groups == []
    left = {path.relative_to(tmp_path / "reports").as_posix() for path in (tmp_path / "reports").rglob("*")}
    assert left == {
        LOCK, "index.html", "theory-summer23.html", "group", "group/index.html", "group/result.json", "group/log.txt",
        "broken", "broken/index.html", "broken/result.json", "broken/log.txt"}
    outcome("none")


# --- 57: a full disk, no memory


@contextlib.contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let no file grow beyond `size`, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.row(57)
def test_row_57_a_disk_that_is_full_is_our_fault_and_what_was_written_stays_whole(tmp_path, outcome):
    small = noise_hand_in(tmp_path / "small", manifest=ANSWERS_ONLY)
    long = "x" * 2_000
    large = noise_hand_in(
        tmp_path / "large", manifest=ANSWERS_ONLY, answers="quiz: summer23\nanswers:\n" + "".join(
            f"  {number}{letter}: {{answer: yes, argument: {long}}}\n" for number in range(1, 6) for letter in "abcd"))
    shop, reports = small_workshop(), tmp_path / "reports"
    first = grade_all([small], shop, reports, quiet=True)
    size = max(len(content) for content in below(reports).values())
    with files_of_at_most(size + 1_000):
        second = grade_all([large, small], shop, reports, quiet=True)
    assert second.exit_code == OURS
    assert list(second.failed) == [str(large)]
    assert "cannot be written" in second.failed[str(large)]
    assert os.strerror(errno.EFBIG) in second.failed[str(large)]
    assert [name for name in below(reports) if name.startswith("large")] == ["large/log.txt"]
    assert [lasting(result) for result, _ in second.results] == [lasting(result) for result, _ in first.results]
    with files_of_at_most(1_000):
        third = grade_all([small], shop, reports, quiet=True)
    assert third.exit_code == OURS
    assert third.results == []
    whole = below(reports)
    assert GradeResult.model_validate_json(whole["small/result.json"]).marks == first.results[0][0].marks
    assert all(content.endswith(b"</html>") for name, content in whole.items() if name.endswith(".html"))
    outcome("HarnessFault")


@pytest.mark.row(57)
def test_row_57_a_copy_for_which_there_is_no_room_is_our_fault(tmp_path, monkeypatch, outcome):
    folder = noise_hand_in(tmp_path / "group", manifest=ANSWERS_ONLY)
    (folder / "weights.bin").write_bytes(bytes(10_000))
    with files_of_at_most(1_000), pytest.raises(HarnessFault, match="cannot be copied"):
        grade(folder, small_workshop())
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    graded = grade_all([folder], small_workshop(), tmp_path / "reports", quiet=True)
    assert "nowhere" in graded.failed[str(folder)]
    assert graded.exit_code == OURS
    outcome("HarnessFault")


@pytest.mark.row(57)
@pytest.mark.box
def test_row_57_no_memory_left_for_a_measurement_costs_no_points_and_is_not_kept(tmp_path, monkeypatch, outcome):
    folder = noise_hand_in(tmp_path / "group")

    def hungry(_scene):
        return np.ones(2**58)

    families = [
        replace(family, measure=hungry) if family.name == "distribution" else family for family in measuring.FAMILIES]
    monkeypatch.setattr(measuring, "FAMILIES", families)
    store = Store(tmp_path / "store")
    graded = grade_all([folder], small_workshop(keep=store), tmp_path / "reports", quiet=True)
    (result, _) = graded.results[0]
    assert graded.exit_code == OURS
    assert [fault.message for fault in result.all_faults] == [
        "no memory left while measuring distribution of samples"]
    hit = [mark for part in result.marks.parts for mark in part.criteria if mark.outcome is Outcome.HARNESS_FAULT]
    assert hit
    assert {mark.points for mark in hit} == {None}
    assert "model" not in {entry.stage for entry in store.entries()}
    outcome("HarnessFault")


# --- 58: two at once

HOLDER = """
import pathlib, sys, time
from harness.cli.alone import alone_in
with alone_in(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(100)
"""


@pytest.mark.row(58)
def test_row_58_a_second_grader_is_refused_and_told_who_holds_the_folder_until_that_one_has_gone(tmp_path, outcome):
    folder = noise_hand_in(tmp_path / "group", manifest=ANSWERS_ONLY)
    reports = tmp_path / "reports"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, reports], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(UserError) as caught:
            grade_all([folder], small_workshop(), reports, quiet=True)
        for word in (str(reports), f"process {holder.pid} on ", " since 20", "wait until it has ended", "--reports"):
            assert word in str(caught.value)
        assert [path.name for path in reports.iterdir()] == [LOCK]
        elsewhere = grade_all([folder], small_workshop(), tmp_path / "elsewhere", quiet=True)
        assert len(elsewhere.results) == 1
    finally:
        holder.kill()       # nobody cleans up after a crash but the system
        holder.communicate()
    assert len(grade_all([folder], small_workshop(), reports, quiet=True).results) == 1
    outcome("refused, in words")


# --- 59: edited


@pytest.mark.row(59)
@pytest.mark.box
def test_row_59_an_edit_while_it_is_graded_changes_nothing(tmp_path, honest, outcome):
    folder = noise_hand_in(tmp_path / "group")
    edits = []

    def edit(stage: str, _share: float | None) -> None:
        if stage == "other: starting the model" and not edits:
            (folder / "model.py").write_text("raise SystemExit(1)")
            (folder / "answers.yaml").unlink()
            (folder / "submission.yaml").write_text("nonsense")
            edits.append(stage)

    result = grade(folder, small_workshop(), progress=edit)
    assert edits
    before, after = lasting(honest[1]), lasting(result)
    assert (after["measurements"], after["theory"], after["marks"]) == (
        before["measurements"], before["theory"], before["marks"])
    assert after["provenance"]["hand_in_hash"] == before["provenance"]["hand_in_hash"]
    outcome("the copy counts")


# --- 60: another time, another place

ELSEWHERE = """
import datetime, importlib, json, sys, time, types
shift = 0.0
now = time.time
time.time = lambda: now() + shift
class Later(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.datetime.fromtimestamp(time.time(), tz)
datetime.datetime = Later
tests = types.ModuleType("tests")
tests.__path__ = [sys.argv[2] + "/tests"]
sys.modules["tests"] = tests
from pathlib import Path
from tests.attacks.tiny import small_workshop
from harness.grading import grade
for years in sys.argv[3:]:
    shift = float(years) * 365.25 * 86_400
    print("RESULT" + grade(Path(sys.argv[1]), small_workshop()).model_dump_json(by_alias=True))
"""


@pytest.mark.row(60)
@pytest.mark.box
def test_row_60_another_year_no_network_no_font_and_a_read_only_home_change_nothing(tmp_path, honest, outcome):
    home = tmp_path / "home"
    home.mkdir()
    root = ["--cap-add", "ALL"] if os.geteuid() == 0 else []
    place = [
        shutil.which("bwrap"), *root, "--dev-bind", "/", "/", "--unshare-net", "--ro-bind", str(home), str(home),
        *(["--tmpfs", "/usr/share/fonts"] if Path("/usr/share/fonts").is_dir() else [])]
    env = {
        **os.environ, "PYTHONPATH": str(ROOT), "HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"),
        "TZ": "Pacific/Kiritimati", "LC_ALL": "C", "FONTCONFIG_FILE": "/nowhere"}
    years = ("-36", "74")
    done = subprocess.run(
        [*place, sys.executable, "-c", ELSEWHERE, honest[0], ROOT, *years], capture_output=True, text=True, env=env,
        timeout=240, check=False)
    told = [line.removeprefix("RESULT") for line in done.stdout.splitlines() if line.startswith("RESULT")]
    assert len(told) == len(years), done.stderr
    for line, year in zip(told, years, strict=True):
        result = GradeResult.model_validate_json(line)
        assert abs(int(result.provenance.created[:4]) - time.gmtime().tm_year - int(year)) <= 1
        assert lasting(result) == lasting(honest[1])
    outcome("no effect")
