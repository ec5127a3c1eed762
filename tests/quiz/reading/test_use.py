"""Readings in use: as an answer file, in a grade, on the terminal, in a report."""

from __future__ import annotations

import base64
import json

import papers
import pytest
from papers import BOTH
from typer.testing import CliRunner

from harness.cli import app
from harness.quiz import as_yaml, load_key, load_sheet, mark, read_answers, read_file, theory, with_crops
from harness.quiz.answers import Answers
from harness.quiz.handout import sheet_pdf
from harness.records import Outcome, TheoryResult

GIVEN = {"1a": "yes", "1b": "no", "2a": "no", "2b": "yes", "3a": BOTH}


@pytest.fixture
def hand_in(course, tmp_path):
    path = tmp_path / "hand-in.pdf"
    path.write_bytes(papers.with_strokes(load_sheet(course, "summer22"), GIVEN))
    return path


def test_an_answer_file_of_readings_marks_what_was_clear_and_names_the_rest(course, hand_in, tmp_path):
    sheet = load_sheet(course, "summer22")
    (tmp_path / "answers.yaml").write_text(as_yaml(read_file(hand_in, sheet), sheet))
    answers = read_answers(tmp_path / "answers.yaml")
    assert {one.id: one.answer for one in answers.given} == {**GIVEN, "3a": None}
    result = mark(sheet, load_key(course, "summer22"), answers)
    assert any("3a is still unclear" in problem for problem in result.problems)
    assert any("not answered" in problem and "1c" in problem for problem in result.problems)


def test_a_pdf_is_marked_as_the_answer_file_that_says_the_same(course, hand_in):
    sheet, key = load_sheet(course, "summer22"), load_key(course, "summer22")
    result = theory(hand_in, sheet=sheet, key=key)
    same = mark(sheet, key, Answers.of({one: said for one, said in GIVEN.items() if said != BOTH}))
    assert (result.outcome, result.points) == (Outcome.SCORED, same.points)
    by_id = {one.id: one for one in result.statements}
    assert by_id["1a"].read_from == "page 1, strokes; confidence 0.97"
    assert by_id["3a"].verdict == "unmarked"
    assert any("3a (page 1, strokes)" in problem for problem in result.problems)


def test_crops_show_the_page_beside_each_answer(course, hand_in):
    result = theory(hand_in, sheet=load_sheet(course, "summer22"), key=None)
    crop = next(one.crop for one in result.statements if one.id == "1a")
    assert base64.b64decode(crop.data).startswith(b"\x89PNG")
    assert crop.width > 60
    assert "1a" in crop.alt
    assert TheoryResult.model_validate_json(result.model_dump_json()) == result


def test_texts_have_no_crops(course, tmp_path):
    (tmp_path / "answers.txt").write_text("1a: yes\n1b: no\n")
    sheet = load_sheet(course, "summer22")
    readings = read_file(tmp_path / "answers.txt", sheet)
    assert with_crops(tmp_path / "answers.txt", readings, name="answers.txt") == readings


def test_the_command_writes_answers_and_says_what_is_open(hand_in, tmp_path):
    done = CliRunner().invoke(app, ["quiz", "read", str(hand_in), "--quiz", "summer22", "-o", str(tmp_path / "a.yaml")])
    assert done.exit_code == 1
    assert "4 of 19 answers read, 15 left open for a person" in done.output
    assert max(len(line) for line in done.output.splitlines()) <= 80
    assert read_answers(tmp_path / "a.yaml").quiz == "summer22"


def test_the_command_speaks_json(hand_in):
    done = CliRunner().invoke(app, ["quiz", "read", str(hand_in), "--quiz", "summer22", "--json"])
    said = json.loads(done.stdout)
    first = said["readings"][0]
    assert (first["id"], first["answer"], first["evidence"][0]["page"]) == ("1a", "yes", 1)
    assert len(first["evidence"][0]["box"]) == 4


@pytest.mark.parametrize("form", ["pdf", "html", "yaml", "md"])
def test_sheets_are_written_in_every_form_the_same_each_time(form, tmp_path):
    path = tmp_path / f"sheet.{form}"
    written = []
    for _ in range(2):
        done = CliRunner().invoke(app, ["quiz", "sheet", "summer23", "--format", form, "-o", str(path)])
        assert done.exit_code == 0, done.output
        written.append(path.read_bytes())
    assert written[0] == written[1]
    assert path.stat().st_size > 1_000


@pytest.mark.parametrize(("arguments", "code"), [
    (["quiz", "read", "nowhere.pdf", "--quiz", "summer22"], 2),
    (["quiz", "read", "nowhere.pdf", "--quiz", "winter99"], 2),
    (["quiz", "sheet", "winter99"], 2),
    (["quiz", "sheet", "summer22", "-o", "/nowhere/at/all.pdf"], 2),
])
def test_wrong_use_is_told_in_a_sentence(arguments, code, capsys, monkeypatch):
    from harness.cli import main

    monkeypatch.setattr("sys.argv", ["harness", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == code
    assert "Traceback" not in capsys.readouterr().err


def test_an_argument_in_a_form_without_a_tick_is_kept_and_left_open(course, tmp_path):
    sheet = load_sheet(course, "summer22")
    path = tmp_path / "form.pdf"
    filled = {"1a": "/yes", "1b argument": "as the critic is not trained"}
    path.write_bytes(papers.filled_sheet(sheet_pdf(sheet), filled))
    readings = read_file(path, sheet)
    one = next(one for one in readings.readings if one.id == "1b")
    assert (one.status, one.argument) == ("unclear", "as the critic is not trained")
    assert one in readings.open
    assert "there is an argument" in one.reason
    (tmp_path / "answers.yaml").write_text(as_yaml(readings, sheet))
    found = {one.id: one for one in read_answers(tmp_path / "answers.yaml").given}
    assert (found["1a"].answer, found["1b"].answer) == ("yes", None)
    assert found["1b"].argument == "as the critic is not trained"
