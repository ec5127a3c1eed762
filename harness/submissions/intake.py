"""Intake: the clean copy of a hand-in that every later stage works on, and what was left out of it.

The copy is what counts: a folder that is edited while it is graded changes nothing. Its fingerprint is the
SHA-256 over the paths and the SHA-256 of all files in it.
"""

from __future__ import annotations

import difflib
import hashlib
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from harness import documents
from harness.errors import HarnessFault, Rejected, UserError
from harness.limits import INTAKE, Intake
from harness.records import Fault
from harness.scratch import scratch_folder
from harness.submissions.archive import OTHER_ARCHIVES, ZIP, files_in_zip, other_archive, top_folder
from harness.submissions.folder import files_in_folder
from harness.submissions.manifest import Manifest
from harness.submissions.survey import Entry, survey

__all__ = ["MANIFEST", "Glance", "Submission", "glance", "group_of", "intake", "is_archive"]

MANIFEST = "submission.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A hand-in that was taken in.

    Attributes:
        manifest: what the group says about it.
        folder: the clean copy; regular files and folders only.
        original: the folder or archive that was handed in.
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
    ending = next((end for end in (ZIP, *OTHER_ARCHIVES) if name.lower().endswith(end)), "")
    if ending and not path.is_dir():
        name = name[:-len(ending)]
    return re.sub(r"[^A-Za-z0-9._-]", "-", name).lstrip("._-")[:64] or "unnamed"


class Glance(NamedTuple):
    """What a look at a manifest tells before a hand-in is taken in."""

    group: str          # its folder's name, where the manifest cannot be read
    trains: bool        # a model of it is trained


def glance(path: Path) -> Glance:
    """Look at the manifest of a hand-in without taking it in."""
    try:
        if not path.is_dir():
            with scratch_folder() as scratch:
                return _glance_at(intake(path, scratch / "hand-in").manifest)
        info = (path / MANIFEST).lstat()    # no link, no pipe: it was written by a stranger
        if stat.S_ISREG(info.st_mode) and info.st_size <= documents.MAX_BYTES:
            return _glance_at(_read_manifest(path))
    except (UserError, Rejected, HarnessFault, OSError):
        pass
    return Glance(group_of(path), trains=False)


def _glance_at(manifest: Manifest) -> Glance:
    return Glance(manifest.group, trains=any(entry.route != "load" for entry in manifest.models.values()))


def is_archive(path: Path) -> bool:
    """Whether a path is an archive by its name: one that is read, or one that is refused in words."""
    return path.is_file() and path.name.lower().endswith((ZIP, *OTHER_ARCHIVES))


def intake(path: Path, into: Path, *, limits: Intake = INTAKE) -> Submission:
    """Copy a hand-in, a folder or a zip archive of one, into the empty folder `into`, and read its manifest.

    Raises:
        UserError: there is no such folder, or it is a file of another kind.
        Rejected: it cannot be graded as it is; says why, and what to do.
        HarnessFault: the copy cannot be written.

    """
    _check_place(path)
    if path.is_dir():
        found, left_out = survey(files_in_folder(path, limits), limits)
        files = _copy(path, into, found, left_out, limits)
    else:
        with files_in_zip(path, limits) as listing:
            found, left_out = _without_top_folder(*survey(listing, limits))
            files = _copy(path, into, found, left_out, limits)
    if MANIFEST not in files:
        raise _no_manifest(files, left_out)
    manifest = _read_manifest(into)
    return Submission(
        manifest=manifest, folder=into, original=path, files=files, left_out=left_out,
        fingerprint=_fingerprint(files), missing=_missing_files(manifest, files, left_out),
    )


def _check_place(path: Path) -> None:
    if path.is_dir():
        return
    what = f"give the path of a hand-in: a folder with a {MANIFEST}, or a zip archive of one"
    if not path.exists():
        raise UserError(f"{path}: no such folder; {what}")
    if path.name == MANIFEST:
        raise UserError(f"{path}: is a file; give the folder that holds it: {path.parent}")
    if path.name.lower().endswith(OTHER_ARCHIVES):
        raise other_archive(path)
    if path.suffix.lower() != ZIP or not path.is_file():
        raise UserError(f"{path}: is a file; {what}")


def _without_top_folder(
    found: dict[str, Entry], left_out: dict[str, str],
) -> tuple[dict[str, Entry], dict[str, str]]:
    """Take the folder away in which all of an archive stands, as most programs pack it."""
    top = top_folder(list(found), MANIFEST)
    return (
        {name.removeprefix(top): entry for name, entry in found.items()},
        {name.removeprefix(top): reason for name, reason in left_out.items()},
    )


# --- the copy


def _copy(
    source: Path, into: Path, found: Mapping[str, Entry], left_out: dict[str, str], limits: Intake,
) -> dict[str, str]:
    """Copy the files found, and give the SHA-256 of each; what cannot be read any more is left out."""
    if not found:
        raise Rejected(
            f"{source.name!r} holds no file that can be graded" + _but_left_out(left_out),
            rationale=f"A hand-in is a folder with a {MANIFEST}, the code and weights of models, a report.",
            hint="Put your files into the folder; `harness new` writes one to start from.",
        )
    files: dict[str, str] = {}
    allowance = _Allowance(limits)
    try:
        into.mkdir(parents=True, exist_ok=True)
        if any(into.iterdir()):
            raise HarnessFault(f"the hand-in {source} cannot be copied: {into} is not empty")
        for name, entry in found.items():
            try:
                pieces = entry.read()
            except OSError as error:
                left_out[name] = f"it cannot be read ({error.strerror or error})"
                continue
            target = into / name
            target.parent.mkdir(parents=True, exist_ok=True)
            files[name] = _copy_file(pieces, target, name, allowance)
    except OSError as error:
        raise HarnessFault(f"the hand-in {source} cannot be copied to {into}: {error}") from error
    return files


@dataclass(slots=True)
class _Allowance:
    """What may still be written: counted byte by byte, whatever was said of sizes before."""

    limits: Intake
    total: int = 0

    def take(self, name: str, size: int, more: int) -> None:
        """Count `more` bytes of a file that has `size` with them."""
        self.total += more
        if size > self.limits.file_bytes or self.total > self.limits.total_bytes:
            raise Rejected(
                f"{name} grew while it was copied",
                rationale="The copy taken at intake is what is graded.",
                hint="Stop whatever writes to it, and hand in again.",
            )


def _copy_file(pieces: Iterator[bytes], target: Path, name: str, allowance: _Allowance) -> str:
    digest = hashlib.sha256()
    size = 0
    with target.open("wb") as writer:
        for piece in pieces:
            size += len(piece)
            allowance.take(name, size, len(piece))
            digest.update(piece)
            writer.write(piece)
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
