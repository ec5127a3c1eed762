"""What kind of file a hand-in is: a PDF, a text in any usual encoding, or something that has to be saved anew."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from harness.documents import MAX_BYTES
from harness.errors import Rejected, UserError
from harness.quiz.answers import read_answers

__all__ = ["RATIONALE", "is_pdf", "text_of"]

RATIONALE = "The answers in it are read by the program; what it cannot read, a person reads."

_PICTURES = {".png", ".jpg", ".jpeg", ".gif", ".tif", ".tiff", ".bmp", ".webp", ".heic"}
_DOCUMENTS = {".docx", ".doc", ".odt", ".rtf", ".pages", ".tex", ".ipynb", ".pptx", ".odp"}
_TABLES = {".xlsx", ".xls", ".ods", ".numbers"}
_PAGES = {".html", ".htm", ".xhtml", ".mhtml"}
_HEADS = {b"\x89PNG": ".png", b"\xff\xd8\xff": ".jpg", b"GIF8": ".gif", b"PK\x03\x04": ".docx", b"{\\rtf": ".rtf",
          b"\xd0\xcf\x11\xe0": ".doc"}
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\ufffe\uffff]")     # an escape may stand in a text


def is_pdf(path: Path, name: str) -> bool:
    """Tell whether a file begins as a PDF does, whatever its name.

    Raises:
        UserError: there is no such file, it is a folder, or it may not be read.
        Rejected: its name says that it is a PDF, and it is none.

    """
    if path.is_dir():
        raise UserError(f"{name} is a folder; give the file with the answers in it")
    if not path.is_file():
        raise UserError(f"{name}: there is no such file; check the path")
    if b"%PDF-" in _bytes(path, name, 1024):
        return True
    if path.suffix.casefold() == ".pdf":
        raise Rejected(f"{name} is no PDF, or a broken one", rationale=RATIONALE, hint="Export it again as PDF.")
    return False


def text_of(path: Path, name: str) -> str:
    """Read a text in UTF-8, UTF-16 with its mark, or the Western code page of Windows.

    Raises:
        UserError: it may not be read, or it is an answer file that needs no reading.
        Rejected: it is empty, too large, or no text; with what to do.

    """
    data = _bytes(path, name, MAX_BYTES + 1)
    kind = next((kind for head, kind in _HEADS.items() if data.startswith(head)), path.suffix.casefold())
    if remedy := _remedy(kind):
        raise Rejected(f"{name} {remedy}", rationale=RATIONALE)
    if kind in {".yaml", ".yml"}:
        read_answers(path, name=name)
        raise UserError(f"{name} is already an answer file; mark it by `harness quiz check {name}`")
    if len(data) > MAX_BYTES:
        raise Rejected(f"{name} is larger than {MAX_BYTES // 1024} KiB; hand in the answers alone", rationale=RATIONALE)
    text = _decoded(data)
    if text is None or _CONTROL.search(text):
        raise Rejected(f"{name} is no text; save the answers as UTF-8 text, or export them as PDF", rationale=RATIONALE)
    if not text.strip():
        raise Rejected(f"{name} is empty; write an answer for each statement, such as `1a: yes`", rationale=RATIONALE)
    return text


def _remedy(kind: str) -> str:
    """Say what a file of another kind is, and what to make of it; "" for a text."""
    if kind in _PICTURES:
        return "is a picture, and handwriting is not read; scan the printed answer sheet to a PDF, or type the answers"
    if kind in _DOCUMENTS:
        return "is a file of a word processor or editor; export it as PDF or as plain text"
    if kind in _TABLES:
        return "is a spreadsheet; export it as PDF, or copy its rows into a text file"
    if kind in _PAGES:
        return "is a web page; print it to a PDF, and hand in that"
    return ""


def _bytes(path: Path, name: str, most: int) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(most)
    except OSError as error:
        raise UserError(f"{name}: cannot be read ({error.strerror}); check its permissions") from None


def _decoded(data: bytes) -> str | None:
    encodings = [encoding for mark, encoding in _MARKS if data.startswith(mark)] or ["utf-8", "cp1252"]
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None
