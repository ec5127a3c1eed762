"""Rows 12 to 18: ways out of the box, tried by the code of a hand-in in a worker that trains it."""

from __future__ import annotations

import json
import os
import platform
import pty
import select
import socket
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from harness.sandbox.base import Job
from harness.wire import Expected
from tests.attacks.batches import LIMITS, MIB, ROOT, hand_in, left_since, own_temporary_folder, running, traces

pytestmark = [
    pytest.mark.box,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="the attacks use the numbers of x86_64"),
]

# What came of each attempt: the error that refused it, or what it brought.
ESCAPES = r"""
import ctypes, glob, json, os, signal, socket, struct, subprocess, fcntl
from pathlib import Path

def attempt(act):
    try:
        return f"DONE {act()!r}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"

library = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    ctypes.set_errno(0)
    if library.syscall(number, *arguments) == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return "the call worked"

def ask_by_udp(place):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        return udp.sendto(b"attack", place)

def ask_by_unix(place):
    with socket.socket(socket.AF_UNIX) as unix:
        unix.connect(place)
        return unix.send(b"attack")

def run(*words):
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise OSError(done.returncode, done.stderr.strip()[-200:] or "it failed")
    return done.stdout

class Model:
    framework = "numpy"

    def __init__(self, secret, port, address, abstract, unix, victim):
        self.told = {
            "descriptors": {
                number: os.readlink(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd")
                if os.path.lexists(f"/proc/self/fd/{number}")},
            "files": {
                place: attempt(lambda place=place: Path(place).read_text()) for place in (
                    secret, "/proc/1/root" + secret, "/proc/self/root" + secret, "/proc/1/cwd/" + secret,
                    "../" * 30 + secret, f"/proc/{os.getppid()}/root" + secret, f"/proc/{victim}/root" + secret)},
            "links": {
                place: attempt(lambda place=place: [
                    os.readlink(f"{place}/{name}") if os.path.islink(f"{place}/{name}") else name
                    for name in os.listdir(place)]) for place in (
                    "/proc/1/root", "/proc/1/cwd", "/proc/1/fd", "/proc/1/map_files", "/proc/1/task/1/root")},
            "namespaces": {
                **{name: attempt(lambda flag=flag: call(272, flag)) for name, flag in {
                    "user": 0x10000000, "mount": 0x20000, "process": 0x20000000, "network": 0x40000000,
                    "user and mount": 0x10020000}.items()},
                "clone": attempt(lambda: call(56, 0x10000000 | 17, 0, 0, 0, 0)),
                "clone3": attempt(lambda: call(435, 0, 88)),
                "setns": attempt(lambda: call(308, os.open("/proc/1/ns/mnt", os.O_RDONLY), 0)),
                "program unshare": attempt(lambda: run("/usr/bin/unshare", "-Urm", "/bin/true")),
                "program bwrap": attempt(
                    lambda: run("/usr/bin/bwrap", "--unshare-user", "--ro-bind", "/", "/", "/bin/true")),
                "mount": attempt(lambda: call(165, b"none", b"/tmp", b"tmpfs", 0, 0)),
                "chroot": attempt(lambda: os.chroot("/tmp")),
            },
            "calls": {
                name: attempt(lambda parts=parts: call(*parts)) for name, parts in {
                    "ptrace attach": (101, 16, 1, 0, 0), "ptrace me": (101, 0, 0, 0, 0), "bpf": (321, 0, 0, 0),
                    "io_uring": (425, 1, ctypes.create_string_buffer(120)), "keyctl": (250, 0, -3, 0),
                    "add_key": (248, b"user", b"attack", b"x", 1, -3),
                    "perf_event_open": (298, ctypes.create_string_buffer(120), 0, -1, -1, 0),
                    "userfaultfd": (323, 1), "process_vm_readv": (310, 1, 0, 0, 0, 0, 0),
                    "open_by_handle_at": (304, -100, ctypes.create_string_buffer(64), 0),
                }.items()},
            "network": {
                "tcp": attempt(lambda: socket.create_connection(("127.0.0.1", port), 1)),
                "tcp to its address": attempt(lambda: socket.create_connection((address, port), 1)),
                "udp": attempt(lambda: ask_by_udp(("127.0.0.1", port))),
                "udp to its address": attempt(lambda: ask_by_udp((address, port))),
                "dns": attempt(lambda: socket.getaddrinfo("example.org", 80)),
                "dns by hand": attempt(lambda: ask_by_udp(("192.0.2.53", 53))),
                "abstract socket": attempt(lambda: ask_by_unix("\0" + abstract)),
                "unix socket": attempt(lambda: ask_by_unix(unix)),
                "unix socket by 1": attempt(lambda: ask_by_unix("/proc/1/root" + unix)),
                "raw": attempt(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)),
                "vsock": attempt(lambda: socket.socket(40, socket.SOCK_STREAM)),
                "bluetooth": attempt(lambda: socket.socket(31, socket.SOCK_RAW)),
            },
            "host": {
                "kill": attempt(lambda: os.kill(victim, signal.SIGKILL)),
                "stop": attempt(lambda: os.kill(victim, signal.SIGSTOP)),
                "kill by descriptor": attempt(lambda: os.pidfd_open(victim)),
                "reboot": attempt(lambda: call(169, 0xFEE1DEAD, 672274793, 0x1234567, 0)),
                "sysrq": attempt(lambda: Path("/proc/sysrq-trigger").write_text("b")),
                "set the clock": attempt(lambda: call(227, 0, struct.pack("qq", 0, 0))),
                "set the name": attempt(lambda: socket.sethostname("attacked")),
                "load a module": attempt(lambda: call(313, 0, b"", 0)),
                "core pattern": attempt(lambda: Path("/proc/sys/kernel/core_pattern").write_text("|/bin/sh")),
                "niceness": attempt(lambda: os.setpriority(os.PRIO_PROCESS, 0, -20)),
            },
        }

    def fit(self, images, labels, *, seed, device, deadline):
        try:
            os.kill(-1, signal.SIGTERM)      # everyone that it may signal: inside there is nobody
        except OSError as error:
            print(error)

    def save(self, folder):
        (folder / "told.json").write_text(json.dumps(self.told))
"""


