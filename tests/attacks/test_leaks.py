"""Rows 19 to 23: what is none of a hand-in's business is not in its box, nor in what its group is told."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest

from harness.cli.running import check_one
from harness.sandbox.base import Job
from harness.submissions import intake
from harness.wire import Expected
from tests.attacks.batches import (
    MIB,
    ROOT,
    course_folder,
    grade_together,
    hand_in,
    own_temporary_folder,
    shop_for,
)

pytestmark = pytest.mark.box

CANARY = "canary-4711-of-the-course"
OWN = "canary-4712-of-the-group"

# Looks through the whole box: for names that tell of the course or the data, and for texts in whatever is small.
# Of the system and of installed packages it looks at what lies on top, as they have a hundred thousand files.
SNOOPING = r"""
import os, re
from pathlib import Path

NAMES = re.compile(
    r"t10k|idx\d-ubyte|^FashionMNIST$|^summer2\d|^answers\.yaml$|^keys$|^rubrics?$|^reports$|^result\.json$|^\.harness$"
    r"|^submissions$|^course\.yaml$|gradebook|canary", re.IGNORECASE)
LIBRARIES = re.compile(r"^/usr/[^/]+/[^/]+|^/sys|/lib/python3[.0-9]*/(site-packages/)?[^/]+|^/opt/packages/\d+/[^/]+")

def snoop():
    named, told, seen = [], [], 0
    for folder, folders, files in os.walk("/", onerror=lambda error: None):
        seen += 1
        named += [os.path.join(folder, name) for name in folders + files if NAMES.search(name)]
        folders[:] = [name for name in folders if not LIBRARIES.search(os.path.join(folder, name)) and name != "proc"]
        told += [found for name in files for found in look(os.path.join(folder, name))]
    for process in Path("/proc").glob("[0-9]*"):
        for name in ("environ", "cmdline", "mountinfo", "maps", "status"):
            told += look(str(process / name))
        for file in ("cwd/rubrics", "cwd/quiz/keys", "root/course.yaml"):
            told += [str(process / file)] if os.path.exists(process / file) else []
    return {"named": named, "told": told, "seen": seen}

def look(file):
    try:
        if os.path.islink(file) or not os.path.isfile(file):
            return []
        with open(file, "rb") as opened:
            text = opened.read(2**20).decode(errors="replace")
    except OSError:
        return []
    return [f"{file}: {word}" for word in re.findall(r"canary-\d+-of-the-\w+", text)]
"""
SNOOPS = """
    import json, os, subprocess, sys, traceback
    from pathlib import Path
    import numpy as np
    from snooping import snoop
    from honest import Honest

    AT_IMPORT = snoop()

    def text(place):
        try:
            return Path(place).read_text(errors="replace")
        except OSError as error:
            return f"{type(error).__name__}"

    class Model(Honest):
        def fit(self, images, labels, *, seed, device, deadline):
            self.images = images
            self.told = {
                "at import": AT_IMPORT, "later": snoop(), "labels": labels is not None,
                "environments": {str(p): text(p) for p in Path("/proc").glob("[0-9]*/environ")},
                "own environment": dict(os.environ),
                "commands": {str(p): text(p) for p in Path("/proc").glob("[0-9]*/cmdline")},
                "mounts": text("/proc/self/mountinfo"),
            }
            try:
                np.linalg.inv(np.zeros((2, 2)))
            except np.linalg.LinAlgError:
                traceback.print_exc()
            traceback.print_stack()
            print(sys.path, __file__, os.getcwd(), subprocess.__file__, np.__file__)

        def save(self, folder):
            (folder / "told.json").write_text(json.dumps(self.told))
            np.save(folder / "images.npy", self.images)
    """


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A course whose files hold a canary, with another group's hand-in and what earlier grades left."""
    course = course_folder(tmp_path_factory.mktemp("guarded") / "course")
    for file in [*course.rubrics.glob("*.yaml"), *course.sheets.rglob("*.yaml"), course.root / "course.yaml"]:
        file.write_text(f"# {CANARY}\n{file.read_text()}")
    shutil.copytree(ROOT / "submissions" / "group3", course.submissions / "group3")
    for place in ("submissions/group3/notes.txt", "reports/group3/result.json", ".harness/store/model/x", "data/t10k"):
        file = course.root / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(CANARY)
    return course


