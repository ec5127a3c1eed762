"""Files that a hand-in may hold: archives, names, devices, checkpoints, PDFs, notebooks, answers (rows 42 to 50)."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import pickle
import re
import socket
import stat
import struct
import sys
import time
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from harness import evidence, handin
from harness.course import Course
from harness.errors import Rejected
from harness.grading import grade
from harness.limits import MIB, Intake
from harness.lms.moodle.unpacking import unpack
from harness.quiz import load_key, load_sheet, theory
from harness.records import Fault, Outcome
from harness.report import render_report
from harness.submissions import intake
from tests.attacks.tiny import ANSWERS, MANIFEST, ROOT, noise_hand_in, small_workshop

ANSWERS_ONLY = "group: a\nmembers: [Ada Example]\nassignment: summer23\nanswers: answers.yaml\n"
HONEST = {"submission.yaml": ANSWERS_ONLY, "answers.yaml": ANSWERS}


def refused(path: Path, into: Path, **options: Intake) -> Rejected:
    with pytest.raises(Rejected) as caught:
        intake(path, into, **options)
    assert caught.value.hint
    assert caught.value.message.isprintable()
    return caught.value


def archive_of(path: Path, entries: dict[str, bytes | str], *, mode: int = 0) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in HONEST.items():
            archive.writestr(name, content)
        for name, content in entries.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = mode << 16
            archive.writestr(info, content)
    return path


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


# --- 42: names and links that lead elsewhere


@pytest.mark.row(42)
@pytest.mark.parametrize("name", [
    "../evil", "a/../../evil", "/evil", "//evil", "C:/evil", "c:evil", "..\\evil", "a\\..\\..\\evil", "..", "a/..",
])
def test_row_42_a_name_that_leads_out_of_the_archive_is_refused_and_nothing_is_written(tmp_path, outcome, name):
    archive = archive_of(tmp_path / "a.zip", {name: "evil"})
    outcome(refused(archive, tmp_path / "copy"))
    assert files_below(tmp_path) == {"a.zip"}


@pytest.mark.row(42)
def test_row_42_a_link_in_an_archive_is_left_out_and_nothing_is_written_through_it(tmp_path, outcome):
    (tmp_path / "target").mkdir()
    archive = archive_of(tmp_path / "a.zip", {"link": str(tmp_path / "target")}, mode=stat.S_IFLNK | 0o777)
    taken = intake(archive, tmp_path / "first")
    assert "symbolic link" in taken.left_out["link"]
    with zipfile.ZipFile(archive, "a") as more:
        more.writestr("link/evil", "evil")
    taken = intake(archive, tmp_path / "second")
    assert (tmp_path / "second" / "link" / "evil").read_text() == "evil"      # in the copy, in a folder of its own
    assert files_below(tmp_path / "target") == set()
    outcome("links left out and listed")


@pytest.mark.row(42)
def test_row_42_links_in_a_folder_are_left_out_and_listed(tmp_path, outcome):
    folder = noise_hand_in(tmp_path / "group")
    (tmp_path / "secret").write_text("secret")
    (folder / "soft").symlink_to(tmp_path / "secret")
    (folder / "soft-folder").symlink_to(tmp_path)
    (folder / "hard").hardlink_to(tmp_path / "secret")
    taken = intake(folder, tmp_path / "copy")
    assert set(taken.left_out) == {"soft", "soft-folder", "hard"}
    assert not any("secret" in path.read_text() for path in (tmp_path / "copy").rglob("*") if path.is_file())
    outcome("links left out and listed")


# --- 43: more than it seems


def local(name: bytes, packed: bytes, size: int, crc: int) -> bytes:
    return struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 33, crc, len(packed), size, len(name), 0) + name + packed


def listed(name: bytes, packed: int, size: int, crc: int, offset: int) -> bytes:
    return struct.pack(
        "<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 8, 0, 33, crc, packed, size, len(name), 0, 0, 0, 0, 0, offset) + name


def whole(files: bytes, entries: list[bytes], *, list_bytes: int | None = None) -> bytes:
    directory = b"".join(entries)
    size = len(directory) if list_bytes is None else list_bytes
    return files + directory + struct.pack(
        "<4s4H2LH", b"PK\5\6", 0, 0, min(len(entries), 65_535), min(len(entries), 65_535), size, len(files), 0)


def deflated(content: bytes) -> bytes:
    return zlib.compress(content, 9, -15)


def overlapping(copies: int, size: int) -> bytes:
    """Many names for one body, as 48 kB can claim 1 GB."""
    content = bytes(size)
    packed, crc = deflated(content), zlib.crc32(content)
    entries = [listed(b"%05d" % number, len(packed), size, crc, 0) for number in range(copies)]
    return whole(local(b"00000", packed, size, crc), entries)


def quoted(size: int) -> bytes:
    """Two entries, the first of which holds the second's header as its own bytes."""
    content = bytes(size)
    packed, crc = deflated(content), zlib.crc32(content)
    inner = local(b"b", packed, size, crc)
    outer = b"\0" + struct.pack("<2H", len(inner), len(inner) ^ 0xFFFF) + inner + deflated(b"")
    files = local(b"a", outer, len(inner), zlib.crc32(inner))
    start = files.index(inner)
    return whole(files, [
        listed(b"a", len(outer), len(inner), zlib.crc32(inner), 0), listed(b"b", len(packed), size, crc, start)])


