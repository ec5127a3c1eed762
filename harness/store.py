"""Results of stages, kept under the hash of what they were made from.

Nothing here is needed to be right, only to be fast: any entry may be deleted at any time and is made again.
An entry is one file: a line of JSON that names the stage, what the result was made from, how long that took and the
SHA-256 of the rest; then the result. So one that a full disk or a crash cut short is noticed and made again, too,
and one that this version of the harness cannot use any more can be told.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.data import Dataset
from harness.metrics.base import Recall
from harness.workshop import code_of

__all__ = ["Entry", "Store", "key_of", "recall_for", "shipped"]

HALF_WRITTEN = "new-"
ABANDONED = 3_600.0     # seconds after which a file that was begun belongs to a writer that was killed


def key_of(stage: str, inputs: Mapping[str, str]) -> str:
    """Name a result: SHA-256 over the canonical JSON of its stage and of everything it was made from."""
    canonical = json.dumps({"stage": stage, "inputs": dict(inputs)}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of an entry without its content.

    Attributes:
        stage: which step of the story made it.
        inputs: what it was made from, by name.
        seconds: how long it took to make.
        size: bytes of its file.
        used: when it was made or recalled last, seconds since 1970.

    """

    path: Path
    stage: str
    inputs: Mapping[str, str]
    seconds: float
    size: int
    used: float


class Store:
    """A folder of results by content hash; several processes may use it at once.

    Args:
        folder: made when the first result is kept. Only the store's own entries in it are ever deleted.

    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def recall(self, stage: str, inputs: Mapping[str, str], make: Callable[[], bytes]) -> bytes:
        """Give what `make` gave the last time for this stage and these inputs, or make it and keep it.

        Args:
            stage: which step of the story.
            inputs: the name and the hash, version or setting of everything the result depends on.
            make: makes the result; what it raises is passed on, and nothing is kept.

        """
        path = self._path(stage, inputs)
        kept = _read(path)
        if kept is not None:
            with contextlib.suppress(OSError):
                os.utime(path)      # pruning goes by the last use
            return kept
        begun = time.perf_counter()
        made = make()
        head = {"stage": stage, "inputs": dict(inputs), "seconds": round(time.perf_counter() - begun, 3)}
        # A store that cannot be written to (a full disk, a read-only folder) costs time, never a grade.
        with contextlib.suppress(OSError):
            _write(path, head, made)
        return made

    def holds(self, stage: str, inputs: Mapping[str, str]) -> bool:
        """Whether there is a whole entry for this stage and these inputs."""
        return _read(self._path(stage, inputs)) is not None

    def entries(self) -> Iterator[Entry]:
        """List all entries; one that is damaged, or cannot be read, has no stage."""
        for path in self._files():
            with contextlib.suppress(OSError):      # another process has just removed it
                info = path.stat()
                head = _head(path)
                yield Entry(
                    path=path, stage=str(head.get("stage", "")), inputs=dict(head.get("inputs", {})),
                    seconds=float(head.get("seconds", 0.0)), size=info.st_size, used=info.st_mtime)

    def prune(self, unwanted: Callable[[Entry], bool]) -> tuple[int, int]:
        """Remove the entries that are not wanted, and what killed writers left; give their number and bytes."""
        number = freed = 0
        for entry in self.entries():
            if unwanted(entry):
                entry.path.unlink(missing_ok=True)
                number, freed = number + 1, freed + entry.size
        for left in self.folder.glob(f"[0-9a-f][0-9a-f]/{HALF_WRITTEN}*"):
            with contextlib.suppress(OSError):
                if time.time() - left.stat().st_mtime > ABANDONED:
                    left.unlink()
        return number, freed

    def clear(self) -> None:
        """Forget everything."""
        for path in self._files():
            path.unlink(missing_ok=True)

    def size(self) -> int:
        """Give the bytes that all entries take."""
        total = 0
        for path in self._files():
            with contextlib.suppress(FileNotFoundError):    # another process has just cleared it
                total += path.stat().st_size
        return total

    def _path(self, stage: str, inputs: Mapping[str, str]) -> Path:
        key = key_of(stage, inputs)
        return self.folder / key[:2] / key[2:]

    def _files(self) -> list[Path]:
        found = self.folder.glob("[0-9a-f][0-9a-f]/*")
        return [path for path in found if not path.name.startswith(HALF_WRITTEN) and path.is_file()]


def recall_for(store: Store, *, data: Dataset, budget_name: str, version: str | None = None) -> Recall:
    """Keep baselines: numbers that depend on the data, the budget and the code that measures alone.

    Args:
        store: where they are kept.
        data: the data set they are measured on.
        budget_name: "full" or "quick": how many images are used.
        version: of the code that measures; without it, a hash over the source of the metrics and the judges,
            so that an edited metric is measured again.

    """
    code = code_of("baseline") if version is None else {"code": version}
    inputs = {"data": data.hash, "budget": budget_name, **code}

    def recall(name: str, make: Callable[[], dict[str, float]]) -> dict[str, float]:
        content = store.recall("baseline", {**inputs, "name": name}, lambda: json.dumps(make()).encode())
        values: dict[str, float] = json.loads(content)
        return values

    return recall


SHIPPED = Path(__file__).parent / "weights" / "baselines.json"


def shipped(otherwise: Recall, *, data: Dataset, budget_name: str) -> Recall:
    """Take baselines on the official data from the file that `scripts/measure_baselines.py` wrote.

    They depend on the data alone, and measuring them takes longer than measuring a model does.

    Args:
        otherwise: gives a baseline that the file has not: of other data, another budget, another size of code.
        data: the data set.
        budget_name: "full" or "quick".

    """
    record = json.loads(SHIPPED.read_text(encoding="utf-8")) if SHIPPED.is_file() else {}
    known = record.get("budgets", {}).get(budget_name, {}) if record.get("data") == data.hash else {}

    def recall(name: str, make: Callable[[], dict[str, float]]) -> dict[str, float]:
        return known[name] if name in known else otherwise(name, make)

    return recall


def _read(path: Path) -> bytes | None:
    """Give what an entry holds, or None where there is none or it is damaged."""
    try:
        line, _, content = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    return content if _parsed(line).get("sha256") == hashlib.sha256(content).hexdigest() else None


def _head(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return _parsed(file.readline(2**20).rstrip(b"\n"))


def _parsed(line: bytes) -> dict[str, Any]:
    """Read the first line of an entry; nothing where it is damaged, or of an older form."""
    try:
        head = json.loads(line)
    except ValueError:
        return {}
    return head if isinstance(head, dict) and isinstance(head.get("inputs"), dict) else {}


def _write(path: Path, head: Mapping[str, Any], content: bytes) -> None:
    """Put an entry in its place in one step, so that a reader sees all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps({**head, "sha256": hashlib.sha256(content).hexdigest()})
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=HALF_WRITTEN)
    aside = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(line.encode() + b"\n" + content)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