@pytest.fixture(scope="module")
def snooper(guarded):
    """A hand-in that looks around, with a file of its own that it must find."""
    folder = hand_in(guarded.submissions / "snoops", SNOOPS)
    (folder / "snooping.py").write_text(SNOOPING)
    (folder / "answers.yaml").write_text(f"# {OWN}\nquiz: summer23\nanswers: {{1a: yes}}\n")
    return folder


@pytest.fixture(scope="module")
def snooped(guarded, snooper, box, shop, tmp_path_factory):
    """What it found where it is trained, what it printed, and what a failing request of it tells."""
    with own_temporary_folder(tmp_path_factory.mktemp("temporary")) as scratch, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_SECRET", CANARY)
        submission = intake(snooper, Path(tempfile.mkdtemp(prefix="harness-")) / "hand-in")
        job = Job(role="fit", source="model.py:Model", folder=submission.folder)
        with box.open(job, shop.budget.limits) as session:
            _, files = session.ask(
                "fit", {"images": shop.data.train.images}, {"seconds": 10}, seconds=60,
                expect={"files/*": Expected(shape=(None,), dtype="|u1", most=4 * MIB)})
    images = np.frombuffer(files["files/images.npy"].tobytes()[-len(shop.data.train.images) * 784 * 4:], "<f4")
    return {**json.loads(files["files/told.json"].tobytes()), "log": session.log, "scratch": str(scratch),
            "images": np.rint(images * 255).astype(np.uint8).reshape(-1, 28, 28)}


# What submission.yaml says can hold any path: it is told where things lie on the grader's machine.
LOOKS = """
    import os
    import torch
    from snooping import snoop
    from honest import Honest
    found = snoop()
    if found["seen"] < 20 or found["named"] or found["told"]:
        raise RuntimeError(f"found {found}")
    class Model(Honest):
        sample = None
        def __init__(self, places):
            for place in places:
                for root in ("", "/proc/1/root", "/proc/self/root"):
                    try:
                        os.stat(root + place)
                    except OSError:
                        continue
                    raise RuntimeError(f"{root}{place} is there")
        def encode(self, images):
            torch.zeros(2) @ torch.zeros(3)
    """
PLACES = (
    "course.yaml", "quiz/keys/summer23.yaml", "rubrics/summer23.yaml", "submissions/group3", "reports", ".harness")


@pytest.fixture(scope="module")
def looked(guarded, box):
    """The faults of a hand-in that looks around in every role, and fails when it encodes."""
    places = json.dumps([str(guarded.root / name) for name in PLACES])
    folder = hand_in(
        guarded.submissions / "looks", LOOKS,
        entry=f"route: load, checkpoint: weights.npy, arguments: {{places: {places}}}")
    (folder / "snooping.py").write_text(SNOOPING)
    return grade_together([folder], shop_for(guarded, box), guarded.root / "reports").faults("looks")


def only_its_own(found: dict[str, object]) -> bool:
    """Whether it saw the box, its own answers, and nothing else that it looked for."""
    return found["seen"] > 20 and found["named"] == ["/hand-in/answers.yaml"] and (
        found["told"] == [f"/hand-in/answers.yaml: {OWN}"])


@pytest.mark.row(19)
def test_row_19_test_data_keys_rubrics_and_others_work_are_not_in_the_box(snooped, shop, outcome):
    outcome("absent from the box")
    assert only_its_own(snooped["later"]), snooped["later"]
    assert not snooped["labels"]
    given = {image.tobytes() for image in snooped["images"]}
    assert given == {image.tobytes() for image in shop.data.train.images}
    assert not given & {image.tobytes() for image in shop.data.test.images}


