"""The box on Linux, attacked from inside: what a hand-in may try must fail, and nothing may be left."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from harness.errors import BrokenProtocol, Crashed, OutOfMemory, Rejected, TimedOut
from harness.limits import Limits
from harness.sandbox import bubblewrap
from harness.sandbox.base import Job
from harness.sandbox.bubblewrap import BubblewrapBox
from harness.sandbox.cgroup import find_hierarchy
from harness.sandbox.choose import self_test
from harness.sandbox.environments import own_environment
from harness.wire import Expected

pytestmark = [pytest.mark.box, pytest.mark.skipif(sys.platform != "linux", reason="bubblewrap needs Linux")]
MIB = 2**20
ROOT = os.geteuid() == 0
ALONE = BubblewrapBox("bwrap", None)    # as where no control group can be made

ATTACKS = r"""
import ctypes, errno, glob, mmap, resource, socket, struct, threading
libc = ctypes.CDLL(None, use_errno=True)

def call(number, *arguments):
    ctypes.set_errno(0)
    return libc.syscall(number, *arguments), ctypes.get_errno()

def attempt(act):
    try:
        return act()
    except BaseException as error:
        return f"{type(error).__name__}: {error}"

def write(path):
    with open(path, "w") as file:
        file.write("x")
    return "written"

def read(path):
    with open(path, "rb") as file:
        return file.read(10).decode(errors="replace")

def fill(path):
    with open(path, "wb") as file:
        for _ in range(2000):
            file.write(bytes(2**20))

secret, port, host_pid = json.loads(open("/hand-in/attack.json").read())
status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
    dgram = attempt(lambda: udp.sendto(b"x", ("127.0.0.1", port)) and udp.sendto(b"x", ("192.0.2.1", 53)))
