"""The sixty attacks and faults, each with the outcome that is right; one test or more stands for each row.

A test says which row it is for by `@pytest.mark.row(7)`, and what came of the attack by the fixture `outcome`.
"""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """One attack or fault."""

    attack: str
    expected: str


ROWS: dict[int, Row] = {
    # Resources
    1: Row("spins the processor", "TimedOut"),
    2: Row("sleeps with signals ignored", "TimedOut"),
    3: Row("gives the right output, then hangs", "TimedOut"),
    4: Row("fork bomb", "contained, nothing left running"),
    5: Row("daemon in a session of its own", "reaped"),
    6: Row("eats memory; and fakes exit code 137", "OutOfMemory; told from the fake"),
    7: Row("endless stdout or stderr", "TooMuchOutput, the log is cut and says so"),
    8: Row("fills the disk, /dev/shm or inodes", "fails inside the box only"),
    9: Row("thread explosion", "capped"),
    10: Row("stops or kills the supervising process", "TimedOut or BrokenProtocol"),
    11: Row("hangs at import", "TimedOut"),
    # Escape
    12: Row("reads the host through /proc/1/root", "denied"),
    13: Row("new user or mount namespaces", "denied"),
    14: Row("ptrace, bpf, io_uring, keyctl", "denied"),
    15: Row("TIOCSTI into a terminal", "denied"),
    16: Row("TCP, UDP, DNS, Unix sockets", "denied"),
    17: Row("inherited file descriptors", "none"),
    18: Row("signals or reboots the host", "denied"),
    # Leaks
    19: Row("reads test data, key, rubric, others' work", "absent from the box"),
    20: Row("the same at import time", "absent from the box"),
    21: Row("secrets in /proc/1/environ", "empty"),
    22: Row("host paths in cmdline and tracebacks", "absent"),
    23: Row("values of the key in a student's messages", "none"),
    # Tampering with the result
    24: Row("overwrites reports, gradebook or cache", "not reachable"),
    25: Row("a pickled result", "never unpickled on our side"),
    26: Row("YAML tags, alias bombs, duplicate keys", "Rejected"),
    27: Row("patches torch, numpy, time, the worker", "no effect on the measurement"),
    28: Row("objects that equal everything", "only bytes cross"),
    29: Row("os._exit(0) in the middle", "BrokenProtocol"),
    30: Row("forged, oversized or cut frames; prints", "BrokenProtocol or ignored"),
    31: Row("state left by one role for the next", "a fresh box each"),
    # Gaming the metrics
    32: Row("the identity as reconstruction", "caught"),
    33: Row("the image packed into a code's digits", "caught"),
    34: Row("training images as samples", "memorisation flag"),
    35: Row("trained on the public test set", "flagged from the gaps"),
    36: Row("one image, class or handful repeated", "flagged as collapse"),
    37: Row("NaN, out of range, wrong shape, too few", "InvalidOutput, names tensor and rule"),
    38: Row("outputs that depend on their batch", "difference reported"),
    39: Row("a seed ignored, or one that changes nothing", "reported"),
    40: Row("samples tuned against the judge", "second judge reported, gap flagged"),
    41: Row("a false log-likelihood", "not scored, marked self-reported"),
    # Hostile files
    42: Row("zip slip, absolute names, links", "Rejected or left out, listed"),
    43: Row("zip bombs and overlapping entries", "Rejected"),
    44: Row("names that collide or hide", "Rejected, shown escaped"),
    45: Row("FIFOs, devices, sparse giants", "left out or Rejected"),
    46: Row("a checkpoint that runs code", "converted only inside a box"),
    47: Row("lying headers, duplicate keys, objects", "the group's fault, in words"),
    48: Row("PDFs: huge, encrypted, broken, scripted", "read or refused in time, in words"),
    49: Row("notebooks with HTML, giants, broken JSON", "inert, or the group's fault in words"),
    50: Row("answers: unknown, doubled, both, 10,000", "Rejected or left open, with the reason"),
    # Reports
    51: Row("script, markup, template syntax in text", "shown as text; the page has a policy"),
    52: Row("student HTML or SVG", "never embedded"),
    53: Row("terminal escapes, bidi, formulas in CSV", "neutralised"),
    # Faults of our own side
    54: Row("the grader killed at any moment", "resumes; grades equal"),
    55: Row("no sandbox to be had", "refused unless said in words"),
    56: Row("leftover processes, mounts, folders", "none"),
    57: Row("disk full or no memory on our side", "harness fault, nothing half-written"),
    58: Row("two graders on one course folder", "the second waits or refuses"),
    59: Row("a hand-in edited while it is graded", "the copy counts"),
    60: Row("clock, font, home, network", "no effect on grades"),
}
