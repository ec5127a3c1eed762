"""From Moodle's archive of all submissions to one folder for each hand-in."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Literal

from harness.errors import Rejected, UserError
from harness.limits import INTAKE, Intake
from harness.lms.moodle.names import Entry, entry_of, team_prefixes
from harness.lms.moodle.record import Import, Origin, Participant, read_record, write_record
from harness.lms.moodle.unpacking import extract, members_of, open_archive, unpack, without_single_top
from harness.submissions.intake import MANIFEST
from harness.submissions.leavings import reason_to_leave_folder

__all__ = ["Imported", "ImportedHandIn", "import_archive"]

State = Literal["new", "unchanged", "replaced", "kept", "rejected"]

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"})
_OTHER_ARCHIVES = {".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedHandIn:
    """What became of one hand-in of the archive.

    Attributes:
        folder: name of its folder among the hand-ins.
        participants: who handed it in: one participant, one team, or each member of a team.
        state: `new`, `unchanged` (it was there), `replaced`, `kept` (the folder holds something else, and was left
            as it is) or `rejected` (see `problem`; there is no folder).
        problem: why it was kept or rejected.
        has_manifest: whether there is a submission.yaml at its top.
        left_out: path -> why it was not unpacked.

    """

    folder: str
    participants: list[Participant]
    state: State
    problem: str = ""
    has_manifest: bool = True
    left_out: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of an archive; `left_out` names what belongs to no hand-in."""

    hand_ins: list[ImportedHandIn]
    left_out: Mapping[str, str]


@dataclass(slots=True, kw_only=True)
class _Unpacked:
    """A hand-in that waits in a folder of its own for its place."""

    participants: list[Participant]
    place: Path
    contents: dict[str, str]            # path -> SHA-256
    left_out: dict[str, str]
    problem: str = ""


def import_archive(archive: Path, into: Path, *, replace: bool = False, limits: Intake = INTAKE) -> Imported:
    """Unpack every hand-in of Moodle's "Download all submissions" into a folder of its own below `into`.

    Zip archives that were handed in are unpacked too, one level deep. A second import of the same archive changes
    nothing; a folder that holds something else is left as it is, or exchanged with `replace`.

    Raises:
        UserError: there is no such archive, Moodle did not write it, or the folders cannot be written.

    """
    if not archive.is_file():
        raise UserError(f"{archive}: there is no such file; give the archive that Moodle's "
                        "“Download all submissions” wrote")
    record = read_record(into)
    try:
        into.mkdir(parents=True, exist_ok=True)
        with open_archive(archive) as opened, tempfile.TemporaryDirectory(prefix=".import-", dir=into) as waiting:
            return _import(opened, archive, into, Path(waiting), record, replace=replace, limits=limits)
    except Rejected as fault:
        raise UserError(f"{archive}: {fault.message}; {fault.hint[:1].lower()}{fault.hint[1:]}") from None
    except OSError as error:
        raise UserError(f"{into}: cannot be written ({error.strerror or error}); choose another with --into") from None


def _import(
    opened: zipfile.ZipFile, archive: Path, into: Path, waiting: Path, record: Import, *, replace: bool, limits: Intake,
) -> Imported:
    members, left_out = members_of(opened)
    found, strangers = _by_hand_in(members)
    if not found:
        raise UserError(
            f"{archive}: holds no submission as Moodle names them (Name_12345_assignsubmission_file/...); give the "
            "archive that “Download all submissions” wrote"
        )
    unpacked = [
        _unpack(opened, who, entries, waiting / str(number), limits)
        for number, (who, entries) in enumerate(found.items())
    ]
    downloaded = datetime.fromtimestamp(archive.stat().st_mtime).astimezone().isoformat(timespec="seconds")
    origins, hand_ins = dict(record.hand_ins), []
    taken: set[str] = set()
    for one in _teams(unpacked):
        folder = _folder_name(one.participants, taken)
        taken.add(folder.casefold())
        hand_ins.append(_settle(one, into / folder, replace=replace))
        if hand_ins[-1].state in {"new", "replaced", "unchanged"}:
            origin = Origin(participants=one.participants, archive=archive.name, downloaded=downloaded)
            origins[folder] = _newer(origins.get(folder), origin) if hand_ins[-1].state == "unchanged" else origin
    write_record(into, record.model_copy(update={"hand_ins": dict(sorted(origins.items()))}))
    return Imported(hand_ins=hand_ins, left_out=left_out | strangers)


