"""Which box is taken, and what is said where none works."""

from __future__ import annotations

import time

import numpy as np
import pytest

from harness.errors import BoxUnavailable, TimedOut
from harness.limits import Limits
from harness.sandbox import bubblewrap, choose
from harness.sandbox.base import Job
from harness.sandbox.bubblewrap import BubblewrapBox
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
    name, ready, says = diagnose()[0]
    assert (name, ready) == ("bubblewrap", False)
    assert "apt install bubblewrap" in says


@pytest.mark.box
def test_a_bubblewrap_that_cannot_start_is_refused_with_its_own_words(tmp_path):
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
    broken.chmod(0o755)
    with pytest.raises(BoxUnavailable, match=r"uid map: Permission denied.*AppArmor"):
        self_test(BubblewrapBox(str(broken), None))


@pytest.mark.box
def test_a_box_with_a_hole_is_refused_by_the_attack_that_succeeds(monkeypatch):
    whole = bubblewrap._files
    hole = ["--bind", "/tmp", "/tmp"]
    monkeypatch.setattr(bubblewrap, "_files", lambda *given, **options: [*whole(*given, **options), *hole])
    with pytest.raises(BoxUnavailable, match="code inside reads a file of the host"):
        self_test(BubblewrapBox.find())


@pytest.mark.box
def test_a_shared_network_is_a_hole(monkeypatch):
    whole = bubblewrap._namespaces
    monkeypatch.setattr(bubblewrap, "_namespaces", lambda: [o for o in whole() if o != "--unshare-net"])
    with pytest.raises(BoxUnavailable, match="reaches the host by network"):
        self_test(BubblewrapBox.find())


def test_the_doctor_hears_of_every_backend():
    findings = diagnose()
    assert [name for name, _, _ in findings] == ["bubblewrap", "plain"]
    assert all(says for _, _, says in findings)
    assert choose.__all__ == ["choose_box", "diagnose", "self_test"]


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
        assert session.log == "hello\n"
        begun = time.monotonic()
        with pytest.raises(TimedOut):
            session.ask("decode", {"codes": np.zeros((3, 2), "<f4")}, expect={}, seconds=0.5)
        assert time.monotonic() - begun < 10
    assert not list(tmp_path.glob("__pycache__"))
