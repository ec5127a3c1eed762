"""Zip archives from strangers, unpacked by our own rules.

What an archive says of its sizes is not believed: bytes are counted as they come. Links, absolute paths, paths that
lead out, doubled names and encrypted files are left out, each with its reason. What is too large is rejected.
"""

from __future__ import annotations

import contextlib
import io
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from harness.errors import Rejected
from harness.limits import INTAKE, MIB, Intake
from harness.submissions.archive import check_overlaps
from harness.submissions.leavings import reason_to_leave_folder

__all__ = ["extract", "members_of", "open_archive", "unpack", "without_single_top"]

_UTF8 = 0x800           # flag of an entry whose name is UTF-8
_ENCRYPTED = 0x1
_READABLE = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}      # the others may ask for any amount of memory
_MOST_LISTED = 4 * MIB  # bytes of a hand-in's list of contents; 2,000 files take a tenth of it
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


def unpack(archive: Path, into: Path, *, limits: Intake = INTAKE) -> dict[str, str]:
    """Unpack one hand-in into a folder; give path -> why it was left out.

    A single folder at the top is taken away, so that its content stands where the archive stood.

    Raises:
        Rejected: it is no archive that can be read, or holds more than a hand-in may.

    """
    with open_archive(archive, most_listed=_MOST_LISTED) as opened:
        members, left_out = members_of(opened)
        chosen, inner = without_single_top(members)
        left_out = {name.removeprefix(inner): reason for name, reason in left_out.items()}
        return left_out | extract(opened, chosen, into, limits=limits)