def _newer(known: Origin | None, origin: Origin) -> Origin:
    """Keep what was downloaded last: until then it is known that the hand-in was not changed."""
    if known is None:
        return origin
    if datetime.fromisoformat(known.downloaded) <= datetime.fromisoformat(origin.downloaded):
        return origin.model_copy(update={"handed_in": known.handed_in})
    return known


Owner = tuple[str, str | None]      # name and number as the archive has them
Members = dict[str, zipfile.ZipInfo]


def _by_hand_in(members: Members) -> tuple[dict[Owner, Members], dict[str, str]]:
    """Sort the files of the archive by who handed them in; whoever packed it again may have put a folder around."""
    inner, _ = without_single_top(members)
    if not any(entry_of(name) for name in members) and any(entry_of(name) for name in inner):
        members = inner
    found: dict[Owner, Members] = {}
    strangers: dict[str, str] = {}
    for name, info in members.items():
        entry = entry_of(name)
        if entry is None:
            strangers[name] = "its name is none that Moodle gives to a submission"
            continue
        mine = found.setdefault((entry.who, entry.number), {})
        mine[_free(_place(entry), mine)] = info
    return found, strangers


def _place(entry: Entry) -> str:
    """Where a file goes: typed text beside the files, under a name that says what it is."""
    return entry.path if entry.kind == "file" else f"{entry.kind}-{PurePosixPath(entry.path).name}"


def _free(path: str, taken: Members) -> str:
    if path not in taken:
        return path
    place = PurePosixPath(path)
    return next(name for number in count(2)
                if (name := str(place.with_stem(f"{place.stem}-{number}"))) not in taken)


def _unpack(opened: zipfile.ZipFile, who: Owner, entries: Members, place: Path, limits: Intake) -> _Unpacked:
    """Unpack one hand-in with the archives in it; where it is rejected, say why and keep nothing."""
    one = _Unpacked(participants=[Participant(name=who[0], number=who[1])], place=place, contents={}, left_out={})
    place.mkdir()
    try:
        one.left_out |= extract(opened, entries, place, limits=limits)
        one.left_out |= _unpack_nested(place, limits)
        one.contents = contents_of(place)
    except Rejected as fault:
        shutil.rmtree(place)
        one.problem = fault.message
    return one


def _unpack_nested(place: Path, limits: Intake) -> dict[str, str]:
    """Unpack zip archives at the top: a single one there, several each into a folder of its own name."""
    left_out: dict[str, str] = {}
    archives = sorted(path for path in place.iterdir() if path.suffix.lower() == ".zip" and path.is_file())
    for archive in archives:
        inner = place.with_name(f"{place.name}.inner")      # beside, where no name of theirs can stand
        try:
            left_out |= {f"{archive.name}/{name}": why for name, why in unpack(archive, inner, limits=limits).items()}
        except Rejected as fault:
            shutil.rmtree(inner, ignore_errors=True)
            if not zipfile.is_zipfile(archive):
                left_out[archive.name] = "it is no zip archive that can be read; it stands there as it came"
                continue
            raise Rejected(f"{archive.name}: {fault.message}") from None
        if not inner.is_dir():
            left_out[archive.name] = "it holds no file"
            continue
        archive.unlink()
        _put_down(inner, place, archive.stem, alone=len(archives) == 1)
    for path in place.iterdir():
        if path.suffix.lower() in _OTHER_ARCHIVES:
            left_out[path.name] = "only zip archives are unpacked; it stands there as it came"
    _lift(place)
    return left_out


