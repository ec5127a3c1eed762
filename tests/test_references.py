"""The reference VAE beside a hand-in's numbers: only where it was measured in the same way."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from harness.course import Course
from harness.records import Measurement, ModelResult, Outcome
from harness.references import NAME, beside, reference_values

ROOT = Path(__file__).parent.parent
CARD = yaml.safe_load((ROOT / "reference_models" / "cards" / "vae.yaml").read_text())
SAME = {"data_hash": CARD["trained"]["data_hash"], "budget": CARD["budget"], "judge_hash": CARD["judge_hash"]}


def model(*, sample_size: int) -> ModelResult:
    mse = Measurement(
        name="reconstruction.mse", value=0.02, unit="", better="lower", sample_size=sample_size,
        baselines={"mean": 0.09})
    return ModelResult(
        name="vae", source="m.py:V", route="load", outcome=Outcome.SCORED, measurements={mse.name: mse})


def test_the_card_gives_the_values():
    value, size = reference_values(Course(ROOT), **SAME)["reconstruction.mse"]
    assert (value, size) == (CARD["measured"]["reconstruction.mse"]["value"], 10_000)


@pytest.mark.parametrize("field", SAME)
def test_a_card_that_was_measured_otherwise_says_nothing(field):
    assert reference_values(Course(ROOT), **{**SAME, field: "another"}) == {}


def test_a_course_without_a_card_has_no_reference(tmp_path):
    assert reference_values(Course(tmp_path), **SAME) == {}


def test_it_stands_beside_measurements_of_as_many_images_and_keeps_the_other_baselines():
    values = reference_values(Course(ROOT), **SAME)
    same = beside(model(sample_size=10_000), values).measurements["reconstruction.mse"]
    assert same.baselines == {"mean": 0.09, NAME: CARD["measured"]["reconstruction.mse"]["value"]}
    assert beside(model(sample_size=2_000), values) == model(sample_size=2_000)
