"""Rows 1 to 11: hand-ins that take what they can get, graded in one batch with an honest one."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from harness.limits import Limits
from harness.sandbox.cgroup import find_hierarchy
from tests.attacks.batches import (
    LIMITS,
    Batch,
    grade_together,
    hand_in,
    lasting,
    left_since,
    own_temporary_folder,
    running,
    shop_for,
    traces,
)

pytestmark = pytest.mark.box

# Each attacks in both of its boxes at once: as it encodes, and as it samples.
ATTACKERS = {
    "spins": """
        import signal, time
        from honest import Honest
        class Model(Honest):
            def encode(self, images):
                while True:
                    pass
            def sample(self, count, *, labels=None, seed):
                for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
                    signal.signal(number, signal.SIG_IGN)
                time.sleep(3600)
        """,
    "late": """
        import time
        from honest import Honest
        class Model(Honest):
            asked = 0
            def encode(self, images):
                self.asked += 1
                if self.asked > 1:
                    time.sleep(3600)
                return super().encode(images)
            sample = None
        """,
    "bomb": """
        import ctypes, os, threading, time
        from honest import Honest
        class Model(Honest):
            def encode(self, images):
                ctypes.CDLL(None).prctl(15, b"fork-bomb")     # PR_SET_NAME
                while True:
                    try:
                        os.fork()
                    except OSError:
                        time.sleep(0.05)
            def sample(self, count, *, labels=None, seed):
                while True:
                    threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
        """,
    "daemon": """
        import errno, os, time
        from pathlib import Path
        from honest import Honest
        class Model(Honest):
            started = False
            def encode(self, images):
                if not self.started:
                    self.started = True
                    if os.fork() == 0:
                        os.setsid()
                        if os.fork() == 0:
                            os.execv("/usr/bin/sleep", ["sleep", "31557601"])
                        os._exit(0)
                    os.wait()
                    time.sleep(0.2)
                commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline")]
                if not any(b"31557601" in command for command in commands):
                    raise RuntimeError("the daemon does not run")
                return super().encode(images)
            def sample(self, count, *, labels=None, seed):
                failed = []
                for place in ("/tmp", "/dev/shm"):
                    for number in range(50):
                        try:
                            Path(place, f"attack-filler-{number}").write_bytes(bytes(10 * 2**20))
                        except OSError as error:
                            failed.append(f"{place}: {errno.errorcode[error.errno]}")
                            break
                for number in range(20_000):
                    Path(f"/tmp/attack-inode-{number}").touch()
                raise RuntimeError("no more room in " + ", ".join(failed))
        """,
    "greedy": """
        import mmap, os
        from honest import Honest
        class Model(Honest):
            def encode(self, images):
                eaten = []
                while True:
                    eaten.append(mmap.mmap(-1, 64 * 2**20))
                    eaten[-1].madvise(mmap.MADV_HUGEPAGE)       # faster where the kernel has them
                    for page in range(0, 64 * 2**20, 4096):
                        eaten[-1][page] = 1
            def sample(self, count, *, labels=None, seed):
                os._exit(137)
        """,
    "loud": """
        import os, signal
        from honest import Honest
        class Model(Honest):
            def encode(self, images):
                while True:
                    print("\\x1b[2Jspam" * 1000)
            def sample(self, count, *, labels=None, seed):
                os.kill(os.getpid(), signal.SIGKILL)
        """,
    "mutineer": """
        import os, signal
        from honest import Honest
        class Model(Honest):
            def encode(self, images):
                while True:
                    os.write(2, b"\\x1b[2Jspam" * 1000)
            def sample(self, count, *, labels=None, seed):
                told = []
                for process in (1, os.getppid(), -1):
                    for number in (signal.SIGSTOP, signal.SIGTERM, signal.SIGKILL):
                        try:
                            os.kill(process, number)
                        except OSError as error:
                            told.append(error.strerror)
                print("the box goes on", told, flush=True)
                os.kill(os.getpid(), signal.SIGSTOP)
        """,
}
HANGS = """
    import time
    print("training")
    time.sleep(3600)
    class Model:
        pass
    """


@pytest.fixture(scope="module")
def graded(course, shop, bystander, tmp_path_factory):
    """All of them in one batch with the bystander; one that never gets to its model is waited for meanwhile."""
    folders = [hand_in(course.submissions / name, code) for name, code in ATTACKERS.items()]
    folders.insert(len(folders) // 2, bystander[0])
    hanging = hand_in(course.submissions / "hangs", HANGS)
    patient = shop_for(course, shop.box, limits=Limits(start_seconds=20))
    found: list[Batch] = []
    with own_temporary_folder(tmp_path_factory.mktemp("temporary")):
        before = traces()
        aside = threading.Thread(
            target=lambda: found.append(grade_together([hanging], patient, course.root / "hanging")))
        aside.start()
        batch = grade_together(folders, shop, course.reports)
        aside.join()
        left = left_since(before)
    return batch, found[0], left


@pytest.fixture
def faults(graded):
    """The faults of an attacker, by stage."""
    return graded[0].faults


@pytest.mark.row(1)
def test_row_01_spinning_times_out(faults, outcome):
    fault = faults("spins")["encode"]
    outcome(fault.kind)
    assert fault.kind == "timed out"
    assert f"within {LIMITS.request_seconds:g} seconds" in fault.message


@pytest.mark.row(2)
def test_row_02_sleeping_with_signals_ignored_times_out(faults, outcome):
    fault = faults("spins")["sample"]
    outcome(fault.kind)
    assert fault.kind == "timed out"


@pytest.mark.row(3)
def test_row_03_a_hang_after_the_right_output_times_out_and_what_was_measured_stays(graded, faults, outcome):
    fault = faults("late")["encode"]
    outcome(fault.kind)
    assert fault.kind == "timed out"
    measured, honest = graded[0].values("late"), graded[0].values("bystander")
    assert measured["reconstruction.mse"] == honest["reconstruction.mse"]


@pytest.mark.row(4)
def test_row_04_a_fork_bomb_is_contained_and_gone_afterwards(faults, outcome):
    fault = faults("bomb")["encode"]
    outcome("contained, nothing left running")
    assert fault.kind in {"timed out", "crashed", "broken protocol"}
    assert running("fork-bomb") == []


@pytest.mark.row(5)
def test_row_05_a_daemon_in_a_session_of_its_own_is_reaped(graded, faults, outcome):
    outcome("reaped")
    assert "encode" not in faults("daemon")     # it looked for its daemon each time, and found it
    assert graded[0].values("daemon")["reconstruction.mse"] == graded[0].values("bystander")["reconstruction.mse"]
    assert running("31557601") == []


@pytest.mark.row(6)
def test_row_06_eating_memory_is_told_from_a_fake_exit_code_and_a_signal_of_its_own(faults, outcome):
    fault = faults("greedy")["encode"]
    outcome(f"{fault.kind}; told from the fake")
    assert fault.kind == "out of memory"
    assert f"{LIMITS.memory_bytes / 2**30:.1f} GiB" in fault.message
    for fake in (faults("greedy")["sample"], faults("loud")["sample"]):
        assert fake.kind == "crashed"
        assert "137" in fake.message


@pytest.mark.row(7)
@pytest.mark.parametrize(("group", "stage"), [("loud", "encode"), ("mutineer", "encode")], ids=["stdout", "stderr"])
def test_row_07_endless_output_is_cut_and_says_so(faults, outcome, group, stage):
    fault = faults(group)[stage]
    outcome(fault.kind)
    assert fault.kind == "too much output"
    assert f"{LIMITS.log_bytes:,} bytes" in fault.message
    assert "spam" in fault.log
    assert fault.log.rstrip().endswith(f"[cut off: more than the {LIMITS.log_bytes:,} bytes that may be printed]")
    assert len(fault.log) < LIMITS.log_bytes
    assert "\x1b" not in fault.log


@pytest.mark.row(8)
def test_row_08_filling_disk_shared_memory_and_inodes_fails_inside_only(faults, outcome):
    fault = faults("daemon")["sample"]
    outcome("fails inside the box only")
    assert fault.kind == "crashed"
    assert "no more room in /tmp: ENOSPC, /dev/shm: ENOSPC" in fault.message
    for place in (Path("/tmp"), Path("/dev/shm")):
        assert not list(place.glob("attack-*"))


@pytest.mark.row(9)
def test_row_09_threads_are_capped(faults, outcome):
    fault = faults("bomb")["sample"]
    outcome("capped")
    assert fault.kind == "crashed"
    assert "can't start new thread" in fault.message or find_hierarchy() is None


@pytest.mark.row(10)
def test_row_10_who_stops_and_kills_the_supervising_process_stops_only_itself(faults, outcome):
    fault = faults("mutineer")["sample"]
    outcome(fault.kind)
    assert fault.kind == "timed out"
    assert "the box goes on" in fault.log


@pytest.mark.row(11)
def test_row_11_hanging_at_import_times_out_with_a_hint(graded, outcome):
    fault = graded[1].faults("hangs")["start"]
    outcome(fault.kind)
    assert fault.kind == "timed out"
    assert "__main__" in fault.hint
    assert "training" in fault.log


def test_the_grader_went_on_and_the_bystanders_grade_is_the_same_to_the_byte(graded, bystander):
    batch, hanging, _ = graded
    assert set(batch.results) == {*ATTACKERS, "bystander"}
    assert batch.failed == hanging.failed == {}
    assert lasting(batch.reports / "bystander" / "result.json") == bystander[1]


def test_no_process_mount_control_group_or_temporary_file_is_left(graded):
    assert graded[2] == {}

