"""Containers: an engine's command line and answers, with a stand-in for it, and the real one where there is one."""

from __future__ import annotations

import json
import os
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from harness.errors import BoxUnavailable, Crashed, OutOfMemory
from harness.limits import MIB, Limits
from harness.sandbox.base import Job
from harness.sandbox.choose import _ATTACKS, self_test
from harness.sandbox.container import ContainerBox, _mount
from harness.sandbox.environments import own_environment
from harness.sandbox.seccomp import DENIED, FAMILIES, NEW_NAMESPACES, NONE, seccomp_profile
from harness.wire import Expected

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the harness uses container engines on Linux only")

# Notes what it is asked, and runs what it is to run in a container as it is, with the packages where they really lie.
STAND_IN = """#!{python}
import json, os, sys, pathlib
here, (verb, *rest) = pathlib.Path({here!r}), sys.argv[1:]
with (here / "asked").open("a") as log:
    log.write(json.dumps([verb, *rest]) + "\\n")
told = json.loads((here / "tells.json").read_text())
if verb == "import":
    (here / "layer.tar").write_bytes(sys.stdin.buffer.read())
if verb == "run":
    place = next(n for n, word in enumerate(rest) if word.startswith("localhost/harness-box"))
    command = ["PYTHONPATH={path}" if word.startswith("PYTHONPATH=") else word for word in rest[place + 1:]]
    if "fails" not in told:
        os.chdir("/tmp")
        os.execv(command[0], command)
if verb in told.get("fails", []):
    sys.exit("Error: " + told["says"])
form = rest[rest.index("--format") + 1] if "--format" in rest else ""
print(told.get(verb + form, told.get(verb, "")))
"""


