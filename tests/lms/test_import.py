"""Moodle's archive of all submissions becomes one folder for each hand-in."""

from __future__ import annotations

import os
import stat
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moodle_site import files_of, zipped

from harness.errors import UserError
from harness.limits import Intake
from harness.lms.moodle import Imported, import_archive, read_record
from harness.lms.moodle.importing import contents_of

ADA, JOERG = "Ada Example_101_assignsubmission_file", "Jörg Äxel_102_assignsubmission_file"


@pytest.fixture
def here(tmp_path):
    def bring(files: dict[str, str | bytes], *, name: str = "all.zip", **options: object) -> Imported:
        (tmp_path / name).write_bytes(zipped(files))
        return import_archive(tmp_path / name, tmp_path / "submissions", **options)

    return bring


def there(tmp_path: Path) -> dict[str, list[str]]:
    """Folder -> the files in it."""
    folders = sorted(path for path in (tmp_path / "submissions").iterdir() if path.is_dir())
    return {folder.name: list(contents_of(folder)) for folder in folders}


@pytest.mark.parametrize("form", ["{}/{}", "{}_/{}", "{}_{}"], ids=["since 4.1", "before 4.1", "without folders"])
def test_each_participant_gets_a_folder_in_every_form_of_the_archive(here, tmp_path, form):
    made = here({form.format(ADA, "model.py"): "a", form.format(JOERG, "model.py"): "b"})
    assert there(tmp_path) == {"Ada-Example-101": ["model.py"], "Joerg-Aexel-102": ["model.py"]}
    assert [one.state for one in made.hand_ins] == ["new", "new"]
    assert not made.left_out


def test_folders_within_a_hand_in_are_kept(here, tmp_path):
    here({f"{ADA}/src/model.py": "a", f"{ADA}/report.pdf": "b"})
    assert there(tmp_path) == {"Ada-Example-101": ["report.pdf", "src/model.py"]}


def test_a_folder_that_somebody_put_around_the_archive_does_no_harm(here, tmp_path):
    here({f"course-sheet 1-77/{ADA}/model.py": "a"})
    assert there(tmp_path) == {"Ada-Example-101": ["model.py"]}


def test_a_team_of_newer_moodle_is_one_hand_in_with_the_teams_number(here, tmp_path):
    here({"Group 3_17_assignsubmission_file/a.py": "a", "Standard-Gruppe_assignsubmission_file/a.py": "a"})
    assert list(there(tmp_path)) == ["Group-3-17", "Standard-Gruppe"]


def test_the_copies_that_older_moodle_makes_for_each_member_are_one_hand_in(here, tmp_path):
    here({f"Gruppe 3-{name}_assignsubmission_file_/a.py": "a" for name in ("Ada Example_101", "Jörg Äxel_102")})
    assert list(there(tmp_path)) == ["Gruppe-3"]
    participants = read_record(tmp_path / "submissions").hand_ins["Gruppe-3"].participants
    assert [(one.name, one.number) for one in participants] == [
        ("Gruppe 3-Ada Example", "101"), ("Gruppe 3-Jörg Äxel", "102")]


def test_equal_files_of_people_in_no_common_team_stay_two_hand_ins(here, tmp_path):
    here({f"{ADA}/a.py": "same", f"{JOERG}/a.py": "same"})
    assert len(there(tmp_path)) == 2


def test_hidden_participants_are_told_apart_by_their_number(here, tmp_path):
    here({f"Teilnehmerin_{number}_assignsubmission_file/a.py": "a" for number in (5, 6)})
    assert list(there(tmp_path)) == ["Teilnehmerin-5", "Teilnehmerin-6"]


@pytest.mark.parametrize("encoding", ["utf-8", "cp437"])
def test_umlauts_are_read_in_utf_8_and_in_the_old_code_page_of_archives(tmp_path, encoding):
    name = f"{JOERG}/überblick.py"
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("X" * len(name.encode(encoding)), "a")
    raw = (tmp_path / "all.zip").read_bytes()
    (tmp_path / "all.zip").write_bytes(raw.replace(b"X" * len(name.encode(encoding)), name.encode(encoding)))
    import_archive(tmp_path / "all.zip", tmp_path / "submissions")
    assert there(tmp_path) == {"Joerg-Aexel-102": ["überblick.py"]}


