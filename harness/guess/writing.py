"""Writes `submission.yaml` with every guess explained beside it, and an adapter where one is needed."""

from __future__ import annotations

import json
import re
import shutil
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from harness import documents
from harness.errors import UserError
from harness.guess.adapters import ADAPTER
from harness.guess.entries import guess_models
from harness.guess.guesses import Guess, ModelGuess, Question
from harness.guess.project import Project, read_project
from harness.submissions import MANIFEST, Manifest, group_of

__all__ = ["Written", "in_yaml", "new_from"]

WIDTH = 110
_ORDER = (
    "source", "route", "script", "checkpoint", "arguments", "definitions", "cells", "framework", "input", "output",
    "methods", "labels", "one_hot", "second", "prior")
_WORDS_OF_YAML = {"yes", "no", "on", "off", "true", "false", "null", "y", "n"}
_SHEET = re.compile(r"(?i)(sheet|exercise|assignment|task|uebung|übung|blatt|paper|arxiv|slides)")
_PAGE = re.compile(r"(?i)(report|page|hand_?in|submission|solution|abgabe|loesung|lösung|results?)")


@dataclass(frozen=True, slots=True)
class Written:
    """What was written, and what a person should know of it.

    Attributes:
        folder: the hand-in.
        files: what was written, sorted.
        models: what was guessed, by model.
        remarks: what else the group should know, each a sentence.

    """

    folder: Path
    files: tuple[Path, ...]
    models: tuple[ModelGuess, ...]
    remarks: tuple[str, ...]


def new_from(source: Path, folder: Path | None, *, assignment: str = "summer23") -> Written:
    """Look at a project and write a hand-in of it: its files and a manifest with what was guessed.

    Args:
        source: the project; nothing of it is run or imported.
        folder: where to write; must not exist, or be empty. None: into the project itself.
        assignment: name of the assignment.

    Raises:
        UserError: there is no code, no model is found in it, or something would be overwritten.

    """
    _check_places(source, folder)
    project = read_project(source)
    models = guess_models(project)
    if not models:
        unread = f" (not read: {'; '.join(project.unread)})" if project.unread else ""
        raise UserError(
            f"{source}: no class or network that looks like a generative model was found{unread}; "
            "write submission.yaml by hand, as docs/hand-ins.md says, or begin with `harness new FOLDER --model vae`")
    into = folder or source
    remarks = tuple(_remarks(project))
    text = manifest_text(project, models, remarks, group=group_of(into), assignment=assignment)
    documents.loads(text, MANIFEST, Manifest)
    written = [] if folder is None else _copied(project, folder)
    (into / MANIFEST).write_text(text, "utf-8")
    written.append(into / MANIFEST)
    for guess in models:
        if guess.adapter:
            (into / ADAPTER).write_text(guess.adapter, "utf-8")
            written.append(into / ADAPTER)
    return Written(into, tuple(sorted(written)), tuple(models), remarks)


def _check_places(source: Path, folder: Path | None) -> None:
    if not source.is_dir():
        raise UserError(f"{source}: no such folder; give the folder that holds your code")
    if folder is None:
        for name in (MANIFEST, ADAPTER):
            if (source / name).exists():
                raise UserError(f"{source / name}: is there already; remove it, or give a new FOLDER")
        return
    if folder.resolve().is_relative_to(source.resolve()):
        raise UserError(f"{folder}: lies inside of {source}; give a folder elsewhere, or --in-place")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder}: already holds files; give the path of a new folder")


def _copied(project: Project, folder: Path) -> list[Path]:
    written = []
    for file in project.files:
        if file in {MANIFEST, ADAPTER}:
            continue
        target = folder / file
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(project.folder / file, target)
        except OSError as error:
            raise UserError(f"{target}: cannot be written ({error.strerror}); give another folder") from None
        written.append(target)
    return written


def _remarks(project: Project) -> Iterator[str]:
    for name, package in project.missing_libraries.items():
        yield (f"{name} is not installed here ({package}); if it is not where you are graded, the outcome is "
               "environment, which costs no points")
    for one in project.unread:
        yield f"not read: {one}"


