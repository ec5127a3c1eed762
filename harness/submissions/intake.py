"""Intake: the clean copy of a hand-in that every later stage works on, and what was left out of it.

The copy is what counts: a folder that is edited while it is graded changes nothing. Its fingerprint is the
SHA-256 over the paths and the SHA-256 of all files in it.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import re
import stat
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from harness import documents
from harness.errors import HarnessFault, Rejected, UserError
from harness.limits import INTAKE, MIB, Intake
from harness.records import Fault
from harness.submissions.leavings import reason_to_leave, reason_to_leave_folder
from harness.submissions.manifest import Manifest

__all__ = ["MANIFEST", "Submission", "group_of", "intake"]

MANIFEST = "submission.yaml"

_ODD = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})     # categories of letters that no name needs


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A hand-in that was taken in.

    Attributes:
        manifest: what the group says about it.
        folder: the clean copy; regular files and folders only.
        original: the folder that was handed in.
        files: path in the copy -> SHA-256, sorted by path.
        left_out: path -> why it was not copied.
        fingerprint: SHA-256 over all of `files`.
        missing: field of the manifest -> the fault, where it names a file that is not in the copy; what does not
            need that file is graded all the same.

    """

    manifest: Manifest
    folder: Path
    original: Path
    files: Mapping[str, str]
    left_out: Mapping[str, str]
    fingerprint: str
    missing: Mapping[str, Fault] = field(default_factory=dict)


def group_of(path: Path) -> str:
    """Name the group of a hand-in whose manifest cannot be read: its folder's name, made safe for a path."""
    name = path.resolve().name
    return re.sub(r"[^A-Za-z0-9._-]", "-", name).lstrip("._-")[:64] or "unnamed"


def intake(folder: Path, into: Path, *, limits: Intake = INTAKE) -> Submission:
    """Copy a hand-in into the empty folder `into`, and read its manifest.

    Raises:
        UserError: there is no such folder, or it is a file.
        Rejected: it cannot be graded as it is; says why, and what to do.
        HarnessFault: the copy cannot be written.

    """
    _check_place(folder)
    found, left_out = _survey(folder, limits)
    if not found:
        raise Rejected(
            f"the folder {folder.name!r} holds no file that can be graded" + _but_left_out(left_out),
            rationale=f"A hand-in is a folder with a {MANIFEST}, the code and weights of models, a report.",
            hint="Put your files into the folder; `harness new` writes one to start from.",
        )
    files = _copy(folder, into, found, left_out, limits)
    if MANIFEST not in files:
        raise _no_manifest(files, left_out)
    manifest = _read_manifest(into)
    return Submission(
        manifest=manifest, folder=into, original=folder, files=files, left_out=left_out,
        fingerprint=_fingerprint(files), missing=_missing_files(manifest, files, left_out),
    )


def _check_place(folder: Path) -> None:
    if folder.is_dir():
        return
    if not folder.exists():
        raise UserError(f"{folder}: no such folder; give the path of a hand-in, a folder with a {MANIFEST}")
    if folder.suffix.lower() in {".zip", ".tar", ".gz", ".tgz", ".7z", ".rar"}:
        raise UserError(f"{folder}: is an archive; unpack it, and give the folder that holds {MANIFEST}")
    if folder.name == MANIFEST:
        raise UserError(f"{folder}: is a file; give the folder that holds it: {folder.parent}")
    raise UserError(f"{folder}: is a file; give the path of a hand-in, a folder with a {MANIFEST}")


# --- what is there


