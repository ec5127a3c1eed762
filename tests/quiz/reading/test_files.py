"""Files that are no hand-in are told in one sentence with a remedy; texts are read in the encodings of Windows."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from harness.cli import app, main
from harness.errors import Rejected, UserError
from harness.quiz import Sheet, load_sheet, read_file


@pytest.fixture(scope="module")
def sheet(course) -> Sheet:
    return load_sheet(course, "summer22")


@pytest.mark.parametrize(("name", "data", "words"), [
    ("a.txt", b"", "is empty; write an answer"),
    ("a.md", b" \r\n\t\n", "is empty; write an answer"),
    ("a.png", b"\x89PNG\r\n\x1a\n", "is a picture.*scan the printed answer sheet to a PDF"),
    ("a.jpg", b"\xff\xd8\xff\xe0", "is a picture"),
    ("a.txt", b"\x89PNG\r\n\x1a\n", "is a picture"),
    ("a.html", b"<p>1a: yes</p>", "is a web page; print it to a PDF"),
    ("a.docx", b"PK\x03\x04", "export it as PDF or as plain text"),
    ("a.odt", b"PK\x03\x04", "export it as PDF or as plain text"),
    ("a.txt", b"PK\x03\x04\x00", "export it as PDF or as plain text"),
    ("a.xlsx", b"PK", "is a spreadsheet; export it as PDF"),
    ("a.txt", bytes(range(256)), "is no text; save the answers as UTF-8 text"),
    ("a.txt", b"1a: yes\n" * 200_000, "is larger than 1024 KiB"),
])
def test_what_cannot_be_read_is_told_with_its_remedy(name, data, words, sheet, tmp_path):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(Rejected, match=words) as caught:
        read_file(tmp_path / name, sheet)
    assert str(caught.value).startswith(str(tmp_path / name))
    assert "\n" not in str(caught.value)
    done = CliRunner().invoke(app, ["quiz", "read", str(tmp_path / name), "--quiz", "summer22"])
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1


def test_an_answer_file_is_sent_to_the_command_that_marks_it(sheet, tmp_path):
    path = tmp_path / "answers.yaml"
    path.write_text("quiz: summer22\nanswers:\n  1a: yes\n")
    with pytest.raises(UserError, match="is already an answer file; mark it by `harness quiz check"):
        read_file(path, sheet)
    path.write_text("title: something else\n")
    with pytest.raises(UserError, match="the field `answers` is missing"):
        read_file(path, sheet)


def test_a_folder_is_no_hand_in(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["harness", "quiz", "read", str(tmp_path), "--quiz", "summer22"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    assert "is a folder; give the file with the answers in it" in capsys.readouterr().err


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_texts_in_usual_encodings_are_read(encoding, newline, sheet, tmp_path):
    path = tmp_path / "answers.txt"
    path.write_bytes(newline.join(["1a: ja, für alle Größen", "1b: nein", ""]).encode(encoding))
    found = {one.id: one for one in read_file(path, sheet).readings}
    assert (found["1a"].answer, found["1a"].argument, found["1b"].answer) == ("yes", "für alle Größen", "no")