@contextlib.contextmanager
def open_archive(archive: Path, *, most_listed: int = 256 * MIB) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive whose list of contents has at most `most_listed` bytes, as it is held in memory.

    Raises:
        Rejected: it cannot be read, or lists too much.

    """
    with contextlib.ExitStack() as stack:
        yield _opened(archive, stack, most_listed)


class _Pieces(io.FileIO):
    """A file that is never read in one large piece, whatever length the archive claims for it."""

    def __init__(self, path: Path, most: int) -> None:
        super().__init__(path)
        self._most = most

    def read(self, size: int | None = -1, /) -> bytes:
        """Read `size` bytes, or to the end."""
        wanted = self._most + 1 if size is None or size < 0 else min(size, self._most + 1)
        data = super().read(wanted) or b""
        if len(data) > self._most:
            raise Rejected("its list of contents is too long", hint="Pack what is needed alone.")
        return data


def _opened(archive: Path, stack: contextlib.ExitStack, most_listed: int) -> zipfile.ZipFile:
    try:
        opened = stack.enter_context(zipfile.ZipFile(stack.enter_context(_Pieces(archive, most_listed))))
        check_overlaps(opened, archive)
        return opened
    except (*_DAMAGED, struct.error, OSError) as error:
        raise Rejected(
            f"{archive.name} is no zip archive that can be read ({error})",
            rationale="Only zip archives are unpacked.", hint="Download or pack it again.",
        ) from None


def members_of(archive: zipfile.ZipFile) -> tuple[dict[str, zipfile.ZipInfo], dict[str, str]]:
    """List the files of an archive by their safe path, and what is left out with the reason."""
    members: dict[str, zipfile.ZipInfo] = {}
    left_out: dict[str, str] = {}
    seen: set[str] = set()
    folders: set[str] = set()
    for info in archive.infolist():
        name = _name(info)
        if name.endswith("/"):
            continue
        path = PurePosixPath(name)
        key = _key(path)
        above = {_key(folder) for folder in path.parents} - {"."}
        if reason := _reason_to_leave(name, info):
            left_out[str(path)] = reason
        elif key in seen | folders or above & seen:
            left_out[f"{path} (again)"] = "another file has this name, or one that some systems take for it"
        else:
            seen.add(key)
            folders |= above
            members[str(path)] = info
    return members, left_out


def _name(info: zipfile.ZipInfo) -> str:
    """Read a name as it was meant: many programs write UTF-8 without saying so, and Windows its own slashes."""
    name = info.orig_filename.replace("\\", "/")
    if not info.flag_bits & _UTF8:
        with contextlib.suppress(UnicodeError):     # else it is in the old code page, as it says
            name = name.encode("cp437").decode("utf-8")
    return unicodedata.normalize("NFC", name)


def _key(path: PurePosixPath) -> str:
    return unicodedata.normalize("NFC", str(path)).casefold()


def _reason_to_leave(name: str, info: zipfile.ZipInfo) -> str | None:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or re.match(r"[A-Za-z]:", name) or not path.parts:
        return "its path leads out of the folder"
    if any(unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for letter in name):
        return "its name holds control characters"
    if any(len(part.encode()) > 200 for part in path.parts):
        return "its name is longer than 200 bytes"
    return _reason_of_kind(info) or next(
        (reason for part in path.parts[:-1] if (reason := reason_to_leave_folder(part))), None)


def _reason_of_kind(info: zipfile.ZipInfo) -> str | None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return "a symbolic link; put the file itself there"
    if kind not in {0, stat.S_IFREG}:
        return "neither a file nor a folder"
    if info.flag_bits & _ENCRYPTED:
        return "it is encrypted; pack it without a password"
    return None if info.compress_type in _READABLE else "it is packed by an unusual method; pack it by the usual one"


def without_single_top(members: Mapping[str, zipfile.ZipInfo]) -> tuple[dict[str, zipfile.ZipInfo], str]:
    """Take away the one folder that everything is in, if there is one; give its name with a slash, too."""
    tops = {name.partition("/")[0] for name in members}
    if len(tops) != 1 or any("/" not in name for name in members):
        return dict(members), ""
    inner = f"{tops.pop()}/"
    return {name.removeprefix(inner): info for name, info in members.items()}, inner


def extract(
    archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo], into: Path, *, limits: Intake = INTAKE,
) -> dict[str, str]:
    """Write files of an archive into a folder; give path -> why it could not be read.

    Raises:
        Rejected: together or alone they are more than a hand-in may hold.

    """
    _check_counts(members, limits)
    left_out: dict[str, str] = {}
    written = _Written(limits)
    for name, info in members.items():
        target = into / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(info) as reader, target.open("xb") as writer:
                while chunk := reader.read(MIB):
                    written.count(name, len(chunk))
                    writer.write(chunk)
            if target.stat().st_size != info.file_size:
                raise zipfile.BadZipFile("it is shorter than listed")
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            left_out[name] = "another file has this name, or that of its folder"
        except _DAMAGED as error:
            target.unlink(missing_ok=True)
            left_out[name] = f"it is damaged in the archive ({error})"
    return left_out


def _check_counts(members: Mapping[str, zipfile.ZipInfo], limits: Intake) -> None:
    if len(members) > limits.files:
        raise Rejected(
            f"it has more than {limits.files} files", hint="Remove data sets, environments and outputs of training.",
        )
    deep = next((name for name in members if len(PurePosixPath(name).parts) > limits.depth), None)
    if deep:
        raise Rejected(f"folders stand in each other more than {limits.depth} deep at {deep}")


class _Written:
    """Counts what comes out of an archive, damaged files too, and stops as soon as it is too much."""

    def __init__(self, limits: Intake) -> None:
        self._limits = limits
        self._sizes: dict[str, int] = {}
        self._total = 0

    def count(self, name: str, size: int) -> None:
        self._sizes[name] = self._sizes.get(name, 0) + size
        self._total += size
        if self._sizes[name] > self._limits.file_bytes:
            raise Rejected(f"{name} has more than {self._limits.file_bytes / MIB:.0f} MiB")
        if self._total > self._limits.total_bytes:
            raise Rejected(f"it has more than {self._limits.total_bytes / MIB:.0f} MiB in all")
