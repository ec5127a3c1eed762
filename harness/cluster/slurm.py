"""The commands of Slurm: submit an array, look at its jobs, cancel them.

A job is known by the name of its submission, which nobody else has, and by its place in the array. So jobs are found
again also by someone who never learned their numbers, because the program that submitted them was killed.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from harness.documents import harmless
from harness.errors import UserError

__all__ = [
    "RUNNING", "WAITING", "Job", "Place", "Silent", "cancel_jobs", "jobs_named", "log_of", "need_slurm", "submit",
]

Place = tuple[str, int]
"""The name of a submission, and the place in its array."""

SECONDS = 60.0          # that a command may take on a busy controller
DAYS_BACK = 30          # that the accounting is asked about

# https://slurm.schedmd.com/squeue.html#SECTION_JOB-STATE-CODES
WAITING = frozenset({
    "PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "RESV_DEL_HOLD", "SPECIAL_EXIT", "SUSPENDED",
    "STOPPED", "RESIZING",
})
"""States of a job that will run, or run on."""

RUNNING = frozenset({"RUNNING", "COMPLETING", "SIGNALING", "STAGE_OUT"})
"""States of a job that is under way."""


class Silent(Exception):  # noqa: N818 - says that nothing is known for now, which may be different in a minute
    """Slurm gives no answer."""


@dataclass(frozen=True, slots=True)
class Job:
    """What Slurm says of a job.

    Attributes:
        number: "12_3", or "12" where it is no part of an array.
        state: in full and in capitals, such as RUNNING.
        node: where it runs or ran; may be empty.
        reason: why it waits, in Slurm's words; may be empty.

    """

    number: str
    state: str
    node: str = ""
    reason: str = ""

    @property
    def is_over(self) -> bool:
        """Whether it will do nothing more."""
        return self.state not in WAITING | RUNNING


def need_slurm() -> None:
    """Refuse where no job can be submitted.

    Raises:
        UserError: this machine has no Slurm, or this environment no submitit.

    """
    if shutil.which("sbatch") is None:
        raise UserError("--cluster slurm: this machine has no `sbatch`; call again on a login node of the cluster")
    if importlib.util.find_spec("submitit") is None:
        raise UserError("--cluster slurm: needs submitit; install it with `pip install 'harness[cluster]'`")


def submit(name: str, folder: Path, wanted: Mapping[str, Any], function: Any, *arguments: Sequence[Any]) -> None:
    """Submit one array with a job for each row of the arguments, which calls the function with it.

    Args:
        name: of the jobs.
        folder: on a file system that the nodes share; holds scripts and logs.
        wanted: parameters of submitit's executor.
        function: importable on the nodes.
        arguments: the first argument of each job, the second of each job, and so on.

    Raises:
        UserError: Slurm takes no such job; in its words.

    """
    import submitit

    executor = submitit.SlurmExecutor(folder=folder, max_num_timeout=0)
    root = Path(__file__).resolve().parents[2]
    setup = [*wanted.get("setup", []), f'export PYTHONPATH="{root}${{PYTHONPATH:+:$PYTHONPATH}}"']
    executor.update_parameters(**{**wanted, "job_name": name, "setup": setup})
    try:
        executor.map_array(function, *arguments)
    except (submitit.core.utils.FailedJobError, submitit.core.utils.FailedSubmissionError) as error:
        lines = [line for line in str(error).splitlines() if "error:" in line]
        said = lines[-1].rpartition("error: ")[2] if lines else str(error).strip().splitlines()[-1]
        raise UserError(
            f"Slurm takes no job such as `cluster:` in course.yaml asks for: {harmless(said)}") from error


def jobs_named(names: Iterable[str]) -> dict[Place, Job]:
    """Look at all jobs of some submissions; those that the controller has forgotten are asked of the accounting.

    Raises:
        Silent: the controller gives no answer.

    """
    wanted = sorted(set(names))
    if not wanted:
        return {}
    found = dict(_accounted(wanted))
    text = _said(
        "squeue", "--noheader", "--array", "--states=all", f"--name={','.join(wanted)}", "--format=%j|%F|%K|%T|%N|%r")
    for line in text.splitlines():
        name, job, index, state, node, reason = line.split("|", 5)
        single = not index.strip().isdecimal()
        found[name, 0 if single else int(index)] = Job(job if single else f"{job}_{index}", state, node, reason)
    return found


def _accounted(names: Sequence[str]) -> Iterator[tuple[Place, Job]]:
    """Ask the accounting, which not every cluster has."""
    since = f"{datetime.now() - timedelta(days=DAYS_BACK):%Y-%m-%d}"    # local time, as Slurm reads it
    try:
        text = _said(
            "sacct", "--noheader", "--parsable2", "--allocations", f"--name={','.join(names)}",
            f"--starttime={since}", "--format=JobName,JobID,State,NodeList")
    except Silent:
        return
    for line in text.splitlines():
        name, number, state, node = line.split("|", 3)
        _, _, index = number.partition("_")
        if not index or index.isdecimal():      # "12_[0-3]" are jobs that wait, of which the controller knows more
            yield (name, int(index or 0)), Job(number, state.partition(" ")[0], node)


def cancel_jobs(jobs: Iterable[Job]) -> None:
    """Cancel jobs; those that are over already do not matter."""
    numbers = [job.number for job in jobs if not job.is_over]
    if numbers:
        _said("scancel", *numbers)


def log_of(folder: Path, number: str) -> Path:
    """Give the file of what a job printed as errors."""
    return folder / f"{number}_0_log.err"


def _said(*words: str) -> str:
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False,
            env={**os.environ, "LC_ALL": "C"})
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Silent(str(error)) from error
    if done.returncode:
        raise Silent(done.stderr.strip() or f"{words[0]} ended with code {done.returncode}")
    return done.stdout