def test_typed_text_is_kept_beside_the_files(here, tmp_path):
    here({f"{ADA}/a.py": "a", "Ada Example_101_assignsubmission_onlinetext/onlinetext.html": "<p>hi"})
    assert there(tmp_path) == {"Ada-Example-101": ["a.py", "onlinetext-onlinetext.html"]}


# --- archives within


def test_an_archive_within_is_unpacked_and_its_only_folder_taken_away(here, tmp_path):
    inner = zipped({"project/submission.yaml": "x", "project/src/model.py": "x", "__MACOSX/project/._model.py": "x"})
    made, = here({f"{ADA}/project.zip": inner, f"{ADA}/report.pdf": "r"}).hand_ins
    assert there(tmp_path) == {"Ada-Example-101": ["report.pdf", "src/model.py", "submission.yaml"]}
    assert made.has_manifest
    assert list(made.left_out) == ["project.zip/__MACOSX/project/._model.py"]


def test_a_hand_in_within_one_folder_stands_at_the_top(here, tmp_path):
    here({f"{ADA}/my project/{name}": text for name, text in files_of("g", ["Ada"]).items()})
    assert there(tmp_path) == {"Ada-Example-101": ["answers.yaml", "submission.yaml"]}


def test_several_archives_are_unpacked_each_into_a_folder_of_its_name(here, tmp_path):
    here({f"{ADA}/vae.zip": zipped({"model.py": "a"}), f"{ADA}/gan.zip": zipped({"model.py": "b"})})
    assert there(tmp_path) == {"Ada-Example-101": ["gan/model.py", "vae/model.py"]}


def test_an_archive_within_never_overwrites_a_file_beside_it(here, tmp_path):
    here({f"{ADA}/code.zip": zipped({"model.py": "inner", "x.py": ""}), f"{ADA}/model.py": "outer"})
    folder = tmp_path / "submissions" / "Ada-Example-101"
    assert (folder / "model.py").read_text() == "outer"
    assert (folder / "code" / "model.py").read_text() == "inner"


def test_archives_are_unpacked_one_level_deep(here, tmp_path):
    here({f"{ADA}/a.zip": zipped({"b.zip": zipped({"c.py": ""}), "d.py": ""})})
    assert there(tmp_path) == {"Ada-Example-101": ["b.zip", "d.py"]}


@pytest.mark.parametrize("name", ["code.zip", "code.tar.gz", "code.7z", "code.rar"])
def test_what_cannot_be_unpacked_stays_as_it_came_and_is_named(here, tmp_path, name):
    made, = here({f"{ADA}/{name}": "no archive", f"{ADA}/a.py": ""}).hand_ins
    assert there(tmp_path) == {"Ada-Example-101": ["a.py", name]}
    assert list(made.left_out) == [name]


# --- hostile archives


@pytest.mark.parametrize("name", [
    "../../escaped.py", "/etc/escaped.py", "..\\..\\escaped.py", "C:/escaped.py", "a\x1b[31m.py", "a\u202eb.py",
    "x" * 201,
])
@pytest.mark.parametrize("nested", [False, True])
def test_a_name_that_leads_out_or_cannot_be_shown_is_left_out(here, tmp_path, name, nested):
    files = {name: "x", "good.py": "x"}
    outer = {f"{ADA}/a.zip": zipped(files)} if nested else {f"{ADA}/{one}": text for one, text in files.items()}
    if name.startswith(("/", "C:")) and not nested:
        outer[name] = outer.pop(f"{ADA}/{name}")
    here(outer)
    assert there(tmp_path) == {"Ada-Example-101": ["good.py"]}
    assert not list(tmp_path.rglob("escaped*"))


