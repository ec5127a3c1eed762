"""A hand-in as a zip archive: read by our own rules, because what an archive says of itself is a stranger's word.

No name leads out of the copy, no link or device is made, no byte stands for two files, and what comes out is
counted while it comes out. APPNOTE 6.3.10 (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT) has the
format; D. Fifield, "A better zip bomb" (https://www.bamsoftware.com/hacks/zipbomb/), has what to look out for.
"""

from __future__ import annotations

import contextlib
import errno
import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from harness import documents
from harness.errors import HarnessFault, Rejected
from harness.limits import MIB, Intake
from harness.submissions.leavings import reason_to_leave, reason_to_leave_folder
from harness.submissions.survey import Entry, check_depth, check_name

__all__ = ["OTHER_ARCHIVES", "ZIP", "check_overlaps", "files_in_zip", "other_archive", "top_folder"]

ZIP = ".zip"
OTHER_ARCHIVES = (".tar", ".tar.gz", ".tar.xz", ".tar.bz2", ".tgz", ".7z", ".rar", ".gz", ".xz", ".bz2")

_UTF8, _ENCRYPTED, _ENCRYPTED_LIST = 0x800, 0x1, 0x2040      # bits of an entry's flags
_READABLE = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_LOCAL = struct.Struct("<26x2H")    # of the header before an entry's bytes: lengths of its name and of what follows
_MOST_AT_ONCE = 4 * MIB             # one read; the list of contents is one: 2,000 files take a tenth of it

# What zipfile and zlib raise for an archive that is not what it should be.
_BROKEN = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, OverflowError, NotImplementedError,
    RuntimeError,
)


def other_archive(path: Path) -> Rejected:
    """Say what to do with an archive of another kind."""
    return Rejected(
        f"{path.name} is an archive of a kind that is not read",
        rationale="A hand-in is a folder, or a zip archive of one.",
        hint="Pack the folder as .zip and hand that in.",
    )


@contextlib.contextmanager
def files_in_zip(path: Path, limits: Intake) -> Iterator[Iterator[tuple[str, Entry | str]]]:
    """Open an archive, and list its files by their path, or why they are left out; they are read while it is open.

    Raises:
        Rejected: it is broken, encrypted, or not honest; also while it is listed and read.
        HarnessFault: it cannot be read from the disk.

    """
    size = path.stat().st_size
    if size > limits.total_bytes:
        raise Rejected(
            f"{path.name} has {size / MIB:.0f} MiB; {limits.total_bytes / MIB:.0f} MiB are allowed",
            rationale="Every file is copied, hashed and kept with the grade.",
            hint="Leave out what is not needed to load your models: data sets, logs, earlier checkpoints.",
        )
    with contextlib.ExitStack() as stack:
        with _in_words(path):
            archive = stack.enter_context(zipfile.ZipFile(stack.enter_context(_Pieces(path))))
        yield _files(archive, path, limits)


class _Pieces(io.FileIO):
    """A file that is never read in one large piece, whatever length the archive claims for it."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read `size` bytes, or to the end."""
        wanted = _MOST_AT_ONCE + 1 if size is None or size < 0 else size
        data = super().read(min(wanted, _MOST_AT_ONCE + 1))
        if data is not None and len(data) > _MOST_AT_ONCE:
            raise Rejected(
                "the archive's list of contents is longer than 4 MiB",
                rationale="A hand-in has a few dozen files.",
                hint="Leave out environments, data sets and caches, and pack it again.",
            )
        return data or b""


@contextlib.contextmanager
def _in_words(path: Path) -> Iterator[None]:
    """Say what fails in reading an archive as the group's fault, but for a disk that fails."""
    try:
        yield
    except _BROKEN as error:
        raise _broken(path) from error
    except OSError as error:
        if error.errno == errno.EINVAL:     # a place before the beginning of the file
            raise _broken(path) from error
        raise HarnessFault(f"{path} cannot be read: {error}") from error


def _broken(path: Path) -> Rejected:
    return Rejected(
        f"{path.name} is no zip archive, or a broken one",
        rationale="Every file has to come out whole, and only once.",
        hint="Pack the folder again, open the archive once to see that it is right, and hand it in again.",
    )