def lying(*, claimed: int, size: int) -> bytes:
    """One entry that holds other than it claims."""
    content = bytes(size)
    packed, crc = deflated(content), zlib.crc32(content)
    return whole(local(b"a", packed, claimed, crc), [listed(b"a", len(packed), claimed, crc, 0)])


BOMBS = {
    "48 kB that claim 1 GB": (lambda: overlapping(250, 4 * MIB), "claims|share their bytes|MiB"),
    "overlapping, small enough to be taken": (lambda: overlapping(20, 1_000), "share their bytes"),
    "a header as another's content": (lambda: quoted(1_000), "share their bytes"),
    "more than it claims": (lambda: lying(claimed=10, size=400 * MIB), "broken one"),
    "less than it claims": (lambda: lying(claimed=50 * MIB, size=10), "broken one"),
    "claims a terabyte": (lambda: lying(claimed=2**32 - 1, size=10), "4096 MiB; 200 MiB are allowed"),
    "honest and too large": (lambda: lying(claimed=201 * MIB, size=201 * MIB), "200 MiB are allowed"),
    "a list of contents longer than the file": (
        lambda: whole(b"", [listed(b"a", 0, 0, 0, 0)], list_bytes=2**31), "broken one"),
    "a hundred thousand names": (
        lambda: whole(b"", [listed(b"%06d" % number, 0, 0, 0, 0) for number in range(100_000)]), "longer than 4 MiB"),
    "the larger form of zip": (
        lambda: b"PK\6\6" + struct.pack("<Q2H2L4Q", 44, 45, 45, 0, 0, 2**40, 2**40, 2**62, 0)
        + b"PK\6\7" + struct.pack("<LQL", 0, 0, 1) + whole(b"", []), "broken one"),
    "places before the beginning": (
        lambda: whole(b"", [listed(b"a", 5, 5, 0, 2**32 - 1)]), "broken one"),
    "a name that is empty": (lambda: whole(local(b"", b"", 0, 0), [listed(b"", 0, 0, 0, 0)]), "without a name"),
    "a name of nothing but its end": (lambda: whole(b"", [listed(b"\0", 0, 0, 0, 0)]), "odd name|broken one"),
    "nothing but an ending": (lambda: whole(b"", []), "no file that can be graded"),
    "no zip at all": (lambda: b"7z\xbc\xaf\x27\x1c" * 100, "broken one"),
    "empty": (lambda: b"", "broken one"),
}


