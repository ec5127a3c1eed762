"""Results of stages, kept under the hash of what they were made from.

Nothing here is needed to be right, only to be fast: any entry may be deleted at any time and is made again.
An entry is one file that begins with a line naming the SHA-256 of the rest, so that one that a full disk or a
crash cut short is noticed and made again, too.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from harness.data import Dataset
from harness.grading import source_hash
from harness.metrics.base import Recall

__all__ = ["Store", "key_of", "recall_for", "shipped"]


def key_of(stage: str, inputs: Mapping[str, str]) -> str:
    """Name a result: SHA-256 over the canonical JSON of its stage and of everything it was made from."""
    canonical = json.dumps({"stage": stage, "inputs": dict(inputs)}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


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
            stage: which step of the story, and which version of its code where that matters.
            inputs: the name and the hash, version or setting of everything the result depends on.
            make: makes the result; what it raises is passed on, and nothing is kept.

        """
        path = self._path(key_of(stage, inputs))
        kept = _read(path)
        if kept is not None:
            return kept
        made = make()
        # A store that cannot be written to (a full disk, a read-only folder) costs time, never a grade.
        with contextlib.suppress(OSError):
            _write(path, made)
        return made

    def clear(self) -> None:
        """Forget everything."""
        for path in self._entries():
            path.unlink(missing_ok=True)

    def size(self) -> int:
        """Give the bytes that all entries take."""
        total = 0
        for path in self._entries():
            with contextlib.suppress(FileNotFoundError):    # another process has just cleared it
                total += path.stat().st_size
        return total

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / key[2:]

    def _entries(self) -> list[Path]:
        return [path for path in self.folder.glob("[0-9a-f][0-9a-f]/*") if path.is_file()]


def recall_for(store: Store, *, data: Dataset, budget_name: str, version: str | None = None) -> Recall:
    """Keep baselines: numbers that depend on the data, the budget and the code that measures alone.

    Args:
        store: where they are kept.
        data: the data set they are measured on.
        budget_name: "full" or "quick": how many images are used.
        version: of the code that measures; without it, a hash over the source of the metrics and the judges,
            so that an edited metric is measured again.

    """
    version = source_hash("weights/judges.json", "metrics", "features") if version is None else version
    inputs = {"data": data.hash, "budget": budget_name, "version": version}

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
        checksum, _, content = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    return content if checksum.decode("ascii", "replace") == hashlib.sha256(content).hexdigest() else None


def _write(path: Path, content: bytes) -> None:
    """Put an entry in its place in one step, so that a reader sees all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix="new-")
    aside = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