@pytest.fixture(scope="module")
def escape(course, box, tmp_path_factory):
    """What the attempts came to, and what the host saw of them."""
    outside = tmp_path_factory.mktemp("outside")
    outside.chmod(0o755)
    (outside / "secret").write_text("the secret of the host")
    folder = hand_in(course.submissions / "escapes", ESCAPES)
    with (
        own_temporary_folder(tmp_path_factory.mktemp("temporary")),
        subprocess.Popen(["sleep", "600"]) as victim,
        socket.create_server(("", 0)) as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_UNIX) as abstract, socket.socket(socket.AF_UNIX) as unix,
        (outside / "secret").open() as inherited,
    ):
        os.set_inheritable(inherited.fileno(), True)
        port = tcp.getsockname()[1]
        udp.bind(("", port))
        abstract.bind(f"\0attacked-{os.getpid()}")
        unix.bind(str(outside / "socket"))
        (outside / "socket").chmod(0o777)
        for server in (abstract, unix):
            server.listen()
        before = traces()
        arguments = {
            "secret": str(outside / "secret"), "port": port, "address": own_address(),
            "abstract": f"attacked-{os.getpid()}", "unix": str(outside / "socket"), "victim": victim.pid}
        job = Job(role="fit", source="model.py:Model", folder=folder, arguments=arguments)
        with box.open(job, LIMITS) as session:
            _, files = session.ask(
                "fit", {"images": np.zeros((2, 28, 28), np.uint8)}, {"seconds": 10}, seconds=60,
                expect={"files/*": Expected(shape=(None,), dtype="|u1", most=MIB)})
        yield {
            **json.loads(files["files/told.json"].tobytes()), "victim lives": victim.poll() is None,
            "left": left_since(before),
            "heard": [server for server in (tcp, udp, abstract, unix) if select.select([server], [], [], 0)[0]]}
        victim.kill()


