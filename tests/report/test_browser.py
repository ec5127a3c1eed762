"""What Chromium makes of a report: it fits narrow windows, its switches work, nothing is complained about."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pypdfium2
import pytest

from harness.report import render_index, write_report
from harness.report.similarity import write_similarity
from harness.similarity import Fragment, Pair, Similarity

pytestmark = pytest.mark.browser

LOOK = """<!DOCTYPE html><meta charset="utf-8">
<iframe src="PAGE" width="WIDTH" height="900"></iframe><pre id="seen"></pre>
<script>
const frame = document.querySelector("iframe");
frame.addEventListener("load", () => {
  const page = frame.contentDocument, view = frame.contentWindow, seen = {};
  seen.width = page.documentElement.scrollWidth;
  seen.styled = view.getComputedStyle(page.body).marginTop;
  seen.broken = [...page.images].filter(image => !image.complete || !image.naturalWidth).length;
  const toggle = page.querySelector(".toggle-3"), layers = [...page.querySelectorAll(".layer-3")];
  seen.before = layers.map(layer => view.getComputedStyle(layer).display);
  if (toggle) toggle.click();
  seen.after = layers.map(layer => view.getComputedStyle(layer).display);
  document.getElementById("seen").textContent = JSON.stringify(seen);
});
</script>"""


def chromium(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run Chromium without a window, without a network and with a profile of its own."""
    return subprocess.run(
        [
            shutil.which("chromium") or "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--no-first-run",
            "--allow-file-access-from-files",
            f"--user-data-dir={home}",
            "--enable-logging=stderr",
            *arguments,
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )


def look(page: Path, width: int, scratch: Path) -> tuple[dict[str, object], list[str]]:
    """Open a page in a frame `width` pixels wide: what was seen, and what the console said."""
    wrapper = scratch / "look.html"
    wrapper.write_text(LOOK.replace("PAGE", page.as_uri()).replace("WIDTH", str(width)), encoding="utf-8")
    done = chromium("--virtual-time-budget=20000", "--dump-dom", wrapper.as_uri(), home=scratch / "home")
    seen = re.search(r'<pre id="seen">(.*?)</pre>', done.stdout)
    assert seen, done.stdout[-2_000:]
    complaints = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return json.loads(html.unescape(seen[1])), complaints


def test_the_report_fits_a_telephone_and_its_switches_work_without_a_word_of_complaint(result, tmp_path):
    seen, complaints = look(write_report(result, tmp_path), 360, tmp_path)
    assert complaints == []
    assert seen["width"] <= 360
    assert seen["styled"] == "0px", "the policy lets its style sheet through"
    assert seen["broken"] == 0
    assert "none" not in seen["before"]
    assert set(seen["after"]) == {"none"}


def test_the_list_fits_a_telephone(result, tmp_path):
    page = tmp_path / "index.html"
    page.write_text(render_index([result]), encoding="utf-8")
    seen, complaints = look(page, 360, tmp_path)
    assert complaints == []
    assert seen["width"] <= 360


def test_the_report_prints_on_a4(result, tmp_path):
    paper = tmp_path / "report.pdf"
    page = write_report(result, tmp_path)
    chromium("--no-pdf-header-footer", f"--print-to-pdf={paper}", page.as_uri(), home=tmp_path / "home")
    document = pypdfium2.PdfDocument(paper)
    try:
        sizes = {
            tuple(round(side) for side in document.get_page_size(index)) for index in range(len(document))
        }
        assert len(document) < 25
        words = document[0].get_textpage().get_text_bounded()
    finally:
        document.close()
    assert sizes in ({(595, 842)}, {(596, 842)})
    assert "Marks" in words
    assert "Skip to the content" not in words


@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_on_similarity_fits_its_window(tmp_path, width):
    groups = [f"group{number} with a long name" for number in range(30)]
    shares = [[None if row == column else 0.25 for column in range(30)] for row in range(30)]
    line = "   1  " + "x = function_of_a_long_name(argument, another) " * 4
    pair = Pair(
        groups=(groups[0], groups[1]), shares={"code": 0.25, "text": None, "weights": 0.0},
        more_alike={"code": 0, "text": 0, "weights": 0}, tensors=["w.safetensors: a"], same_files=["model.py"],
        fragments=[Fragment(kind="code", tokens=30, places=("model.py, line 1",) * 2, texts=(line, line))])
    found = Similarity(
        groups=groups, matrices={"code": shares, "text": shares, "weights": shares}, pairs=[pair], pair_count=435,
        usual={kind: [435, *[0] * 9] for kind in ("code", "text", "weights")}, left_out={"a": "b"}, notes=["c"])
    seen, complaints = look(write_similarity(found, tmp_path), width, tmp_path)
    assert seen["width"] <= width
    assert complaints == []
