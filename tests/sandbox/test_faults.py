"""What a group is told: the limit, what was reached, and how to find the cause."""

from __future__ import annotations

import errno
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import Crashed, OutOfMemory, TimedOut, TooMuchOutput
from harness.sandbox import faults
from harness.sandbox.bubblewrap import BubblewrapBox
from harness.sandbox.watch import Usage
from harness.worker.explain import describe_error

CAPS = [pytest.param(False, id="best caps"), pytest.param(True, id="watched")]
SPIN = "ready()\nread_frame(source, None)\nwhile True: pass"


def fault_of(session, kind, seconds=20.0):
    session._wait_until_ready()
    with pytest.raises(kind) as caught:
        session.ask("encode", expect={}, seconds=seconds)
    return caught.value


@pytest.mark.box
@pytest.mark.parametrize("watched", CAPS)
def test_processor_time_has_a_limit_of_its_own_over_all_processes(boxed, small, watched):
    box = BubblewrapBox("bwrap", None) if watched else None
    script = "ready()\nread_frame(source, None)\nos.fork()\nos.fork()\nwhile True: pass"
    fault = fault_of(boxed(script, replace(small, cpu_seconds=1.5), box=box), TimedOut)
    assert "more than 1.5 seconds of processor time; it was ended after" in fault.message
    assert "spin" in fault.hint


def test_a_time_out_says_whether_the_code_computed(run):
    fault = fault_of(run(SPIN), TimedOut, seconds=1.0)
    used = re.search(r"within 1 seconds; it used (\d\.\d) seconds of processor time", fault.message)
    assert float(used[1]) > 0
    assert "a loop that does not end" in fault.hint


def test_a_time_out_says_whether_the_code_waited(run):
    fault = fault_of(run("ready()\nread_frame(source, None)\ntime.sleep(60)"), TimedOut, seconds=1.0)
    assert "it used 0.0 seconds of processor time" in fault.message
    assert "waited more than it computed" in fault.hint


def test_too_much_output_says_how_much_came(run):
    fault = fault_of(run("ready()\nwhile True: os.write(2, b'spam' * 1000)"), TooMuchOutput)
    limit, written = re.search(r"more than ([\d,]+) bytes; it was ended after ([\d,]+)", fault.message).groups()
    assert limit == "100,000"
    assert int(written.replace(",", "")) > 100_000


@pytest.mark.box
@pytest.mark.parametrize("watched", CAPS)
def test_memory_says_its_limit_and_its_peak(boxed, watched):
    box = BubblewrapBox("bwrap", None) if watched else None
    script = "ready()\neaten = []\nwhile True: eaten.append(np.ones(4_000_000, np.uint8)); time.sleep(0.005)"
    fault = fault_of(boxed(script, box=box), OutOfMemory)
    peak = re.search(r"more than 0\.3 GiB of memory; at most (\d\.\d\d) GiB were in use", fault.message)
    assert 0.2 < float(peak[1]) < 0.6
    assert "ru_maxrss" in fault.hint


@pytest.mark.box
def test_too_many_processes_are_named_where_the_code_dies_of_them(boxed, small):
    script = "ready()\nread_frame(source, None)\nwhile True: os.fork() != 0 or time.sleep(60)"
    fault = fault_of(boxed(script), Crashed)
    assert f"{small.processes} processes and threads" in fault.message + fault.hint
    assert "num_workers=0" in fault.hint


@pytest.mark.parametrize(("number", "words"), [
    (errno.ENOSPC, "/tmp holds 20 MiB"), (errno.EFBIG, "may have 20 MiB"), (errno.EMFILE, "at most 512 files"),
    (errno.EAGAIN, "at most 40 processes and threads"), (errno.EROFS, "folder that `save` is given"),
])
def test_an_error_of_the_system_that_comes_from_a_limit_names_it(small, number, words):
    error = OSError(number, os.strerror(number))
    told = describe_error(error, doing="fit", folder=Path("/hand-in"))
    assert words in faults.from_worker(told, log="", limits=small).hint


def test_a_thread_that_cannot_start_names_the_limit(small):
    told = describe_error(RuntimeError("can't start new thread"), doing="fit", folder=Path("/hand-in"))
    assert "at most 40 processes and threads" in faults.from_worker(told, log="", limits=small).hint


def test_an_error_that_no_limit_explains_gets_no_such_hint(small):
    told = describe_error(OSError(errno.ENOENT, "No such file"), doing="fit", folder=Path("/hand-in"))
    assert "at most" not in faults.from_worker(told, log="", limits=small).hint


def test_a_bus_error_points_to_shared_memory(small):
    fault = faults.ended("fit", 128 + 7, limits=small, usage=Usage())
    assert "SIGBUS" in fault.message
    assert "num_workers=0" in fault.hint