@pytest.mark.row(43)
@pytest.mark.parametrize("bomb", BOMBS)
def test_row_43_an_archive_that_holds_more_than_it_says_is_refused_without_much_memory_or_disk(
        tmp_path, outcome, bomb):
    make, words = BOMBS[bomb]
    (tmp_path / "a.zip").write_bytes(make())
    tracemalloc.start()
    begun = time.perf_counter()
    with pytest.raises(Rejected, match=words) as caught:
        intake(tmp_path / "a.zip", tmp_path / "copy")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 * MIB
    assert time.perf_counter() - begun < 20
    assert sum(path.stat().st_size for path in (tmp_path / "copy").rglob("*")) < 60 * MIB
    outcome(caught.value)


@pytest.mark.row(43)
def test_row_43_what_is_unpacked_is_counted_whatever_was_claimed(tmp_path, outcome):
    archive = archive_of(tmp_path / "a.zip", {f"{number}.bin": bytes(3_000) for number in range(4)})
    fault = refused(archive, tmp_path / "copy", limits=Intake(total_bytes=10_000))
    assert "allowed" in fault.message
    outcome(fault)


@pytest.mark.row(43)
def test_row_43_a_locked_archive_and_an_odd_method_are_refused_in_words(tmp_path, outcome):
    honest = archive_of(tmp_path / "a.zip", {}).read_bytes()
    locked = bytearray(honest)
    for place in range(len(honest)):
        if honest[place:place + 4] in {b"PK\3\4", b"PK\1\2"}:
            locked[place + (6 if honest[place + 2] == 3 else 8)] |= 1
    (tmp_path / "a.zip").write_bytes(locked)
    assert "locked with a password" in refused(tmp_path / "a.zip", tmp_path / "one").message
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("submission.yaml", ANSWERS_ONLY)
    fault = refused(tmp_path / "b.zip", tmp_path / "two")
    assert "zip -r" in fault.hint
    outcome(fault)


@pytest.mark.row(43)
@pytest.mark.parametrize("bomb", sorted(
    {*BOMBS} - {"nothing but an ending", "honest and too large", "more than it claims"}))
def test_row_43_what_a_learning_platform_passes_on_is_unpacked_with_the_same_care(tmp_path, outcome, bomb):
    make, words = BOMBS[bomb]
    (tmp_path / "a.zip").write_bytes(make())
    if words == "share their bytes":
        with pytest.raises(Rejected, match=words):
            unpack(tmp_path / "a.zip", tmp_path / "copy")
    with contextlib.suppress(Rejected):
        assert unpack(tmp_path / "a.zip", tmp_path / "again")   # a single file that is damaged costs only that file
        assert not any(path.is_file() for path in (tmp_path / "again").rglob("*"))
    outcome("Rejected")


@pytest.mark.row(43)
@pytest.mark.box
def test_row_43_a_bomb_costs_only_the_hand_in_that_it_is(tmp_path, outcome):
    (tmp_path / "group9.zip").write_bytes(overlapping(250, 4 * MIB))
    result = grade(tmp_path / "group9.zip", small_workshop())
    assert result.group == "group9"
    assert [fault.kind for fault in result.faults] == ["rejected"]
    outcome("Rejected")


# --- 44: names that collide or hide

NAMES = {
    "case": ["Model.py", "model.PY"],
    "accents": ["caf\u00e9.py", "cafe\u0301.py"],
    "sharp s": ["stra\u00dfe.py", "strasse.py"],
    "Kelvin": ["\u212a.py", "k.py"],
    "folder and file": ["nets/a.py", "NETS"],
}
HIDDEN = [
    "new\nline.py", "turn\u202egpj.py", "zero\u200bwidth.py", "esc\x1b[2J.py", "bell\x07", "tag\U000e0041.py",
    "a" * 201, "\u6570" * 70,
]


@pytest.mark.row(44)
@pytest.mark.parametrize("names", NAMES)
def test_row_44_names_that_some_system_takes_for_one_are_refused(tmp_path, outcome, names):
    archive = archive_of(tmp_path / "a.zip", dict.fromkeys(NAMES[names], "x"))
    assert "are one name" in refused(archive, tmp_path / "one").message
    folder = noise_hand_in(tmp_path / "group")
    (folder / "model.py").unlink()
    for name in NAMES[names]:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("x")
    fault = refused(folder, tmp_path / "two")
    assert "are one name" in fault.message
    outcome(fault)