def _put_down(inner: Path, place: Path, stem: str, *, alone: bool) -> None:
    there = {path.name.casefold() for path in place.iterdir()}
    if alone and not there & {path.name.casefold() for path in inner.iterdir()}:
        for path in sorted(inner.iterdir()):
            path.rename(place / path.name)
        inner.rmdir()
        return
    name = next(name for number in count(1)
                if (name := stem if number == 1 else f"{stem}-{number}").casefold() not in there)
    inner.rename(place / name)


def _lift(place: Path) -> None:
    """Let the content of a single folder stand where the folder stands."""
    entries = list(place.iterdir())
    if len(entries) != 1 or not entries[0].is_dir():
        return
    inner = entries[0].rename(place.with_name(f"{place.name}.inner"))
    for path in sorted(inner.iterdir()):
        path.rename(place / path.name)
    inner.rmdir()


def contents_of(folder: Path) -> dict[str, str]:
    """Give path -> SHA-256 of everything in a folder that belongs to a hand-in; a link counts as one."""
    contents = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if any(reason_to_leave_folder(part) for part in name.parts[:-1]) or (path.is_dir() and not path.is_symlink()):
            continue
        if path.is_symlink() or not path.is_file():
            contents[name.as_posix()] = "no file"
            continue
        with path.open("rb") as stream:
            contents[name.as_posix()] = hashlib.file_digest(stream, "sha256").hexdigest()
    return contents


# --- teams


def _teams(unpacked: list[_Unpacked]) -> Iterator[_Unpacked]:
    """Join what Moodle before 4.1 wrote once for each member of a team: the same files behind the same team's name."""
    rest = list(unpacked)
    while rest:
        first = rest.pop(0)
        team = [first, *(other for other in rest if _one_hand_in(first, other))]
        rest = [other for other in rest if other not in team]
        first.participants = [participant for one in team for participant in one.participants]
        yield first


def _one_hand_in(one: _Unpacked, other: _Unpacked) -> bool:
    return bool(one.contents) and one.contents == other.contents and bool(
        team_prefixes(one.participants[0].name) & team_prefixes(other.participants[0].name))


def _folder_name(participants: list[Participant], taken: set[str]) -> str:
    """Name the folder after the team or the participant, with the number that Moodle gave, in letters safe anywhere."""
    if len(participants) > 1:
        shared = set.intersection(*(team_prefixes(one.name) for one in participants))
        name = max(shared, key=len)
    else:
        name = "-".join(part for part in (participants[0].name, participants[0].number) if part)
    safe = re.sub(r"[^A-Za-z0-9]+", "-", name.translate(_UMLAUTS)).strip("-")[:60].rstrip("-") or "hand-in"
    return next(free for number in count(1)
                if (free := safe if number == 1 else f"{safe}-{number}").casefold() not in taken)


# --- the place among the hand-ins


def _settle(one: _Unpacked, target: Path, *, replace: bool) -> ImportedHandIn:
    """Move a hand-in to its place, unless something else is there."""

    def ended(state: State, problem: str = "") -> ImportedHandIn:
        return ImportedHandIn(
            folder=target.name, participants=one.participants, state=state, problem=problem,
            has_manifest=MANIFEST in one.contents, left_out=dict(sorted(one.left_out.items())),
        )

    if one.problem or not one.contents:
        return ended("rejected", one.problem or "no file of it could be unpacked")
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        return ended("kept", f"{target} is no folder; move it away")
    if not target.exists():
        one.place.rename(target)
        return ended("new")
    same = contents_of(target) == one.contents
    if same or not replace:
        problem = f"{target} holds something else; --replace exchanges it"
        return ended("unchanged") if same else ended("kept", problem)
    old = one.place.with_name(f"{one.place.name}.old")
    target.rename(old)
    one.place.rename(target)
    return ended("replaced")
