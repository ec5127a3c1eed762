"""Workers that break off, hang, shout or lie: each ends as its kind of fault, and the evaluator goes on."""

from __future__ import annotations

import os
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from harness.errors import (
    BrokenProtocol,
    Crashed,
    HarnessError,
    HarnessFault,
    InvalidOutput,
    Rejected,
    TimedOut,
    TooMuchOutput,
)
from harness.limits import Limits
from harness.sandbox.process import WorkerSession, start_process
from harness.wire import Expected
from tests.boxes import PRELUDE, SMALL, LoneProcess

DEAF = """
import signal
for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_IGN)
while True:
    pass
"""
CODES = {"codes": Expected(shape=(2, 3))}


def ask(session, expect=None, seconds=20.0, arrays=None):
    return session.ask("encode", arrays, {"n": 1}, expect=expect or {}, seconds=seconds)


def test_requests_are_answered_in_order(run):
    session = run("""
        ready()
        for n in range(3):
            request, arrays = answer({"n": n}, {"codes": np.full((2, 3), n, "<f4")})
        """)
    for n in range(3):
        head, arrays = ask(session, CODES)
        assert head == {"n": n}
        assert (arrays["codes"] == n).all()


@pytest.mark.parametrize(("script", "kind", "words"), [
    ("import time; time.sleep(60)", TimedOut, ["did not end within 0.5 seconds"]),
    (DEAF, TimedOut, ["encode"]),
    ("os._exit(0)", BrokenProtocol, ["ended by itself during encode"]),
    ("os._exit(3)", Crashed, ["exit code 3"]),
    ("os._exit(137)", Crashed, ["exit code 137"]),
    ("os.kill(os.getpid(), 11)", Crashed, ["SIGSEGV"]),
    ("raise ValueError('never caught')", Crashed, ["exit code 1"]),
    ("sink.write(b'Epoch 1: loss 0.3, lr 0.001'); time.sleep(60)", BrokenProtocol, ["no frame"]),
    ("write_frame(sink, {'id': 99}); time.sleep(60)", BrokenProtocol, ["not asked"]),
    ("write_frame(sink, {}); time.sleep(60)", BrokenProtocol, ["not asked"]),
    ("write_frame(sink, {'id': 1}); time.sleep(60)", BrokenProtocol, ["lacks the array 'codes'"]),
    ("while True: os.write(2, b'spam' * 1000)", TooMuchOutput, ["100,000 bytes"]),
    ("while True: os.write(1, b'spam' * 1000)", TooMuchOutput, ["100,000 bytes"]),
], ids=["sleep", "deaf spin", "exit 0", "exit 3", "fake 137", "signal", "uncaught", "print", "wrong id",
        "no id", "no array", "stderr", "stdout"])
def test_a_worker_that_misbehaves_ends_as_its_kind_of_fault(run, script, kind, words):
    session = run(f"ready()\nread_frame(source, None)\n{script}")
    slow = kind is TimedOut
    session._wait_until_ready()
    with pytest.raises(kind) as caught:
        ask(session, CODES, seconds=0.5 if slow else 20)
    for word in words:
        assert word in caught.value.message
    assert caught.value.rationale
    assert caught.value.hint
    with pytest.raises(kind):       # nothing can be asked of it any more
        ask(session, CODES)


class SlowToDie(LoneProcess):
    """A box whose end takes a while, as that of a busy machine does."""

    def kill(self):
        threading.Timer(0.5, self.process.kill).start()


def test_a_flood_is_told_from_the_error_that_its_end_gives():
    flood = """
        ready()
        read_frame(source, None)
        try:
            while True:
                os.write(2, b"spam" * 1000)
        except OSError as error:
            write_frame(sink, {"id": 1, "error": {"kind": "crashed", "message": str(error)}})
        time.sleep(60)
        """
    command = [sys.executable, "-c", PRELUDE + textwrap.dedent(flood), "{}"]
    process = start_process(command, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])})
    with WorkerSession(process, {}, limits=SMALL, guard=SlowToDie(process)) as session, pytest.raises(TooMuchOutput):
        ask(session)


def test_a_worker_that_reads_nothing_does_not_hold_up_the_evaluator(run):
    session = run("ready()\ntime.sleep(60)")
    session._wait_until_ready()
    begun = time.monotonic()
    with pytest.raises(TimedOut):
        ask(session, seconds=0.3, arrays={"images": np.zeros(50_000_000, np.uint8)})
    assert time.monotonic() - begun < 10