@pytest.mark.row(44)
@pytest.mark.parametrize("name", HIDDEN)
def test_row_44_a_name_that_hides_something_is_refused_and_shown_escaped(tmp_path, outcome, name):
    assert "odd name" in refused(archive_of(tmp_path / "a.zip", {name: "x"}), tmp_path / "one").message
    folder = noise_hand_in(tmp_path / "group")
    (folder / name).write_text("x")
    fault = refused(folder, tmp_path / "two")
    assert "odd name" in fault.message
    outcome(fault)


@pytest.mark.row(44)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_row_44_two_files_of_one_name_and_a_name_that_goes_on_after_its_end_are_refused(tmp_path, outcome):
    twice = archive_of(tmp_path / "a.zip", {"submission.yaml": ANSWERS_ONLY.replace("group: a", "group: b")})
    assert "two files 'submission.yaml'" in refused(twice, tmp_path / "one").message
    ended = archive_of(tmp_path / "b.zip", {"model.pyXevil": "x"})
    ended.write_bytes(ended.read_bytes().replace(b"model.pyXevil", b"model.py\0evil"))
    fault = refused(ended, tmp_path / "two")
    assert "U+0000" in fault.message
    outcome(fault)


# --- 45: what is no file


@pytest.mark.row(45)
def test_row_45_pipes_devices_and_sockets_are_left_out_and_never_opened(tmp_path, outcome):
    folder = noise_hand_in(tmp_path / "group")
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(folder / "socket"))
    odd = {"pipe", "socket"}
    if os.geteuid() == 0:       # who is not root cannot hand in a device either
        os.mknod(folder / "zero", stat.S_IFCHR | 0o666, os.makedev(1, 5))
        odd.add("zero")
    taken = intake(folder, tmp_path / "copy")
    assert dict(taken.left_out) == dict.fromkeys(odd, "neither a file nor a folder")
    archive = tmp_path / "a.zip"
    for kind in (stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK):
        taken = intake(archive_of(archive, {"odd": ""}, mode=kind | 0o666), tmp_path / f"copy{kind}")
        assert taken.left_out["odd"] == "neither a file nor a folder"
    outcome("left out and listed")


@pytest.mark.row(45)
def test_row_45_a_file_exchanged_for_a_pipe_after_it_was_seen_is_left_out(tmp_path, monkeypatch, outcome):
    folder = noise_hand_in(tmp_path / "group")
    (folder / "late.py").write_text("x")
    survey = intake.__globals__["survey"]

    def exchange(*arguments):
        found = survey(*arguments)
        (folder / "late.py").unlink()
        os.mkfifo(folder / "late.py")
        return found

    monkeypatch.setitem(intake.__globals__, "survey", exchange)
    assert "changed while it was copied" in intake(folder, tmp_path / "copy").left_out["late.py"]
    outcome("left out and listed")


@pytest.mark.row(45)
def test_row_45_a_sparse_giant_is_refused_unread(tmp_path, outcome):
    folder = noise_hand_in(tmp_path / "group")
    with (folder / "weights.bin").open("wb") as stream:
        stream.truncate(2**42)
    begun = time.perf_counter()
    fault = refused(folder, tmp_path / "copy")
    assert time.perf_counter() - begun < 5
    assert "weights.bin has 4194304 MiB" in fault.message
    outcome(fault)


# --- 46, 47: checkpoints

TORCH = """import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 3)

    def sample(self, count, *, labels=None, seed):
        generator = torch.Generator().manual_seed(seed)
        noise = torch.rand((count, 1, 28, 28), generator=generator)
        return (noise * self.layer.bias.detach()[0]).clamp(0, 1)
"""
CANARY = "/tmp/harness-canary-of-a-pickle"     # writable in the box and outside of it


class Payload:
    """Runs code when it is unpickled, and is a state dict afterwards."""

    def __reduce__(self):
        code = (
            f"open({CANARY!r}, 'w').write('was here') and print('the pickle ran') or "
            "__import__('collections').OrderedDict((name, __import__('torch').ones(size)) "
            "for name, size in (('layer.weight', (3, 2)), ('layer.bias', (3,))))"
        )
        return eval, (code,)


