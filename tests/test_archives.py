"""Zip archives as groups pack them: the copy is the one that the folder would have given."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest

from harness.errors import Rejected
from harness.limits import Intake
from harness.submissions import group_of, intake, is_archive

FILES = {
    "submission.yaml": "group: group3\nmembers: [Ada Example]\nassignment: summer23\nanswers: answers.yaml\n",
    "answers.yaml": "quiz: summer23", "nets/gan.py": "class DCGAN: ...", "Übung.txt": "ü",
}


def packed(path: Path, files: dict[str, str], *, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


@pytest.fixture
def from_folder(tmp_path):
    for name, text in FILES.items():
        (tmp_path / "group3" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "group3" / name).write_text(text)
    return intake(tmp_path / "group3", tmp_path / "from-folder")


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("top", ["", "group3/", "./group3/", "Uploads/group3/"])
def test_an_archive_gives_the_copy_that_its_folder_gives(from_folder, tmp_path, top, method):
    archive = packed(tmp_path / "any.zip", {top + name: text for name, text in FILES.items()}, method=method)
    taken = intake(archive, tmp_path / "copy")
    assert (taken.files, taken.fingerprint) == (from_folder.files, from_folder.fingerprint)
    assert (tmp_path / "copy" / "nets" / "gan.py").read_text() == FILES["nets/gan.py"]
    assert taken.original == archive


def test_two_things_at_the_top_are_no_folder_to_take_away(tmp_path):
    files = {f"group3/{name}": text for name, text in FILES.items()}
    with pytest.raises(Rejected) as caught:
        intake(packed(tmp_path / "a.zip", files | {"notes.txt": ""}), tmp_path / "copy")
    assert "There is 'group3/submission.yaml'" in caught.value.hint


def test_what_a_mac_adds_is_left_out_and_listed_once(tmp_path):
    files = {f"group3/{name}": text for name, text in FILES.items()} | {
        "__MACOSX/group3/._answers.yaml": "x", "__MACOSX/._group3": "x", "group3/.DS_Store": "x",
        "group3/nets/__pycache__/gan.cpython-311.pyc": "x",
    }
    taken = intake(packed(tmp_path / "a.zip", files), tmp_path / "copy")
    assert set(taken.left_out) == {"__MACOSX/", ".DS_Store", "nets/__pycache__/"}
    assert set(taken.files) == set(FILES)


def test_an_environment_counts_neither_for_its_size_nor_for_its_files(tmp_path):
    files = FILES | {f".venv/lib/{number}.py": "x" * 100 for number in range(60)}
    taken = intake(packed(tmp_path / "a.zip", files), tmp_path / "copy", limits=Intake(files=10, total_bytes=12_000))
    assert list(taken.left_out) == [".venv/"]


@pytest.mark.parametrize("name", ["Übung.txt", "数.txt"])
def test_names_in_utf8_are_read_whether_the_archive_says_so_or_not(tmp_path, name):
    files = FILES | {name: "x"}
    said = packed(tmp_path / "said.zip", files)
    data = said.read_bytes()
    # the flag stands in each header: of the file (at 6) and of the list of contents (at 8)
    unsaid = tmp_path / "unsaid.zip"
    unsaid.write_bytes(data.replace(b"PK\3\4\x14\0\0\x08", b"PK\3\4\x14\0\0\0").replace(
        b"PK\1\2\x14\3\x14\0\0\x08", b"PK\1\2\x14\3\x14\0\0\0"))
    assert unsaid.read_bytes() != data
    assert set(intake(said, tmp_path / "one").files) == set(intake(unsaid, tmp_path / "two").files) == set(files)


def test_names_in_code_page_437_are_read_as_they_were_written(tmp_path):
    archive = packed(tmp_path / "a.zip", FILES | {"_bung2.txt": "x"})
    archive.write_bytes(archive.read_bytes().replace(b"_bung2", b"\x9abung2"))     # Ü in code page 437
    assert "Übung2.txt" in intake(archive, tmp_path / "copy").files


def test_an_archive_inside_is_a_file_like_others(tmp_path):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("../evil", "x")
    path = packed(tmp_path / "a.zip", FILES)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("inner.zip", inner.getvalue())
    assert "inner.zip" in intake(path, tmp_path / "copy").files


def test_permissions_of_an_archive_are_not_taken_over(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name, text in FILES.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (stat.S_IFREG | 0o6777) << 16
            archive.writestr(info, text)
    intake(tmp_path / "a.zip", tmp_path / "copy")
    assert all(path.stat().st_mode & 0o7111 == 0 for path in (tmp_path / "copy").rglob("*") if path.is_file())


def test_an_archive_names_its_group_where_its_manifest_cannot(tmp_path):
    assert group_of(packed(tmp_path / "group 9.zip", {})) == "group-9"
    (tmp_path / "odd.zip").mkdir()
    assert group_of(tmp_path / "odd.zip") == "odd.zip"
    assert not is_archive(tmp_path / "odd.zip")
    assert is_archive(tmp_path / "group 9.zip")
