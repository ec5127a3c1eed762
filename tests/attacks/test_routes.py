"""Attacks by other ways in: scripts and notebooks that are run, definitions, and what a manifest may ask for."""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import evidence
from harness.errors import InvalidOutput, SubmissionFault
from harness.evidence.ledger import Ledger, Meter
from harness.evidence.plan import make_plan
from harness.evidence.talk import Described, Talk, numbers_told
from harness.limits import Limits
from harness.records import Outcome
from harness.sandbox import faults as words
from harness.submissions import intake
from tests.attacks.batches import (
    BUDGET,
    Batch,
    grade_together,
    hand_in,
    left_since,
    own_temporary_folder,
    running,
    traces,
)
from tests.boxes import SMALL, boxed_script

pytestmark = pytest.mark.box

# Looks where the data is, reaches out of its place, and leaves odd things among what it saves.
REACHES = r"""
import gzip, json, os, subprocess
from pathlib import Path
import numpy as np

def attempt(act):
    try:
        return f"DONE {act()!r}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"

home, out = Path.home(), Path("out")
out.mkdir()
raw = Path("data/FashionMNIST/raw")
keras = home / ".keras/datasets/fashion-mnist"
pixels = {split: (raw / f"{split}-images-idx3-ubyte").read_bytes()[16:] for split in ("train", "t10k")}
for split, data in pixels.items():
    (out / f"{split}.bin").write_bytes(data)
told = {
    "by Keras": gzip.decompress((keras / "t10k-images-idx3-ubyte.gz").read_bytes())[16:] == pixels["t10k"],
    "images": sorted({str(path) for path in Path("/").glob("*/**/*t10k*")} - {str(path) for path in home.rglob("*")}),
    "homes": [str(home), os.path.expanduser("~"), os.getcwd()],
    "outside": {place: attempt(lambda place=place: Path(place).write_text("mine")) for place in (
        "/hand-in/model.py", "/hand-in/new", "/opt/harness/harness/wire.py", "/usr/mine", "/etc/mine", "/root/mine",
        "/home/mine", "/var/tmp/mine", "/proc/1/root/mine", "/proc/sys/kernel/hostname")},
}
(out / "told.json").write_text(json.dumps(told))
(out / "passwd").symlink_to("/etc/passwd")
(out / "labels").symlink_to(raw.resolve() / "t10k-labels-idx1-ubyte")
(out / "everything").symlink_to("/")
os.mkfifo(out / "weights.pt")
"""
# Will not stop, whatever it is told; its child has a session of its own, and its thread goes on.
STAYS = """
    import os, signal, threading, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=time.sleep, args=(3600,)).start()
    if os.fork() == 0:
        os.setsid()
        os.execv("/usr/bin/sleep", ["sleep", "31557602"])
    while True:
        try:
            time.sleep(3600)
        except KeyboardInterrupt:
            print("not I", flush=True)
    """
SAVES = """
    from pathlib import Path
    out = Path("out")
    out.mkdir()
    for number in range({count}):
        (out / {name}).write_text("x")
    """
# A definition is what the loader executes; this one never ends.
DECORATED = """
    import time
    from honest import Honest
    @lambda kind: print("defining", flush=True) or time.sleep(3600)
    class Model(Honest):
        pass
    """
# Saves under names of its own choice: a file that is a folder as well.
FORGES = """
    import numpy as np
    from harness.worker import serving
    from honest import Honest
    class Model(Honest):
        def fit(self, images, labels, *, seed, device, deadline):
            forged = {"weights": np.zeros(1, np.uint8), "Weights/a.pt": np.zeros(1, np.uint8)}
            serving.Worker._saved = lambda self: forged
    """
