"""Finds and marks the answers of many hand-ins; what is wrong with one leaves the others as they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness import documents
from harness.course import Course
from harness.errors import Rejected, UserError
from harness.quiz.answers import Answers, read_answers
from harness.quiz.marking import mark
from harness.quiz.reading import as_answers, read_file
from harness.quiz.sheet import Key, Sheet, fold, load_key, load_sheet
from harness.records import TheoryResult
from harness.submissions.manifest import Manifest

__all__ = ["Collected", "collect"]

PAPERS = {".pdf", ".txt", ".md"}
"""Endings of files that answers are read from as a person would."""


@dataclass(frozen=True, slots=True)
class Collected:
    """The marked answers of a class.

    Attributes:
        sheet: what was asked.
        marked: the marked theory part of each group, by its name.
        left_out: hand-ins whose answers could not be read, and why.
        others: hand-ins that answer another quiz, and which.

    """

    sheet: Sheet
    marked: dict[str, TheoryResult] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Paper:
    """A file of answers, and what its hand-in's manifest says that it answers."""

    path: Path
    assignment: str | None = None


def collect(paths: Sequence[Path], *, course: Course, quiz: str | None = None) -> Collected:
    """Read and mark answer files, or those that lie in folders of hand-ins.

    Args:
        paths: files of answers, or folders with a `submission.yaml` or an `answers.yaml`.
        course: where sheet and key are.
        quiz: which quiz is looked at; without it, the one that all files answer.

    Raises:
        UserError: a path does not exist, the quiz is not clear, unknown or without a key, or nobody answered it.

    """
    read, papers, left_out = _read(paths)
    chosen = quiz or _only_quiz(
        [answers.quiz for answers in read.values()] + [paper.assignment for paper in papers.values()])
    sheet = load_sheet(course, chosen)
    key = load_key(course, chosen, sheet=sheet)
    if key is None:
        raise UserError(
            f"there is no key to {chosen} ({course.keys / f'{chosen}.yaml'}); statistics are of marked answers")
    collected = Collected(sheet=sheet, left_out=left_out)
    for name, answers in read.items():
        _sort_in(name, answers, key, collected)
    for name, paper in papers.items():
        if paper.assignment is not None and fold(paper.assignment) != fold(chosen):
            collected.others[name] = paper.assignment
            continue
        try:
            _sort_in(name, as_answers(read_file(paper.path, sheet, name=paper.path.name)), key, collected)
        except (UserError, Rejected) as error:
            left_out[name] = str(error).splitlines()[0]
    if not collected.marked:
        why = f"; the first: {next(iter(left_out.values()))}" if left_out else ""
        there = documents.counted(len(paths), "hand-in")
        raise UserError(f"{there} looked at, none with answers to {chosen} that can be read{why}")
    return collected


def _sort_in(name: str, answers: Answers, key: Key, collected: Collected) -> None:
    if answers.quiz is None:
        collected.left_out[name] = f"it does not say which quiz it answers; add `quiz: {key.quiz}`"
    elif fold(answers.quiz) != fold(key.quiz):
        collected.others[name] = answers.quiz
    else:
        collected.marked[name] = mark(collected.sheet, key, answers)


def _read(paths: Sequence[Path]) -> tuple[dict[str, Answers], dict[str, _Paper], dict[str, str]]:
    """Read the files in YAML; PDFs and texts can be read only with their sheet at hand."""
    read: dict[str, Answers] = {}
    papers: dict[str, _Paper] = {}
    left_out: dict[str, str] = {}
    for path, name in zip(paths, _names(paths), strict=True):
        if not path.exists():
            raise UserError(f"{path}: there is no such file or folder; give folders of hand-ins or files of answers")
        try:
            found = _answers_in(path) if path.is_dir() else _Paper(path)
            if found.path.suffix.casefold() in PAPERS:
                papers[name] = found
            else:
                read[name] = read_answers(found.path)
        except UserError as error:
            left_out[name] = str(error).splitlines()[0]
    return read, papers, left_out


def _names(paths: Sequence[Path]) -> list[str]:
    """Name hand-ins by their folder, files by their name; by the whole path where two would be called the same."""
    short = [path.parent.resolve().name if path.name == "answers.yaml" else path.resolve().stem for path in paths]
    twice = {name for name, times in Counter(short).items() if times > 1}
    if not twice:
        return short
    return [str(path) if name in twice else name for path, name in zip(paths, short, strict=True)]


def _answers_in(folder: Path) -> _Paper:
    """Find the file of answers in a hand-in: the one its manifest names, else `answers.yaml`."""
    manifest = folder / "submission.yaml"
    named: str | None = "answers.yaml"
    assignment = None
    if manifest.is_file():
        read = documents.read(manifest, Manifest, name=manifest.name)
        named, assignment = read.answers, read.assignment
    if named is None:
        raise UserError("submission.yaml names no answers")
    path = folder / named
    if not path.resolve().is_relative_to(folder.resolve()):     # a link may lead anywhere on this machine
        raise UserError(f"{named} leads out of the folder")
    return _Paper(path, assignment)


def _only_quiz(named: Iterable[str | None]) -> str:
    counts = Counter(quiz for quiz in named if quiz is not None)
    if len(counts) == 1:
        return next(iter(counts))
    if not counts:
        raise UserError("no file of answers says which quiz it answers; name it with --quiz")
    there = ", ".join(f"{documents.shown(quiz)[1:-1]} ({count})" for quiz, count in counts.most_common(5))
    raise UserError(f"these are answers to several quizzes: {there}; choose one with --quiz")
