"""The command line as people and scripts meet it: real processes, their output and their exit codes."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def harness(*words: str | Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "harness", *map(str, words)], capture_output=True, text=True, cwd=ROOT, timeout=280,
        env={**os.environ, **(env or {})}, check=False,
    )


def test_help_names_every_command():
    shown = harness("--help").stdout
    for command in ("grade", "check", "quiz", "new", "demo", "doctor", "import", "export", "mark", "history"):
        assert f" {command} " in shown


def test_help_imports_nothing_heavy():
    heavy = {"torch", "numpy", "sklearn", "pydantic", "jinja2", "yaml"}
    code = f"import sys, harness.cli; print(*({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == ""


def test_help_answers_at_once():
    def seconds(*command: str) -> float:
        """Processor time, which other work on the machine hardly changes."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def median(*command: str) -> float:
        return statistics.median(seconds(sys.executable, *command) for _ in range(5))

    seconds(sys.executable, "-m", "harness", "--help")
    # beside what starting Python costs on this machine; on a quiet one it is under 0.3 s in all
    assert median("-m", "harness", "--help") < 0.3 + 5 * median("-c", "")


@pytest.mark.parametrize(("words", "says"), [
    (["grade", "no/such/folder"], "no/such/folder: there is no such folder"),
    (["grade", "README.md"], "README.md: not a folder"),
    (["grade", "submissions/group1", "--budget", "huge"], "take one of full, quick"),
    (["grade", "submissions/group1", "--device", "abacus"], "take cpu, cuda"),
    (["check", "no/such/folder"], "there is no such folder"),
    (["quiz", "check", "no-such.yaml"], "no-such.yaml"),
    (["new", "submissions/group1"], "group1"),
])
def test_a_wrong_call_gets_one_sentence_and_exit_code_2(words, says):
    done = harness(*words)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_an_unknown_option_is_wrong_use():
    done = harness("grade", "submissions/group1", "--nonsense")
    assert done.returncode == 2
    assert "--nonsense" in done.stderr