# (what is run or imported, its entry in the manifest)
RUN = "route: run, checkpoint: out"
SOON = 40       # seconds: torch is imported in them, too
SCRIPTS = {
    "reaches": (REACHES, RUN),
    "stays": (STAYS, RUN),
    "many": (SAVES.format(count=1_000, name='f"{number}.pt"'), RUN),
    "odd-names": (SAVES.format(count=1, name=r'"..\\..\\weights.pt"'), RUN),
    "both": (FORGES, "route: fit"),
    "decorated": (DECORATED, "route: fit, definitions: true"),
}
# What a manifest asks for: the code, and what its entry says besides.
WEIGHTS = ", checkpoint: weights.npy"
GRADED = {
    # Names what Python has in every object as its encoder, and a prior that no memory holds.
    "names": ("""
        class Model:
            def load(self, folder):
                pass
            def decode(self, codes):
                return codes
        """, WEIGHTS + ", methods: {encode: __class__.__base__.__subclasses__}, prior: {shape: [1000000, 1000000]}"),
    # Says that a library is not here: one that is, and one that is not; and is told nothing else of its model.
    "excuses": ("""
        from honest import Honest
        class Model(Honest):
            def encode(self, images):
                raise ModuleNotFoundError("No module named 'scipy'", name="scipy")
            def sample(self, count, *, labels=None, seed):
                raise ModuleNotFoundError("No module named 'tensorflow'", name="tensorflow")
        """, WEIGHTS),
    "missing": ("""
        from honest import Honest
        class Model(Honest):
            sample = None
            def encode(self, images):
                raise ModuleNotFoundError("No module named 'tensorflow'", name="tensorflow")
        """, WEIGHTS),
    # Numbers that are finite, and as large as they can be.
    "extreme": ("""
        import numpy as np
        from honest import Honest
        MOST = np.float32(3e38)
        class Model(Honest):
            def encode(self, images):
                signs = np.where(images.reshape(len(images), -1)[:, 200:208] > 0.3, 1, -1)
                return (65504 * signs).astype(np.float32)
            def decode(self, codes):
                return np.repeat(np.where(codes[:, :1] > 0, MOST, -MOST), 784, axis=1).reshape(-1, 1, 28, 28)
            def posterior(self, images):
                return np.full((len(images), 8), MOST), np.full((len(images), 8), MOST)
            def log_prob(self, images):
                return np.where(images.reshape(len(images), -1)[:, 200] > 0.3, MOST, -MOST)
            def sample(self, count, *, labels=None, seed):
                return np.zeros((count, 1, 28, 28), np.float32)
        """, WEIGHTS + ", output: {clip: true}"),
    # Its weights are no networks, and are named as what every object has.
    "weights": ("""
        class Model:
            layers = []
            def sample(self, count):
                return None
        """, ", checkpoint: {__class__: weights.npy, layers.99: weights.npy}"),
    # Its code is the label that it was told.
    "told": ("""
        import numpy as np
        from honest import Honest
        class Model(Honest):
            sample = None
            def encode(self, images, labels):
                return labels
            def decode(self, codes, labels):
                return np.repeat(codes.mean(axis=1, keepdims=True), 784, axis=1).reshape(-1, 1, 28, 28)
        """, WEIGHTS + ", labels: [encode, decode], one_hot: true"),
}


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a hand-in that was trained: its fault or the files it saved, and how long it took."""

    fault: SubmissionFault | None
    files: dict[str, bytes]
    seconds: float


@pytest.fixture(scope="module")
def attacked(course, shop, tmp_path_factory) -> tuple[dict[str, Ran], Batch, dict[str, set[str]]]:
    """Let all scripts run at once, and grade the others meanwhile; also give what is left of it."""
    place = tmp_path_factory.mktemp("trained")
    budget = replace(BUDGET, fit_seconds=20, fit_grace_seconds=15)
    impatient = replace(budget, roles={"fit": {"start_seconds": SOON}})

    def train(name: str) -> Ran:
        code, entry = SCRIPTS[name]
        taken = intake(hand_in(course.root / "routes" / name, code, entry=entry), place / name / "copy")
        begun = time.monotonic()
        try:
            into = evidence.train(
                taken, "vae", data=shop.data, box=shop.box, budget=impatient if name == "decorated" else budget,
                seed=0, into=place / name / "saved")
        except SubmissionFault as fault:
            return Ran(fault, {}, time.monotonic() - begun)
        files = {str(path.relative_to(into)): path.read_bytes() for path in into.rglob("*") if path.is_file()}
        return Ran(None, files, time.monotonic() - begun)

    with own_temporary_folder(tmp_path_factory.mktemp("temporary")):
        before = traces()
        with ThreadPoolExecutor(len(SCRIPTS)) as pool:
            training = {name: pool.submit(train, name) for name in SCRIPTS}
            batch = grade_together([
                hand_in(course.submissions / name, code, entry=f"route: load{entry}")
                for name, (code, entry) in GRADED.items()], shop, course.root / "routes-graded")
            found = {name: one.result() for name, one in training.items()}
        return found, batch, left_since(before)


@pytest.fixture
def ran(attacked) -> dict[str, Ran]:
    return attacked[0]


@pytest.fixture
def graded(attacked) -> Batch:
    return attacked[1]


@pytest.fixture
def reached(ran):
    """What the script that reaches out told."""
    assert ran["reaches"].fault is None, ran["reaches"].fault
    return json.loads(ran["reaches"].files["out/told.json"])


@pytest.mark.row(19)
def test_row_19_a_script_finds_training_images_where_the_test_images_would_be(ran, reached, shop, outcome):
    outcome("absent from the box")
    files = ran["reaches"].files
    given = np.concatenate([
        np.frombuffer(files[f"out/{split}.bin"], np.uint8).reshape(-1, 28, 28) for split in ("train", "t10k")])
    assert np.array_equal(given, shop.data.train.images)
    assert reached["by Keras"]
    assert reached["images"] == []      # nor are there any elsewhere


@pytest.mark.row(24)
def test_row_24_a_script_writes_nowhere_but_in_its_own_place(reached, outcome):
    outcome("not reachable")
    assert {place: told for place, told in reached["outside"].items() if told.startswith("DONE")} == {}
    assert len({Path(place) for place in reached["homes"]}) == 1
    assert reached["homes"][0].startswith("/tmp/")


@pytest.mark.row(42)
def test_row_42_of_what_a_script_saves_no_link_and_no_pipe_is_taken(ran, outcome):
    outcome("left out")
    assert set(ran["reaches"].files) == {"out/told.json", "out/train.bin", "out/t10k.bin"}


@pytest.mark.row(42)
def test_row_42_a_saved_name_that_leads_out_is_refused(ran, outcome):
    fault = ran["odd-names"].fault
    outcome(fault)
    assert isinstance(fault, InvalidOutput)
    assert "forward slashes" in fault.message


@pytest.mark.row(8)
def test_row_08_a_thousand_saved_files_are_refused_in_words(ran, outcome):
    fault = ran["many"].fault
    outcome(fault)
    assert isinstance(fault, InvalidOutput)
    assert fault.message == "model.py saved 1,000 files; at most 100 are taken"
    assert "few files" in fault.hint


@pytest.mark.row(2)
@pytest.mark.row(5)
def test_rows_02_and_05_a_script_that_will_not_be_interrupted_is_ended_with_all_that_it_started(ran, outcome):
    one = ran["stays"]
    outcome(one.fault.kind)
    assert one.fault.kind == "timed out"
    assert "not I" in one.fault.log      # it was asked first
    assert running("31557602") == []


@pytest.mark.row(11)
def test_row_11_a_definition_that_hangs_times_out(ran, outcome):
    fault = ran["decorated"].fault
    outcome(fault.kind)
    assert fault.kind == "timed out"
    assert f"loading the model did not end within {SOON} seconds" in fault.message
    assert "defining" in fault.log


def test_nothing_is_left_of_them(attacked):
    assert attacked[2] == {}


# --- what a manifest may ask for


def outcomes(batch: Batch, group: str) -> dict[str, Outcome]:
    """What became of each criterion of the first task."""
    return {
        one.id: one.outcome for part in batch.results[group].marks.parts for one in part.criteria
        if one.outcome in {Outcome.SCORED, Outcome.ENVIRONMENT, Outcome.HARNESS_FAULT, Outcome.SUBMISSION_FAULT}}


@pytest.mark.row(37)
def test_row_37_finite_numbers_of_any_size_are_no_fault_of_ours(graded, outcome):
    outcome("measured, or the group's fault")
    assert graded.failed == {}
    assert [fault.message for fault in graded.faults("extreme").values() if fault.ours] == []
    assert Outcome.HARNESS_FAULT not in outcomes(graded, "extreme").values()
    assert any("were clipped, as declared" in note for note in graded.results["extreme"].measurements["vae"].notes)


@pytest.mark.row(37)
def test_row_37_what_a_manifest_names_is_asked_inside_and_fails_in_words(graded, outcome):
    faults = graded.faults("names")
    outcome("the group's fault")
    assert {"encode", "sample"} <= set(faults), faults
    assert not any(fault.ours for fault in faults.values())
    assert all(fault.message for fault in faults.values())


@pytest.mark.row(47)
def test_row_47_weights_for_what_is_no_network_are_refused_in_words(graded, outcome):
    fault = graded.faults("weights")["start"]
    outcome(fault.kind)
    assert fault.kind == "rejected"
    assert "__class__, which is no network of the model" in fault.message


@pytest.mark.row(29)
def test_row_29_a_library_that_is_only_said_to_be_missing_is_no_excuse(graded, outcome):
    faults = graded.faults("excuses")
    outcome("the group's fault")
    assert faults["encode"].kind == "crashed"
    assert "model.py, line" in faults["encode"].message
    assert faults["sample"].kind == "environment"       # as it is not here: a person has to see what it is for
    assert graded.results["excuses"].measurements["vae"].outcome is Outcome.SUBMISSION_FAULT
    assert Outcome.ENVIRONMENT not in outcomes(graded, "excuses").values()


@pytest.mark.row(29)
def test_row_29_a_library_that_is_missing_leaves_points_open_and_gives_none(graded, outcome):
    outcome("left to a person")
    assert graded.results["missing"].measurements["vae"].outcome is Outcome.ENVIRONMENT
    of_vae = outcomes(graded, "missing")
    assert Outcome.ENVIRONMENT in of_vae.values()
    assert Outcome.SCORED not in of_vae.values()


@pytest.mark.row(32)
def test_row_32_a_reconstruction_that_was_told_the_label_is_called_so(graded, outcome):
    outcome("said beside the numbers, and flagged")
    model = graded.results["told"].measurements["vae"]
    assert any("given each image's true class" in note for note in model.notes)
    assert "labels_leak" in {flag.name for flag in model.flags}


# --- what a worker may say: whatever it is, the grader takes it for words


CLAIMS = """
ready()
while True:
    answer({"redirected": 5, "told": {"long": 10**400, "short": 1, "no number": True, "": 2}, "capabilities": 7,
            "domains": {"a": []}, "parameters": 10**400, "log_prob_kind": ["exact"], "conditional": "yes"})
