"""What a hand-in holds, by its list of contents alone: which files are copied, which are left out, what is refused."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from harness import documents
from harness.errors import Rejected
from harness.limits import INTAKE, MIB, Intake

__all__ = ["Entry", "Listing", "check_depth", "check_name", "check_paths", "survey", "too_large"]

_ODD = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})     # categories of letters that no name needs


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that can be copied.

    Attributes:
        size: bytes, as its folder or archive says; what is read is counted again.
        read: opens it at once, and gives its bytes piece by piece; OSError where it cannot be opened.

    """

    size: int
    read: Callable[[], Iterator[bytes]]


Listing = Iterable[tuple[str, Entry | str]]
"""Path below the hand-in -> the file, or the reason why it is left out."""


def survey(listing: Listing, limits: Intake) -> tuple[dict[str, Entry], dict[str, str]]:
    """List what is to be copied and what is left out, both sorted by path; nothing is opened yet.

    Raises:
        Rejected: too much, too many, or two files of one name.

    """
    found: dict[str, Entry] = {}
    left_out: dict[str, str] = {}
    for name, entry in listing:
        if isinstance(entry, str):
            left_out[name] = entry
        elif name in found:
            raise _collision(name, name)
        else:
            found[name] = entry
            if entry.size > limits.file_bytes:
                raise too_large(name, entry.size, limits)
        if max(len(found), len(left_out)) > limits.files:
            raise Rejected(
                f"the hand-in has more than {limits.files} files",
                rationale="Only the code, the weights, the answers and the report are needed.",
                hint="Remove data sets, environments and outputs of training from the folder.",
            )
    total = sum(entry.size for entry in found.values())
    if total > limits.total_bytes:
        largest = sorted(found, key=lambda name: found[name].size, reverse=True)[:3]
        named = ", ".join(f"{name} ({found[name].size / MIB:.0f} MiB)" for name in largest)
        raise Rejected(
            f"the hand-in has {total / MIB:.0f} MiB; {limits.total_bytes / MIB:.0f} MiB are allowed"
            f" (largest: {named})",
            rationale="Every file is copied, hashed and kept with the grade.",
            hint="Remove what is not needed to load your models: data sets, logs, earlier checkpoints.",
        )
    _check_collisions(found)
    return dict(sorted(found.items())), dict(sorted(left_out.items()))


def too_large(name: str, size: int, limits: Intake) -> Rejected:
    """Say that one file is larger than a file may be."""
    return Rejected(
        f"{name} has {size / MIB:.0f} MiB; {limits.file_bytes / MIB:.0f} MiB are allowed",
        rationale="Every file is copied, hashed and kept with the grade.",
        hint="Hand in the weights alone (safetensors), no optimiser states, data sets or logs.",
    )


def check_depth(below: PurePosixPath, limits: Intake) -> None:
    """Refuse folders that stand too deep in each other."""
    if len(below.parts) >= limits.depth:
        raise Rejected(
            f"folders stand in each other more than {limits.depth} deep at {below}",
            rationale="A hand-in of this size needs no such nesting.",
            hint="Put the files nearer to the top.",
        )


def check_name(name: str, below: PurePosixPath) -> None:
    """Refuse a name of a file or folder that hides something, or means different files on different systems."""
    odd = [letter for letter in name if letter in "\\/" or unicodedata.category(letter) in _ODD]
    if odd or len(os.fsencode(name)) > 200:
        what = f"the character U+{ord(odd[0]):04X}" if odd else "over 200 bytes"
        raise Rejected(
            f"in {str(below)!r} a file or folder has an odd name, with {what}: {documents.shown(name)}",
            rationale="Such names cannot be shown safely, or mean different files on different systems.",
            hint="Rename it with letters, digits, '-' and '_', or remove it.",
        )


def check_paths(paths: Iterable[str], limits: Intake = INTAKE) -> None:
    """Refuse relative paths that cannot all be written, or not on every system.

    Raises:
        Rejected: a name is odd, folders stand too deep, or two paths are one on some system.

    """
    listed = dict.fromkeys(paths)
    for path in map(PurePosixPath, listed):
        for part, below in zip(path.parts, reversed(path.parents), strict=True):
            check_name(part, below)
            check_depth(below, limits)
    _check_collisions(listed)


def _check_collisions(files: Iterable[str]) -> None:
    """Refuse two files, or a file and a folder, that some file system takes for the same."""
    seen: dict[str, str] = {}
    for name in files:
        if (other := seen.setdefault(_folded(name), name)) != name:
            raise _collision(other, name)
    for name in files:
        for folder in PurePosixPath(name).parents[:-1]:
            if (file := seen.get(_folded(str(folder)))) is not None:
                raise _collision(file, f"{folder}/")


def _folded(name: str) -> str:
    """Spell a name as systems do that ignore case and the ways to write an accent (Unicode, canonical caseless)."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())


def _collision(first: str, second: str) -> Rejected:
    if first == second:
        return Rejected(
            f"there are two files {first!r}", rationale="Which of the two would be graded is anybody's guess.",
            hint="Pack the folder again, with one file of each name.",
        )
    return Rejected(
        f"{first!r} and {second!r} are one name on systems that ignore case",
        rationale="The graded copy must be the same on every machine.", hint="Rename one of the two.",
    )
