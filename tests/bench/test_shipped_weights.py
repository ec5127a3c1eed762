"""The weights that are shipped: each has a card that is true of it, and the model takes them."""

from __future__ import annotations

import hashlib
import importlib
import runpy
import sys
from pathlib import Path

import pytest

from harness.bench.cards import load_card, weights_file
from harness.bench.contenders import Contender
from harness.bench.running import Plan, run_bench
from harness.course import find_course
from harness.data import Dataset, load
from harness.grading import Workshop
from harness.limits import FULL
from harness.sandbox.plain import PlainBox
from harness.scaffold import model_names
from tests.conftest import real_data_folder

ROOT = Path(__file__).parents[2]
COURSE = find_course(ROOT)
NAMES = model_names(COURSE)


@pytest.mark.parametrize("name", NAMES)
def test_a_model_has_weights_and_a_card_that_says_which(name):
    card, weights = load_card(COURSE, name), weights_file(COURSE, name)
    assert card is not None
    assert card.name == name
    assert card.weights == weights.name
    assert card.sha256 == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert card.trained.data == "fashion-mnist"
    assert card.trained.seconds <= card.trained.limit_seconds + 60
    assert card.budget == "full"
    assert card.measured
    for one in card.measured.values():
        if one.interval is not None:
            low, high = one.interval
            assert low - 1e-5 * abs(low) <= one.value <= high + 1e-5 * abs(high)


def test_all_weights_together_are_small():
    sizes = [weights_file(COURSE, name).stat().st_size for name in NAMES]
    assert sum(sizes) <= 30 * 10**6
    assert max(sizes) <= 5 * 10**6


@pytest.fixture
def beside():
    """Put the reference models on the path, as their own files see them, and forget them afterwards."""
    sys.path.insert(0, str(COURSE.models))
    yield
    sys.path.remove(str(COURSE.models))
    for name, module in list(sys.modules.items()):
        if Path(getattr(module, "__file__", None) or "/").parent == COURSE.models:
            del sys.modules[name]


@pytest.mark.parametrize("name", NAMES)
def test_the_model_takes_its_weights_whole(name, beside):
    from safetensors.torch import load_file

    card = load_card(COURSE, name)
    model = getattr(importlib.import_module(name), card.source.partition(":")[2])()
    model.load_state_dict(load_file(weights_file(COURSE, name)))
    assert card.parameters == sum(one.numel() for one in model.parameters() if one.requires_grad)


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.parametrize("name", ["dcgan", "conv_vae"])
def test_measuring_shipped_weights_again_gives_what_the_card_says(name, official):
    from harness.features import Judges

    shop = Workshop(
        course=COURSE, data=official, box=PlainBox(), perception=lambda: Judges(official),
        recall=lambda _name, make: make(), budget=FULL, with_key=False)
    result = run_bench(
        COURSE, [Contender(name=name, model=name)], shop, Plan(), progress=lambda _name: lambda _stage, _share: None)
    card = load_card(COURSE, name)
    measured = result.rows[0].model.measurements
    for key in ("distribution.fid_relative", "distribution.recall", "reconstruction.mse", "likelihood.nats"):
        if key in card.measured:
            # another processor, other kernels: the last digits may differ
            assert measured[key].value == pytest.approx(card.measured[key].value, rel=0.02), key


@pytest.fixture
def official() -> Dataset:
    return load("fashion-mnist", folder=real_data_folder(), download=False)


def test_the_page_of_the_benchmark_has_the_numbers_of_the_cards():
    script = ROOT / "scripts" / "write_bench_table.py"
    made = runpy.run_path(str(script))
    assert made["PAGE"].read_text(encoding="utf-8") == made["page"](), f"run `python {script.relative_to(ROOT)}`"