def _survey(folder: Path, limits: Intake) -> tuple[dict[str, Path], dict[str, str]]:
    """List what is to be copied and what is left out; nothing is opened yet."""
    found: dict[str, Path] = {}
    left_out: dict[str, str] = {}
    total = 0
    for name, entry in _walk(folder, PurePosixPath(), left_out, limits):
        info = entry.lstat()
        if reason := reason_to_leave(name, info):
            left_out[name] = reason
            continue
        total += info.st_size
        found[name] = entry
        if info.st_size > limits.file_bytes:
            raise Rejected(
                f"{name} has {info.st_size / MIB:.0f} MiB; {limits.file_bytes / MIB:.0f} MiB are allowed",
                rationale="Every file is copied, hashed and kept with the grade.",
                hint="Hand in the weights alone (safetensors), no optimiser states, data sets or logs.",
            )
        if len(found) > limits.files:
            raise Rejected(
                f"the hand-in has more than {limits.files} files",
                rationale="Only the code, the weights, the answers and the report are needed.",
                hint="Remove data sets, environments and outputs of training from the folder.",
            )
    if total > limits.total_bytes:
        sizes = sorted(((path.lstat().st_size, name) for name, path in found.items()), reverse=True)
        largest = ", ".join(f"{name} ({size / MIB:.0f} MiB)" for size, name in sizes[:3])
        raise Rejected(
            f"the hand-in has {total / MIB:.0f} MiB; {limits.total_bytes / MIB:.0f} MiB are allowed"
            f" (largest: {largest})",
            rationale="Every file is copied, hashed and kept with the grade.",
            hint="Remove what is not needed to load your models: data sets, logs, earlier checkpoints.",
        )
    _check_collisions(found)
    return dict(sorted(found.items())), dict(sorted(left_out.items()))


def _walk(
    folder: Path, below: PurePosixPath, left_out: dict[str, str], limits: Intake,
) -> Iterator[tuple[str, Path]]:
    """Give everything that is not a folder, by its path below the hand-in; links are never followed."""
    if len(below.parts) >= limits.depth:
        raise Rejected(
            f"folders stand in each other more than {limits.depth} deep at {below}",
            rationale="A hand-in of this size needs no such nesting.",
            hint="Put the files nearer to the top.",
        )
    try:
        entries = sorted(os.scandir(folder / below), key=lambda entry: entry.name)
    except OSError as error:
        left_out[f"{below}/"] = f"the folder cannot be read ({error.strerror})"
        return
    for entry in entries:
        _check_name(entry.name, below)
        path = below / entry.name
        if not entry.is_dir(follow_symlinks=False):
            yield str(path), folder / path
        elif reason := reason_to_leave_folder(entry.name):
            left_out[f"{path}/"] = reason
        else:
            yield from _walk(folder, path, left_out, limits)


def _check_name(name: str, below: PurePosixPath) -> None:
    odd = [letter for letter in name if letter == "\\" or unicodedata.category(letter) in _ODD]
    if odd or len(name) > 200:
        what = f"the character U+{ord(odd[0]):04X}" if odd else "over 200 characters"
        raise Rejected(
            f"in {str(below)!r} a file or folder has an odd name, with {what}: {documents.shown(name)}",
            rationale="Such names cannot be shown safely, or mean different files on different systems.",
            hint="Rename it with letters, digits, '-' and '_', or remove it.",
        )


def _check_collisions(names: Iterable[str]) -> None:
    seen: dict[str, str] = {}
    for name in names:
        key = unicodedata.normalize("NFC", name).casefold()
        if key in seen:
            raise Rejected(
                f"{seen[key]!r} and {name!r} are one name on systems that ignore case",
                rationale="The graded copy must be the same on every machine.", hint="Rename one of the two.",
            )
        seen[key] = name


# --- the copy


def _copy(
    folder: Path, into: Path, found: Mapping[str, Path], left_out: dict[str, str], limits: Intake,
) -> dict[str, str]:
    """Copy the files found, and give the SHA-256 of each; what cannot be read any more is left out."""
    files: dict[str, str] = {}
    try:
        into.mkdir(parents=True, exist_ok=True)
        if any(into.iterdir()):
            raise HarnessFault(f"the hand-in {folder} cannot be copied: {into} is not empty")
        for name, source in found.items():
            try:
                stream = _open_regular(source)
            except OSError as error:
                left_out[name] = f"it cannot be read ({error.strerror or error})"
                continue
            target = into / name
            target.parent.mkdir(parents=True, exist_ok=True)
            files[name] = _copy_file(stream, target, name, limits)
    except OSError as error:
        raise HarnessFault(f"the hand-in {folder} cannot be copied to {into}: {error}") from error
    return files


def _open_regular(source: Path) -> int:
    """Open a file that may have been exchanged since it was looked at: no link, no pipe, no device."""
    wanted = os.O_RDONLY
    for flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):     # each system has some of them
        wanted |= getattr(os, flag, 0)
    stream = os.open(source, wanted)
    info = os.fstat(stream)
    if not stat.S_ISREG(info.st_mode) or info.st_nlink > 1:
        os.close(stream)
        raise OSError("it changed while it was copied")
    return stream


