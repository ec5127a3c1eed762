"""The judge and the counter-judge at work: images in, features and class probabilities out, as fast as two cores allow."""

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

from harness.data import Dataset
from harness.errors import HarnessFault

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["WEIGHTS", "Judges", "load_network", "networks_hash"]

WEIGHTS = Path(__file__).parent.parent / "weights"
BATCH = 128
"""Images at a time: what lies between two layers still fits into a core's cache."""

_one_at_a_time = threading.Lock()


class Judges:
    """Both networks, with what they see in the data set computed once and kept.

    Args:
        data: the data set whose splits `of` looks at.
        threads: how many cores may be used.
        cache: a folder in which what they see of the splits is kept between runs; it may be emptied at any
        time.

    Raises:
        HarnessFault: a weights file is missing or is not the one that was recorded when it was trained.

    """

    def __init__(self, data: Dataset, *, threads: int = 2, cache: Path | None = None) -> None:
        self.judge_hash = networks_hash()
        self._data = data
        self._threads = threads
        self._cache = cache
        self._networks = _ready()
        self._seen: dict[tuple[str, str], tuple[np.ndarray, np.ndarray]] = {}
        self._locks = {name: threading.RLock() for name in ("judge", "counter")}

    def features(
        self, network: str, images: np.ndarray, *, exact: bool = False,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Look at images through one network.

        Args:
            network: "judge" or "counter".
            images: (N, 28, 28), uint8 or float in [0, 1]; floats are rounded to 8 bits first, as a saved
            image is.
            exact: do not round, where differences smaller than a grey level are what is looked at.

        Returns:
            Features (N, 64) and class probabilities (N, 10), both float32.

        """
        if images.ndim != 3 or images.shape[1:] != (28, 28) or images.dtype not in (np.uint8, np.float32, np.float64):
            raise HarnessFault(f"The judges look at images (N, 28, 28) of uint8 or float, not {images.dtype}{images.shape}.")
        self._lock(network)
        both = self._look(network, images, exact=exact)
        return both[:, :-10].copy(), both[:, -10:].copy()

    def of(self, network: str, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Look at the data set's "test" or "train" images, once: the same arrays are given again, so do not write to them."""
        with self._lock(network):
            if (network, name) not in self._seen:
                images = {"test": self._data.test.images, "train": self._data.train.images}[name]
                self._seen[network, name] = self._kept(network, name) or self._keep(network, name, images)
            return self._seen[network, name]

    def _lock(self, network: str) -> threading.RLock:
        if network not in self._locks:
            raise HarnessFault(f"There is no network {network!r}: the networks are judge and counter.")
        return self._locks[network]

    def _look(self, network: str, images: np.ndarray, *, exact: bool = False) -> np.ndarray:
        """Give features and probabilities side by side, (N, 74)."""
        import torch

        module = self._networks[network]
        out = np.empty((len(images), 74), dtype=np.float32)

        def look(start: int) -> None:
            with torch.inference_mode():
                features, logits = module(_grey_levels(images[start : start + BATCH], exact=exact))
                result = torch.cat([features, logits.softmax(1)], dim=1)
            out[start : start + BATCH] = result.numpy()

        # Whole batches side by side, one thread each: threads inside a layer would wait for each other at
        # its end.
        with _single_threaded_layers(), ThreadPoolExecutor(self._threads) as pool:
            list(pool.map(look, range(0, len(images), BATCH)))
        return out

    def _file(self, network: str, name: str) -> Path | None:
        if self._cache is None:
            return None
        key = json.dumps([self.judge_hash, self._data.hash, version("torch"), BATCH])
        return self._cache / f"{network}-{name}-{hashlib.sha256(key.encode()).hexdigest()[:32]}.npy"

    def _kept(self, network: str, name: str) -> tuple[np.ndarray, np.ndarray] | None:
        path = self._file(network, name)
        if path is None or not path.is_file():
            return None
        content = path.read_bytes()
        if hashlib.sha256(content[:-32]).digest() != content[-32:]:
            return None     # damaged or half written by an older program: made again
        both = np.load(io.BytesIO(content), allow_pickle=False)
        return both[:, :-10].copy(), both[:, -10:].copy()

    def _keep(self, network: str, name: str, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        both = self._look(network, images)
        path = self._file(network, name)
        if path is not None:
            buffer = io.BytesIO()
            np.save(buffer, both)
            content = buffer.getvalue()
            with contextlib.suppress(OSError):      # a full or read-only disk costs time, not the grade
                path.parent.mkdir(parents=True, exist_ok=True)
                with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as aside:
                    aside.write(content + hashlib.sha256(content).digest())
                os.replace(aside.name, path)
        return both[:, :-10].copy(), both[:, -10:].copy()


def _grey_levels(images: np.ndarray, *, exact: bool) -> Tensor:
    """Turn images (N, 28, 28) into float32 (N, 1, 28, 28) in [0, 255], whole numbers unless `exact`."""
    import torch

    if images.dtype == np.uint8:
        return torch.from_numpy(images.astype(np.float32))[:, None]
    grey = torch.from_numpy(np.multiply(images, 255, dtype=np.float32))
    return (grey if exact else grey.round_()).clamp_(0, 255)[:, None]


@contextlib.contextmanager
def _single_threaded_layers() -> Iterator[None]:
    """Let each new thread of torch work alone. The setting is the process's, so that one caller at a time holds it."""
    import torch

    with _one_at_a_time:
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)


def _ready() -> dict[str, nn.Module]:
    """Load both networks, checked and folded."""
    from harness.features.networks import for_inference

    return {name: for_inference(load_network(name)) for name in ("judge", "counter")}


def _record() -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads((WEIGHTS / "judges.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise HarnessFault(f"{WEIGHTS / 'judges.json'} cannot be read ({error}): install the harness again.") from error
    return record


def networks_hash() -> str:
    """Name both networks by one SHA-256, over the recorded SHA-256 of each weights file."""
    networks = _record()["networks"]
    return hashlib.sha256("".join(networks[name]["sha256"] for name in ("judge", "counter")).encode()).hexdigest()


def load_network(name: str) -> Any:
    """Give the network "judge" or "counter" with its shipped weights, as it was trained (not folded, in eval mode).

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
        raise HarnessFault(f"{path} is damaged: its SHA-256 is not the one in judges.json; install the harness again.")
    network = NETWORKS[name]()
    network.load_state_dict(load(content))
    return network.eval()
