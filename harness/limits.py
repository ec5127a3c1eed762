"""Every cap and time-out of the harness, in frozen records.

Sizes are bytes, times are seconds of wall clock unless a name says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Literal

__all__ = ["BITS_PER_NUMBER", "FULL", "INTAKE", "QUICK", "Budget", "Intake", "Limits", "Role"]

Role = Literal["fit", "encode", "decode"]
"""What a worker is for; each role is a box of its own. `decode` also samples."""

MIB = 2**20
GIB = 2**30

BITS_PER_NUMBER = 16
"""Codes are rounded to float16 before they cross to the decoder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one worker process may use."""

    start_seconds: float = 90.0         # import of the hand-in, making of the model, loading of its weights
    request_seconds: float = 300.0      # one request (encode all images, decode a batch, draw samples)
    cpu_seconds: float = 14_400.0       # processor time of the box's processes together, in the worker's whole life
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
    report_seconds: float = 30.0        # of the processor, for one look at it
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
    code_bits: int = 128 * BITS_PER_NUMBER  # most bits that may cross to the decoder for one image
    bootstrap: int = 1_000              # resamples of a bootstrap interval
    limits: Limits = field(default_factory=Limits)      # of every role, but for what `roles` says of one
    roles: Mapping[Role, Mapping[str, float]] = field(default_factory=dict, hash=False)     # role -> fields of Limits

    def limits_of(self, role: Role) -> Limits:
        """Give the limits of one role's worker; a longer training has more processor time than the default."""
        own = dict(self.roles.get(role, {}))
        limits = replace(self.limits, **own)    # type: ignore[arg-type]  # the names and types are those of Limits
        if role == "fit" and "cpu_seconds" not in own:
            # Twice what its threads can use: loaders of data and compilers work beside them.
            busy = 2 * limits.threads * (self.fit_seconds + self.fit_grace_seconds)
            limits = replace(limits, cpu_seconds=max(limits.cpu_seconds, busy))
        return limits

    @property
    def most_code_numbers(self) -> int:
        """How many numbers of a code may cross to the decoder, by their count and by their bits."""
        return min(self.code_numbers, self.code_bits // BITS_PER_NUMBER)

    def told(self) -> dict[str, float]:
        """Give every limit by its name, for a grade's record; "fit.memory_bytes" is one that a role has of its own."""
        common = {name: float(value) for name, value in asdict(self.limits).items()}
        own = {f"{role}.{name}": float(value) for role in self.roles for name, value in self.roles[role].items()}
        return {
            **common, **own, "fit.cpu_seconds": self.limits_of("fit").cpu_seconds, "fit_seconds": self.fit_seconds,
            "code_numbers": float(self.code_numbers), "code_bits": float(self.code_bits),
        }


FULL = Budget(name="full", fit_seconds=1_800.0)
"""What an official grade uses."""

QUICK = Budget(
    name="quick", fit_seconds=60.0, train_images=10_000, test_images=2_000, samples=2_000,
    samples_seconds=30.0, pairs=100, probe_images=100, moved_images=1_000, likelihood_images=500, translations=500,
    copies=500, bootstrap=200, limits=Limits(request_seconds=60.0),
)
"""What `harness check` uses: the same measurements on fewer images, for a laptop."""