def test_links_and_encrypted_files_are_left_out(tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        link = zipfile.ZipInfo(f"{ADA}/link.py")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr(f"{ADA}/secret.py", "x")
        archive.getinfo(f"{ADA}/secret.py").flag_bits |= 1
        archive.writestr(f"{ADA}/good.py", "x")
    made = import_archive(tmp_path / "all.zip", tmp_path / "submissions")
    assert there(tmp_path) == {"Ada-Example-101": ["good.py"]}
    assert {name.rpartition("/")[2]: why.split(";")[0] for name, why in made.left_out.items()} == {
        "link.py": "a symbolic link", "secret.py": "it is encrypted"}


@pytest.mark.parametrize(("files", "says"), [
    ({"big.bin": b"\0" * 5000}, "has more than"),
    ({f"{number}.bin": b"\0" * 900 for number in range(4)}, "in all"),
    ({f"{number}.py": "" for number in range(6)}, "more than 5 files"),
    ({"a/b/c/d/e.py": ""}, "more than 3 deep"),
    ({"a.zip": zipped({"bomb.bin": b"\0" * 5000})}, "a.zip: bomb.bin has more than"),
])
def test_a_hand_in_that_is_too_large_is_rejected_and_the_others_are_not(here, tmp_path, files, says):
    limits = Intake(file_bytes=1000, total_bytes=3000, files=5, depth=3)
    made = here({f"{ADA}/{name}": text for name, text in files.items()} | {f"{JOERG}/a.py": ""}, limits=limits)
    assert [one.state for one in made.hand_ins] == ["rejected", "new"]
    assert says in made.hand_ins[0].problem
    assert list(there(tmp_path)) == ["Joerg-Aexel-102"]
    assert list(read_record(tmp_path / "submissions").hand_ins) == ["Joerg-Aexel-102"]


def test_a_size_that_the_archive_lies_about_is_counted(tmp_path):
    (tmp_path / "all.zip").write_bytes(
        zipped({f"{ADA}/a.bin": b"\0" * 5000}).replace((5000).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    made, = import_archive(tmp_path / "all.zip", tmp_path / "submissions", limits=Intake(file_bytes=1000)).hand_ins
    assert made.state == "rejected"


def test_a_list_of_contents_that_would_fill_the_memory_is_not_read(here, tmp_path):
    many = zipped({f"{number:0200}": "" for number in range(20_000)})
    made, = here({f"{ADA}/a.zip": many}).hand_ins
    assert (made.state, made.problem) == ("rejected", "a.zip: its list of contents is too long")


def test_unusual_methods_of_packing_are_not_read(tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr(f"{ADA}/odd.py", "x" * 100)
        archive.writestr(f"{ADA}/a.py", "x", zipfile.ZIP_STORED)
    made = import_archive(tmp_path / "all.zip", tmp_path / "submissions")
    assert there(tmp_path) == {"Ada-Example-101": ["a.py"]}
    assert list(made.left_out) == [f"{ADA}/odd.py"]


def test_a_damaged_file_is_left_out_and_named(tmp_path):
    content = os.urandom(300)
    raw = zipped({f"{ADA}/bad.bin": content, f"{ADA}/good.py": ""})
    at = raw.index(b"bad.bin") + 60
    (tmp_path / "all.zip").write_bytes(raw[:at] + bytes([raw[at] ^ 0xFF]) + raw[at + 1:])
    made, = import_archive(tmp_path / "all.zip", tmp_path / "submissions").hand_ins
    assert there(tmp_path) == {"Ada-Example-101": ["good.py"]}
    assert "bad.bin" in made.left_out


def test_doubled_names_keep_the_first_file(tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr(f"{ADA}/a.py", "first")
        archive.writestr(f"{ADA}/A.py", "second")
        archive.writestr(f"{ADA}/a.py/b.py", "third")
    made = import_archive(tmp_path / "all.zip", tmp_path / "submissions")
    assert (tmp_path / "submissions" / "Ada-Example-101" / "a.py").read_text() == "first"
    assert len(made.left_out) == 2


@given(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6))
def test_no_damage_to_an_archive_is_more_than_a_users_error(tmp_path_factory, damage):
    place = tmp_path_factory.mktemp("damaged")
    raw = bytearray(zipped({
        f"{ADA}/a.zip": zipped({"p/submission.yaml": "x" * 50, "p/model.py": "y" * 80}), f"{JOERG}_x.py": "z" * 30}))
    for share, value in damage:
        raw[int(share * len(raw))] = value
    (place / "all.zip").write_bytes(raw)
    with suppress(UserError):
        import_archive(place / "all.zip", place / "submissions")
    assert {path.name for path in place.iterdir()} <= {"all.zip", "submissions"}
    assert not list((place / "submissions").glob(".import-*"))


def test_an_entry_without_a_name_is_left_out(tmp_path):
    raw = zipped({"X": "", f"{ADA}/a.py": ""}).replace(b"X", b"/")
    (tmp_path / "all.zip").write_bytes(raw)
    with zipfile.ZipFile(tmp_path / "all.zip", "a") as archive:
        nameless = zipfile.ZipInfo("a.py")
        nameless.filename = ""
        archive.writestr(nameless, "x")
    import_archive(tmp_path / "all.zip", tmp_path / "submissions")
    assert there(tmp_path) == {"Ada-Example-101": ["a.py"]}


# --- again, and where something is already


def test_importing_again_changes_nothing(here, tmp_path):
    here({f"{ADA}/a.py": "a"})
    before = (tmp_path / "submissions" / ".moodle.json").read_bytes()
    made = import_archive(tmp_path / "all.zip", tmp_path / "submissions")
    assert [one.state for one in made.hand_ins] == ["unchanged"]
    assert (tmp_path / "submissions" / ".moodle.json").read_bytes() == before
    assert sorted(path.name for path in (tmp_path / "submissions").iterdir()) == [".moodle.json", "Ada-Example-101"]


def test_a_folder_with_something_else_is_kept_unless_told_to_replace_it(here, tmp_path):
    here({f"{ADA}/a.py": "first"})
    kept, = here({f"{ADA}/a.py": "second"}).hand_ins
    assert kept.state == "kept"
    assert (tmp_path / "submissions" / "Ada-Example-101" / "a.py").read_text() == "first"
    replaced, = here({f"{ADA}/a.py": "second"}, replace=True).hand_ins
    assert replaced.state == "replaced"
    assert (tmp_path / "submissions" / "Ada-Example-101" / "a.py").read_text() == "second"


def test_a_link_in_the_place_of_a_folder_is_not_written_through(here, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "submissions").mkdir()
    (tmp_path / "submissions" / "Ada-Example-101").symlink_to(tmp_path / "elsewhere")
    made, = here({f"{ADA}/a.py": "a"}, replace=True).hand_ins
    assert made.state == "kept"
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_second_archive_adds_to_the_record(here, tmp_path):
    here({f"{ADA}/a.py": "a"})
    here({f"{JOERG}/a.py": "a"}, name="more.zip")
    record = read_record(tmp_path / "submissions")
    assert {folder: origin.archive for folder, origin in record.hand_ins.items()} == {
        "Ada-Example-101": "all.zip", "Joerg-Aexel-102": "more.zip"}


def test_the_record_is_in_no_hand_in(here, tmp_path):
    here({f"{ADA}/a.py": "a"})
    assert [path.parent.name for path in tmp_path.rglob(".moodle.json")] == ["submissions"]


@pytest.mark.parametrize(("content", "says"), [
    (None, "there is no such file"), (b"no archive", "is no zip archive that can be read"),
    (zipped({"notes.txt": "x"}), "holds no submission as Moodle names them"),
])
def test_what_is_no_archive_of_moodles_is_said_in_one_sentence(tmp_path, content, says):
    if content is not None:
        (tmp_path / "all.zip").write_bytes(content)
    with pytest.raises(UserError, match=says):
        import_archive(tmp_path / "all.zip", tmp_path / "submissions")


def test_what_belongs_to_no_submission_is_named(here):
    assert list(here({f"{ADA}/a.py": "a", "notes.txt": "x"}).left_out) == ["notes.txt"]
