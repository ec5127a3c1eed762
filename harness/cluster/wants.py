"""What a job asks the cluster for, from `cluster:` in course.yaml and the limits of what runs in it.

A job is never so small that Slurm would end a hand-in which keeps to its limits: whatever is the group's fault ends in
the box, with the same words as on any other machine, and whatever Slurm ends is no fault of the group.
"""

from __future__ import annotations

import math
from typing import Any, get_args

from harness.course import Cluster
from harness.errors import UserError
from harness.limits import GIB, MIB, Budget, Role

__all__ = ["wants", "warned_after", "warning_seconds"]

OWN_MEMORY = 3 * GIB        # what the evaluator takes beside the workers
MEASURING_MINUTES = 240     # far more than the measurements of a hand-in take
MODELS = 3                  # trained by one hand-in; who hands in more writes `time`


def wants(cluster: Cluster, budget: Budget, *, device: str, training: bool) -> dict[str, Any]:
    """Give the parameters of submitit's `SlurmExecutor`.

    Args:
        cluster: what the course says.
        budget: the limits that the job has to leave room for.
        device: "cpu" or "cuda".
        training: whether a model of any hand-in is trained.

    Raises:
        UserError: the course asks for less than a hand-in may use, or for no card where one is needed.

    """
    if device != "cpu" and not cluster.gpus:
        raise UserError(
            f"--device {device}: course.yaml asks the cluster for no graphics card; write `gpus: 1` below `cluster:`")
    minutes = _minutes(cluster, budget, training=training)
    chosen: dict[str, Any] = {
        "partition": cluster.partition, "account": cluster.account, "qos": cluster.qos,
        "constraint": cluster.constraint, "time": minutes, "mem": f"{_memory(cluster, budget) // MIB}M",
        "cpus_per_task": cluster.cpus or budget.limits.threads, "gpus_per_node": cluster.gpus or None,
        "array_parallelism": cluster.jobs, "setup": list(cluster.setup) or None,
        "signal_delay_s": warning_seconds(minutes),
        # A job that is preempted, or whose node fails, goes back into the queue; its log is written on.
        "additional_parameters": {"requeue": True, **cluster.options},
    }
    return {name: value for name, value in chosen.items() if value is not None}


def warning_seconds(minutes: int) -> int:
    """Give how long before its end a job is told that its time is up, so that it can say so itself."""
    return min(60, minutes * 60 // 5)


def warned_after(minutes: int) -> float:
    """Give the seconds that a job has run at least when it is warned: Slurm may be a minute early."""
    return max(minutes * 6.0, minutes * 60.0 - warning_seconds(minutes) - 90.0)


def _minutes(cluster: Cluster, budget: Budget, *, training: bool) -> int:
    fit = budget.fit_seconds + budget.fit_grace_seconds if training else 0.0
    if cluster.time is None:
        return MEASURING_MINUTES + math.ceil(MODELS * fit / 60)
    if cluster.time * 60 < fit:
        raise UserError(
            f"course.yaml: a job's `time` of {cluster.time} min is less than the {math.ceil(fit / 60)} min that `fit` "
            "may train; raise it, or lower the deadline with --fit-seconds or `limits: {fit: {seconds: ...}}`")
    return cluster.time


def _memory(cluster: Cluster, budget: Budget) -> int:
    roles = {role: budget.limits_of(role).memory_bytes for role in get_args(Role)}
    # One that encodes runs beside one that decodes.
    asked = max(roles["fit"], roles["encode"] + roles["decode"]) + OWN_MEMORY
    if cluster.memory is None:
        return asked
    if cluster.memory < asked:
        raise UserError(
            f"course.yaml: a job's `memory` of {_gib(cluster.memory)} is less than the {_gib(asked)} that the harness "
            "and the models of a hand-in may use together; raise it, or lower `limits: {memory: ...}`")
    return cluster.memory


def _gib(size: int) -> str:
    return f"{size / GIB:.3g} GiB"