report = {
    "uid": os.getuid(), "gid": os.getgid(), "groups": os.getgroups(),
    "caps": [int(status[n], 16) for n in ("CapInh", "CapPrm", "CapEff", "CapAmb")],
    "no new privileges": status["NoNewPrivs"].strip(), "seccomp": status["Seccomp"].strip(),
    "environment": sorted(os.environ),
    "environ of 1": attempt(lambda: open("/proc/1/environ", "rb").read().decode()),
    "command of 1": attempt(lambda: open("/proc/1/cmdline", "rb").read().decode()),
    "processes": sorted(int(p) for p in os.listdir("/proc") if p.isdigit()),
    "descriptors": sorted(os.readlink(f"/proc/self/fd/{n}").split(":")[0] for n in os.listdir("/proc/self/fd")
                          if os.path.lexists(f"/proc/self/fd/{n}")),
    "root": sorted(os.listdir("/")),
    "secret": attempt(lambda: read(secret)),
    "secret by 1": attempt(lambda: read("/proc/1/root" + secret)),
    "mode 0600": attempt(lambda: read("/hand-in/private")),
    "write": {path: attempt(lambda: write(path)) for path in (
        "/x", "/usr/x", "/etc/x", "/dev/x", "/hand-in/x", "/opt/x", "/opt/harness/harness/wire.py", "/sys/x",
        "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/tmp/x", "/dev/shm/x")},
    "harness": sorted(os.listdir("/opt/harness/harness")),
    "tcp": attempt(lambda: socket.create_connection(("127.0.0.1", port), 0.2)),
    "udp": dgram,
    "dns": attempt(lambda: socket.getaddrinfo("example.org", 80)),
    "vsock": attempt(lambda: socket.socket(40, socket.SOCK_STREAM)),
    "packet": attempt(lambda: socket.socket(17, socket.SOCK_RAW)),
    "abstract": attempt(lambda: socket.socket(socket.AF_UNIX).connect("\0harness-test")),
    "unix pair": attempt(lambda: len(socket.socketpair())),
    "kill host": attempt(lambda: os.kill(host_pid, 0)),
    "kill 1": attempt(lambda: os.kill(1, 9)),
    "namespace": call(272, 0x10000000), "mount namespace": call(272, 0x20000),
    "clone": attempt(lambda: call(56, 0x10000000 | 17, 0, 0, 0, 0)), "clone3": call(435, 0, 0),
    "ptrace": call(101, 16, 1, 0, 0), "bpf": call(321, 0, 0, 0), "io_uring": call(425, 1, 0),
    "keyctl": call(250, 0, -3, 0),
    "mount": call(165, 0, 0, 0, 0, 0), "reboot": call(169, 0, 0, 0), "x32": call(0x40000000 | 39),
    "tiocsti": call(16, 0, 0x5412, ctypes.c_char_p(b"x")), "terminal": attempt(lambda: read("/dev/tty")),
    "setuid": attempt(lambda: os.setuid(0)),
    "fill tmp": attempt(lambda: fill("/tmp/big")), "fill shm": attempt(lambda: fill("/dev/shm/big")),
    "core": resource.getrlimit(resource.RLIMIT_CORE), "files": resource.getrlimit(resource.RLIMIT_NOFILE),
}
os.remove("/tmp/big"), os.remove("/dev/shm/big")
ready()
answer({k: v if isinstance(v, (int, str, list, dict, tuple)) else str(v) for k, v in report.items()})
"""


@pytest.fixture(scope="module")
def attack(tmp_path_factory, open_boxed, small):
    """What one process inside could find out and do."""
    outside = tmp_path_factory.mktemp("outside")
    outside.chmod(0o755)
    (outside / "secret").write_text("the key")
    folder = tmp_path_factory.mktemp("hand-in")
    folder.chmod(0o755)
    with (
        pytest.MonkeyPatch.context() as patch, socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_UNIX) as unix,
    ):
        patch.setenv("HARNESS_TEST_CANARY", "canary")
        unix.bind("\0harness-test")
        unix.listen()
        told = [str(outside / "secret"), server.getsockname()[1], os.getpid()]
        (folder / "attack.json").write_text(json.dumps(told))
        (folder / "private").write_text("private")
        (folder / "private").chmod(0o600)
        with open_boxed(ATTACKS, dataclasses.replace(small, memory_bytes=600 * MIB), folder) as session:
            yield {**session.ask("report", expect={}, seconds=20)[0], "outside": str(outside.parent)}


def test_the_process_is_an_ordinary_user_without_capabilities(attack):
    assert attack["uid"] == attack["gid"] == 65534
    assert set(attack["groups"]) <= {65534}
    assert attack["caps"] == [0, 0, 0, 0]
    assert attack["no new privileges"] == "1"
    assert attack["seccomp"] == "2"
    assert attack["setuid"].split(":")[0] in {"PermissionError", "OSError"}


@pytest.mark.skipif(not ROOT, reason="only root has files that its box must not read")
def test_a_file_that_only_root_may_read_cannot_be_read_even_if_it_is_shown(attack):
    assert attack["mode 0600"].startswith("PermissionError")


def test_nothing_of_the_hosts_files_is_there(attack):
    assert attack["secret"].startswith("FileNotFoundError")
    assert attack["secret by 1"].split(":")[0] in {"FileNotFoundError", "PermissionError"}
    assert not {"home", "var", "srv", "mnt", "media", "boot"} & set(attack["root"])


def test_only_the_workers_part_of_the_harness_is_there(attack):
    assert attack["harness"] == ["__init__.py", "contract.py", "errors.py", "forms.py", "wire.py", "worker"]


def test_only_work_space_can_be_written_and_it_ends(attack):
    for path, outcome in attack["write"].items():
        if path in {"/tmp/x", "/dev/shm/x"}:
            assert outcome == "written"
        else:
            assert outcome != "written", path
    assert attack["fill tmp"].startswith("OSError")
    assert attack["fill shm"].startswith("OSError")


def test_no_environment_and_no_path_of_the_host_can_be_read(attack):
    assert "HARNESS_TEST_CANARY" not in attack["environment"]
    assert "canary" not in attack["environ of 1"]
    assert attack["command of 1"].startswith("/usr/bin/bwrap\0--args")
    assert attack["outside"] not in attack["command of 1"]


def test_no_other_process_is_seen_or_reached(attack):
    assert set(attack["processes"]) <= {1, 2, 3}
    assert attack["kill host"].startswith(("ProcessLookupError", "PermissionError"))


def test_no_descriptor_is_inherited_but_pipes(attack):
    assert set(attack["descriptors"]) <= {"pipe", "/dev/null", "/proc/self/fd"} | {
        name for name in attack["descriptors"] if name.startswith("/proc/")}


@pytest.mark.parametrize("way", ["tcp", "udp", "dns", "vsock", "packet", "abstract"])
def test_there_is_no_network(attack, way):
    assert "Error" in attack[way] or attack[way].startswith("gaierror"), attack[way]


def test_pipes_between_own_processes_work(attack):
    assert attack["unix pair"] == 2


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the attacks use the numbers of x86_64")
@pytest.mark.parametrize(("call", "error"), [
    ("namespace", 1), ("mount namespace", 1), ("clone", 1), ("clone3", 38), ("ptrace", 1), ("bpf", 1),
    ("io_uring", 1), ("keyctl", 1), ("mount", 1), ("reboot", 1), ("x32", 1), ("tiocsti", 1),
])
def test_dangerous_system_calls_are_refused(attack, call, error):
    assert attack[call] == [-1, error]


def test_there_is_no_terminal_and_no_core_file(attack, small):
    assert "Error" in attack["terminal"]
    assert attack["core"] == [0, 0]
    assert attack["files"] == [small.open_files] * 2


@pytest.mark.parametrize("box", [pytest.param(None, id="best caps"), pytest.param(ALONE, id="watched")])
def test_eating_memory_ends_as_out_of_memory(boxed, box):
    session = boxed("""
        ready()
        read_frame(source, None)
        eaten = []
        while True:
            eaten.append(np.ones(4_000_000, np.uint8))
            time.sleep(0.005)
        """, box=box)
    with pytest.raises(OutOfMemory, match=r"0\.3 GiB"):
        session.ask("eat", expect={}, seconds=60)


def test_memory_of_children_counts_too(boxed):
    session = boxed("""
        ready()
        read_frame(source, None)
        for _ in range(6):
            if os.fork() == 0:
                block = np.ones(80_000_000, np.uint8)
                time.sleep(60)
        os.wait()
        os._exit(137)
        """)
    with pytest.raises(OutOfMemory):
        session.ask("eat", expect={}, seconds=60)


@pytest.mark.parametrize("box", [pytest.param(None, id="best caps"), pytest.param(ALONE, id="watched")])
def test_a_fork_bomb_is_contained(boxed, small, box):
    session = boxed("""
        ready()
        request, _ = read_frame(source, None)
        made = 0
        for _ in range(2000):
            try:
                if os.fork() == 0:
                    time.sleep(60)
                    os._exit(0)
                made += 1
            except OSError:
                break
        write_frame(sink, {"id": request["id"], "made": made})
        time.sleep(60)
        """, box=box)
    # Where the cap is a watcher, it may end the box before the worker can answer.
    made = 0
    with contextlib.suppress(Crashed, BrokenProtocol, TimedOut):
        made = session.ask("fork", expect={}, seconds=20)[0]["made"]
    assert made < small.processes
    assert made > 0 or box is ALONE


def test_threads_are_capped(boxed, small):
    session = boxed("""
        import threading
        ready()
        request, _ = read_frame(source, None)
        made = 0
        try:
            for made in range(500):
                threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        except RuntimeError:
            pass
        write_frame(sink, {"id": request["id"], "made": made})
        """)
    assert session.ask("thread", expect={}, seconds=20)[0]["made"] < small.processes


def alive(number: int) -> bool:
    """Whether a process runs; one that only waits to be reaped by the system's first process does not."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until_gone(numbers: set[int]) -> set[int]:
    """Give those that still run after some seconds."""
    end = time.monotonic() + 10
    while (left := {number for number in numbers if alive(number)}) and time.monotonic() < end:
        time.sleep(0.02)
    return left


