"""What is asked of Slurm, and what each end of a job means; commands of Slurm that say what the test wants."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from harness.batch import Done, Settings, Task, tasks_for
from harness.cluster import SlurmRunner, cancel, wants
from harness.cluster.job import stage_file
from harness.cluster.runner import ENDS, MOST_ATTEMPTS
from harness.cluster.slurm import Silent, jobs_named
from harness.cluster.state import State, key_of
from harness.cluster.wants import warned_after, warning_seconds
from harness.course import Cluster
from harness.errors import HarnessFault, UserError
from harness.limits import FULL, GIB
from tests.attacks.tiny import BUDGET, noise_hand_in

# Remembers what was submitted: a line "NAME|JOB|INDEX" for each job of an array.
SBATCH = """#!/bin/sh
script=$(cat "$1")
name=$(echo "$script" | sed -n 's/^#SBATCH --job-name=//p')
last=$(echo "$script" | sed -n 's/^#SBATCH --array=0-\\([0-9]*\\).*/\\1/p')
number=$(( $(cat {folder}/count 2>/dev/null || echo 0) + 1 ))
echo $number > {folder}/count
cp "$1" {folder}/script-$number
if [ -z "$last" ]; then echo "$name|$number|N/A" >> {folder}/jobs
else for index in $(seq 0 $last); do echo "$name|$number|$index" >> {folder}/jobs; done; fi
echo "Submitted batch job $number"
"""
SQUEUE = """#!/bin/sh
[ -e {folder}/silent ] && {{ echo "slurm_load_jobs error: Unable to contact slurm controller" >&2; exit 1; }}
touch {folder}/jobs
while read -r line; do echo "$line|$(cat {folder}/state)|node1|$(cat {folder}/reason 2>/dev/null)"; done < {folder}/jobs
"""
SACCT = "#!/bin/sh\necho 'Slurm accounting storage is disabled' >&2; exit 1\n"
SCANCEL = "#!/bin/sh\necho \"$@\" >> {folder}/cancelled\n"
SRUN = "#!/bin/sh\nexit 1\n"


class Stub:
    """Commands that take every job, run none, and say of all that they are in one state."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        for name, text in (
            ("sbatch", SBATCH), ("squeue", SQUEUE), ("sacct", SACCT), ("scancel", SCANCEL), ("srun", SRUN),
        ):
            (folder / name).write_text(text.format(folder=folder))
            (folder / name).chmod(stat.S_IRWXU)
        self.say("RUNNING")

    def say(self, state: str, reason: str = "None") -> None:
        (self.folder / "state").write_text(state)
        (self.folder / "reason").write_text(reason)

    @property
    def submitted(self) -> int:
        return int((self.folder / "count").read_text()) if (self.folder / "count").exists() else 0

    @property
    def cancelled(self) -> str:
        return (self.folder / "cancelled").read_text() if (self.folder / "cancelled").exists() else ""