def test_no_data_and_no_network_names_every_place_that_was_tried(tmp_path):
    done = harness(
        "grade", "submissions/group1", "--data", tmp_path / "nothing",
        env={"HARNESS_DATA": str(tmp_path / "nor-here"), "XDG_CACHE_HOME": str(tmp_path / "cache"),
             "https_proxy": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"},
    )
    assert done.returncode == 2
    for place in ("nothing", "nor-here", "cache"):
        assert place in done.stderr
    assert "Traceback" not in done.stderr


def test_the_quiz_is_marked_where_the_key_is():
    done = harness("quiz", "check", "submissions/group3/answers.yaml", "--json")
    marked = json.loads(done.stdout)
    assert (marked["points"], marked["max_points"]) == (20, 20)
    assert [one["verdict"] for one in marked["statements"]] == ["right"] * 20


def test_the_quiz_is_only_checked_for_form_without_the_key():
    done = harness("quiz", "check", "submissions/group3/answers.yaml", "--no-key", "--json")
    assert done.returncode == 0
    marked = json.loads(done.stdout)
    assert marked["points"] is None
    assert {one["key"] for one in marked["statements"]} == {None}


def test_statistics_of_a_class_fit_the_terminal_and_are_complete_as_json(tmp_path):
    answers = (ROOT / "submissions" / "group3" / "answers.yaml").read_text()
    for number in range(12):
        group = tmp_path / f"group{number}"
        group.mkdir()
        changed = answers.replace("1a: yes", f"1a: {'yes' if number % 3 else 'no'}")
        argued = changed.replace("2a: no", '2a: {answer: yes, argument: "\\e[31m[bold]why"}')
        (group / "answers.yaml").write_text(argued)
    folders = sorted(tmp_path.iterdir())
    shown = harness("quiz", "stats", *folders)
    assert shown.returncode == 0, shown.stderr
    assert max(map(len, shown.stdout.splitlines())) <= 80
    assert "\x1b" not in shown.stdout
    assert "[bold]why" in shown.stdout
    assert "same answers" in shown.stdout
    found = json.loads(harness("quiz", "stats", "--json", *folders).stdout)
    assert (found["groups"], found["statements"][0]["wrong"]["count"]) == (12, 4)
    assert len(found["statements"][4]["arguments"][0]["groups"]) == 12


def test_a_class_with_a_broken_hand_in_is_counted_without_it(tmp_path):
    (tmp_path / "broken.yaml").write_text("answers: [")
    done = harness("quiz", "stats", "submissions/group3", "submissions/group4", tmp_path / "broken.yaml")
    assert done.returncode == 1
    assert "summer23 · 2 groups" in done.stdout
    assert "not counted broken" in done.stdout


def test_a_sheet_goes_to_moodle_and_comes_back(tmp_path):
    done = harness("quiz", "export", "summer23", "--with-key", "-o", tmp_path / "sheet.gift")
    assert done.returncode == 0, done.stderr
    assert "Moodle has none" in done.stderr
    back = tmp_path / "quiz" / "spring.yaml"
    done = harness("quiz", "import", tmp_path / "sheet.gift", "-o", back, "--points", "10", "--title", "Spring")
    assert done.returncode == 0, done.stderr
    assert "points: 10" in back.read_text()
    assert (tmp_path / "quiz" / "keys" / "spring.yaml").is_file()
    again = harness("quiz", "import", tmp_path / "sheet.gift", "-o", back)
    assert again.returncode == 2
    assert "is there already" in again.stderr


def test_a_sheet_comes_back_from_moodle_xml_with_its_title_and_points(tmp_path):
    harness("quiz", "export", "summer22", "--with-key", "--format", "moodle-xml", "-o", tmp_path / "sheet.xml")
    done = harness("quiz", "import", tmp_path / "sheet.xml", "-o", tmp_path / "spring.yaml")
    assert done.returncode == 0, done.stderr
    assert "spring.yaml: 19 statements, 20 points" in done.stdout
    assert "a right answer counts 1, a wrong one -1" in done.stderr
    assert "title: 'Generative models, summer 22: theory'" in (tmp_path / "spring.yaml").read_text()


@pytest.mark.parametrize(("words", "says"), [
    (["quiz", "export", "summer99"], "there is no quiz 'summer99'"),
    (["quiz", "import", "README.md", "-o", "OUT/x.yaml"], "no true/false question"),
    (["quiz", "import", "no.gift", "-o", "OUT/x.yaml"], "no.gift: there is no such file"),
    (["quiz", "import", "SAMPLE", "-o", "OUT/x y.yaml"], "the name of a quiz has at most 32 letters"),
    (["quiz", "import", "SAMPLE", "-o", "OUT/x.yaml", "--points", "many"], "--points 'many' must be a number"),
    (["quiz", "import", "SAMPLE", "-o", "OUT/x.yaml", "--points", "-3"], "--points -3 must be above 0"),
    (["quiz", "import", "SAMPLE", "-o", "OUT/x.yaml", "--points", "0"], "--points 0 must be above 0"),
    (["quiz", "import", "SAMPLE", "-o", "OUT/x.yaml", "--points", "1e999999999"], "of ordinary size"),
    (["quiz", "export", "summer23", "-o", "SAMPLE"], "is there already"),
    (["quiz", "import", "SAMPLE", "-o", "OUT/x.txt"], "must be called NAME.yaml"),
    (["quiz", "stats", "submissions/group1", "submissions/group3"], "choose one with --quiz"),
    (["schema", "keys"], "take one of manifest, answers, sheet, key, rubric"),
])
def test_a_wrong_call_about_quizzes_gets_one_sentence_and_writes_nothing(tmp_path, words, says):
    (tmp_path / "sample.gift").write_text("Water is wet.{T}")
    words = [one.replace("OUT", str(tmp_path)).replace("SAMPLE", str(tmp_path / "sample.gift")) for one in words]
    done = harness(*words)
    assert done.returncode == 2, done.stdout
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["sample.gift"]


def test_a_manifest_is_guessed_from_code_and_the_next_command_is_told(tmp_path):
    source = ROOT / "tests" / "hand-ins" / "scored" / "script_that_trains_on_import"
    done = harness("new", "--from", source, tmp_path / "group7")
    assert done.returncode == 0, done.stderr
    assert "route: run" in done.stdout
    assert "`encode` returns self.fc22(h1) second" in done.stdout
    assert f"harness check {tmp_path / 'group7'}" in done.stdout
    assert (tmp_path / "group7" / "submission.yaml").is_file()


@pytest.mark.parametrize(("words", "says"), [
    (["new"], "give the folder to make"),
    (["new", "--in-place"], "give the folder to make"),
    (["new", "--from", "DIR"], "say where to write"),
    (["new", "--from", "DIR", "DIR/new", "--in-place"], "say where to write"),
    (["new", "--from", "DIR", "--in-place"], "holds no code that can be read"),
    (["new", "--from", "DIR/nowhere", "--in-place"], "no such folder"),
])
def test_a_wrong_call_of_new_gets_one_sentence(tmp_path, words, says):
    done = harness(*[one.replace("DIR", str(tmp_path)) for one in words])
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_scaffolded_hand_in_grades_as_it_stands(tmp_path):
    made = harness("new", tmp_path / "group7", "--model", "vae")
    assert made.returncode == 0, made.stderr
    done = harness("check", tmp_path / "group7", "--stand-in", "--fit-seconds", "5", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["measurements"]["vae"]["outcome"] == "scored"


def test_doctor_says_what_is_ready_as_json():
    done = harness("doctor", "--json")
    found = {one["name"]: one for one in json.loads(done.stdout)["findings"]}
    assert found["torch"]["ready"]
    assert {"Fashion-MNIST", "box: bubblewrap", "GPU"} <= set(found)


@pytest.mark.slow
@pytest.mark.real_data
def test_graded_twice_the_measurements_are_identical(tmp_path):
    folder = os.environ.get("HARNESS_DATA", str(ROOT.parent / "shared" / "data"))

    def graded(name: str) -> dict[str, object]:
        options = ("--budget", "quick", "--no-store", "--json", "--data", folder, "--reports", tmp_path / name)
        done = harness("grade", "submissions/group2", *options)
        assert done.returncode == 0, done.stderr
        result = json.loads(Path(json.loads(done.stdout)["hand_ins"][0]["result"]).read_text())
        return {model: one["measurements"] for model, one in result["measurements"].items()}

    first = graded("first")
    assert len(first["vae"]) > 30
    assert graded("second") == first


def small_hand_in(folder: Path, *, group: str, assignment: str = "summer23") -> Path:
    folder.mkdir()
    (folder / "submission.yaml").write_text(
        f"group: {group}\nmembers: [Ada Example]\nassignment: {assignment}\nanswers: answers.yaml\n"
        'models: {other: {source: "model.py:Noise", route: fit}}\n')
    (folder / "answers.yaml").write_text("quiz: summer23\nanswers: {1a: yes, 1b: abstain}\n")
    (folder / "model.py").write_text(
        "import numpy as np\n\nclass Noise:\n    framework = 'numpy'\n\n"
        "    def fit(self, images, labels, *, seed, device, deadline):\n        pass\n\n"
        "    def save(self, folder):\n        (folder / 'nothing.txt').write_text('nothing')\n\n"
        "    def load(self, folder):\n        pass\n\n    def sample(self, count, *, labels=None, seed):\n"
        "        return np.random.default_rng(seed).random((count, 1, 28, 28), dtype=np.float32)\n")
    return folder


@pytest.mark.box
def test_an_unknown_assignment_and_a_group_named_twice_cost_only_the_hand_in_they_are_in(tmp_path):
    wrong = small_hand_in(tmp_path / "wrong", group="wrong", assignment="summer24")
    first, second = (small_hand_in(tmp_path / name, group="twin") for name in ("a", "b"))
    done = harness(
        "grade", wrong, first, second, "--stand-in", "--budget", "quick", "--no-store", "--json",
        "--reports", tmp_path / "reports")
    assert done.returncode == 1, done.stderr
    graded = {one["group"]: one for one in json.loads(done.stdout)["hand_ins"]}
    assert set(graded) == {"wrong", "twin", "twin-2"}
    (fault,) = graded["wrong"]["faults"]
    assert "there is no assignment 'summer24'" in fault["message"]
    assert graded["twin"]["faults"] == []
    assert "another hand-in names the group 'twin' as well" in graded["twin-2"]["faults"][0]["message"]
    assert graded["twin"]["report"] != graded["twin-2"]["report"]


def test_check_says_what_the_rubric_wants_and_what_was_left_open(tmp_path):
    folder = small_hand_in(tmp_path / "group7", group="group7")
    said = " ".join(harness("check", folder, "--stand-in").stdout.split())
    assert "1 of 20 statements answered; 19 left open, which gives no points" in said
    assert "✗ not handed in · Reconstruction error of the VAE, 4 points: No model 'vae' was handed in." in said
    assert "✓ measured" in said


def test_check_does_not_say_what_a_model_lacks_that_could_not_be_started(tmp_path):
    folder = small_hand_in(tmp_path / "group7", group="group7")
    code = (folder / "model.py").read_text().replace("def load(self, folder):\n        pass", (
        "def load(self, folder):\n        raise ValueError('no luck')"))
    (folder / "model.py").write_text(code)
    said = " ".join(harness("check", folder, "--stand-in").stdout.split())
    assert "the model has no" not in said
    assert "✗ Distribution of samples: failed, see below" in said
    assert "no luck" in said


BROKEN = {
    "quiz: summer23\nanswers: [1a: yes\n": "line 3: not valid YAML",
    "quiz: summer23\nanswers:\n  1a: !!python/object/apply:os.system [id]\n": "line 3: tags (!) are not taken",
    "a: &a [x, x]\nquiz: summer23\nanswers: {1a: *a}\n": "line 1: anchors (&) and aliases (*) are not taken",
    "quiz: summer23\nquiz: summer22\nanswers: {}\n": "line 2: 'quiz' stands here a second time (first in line 1)",
    "answers: {1a: yes}\n": "does not say which quiz it answers",
    "quiz: winter\nanswers: {1a: yes}\n": "answers 'winter': there is no quiz 'winter'",
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_file_that_cannot_be_read_as_answers_is_wrong_use_of_quiz_check(tmp_path, text):
    broken = tmp_path / "answers.yaml"
    broken.write_text(text)
    done = harness("quiz", "check", broken, "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"harness: {broken}" in done.stderr
    assert BROKEN[text] in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_single_answers_that_are_wrong_in_form_are_faults_of_the_hand_in(tmp_path):
    answers = tmp_path / "answers.yaml"
    answers.write_text("quiz: summer23\nanswers:\n  1a: yes\n  1a: no\n  9z: yes\n")
    done = harness("quiz", "check", answers, "--no-key")
    assert done.returncode == 1
    assert "lines 3 and 4: 1a is answered 2 times" in " ".join(done.stdout.split())
    assert "3 problems of form" in done.stdout