def test_after_an_invalid_output_the_worker_may_be_asked_again(run):
    session = run("""
        ready()
        answer({}, {"codes": np.zeros((5, 3), "<f4")})
        answer({}, {"codes": np.full((2, 3), np.nan, "<f4")})
        answer({}, {"codes": np.ones((2, 3), "<f4")})
        """)
    with pytest.raises(InvalidOutput, match=r"\(5, 3\)"):
        ask(session, CODES)
    with pytest.raises(InvalidOutput, match="NaN"):
        ask(session, CODES)
    assert ask(session, CODES)[1]["codes"].sum() == 6


def test_an_error_of_the_code_is_told_with_its_place_and_the_worker_lives_on(run):
    session = run(r"""
        ready()
        place = {"file": "model.py", "line": 7, "function": "encode", "code": "x @ w"}
        print("half way \x1b[31mred", file=sys.stderr, flush=True)
        time.sleep(0.2)
        answer({"error": {"kind": "crashed", "message": "encode failed\x1b[2J", "traceback": [place]}})
        answer({"error": {"kind": "rejected", "message": "no method"}})
        answer({"error": "nonsense"})
        """)
    with pytest.raises(Crashed) as caught:
        ask(session, CODES)
    assert caught.value.message == "encode failed\\x1b[2J"
    assert "model.py, line 7, in encode: x @ w" in caught.value.hint
    assert "half way \\x1b[31mred" in caught.value.log
    with pytest.raises(Rejected, match="no method"):
        ask(session)
    with pytest.raises(Crashed):
        ask(session)


def test_an_error_while_loading_is_the_answer_to_everything(run):
    session = run("""
        write_frame(sink, {"error": {"kind": "rejected", "message": "no class VAE"}})
        time.sleep(60)
        """)
    for _ in range(2):
        with pytest.raises(Rejected, match="no class VAE"):
            ask(session)


def test_a_worker_that_closes_its_pipe_and_lives_on_is_not_waited_for(run):
    session = run("ready()\nread_frame(source, None)\nsink.close(); os.close(1); time.sleep(60)")
    session._wait_until_ready()
    with pytest.raises((BrokenProtocol, TimedOut)):     # in a box, the box itself holds the pipe open
        ask(session, CODES, seconds=1)


def test_hanging_while_loading_is_a_time_out_with_a_hint(run):
    session = run("time.sleep(60)")
    session._start_deadline = time.monotonic() + 1.5
    with pytest.raises((TimedOut, HarnessFault)) as caught:
        ask(session)
    if isinstance(caught.value, TimedOut):      # on a busy machine it may not even have started by then
        assert "__main__" in caught.value.hint


def test_a_box_that_does_not_start_is_a_fault_of_the_harness(lone_process):
    process = start_process([sys.executable, "-c", "raise SystemExit('no such thing')"], env=dict(os.environ))
    with (
        WorkerSession(process, {}, limits=Limits(), guard=lone_process(process)) as session,
        pytest.raises(HarnessFault, match="no such thing"),
    ):
        ask(session)


def test_the_log_is_a_tail_of_what_was_printed_and_says_what_is_missing(run):
    session = run("ready()\nfor n in range(8000): print('line', n)\nsys.stdout.flush()\nanswer()")
    ask(session)
    time.sleep(0.1)
    assert session.log.rstrip().endswith("line 7999")
    assert session.log.startswith("[the beginning is left out]")


def test_closing_while_another_thread_waits_ends_the_wait(run):
    session = run("ready()\nread_frame(source, None)\ntime.sleep(60)")
    session._wait_until_ready()
    ended = []

    def wait():
        try:
            ask(session, seconds=60)
        except HarnessError as error:
            ended.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.2)
    session.close()
    thread.join(10)
    assert len(ended) == 1
    with pytest.raises(Crashed if isinstance(ended[0], Crashed) else HarnessFault):
        ask(session)


def test_a_session_that_is_opened_by_a_thread_survives_it(run):
    sessions = []
    thread = threading.Thread(target=lambda: sessions.append(run("ready()\nanswer()")))
    thread.start()
    thread.join()
    time.sleep(0.1)
    assert ask(sessions[0]) == ({}, {})