class Engine:
    """A stand-in for an engine, and what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = folder / "docker"
        path = os.pathsep.join(map(str, [Path(__file__).parents[2], *own_environment().packages]))
        self.program.write_text(STAND_IN.format(python=sys.executable, here=str(folder), path=path))
        self.program.chmod(0o755)
        self.tells()

    def tells(self, **answers: object) -> None:
        (self.folder / "tells.json").write_text(json.dumps(answers))

    @property
    def asked(self) -> list[list[str]]:
        return [json.loads(line) for line in (self.folder / "asked").read_text().splitlines()]

    def ran(self) -> list[str]:
        """What it was asked to run, once it was."""
        end = time.monotonic() + 20
        while not (found := [words for words in self.asked if words[0] == "run"]) and time.monotonic() < end:
            time.sleep(0.02)
        return found[0]


@pytest.fixture
def engine(tmp_path, monkeypatch):
    (tmp_path / "engine").mkdir()
    made = Engine(tmp_path / "engine")
    monkeypatch.setenv("PATH", f"{made.folder}:/usr/bin:/bin")
    return made


MODEL = """
    class Model:
        def encode(self, images): return images.flatten(1)[:, :2]
    print("hello from", __file__)
    """


@pytest.fixture
def opened(engine, tmp_path):
    """A session with a worker that the stand-in runs."""
    folder = tmp_path / "clean"
    folder.mkdir()
    (folder / "model.py").write_text(textwrap.dedent(MODEL))
    job = Job(role="encode", source="model.py:Model", folder=folder, device="cuda")
    with ContainerBox.find("docker").open(job, Limits(memory_bytes=300 * MIB, processes=40)) as session:
        yield session


def options(words: list[str], name: str) -> list[str]:
    return [words[place + 1] for place, word in enumerate(words) if word == name]


def test_the_container_is_shut_off_and_capped(opened, engine):
    ran = engine.ran()
    for name, value in {
        "--network": "none", "--cap-drop": "ALL", "--user": "65534:65534", "--ipc": "private", "--cgroupns": "private",
        "--pids-limit": "40", "--memory": str(300 * MIB), "--memory-swap": str(300 * MIB), "--pull": "never",
        "--shm-size": str(256 * MIB), "--gpus": "all",
    }.items():
        assert options(ran, name) == [value], name
    assert {"--read-only", "--interactive"} <= set(ran)
    assert not {"--privileged", "--volume", "-v", "--env", "-e", "--tty", "--pid", "--device"} & set(ran)
    assert "no-new-privileges" in options(ran, "--security-opt")
    assert options(ran, "--ulimit") == ["nofile=512:512", "core=0:0"]
    assert options(ran, "--tmpfs")[0] == f"/tmp:rw,exec,nosuid,nodev,mode=1777,size={512 * MIB}"


def test_all_that_is_bound_is_read_only_and_named(opened, engine):
    mounts = options(engine.ran(), "--mount")
    assert all(mount.startswith("type=bind,source=") and mount.endswith(",readonly") for mount in mounts)
    inside = {mount.split("target=")[1].split(",")[0] for mount in mounts}
    assert {"/usr", "/hand-in", "/opt/harness/harness/worker"} <= inside
    assert not {"/", "/home", "/root", "/etc", "/var", "/opt/harness", "/opt/harness/harness"} & inside


def test_the_environment_is_emptied_inside(opened, engine):
    ran = engine.ran()
    start = ran.index("/usr/bin/env")
    assert ran[start + 1] == "-i"
    assert "PYTHONHASHSEED=0" in ran
    assert not [word for word in ran[start:] if word.startswith(("HARNESS_DATA=", "SSH_", "AWS_"))]


def test_a_container_without_a_gpu_asks_for_none(engine, tmp_path, monkeypatch):
    process, guard = ContainerBox.find("docker").start([], Limits(), binds=[], cuda=False)
    process.communicate(timeout=20)
    guard.release()
    assert "--gpus" not in engine.ran()


def test_podman_takes_gpus_as_devices(engine):
    engine.program.rename(engine.folder / "podman")
    process, guard = ContainerBox.find("podman").start([], Limits(), binds=[], cuda=True)
    process.communicate(timeout=20)
    guard.release()
    assert options(engine.ran(), "--device") == ["nvidia.com/gpu=all"]


def test_closing_removes_the_container_and_the_files_made_for_it(opened, engine):
    (name,) = options(engine.ran(), "--name")
    security = dict(word.partition("=")[::2] for word in options(engine.ran(), "--security-opt"))
    profile = Path(security["seccomp"])
    assert json.loads(profile.read_text()) == seccomp_profile()
    opened.close()
    verbs = [words[0] for words in engine.asked if name in words[1:]]
    assert verbs.index("kill") < verbs.index("rm")
    assert not profile.parent.exists()


@pytest.mark.parametrize(("answer", "kind"), [("false true", OutOfMemory), ("false false", Crashed)])
def test_out_of_memory_is_what_the_engine_says_and_not_an_exit_code(engine, answer, kind):
    engine.tells(**{"inspect{{.State.Running}} {{.State.OOMKilled}}": answer})
    box = ContainerBox.find("docker")
    session = box.attack(engine.folder, Limits(start_seconds=20))
    options = {"output": 0, "memory": 0, "processes": 0}
    session._wait_until_ready()
    os.kill(session._process.pid, 9)
    with pytest.raises(kind):
        session.ask("flood", None, options, expect={}, seconds=20)
    session.close()


def test_an_engine_without_its_service_is_no_box_and_says_what_to_do(engine):
    engine.tells(fails=["ps"], says="Cannot connect to the Docker daemon at unix:///var/run/docker.sock.")
    with pytest.raises(BoxUnavailable, match=r"docker does not work .*docker\.sock.*start Docker"):
        ContainerBox.find("docker")


def test_a_container_that_cannot_start_is_refused_with_the_engines_words(engine):
    engine.tells(fails=["run"], says="unknown runtime")
    with pytest.raises(BoxUnavailable, match=r"docker does not start \(Error: unknown runtime"):
        self_test(ContainerBox.find("docker"))


def test_a_box_that_holds_nothing_is_refused(engine):
    with pytest.raises(BoxUnavailable, match="docker does not protect on this machine: code inside reads a file"):
        self_test(ContainerBox.find("docker"))


def test_containers_of_graders_that_are_gone_are_removed(engine):
    engine.tells(ps=f"harness-999999999-0\nharness-{os.getpid()}-4\nharness-web-1\nother-harness-999999999-1")
    ContainerBox.find("docker")
    assert [words[-1] for words in engine.asked if words[0] == "rm"] == ["harness-999999999-0"]


def test_the_image_is_made_once_without_a_download(engine):
    box = ContainerBox.find("docker")
    assert ["import", "-", box.image] in engine.asked
    assert (engine.folder / "layer.tar").stat().st_size < 50_000
    assert "pull" not in {words[0] for words in engine.asked}
    engine.tells(images="0123456789ab")
    (engine.folder / "asked").unlink()
    assert ContainerBox.find("docker") == box
    assert "import" not in {words[0] for words in engine.asked}


def test_a_comma_in_a_path_does_not_end_it():
    assert _mount(Path("/a,b:c"), Path("/hand-in")) == [
        "--mount", 'type=bind,"source=/a,b:c",target=/hand-in,readonly']


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_profile_denies_what_the_program_denies(machine):
    rules = seccomp_profile(machine)["syscalls"]
    assert all(len(rule["args"]) <= 1 and rule["action"] == "SCMP_ACT_ERRNO" for rule in rules)
    whole = {name for rule in rules if not rule["args"] for name in rule["names"]}
    column = 0 if machine == "x86_64" else 1
    assert whole == {name for name, numbers in DENIED.items() if numbers[column] != NONE} | {"clone3"}

    def denied(name: str, argument: int, index: int = 0) -> bool:
        return any(
            argument & rule["args"][0]["value"] == rule["args"][0]["valueTwo"]
            if rule["args"][0]["op"] == "SCMP_CMP_MASKED_EQ" else argument > rule["args"][0]["value"]
            for rule in rules if name in rule["names"] and rule["args"] and rule["args"][0]["index"] == index)

    assert [family for family in range(64) if not denied("socket", family)] == list(FAMILIES)
    assert not denied("clone", 0x01200011)      # a fork
    assert all(denied("clone", 1 << bit | 17) for bit in range(32) if NEW_NAMESPACES >> bit & 1)
    assert denied("ioctl", 0x5412, 1)
    assert denied("ioctl", 2**32 + 0x541C, 1)
    assert not denied("ioctl", 0x5401, 1)


def test_no_filter_is_made_up_for_an_unknown_machine():
    assert seccomp_profile("riscv64") is None


# --- where an engine is


@pytest.fixture(scope="module")
def real():
    """The first engine that answers."""
    reasons = []
    for engine in ("podman", "docker"):
        try:
            return ContainerBox.find(engine)
        except BoxUnavailable as unavailable:
            reasons.append(str(unavailable))
    pytest.skip("; ".join(reasons))


@pytest.mark.slow
@pytest.mark.parametrize("verb", _ATTACKS)
def test_a_real_container_withstands_the_self_test(real, verb, monkeypatch):
    monkeypatch.setattr("harness.sandbox.choose._ATTACKS", {verb: _ATTACKS[verb]})
    self_test(real)


@pytest.mark.slow
def test_a_real_container_runs_a_hand_in_that_only_root_may_read(real, tmp_path):
    (tmp_path / "model.py").write_text(textwrap.dedent(MODEL))
    (tmp_path / "model.py").chmod(0o600)
    job = Job(role="encode", source="model.py:Model", folder=tmp_path)
    with real.open(job, Limits()) as session:
        _, arrays = session.ask("encode", {"images": np.full((3, 28, 28), 255, np.uint8)}, seconds=120, expect={
            "codes": Expected(shape=(3, 2), low=0, high=1)})
        assert (arrays["codes"] == 1).all()
        assert session.log == "hello from /hand-in/model.py\n"
        name = session._guard._name
    assert name not in real.ask("ps", "--all", "--format", "{{.Names}}")
