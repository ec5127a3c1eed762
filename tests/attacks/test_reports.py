"""What a group writes, shown to people: on pages, on a terminal, in tables (rows 51 to 53)."""

from __future__ import annotations

import base64
import csv
import html
import io
import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from harness.cli.running import Checked, Graded
from harness.grading import grade
from harness.lms import safe_cell
from harness.records import BenchResult, BenchRow, GradeResult, Measurement, ModelResult
from harness.report import write_bench, write_index, write_report
from tests.attacks.tiny import ROOT, noise_hand_in, small_workshop

TITLE = "document.documentElement.setAttribute('data-broken', 1)"
MARKUP = f"""</script><script>{TITLE}</script><img src=x onerror="{TITLE}"><svg onload="{TITLE}"></svg>"""
TEMPLATE = "{{ 7 * 191 }} {% include '/etc/passwd' %} {# gone #} ${7*191} #{7*191}"
TURNED = "\u202egnp.exe\u202c\u2066inside"
ESCAPES = "\x1b]0;title\x07\x1b[2J\x1b[31mred\x9b31m\x08\x08"
CODE = f"""import sys
import numpy as np

NOISE = {MARKUP + TEMPLATE + TURNED + ESCAPES!r}

class Noise:
    framework = "numpy"

    def fit(self, images, labels, *, seed, device, deadline):
        print(NOISE)

    def save(self, folder):
        (folder / "nothing.txt").write_text("nothing")

    def load(self, folder):
        print(NOISE, file=sys.stderr)

    def sample(self, count, *, labels=None, seed):
        raise RuntimeError(NOISE)
"""
MANIFEST = f"""
group: {{group}}
members: [{json.dumps(MARKUP)[:80]}", "=cmd|'/C calc'!A0", "[bold]Ada[/] [link=https://evil.example]x[/link]"]
assignment: summer23
answers: answers.yaml
code: "javascript:{TITLE}"
references: [{json.dumps(MARKUP).replace("{", "{{").replace("}", "}}")}, "{{{{ 7 * 191 }}}}", "[red]markup[/red]"]
models: {{{{other: {{{{source: "model.py:Noise", route: fit}}}}}}}}
"""
ANSWERS = "quiz: summer23\nanswers:\n" + "".join(
    f"  1{letter}: {{answer: yes, argument: {json.dumps(text)}}}\n"
    for letter, text in zip("abcd", [MARKUP, TEMPLATE, TURNED, ESCAPES], strict=True)
) + f"  {json.dumps('<b>9z</b>' + TEMPLATE)}: yes\n"


@pytest.fixture(scope="session")
def hostile(tmp_path_factory) -> GradeResult:
    """The grade of a hand-in that writes markup, templates and escapes wherever a group can write."""
    folder = noise_hand_in(
        tmp_path_factory.mktemp("hostile") / "group", manifest=MANIFEST, model=CODE, answers=ANSWERS)
    (folder / "<script>alert(1)<").mkdir()
    (folder / "<script>alert(1)<" / "script>.py").write_text("x")
    (folder / "{{ 7 * 191 }}.txt").symlink_to("/etc/passwd")
    (folder / "figure.svg").write_text(f"<svg xmlns='http://www.w3.org/2000/svg' onload={TITLE!r}/>")
    (folder / "page.html").write_text(MARKUP)
    result = grade(folder, small_workshop())
    assert result.hand_in.members, result.faults
    return result


@pytest.fixture(scope="session")
def pages(hostile, tmp_path_factory) -> list[Path]:
    """All pages that the program makes of it: two reports, their list, the theory of the class, a benchmark."""
    folder = tmp_path_factory.mktemp("reports")
    second = hostile.model_copy(update={"group": "group2"})
    bench = benchmark(MARKUP, hostile.measurements["other"])
    made = [write_report(hostile, folder), write_report(second, folder), write_index(folder)]
    made += [*folder.glob("theory*.html"), write_bench(bench, folder / "bench")]
    assert len(made) == 5
    return made


def benchmark(name: str, model: ModelResult) -> BenchResult:
    value = Measurement(name="reconstruction.mse", value=-0.5, unit="=1+1", better="lower", sample_size=10)
    measured = model.model_copy(update={"measurements": {"reconstruction.mse": value}})
    return BenchResult(
        rows=[BenchRow(name=name, reference=False, model=measured, seed=None)], created="2026-11-25T10:13:00+00:00",
        command="harness bench", versions={}, machine="m", device="cpu", box="b", seed=0, budget="full",
        data="fashion-mnist", data_hash="0" * 64, stand_in=True, judge_hash="1" * 64)