"""


@pytest.mark.row(30)
def test_row_30_what_a_worker_says_of_itself_is_taken_only_where_it_is_of_the_right_kind(shop, tmp_path, outcome):
    outcome("ignored")
    ledger = Ledger(model="vae")
    with boxed_script(CLAIMS, SMALL, tmp_path) as session:
        talk = Talk(session, role="encode", limits=SMALL, ledger=ledger, meter=Meter(lambda *_: None))
        assert talk.describe() == Described()
        assert talk.report(make_plan(shop.data, BUDGET, 0)) == {"short": 1.0}
    assert talk.redirected == set()
    assert ledger.faults == []


@pytest.mark.row(30)
def test_row_30_saved_names_that_cannot_be_written_are_the_groups_fault(ran, outcome):
    fault = ran["both"].fault
    outcome(fault)
    assert isinstance(fault, InvalidOutput)
    assert "'weights' and 'Weights/' are one name" in fault.message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-10**400, 10**400) | st.floats() | st.text(max_size=8)
    | st.sampled_from(["__main__", "torch", "encode", "exact", "rejected", "environment", "crashed"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3), max_leaves=8)
FIELDS = (
    "capabilities", "conditional", "parameters", "log_prob_kind", "domains", "kind", "needs", "package", "message",
    "hint", "traceback", "file", "line", "function", "code")


@pytest.mark.row(30)
@given(st.dictionaries(st.sampled_from(FIELDS), JSON | st.lists(st.dictionaries(st.sampled_from(FIELDS), JSON))))
def test_row_30_no_head_of_a_frame_breaks_the_grader(head):
    assert isinstance(Described.of(head), Described)
    assert isinstance(words.from_worker(head, log="", limits=Limits()), SubmissionFault)
    assert all(abs(value) < float("inf") for value in numbers_told(head).values())


@pytest.mark.row(30)
@pytest.mark.parametrize("needs", ["__main__", "sys", "harness", "a.b", "", 7, None, ["torch"], "\ud800"])
def test_row_30_what_is_here_is_not_missing_whatever_a_worker_says(monkeypatch, needs):
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)      # as where a program is started by its name
    told = {"kind": "environment", "needs": needs, "package": 5}
    assert words.from_worker(told, log="", limits=Limits()).kind == "crashed"
