"""What is stated stands beside what was measured: agree, differ or not comparable, never more than is sure."""

from __future__ import annotations

import pytest

from harness.handin import compared
from harness.handin.pages import PageText
from harness.handin.stated import stated_in
from harness.metrics import METRICS
from harness.records import HandIn, ModelResult, Outcome, Stated


def model(name: str = "vae", *, parameters: int | None = 258_025, **measured: float) -> ModelResult:
    found = {key.replace("__", "."): value for key, value in measured.items()}
    return ModelResult(
        name=name, source="model.py:Model", route="load", outcome=Outcome.SCORED, parameters=parameters,
        capabilities=["encode", "decode", "sample"],
        measurements={key: METRICS[key].measured(value, sample_size=10_000) for key, value in found.items()})


VAE = model(reconstruction__mse=0.0133, reconstruction__bce=236.0, reconstruction__code_numbers=20.0,
            reconstruction__ssim=0.7, distribution__fid=12.0)


def beside(text: str, *models: ModelResult) -> Stated:
    stated = stated_in([PageText(1, text, [], 0, False)])
    hand_in = HandIn(members=[], stated=stated)
    (one,) = compared(hand_in, {one.name: one for one in models or (VAE,)}).stated
    return one


@pytest.mark.parametrize(("text", "verdict"), [
    ("MSE: 0.0133", "agree"),
    ("MSE: 0.013", "agree"),
    ("MSE: 0.01", "agree"),             # rounded to 0.01, which 0.0133 is
    ("MSE: 0.0233", "differ"),
    ("MSE: 10.4", "not comparable"),    # summed over 784 pixels
    ("MSE: 0.0532", "not comparable"),  # intensities from -1 to 1
    ("latent size: 20", "agree"),
    ("latent size: 32", "differ"),
    ("258,025 parameters", "agree"),
    ("258k parameters", "agree"),
    ("0.26M parameters", "agree"),
    ("300k parameters", "differ"),
    ("BCE per image: 237", "agree"),
    ("BCE per pixel: 0.301", "agree"),
    ("BCE per image: 300", "differ"),
    ("BCE: 0.301", "not comparable"),
    ("SSIM: 0.71", "agree"),
    ("SSIM: 0.9", "differ"),
    ("FID: 12.0", "not comparable"),
    ("reconstruction error: 0.0133", "not comparable"),
    ("final loss: 240.1", "not comparable"),
    ("learning rate 0.001", "not measured"),
    ("batch size 64", "not measured"),
])
def test_a_stated_number_gets_one_of_four_verdicts_with_a_reason(text, verdict):
    one = beside(text)
    assert one.verdict == verdict
    assert one.why


def test_what_was_measured_stands_beside_it_with_its_unit():
    assert beside("MSE: 0.0133").measured == "vae: 0.0133 squared intensity per pixel"
    assert "784 pixels" in beside("MSE: 10.4").why


def test_a_number_may_be_the_second_models():
    other = model("other", parameters=900_000)
    assert beside("900k parameters", VAE, other).verdict == "agree"
    assert beside("latent size: 100", VAE, other).verdict == "not comparable"
    assert beside("MSE: 0.05", VAE, other).verdict == "not comparable"


def test_without_a_measurement_nothing_agrees_or_differs():
    assert beside("MSE: 0.0133", model()).verdict == "not comparable"
    assert beside("latent size: 20", model()).verdict == "not comparable"


def test_an_interval_widens_what_agrees():
    measured = METRICS["reconstruction.mse"].measured(0.0133, sample_size=10, interval=(0.008, 0.019))
    wide = VAE.model_copy(update={"measurements": {"reconstruction.mse": measured}})
    assert beside("MSE: 0.0180", wide).verdict == "agree"
    assert beside("MSE: 0.0180").verdict == "differ"


def test_on_images_that_stand_in_only_counts_are_compared():
    hand_in = HandIn(members=[], stated=stated_in([PageText(1, "MSE: 0.0133, latent size: 20", [], 0, False)]))
    verdicts = {one.name: one.verdict for one in compared(hand_in, {"vae": VAE}, stand_in=True).stated}
    assert verdicts == {"mean squared error": "not comparable", "latent size": "agree"}
