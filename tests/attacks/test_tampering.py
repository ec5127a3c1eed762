"""Rows 24 to 31: hand-ins that reach for the result itself, graded in one batch with an honest one."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from harness.errors import BrokenProtocol
from harness.gradebook import Gradebook
from harness.records import Outcome
from harness.wire import Expected
from tests.attacks.batches import (
    BYSTANDER,
    Batch,
    grade_together,
    hand_in,
    lasting,
    left_since,
    own_temporary_folder,
    traces,
)
from tests.boxes import SMALL, boxed_script

ATTACKERS = {
    # Knows where everything lies on the host and tries to write there; and answers a request itself, with images
    # of its own choice, before the worker does.
    "reaches": """
        import io, os
        import numpy as np
        from harness.wire import write_frame
        from honest import Honest
        class Model(Honest):
            def __init__(self, places):
                self.done = []
                for place in places:
                    for root in ("", "/proc/1/root", "/proc/self/root"):
                        try:
                            os.makedirs(os.path.dirname(root + place), exist_ok=True)
                            with open(root + place, "w") as file:
                                file.write("100 points")
                            self.done.append(root + place)
                        except OSError:
                            pass
            def encode(self, images):
                raise RuntimeError(f"wrote {self.done}")
            def sample(self, count, *, labels=None, seed):
                for number in pipes():
                    for identity in (2, 2, 3, 4):
                        try:
                            with io.FileIO(os.dup(number), "wb") as sink:
                                write_frame(sink, {"id": identity, "score": 100}, {
                                    "images": np.zeros((count, 28, 28), np.float32)})
                        except OSError:
                            break
                return super().sample(count, labels=labels, seed=seed)
        def pipes():
            for number in map(int, os.listdir("/proc/self/fd")):
                if number > 2 and os.path.lexists(f"/proc/self/fd/{number}"):
                    if os.readlink(f"/proc/self/fd/{number}").startswith("pipe:"):
                        yield number
        """,
    # Saves a checkpoint that runs code when it is unpickled, and gives arrays of objects.
    "pickles": """
        import os, pickle
        import numpy as np
        import torch
        class Evil:
            def __reduce__(self):
                return os.system, ("touch /tmp/attack-unpickled /hand-in/attack-unpickled",)
        class Model(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.weight = torch.nn.Parameter(torch.ones(1))
            def fit(self, images, labels, *, seed, device, deadline):
                pass
            def save(self, folder):
                (folder / "weights.pt").write_bytes(pickle.dumps(Evil()))
                (folder / "objects.npy").write_bytes(pickle.dumps(Evil()))
            def load(self, folder):
                try:
                    torch.load(folder / "weights.pt", weights_only=False)
                except Exception as error:
                    print(error)
                print("unpickled inside:", os.path.exists("/tmp/attack-unpickled"), flush=True)
            def encode(self, images):
                return np.array([[Evil(), Evil()]] * len(images), dtype=object)
            def sample(self, count, *, labels=None, seed):
                for number in os.listdir("/proc/self/fd"):
                    if int(number) > 2 and os.readlink(f"/proc/self/fd/{number}").startswith("pipe:"):
                        try:
                            os.write(int(number), pickle.dumps(Evil()) * 3)
                        except OSError:
                            pass
                return torch.zeros(count, 1, 28, 28)
        """,
    # Makes everything that a careless worker would measure with tell lies; the model itself is the honest one.
    "patches": """
        import builtins, random, sys, time
        import numpy as np
        import torch
        import harness.wire, harness.worker.serving as serving
        from honest import Honest
        lie = lambda *_, **__: 0.0
        for name in ("mean", "var", "std", "abs", "square", "allclose", "array_equal", "isfinite"):
            setattr(np, name, lie)
        np.linalg.norm = np.random.seed = lie
        torch.manual_seed = torch.nn.functional.mse_loss = torch.allclose = torch.equal = lie
        time.monotonic = time.time = time.perf_counter = time.process_time = lie
        random.seed = lie
        serving.seed_everything = lie
        whole = harness.wire.write_frame
        def forged(sink, head, arrays=None):
            claims = {"score": 100, "points": 100, "status": "scored", "seconds": 0.0, "measurements": {"mse": 0.0},
                      "outcome": "scored", "flags": []}
            whole(sink, {**claims, **head}, arrays)
        harness.wire.write_frame = serving.write_frame = forged
        sys.modules["harness.worker.explain"] = sys.modules["harness.errors"] = None
        builtins.print = builtins.id = lie
        class Model(Honest):
            pass
        """,
    # Answers with objects that say yes to everything, and hold what no image may hold.
    "equals": """
        import numpy as np
        from honest import Honest
        class Agreeable(np.ndarray):
            __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = lambda self, other: True
            __bool__ = __contains__ = lambda self, *_: True
            __hash__ = None
            def min(self, *_, **__):
                return 0.0
            def max(self, *_, **__):
                return 1.0
            def __array_function__(self, function, types, arguments, options):
                return True if function in (np.isfinite, np.allclose, np.array_equal) else (
                    super().__array_function__(function, types, arguments, options))
        class Shape(tuple):
            __eq__ = lambda self, other: True
            __hash__ = None
        class Anything:
            shape = Shape((7, 1, 28, 28))
            __eq__ = lambda self, other: True
            __hash__ = None
            def __len__(self):
                return 80
            def __array__(self, *_, **__):
                return np.full((80, 1, 28, 28), np.nan, np.float32)
        class Model(Honest):
            def encode(self, images):
                return super().encode(images).view(Agreeable)
            def decode(self, codes):
                return super().decode(codes).view(Agreeable)
            def sample(self, count, *, labels=None, seed):
                return np.full((count, 1, 28, 28), np.nan, np.float32).view(Agreeable)
        """,
    # Ends in the middle, and prints into every stream that a careless protocol would use.
    "ends": """
        import os, subprocess, sys
        from honest import Honest
        class Model(Honest):
            def encode(self, images):
                os._exit(0)
            def sample(self, count, *, labels=None, seed):
                print('{"id": 1, "score": 100}')
                os.write(1, b"HRNS" * 10)
                sys.__stdout__.write("Epoch 1: loss 0.3\\n")
                sys.stderr.write("warning\\n")
                subprocess.run(["/bin/echo", "from a child"])
                subprocess.run(["/bin/sh", "-c", "cat; echo asked"])
                return super().sample(count, labels=labels, seed=seed)
        """,
    # Leaves the image that it encodes wherever its decoder could find it.
    "leaves": """
        import builtins, os
        from multiprocessing import shared_memory
        from pathlib import Path
        import numpy as np
        import honest
        from honest import Honest
        PLACES = [Path(folder, "attack-state.npy") for folder in (
            "/tmp", "/dev/shm", "/var/tmp", "/run", "/hand-in", "/checkpoint", "/opt/harness", "/proc/self", ".",
            "/dev", "/", "/usr", "/sys")]
        class Model(Honest):
            def found(self):
                places = [str(place) for place in PLACES if os.path.exists(place)]
                places += ["a module"] if hasattr(honest, "state") or hasattr(builtins, "state") else []
                places += ["the environment"] if "ATTACK_STATE" in os.environ else []
                try:
                    shared_memory.SharedMemory("attack-state").close()
                    places.append("shared memory")
                except FileNotFoundError:
                    pass
                return places
            def leave(self, images):
                for place in PLACES:
                    try:
                        np.save(place, images)
                    except OSError:
                        pass
                honest.state = builtins.state = Honest.state = images
                os.environ["ATTACK_STATE"] = "left"
                try:
                    shared_memory.SharedMemory("attack-state", create=True, size=1000)
                except FileExistsError:
                    pass
            def encode(self, images):
                if not images.any():        # its decoder's box asks for the code of an empty image
                    return super().encode(images)
                if hasattr(honest, "state") and len(self.found()) < 5:
                    raise RuntimeError(f"its own box should remember: {self.found()}")
                self.leave(images)
                return super().encode(images)
            def decode(self, codes):
                if self.found():
                    raise RuntimeError(f"left by the encoder: {self.found()}")
                return super().decode(codes)
            sample = None
        """,
}


def files_of(folder: Path) -> dict[str, str]:
    """Every file of a course and what it holds, apart from what this batch writes."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*"))
        if path.is_file() and "tampered" not in path.parts}


