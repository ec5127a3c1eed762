"""Fashion-MNIST (Xiao et al. 2017, https://arxiv.org/abs/1708.07747): found and checked, or downloaded.

The archives are read straight into arrays. Dataset, ToTensor and DataLoader would give the same 27 times
slower; and a cache of unpacked arrays would not pay either: reading it takes as long as unpacking the
archives on two cores.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import shutil
import socket
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from harness.data.dataset import Dataset, Split, cache_folder, hash_of
from harness.errors import UserError

__all__ = ["ARCHIVES", "OFFICIAL_HASH", "fashion_mnist"]

ARCHIVES = {
    "train-images-idx3-ubyte": ("8d4fb7e6c68d591d4c3dfef9ec88bf0d", (60_000, 28, 28)),
    "train-labels-idx1-ubyte": ("25c81989df183df01b3e8a0aad5dffbe", (60_000,)),
    "t10k-images-idx3-ubyte": ("bef4ecab320f06d8554ea6380940ec79", (10_000, 28, 28)),
    "t10k-labels-idx1-ubyte": ("bb300cfdad3c16e7a12a480ee83cd310", (10_000,)),
}
"""File -> (MD5 of its .gz as torchvision states it, shape of what it holds)."""

OFFICIAL_HASH = "82d70dcdc5da191ddf3b196edf5bb57def209309d3d0597d9a50cb21e8a89bc6"
"""`Dataset.hash` of the official data, however it was found."""

CACHE = "the cache"

NETWORK_TIMEOUT = 10.0
"""Seconds of silence after which a download is given up."""


class _Unusable(Exception):  # noqa: N818 - it never leaves this file
    """A place where the data was looked for does not have it; the message says why."""


def fashion_mnist(
    *, folder: Path | None = None, download: bool = True, progress: Callable[[str], None] | None = None
) -> Dataset:
    """Read Fashion-MNIST from the first place that has it whole, or download it into `cache_folder()`.

    A folder has it in torchvision's layout (`FashionMNIST/raw/`) or directly inside, as the four official
    archives or as the files unpacked from them.

    Raises:
        UserError: no place has it and it could not be downloaded; names each place and what was wrong there.

    """
    tried = []
    for place, root in _places(folder):
        try:
            return _read(root)
        except _Unusable as reason:
            tried.append(f"{place} {root} ({reason})")
            if progress is not None and place != CACHE:     # somebody named it, so they should know
                progress(f"{tried[-1]}: no Fashion-MNIST there; looking further")
    if download:
        if progress is not None:
            progress(f"Downloading Fashion-MNIST (30 MB) into {cache_folder()}")
        try:
            _download(cache_folder())
            return _read(cache_folder())
        except _Unusable as reason:
            tried.append(f"the download ({reason})")
    else:
        tried.append("the download (not allowed here)")
    names = ", ".join(f"{name}.gz" for name in ARCHIVES)
    raise UserError(
        f"Fashion-MNIST was not found; tried {', '.join(tried)}: connect to the network once, or put the "
        f"four official archives ({names}) into a folder and name it with --data or HARNESS_DATA; "
        "--stand-in does without, on images that the program draws and that no grade can be based on."
    )


def _places(folder: Path | None) -> Iterator[tuple[str, Path]]:
    if folder is not None:
        yield "--data", Path(folder)
    if os.environ.get("HARNESS_DATA"):
        yield "HARNESS_DATA", Path(os.environ["HARNESS_DATA"])
    yield CACHE, cache_folder()


def _read(root: Path) -> Dataset:
    """Read and check the four files under a folder, or raise _Unusable."""
    if not root.is_dir():
        raise _Unusable("no such folder")
    # Unpacking and checksums let go of the interpreter's lock, so that threads use both cores.
    with ThreadPoolExecutor(len(ARCHIVES)) as pool:
        arrays = list(pool.map(_read_array, [_find(root, name) for name in ARCHIVES], ARCHIVES))
    train, test = Split(arrays[0], arrays[1]), Split(arrays[2], arrays[3])
    digest = hash_of(train, test)
    if digest != OFFICIAL_HASH:
        raise _Unusable("its files are not the official ones: their checksum differs")
    return Dataset(name="fashion-mnist", train=train, test=test, hash=digest, stand_in=False)


def _find(root: Path, name: str) -> Path:
    for inside in (root / "FashionMNIST" / "raw", root):
        for path in (inside / f"{name}.gz", inside / name):
            if path.is_file():
                return path
    raise _Unusable(f"no {name}.gz in it or in its FashionMNIST/raw")


def _read_array(path: Path, name: str) -> np.ndarray:
    """Read one idx file (http://yann.lecun.com/exdb/mnist), packed or not, into a uint8 array."""
    checksum, shape = ARCHIVES[name]
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            if hashlib.md5(content, usedforsecurity=False).hexdigest() != checksum:
                raise _Unusable(f"{path} has the wrong MD5 checksum: damaged, or not the official archive")
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise _Unusable(f"{path} cannot be read: {error}") from error
    # The header: two zero bytes, 8 for unsigned bytes, the number of dimensions, then each as a big-endian
    # int32.
    header = bytes([0, 0, 8, len(shape)]) + np.array(shape, dtype=">i4").tobytes()
    if not content.startswith(header) or len(content) != len(header) + int(np.prod(shape)):
        raise _Unusable(f"{path} is not an idx file of shape {shape}")
    # Writable, because torch warns of every array that is not.
    return np.frombuffer(bytearray(content), dtype=np.uint8, offset=len(header)).reshape(shape)


def _download(root: Path) -> None:
    """Fetch the archives through torchvision and put them under `root`, or raise _Unusable."""
    patience = socket.getdefaulttimeout()
    try:
        root.mkdir(parents=True, exist_ok=True)
        # Fetched aside and then moved, so that what an interrupted or a second download does is never taken
        # for whole.
        with tempfile.TemporaryDirectory(dir=root, prefix="download-") as aside:
            from torchvision.datasets import FashionMNIST

            socket.setdefaulttimeout(NETWORK_TIMEOUT)
            # torchvision prints what it does; standard output is for results.
            with contextlib.redirect_stdout(sys.stderr):
                FashionMNIST(aside, download=True)
            target = root / "FashionMNIST" / "raw"
            target.mkdir(parents=True, exist_ok=True)
            for name in ARCHIVES:
                shutil.move(Path(aside) / "FashionMNIST" / "raw" / f"{name}.gz", target / f"{name}.gz")
    except (OSError, RuntimeError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise _Unusable(reason) from error
    finally:
        socket.setdefaulttimeout(patience)
