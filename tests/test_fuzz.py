"""The targets of `make fuzz` read what they begin with, and see a fault where there is one."""

from __future__ import annotations

import pytest

from scripts.fuzz import TARGETS, Target, made


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_reads_its_seeds_and_what_they_are_cut_to(name):
    target = TARGETS[name]
    for seed in target.seeds():
        target.read(seed)
        target.read(seed[:len(seed) // 2])


def test_an_exception_that_is_no_refusal_is_found(monkeypatch):
    def careless(data: bytes) -> None:
        if len(data) > 3:
            raise IndexError("here")

    monkeypatch.setattr("scripts.fuzz._limit_memory", lambda: None)
    with pytest.raises(IndexError, match="here"):
        made(Target(careless, lambda: [b"seed"]), 1)
