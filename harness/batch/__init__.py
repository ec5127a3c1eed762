"""Many hand-ins: tasks as plain data, who grades them, what of them has to be done, and a log of each."""

from __future__ import annotations

from harness.batch.machine import cores, free_memory, jobs_for
from harness.batch.opening import Settings, open_workshop, store_of
from harness.batch.plan import Planned, failures_in, note_failures, plan, seconds_of
from harness.batch.runner import InlineRunner, KeptFirst, LocalRunner, Runner, Tell
from harness.batch.task import Done, Task, run_task, tasks_for, write_result

__all__ = [
    "Done", "InlineRunner", "KeptFirst", "LocalRunner", "Planned", "Runner", "Settings", "Task", "Tell", "cores",
    "failures_in", "free_memory", "jobs_for", "note_failures", "open_workshop", "plan", "run_task", "seconds_of",
    "store_of", "tasks_for", "write_result",
]
