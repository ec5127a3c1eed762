"""The store gives back what was made, and never anything else."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data import Dataset, Split
from harness.store import Store, key_of, recall_for

INPUTS = {"hand_in": "abc", "data": "def"}


def never():
    raise AssertionError("this was to be recalled, not made again")


def entries(store):
    return [path for path in store.folder.rglob("*") if path.is_file()]


def test_a_result_is_made_once_and_recalled_afterwards(tmp_path):
    result = b"result\nof two lines"
    assert Store(tmp_path / "store").recall("stage", INPUTS, lambda: result) == result
    assert Store(tmp_path / "store").recall("stage", INPUTS, never) == result


@given(st.binary(max_size=300))
def test_any_bytes_come_back_as_they_were(tmp_path_factory, content):
    store = Store(tmp_path_factory.mktemp("store"))
    store.recall("stage", INPUTS, lambda: content)
    assert store.recall("stage", INPUTS, never) == content


def test_another_input_or_stage_is_another_result(tmp_path):
    store = Store(tmp_path)
    store.recall("stage", INPUTS, lambda: b"first")
    assert store.recall("stage", INPUTS | {"data": "other"}, lambda: b"second") == b"second"
    assert store.recall("other", INPUTS, lambda: b"third") == b"third"
    assert store.recall("stage", INPUTS, never) == b"first"


def test_the_order_of_inputs_does_not_matter_to_the_key():
    assert key_of("stage", {"a": "1", "b": "2"}) == key_of("stage", {"b": "2", "a": "1"})
    assert key_of("stage", {"a": "1", "b": "2"}) != key_of("stage", {"a": "2", "b": "1"})


@pytest.mark.parametrize("damage", [
    lambda content: content[:-1],
    lambda content: content[:0],
    lambda content: content[:-1] + bytes([content[-1] ^ 1]),
    lambda content: b"\xff" * len(content),
], ids=["cut short", "empty", "one bit", "overwritten"])
def test_a_damaged_entry_is_noticed_and_made_again(tmp_path, damage):
    store = Store(tmp_path)
    store.recall("stage", INPUTS, lambda: b"the result")
    (entry,) = entries(store)
    entry.write_bytes(damage(entry.read_bytes()))
    assert store.recall("stage", INPUTS, lambda: b"made again") == b"made again"
    assert store.recall("stage", INPUTS, never) == b"made again"


def test_what_fails_is_not_kept(tmp_path):
    store = Store(tmp_path)
    with pytest.raises(ZeroDivisionError):
        store.recall("stage", INPUTS, lambda: bytes(1 // 0))
    assert entries(store) == []


def test_a_store_that_cannot_be_written_still_gives_results(tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert Store(tmp_path / "file" / "store").recall("stage", INPUTS, lambda: b"made") == b"made"


def test_many_writers_of_one_entry_leave_one_whole_entry(tmp_path):
    content = bytes(range(256)) * 4000
    start = threading.Barrier(8)
    results = []

    def work():
        start.wait()
        results.append(Store(tmp_path).recall("stage", INPUTS, lambda: content))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [content] * 8
    assert len(entries(Store(tmp_path))) == 1
    assert Store(tmp_path).recall("stage", INPUTS, never) == content


WRITER = """
import pathlib, sys
from harness.store import Store
store = Store(pathlib.Path(sys.argv[1]))
content = bytes(range(256)) * 2000
for number in range(200):
    made = store.recall("stage", {"number": str(number % 7)}, lambda: content + bytes([number % 7]))
    assert made == content + bytes([number % 7]), number
    if number % 5 == 0:
        store.prune(lambda entry: entry.inputs["number"] == "3")