def numbers_of(parent: int) -> set[int]:
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == parent:
                found |= {int(entry.name)} | numbers_of(int(entry.name))
    return found


def test_after_closing_no_process_group_or_file_is_left(boxed):
    before = {path for path in Path("/tmp").iterdir() if path.name.startswith("harness-")}
    session = boxed("""
        ready()
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(600)
            os._exit(0)
        answer()
        time.sleep(600)
        """)
    session.ask("go", expect={}, seconds=20)
    inside = numbers_of(session._process.pid)
    assert len(inside) >= 3     # the box's first process, the worker, and its daemon
    groups = list(session._guard.group.folders.values()) if session._guard.group else []
    assert all(folder.is_dir() for folder in groups)
    session.close()
    assert wait_until_gone(inside) == set()
    assert not [folder for folder in groups if folder.exists()]
    assert {path for path in Path("/tmp").iterdir() if path.name.startswith("harness-")} <= before


def test_the_box_ends_with_a_grader_that_is_killed(prelude):
    code = """
import json, sys, time
from harness.limits import Limits
from harness.sandbox.bubblewrap import BubblewrapBox
from harness.sandbox.process import WorkerSession
box, limits = BubblewrapBox.find(), Limits()
arguments = ["-c", sys.argv[1], json.dumps(box.confinement(limits))]
process, guard = box.start(arguments, limits, binds=[], cuda=False)
session = WorkerSession(process, {}, limits=limits, guard=guard)
session.ask("go", expect={}, seconds=20)
print(process.pid, flush=True)
time.sleep(600)
"""
    script = prelude + "ready(); answer(); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code, script], stdout=subprocess.PIPE, text=True) as grader:
        number = int(grader.stdout.readline())
        inside = {number} | numbers_of(number)
        assert len(inside) >= 3
        grader.send_signal(signal.SIGKILL)
    assert wait_until_gone(inside) == set()
    if hierarchy := find_hierarchy():       # the next grader removes the group that this one left
        parents = hierarchy.parents.values()
        left = [group for parent in parents for group in parent.glob(f"harness-{grader.pid}-*")]
        assert left == []


