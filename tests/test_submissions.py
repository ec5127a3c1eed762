"""Intake: what is copied, what is left out, what is refused, and with which words."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from harness.errors import HarnessFault, Rejected, UserError
from harness.limits import Intake
from harness.submissions import Manifest, ModelEntry, group_of, intake

MANIFEST = """
group: group3
members: [Ada Example, Bo Example]
assignment: summer23
models:
  vae: {source: "model.py:ConvVAE", route: load, checkpoint: vae.safetensors}
  other: {source: "nets.gan:DCGAN", route: fit, arguments: {width: 32}, conditional: yes}
report: report.pdf
"""
FILES = {
    "submission.yaml": MANIFEST, "model.py": "class ConvVAE: ...", "vae.safetensors": "weights",
    "nets/gan.py": "class DCGAN: ...", "report.pdf": "%PDF",
}


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def hand_in(tmp_path):
    return write(tmp_path / "group3", FILES)


@pytest.fixture
def into(tmp_path):
    return tmp_path / "copy"


def rejection(folder: Path, into: Path, **options) -> Rejected:
    with pytest.raises(Rejected) as caught:
        intake(folder, into, **options)
    fault = caught.value
    assert fault.rationale
    assert fault.hint
    return fault


# --- what is taken


def test_a_hand_in_is_copied_with_the_hash_of_every_file(hand_in, into):
    taken = intake(hand_in, into)
    assert {path.relative_to(into).as_posix() for path in into.rglob("*") if path.is_file()} == set(FILES)
    assert taken.files == {name: hashlib.sha256(text.encode()).hexdigest() for name, text in FILES.items()}
    assert (taken.folder, taken.original, dict(taken.left_out)) == (into, hand_in, {})


def test_the_manifest_is_read_from_the_copy(hand_in, into):
    manifest = intake(hand_in, into).manifest
    assert manifest.group == "group3"
    assert manifest.members == ["Ada Example", "Bo Example"]
    assert manifest.models["vae"].checkpoint == "vae.safetensors"
    assert not manifest.models["vae"].conditional
    assert manifest.models["other"].arguments == {"width": 32}
    assert manifest.models["other"].conditional


def test_the_fingerprint_changes_with_a_byte_or_a_name_and_with_nothing_else(hand_in, tmp_path):
    first = intake(hand_in, tmp_path / "first")
    os.utime(hand_in / "model.py", (0, 0))
    assert intake(hand_in, tmp_path / "second").fingerprint == first.fingerprint
    (hand_in / "model.py").write_text("class ConvVAE: ....")
    changed = intake(hand_in, tmp_path / "third").fingerprint
    (hand_in / "notes.txt").write_text("")
    assert len({first.fingerprint, changed, intake(hand_in, tmp_path / "fourth").fingerprint}) == 3


def test_an_edit_after_intake_does_not_reach_the_copy(hand_in, into):
    intake(hand_in, into)
    (hand_in / "model.py").write_text("raise SystemExit")
    assert (into / "model.py").read_text() == FILES["model.py"]


def test_a_checkpoint_may_be_a_folder(hand_in, into):
    write(hand_in, {"weights/a.safetensors": "a"})
    (hand_in / "submission.yaml").write_text(MANIFEST.replace("vae.safetensors", "weights/"))
    assert intake(hand_in, into).manifest.models["vae"].checkpoint == "weights"


def test_answers_alone_make_a_hand_in(tmp_path, into):
    text = "group: a\nmembers: [Ada Example]\nassignment: summer22\nanswers: answers.yaml\n"
    write(tmp_path / "a", {"submission.yaml": text, "answers.yaml": "quiz: summer22"})
    assert intake(tmp_path / "a", into).manifest.models == {}


# --- what is left out


@pytest.mark.parametrize(("name", "listed"), [
    (".git/config", ".git/"),
    ("__pycache__/model.cpython-311.pyc", "__pycache__/"),
    ("nets/__pycache__/gan.pyc", "nets/__pycache__/"),
    (".venv/bin/python", ".venv/"),
    ("model.pyc", "model.pyc"),
    (".DS_Store", ".DS_Store"),
    ("data/FashionMNIST/raw/train-images-idx3-ubyte", "data/FashionMNIST/raw/train-images-idx3-ubyte"),
    ("t10k-labels-idx1-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
    ("data/everything.zip", "data/everything.zip"),
])
def test_what_is_no_part_of_a_hand_in_is_left_out_with_the_reason(hand_in, into, name, listed):
    write(hand_in, {name: "x"})
    taken = intake(hand_in, into)
    assert list(taken.left_out) == [listed]
    assert taken.left_out[listed]
    assert set(taken.files) == set(FILES)
    assert not (into / name).exists()


def test_a_package_that_is_called_data_is_kept(hand_in, into):
    write(hand_in, {"data/loading.py": "x"})
    assert "data/loading.py" in intake(hand_in, into).files


def test_links_pipes_and_hard_links_are_left_out(hand_in, into, tmp_path):
    (tmp_path / "secret").write_text("secret")
    (hand_in / "link").symlink_to(tmp_path / "secret")
    (hand_in / "folder_link").symlink_to(tmp_path)
    (hand_in / "hard").hardlink_to(tmp_path / "secret")
    os.mkfifo(hand_in / "pipe")
    taken = intake(hand_in, into)
    assert set(taken.left_out) == {"link", "folder_link", "hard", "pipe"}
    assert "symbolic link" in taken.left_out["link"]
    assert "symbolic link" in taken.left_out["folder_link"]
    assert "hard link" in taken.left_out["hard"]
    assert set(taken.files) == set(FILES)


def test_a_named_file_that_was_left_out_is_missing_for_that_reason(hand_in, into, tmp_path):
    (hand_in / "vae.safetensors").rename(tmp_path / "elsewhere")
    (hand_in / "vae.safetensors").symlink_to(tmp_path / "elsewhere")
    (fault,) = intake(hand_in, into).missing.values()
    assert fault.model == "vae"
    assert "'vae.safetensors' as models.vae.checkpoint" in fault.message
    assert "symbolic link" in fault.hint


# --- what the person at the terminal did wrong


def test_no_such_folder(tmp_path, into):
    with pytest.raises(UserError, match="no such folder; give the path of a hand-in"):
        intake(tmp_path / "nowhere", into)


@pytest.mark.parametrize("name", ["group3.tar.gz", "group3.TGZ", "group3.7z", "group3.rar"])
def test_an_archive_of_another_kind_is_to_be_packed_as_zip(tmp_path, into, name):
    (tmp_path / name).write_bytes(b"7z")
    assert "Pack the folder as .zip" in rejection(tmp_path / name, into).hint
    assert group_of(tmp_path / name) == "group3"


def test_a_manifest_is_not_the_folder(hand_in, into):
    with pytest.raises(UserError, match="give the folder that holds it"):
        intake(hand_in / "submission.yaml", into)


def test_a_copy_is_never_mixed_with_other_files(hand_in, into):
    write(into, {"other.txt": ""})
    with pytest.raises(HarnessFault, match="not empty"):
        intake(hand_in, into)


# --- what the group did wrong


def test_an_empty_folder(tmp_path, into):
    (tmp_path / "empty").mkdir()
    assert "'empty' holds no file" in rejection(tmp_path / "empty", into).message


def test_a_folder_with_nothing_but_left_out_files_says_so(tmp_path, into):
    write(tmp_path / "repo", {".git/config": ""})
    assert "left out: .git/: the history of versions" in rejection(tmp_path / "repo", into).message


def test_no_manifest_lists_what_is_there_and_names_the_command(hand_in, into):
    (hand_in / "submission.yaml").unlink()
    fault = rejection(hand_in, into)
    assert "no submission.yaml; it holds model.py, nets/gan.py, report.pdf, vae.safetensors" in fault.message
    assert "harness new" in fault.hint


@pytest.mark.parametrize(("name", "hint"), [
    ("submission.yml", "Rename 'submission.yml' to 'submission.yaml'"),
    ("Submission.yaml", "Rename 'Submission.yaml'"),
    ("group3/submission.yaml", "There is 'group3/submission.yaml': give that folder"),
])
def test_a_manifest_that_is_almost_there_is_pointed_out(hand_in, into, name, hint):
    (hand_in / "submission.yaml").unlink()
    write(hand_in, {name: MANIFEST})
    assert hint in rejection(hand_in, into).hint


@pytest.mark.parametrize(("old", "new", "message"), [
    ("models:\n", "models\n", "submission.yaml, line 6: not valid YAML"),
    ("report:", "raport:", "line 8: 'raport' is not a field that is known here; did you mean 'report'?"),
    ("route: fit", "rote: fit", "did you mean 'route'?"),
    ("route: fit", "route: train", "models.other.route is 'train'; allowed: fit, load or run"),
    ("  other:", "  gan:", "models.gan: call a model vae"),
    ("group: group3\n", "", "lacks the field 'group'"),
    ("group: group3", "group: ../etc", "group: use up to 64 letters"),
    ("[Ada Example, Bo Example]", "[A, B, C, D]", "members"),
    ("[Ada Example, Bo Example]", "[]", "members"),
    ('"model.py:ConvVAE"', "model.py", "like \"model.py:ConvVAE\""),
    ('"model.py:ConvVAE"', '"../model.py:ConvVAE"', "leads out of your folder"),
    ("report.pdf", "/etc/passwd", "leads out of your folder"),
    ("report.pdf", "../group1/report.pdf", "leads out of your folder"),
    ("report.pdf", "'a\\b.pdf'", "forward slashes"),
    (", checkpoint: vae.safetensors", "", "route load needs weights"),
    ("route: load", "route: fit", "route fit trains afresh"),
    ("{width: 32}", "{width: [1, 1e999]}", "models.other.arguments: a number is too large"),
    ("{width: 32}", "{2d: 32}", "'2d' cannot be an argument"),
    ("{width: 32}", "{text: " + "x" * 20_000 + "}", "longer than 16 KiB"),
])
def test_a_wrong_manifest_is_refused_with_what_to_correct(hand_in, into, old, new, message):
    assert old in MANIFEST
    (hand_in / "submission.yaml").write_text(MANIFEST.replace(old, new))
    assert message in rejection(hand_in, into).message


def test_a_manifest_with_nothing_to_grade_is_refused(tmp_path, into):
    write(tmp_path / "a", {"submission.yaml": "group: a\nmembers: [Ada Example]\nassignment: summer22\n"})
    assert "neither a model nor answers" in rejection(tmp_path / "a", into).message


@pytest.mark.parametrize(("old", "new", "message", "hint"), [
    ("vae.safetensors", "vea.safetensors", "'vea.safetensors' as models.vae.checkpoint", "'vae.safetensors'"),
    ("model.py:", "Model.py:", "'Model.py' as models.vae.source", "'model.py'"),
    ("nets.gan:", "gan:", "'gan.py' as models.other.source", "'nets/gan.py'"),
    ("report.pdf", "group3.pdf", "'group3.pdf' as report", "'report.pdf'"),
])
def test_a_named_file_that_is_missing_is_a_fault_that_names_the_nearest_one(hand_in, into, old, new, message, hint):
    (hand_in / "submission.yaml").write_text(MANIFEST.replace(old, new))
    (fault,) = intake(hand_in, into).missing.values()
    assert fault.kind == "rejected"
    assert message in fault.message
    assert f"Did you mean {hint}?" in fault.hint


def test_a_file_that_is_too_large_is_refused_unread(hand_in, into):
    with (hand_in / "sparse.bin").open("wb") as stream:
        stream.truncate(2**40)
    assert "sparse.bin has 1048576 MiB" in rejection(hand_in, into).message
    assert not into.exists()


def test_too_much_in_all_is_refused_with_the_largest_files(hand_in, into):
    write(hand_in, {"a.bin": "x" * 3000, "b.bin": "x" * 2000})
    message = rejection(hand_in, into, limits=Intake(total_bytes=4000)).message
    assert message.index("a.bin") < message.index("b.bin")


def test_too_many_files_are_refused(hand_in, into):
    assert "more than 4 files" in rejection(hand_in, into, limits=Intake(files=4)).message


def test_too_deep_a_nesting_is_refused(hand_in, into):
    write(hand_in, {"a/" * 20 + "b": ""})
    assert "12 deep" in rejection(hand_in, into).message


@pytest.mark.parametrize("name", [
    "new\nline.py", "turn\u202egpj.py", "esc\x1b[2J", "back\\slash", "\udcff.py", "x" * 201,
])
def test_an_odd_name_is_refused_and_shown_escaped(hand_in, into, name):
    (hand_in / name).write_text("")
    message = rejection(hand_in, into).message
    assert "odd name" in message
    assert message.isprintable()


def test_names_that_differ_in_case_alone_are_refused(hand_in, into):
    write(hand_in, {"MODEL.py": ""})
    assert "'MODEL.py' and 'model.py' are one name" in rejection(hand_in, into).message


# --- laws


@given(st.text(max_size=80))
def test_a_path_in_a_manifest_never_leads_out(text):
    try:
        entry = ModelEntry(source="model.py:VAE", route="load", checkpoint=text)
    except ValidationError:
        return
    assert entry.checkpoint is not None
    root = Path("/some/root").resolve()
    assert (root / entry.checkpoint).resolve().is_relative_to(root)
    assert (root / entry.checkpoint).resolve() != root


@given(st.text(min_size=1, max_size=80))
def test_a_group_can_always_be_named(text):
    name = group_of(Path("/hand-ins") / text.replace("/", "").replace("\0", ""))
    manifest = {"group": name, "members": ["Ada Example"], "assignment": "summer22", "answers": "a.yaml"}
    assert Manifest.model_validate(manifest).group == name
