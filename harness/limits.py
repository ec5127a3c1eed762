"""Every cap and time-out of the harness, in frozen records.

Sizes are bytes, times are seconds of wall clock unless a name says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

__all__ = ["FULL", "INTAKE", "QUICK", "Budget", "Intake", "Limits", "Role"]

Role = Literal["fit", "encode", "decode"]
"""What a worker is for; each role is a box of its own. `decode` also samples."""

MIB = 2**20
GIB = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one worker process may use."""

    start_seconds: float = 90.0         # import of the hand-in, making of the model, loading of its weights
    request_seconds: float = 300.0      # one request (encode all images, decode a batch, draw samples)
    memory_bytes: int = 6 * GIB         # resident memory of the box's processes together
    processes: int = 256                # processes and threads together
    open_files: int = 512
    log_bytes: int = 1 * MIB            # stdout and stderr together; writing more ends the worker
    disk_bytes: int = 512 * MIB         # the box's /tmp, which lives in memory and ends with the box
    saved_bytes: int = 256 * MIB        # what `fit` may save in all
    threads: int = 2                    # threads that torch is told to use


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What a hand-in may hold."""

    file_bytes: int = 200 * MIB         # one file
    total_bytes: int = 300 * MIB        # all files that are copied
    files: int = 2_000
    depth: int = 12                     # folders in each other
    report_bytes: int = 50 * MIB        # the PDF
    report_pages: int = 100
    report_seconds: float = 30.0        # reading it, and drawing one page
    report_memory_bytes: int = 2 * GIB  # address space of the process that reads it


INTAKE = Intake()
"""What every hand-in may hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How much work one grade is worth: the sizes of the measurements and the limits of each role."""

    name: str
    fit_seconds: float                  # the deadline handed to `fit`; the box ends it some grace later
    fit_grace_seconds: float = 30.0
    train_images: int | None = None     # how many training images are encoded; None for all of them
    test_images: int | None = None      # how many test images are reconstructed and encoded; None for all
    samples: int = 10_000
    samples_seconds: float = 120.0      # sampling stops asking for more after this long
    pairs: int = 1_000                  # interpolation pairs within classes, and as many between
    points: int = 11                    # points on each line, ends included
    likelihood_images: int = 1_000      # how many test images a log density is asked for, if there is one
    probe_images: int = 500             # images of each probe (noise, permuted pixels, inverted)
    moved_images: int = 2_500           # test images, and as many training images, that are moved by one pixel
    copies: int = 2_000                 # samples looked up among the training images
    translations: int = 2_000           # images translated from each domain, where a model translates
    code_numbers: int = 128             # most numbers that a code may have
    bootstrap: int = 1_000              # resamples of a bootstrap interval
    limits: Limits = field(default_factory=Limits)


FULL = Budget(name="full", fit_seconds=1_800.0)
"""What an official grade uses."""

QUICK = Budget(
    name="quick", fit_seconds=60.0, train_images=10_000, test_images=2_000, samples=2_000,
    samples_seconds=30.0, pairs=100, probe_images=100, moved_images=1_000, likelihood_images=500, translations=500,
    copies=500, bootstrap=200, limits=Limits(request_seconds=60.0),
)
"""What `harness check` uses: the same measurements on fewer images, for a laptop."""