def _files(archive: zipfile.ZipFile, path: Path, limits: Intake) -> Iterator[tuple[str, Entry | str]]:
    with _in_words(path):
        check_overlaps(archive, path)
    left: set[str] = set()
    for info in archive.infolist():
        place = _place(info, limits)
        if _name(info).endswith("/"):       # a folder; zipfile's own is_dir() fails where there is no name
            continue
        if folder := _left_folder(place):
            name, reason = folder
            if name not in left:
                left.add(name)
                yield name, reason
            continue
        yield str(place), _file(archive, info, str(place), path)


def _place(info: zipfile.ZipInfo, limits: Intake) -> PurePosixPath:
    """Give the path of an entry below the hand-in; refuse one that leads elsewhere."""
    name = _name(info)
    place = PurePosixPath(name)
    if place.is_absolute() or ".." in place.parts or re.match(r"[A-Za-z]:", name):
        raise Rejected(
            f"the archive holds {documents.shown(name)}, which leads out of the folder",
            rationale="Each file has its place below the hand-in.",
            hint="Pack the folder itself, from the folder above it.",
        )
    if not place.parts and not name.endswith("/"):
        raise Rejected(
            "the archive holds a file without a name", rationale="Each file has its place below the hand-in.",
            hint="Pack the folder again.",
        )
    for part, below in zip(place.parts, reversed(place.parents), strict=True):
        check_name(part, below)
        check_depth(below, limits)
    return place


def _name(info: zipfile.ZipInfo) -> str:
    """Give the whole name of an entry, which is UTF-8 where it says so, and often where it does not."""
    name = info.orig_filename       # `filename` ends before a zero byte, as C programs would see it
    if not info.flag_bits & _UTF8 and not name.isascii():
        try:
            return name.encode("cp437").decode("utf-8")
        except UnicodeError:
            return name
    return name


def _left_folder(place: PurePosixPath) -> tuple[str, str] | None:
    for parent in [*reversed(place.parents)][1:]:
        if reason := reason_to_leave_folder(parent.name):
            return f"{parent}/", reason
    return None


def _file(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, path: Path) -> Entry | str:
    mode = info.external_attr >> 16
    kind = mode if stat.S_IFMT(mode) else stat.S_IFREG      # archives made on Windows say nothing on it
    if reason := reason_to_leave(name, mode=kind):
        return reason
    if info.flag_bits & (_ENCRYPTED | _ENCRYPTED_LIST):
        raise Rejected(
            f"{name} is locked with a password in the archive", rationale="What is graded has to be read.",
            hint="Pack the folder again, without a password.",
        )
    if info.compress_type not in _READABLE:
        raise Rejected(
            f"{name} is packed in a way that is not read (method {info.compress_type})",
            rationale="Archives are read that store or deflate their files, as every program can.",
            hint="Pack the folder with the usual method: `zip -r group.zip folder`, or your system's own program.",
        )
    return Entry(info.file_size, lambda: _pieces(archive, info, path))


def _pieces(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> Iterator[bytes]:
    size = 0
    with _in_words(path):
        stream = archive.open(info)
    with stream:
        while True:
            with _in_words(path):
                piece = stream.read(MIB)
            size += len(piece)
            if not piece:
                break
            yield piece
    if size != info.file_size:
        raise _broken(path)


def check_overlaps(archive: zipfile.ZipFile, path: Path) -> None:
    """Refuse an archive in which a byte belongs to two entries, or to an entry and the list of contents.

    Raises:
        Rejected: it is such a one.
        OSError, struct.error: it says that an entry begins where there is none.

    """
    stream = archive.fp
    if stream is None:
        return
    reached = 0
    for info in sorted(archive.infolist(), key=lambda info: info.header_offset):
        stream.seek(info.header_offset)
        name, extra = _LOCAL.unpack(stream.read(_LOCAL.size))
        if info.header_offset < reached:
            raise Rejected(
                f"in {path.name} two files share their bytes",
                rationale="Such archives unpack to far more than they hold.",
                hint="Pack the folder again with your system's own program.",
            )
        reached = info.header_offset + _LOCAL.size + name + extra + info.compress_size
    if reached > archive.start_dir:
        raise _broken(path)


def top_folder(names: list[str], wanted: str) -> str:
    """Give the folder in which all stands, as "group3/"; "" where `wanted`, or more than one name, is at the top."""
    top = ""
    while names and wanted not in (inside := [name.removeprefix(top) for name in names]):
        first = {name.partition("/")[0] for name in inside}
        if len(first) != 1 or not all("/" in name for name in inside):
            break
        top += f"{first.pop()}/"
    return top
