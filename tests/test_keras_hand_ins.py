"""Hand-ins in Keras, in the environment that `make keras` sets up: their weights are made here, by their own code."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.cli.workshop import box_for_own_code, workshop
from harness.course import Course
from harness.data import garments
from harness.errors import MissingLibrary, Rejected
from harness.grading import grade
from harness.limits import QUICK, Limits
from harness.records import Outcome
from harness.sandbox.base import Job
from harness.sandbox.environments import environment_of
from harness.wire import Expected

ROOT = Path(__file__).parent.parent
STYLES = ROOT / "tests" / "hand-ins" / "scored_keras"
BUDGET = replace(
    QUICK, train_images=100, test_images=60, samples=40, pairs=10, points=5, probe_images=10, copies=40, bootstrap=20,
    fit_seconds=120.0, samples_seconds=20.0, limits=Limits(start_seconds=90, request_seconds=90))

pytestmark = [pytest.mark.keras, pytest.mark.slow]

MAKE = """
import os, sys
from pathlib import Path
from harness.worker.loading import load_model

folder, source, what = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
sys.path.insert(0, str(folder))
os.chdir(folder)
model = load_model(
    source, folder=folder, arguments={}, checkpoint=None, device="cpu", definitions_only=True)
exec(what)
"""


@pytest.fixture(scope="module")
def shop():
    return workshop(
        Course(ROOT), garments(train=300, test=100), box_for_own_code()[0], BUDGET, seed=0, device="cpu", keep=False,
        with_key=False)


def copy_of(style: str, into: Path) -> Path:
    return Path(shutil.copytree(STYLES / style, into / style))


def make(folder: Path, source: str, what: str, *, environment: str = "keras") -> None:
    """Let the hand-in's own code make a model, and do `what` with it."""
    there = environment_of(Course(ROOT), environment)
    subprocess.run(
        [there.python, "-B", "-c", MAKE, folder, source, what], check=True, capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), **there.variables})


def test_a_functional_vae_is_measured_from_its_weights(shop, tmp_path):
    folder = copy_of("functional_vae_with_weights", tmp_path)
    make(folder, "vae.py:vae", "model.save_weights('vae.weights.h5')")
    result = grade(folder, shop)
    vae = result.measurements["vae"]
    assert (vae.outcome, vae.faults) == (Outcome.SCORED, [])
    assert {"encode", "decode", "posterior", "sample"} <= set(vae.capabilities)
    assert "fit" not in vae.capabilities, "that is Keras's own"
    assert vae.measurements["reconstruction.mse"].value < 1
    assert vae.parameters == 19_781
    told = result.provenance.versions
    assert {"python (keras)", "tensorflow (keras)", "keras (keras)"} <= set(told)


def test_a_subclassed_model_is_trained_by_its_own_script(shop, tmp_path):
    result = grade(copy_of("subclassed_vae_run_as_script", tmp_path), shop)
    vae = result.measurements["vae"]
    assert (vae.outcome, vae.faults) == (Outcome.SCORED, [])
    assert vae.measurements["reconstruction.mse"].value < 0.2
    assert "distribution.fid_relative" in vae.measurements


def test_a_generator_is_asked_for_samples(shop, tmp_path):
    folder = copy_of("generator_of_a_gan", tmp_path)
    make(folder, "gan.ipynb", "model.generator.save('generator.h5')")
    other = grade(folder, shop).measurements["other"]
    assert (other.outcome, other.faults) == (Outcome.SCORED, [])
    assert "distribution.fid_relative" in other.measurements
    assert other.capabilities == ["sample"]


# --- each way in which weights come

CODE = """
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

inputs = keras.Input((28, 28, 1))
codes = layers.Dense(3, bias_initializer="ones", name="codes")(layers.Flatten()(inputs))
encoder = keras.Model(inputs, codes, name="encoder")
smaller = keras.Model(inputs, layers.Dense(2)(layers.Flatten()(inputs)), name="smaller")


class Autoencoder(keras.Model):
    def __init__(self, size=3, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(size)

    def encode(self, x):
        return self.dense(layers.Flatten()(x))

    def get_config(self):
        return {**super().get_config(), "size": 3}

    def call(self, x):
        return self.encode(x)
"""


def codes_of(folder: Path, shop, *, environment: str = "keras", **job: object) -> np.ndarray:
    """Encode two black images."""
    asked = Job(role="encode", folder=folder, environment=environment_of(Course(ROOT), environment), **job)
    images = np.zeros((2, 28, 28), np.uint8)
    with shop.box.open(asked, Limits(start_seconds=90)) as session:
        _, found = session.ask("encode", {"images": images}, expect={"codes": Expected(shape=(2, None))}, seconds=60)
    return found["codes"]


@pytest.mark.parametrize("name", ["encoder.weights.h5", "encoder.keras", "encoder.h5", "exported"])
def test_every_kind_of_file_holds_the_same_weights(shop, tmp_path, name):
    (tmp_path / "model.py").write_text(CODE)
    save = "save_weights" if name.endswith(".weights.h5") else "export" if name == "exported" else "save"
    make(tmp_path, "model.py", f"""
model.encoder.set_weights([w * 0 + 7 for w in model.encoder.get_weights()])
model.encoder.{save}('{name}')""")
    codes = codes_of(
        tmp_path, shop, source="model.py", checkpoint=tmp_path, parts={"encoder": name}, definitions_only=True,
        manner={"methods": {"encode": "encoder"}})
    assert (codes == 7).all()


def test_a_class_is_made_from_the_whole_model_that_was_saved(shop, tmp_path):
    (tmp_path / "model.py").write_text(CODE)
    make(tmp_path, "model.py", """
import numpy
made = model.Autoencoder()
made(numpy.zeros((1, 28, 28, 1)))
made.set_weights([w * 0 + 5 for w in made.get_weights()])
made.save('whole.keras')
made.save_weights('alone.weights.h5')""")
    for name in ("whole.keras", "alone.weights.h5"):
        codes = codes_of(tmp_path, shop, source="model.py:Autoencoder", checkpoint=tmp_path / name)
        assert (codes == 5).all()


def test_weights_that_do_not_fit_are_explained_by_their_shapes(shop, tmp_path):
    (tmp_path / "model.py").write_text(CODE)
    make(tmp_path, "model.py", "model.smaller.save_weights('vae.weights.h5')")
    shapes = r"does not fit encoder: not in the file: arrays of \(784, 3\), \(3,\)"
    with pytest.raises(Rejected, match=shapes) as caught:
        codes_of(tmp_path, shop, source="model.py:encoder", checkpoint=tmp_path / "vae.weights.h5")
    assert "not in the model: arrays of (784, 2), (2,)" in caught.value.message


def test_code_for_keras_2_runs_with_it(shop, tmp_path):
    (tmp_path / "model.py").write_text(CODE + "\nassert keras.Model.__module__.startswith('tf_keras')\n")
    make(tmp_path, "model.py:encoder", "model.save('folder')", environment="keras2")
    codes = codes_of(
        tmp_path, shop, environment="keras2", source="model.py", checkpoint=tmp_path, parts={"encoder": "folder"},
        manner={"methods": {"encode": "encoder"}})
    assert (codes == 1).all()


def test_a_library_that_the_environment_lacks_is_no_fault(shop, tmp_path):
    (tmp_path / "model.py").write_text("import torch\n" + CODE)
    with pytest.raises(MissingLibrary, match="the library torch"):
        codes_of(tmp_path, shop, source="model.py:encoder")