def own_address() -> str:
    """The address of this machine in its network; the loopback's where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("192.0.2.1", 9))        # sends nothing
        except OSError:
            return "127.0.0.1"
        return asking.getsockname()[0]


def done(attempts: dict[str, str]) -> dict[str, str]:
    """Those that succeeded."""
    assert attempts
    return {name: told for name, told in attempts.items() if told.startswith("DONE")}


@pytest.mark.row(12)
def test_row_12_the_hosts_files_are_not_reached_by_any_root(escape, outcome):
    outcome("denied")
    assert done(escape["files"]) == {}
    # In a box that an ordinary user made, process 1 may be looked at: it has the box's own root, and pipes.
    reached = json.dumps(done(escape["links"]))
    for name in ("home", "memfd", "secret", "pytest", ".harness"):
        assert name not in reached, reached
    assert "the secret" not in json.dumps(escape["files"])


@pytest.mark.row(13)
def test_row_13_no_namespace_and_no_mount_can_be_made(escape, outcome):
    outcome("denied")
    assert done(escape["namespaces"]) == {}


@pytest.mark.row(14)
def test_row_14_tracing_and_the_kernels_interfaces_are_refused(escape, outcome):
    outcome("denied")
    assert done(escape["calls"]) == {}
    assert {told.split(":")[0] for told in escape["calls"].values()} == {"PermissionError"}


# Runs in a process that has a terminal, starts a box there, and lets the code inside type into what it finds.
AT_A_TERMINAL = """
import fcntl, json, sys, termios
from pathlib import Path
from tests.boxes import SMALL, boxed_script
script = '''
import fcntl, termios
told = {}
for place in ["/dev/tty", "/dev/console", "/dev/pts/0", *(f"/proc/self/fd/{n}" for n in range(8))]:
    try:
        with open(place, "rb", buffering=0) as terminal:
            for letter in b"attack\\\\n":
                fcntl.ioctl(terminal, termios.TIOCSTI, bytes([letter]))
            told[place] = "typed"
    except OSError as error:
        told[place] = str(error)
ready()
answer({"told": told})
'''
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
with open("/dev/tty") as own, boxed_script(script, SMALL, Path(sys.argv[1])) as session:
    print("TOLD", json.dumps(session.ask("type", expect={}, seconds=20)[0]["told"]), "END", flush=True)
"""


@pytest.mark.row(15)
def test_row_15_nothing_can_be_typed_into_the_graders_terminal(tmp_path, outcome):
    terminal, other = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", PACKAGE + AT_A_TERMINAL, str(tmp_path)], stdin=other, stdout=other, stderr=other,
        start_new_session=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as grader:
        os.close(other)
        shown = b"".join(iter(lambda: read_terminal(terminal), b""))
        assert grader.wait(60) == 0, shown.decode()
    os.close(terminal)
    text = shown.decode()
    outcome("denied")
    told = json.loads(text.partition("TOLD")[2].partition("END")[0])
    assert "typed" not in told.values()
    assert "attack" not in text     # a terminal echoes what is typed into it


def read_terminal(descriptor: int) -> bytes:
    """What is shown next; nothing where the last process at the terminal has ended."""
    try:
        return os.read(descriptor, 4096)
    except OSError:
        return b""


# `tests` is a folder and not a package: installed packages of that name would come before it.
PACKAGE = textwrap.dedent(f"""
    import sys, types
    package = types.ModuleType("tests")
    package.__path__ = [{str(ROOT / "tests")!r}]
    sys.modules["tests"] = package
    """)


@pytest.mark.row(16)
def test_row_16_nobody_can_be_reached_by_network_or_socket(escape, outcome):
    outcome("denied")
    assert set(done(escape["network"])) <= {"udp"}      # what it sends to its own loopback is lost there
    assert escape["heard"] == []


@pytest.mark.row(17)
def test_row_17_no_descriptor_is_inherited_but_the_pipes_of_the_worker(escape, outcome):
    outcome("none")
    targets = {target for target in escape["descriptors"].values() if not target.startswith(("pipe:", "/proc/"))}
    assert targets <= {"/dev/null", "/dev/urandom"}
    assert "secret" not in json.dumps(escape["descriptors"])


@pytest.mark.row(18)
def test_row_18_the_host_is_neither_signalled_nor_changed(escape, outcome):
    outcome("denied")
    assert done(escape["host"]) == {}
    assert escape["victim lives"]
    assert socket.gethostname() != "attacked"


def test_nothing_is_left_of_it(escape):
    assert escape["left"] == {}
    assert running("unshare -Urm") == []