def _copy_file(stream: int, target: Path, name: str, limits: Intake) -> str:
    digest = hashlib.sha256()
    size = 0
    with open(stream, "rb", buffering=0) as reader, target.open("wb") as writer:
        while chunk := reader.read(MIB):
            size += len(chunk)
            if size > limits.file_bytes:
                raise Rejected(
                    f"{name} grew while it was copied",
                    rationale="The copy taken at intake is what is graded.",
                    hint="Stop whatever writes to it, and hand in again.",
                )
            digest.update(chunk)
            writer.write(chunk)
    return digest.hexdigest()


def _fingerprint(files: Mapping[str, str]) -> str:
    lines = "".join(f"{name}\0{digest}\n" for name, digest in sorted(files.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


# --- the manifest


def _no_manifest(files: Mapping[str, str], left_out: Mapping[str, str]) -> Rejected:
    spellings = {MANIFEST, "submission.yml", f"{MANIFEST}.txt"}
    near = [name for name in files if PurePosixPath(name).name.lower() in spellings]
    below = [name for name in near if PurePosixPath(name).name == MANIFEST]
    shown = ", ".join(list(files)[:8]) + (f" and {len(files) - 8} more" if len(files) > 8 else "")
    if below:
        hint = f"There is {below[0]!r}: give that folder, or move its files up."
    elif near:
        hint = f"Rename {near[0]!r} to {MANIFEST!r}."
    else:
        hint = "`harness new` writes one; move it beside your files and fill it in."
    return Rejected(
        f"the folder has no {MANIFEST}; it holds {shown}" + _but_left_out(left_out, only=MANIFEST),
        rationale="It says who hands in, which class is which model, and where its weights are.", hint=hint,
    )


def _but_left_out(left_out: Mapping[str, str], only: str | None = None) -> str:
    told = {name: reason for name, reason in left_out.items() if only in {None, name}}
    if not told:
        return ""
    some = "; ".join(f"{name}: {reason}" for name, reason in list(told.items())[:3])
    return f" (left out: {some}{'; ...' if len(told) > 3 else ''})"


def _read_manifest(folder: Path) -> Manifest:
    try:
        return documents.read(folder / MANIFEST, Manifest, name=MANIFEST)
    except UserError as error:
        raise Rejected(
            str(error), rationale="The manifest says who hands in, and what is graded.",
            hint="Correct the named lines; `harness new` shows a manifest that is right.",
        ) from error


def _missing_files(
    manifest: Manifest, files: Mapping[str, str], left_out: Mapping[str, str],
) -> dict[str, Fault]:
    """Say which files that the manifest names are not there, and what may have been meant."""
    missing = {}
    for name, candidates in manifest.named_files.items():
        if any(_is_there(path, files) for path in candidates):
            continue
        path = candidates[0]
        hint = "Put the file into the folder, or correct its path."
        if near := _nearest(path, files):
            hint = f"Did you mean {near!r}?"
        for candidate in candidates:
            if candidate in left_out:
                hint = f"It was left out: {left_out[candidate]}."
        model = name.split(".")[1] if name.startswith("models.") else None
        missing[name] = Fault(
            kind=Rejected.kind, stage="intake", model=model, hint=hint,
            message=f"{MANIFEST} names {path!r} as {name}, but the folder has no such file",
            rationale="Only what is handed in can be graded.",
        )
    return missing


def _is_there(path: str, files: Mapping[str, str]) -> bool:
    """Whether the copy has the file, or a folder of this name with files in it."""
    return path in files or any(name.startswith(f"{path}/") for name in files)


def _nearest(path: str, files: Mapping[str, str]) -> str | None:
    """Find the file that was meant: the same name, else the most alike, else the only of its kind."""
    wanted = PurePosixPath(path)
    same_name = [name for name in files if PurePosixPath(name).name.lower() == wanted.name.lower()]
    alike = difflib.get_close_matches(path, files, n=1, cutoff=0.6)
    same_kind = [name for name in files if wanted.suffix and PurePosixPath(name).suffix == wanted.suffix]
    return next(iter([*same_name, *alike, *(same_kind if len(same_kind) == 1 else [])]), None)