@pytest.mark.row(20)
def test_row_20_nor_are_they_there_at_import(snooped, outcome):
    outcome("absent from the box")
    assert only_its_own(snooped["at import"]), snooped["at import"]


@pytest.mark.row(20)
def test_row_20_a_graded_hand_in_finds_nothing_at_import_in_any_role(looked, outcome):
    outcome("absent from the box")
    assert set(looked) == {"encode"}    # in both roles it came past its import and its constructor


@pytest.mark.row(21)
def test_row_21_no_environment_holds_a_secret(snooped, outcome):
    outcome("empty")
    assert "/proc/1/environ" in snooped["environments"]
    assert CANARY not in json.dumps(snooped["environments"]) + json.dumps(snooped["own environment"])
    for name in ("HARNESS_SECRET", "HARNESS_DATA", "SSH_AUTH_SOCK", "VIRTUAL_ENV"):
        assert name not in snooped["own environment"]


@pytest.mark.row(22)
def test_row_22_no_path_of_the_host_is_in_a_command_line_or_a_traceback(snooped, guarded, outcome):
    outcome("absent")
    assert "LinAlgError" in snooped["log"]
    assert "/hand-in/model.py" in snooped["log"]
    assert "/opt/harness/harness/worker/serving.py" in snooped["log"]
    assert "bwrap" in snooped["commands"]["/proc/1/cmdline"]
    shown = json.dumps([snooped["log"], snooped["commands"], snooped["own environment"]])
    for path in (guarded.root, ROOT, snooped["scratch"], tempfile.gettempdir() + "/harness-"):
        assert str(path) not in shown, path


@pytest.mark.row(22)
def test_row_22_the_table_of_mounts_tells_of_interpreter_packages_and_the_copy_alone(snooped, guarded, outcome):
    """The kernel lists there what each bind shows; nothing but another kernel's table could hide it."""
    outcome("absent")
    shown = {line.split()[4]: line.split()[3] for line in snooped["mounts"].splitlines()}
    assert shown["/hand-in"].startswith(snooped["scratch"])
    assert {place: root for place, root in shown.items() if str(guarded.root) in root} == {}


@pytest.mark.row(22)
def test_row_22_a_fault_that_is_shown_names_only_files_of_the_hand_in(looked, guarded, outcome):
    fault = looked["encode"]
    outcome("absent")
    assert fault.kind == "crashed"
    assert "model.py, line" in fault.hint
    assert "/" not in fault.message
    for path in (guarded.root, ROOT, tempfile.gettempdir()):
        assert str(path) not in fault.model_dump_json(), path


@pytest.mark.row(23)
def test_row_23_what_a_student_is_told_is_the_same_under_every_key(guarded, box, tmp_path, outcome):
    # Every command of theirs, and that none of them opens the key: tests/quiz/test_secrecy.py.
    folder = tmp_path / "asks"
    folder.mkdir()
    (folder / "submission.yaml").write_text(
        "group: asks\nmembers: [Ada Example]\nassignment: summer23\nanswers: answers.yaml\n")
    (folder / "answers.yaml").write_text("quiz: summer23\nanswers: {1a: yes, 1b: no, 1c: abstain, 2a: perhaps}\n")
    key = guarded.keys / "summer23.yaml"
    before, told = key.read_text(), []
    for text in (before, opposite(before)):
        key.write_text(text)
        said = json.loads(check_one(folder, shop_for(guarded, box, with_key=False), quiet=True).to_json())
        for field in ("created", "durations"):
            said["provenance"].pop(field)
        told.append(json.dumps(said))
    key.write_text(before)
    outcome("none")
    assert told[0] == told[1]
    assert CANARY not in told[0]
    assert "perhaps" in told[0]


def opposite(text: str) -> str:
    """Every answer of a key turned round."""
    turned = re.sub(r"answer: (yes|no)", lambda word: "answer: no" if word[1] == "yes" else "answer: yes", text)
    assert turned != text
    return turned