@pytest.fixture
def stub(tmp_path, monkeypatch):
    made = Stub(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{made.folder}:{os.environ['PATH']}")
    return made


@pytest.fixture
def tasks(tmp_path) -> list[Task]:
    folders = [noise_hand_in(tmp_path / f"group{number}") for number in range(3)]
    return tasks_for(folders, tmp_path / "reports", Settings(course=tmp_path, budget=BUDGET))


def runner(tmp_path: Path, **options: object) -> SlurmRunner:
    return SlurmRunner(
        tmp_path / "run", wants(Cluster(), BUDGET, device="cpu", training=True), every=0.01, grace=0.0, **options)


def leave(tmp_path: Path, task: Task, **fields: object) -> None:
    """Leave the end of a task, as its job does."""
    state = State(tmp_path / "run")
    state.end_of(state.jobs[task.group]).write_text(Done(path=task.path, group=task.group, **fields).model_dump_json())


@pytest.mark.parametrize("state", sorted(ENDS))
def test_whatever_slurm_does_to_a_job_is_a_fault_of_ours_after_as_many_attempts_as_help(tmp_path, stub, tasks, state):
    stub.say(state)
    (done,) = runner(tmp_path).run(tasks[:1], lambda *_: None)
    what, again = ENDS[state]
    assert done.result is None
    assert what in done.failed
    assert f"(Slurm: {state})" in done.failed
    assert stub.submitted == (MOST_ATTEMPTS if again else 1)
    assert what in (tmp_path / "reports" / "group0" / "log.txt").read_text()


def test_a_job_that_slurm_has_never_heard_of_is_submitted_again_and_then_given_up(tmp_path, stub, tasks):
    (stub.folder / "squeue").write_text("#!/bin/sh\n")
    (done,) = runner(tmp_path).run(tasks[:1], lambda *_: None)
    assert "is gone" in done.failed
    assert stub.submitted == MOST_ATTEMPTS


def test_one_array_holds_all_and_asks_for_what_the_course_says(tmp_path, stub, tasks):
    cluster = Cluster(
        partition="gpu", account="teaching", time="2 h", memory="20 GiB", cpus=4, gpus=1, jobs=2,
        setup=("module load cuda",), options={"nice": "100"})
    wanted = wants(cluster, BUDGET, device="cuda", training=True)
    running = SlurmRunner(tmp_path / "run", wanted, every=0.01, grace=0.0).run(tasks, lambda *_: None)
    stub.say("CANCELLED")
    assert len(list(running)) == 3
    script = (stub.folder / "script-1").read_text()
    for line in (
        "--partition=gpu", "--account=teaching", "--time=120", "--mem=20480M", "--cpus-per-task=4",
        "--gpus-per-node=1", "--array=0-2%2", "--nice=100", "--requeue",
    ):
        assert f"#SBATCH {line}\n" in script
    assert "\nmodule load cuda\n" in script
    assert stub.submitted == 1


def test_ends_are_taken_as_they_come_and_by_whoever_asks(tmp_path, stub, tasks):
    running = runner(tmp_path).run(tasks, lambda *_: leave_all())

    def leave_all() -> None:
        for task in tasks[1:]:
            leave(tmp_path, task, failed="of old")

    assert {next(running).group, next(running).group} == {"group1", "group2"}
    running.close()     # as Ctrl-C does; what was given last is not yet forgotten
    leave(tmp_path, tasks[0])
    ends = {done.group: done.failed for done in runner(tmp_path).run(tasks[:1], lambda *_: None)}
    assert ends == {"group0": ""}
    assert stub.submitted == 1
    assert stub.cancelled == ""


def test_a_hand_in_that_was_changed_or_is_graded_otherwise_is_another(tasks):
    task = tasks[0]
    key = key_of(task)
    assert key == key_of(task)
    assert task.settings is not None
    assert key != key_of(task.model_copy(update={"settings": task.settings.model_copy(update={"seed": 1})}))
    (task.path / "model.py").write_text("changed\n")
    assert key != key_of(task)


def test_a_driver_that_was_killed_while_it_submitted_left_what_finds_its_jobs(tmp_path, stub, tasks):
    name, _ = State(tmp_path / "run").begin([(task, 1) for task in tasks])     # and no further
    (stub.folder / "jobs").write_text("".join(f"{name}|7|{index}\n" for index in range(3)))
    for task in tasks:
        leave(tmp_path, task)
    assert len(list(runner(tmp_path).run(tasks, lambda *_: None))) == 3
    assert stub.submitted == 0


def test_what_a_job_does_is_told_and_why_it_may_wait_for_ever_once(tmp_path, stub, tasks):
    said: list[str] = []
    told: list[tuple[str, str]] = []

    def tell(task: Task, stage: str, _share: float | None) -> None:
        told.append((task.group, stage))
        state = State(tmp_path / "run")
        if len(told) == 1:
            stage_file(state.end_of(state.jobs[task.group])).write_text(json.dumps({"stage": "reading", "share": 0.5}))
            stub.say("PENDING", "PartitionTimeLimit")
        if stage == "reading":
            stub.say("CANCELLED")

    def warn(text: str) -> None:
        said.append(text)
        stub.say("RUNNING")

    list(runner(tmp_path, warn=warn).run(tasks[:1], tell))
    assert told[0] == ("group0", "starting on node1")
    assert told[-1] == ("group0", "reading")
    assert len(said) == 1
    assert "(PartitionTimeLimit)" in said[0]


def test_wrong_use_met_in_one_job_ends_the_others(tmp_path, stub, tasks):
    def tell(task: Task, *_: object) -> None:
        leave(tmp_path, tasks[0], wrong_use="the data is not there; say where with --data")

    with pytest.raises(UserError, match="say where with --data"):
        list(runner(tmp_path).run(tasks, tell))
    assert set(stub.cancelled.split()) >= {"1_1", "1_2"}
    assert State(tmp_path / "run").jobs == {}


def test_jobs_are_cancelled_for_the_hand_ins_that_were_named(tmp_path, stub, tasks):
    running = runner(tmp_path).run(tasks, lambda *_: leave(tmp_path, tasks[0]))
    next(running)
    running.close()
    assert cancel(tmp_path / "run", ["group2", "unknown"]) == "1 job cancelled"
    assert stub.cancelled.split() == ["1_2"]
    stub.say("COMPLETED")
    assert cancel(tmp_path / "run", ["group1"]) == "no job of these hand-ins is waiting or under way"


def test_a_controller_that_gives_no_answer_is_waited_for_but_not_before_anything_is_known(tmp_path, stub, tasks):
    def tell(*_: object) -> None:
        (stub.folder / "silent").touch()
        leave(tmp_path, tasks[0])

    assert len(list(runner(tmp_path).run(tasks[:1], tell))) == 1
    State(tmp_path / "run").begin([(tasks[0], 1)])
    with pytest.raises(Silent, match="Unable to contact slurm controller"):
        jobs_named(["harness-1"])
    with pytest.raises(HarnessFault, match="the same command takes them up"):
        list(runner(tmp_path).run(tasks[:1], lambda *_: None))
    with pytest.raises(HarnessFault, match="nothing could be cancelled"):
        cancel(tmp_path / "run", ["group0"])


def test_a_job_leaves_room_for_all_that_its_hand_in_may_use():
    wanted = wants(Cluster(), FULL, device="cpu", training=True)
    assert wanted["mem"] == f"{15 * 1024}M"     # two workers of 6 GiB each, and 3 GiB of our own
    assert wanted["time"] * 60 >= FULL.fit_seconds + FULL.fit_grace_seconds
    assert wanted["cpus_per_task"] == FULL.limits.threads
    with pytest.raises(UserError, match=r"`memory` of 8 GiB is less than the 15 GiB"):
        wants(Cluster(memory=8 * GIB), FULL, device="cpu", training=False)
    with pytest.raises(UserError, match=r"`time` of 20 min is less than the 31 min that `fit` may train"):
        wants(Cluster(time="20 min"), FULL, device="cpu", training=True)
    assert wants(Cluster(time="20 min"), FULL, device="cpu", training=False)["time"] == 20
    with pytest.raises(UserError, match="write `gpus: 1` below `cluster:`"):
        wants(Cluster(), FULL, device="cuda", training=False)
    longer = replace(FULL, fit_seconds=36_000)
    assert wants(Cluster(), longer, device="cpu", training=True)["time"] > 600


@pytest.mark.parametrize("minutes", [1, 2, 5, 60, 600])
def test_a_warning_comes_early_enough_and_is_told_from_one_that_others_need_the_node(minutes):
    assert 10 <= warning_seconds(minutes) <= 60
    assert 0 < warned_after(minutes) < minutes * 60 - warning_seconds(minutes)
