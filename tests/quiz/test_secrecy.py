"""Nothing that a student can get depends on the key: every command of theirs, under two keys and without one."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
QUIZ = "summer23"

# Runs the command line in a process that writes down every file below quiz/keys that it opens or lists.
WATCHED = """
import sys
def watch(event, arguments):
    if event in ("open", "os.listdir", "os.scandir") and "keys" in str(arguments[0]).split("/"):
        sys.__stderr__.write(f"THE KEY WAS OPENED: {event} {arguments[0]}\\n")
sys.addaudithook(watch)
sys.argv[0] = "harness"
from harness.cli import main
main()
"""

ANSWERS = """\
quiz: summer23
answers:
  1a: yes
  1b: {answer: no, argument: "one\\n\\ntwo\\n\\nthree"}
  1c: {answer: no, argument: A good one.}
  2a: perhaps
  2b: no
  2b: yes
  3a: abstain
  9z: yes
"""

QUICK = {
    "form": ["quiz", "check", "--no-key", "submissions/group7/answers.yaml"],
    "form as JSON": ["quiz", "check", "--no-key", "--json", "submissions/group7/answers.yaml"],
    "broken": ["quiz", "check", "--no-key", "submissions/group7/broken.yaml"],
    "export": ["quiz", "export", QUIZ],
    "export to XML": ["quiz", "export", QUIZ, "--format", "moodle-xml", "-o", "out/sheet.xml"],
    "schemas": ["schema", "-o", "out"],
    "sheet": ["quiz", "sheet", QUIZ, "--format", "pdf", "-o", "out/sheet.pdf"],
    "reading": ["quiz", "read", "submissions/group7/answers.txt", "--quiz", QUIZ, "-o", "out/read.yaml"],
}
WHOLE = {
    "hand-in": ["check", "submissions/group7", "--stand-in"],
    "hand-in as JSON": ["check", "submissions/group7", "--stand-in", "--json"],
}
KEYS = {"none": None, "true": lambda text: text, "opposite": lambda text: re.sub(
    r"answer: (yes|no)", lambda word: "answer: no" if word[1] == "yes" else "answer: yes",
    text.replace("    contested: true\n", "")).replace("why: >-", "contested: true\n    why: >-")}




def build(folder: Path, change) -> None:
    """A course folder with one hand-in of answers, and the key as `change` makes it; the same place for every key."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "quiz" / "keys").mkdir(parents=True)
    shutil.copy(ROOT / "course.yaml", folder)
    shutil.copytree(ROOT / "rubrics", folder / "rubrics")
    shutil.copy(ROOT / "quiz" / f"{QUIZ}.yaml", folder / "quiz")
    if change is not None:
        key = (ROOT / "quiz" / "keys" / f"{QUIZ}.yaml").read_text()
        (folder / "quiz" / "keys" / f"{QUIZ}.yaml").write_text(change(key))
    group = folder / "submissions" / "group7"
    group.mkdir(parents=True)
    (group / "answers.txt").write_text("1a: yes\n1b: NO, but the ELBO\n2a -> no\n3c: perhaps\n")
    (group / "submission.yaml").write_text(
        f"group: group7\nmembers: [Ada Example]\nassignment: {QUIZ}\nanswers: answers.yaml\n")
    (group / "answers.yaml").write_text(ANSWERS)
    (group / "broken.yaml").write_text("quiz: summer23\nanswers: [")


def run(folder: Path, words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WATCHED, *words], cwd=folder, capture_output=True, text=True, timeout=250,
        env={**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(folder / "cache")}, check=False)


def lasting(text: str) -> str:
    """What of an output does not tell the time."""
    if not text.startswith("{") or '"provenance"' not in text:
        return text
    data = json.loads(text)
    for field in ("created", "durations"):
        assert data["provenance"].pop(field)
    return json.dumps(data)


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*"))
        if path.is_file() and "keys" not in path.parts and "cache" not in path.parts}


def everything(folder: Path, commands: dict[str, list[str]]):
    """All that a student gets of the commands: exit codes, both outputs, and every file that is there afterwards."""
    got = {}
    for name, words in commands.items():
        done = run(folder, words)
        got[name] = done.returncode, lasting(done.stdout), done.stderr
    return got, files(folder)


@pytest.mark.parametrize("commands", [
    pytest.param(QUICK, id="quick"), pytest.param(WHOLE, id="whole", marks=pytest.mark.slow)])
def test_output_exit_code_and_files_are_the_same_under_every_key(tmp_path, commands):
    seen = {}
    for name, change in KEYS.items():
        build(tmp_path / "course", change)
        seen[name] = everything(tmp_path / "course", commands)
    assert seen["true"] == seen["opposite"] == seen["none"]
    for code, out, err in seen["true"][0].values():
        assert code in {0, 1, 2}, err
        assert "THE KEY WAS OPENED" not in err     # so no timing can tell of it either
        assert "Traceback" not in err
        assert out or err


def test_marking_does_depend_on_the_key_so_that_the_comparison_could_have_failed(tmp_path):
    marked = []
    for change in (KEYS["true"], KEYS["opposite"]):
        build(tmp_path / "course", change)
        marked.append(run(tmp_path / "course", ["quiz", "check", "submissions/group7/answers.yaml", "--json"]))
    assert json.loads(marked[0].stdout) != json.loads(marked[1].stdout)
    assert all("THE KEY WAS OPENED" in done.stderr for done in marked)
