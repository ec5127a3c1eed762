from __future__ import annotations

import re

import pytest

from harness import documents
from harness.bench.calibrate import calibrate, models_needed
from harness.course import find_course
from harness.errors import UserError
from harness.records import BenchResult, BenchRow, Measurement, ModelResult, Outcome
from harness.rubric import Rubric

RUBRIC = """\
# a comment that stays
assignment: mine
title: "Mine"

theory: {points: 2, quiz: summer22}

practice:
  points: 4
  criteria:
    - id: error         # the first
      title: Error
      points: 2
      measurement: vae.reconstruction.mse
      none: 0.1         # this comment stays too
      none_from: mean image
      full: 0.02
      full_from: vae

    - id: error-of-samples
      title: Samples
      points: 1
      measurement: vae.distribution.fid_relative
      none: 1.0
      full: 0.5
      full_from: vae

    - id: looks
      title: Looks
      points: 1
      person: true
      ask: full of looks?
"""


def rubric(text: str = RUBRIC) -> Rubric:
    return documents.loads(text, "mine.yaml", Rubric)


def measured(name: str, value: float, **baselines: float) -> Measurement:
    return Measurement(
        name=name, value=value, unit="", better="lower", interval=(value / 2, value * 2), sample_size=9,
        baselines={key.replace("_", " "): number for key, number in baselines.items()})


def bench(**values: Measurement) -> BenchResult:
    model = ModelResult(
        name="vae", source="vae.py:VAE", route="load", outcome=Outcome.SCORED,
        measurements={one.name: one for one in values.values()})
    return BenchResult(
        rows=[BenchRow(name="vae", reference=True, model=model, seed=0)], created="2020-01-02T03:04:05+00:00",
        command="harness bench", versions={}, machine="m", device="cpu", box="b", seed=0, budget="full", data="d",
        data_hash="0123456789abcdef", stand_in=False, judge_hash="fedcba9876543210")


RESULT = bench(
    error=measured("reconstruction.mse", 0.0133749, mean_image=0.0866412),
    fid=measured("distribution.fid_relative", 0.12345),
)


def test_anchors_are_written_with_the_measurements_behind_them_and_nothing_else_changes():
    found = calibrate(RUBRIC, rubric(), RESULT)
    assert found.changes == {
        "error": {"none": (0.1, 0.0866), "full": (0.02, 0.0134)}, "error-of-samples": {"full": (0.5, 0.123)}}
    written = rubric(found.text)
    assert [(float(one.none), float(one.full)) for one in written.practice.criteria[:2]] == [
        (0.0866, 0.0134), (1.0, 0.123)]
    head = found.text.split("\n\n# Written by")[0] + "\n"
    assert head == RUBRIC.replace("0.1  ", "0.0866  ", 1).replace("0.02", "0.0134").replace("full: 0.5", "full: 0.123")
    assert written.calibrated is not None
    assert written.calibrated.full["error"].value == 0.0133749
    assert written.calibrated.full["error"].interval == (0.0133749 / 2, 0.0133749 * 2)
    assert written.calibrated.none["error"].baseline == "mean image"
    assert set(written.calibrated.none) == {"error"}
    assert written.calibrated.judge_hash == "fedcba987654"


def test_calibrating_twice_changes_nothing_more():
    once = calibrate(RUBRIC, rubric(), RESULT).text
    again = calibrate(once, rubric(once), RESULT)
    assert again.text == once
    assert again.changes == {}


def test_a_baseline_that_was_not_measured_is_told_with_those_that_were():
    text = RUBRIC.replace("none_from: mean image", "none_from: mean imagee")
    with pytest.raises(UserError, match=r"error: reconstruction.mse has no baseline 'mean imagee'; .*: mean image$"):
        calibrate(text, rubric(text), RESULT)


def test_a_measurement_that_the_model_lacks_is_told():
    with pytest.raises(UserError, match=r"the reference model vae has no measurement distribution.fid_relative"):
        calibrate(RUBRIC, rubric(), bench(error=RESULT.rows[0].model.measurements["reconstruction.mse"]))


def test_the_models_that_are_needed_are_those_named():
    course = find_course()
    assert models_needed(course, rubric()) == ["vae"]
    with pytest.raises(UserError, match=r"error: there is no reference model vaee; there are: .*conv_vae"):
        models_needed(course, rubric(RUBRIC.replace("full_from: vae", "full_from: vaee", 1)))
    with pytest.raises(UserError, match="no criterion says `full_from: NAME`"):
        models_needed(course, rubric(re.sub(r" +(full|none)_from: .*\n", "", RUBRIC)))


def test_bands_cannot_be_calibrated():
    text = RUBRIC.replace("      none: 1.0\n      full: 0.5\n", "      bands: [{points: 1, at_most: 0.5}]\n")
    with pytest.raises(UserError, match="bands are not calibrated"):
        rubric(text)