print("done")
"""


def test_two_processes_share_a_store_while_both_prune_it_and_one_is_killed(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    start = [sys.executable, "-c", WRITER, str(tmp_path)]
    killed, *others = [
        subprocess.Popen(start, stdout=subprocess.PIPE, env=environment) for _ in range(3)]
    while not entries(Store(tmp_path)):
        time.sleep(0.01)
    killed.kill()
    killed.communicate()
    assert [one.communicate()[0] for one in others] == [b"done\n"] * 2
    assert {entry.stage for entry in Store(tmp_path).entries()} == {"stage"}


def test_an_entry_tells_what_it_is_of_and_when_it_was_used(tmp_path):
    store = Store(tmp_path)
    store.recall("model", INPUTS, lambda: b"x" * 100)
    (entry,) = store.entries()
    assert (entry.stage, entry.inputs, entry.size > 100) == ("model", INPUTS, True)
    os.utime(entry.path, (1, 1))
    assert [one.used for one in store.entries()] == [1.0]
    store.recall("model", INPUTS, never)
    assert [time.time() - one.used < 60 for one in store.entries()] == [True]


def test_a_store_says_what_it_holds_without_making_it(tmp_path):
    store = Store(tmp_path)
    assert not store.holds("stage", INPUTS)
    store.recall("stage", INPUTS, lambda: b"made")
    assert store.holds("stage", INPUTS)
    (path,) = entries(store)
    path.write_bytes(path.read_bytes()[:-1])
    assert not store.holds("stage", INPUTS)


def test_pruning_takes_what_is_unwanted_and_what_killed_writers_left_and_nothing_else(tmp_path):
    store = Store(tmp_path)
    for stage in ("model", "theory"):
        store.recall(stage, INPUTS, lambda: b"made")
    place = next(path.parent for path in entries(store))
    (place / "new-abandoned").write_text("half")
    (place / "new-under-way").write_text("half")
    os.utime(place / "new-abandoned", (1, 1))
    (tmp_path / "mine.txt").write_text("not the store's")
    number, freed = store.prune(lambda entry: entry.stage == "model")
    assert number == 1
    assert freed > 4
    assert [entry.stage for entry in store.entries()] == ["theory"]
    assert {path.name for path in entries(store) if "new" in path.name} == {"new-under-way"}
    assert (tmp_path / "mine.txt").exists()


def test_an_entry_of_an_older_form_is_no_result_and_can_be_pruned(tmp_path):
    store = Store(tmp_path)
    store.recall("stage", INPUTS, lambda: b"made")
    (path,) = entries(store)
    path.write_bytes(hashlib.sha256(b"old").hexdigest().encode() + b"\nold")
    assert [entry.stage for entry in store.entries()] == [""]
    assert store.recall("stage", INPUTS, lambda: b"made again") == b"made again"


def test_clearing_forgets_every_entry_and_leaves_other_files_alone(tmp_path):
    store = Store(tmp_path)
    (tmp_path / "mine.txt").write_text("not the store's")
    assert store.size() == 0
    store.recall("stage", INPUTS, lambda: b"x" * 1000)
    assert 1000 < store.size() < 1200
    store.clear()
    assert store.size() == 0
    assert (tmp_path / "mine.txt").exists()
    assert store.recall("stage", INPUTS, lambda: b"again") == b"again"


def test_baselines_are_measured_once_for_each_data_set_budget_and_version(tmp_path):
    split = Split(np.zeros((1, 28, 28), np.uint8), np.zeros(1, np.uint8))
    data = Dataset(name="garments", train=split, test=split, hash="one", stand_in=True)
    other = Dataset(name="garments", train=split, test=split, hash="two", stand_in=True)
    store = Store(tmp_path)
    recall = recall_for(store, data=data, budget_name="full", version="1")
    made = {"mse": 0.1 + 0.2, "tiny": 5e-324}
    assert recall("mean image", lambda: made) == made
    assert recall("mean image", never) == made
    assert recall("pca", lambda: {"mse": 2.0}) == {"mse": 2.0}
    for another in (
        recall_for(store, data=other, budget_name="full", version="1"),
        recall_for(store, data=data, budget_name="quick", version="1"),
        recall_for(store, data=data, budget_name="full", version="2"),
    ):
        assert another("mean image", lambda: {"mse": 3.0}) == {"mse": 3.0}


def test_without_a_version_baselines_are_kept_while_the_code_that_measures_is_the_same(tmp_path, monkeypatch):
    split = Split(np.zeros((1, 28, 28), np.uint8), np.zeros(1, np.uint8))
    data = Dataset(name="garments", train=split, test=split, hash="one", stand_in=True)
    store = Store(tmp_path)
    recall_for(store, data=data, budget_name="full")("mean image", lambda: {"mse": 1.0})
    assert recall_for(store, data=data, budget_name="full")("mean image", never) == {"mse": 1.0}
    monkeypatch.setattr("harness.workshop.source_hash", lambda *_rooms: "edited")
    edited = recall_for(store, data=data, budget_name="full")
    assert edited("mean image", lambda: {"mse": 2.0}) == {"mse": 2.0}
