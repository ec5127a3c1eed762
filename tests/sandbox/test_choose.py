"""Which box is taken, and what is said where none works."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from harness.errors import BoxUnavailable, TimedOut
from harness.limits import Limits
from harness.sandbox import bubblewrap, choose, verdict
from harness.sandbox.base import Job
from harness.sandbox.bubblewrap import BubblewrapBox
from harness.sandbox.cgroup import Cgroup, find_hierarchy
from harness.sandbox.choose import choose_box, diagnose, self_test
from harness.sandbox.plain import PlainBox
from harness.wire import Expected


@pytest.mark.box
def test_a_box_that_works_is_taken_even_if_none_would_do():
    assert choose_box().protects
    assert choose_box(unconfined=True).protects


def test_without_bubblewrap_batches_refuse_and_only_words_permit_to_go_on(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BoxUnavailable, match=r"not installed.*--unconfined"):
        choose_box()
    box = choose_box(unconfined=True)
    assert not box.protects
    assert box.name == "plain (no protection)"
    first = diagnose()[0]
    assert (first.name, first.ready) == ("bubblewrap", False)
    assert "apt install bubblewrap" in first.says


@pytest.mark.box
def test_a_bubblewrap_that_cannot_start_is_refused_with_its_own_words(tmp_path):
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
    broken.chmod(0o755)
    with pytest.raises(BoxUnavailable, match=r"uid map: Permission denied.*AppArmor"):
        self_test(BubblewrapBox(str(broken), None))


def changed(monkeypatch, name, change):
    """Let a function of the box's backend give something else than it does."""
    whole = getattr(bubblewrap, name)
    monkeypatch.setattr(bubblewrap, name, lambda *given, **options: change(whole(*given, **options)))


def without(*unwanted):
    return lambda options: [option for option in options if option not in unwanted]


@pytest.mark.box
@pytest.mark.parametrize(("name", "change", "found"), [
    ("_files", lambda options: [*options, "--bind", "/tmp", "/tmp"], "reads a file of the host"),
    ("_files", lambda options: [*options, "--perms", "1777", "--tmpfs", "/etc"], "writes to the system"),
    ("_files", lambda options: [{str(16 * 2**20): str(2**28)}.get(one, one) for one in options], "fills more than"),
    ("_namespaces", without("--unshare-net"), "reaches the host by network"),
    ("_namespaces", without("--unshare-pid", "--unshare-user", "--disable-userns"), "sees a process of the host"),
    ("variables", lambda given: {**given, "HARNESS_TEST_CANARY": "1"}, "sees the host's environment"),
])
def test_a_box_with_a_hole_is_refused_by_the_attack_that_succeeds(monkeypatch, name, change, found):
    monkeypatch.setenv("HARNESS_TEST_CANARY", "1")
    changed(monkeypatch, name, change)
    with pytest.raises(BoxUnavailable, match=f"bubblewrap does not protect on this machine: code inside {found}"):
        self_test(BubblewrapBox.find())


@pytest.mark.box
def test_nested_namespaces_are_a_hole(monkeypatch):
    changed(monkeypatch, "_namespaces", without("--disable-userns"))
    monkeypatch.setattr(bubblewrap, "seccomp_program", lambda: None)
    with pytest.raises(BoxUnavailable, match="code inside makes a user namespace"):
        self_test(BubblewrapBox.find())


@pytest.mark.box
@pytest.mark.skipif(find_hierarchy() is None, reason="this user cannot make control groups here")
@pytest.mark.parametrize(("caps", "found"), [
    (("pids.max",), "takes more memory than it may"),
    (("memory.limit_in_bytes", "memory.max"), "starts more processes than it may")])
def test_a_cap_that_does_not_hold_is_a_hole(monkeypatch, caps, found):
    def only_some(self, limits):
        for file in {folder / cap for folder in self.folders.values() for cap in caps}:
            if file.exists():
                file.write_text(str(limits.processes if file.name == "pids.max" else limits.memory_bytes))

    hierarchy = find_hierarchy()
    monkeypatch.setattr(Cgroup, "limit", only_some)
    with pytest.raises(BoxUnavailable, match=f"code inside {found}"):
        self_test(BubblewrapBox("bwrap", hierarchy))