def loading(folder: Path, file: str, content: bytes) -> Path:
    manifest = MANIFEST.replace("model.py:Noise", "model.py:Net").replace(
        "route: fit", f"route: load, checkpoint: {file}")
    noise_hand_in(folder, manifest=manifest, model=TORCH)
    (folder / file).write_bytes(content)
    return folder


_unpickled: list[str] = []


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if event == "pickle.find_class":
        _unpickled.append(".".join(map(str, arguments)))


@pytest.mark.row(46)
@pytest.mark.box
def test_row_46_a_checkpoint_that_runs_code_runs_it_in_the_box_and_nowhere_else(tmp_path, outcome):
    Path(CANARY).unlink(missing_ok=True)
    sys.addaudithook(_watch)
    pickle.loads(pickle.dumps(Path))        # the watch works
    assert _unpickled
    torch.save(Payload(), tmp_path / "weights.pt")
    folder = loading(tmp_path / "group", "weights.pt", (tmp_path / "weights.pt").read_bytes())
    result = grade(folder, small_workshop())
    assert not Path(CANARY).exists()
    assert not [name for name in _unpickled if name.endswith(".eval")]
    model = result.measurements["other"]
    assert (model.outcome, model.faults) == (Outcome.SCORED, [])     # it did run, and gave weights that fit
    outcome("ran inside the box only")


def safetensors_file(head: bytes, body: bytes = bytes(36), *, length: int | None = None) -> bytes:
    return struct.pack("<Q", len(head) if length is None else length) + head + body


def entry(**changed: object) -> dict[str, object]:
    return {"dtype": "F32", "shape": [3, 2], "data_offsets": [0, 24]} | changed


BIAS = {"dtype": "F32", "shape": [3], "data_offsets": [24, 36]}


def head(weight: dict[str, object]) -> bytes:
    return json.dumps({"layer.weight": weight, "layer.bias": BIAS}).encode()


LYING = {
    "a head of 8 EiB": safetensors_file(b"{}", length=2**63 - 1),
    "a head longer than the file": safetensors_file(head(entry()), length=10**6),
    "offsets beyond the end": safetensors_file(head(entry(data_offsets=[0, 2**40]))),
    "a shape larger than its bytes": safetensors_file(head(entry(shape=[2**20, 2**20]))),
    "a shape whose product overflows": safetensors_file(head(entry(shape=[2**62, 8]))),
    "overlapping tensors": safetensors_file(head(entry(data_offsets=[12, 36]))),
    "a key that is there twice": safetensors_file(
        head(entry())[:-1] + b', "layer.weight": ' + json.dumps(entry(shape=[2, 3])).encode() + b"}"),
    "an unknown type": safetensors_file(head(entry(dtype="OBJECT"))),
    "a head that is no JSON": safetensors_file(b"{" * 1_000),
    "cut short": safetensors.numpy.save({"layer.weight": np.ones((3, 2), "f4"), "layer.bias": np.ones(3, "f4")})[:-7],
}
NUMPY = {
    "a shape larger than the file": b"\x93NUMPY\1\0" + struct.pack("<H", 118) + (
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776,), }".ljust(117) + b"\n"),
    "a head of 4 GiB": b"\x93NUMPY\2\0" + struct.pack("<L", 2**32 - 1) + b"{",
    "code in the head": b"\x93NUMPY\1\0" + struct.pack("<H", 118) + b"__import__('os').abort()".ljust(117) + b"\n",
}


TRIES = """import json, pathlib, torch
from harness.contract import load_weights
import numpy as np

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 3)

    def load(self, folder):
        for path in sorted((folder / "lying").iterdir()):
            try:
                load_weights(self, path) if path.suffix == ".safetensors" else np.load(path)
                print(path.name, "was read")
            except Exception as error:
                print(path.name, type(error).__name__)

    def sample(self, count, *, labels=None, seed):
        raise RuntimeError("the log says it all")
"""


