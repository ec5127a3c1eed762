"""How a model comes to be trained, and what of its file is read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from harness.guess.blueprint import Blueprint
from harness.guess.guesses import ModelGuess
from harness.guess.project import Piece, Project
from harness.guess.weights import Saved, busy_line, file_for, is_run

__all__ = ["busy_place", "files_of_parts", "guess_route"]


def guess_route(
    guess: ModelGuess, project: Project, blueprint: Blueprint, saved: Sequence[Saved], taken: Sequence[str],
    networks: Sequence[str] = (),
) -> None:
    """Guess how the model comes to be trained; `networks` are its encoder and decoder, by name."""
    file = file_for(project, guess.slot, blueprint, saved, taken)
    parts = files_of_parts(project, networks) if len(networks) == 2 and not any(
        one.kind == blueprint.name for one in saved) else {}
    if parts:
        guess.add("route", "load", "trained weights lie in the folder")
        guess.add("checkpoint", parts, "one file for each network")
        return
    if file is not None:
        guess.add("route", "load", "trained weights lie in the folder")
        guess.add("checkpoint", file[0], file[1])
        return
    if blueprint.of_the_contract and "fit" in blueprint.methods:
        guess.add("route", "fit", f"{blueprint.name} has the `fit` of the contract, and no weights lie in the folder")
        return
    runs = [one for one in saved if one.kind in {blueprint.name, ""} and is_run(one)]
    runs.sort(key=lambda one: (one.kind != blueprint.name, one.piece.file != blueprint.piece.file))
    if runs:
        one = runs[0]
        guess.add("route", "run", "no weights lie in the folder, and the code trains and saves when it is run")
        guess.add("checkpoint", one.inside, f"{one.piece.place(one.node)} saves {one.what or 'it'} there")
        if "*" in one.inside:
            guess.ask("checkpoint", one.inside.replace("*", "last"),
                      "its name depends on how training goes; what is the last file called?")
        elif one.leads_out:
            guess.ask("checkpoint", one.inside, f"your code saves to {one.path}, out of its folder: save inside of it")
        if one.piece.file != blueprint.piece.file:
            guess.add("script", one.piece.file, "the file that trains and saves")
        return
    guess.add("route", "load", "neither weights nor a script that saves them were found")
    guess.add("checkpoint", f"{guess.slot}.pt", "put your trained weights there")
    guess.ask("checkpoint", f"{guess.slot}.pt", "no weights were found; save them and write their file here")


def files_of_parts(project: Project, networks: Sequence[str]) -> dict[str, str]:
    """Find a file for each of an encoder and a decoder; empty where there is none for one of them."""
    files: dict[str, str] = {}
    for name, stem in zip(networks, ("enc", "dec"), strict=True):
        there = [file for file in project.weights if stem in PurePosixPath(file).stem.lower().replace("autoenc", "")]
        if there:
            files[name] = there[-1]
    return files if len(set(files.values())) == 2 else {}


def busy_place(project: Project, piece: Piece) -> tuple[str, str] | None:
    """Find what works when a file is imported, in it or in the files that it imports."""
    imported = [one for one in project.pieces
                if one is not piece and one.cell is None and PurePosixPath(one.file).stem in piece.imports]
    for one in [piece, *imported]:
        if busy := busy_line(one.tree):
            return f"{one.file}, line {busy[0]}", busy[1]
    return None