class Reader(HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data):
        self.text += data

    def named(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.mark.row(51)
@pytest.mark.box
def test_row_51_markup_and_templates_appear_as_text(hostile, pages, outcome):
    read = Reader(pages[0].read_text())
    shown = re.sub(r"\s+", " ", read.text)
    for written in (MARKUP, "{{ 7 * 191 }}", "{% include '/etc/passwd' %}", "{# gone #}", "${7*191}", "<b>9z</b>"):
        assert written in shown, written
    assert "1337" not in shown
    (log,) = {fault.log for fault in hostile.all_faults if fault.log}
    assert "alert" in log or "data-broken" in log
    outcome("shown as text")


@pytest.mark.row(51)
@pytest.mark.box
def test_row_51_every_page_has_a_policy_that_lets_only_its_own_scripts_run(pages, outcome):
    for page in pages:
        read = Reader(page.read_text())
        (policy,) = [one["content"] for one in read.named("meta") if one.get("http-equiv") == "Content-Security-Policy"]
        rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
        assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
        assert rules["img-src"] == "data:"
        assert "unsafe" not in policy
        assert "*" not in policy
        assert len(read.named("script")) == len(rules.get("script-src", "").split())     # a hash for each, or none
        assert not {tag for tag, _ in read.tags} & {"iframe", "object", "embed", "form", "base", "video"}
        assert not [name for _, attributes in read.tags for name in attributes if name.startswith("on")]
        assert not [one for one in read.named("a") if one.get("href", "").startswith(("javascript:", "data:"))]
    outcome("each page has a policy")


LOOK = """<!DOCTYPE html><meta charset="utf-8"><pre id="seen"></pre>{frames}
<script>
addEventListener("load", () => {{
  const seen = [...document.querySelectorAll("iframe")].map(frame => {{
    const page = frame.contentDocument;
    return [page.title, page.documentElement.hasAttribute("data-broken"), page.readyState];
  }});
  document.getElementById("seen").textContent = JSON.stringify(seen);
}});
</script>"""


@pytest.mark.row(51)
@pytest.mark.box
@pytest.mark.browser
def test_row_51_a_real_browser_runs_nothing_of_it_and_finds_nothing_to_complain_about(pages, tmp_path, outcome):
    frames = "".join(f'<iframe src="{page.as_uri()}" width="900" height="900"></iframe>' for page in pages)
    (tmp_path / "look.html").write_text(LOOK.format(frames=frames))
    done = subprocess.run(
        [shutil.which("chromium"), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         "--disable-background-networking", "--no-first-run", "--allow-file-access-from-files",
         f"--user-data-dir={tmp_path / 'home'}", "--enable-logging=stderr", "--virtual-time-budget=20000",
         "--dump-dom", (tmp_path / "look.html").as_uri()],
        capture_output=True, text=True, timeout=120, check=True)
    seen = json.loads(html.unescape(re.search(r'<pre id="seen">(.*?)</pre>', done.stdout)[1]))
    assert len(seen) == len(pages)
    assert all(title and not broken and state == "complete" for title, broken, state in seen)
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
    outcome("nothing ran")


@pytest.mark.row(52)
@pytest.mark.box
def test_row_52_pictures_are_drawn_by_us_and_no_file_of_the_hand_in_is_in_a_page(pages, outcome):
    for page in pages:
        read = Reader(page.read_text())
        sources = [one["src"] for one in read.named("img")] + [one["href"] for one in read.named("image")]
        for source in sources:
            kind, _, data = source.partition(",")
            assert kind == "data:image/png;base64"
            assert Image.open(io.BytesIO(base64.b64decode(data))).format == "PNG"
        assert "data:image/svg" not in page.read_text()
        assert "onload=" not in " ".join(name for _, attributes in read.tags for name in attributes)
    assert "figure.svg" in pages[0].read_text()     # named, and not more
    assert {path.name for path in pages[0].parent.iterdir()} == {"index.html", "result.json"}
    outcome("never embedded")


def acts(text: str) -> list[str]:
    """Find what a terminal or a reader would not only see."""
    return re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]", text)


@pytest.mark.row(53)
@pytest.mark.box
def test_row_53_a_terminal_shows_it_and_obeys_none_of_it(hostile, outcome):
    for shown in (Graded(results=[(hostile, Path("reports/[bold]x/index.html"))]), Checked(hostile)):
        out = io.StringIO()
        shown.show(Console(file=out, width=100, highlight=False, color_system=None))
        assert acts(out.getvalue()) == []
        assert "data-broken" in out.getvalue()
        assert acts(shown.to_json()) == []
        assert shown.to_json().isascii()
    outcome("neutralised")


@pytest.mark.row(53)
@pytest.mark.box
def test_row_53_pages_show_escapes_and_turned_text_as_visible_marks(pages, outcome):
    for page in pages:
        text = Reader(page.read_text()).text
        assert [text[max(0, text.index(one) - 20):][:40] for one in acts(text)] == []
    assert "\ufffdgnp.exe" in Reader(pages[0].read_text()).text
    outcome("neutralised")


@pytest.mark.row(53)
@pytest.mark.parametrize("command", ["grade", "check"])
def test_row_53_names_on_the_command_line_come_back_harmless(tmp_path, outcome, command):
    done = subprocess.run(
        [sys.executable, "-m", "harness", command, tmp_path / f"no{ESCAPES}{TURNED}"], capture_output=True, text=True,
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=60, check=False)
    assert done.returncode == 2
    assert "there is no such folder" in done.stderr
    assert acts(done.stderr + done.stdout) == []
    outcome("neutralised")


@pytest.mark.row(53)
@pytest.mark.parametrize("text", [
    "=1+1", "=cmd|' /C calc'!A0", "+1+1", "-1+1", "@SUM(A1)", "\t=1+1", "\r=1", "\n=1+1", " =1+1", "＝1+1", "-A1",
    "--1",
])
def test_row_53_a_formula_in_a_table_begins_with_an_apostrophe_and_numbers_do_not(text, outcome):
    assert safe_cell(text) == f"'{text}"
    assert [safe_cell(number) for number in ("-1", "+2.5", "-1e-5", "a=b")] == ["-1", "+2.5", "-1e-5", "a=b"]
    outcome("neutralised")


@pytest.mark.row(53)
@pytest.mark.box
def test_row_53_tables_for_spreadsheets_hold_no_formula(hostile, tmp_path, outcome):
    model = hostile.measurements["other"]
    write_bench(benchmark("=cmd|'/C calc'!A0", model), tmp_path)
    first = list(csv.reader((tmp_path / "bench.csv").read_text().splitlines()))[1]
    assert first[:3] == ["'=cmd|'/C calc'!A0", "reconstruction.mse", "-0.5"]
    assert not [cell for cell in first if cell.startswith(("=", "+", "@"))]
    outcome("neutralised")