def faults_of(folder: Path, copy: Path) -> list[Fault]:
    """Start the real worker in the real box, and ask it for what it can."""
    shop, submission = small_workshop(), intake(folder, copy)
    checkpoint = submission.folder / submission.manifest.models["other"].checkpoint
    _, faults = evidence.gather(
        submission, "other", checkpoint=checkpoint, data=shop.data, box=shop.box, budget=shop.budget, seed=0)
    return faults


@pytest.mark.row(47)
@pytest.mark.box
def test_row_47_a_checkpoint_that_lies_is_the_groups_fault_in_words(tmp_path, outcome):
    lying = loading(tmp_path / "group", "weights.safetensors", LYING["a head of 8 EiB"])
    (fault, *_) = faults_of(lying, tmp_path / "copy")
    assert (fault.kind, fault.stage) == ("rejected", "start")
    assert "the checkpoint weights.safetensors cannot be loaded" in fault.message
    assert "safetensors.torch.save_file" in fault.hint
    outcome(fault.kind)


@pytest.mark.row(47)
@pytest.mark.box
def test_row_47_no_lying_header_gets_further_than_an_exception_in_the_box(tmp_path, outcome):
    manifest = MANIFEST.replace("model.py:Noise", "model.py:Net").replace(
        "route: fit", "route: load, checkpoint: weights")
    folder = noise_hand_in(tmp_path / "group", manifest=manifest, model=TRIES)
    (folder / "weights" / "lying").mkdir(parents=True)
    for name, content in LYING.items():
        (folder / "weights" / "lying" / f"{name}.safetensors").write_bytes(content)
    for name, content in NUMPY.items():
        (folder / "weights" / "lying" / f"{name}.npy").write_bytes(content)
    np.save(folder / "weights" / "lying" / "objects.npy", np.array([Payload()], dtype=object), allow_pickle=True)
    begun = time.perf_counter()
    faults = faults_of(folder, tmp_path / "copy")
    assert time.perf_counter() - begun < 60
    tried = [line for line in faults[0].log.splitlines() if ".safetensors " in line or ".npy " in line]
    assert len(tried) == len(LYING) + len(NUMPY) + 1
    assert not [line for line in tried if line.endswith("was read")]
    outcome("refused in the box")


@pytest.mark.row(47)
def test_row_47_no_line_of_the_trusted_side_reads_a_pickle():
    loaders = {"load", "loads", "Unpickler", "load_file", "read_pickle"}
    for path in (ROOT / "harness").rglob("*.py"):
        if "worker" in path.parts or path.name == "contract.py":     # in the box
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in loaders:
                owner = ast.unparse(node.func.value)
                options = {word.arg: ast.unparse(word.value) for word in node.keywords}
                assert owner not in {"pickle", "joblib", "dill"}, path
                assert owner != "torch" or options.get("weights_only") == "True", path
                assert owner != "np" or options.get("allow_pickle", "False") == "False", path


# --- 48: PDFs


def raw_pdf(objects: dict[int, bytes]) -> bytes:
    body = b"%PDF-1.7\n"
    places = {}
    for number, content in objects.items():
        places[number] = len(body)
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    table += b"".join(b"%010d 00000 n \n" % places[number] for number in sorted(objects))
    return body + table + b"trailer\n<</Root 1 0 R /Size %d>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, len(body))


def one_page(content: bytes = b"", *, more: bytes = b"", pages: int = 1, **objects: bytes) -> bytes:
    stream = zlib.compress(content)
    return raw_pdf({
        1: b"<</Type /Catalog /Pages 2 0 R %s>>" % objects.pop("catalog", b""),
        2: b"<</Type /Pages /Count %d /Kids [%s]>>" % (pages, b"3 0 R " * pages),
        3: b"<</Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R %s>>" % more,
        4: b"<</Length %d /Filter /FlateDecode>>stream\n%s\nendstream" % (len(stream), stream),
        **{int(number.removeprefix("object")): content for number, content in objects.items()},
    })


SLOW = {"a gigabyte of content", "forms in forms"}


