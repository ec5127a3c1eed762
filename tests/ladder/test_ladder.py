"""The ladder of known quality: what is plainly worse must be measured as worse, on the real images."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from harness import data, evidence
from harness.features import Judges
from harness.limits import QUICK
from harness.metrics import distribution, interpolation, reconstruction
from harness.metrics.base import Scene
from harness.sandbox.plain import PlainBox
from harness.submissions import intake

pytestmark = [pytest.mark.slow, pytest.mark.real_data]

HERE = Path(__file__).parent
RUNGS = {
    "noise": ("Noise", None), "untrained": ("Untrained", None), "mean_image": ("MeanImage", "mean_image.safetensors"),
    "one_epoch": ("VAE", "one_epoch.safetensors"), "ten_epochs": ("VAE", "ten_epochs.safetensors"),
}
BUDGET = replace(QUICK, train_images=3_000, test_images=1_000, samples=1_000, bootstrap=50)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    official, remembered = data.load(), {}
    judges = Judges(official)

    def recall(name, make):
        if name not in remembered:
            remembered[name] = make()
        return remembered[name]

    found = {}
    for name, (kind, checkpoint) in RUNGS.items():
        folder = tmp_path_factory.mktemp(name)
        shutil.copy(HERE / "models.py", folder)
        entry = f"{{source: 'models.py:{kind}', route: fit}}"
        if checkpoint:
            shutil.copy(HERE / checkpoint, folder)
            entry = f"{{source: 'models.py:{kind}', route: load, checkpoint: {checkpoint}}}"
        (folder / "submission.yaml").write_text(
            f"group: {name}\nmembers: [Ada Example]\nassignment: summer22\nmodels:\n  vae: {entry}\n")
        submission = intake(folder, tmp_path_factory.mktemp("copy") / "hand-in")
        seen, faults = evidence.gather(
            submission, "vae", checkpoint=submission.folder / checkpoint if checkpoint else None, data=official,
            box=PlainBox(), budget=BUDGET, seed=0)
        assert faults == []
        scene = Scene(data=official, evidence=seen, perception=judges, budget=BUDGET, seed=0, recall=recall)
        found[name] = {
            one.name: one.value for family in (reconstruction, distribution, interpolation)
            for one in family.measure(scene).measurements
        }
    return found


@pytest.mark.parametrize(("name", "lower_is_better"), [
    ("reconstruction.mse", True), ("reconstruction.ssim", False), ("distribution.fid_relative", True),
    ("distribution.counter_fid_relative", True), ("distribution.coverage", False), ("interpolation.score", False),
])
def test_ten_epochs_stand_before_one_and_one_before_every_baseline(measured, name, lower_is_better):
    sign = -1 if lower_is_better else 1
    worth = {rung: sign * values[name] for rung, values in measured.items()}
    assert worth["ten_epochs"] > worth["one_epoch"]
    assert worth["one_epoch"] > max(worth[rung] for rung in ("noise", "untrained", "mean_image"))