# --- the manifest


def manifest_text(
    project: Project, models: Sequence[ModelGuess], remarks: Sequence[str], *, group: str, assignment: str,
) -> str:
    """Give the text of the manifest, with why each value stands there."""
    lines = [
        "# Guessed from the code, which was read and not run: look at each line, and correct what is wrong.",
        *(f"# {line}" for remark in remarks for line in textwrap.wrap(documents.harmless(remark), WIDTH - 2)),
        f"group: {in_yaml(group)}",
        "members: [Ada Example]          # QUESTION: who are you? At most three",
        f"assignment: {in_yaml(assignment)}",
        "# code: https://example.org/... # where your code can be read",
        "models:",
    ]
    for guess in models:
        lines += _entry(guess)
    lines += _papers(project)
    return "\n".join(lines) + "\n"


def _entry(guess: ModelGuess) -> Iterator[str]:
    yield f"  {guess.slot}:"
    for note in guess.notes:
        for line in note.splitlines():
            yield f"    # {documents.harmless(line)}".rstrip()
    asked = {question.key: question for question in guess.questions}
    for key in _ORDER:
        if key in guess.keys:
            yield from _explained(key, guess.keys[key])
        if key in asked:
            yield from _asked(asked[key])


def _explained(key: str, guess: Guess) -> Iterator[str]:
    line = f"    {key}: {in_yaml(guess.value)}"
    why = " ".join(documents.harmless(guess.why).split())
    if len(line) + len(why) + 4 <= WIDTH:
        yield f"{line}  # {why}"
        return
    for part in textwrap.wrap(why, WIDTH - 6):
        yield f"    # {part}"
    yield line


def _asked(question: Question) -> Iterator[str]:
    for part in textwrap.wrap(f"QUESTION: {documents.harmless(question.text)}", WIDTH - 6):
        yield f"    # {part}"
    yield f"    # {question.key}: {in_yaml(question.example)}"


def _papers(project: Project) -> Iterator[str]:
    """Name the report and the answers, where they lie there."""
    pages = [file for file in project.files if file.lower().endswith(".pdf")]
    wanted = [file for file in pages if _PAGE.search(file)] or [file for file in pages if not _SHEET.search(file)]
    report = (wanted or pages or [""])[0]
    if report:
        others = f"; there is also {', '.join(one for one in pages if one != report)}" if len(pages) > 1 else ""
        yield f"report: {in_yaml(report)}  # your page, by its name{others}"
    else:
        yield "# QUESTION: no PDF was found; where is your page?"
        yield "# report: report.pdf"
    answers = [file for file in project.files if re.match(r"(?i)(answers?|antworten|quiz|theory|theorie)",
                                                          PurePosixPath(file).name)
               and file.lower().endswith((".yaml", ".yml", ".txt", ".md", ".pdf"))]
    if answers:
        yield f"answers: {in_yaml(min(answers, key=lambda file: not file.endswith(('.yaml', '.yml'))))}"
    else:
        yield "# QUESTION: no answers to the theory part were found; `harness quiz sheet` writes a form"
        yield "# answers: answers.yaml"


def in_yaml(value: Any) -> str:
    """Write a value in YAML, on one line."""
    if isinstance(value, str):
        plain = re.fullmatch(r"[a-z_]+", value) and value not in _WORDS_OF_YAML
        return value if plain else json.dumps(value, ensure_ascii=documents.harmless(value) != value)
    if isinstance(value, bool):
        return "true" if value else "false"
    text = ""
    for as_it_is in (True, False):      # characters that show nothing, or turn a line round, are escaped
        if not text or documents.harmless(text) != text:
            text = yaml.safe_dump(
                value, default_flow_style=True, width=1_000_000, sort_keys=False, allow_unicode=as_it_is)
    return text.removesuffix("\n").removesuffix("\n...").removesuffix("...").strip()
