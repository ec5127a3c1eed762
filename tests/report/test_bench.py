"""The page of a benchmark: what it says, and that its table can be sorted."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess

import pytest

from harness.records import BenchResult, BenchRow, Measurement, ModelResult, Outcome
from harness.report import render_bench, write_bench

HOSTILE = "<script>alert(1)</script>"


def row(name: str, fid: float | None, *, parameters: int = 1000, seconds: float | None = 60.0, **more) -> BenchRow:
    found = {} if fid is None else {"distribution.fid_relative": Measurement(
        name="distribution.fid_relative", value=fid, unit="share", better="lower", interval=(fid * 0.9, fid * 1.1),
        sample_size=100)}
    model = ModelResult(
        name="other", source=f"{name}.py:Model", route="load", outcome=Outcome.SCORED, measurements=found,
        parameters=parameters)
    return BenchRow(name=name, reference=True, model=model, seed=0, training_seconds=seconds, **more)


def bench(*rows: BenchRow, stand_in: bool = False) -> BenchResult:
    return BenchResult(
        rows=list(rows), created="2026-01-02T03:04:05+00:00", command="harness bench", versions={"torch": "2"},
        machine="m", device="cpu", box="b", seed=0, budget="full", data="fashion-mnist", data_hash="0" * 64,
        stand_in=stand_in, judge_hash="1" * 64)


THREE = bench(
    row("worst", 0.9), row("best", 0.1, seconds=600.0), row("middle", 0.5, parameters=20_000), row("none", None))


def names(page: str) -> list[str]:
    table = page.split('id="contenders"')[1].split("</table>", maxsplit=1)[0]
    return re.findall(r'<th scope="row"><bdi>(.*?)</bdi>', table)


def test_the_best_stands_first_and_what_was_not_measured_last():
    page = render_bench(THREE)
    assert names(page) == ["best", "middle", "worst", "none"]
    assert page.count('class="number best"') == 1


def test_both_plots_name_every_contender_that_has_samples():
    page = render_bench(THREE)
    assert page.count('class="scatter"') == 2
    for plot in page.split('class="scatter"')[1:]:
        assert re.findall(r'class="name"[^>]*>(.*?)</text>', plot.split("</svg>")[0]) == ["worst", "middle", "best"]


def test_a_stand_in_is_named_as_such_and_names_are_escaped():
    page = render_bench(bench(row(HOSTILE, 0.1), stand_in=True))
    assert "these numbers say nothing about Fashion-MNIST" in page
    assert HOSTILE not in page


def test_several_seeds_are_shown_as_their_mean_and_range():
    page = render_bench(bench(row("a", 0.2, over_seeds={"distribution.fid_relative": [0.2, 0.3, 0.25]})))
    assert "Mean over 3 trainings" in page
    assert "0.25<br><small>[0.20, 0.30]</small>" in page


def test_json_and_csv_hold_every_measurement(tmp_path):
    write_bench(THREE, tmp_path)
    assert BenchResult.model_validate_json((tmp_path / "bench.json").read_text()) == THREE
    with (tmp_path / "bench.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [(line["contender"], float(line["value"])) for line in lines] == [
        ("worst", 0.9), ("best", 0.1), ("middle", 0.5)]


@pytest.mark.browser
def test_a_heading_sorts_the_table_and_the_policy_lets_its_script_run(tmp_path):
    page = write_bench(THREE, tmp_path)
    probe = """<!DOCTYPE html><meta charset="utf-8"><iframe src="index.html" width="500" height="900"></iframe>
    <pre id="seen"></pre><script>
    const frame = document.querySelector("iframe");
    frame.addEventListener("load", () => {
      const page = frame.contentDocument, seen = {orders: []};
      const names = () => [...page.querySelectorAll("#contenders tbody th bdi")].map(one => one.textContent);
      const press = (title) => [...page.querySelectorAll("#contenders th button")]
        .find(one => one.textContent === title).click();
      for (const title of ["Model", "Fréchet distance", "Fréchet distance", "Parameters"]) {
        press(title); seen.orders.push(names());
      }
      seen.width = page.documentElement.scrollWidth;
      document.getElementById("seen").textContent = JSON.stringify(seen);
    });</script>"""
    (tmp_path / "probe.html").write_text(probe)
    ended = subprocess.run([
        shutil.which("chromium") or "chromium", "--headless", "--no-sandbox", "--disable-gpu",
        "--disable-background-networking", "--allow-file-access-from-files", f"--user-data-dir={tmp_path / 'home'}",
        "--virtual-time-budget=5000", "--dump-dom", (tmp_path / "probe.html").as_uri(),
    ], capture_output=True, text=True, timeout=120, check=True)
    seen = json.loads(re.search(r'<pre id="seen">(.*?)</pre>', ended.stdout).group(1))
    assert seen["orders"] == [
        ["best", "middle", "none", "worst"], ["best", "middle", "worst", "none"], ["worst", "middle", "best", "none"],
        seen["orders"][3],
    ]
    assert seen["orders"][3][-1] == "middle"
    assert seen["width"] <= 500
    assert page.is_file()