MODEL = """
    import os, torch
    from pathlib import Path
    from harness.contract import GenerativeModel, flatten, as_images

    class Model(GenerativeModel, torch.nn.Module):
        def __init__(self, size=4):
            super().__init__()
            self.scale = torch.nn.Parameter(torch.zeros(1))
            self.size = size
        def fit(self, images, labels, *, seed, device, deadline):
            print("training on", len(images), Path.cwd(), sorted(os.listdir()))
            self.scale.data += images.mean()
        def encode(self, images):
            return flatten(images)[:, 300:300 + self.size] * self.scale
        def decode(self, codes):
            return as_images(codes.mean(1, keepdim=True).expand(-1, 784).sigmoid())
        def sample(self, count, *, labels=None, seed):
            return torch.rand(count, 1, 28, 28)
    """


def test_a_model_is_trained_in_one_box_and_used_in_another(tmp_path):
    folder, checkpoint = tmp_path / "clean", tmp_path / "trained"
    for path in (folder, checkpoint):
        path.mkdir()
    (folder / "model.py").write_text(textwrap.dedent(MODEL))
    (folder / "model.py").chmod(0o600)      # as a strict umask leaves it; the box's user must still read it
    box, limits = BubblewrapBox.find(), Limits()
    images = np.full((50, 28, 28), 51, np.uint8)
    job = Job(role="fit", source="model.py:Model", folder=folder, arguments={"size": 6})
    with box.open(job, limits) as session:
        _, files = session.ask("fit", {"images": images}, {"seconds": 10}, seconds=60, expect={
            "files/*": Expected(shape=(None,), dtype="|u1", most=MIB)})
        assert "training on 50 /hand-in ['model.py']" in session.log
    missing = dataclasses.replace(job, checkpoint=folder / "vae.pt")
    with box.open(missing, limits) as session, pytest.raises(Rejected, match=r"no checkpoint vae\.pt"):
        session.ask("describe", expect={}, seconds=60)
    (checkpoint / "model.safetensors").write_bytes(files["files/model.safetensors"].tobytes())
    job = dataclasses.replace(job, role="encode", checkpoint=checkpoint)
    with box.open(job, limits) as session:
        head, _ = session.ask("describe", expect={}, seconds=60)
        assert head["capabilities"] == ["fit", "sample", "encode", "decode"]
        assert head["parameters"] == 1
        _, arrays = session.ask("encode", {"images": images}, seconds=60, expect={
            "codes": Expected(shape=(50, None), most=5000)})
        np.testing.assert_allclose(arrays["codes"], 0.04, rtol=1e-5)
        _, arrays = session.ask("sample", None, {"count": 5, "seed": 1}, seconds=60, expect={
            "images": Expected(shape=(5, 28, 28), low=0, high=1)})
        assert arrays["images"].std() > 0.2


def test_a_graphics_card_is_shown_only_when_asked_for(small, monkeypatch, tmp_path):
    for name in ("nvidia0", "nvidiactl", "nvidia-uvm", "kvm", "sda"):
        (tmp_path / name).touch()
    monkeypatch.setattr(bubblewrap, "DEVICES", tmp_path)
    without, asked = (bubblewrap._files(small, [], own_environment(), cuda=cuda) for cuda in (False, True))
    assert not [option for option in without if "nvidia" in option or option in {"--dev-bind", "/sys"}]
    shown = [asked[place + 1] for place, option in enumerate(asked) if option == "--dev-bind"]
    assert shown == [str(tmp_path / name) for name in ("nvidia-uvm", "nvidia0", "nvidiactl")]
    assert [option for option in asked if option not in without] == [
        *(word for path in shown for word in ("--dev-bind", path, path)), "/sys", "/sys"]


def test_the_best_box_withstands_its_self_test_quickly():
    box = BubblewrapBox.find()
    self_test(box)
    times = []
    for _ in range(3):
        begun = time.perf_counter()
        self_test(box)
        times.append(time.perf_counter() - begun)
    assert min(times) < 5       # four boxes at once, on a machine that may be busy
    assert box.protects
    assert "65534" in box.name


@pytest.mark.skipif(find_hierarchy() is None, reason="this user cannot make control groups here")
def test_a_control_group_has_the_limits_and_goes_away(small):
    hierarchy = find_hierarchy()
    group = hierarchy.make(small)
    memory, pids = group.folders["memory"], group.folders["pids"]
    file = "memory.max" if hierarchy.version == 2 else "memory.limit_in_bytes"
    assert int((memory / file).read_text()) == small.memory_bytes
    assert int((pids / "pids.max").read_text()) == small.processes
    assert group.oom_kills() == 0
    group.remove()
    assert not memory.exists()
    assert not pids.exists()