def encrypted(path: Path) -> bytes:
    canvas = Canvas(str(path), encrypt=StandardEncryption("secret", canPrint=0))
    canvas.drawString(100, 100, "hidden")
    canvas.save()
    return path.read_bytes()


def nested_forms(depth: int) -> bytes:
    """Each form draws the next one ten times."""
    start = b"<</Type /XObject /Subtype /Form /BBox [0 0 595 842] /Length 60 /Resources <</XObject <</F %d 0 R>>>>>>"
    forms = {
        f"object{5 + level}": start % min(6 + level, 4 + depth) + b"stream\n" + b"/F Do " * 10 + b"\nendstream"
        for level in range(depth)
    }
    return one_page(b"/F Do " * 10, more=b"/Resources <</XObject <</F 5 0 R>>>>", **forms)


SCRIPT = (
    b"/OpenAction <</S /JavaScript /JS (app.alert\\(1\\); while\\(true\\){})>> "
    b"/AA <</WC <</S /Launch /F (/bin/sh)>>>>"
)
PDFS = {
    "thousands of pages": (one_page(pages=20_000), "has 20000 pages; 100 are read at most"),
    "claims pages that are not there": (one_page().replace(b"/Count 1 ", b"/Count 9 "), "is no PDF, or a broken one"),
    "no PDF": (b"<html><script>alert(1)</script>", "is no PDF, or a broken one"),
    "cut in the middle": (one_page(b"BT ET" * 1_000)[:150], "is no PDF, or a broken one"),
    "a gigabyte of content": (one_page(b"0 0 m " * 100_000_000), "fail that reads it|within 4 s"),
    "forms in forms": (nested_forms(12), "within 4 s"),
    "scripts and programs": (one_page(catalog=SCRIPT), None),
}


@pytest.mark.row(48)
@pytest.mark.parametrize("kind", PDFS)
def test_row_48_a_hostile_pdf_is_read_or_refused_in_time_and_in_words(tmp_path, outcome, kind):
    content, words = PDFS[kind]
    (tmp_path / "report.pdf").write_bytes(content)
    limits = Intake(report_seconds=4.0) if kind in SLOW else Intake()
    begun = time.perf_counter()
    if words:
        with pytest.raises(Rejected, match=words) as caught:
            handin.read(tmp_path / "report.pdf", limits=limits)
        assert caught.value.hint
        outcome(caught.value)
    else:
        assert handin.read(tmp_path / "report.pdf").total >= 1
        outcome("read")
    assert time.perf_counter() - begun < 20


@pytest.mark.row(48)
def test_row_48_a_locked_pdf_and_a_huge_page_are_told_from_broken_ones(tmp_path, outcome):
    (tmp_path / "locked.pdf").write_bytes(encrypted(tmp_path / "scratch.pdf"))
    with pytest.raises(Rejected, match="locked with a password"):
        handin.read(tmp_path / "locked.pdf")
    for box in (b"[0 0 14400 14400]", b"[0 0 999999 999999]", b"[0 0 100000 10]"):
        (tmp_path / "huge.pdf").write_bytes(one_page().replace(b"[0 0 595 842]", box))
        report = handin.read(tmp_path / "huge.pdf")
        assert report.png == ""
        assert "points" in report.picture_error
    outcome("Rejected, in words")


# --- 49: notebooks

SCRIPTED = {"cells": [{"cell_type": "code", "source": ["1"], "outputs": [{
    "output_type": "display_data",
    "data": {"text/html": ["<script>alert('notebook')</script>"], "application/javascript": "alert('notebook')"},
}]}], "nbformat": 4, "nbformat_minor": 5, "metadata": {}}