@pytest.fixture
def counted(monkeypatch, tmp_path):
    """The self-tests that were made, with a cache folder of their own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = []
    monkeypatch.setattr(choose, "self_test", made.append)
    return made


@pytest.mark.box
def test_what_was_proven_is_not_tried_again_until_something_changes(counted, monkeypatch, tmp_path):
    for _ in range(3):
        assert choose_box().protects
    assert len(counted) == 1
    boot = tmp_path / "boot_id"
    boot.write_text("another start of the machine")
    monkeypatch.setattr(verdict, "BOOT", boot)
    choose_box()
    assert len(counted) == 2


@pytest.mark.box
def test_the_doctor_tries_anew_what_was_proven(counted):
    choose_box()
    diagnose()
    assert len([box for box in counted if isinstance(box, BubblewrapBox)]) == 2


def _writable_by_all(file: Path) -> None:
    file.chmod(0o666)


def _in_a_folder_of_all(file: Path) -> None:
    file.parent.chmod(0o777)


def _link(file: Path) -> None:
    file.replace(file.with_name("elsewhere.json"))
    file.symlink_to("elsewhere.json")


def _nonsense(file: Path) -> None:
    file.write_text("[]")


@pytest.mark.box
@pytest.mark.parametrize("spoil", [_writable_by_all, _in_a_folder_of_all, _link, _nonsense])
def test_a_verdict_that_others_may_have_written_is_not_believed(counted, tmp_path, spoil):
    choose_box()
    spoil(tmp_path / "cache" / "harness" / "box.json")
    choose_box()
    assert len(counted) == 2


@pytest.mark.box
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_verdict_of_another_user_is_not_believed(counted, tmp_path):
    choose_box()
    os.chown(tmp_path / "cache" / "harness" / "box.json", 1000, 1000)
    choose_box()
    assert len(counted) == 2


@pytest.mark.box
def test_a_cache_that_cannot_be_written_costs_time_only(counted, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert choose_box().protects
    assert choose_box().protects
    assert len(counted) == 2


@pytest.mark.box
def test_a_failed_self_test_is_not_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.MonkeyPatch.context() as patch:
        changed(patch, "_namespaces", without("--unshare-net"))
        with pytest.raises(BoxUnavailable, match="network"):
            choose_box()
    assert choose_box().protects


def test_the_doctor_hears_of_every_backend():
    findings = diagnose()
    assert [one.name for one in findings] == ["bubblewrap", "podman", "docker", "plain"]
    assert all(one.says for one in findings)
    assert [one.name for one in findings if not one.protects] == ["plain"]


def test_the_plain_box_runs_a_hand_in_and_keeps_its_deadline(tmp_path):
    (tmp_path / "model.py").write_text(
        "import time, torch\n"
        "class Model:\n"
        "    def encode(self, images): return images.flatten(1)[:, :2]\n"
        "    def decode(self, codes): time.sleep(60)\n"
        "print('hello')\n")
    job = Job(role="encode", source="model.py:Model", folder=tmp_path)
    with PlainBox().open(job, Limits()) as session:
        white = np.full((3, 28, 28), 255, np.uint8)
        _, arrays = session.ask("encode", {"images": white}, seconds=60, expect={
            "codes": Expected(shape=(3, 2), low=0, high=1)})
        assert (arrays["codes"] == 1).all()
        until = time.monotonic() + 10       # what is printed comes by a pipe of its own
        while session.log != "hello\n" and time.monotonic() < until:
            time.sleep(0.01)
        assert session.log == "hello\n"
        begun = time.monotonic()
        with pytest.raises(TimedOut):
            session.ask("decode", {"codes": np.zeros((3, 2), "<f4")}, expect={}, seconds=0.5)
        assert time.monotonic() - begun < 10
    assert not list(tmp_path.glob("__pycache__"))
