"""The judge and the counter-judge at work: images in, features and class probabilities out, fast."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.data import CLASSES, Dataset
from harness.errors import HarnessFault

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["NAMES", "WEIGHTS", "Judges", "judge_facts", "load_network", "networks_hash"]

NAMES = ("judge", "counter")
WEIGHTS = Path(__file__).parent.parent / "weights"
FEATURES = 64
BATCH = 128
"""Images at a time: what lies between two layers still fits into a core's cache."""

_one_at_a_time = threading.Lock()


class Judges:
    """Both networks, with what they see in the data set computed once and kept.

    Args:
        data: the data set whose splits `of` looks at.
        threads: how many cores may be used.
        cache: a folder that keeps what they see of the splits between runs; it may be emptied at any time.

    Raises:
        HarnessFault: a weights file is missing or is not the one that was recorded when it was trained.

    """

    def __init__(self, data: Dataset, *, threads: int = 2, cache: Path | None = None) -> None:
        from harness.features.networks import for_inference

        self.judge_hash = networks_hash()
        self._data = data
        self._threads = threads
        self._cache = cache
        self._networks: dict[str, nn.Module] = {name: for_inference(load_network(name)) for name in NAMES}
        self._seen: dict[tuple[str, str], tuple[np.ndarray, np.ndarray]] = {}
        self._locks = {(network, name): threading.Lock() for network in NAMES for name in ("test", "train")}

    def features(
        self, network: str, images: np.ndarray, *, exact: bool = False,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Look at images through one network.

        Args:
            network: "judge" or "counter".
            images: (N, 28, 28), uint8 or float in [0, 1]; floats are rounded to 8 bits, as a saved image is.
            exact: do not round, where differences smaller than a grey level are what is looked at.

        Returns:
            Features (N, 64) and class probabilities (N, 10), both float32.

        """
        if images.shape[1:] != (28, 28) or images.dtype not in (np.uint8, np.float32, np.float64):
            given = f"{images.dtype}{images.shape}"
            raise HarnessFault(f"The judges look at images (N, 28, 28) of uint8 or float, not at {given}.")
        return _apart(self._look(network, images, exact=exact))

    def of(self, network: str, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Look at the data set's "test" or "train" images, once, and give the same arrays every time.

        They are shared by everyone who asks: do not write to them.
        """
        if (network, name) not in self._locks:
            raise HarnessFault(f"The judges keep nothing of {network!r} and {name!r}.")
        with self._locks[network, name]:
            if (network, name) not in self._seen:
                self._seen[network, name] = _apart(self._kept_or_made(network, name))
            return self._seen[network, name]

    def _look(self, network: str, images: np.ndarray, *, exact: bool = False) -> np.ndarray:
        """Give features and probabilities side by side, (N, 74)."""
        import torch

        if network not in self._networks:
            raise HarnessFault(f"There is no network {network!r}: the networks are {' and '.join(NAMES)}.")
        module = self._networks[network]
        out = np.empty((len(images), FEATURES + len(CLASSES)), dtype=np.float32)

        def look(start: int) -> None:
            with torch.inference_mode():
                features, logits = module(_grey_levels(images[start : start + BATCH], exact=exact))
                result = torch.cat([features, logits.softmax(1)], dim=1)
            out[start : start + BATCH] = result.numpy()

        # Whole batches side by side, one thread each: threads inside a layer wait for each other at its end.
        with _single_threaded_layers(), ThreadPoolExecutor(self._threads) as pool:
            list(pool.map(look, range(0, len(images), BATCH)))
        return out

    def _kept_or_made(self, network: str, name: str) -> np.ndarray:
        images = {"test": self._data.test.images, "train": self._data.train.images}[name]
        if self._cache is None:
            return self._look(network, images)
        key = json.dumps([self.judge_hash, self._data.hash, version("torch"), BATCH])
        path = self._cache / f"{network}-{name}-{hashlib.sha256(key.encode()).hexdigest()[:32]}.npy"
        kept = _read(path)
        if kept is None:
            kept = self._look(network, images)
            # A full or a read-only disk costs time, never a grade.
            with contextlib.suppress(OSError):
                _write(path, kept)
        return kept


def _apart(both: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Part features from probabilities, each an array of its own."""
    return both[:, :FEATURES].copy(), both[:, FEATURES:].copy()


def _read(path: Path) -> np.ndarray | None:
    """Read an array whose file ends with the SHA-256 of the rest; None if there is none or it is damaged."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    if hashlib.sha256(content[:-32]).digest() != content[-32:]:
        return None
    kept: np.ndarray = np.load(io.BytesIO(content), allow_pickle=False)
    return kept


def _write(path: Path, array: np.ndarray) -> None:
    """Write such a file in one step, so that a reader sees all of it or nothing."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    content = buffer.getvalue()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix="new-")
    aside = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content + hashlib.sha256(content).digest())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _grey_levels(images: np.ndarray, *, exact: bool = False) -> Tensor:
    """Turn images (N, 28, 28) into float32 (N, 1, 28, 28) in [0, 255], whole numbers unless `exact`."""
    import torch

    if images.dtype == np.uint8:
        return torch.from_numpy(images.astype(np.float32))[:, None]
    grey = torch.from_numpy(np.multiply(images, 255, dtype=np.float32))
    return (grey if exact else grey.round_()).clamp_(0, 255)[:, None]


@contextlib.contextmanager
def _single_threaded_layers() -> Iterator[None]:
    """Let each new thread of torch work alone: a setting of the process, held by one caller at a time."""
    import torch

    with _one_at_a_time:
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)


def _record() -> dict[str, Any]:
    path = WEIGHTS / "judges.json"
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise HarnessFault(f"{path} cannot be read ({error}): install the harness again.") from error
    return record


def networks_hash() -> str:
    """Name both networks by one SHA-256, over the recorded SHA-256 of each weights file."""
    networks = _record()["networks"]
    hashes = "".join(networks[name]["sha256"] for name in NAMES)
    return hashlib.sha256(hashes.encode()).hexdigest()


def judge_facts() -> dict[str, tuple[float, str]]:
    """Give, for each network, its recorded test accuracy and the SHA-256 of its weights file, once that is checked.

    Raises:
        HarnessFault: a weights file is missing or is not the recorded one.

    """
    for name in NAMES:
        load_network(name)
    networks = _record()["networks"]
    return {name: (float(networks[name]["accuracy"]), str(networks[name]["sha256"])) for name in NAMES}


def load_network(name: str) -> Any:
    """Give the network "judge" or "counter" with its shipped weights: not folded, in evaluation mode.

    Raises:
        HarnessFault: its weights file is missing or is not the recorded one.

    """
    from safetensors.torch import load

    from harness.features.networks import NETWORKS

    entry = _record()["networks"][name]
    path = WEIGHTS / entry["file"]
    try:
        content = path.read_bytes()
    except OSError as error:
        raise HarnessFault(f"{path} cannot be read ({error}): install the harness again.") from error
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise HarnessFault(f"{path} is not the file that judges.json records: install the harness again.")
    network = NETWORKS[name]()
    network.load_state_dict(load(content))
    return network.eval()