@pytest.mark.row(49)
@pytest.mark.box
def test_row_49_notebooks_lie_inert_in_the_copy_whatever_they_hold(tmp_path, outcome):
    folder = tmp_path / "group"
    noise_hand_in(folder, manifest=ANSWERS_ONLY)
    (folder / "scripted.ipynb").write_text(json.dumps(SCRIPTED))
    (folder / "giant.ipynb").write_text('{"cells": [' + '"x",' * 4_000_000 + '"x"]}')
    (folder / "broken.ipynb").write_text('{"cells": [' * 10_000)
    begun = time.perf_counter()
    result = grade(folder, small_workshop())
    assert time.perf_counter() - begun < 20
    assert {"scripted.ipynb", "giant.ipynb", "broken.ipynb"} <= set(result.hand_in.files)
    assert result.all_faults == []
    page = render_report(result)
    assert "scripted.ipynb" in page
    assert "alert(" not in page
    outcome("inert and listed")


@pytest.mark.row(49)
@pytest.mark.box
@pytest.mark.parametrize("content", ["{", json.dumps(SCRIPTED)])
def test_row_49_a_notebook_without_the_model_is_the_groups_fault_in_words(tmp_path, outcome, content):
    folder = noise_hand_in(tmp_path / "group", manifest=MANIFEST.replace("model.py:", "train.ipynb:"))
    (folder / "train.ipynb").write_text(content)
    result = grade(folder, small_workshop())
    (fault, *_) = result.all_faults
    assert not fault.ours
    assert fault.hint
    outcome(fault.kind)


# --- 50: answers

BAD_ANSWERS = {
    "unknown": ("1a: yes\n  99z: yes\n  '<b>': no", {"1a"}, "'99z'|99z"),
    "twice": ("1a: yes\n  1a: no\n  1b: no", {"1b"}, "1a"),
    "the same twice": ("1a: yes\n  1a: yes\n  1b: no", {"1b"}, "1a"),
    "both yes and no": ("1a: {answer: yes, answer: no}\n  1b: no", {"1b"}, "2 answers.*it stays unmarked"),
    "a list": ("1a: [yes, no]\n  1b: no", {"1b"}, "a list where one answer is wanted"),
    "no text": ("1a: 1.5\n  1b: no\n  1c: null\n  1d: {a: b}", {"1b"}, "1a"),
    "both in words": ("1a: yes and no\n  1b: no", {"1b"}, "1a"),
}


def marked(tmp_path: Path, text: str):
    (tmp_path / "answers.yaml").write_text(text)
    course = Course(ROOT)
    return theory(
        tmp_path / "answers.yaml", sheet=load_sheet(course, "summer23"), key=load_key(course, "summer23"))


@pytest.mark.row(50)
@pytest.mark.parametrize("kind", BAD_ANSWERS)
def test_row_50_an_answer_that_is_none_stays_open_with_the_reason_and_the_others_count(tmp_path, outcome, kind):
    written, counted, reason = BAD_ANSWERS[kind]
    result = marked(tmp_path, f"quiz: summer23\nanswers:\n  {written}\n")
    assert {one.id for one in result.statements if one.verdict in {"right", "wrong"}} == counted
    assert re.search(reason, " ".join(result.problems))
    outcome("left open, with the reason")


@pytest.mark.row(50)
@pytest.mark.parametrize(("text", "reason"), [
    ("quiz: summer23\nanswers:\n" + "".join(f"  x{number}: yes\n" for number in range(10_000)), "10,000 answers"),
    ("quiz: summer23\nanswers: [1a, 1b]\n", "below `answers:`"),
    ("quiz: summer23\nanswers: !!python/object/apply:os.system [id]\n", "tags"),
    ("quiz: summer23\nanswers: &a {1a: *a}\n", "anchors"),
    ("quiz: summer22\nanswers: {1a: yes}\n", "summer23 was asked"),
    ("\0\1\2", "not valid YAML"), ("", "empty"), ("answers: {1a: yes}\nanswers: {1a: no}\n", "a second time"),
    ("x" * (MIB + 1), "larger than"),
])
def test_row_50_a_file_that_is_no_sheet_of_answers_is_refused_as_a_whole(tmp_path, outcome, text, reason):
    begun = time.perf_counter()
    result = marked(tmp_path, text)
    assert time.perf_counter() - begun < 5
    assert result.outcome is Outcome.SUBMISSION_FAULT
    assert result.points is None
    assert reason in " ".join(result.problems)
    outcome("Rejected")
