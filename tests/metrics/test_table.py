"""Laws over all lines of the two tables."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from harness.contract import CAPABILITIES
from harness.metrics import FAMILIES, METRICS


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_stands_under_its_name_in_its_family(name):
    metric = METRICS[name]
    assert metric.name == name
    assert name.startswith(f"{metric.family}.")
    assert metric.family in {family.name for family in FAMILIES}


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_is_explained_in_a_sentence(name):
    metric = METRICS[name]
    assert metric.title[0].isupper()
    assert metric.unit
    assert metric.explains.endswith(".")
    assert len(metric.explains) < 300


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_family_needs_capabilities_of_the_contract_and_has_metrics(family):
    assert set(family.needs) <= set(CAPABILITIES)
    assert any(metric.family == family.name for metric in METRICS.values())


def test_the_tables_are_read_without_anything_heavy():
    heavy = ["numba", "scipy", "sklearn", "torch", "umap"]
    code = f"import sys, harness.metrics; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_page_of_measurements_says_what_the_table_says():
    script = Path(__file__).parents[2] / "scripts" / "write_measurements.py"
    made = runpy.run_path(str(script))
    assert made["PAGE"].read_text(encoding="utf-8") == made["page"](), f"run `python {script}`"
