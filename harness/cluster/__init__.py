"""A class graded on a cluster of Slurm: a job for each hand-in, which outlives whoever submitted it."""

from __future__ import annotations

from harness.cluster.runner import SlurmRunner, cancel, folder_of
from harness.cluster.wants import wants

__all__ = ["SlurmRunner", "cancel", "folder_of", "wants"]
