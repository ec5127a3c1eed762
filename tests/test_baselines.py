"""The baselines that are shipped are those that the metrics of today measure."""

from __future__ import annotations

import json

import pytest

from harness import data
from harness.features import Judges
from harness.store import SHIPPED, shipped

RECORD = json.loads(SHIPPED.read_text())


def test_they_belong_to_the_shipped_judges():
    from harness.features.judges import networks_hash

    assert RECORD["judges"] == networks_hash()
    assert set(RECORD["budgets"]) == {"quick", "full"}


def test_other_data_get_none_of_them():
    garments = data.load("garments")
    name = next(iter(RECORD["budgets"]["full"]))
    assert shipped(lambda _name, make: make(), data=garments, budget_name="full")(name, dict) == {}


@pytest.mark.real_data
def test_the_distance_of_training_images_is_what_was_written_down():
    from harness.metrics.frechet import frechet

    official = data.load()
    judges = Judges(official)
    (name,) = (one for one in RECORD["budgets"]["quick"] if one.startswith("distribution.training images"))
    fresh = frechet(judges.of("judge", "test")[0], judges.features("judge", official.train.images[:2_000])[0])
    assert RECORD["budgets"]["quick"][name]["fid"] == pytest.approx(fresh.value, rel=1e-4)
