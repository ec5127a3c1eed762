"""What of a hand-in is compared: its code with notebooks, the words of its report and arguments, its weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from harness import handin, quiz
from harness.course import Course
from harness.errors import HarnessFault, Rejected, UserError
from harness.similarity.prints import CODE, TEXT, Settings, Token, code_tokens, fingerprints, text_tokens
from harness.submissions import Submission

__all__ = ["Document", "HandedOut", "Material", "handed_out", "material_of"]

MOST_BYTES = 2_000_000          # of a file of code
FEWEST_NUMBERS = 64             # in a tensor that is compared
PYTHON, NOTEBOOK, WEIGHTS = ".py", ".ipynb", ".safetensors"
_NO_NOTEBOOK = (ValueError, RecursionError, AttributeError, TypeError, KeyError)    # what JSON of another form raises


@dataclass(slots=True)
class Document:
    """All tokens of a kind in a hand-in, one file after the other, with their fingerprints."""

    settings: Settings
    files: list[tuple[str, list[str]]] = field(default_factory=list)    # name and lines
    tokens: list[Token] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)                     # first token of each file
    prints: dict[int, int] = field(default_factory=dict)                # fingerprint -> first token of its run

    def add(self, name: str, text: str) -> None:
        """Append a file; no run reaches over its ends."""
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        tokens = (code_tokens if self.settings is CODE else text_tokens)(text)
        start = len(self.tokens)
        for value, place in fingerprints(tokens, self.settings).items():
            self.prints.setdefault(value, start + place)
        self.files.append((name, text.split("\n")))
        self.starts.append(start)
        self.tokens += tokens


@dataclass(slots=True)
class Material:
    """What is compared of one hand-in."""

    group: str
    code: Document = field(default_factory=lambda: Document(CODE))
    text: Document = field(default_factory=lambda: Document(TEXT))
    tensors: dict[str, tuple[str, int]] = field(default_factory=dict)   # hash -> name and how many numbers
    files: dict[str, str] = field(default_factory=dict)                 # SHA-256 -> path
    left_out: dict[str, str] = field(default_factory=dict)              # file -> why


@dataclass(slots=True)
class HandedOut:
    """What the course gave to all: fingerprints of code and text, hashes of tensors and of whole files."""

    code: set[int] = field(default_factory=set)
    text: set[int] = field(default_factory=set)
    tensors: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)


def material_of(submission: Submission, *, course: Course) -> Material:
    """Read what is compared of a hand-in; what cannot be read is left out, with the reason."""
    material = Material(group=submission.manifest.group)
    material.files = {digest: path for path, digest in submission.files.items() if _is_work(path)}
    for path in sorted(submission.files):
        file = submission.folder / path
        if file.suffix.casefold() in {PYTHON, NOTEBOOK}:
            _add_code(material, path, file)
        elif file.suffix.casefold() == WEIGHTS:
            try:
                material.tensors |= {digest: (f"{path}: {name}", count) for digest, name, count in _tensors(file)}
            except (SafetensorError, OSError) as error:
                material.left_out[path] = f"its tensors cannot be read ({error})"
        elif file.suffix.casefold() in {".pt", ".pth", ".h5", ".pkl"}:
            material.left_out[path] = "reading it could run code; only files that are equal byte for byte are found"
    _add_texts(material, submission, course)
    return material


def _is_work(path: str) -> bool:
    return Path(path).suffix.casefold() in {PYTHON, NOTEBOOK, WEIGHTS, ".pt", ".pth", ".h5", ".pdf", ".pkl"}


def _add_code(material: Material, path: str, file: Path) -> None:
    if file.stat().st_size > MOST_BYTES and file.suffix.casefold() == PYTHON:
        material.left_out[path] = f"it has more than {MOST_BYTES:,} bytes"
        return
    text = file.read_text(encoding="utf-8", errors="replace")
    if file.suffix.casefold() == PYTHON:
        material.code.add(path, text)
        return
    try:
        cells = list(_cells(text))
    except _NO_NOTEBOOK:
        material.left_out[path] = "it is no notebook that can be read"
        return
    for number, source in cells:
        material.code.add(f"{path}, cell {number}", source[:MOST_BYTES])


def _cells(text: str) -> Iterator[tuple[int, str]]:
    """Give number and source of the code cells of a notebook; lines of magics and shell commands are emptied."""
    for number, cell in enumerate(json.loads(text)["cells"], 1):
        if cell.get("cell_type") == "code":
            source = cell.get("source", "")
            lines = (source if isinstance(source, str) else "".join(source)).splitlines()
            yield number, "\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in lines)


def _tensors(file: Path) -> Iterator[tuple[str, str, int]]:
    """Give hash, name and size of tensors as float16, so that a copy in half precision is the same.

    Those that every fresh model has alike (all zeros, all ones) are left out.
    """
    with safe_open(str(file), framework="numpy") as opened:
        for name in opened.keys():  # noqa: SIM118 - it is no dictionary
            values = opened.get_tensor(name)
            if values.size >= FEWEST_NUMBERS and values.dtype.kind == "f" and np.ptp(values) > 0:
                with np.errstate(over="ignore"):
                    half = np.ascontiguousarray(values.astype(np.float16))
                shape = str(values.shape).encode()
                yield hashlib.sha256(shape + half.tobytes()).hexdigest(), name, int(values.size)


def _add_texts(material: Material, submission: Submission, course: Course) -> None:
    manifest = submission.manifest
    try:
        sheet = quiz.load_sheet(course, manifest.assignment)
    except UserError:
        sheet = None
    if manifest.report and "report" not in submission.missing:
        try:
            pages = handin.own_pages(submission.folder / manifest.report, name=manifest.report, sheet=sheet)
        except (Rejected, HarnessFault) as fault:
            material.left_out[manifest.report] = str(fault)
        else:
            for page in pages:
                material.text.add(f"{manifest.report}, page {page.number}", page.text)
    if sheet is None or not manifest.answers or "answers" in submission.missing:
        return
    theory = quiz.theory(submission.folder / manifest.answers, sheet=sheet, key=None)
    for one in theory.statements:
        if one.argument:
            material.text.add(f"{manifest.answers}, {one.id}", one.argument)


def handed_out(course: Course, more: Sequence[Path] = ()) -> HandedOut:
    """Read what the course hands out: reference models, the contract, every sheet, and the files and folders in `more`.

    Raises:
        UserError: a notebook among them cannot be read.

    """
    code, text, found = Document(CODE), Document(TEXT), HandedOut()
    for file in _files([course.models, Path(__file__).parents[1] / "contract.py", *more]):
        found.files.add(hashlib.sha256(file.read_bytes()).hexdigest())
        kind = file.suffix.casefold()
        if kind == WEIGHTS:
            found.tensors |= {digest for digest, _, _ in _tensors(file)}
        elif kind in {PYTHON, NOTEBOOK, ".txt", ".md"}:
            _add_handed_out(code, text, file)
    for path in sorted(course.sheets.glob("*.yaml")):
        for statement in quiz.load_sheet(course, path.stem).statements:
            text.add(path.name, statement.text)
    found.code, found.text = set(code.prints), set(text.prints)
    return found


def _add_handed_out(code: Document, text: Document, file: Path) -> None:
    source = file.read_text(encoding="utf-8", errors="replace")
    if file.suffix.casefold() == PYTHON:
        code.add(file.name, source)
    elif file.suffix.casefold() == NOTEBOOK:
        try:
            for number, cell in _cells(source):
                code.add(f"{file.name}, cell {number}", cell)
        except _NO_NOTEBOOK:
            raise UserError(f"{file}: it is no notebook that can be read; leave it out of --shared") from None
    else:
        text.add(file.name, source)


def _files(places: Iterable[Path]) -> Iterator[Path]:
    for place in places:
        yield from (file for file in sorted([place, *place.rglob("*")]) if file.is_file())