@pytest.fixture(scope="module")
def unpickled():
    """The names that this process looks up while it unpickles something."""
    names: list[tuple[str, str]] = []
    active = [True]

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if active and event == "pickle.find_class":
            names.append((str(arguments[0]), str(arguments[1])))

    sys.addaudithook(watch)     # it cannot be taken away again
    yield names
    active.clear()


@pytest.fixture(scope="module")
def graded(course, shop, bystander, unpickled, tmp_path_factory):
    """All of them in one batch with the bystander."""
    (course.root / ".harness" / "store").mkdir(parents=True, exist_ok=True)
    (course.root / ".harness" / "store" / "entry").write_text("kept")
    places = [str(course.root / name) for name in (
        "reports/bystander/result.json", "reports/index.html", "gradebook.sqlite", ".harness/store/entry",
        ".harness/store/model/new", "quiz/keys/summer23.yaml", "rubrics/summer23.yaml", "submissions/attack/x")]
    entries = {
        "reaches": f"route: load, checkpoint: weights.npy, arguments: {{places: {json.dumps(places)}}}",
        "pickles": "route: fit"}
    folders = [
        hand_in(course.submissions / name, code, **({"entry": entries[name]} if name in entries else {}))
        for name, code in ATTACKERS.items()]
    folders.insert(len(folders) // 2, bystander[0])
    with own_temporary_folder(tmp_path_factory.mktemp("temporary")):
        before, files = traces(), files_of(course.root)
        batch = grade_together(folders, shop, course.root / "tampered")
        left = left_since(before)
        now = files_of(course.root)
    changed = {path for path in {*files, *now} if files.get(path) != now.get(path)}
    return batch, left, {path for path in changed if not path.startswith(str(course.gradebook))}   # ours, see row 24


@pytest.fixture
def faults(graded):
    """The faults of an attacker, by stage."""
    return graded[0].faults


def same_as_honest(batch: Batch, group: str, family: str) -> bool:
    """Whether a family measured of an attacker just what it measured of the bystander."""
    own, honest = ({name: value for name, value in batch.values(one).items() if name.startswith(f"{family}.")}
                   for one in (group, "bystander"))
    return bool(honest) and own == honest


@pytest.mark.box
@pytest.mark.row(24)
def test_row_24_reports_gradebook_and_cache_are_not_reached(graded, faults, course, outcome):
    outcome("not reachable")
    # Where the course lies below /tmp, what it writes there is in the box's own /tmp.
    assert "wrote [" in faults("reaches")["encode"].message
    assert graded[2] == set()
    attempts = Gradebook(course.gradebook).attempts("bystander")
    assert Gradebook(course.gradebook).problems() == []
    assert attempts


@pytest.mark.box
@pytest.mark.row(25)
def test_row_25_a_pickle_is_unpickled_in_the_box_alone_and_objects_do_not_cross(faults, unpickled, outcome):
    outcome("never unpickled on our side")
    found = faults("pickles")
    assert found["encode"].kind == "invalid output"
    assert "unpickled inside: True" in found["encode"].log
    assert found["sample"].kind == "broken protocol"
    assert not {names for names in unpickled if names[1] == "system" or names[0].startswith(("model", "hand_in"))}
    for place in (Path("/tmp"), Path.cwd()):
        assert not list(place.glob("attack-unpickled"))


@pytest.mark.row(26)
@pytest.mark.parametrize(("file", "text"), [
    ("submission.yaml", 'group: !!python/object/apply:os.system ["touch attack-ran"]\n'),
    ("submission.yaml", "group: !!python/name:os.system\n"),
    ("submission.yaml", "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True))),
    ("submission.yaml", "group: one\ngroup: two\nmembers: [Ada Example]\nassignment: summer23\n"),
    ("submission.yaml", "[" * 100_000),
    ("answers.yaml", 'quiz: summer23\nanswers: {1a: !!python/object/apply:os.system ["touch attack-ran"]}\n'),
    ("answers.yaml", "quiz: summer23\nanswers: {1a: &a yes, 1b: *a}\n"),
    ("answers.yaml", "quiz: summer23\nanswers: {1a: yes, 1a: no}\nquiz: summer22\n"),
], ids=["tag", "name", "aliases", "doubled key", "deep", "tag in answers", "alias in answers", "doubled in answers"])
def test_row_26_tags_aliases_and_doubled_keys_are_rejected(course, shop, tmp_path, outcome, file, text):
    folder = hand_in(tmp_path / "yaml", BYSTANDER)
    (folder / "submission.yaml").write_text(
        "group: yaml\nmembers: [Ada Example]\nassignment: summer23\nanswers: answers.yaml\n")
    (folder / "answers.yaml").write_text("quiz: summer23\nanswers: {1a: yes}\n")
    (folder / file).write_text(text)
    batch = grade_together([folder], shop, tmp_path / "reports")
    (result,) = batch.results.values()
    outcome("Rejected")
    if file == "submission.yaml":
        (fault,) = result.faults
        assert (fault.kind, fault.stage) == ("rejected", "intake")
        assert file in fault.message
    else:
        assert result.theory.outcome is Outcome.SUBMISSION_FAULT or "twice" in " ".join(result.theory.problems)
        assert result.theory.problems
        assert result.theory.points in {None, 0}
    assert not list(Path.cwd().glob("attack-ran")) + list(tmp_path.rglob("attack-ran"))


@pytest.mark.box
@pytest.mark.row(27)
def test_row_27_patching_has_no_effect_on_the_measurement(graded, faults, outcome):
    outcome("no effect on the measurement")
    assert faults("patches") == {}
    assert graded[0].values("patches") == graded[0].values("bystander")


@pytest.mark.box
@pytest.mark.row(28)
def test_row_28_of_objects_that_equal_everything_only_bytes_cross(graded, faults, outcome):
    outcome("only bytes cross")
    assert set(faults("equals")) == {"sample"}
    assert faults("equals")["sample"].kind == "invalid output"
    assert "not finite" in faults("equals")["sample"].message
    assert same_as_honest(graded[0], "equals", "reconstruction")


@pytest.mark.box
@pytest.mark.row(29)
def test_row_29_ending_without_a_word_is_a_broken_protocol(faults, outcome):
    fault = faults("ends")["encode"]
    outcome(fault.kind)
    assert fault.kind == "broken protocol"
    assert "os._exit" in fault.hint


@pytest.mark.box
@pytest.mark.row(30)
def test_row_30_prints_are_ignored_and_forged_answers_break_the_protocol(graded, faults, outcome):
    outcome("BrokenProtocol; prints ignored")
    assert "sample" not in faults("ends")
    assert same_as_honest(graded[0], "ends", "distribution")
    fault = faults("reaches")["sample"]
    assert fault.kind == "broken protocol"
    assert graded[0].results["reaches"].marks.points == 0


FORGED = {
    "noise": "sink.write(os.urandom(5000))",
    "another magic": "sink.write(struct.pack('<4sHHIQ', b'SNRH', 1, 0, 2, 0) + b'{}')",
    "another version": "sink.write(struct.pack('<4sHHIQ', b'HRNS', 2, 0, 2, 0) + b'{}')",
    "giant head": "sink.write(struct.pack('<4sHHIQ', b'HRNS', 1, 0, 2**32 - 1, 0))",
    "giant body": "frame({'id': 1, 'arrays': [{'name': 'codes', 'dtype': '<f4', 'shape': [2**40]}]}, 2**42)",
    "giant product": "frame({'id': 1, 'arrays': [{'name': 'codes', 'dtype': '<f8', 'shape': [2**47] * 8}]}, 8)",
    "body that lies": "frame({'id': 1, 'arrays': [{'name': 'codes', 'dtype': '<f4', 'shape': [2, 3]}]}, 2**63)",
    "negative size": "frame({'id': 1, 'arrays': [{'name': 'codes', 'dtype': '<f4', 'shape': [-2, -3]}]}, 24)",
    "objects": "frame({'id': 1, 'arrays': [{'name': 'codes', 'dtype': '|O', 'shape': [2, 3]}]}, 48)",
    "two of one name": "frame({'id': 1, 'arrays': [{'name': 'codes', 'dtype': '<f4', 'shape': [2, 3]}] * 2}, 48)",
    "deep head": "sink.write(struct.pack('<4sHHIQ', b'HRNS', 1, 0, 60000, 0) + b'[' * 60000)",
    "NaN in the head": "text = b'{\"id\": NaN, \"arrays\": []}'; "
                       "sink.write(struct.pack('<4sHHIQ', b'HRNS', 1, 0, len(text), 0) + text)",
    "cut in the head": "sink.write(struct.pack('<4sHHIQ', b'HRNS', 1, 0, 200, 0) + b'{'); os._exit(0)",
    "cut in the body": "frame({'id': 1, 'arrays': [{'name': 'codes', 'dtype': '<f4', 'shape': [2, 3]}]}, 24); "
                       "sink.write(b'abc'); os._exit(0)",
    "an answer before it was asked": "write_frame(sink, {'id': 2}, {'codes': np.zeros((2, 3), '<f4')})",
    "the same answer twice": "[write_frame(sink, {'id': 1}, {'codes': np.zeros((2, 3), '<f4')}) for _ in range(2)]",
}


@pytest.mark.box
@pytest.mark.row(30)
@pytest.mark.parametrize("name", FORGED)
def test_row_30_a_forged_frame_ends_the_conversation_and_not_the_grader(tmp_path, outcome, name):
    script = f"""
import struct
def frame(head, body):
    text = json.dumps(head).encode()
    sink.write(struct.pack('<4sHHIQ', b'HRNS', 1, 0, len(text), body) + text)
ready()
read_frame(source, None)
{FORGED[name]}
time.sleep(60)
"""
    resident = resident_bytes()
    with boxed_script(script, SMALL, tmp_path) as session:
        if name == "the same answer twice":     # which is noticed when the next answer is waited for
            ask(session)
        with pytest.raises(BrokenProtocol) as caught:
            ask(session)
    outcome(caught.value)
    assert resident_bytes() - resident < 50_000_000


def ask(session):
    images = np.zeros((2, 28, 28), np.uint8)
    return session.ask("encode", {"images": images}, expect={"codes": Expected(shape=(2, 3))}, seconds=10)


def resident_bytes() -> int:
    """The memory of this process that is in use."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.box
@pytest.mark.row(31)
def test_row_31_what_a_role_leaves_is_not_there_for_the_next(graded, faults, outcome):
    outcome("a fresh box each")
    assert faults("leaves") == {}
    assert same_as_honest(graded[0], "leaves", "reconstruction")


@pytest.mark.box
def test_the_grader_went_on_and_the_bystanders_grade_is_the_same_to_the_byte(graded, bystander):
    batch, left, _ = graded
    assert set(batch.results) == {*ATTACKERS, "bystander"}
    assert batch.failed == {}
    assert lasting(batch.reports / "bystander" / "result.json") == bystander[1]
    assert left == {}
