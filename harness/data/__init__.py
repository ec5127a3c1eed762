"""Fashion-MNIST through torchvision, and `garments`, a stand-in drawn by the program."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from harness.data.dataset import CLASSES, Dataset, Split, cache_folder, hash_of
from harness.data.drawn import garments
from harness.data.fashion import fashion_mnist
from harness.errors import UserError

__all__ = ["CLASSES", "Dataset", "Split", "cache_folder", "fashion_mnist", "garments", "hash_of", "load"]


def load(
    name: str = "fashion-mnist",
    *,
    folder: Path | None = None,
    download: bool = True,
    progress: Callable[[str], None] | None = None,
) -> Dataset:
    """Give the data set of this name: "fashion-mnist" or "garments".

    Fashion-MNIST is looked for in `folder`, in the folder that the environment variable HARNESS_DATA names
    and in `cache_folder()`, and is downloaded there where `download` allows it. Nothing but its name gives
    `garments`.

    Args:
        name: which data set.
        folder: where to look for Fashion-MNIST first (`--data`).
        download: whether it may be fetched from the network.
        progress: called with a sentence when something slow begins.

    Raises:
        UserError: there is no data set of that name, or Fashion-MNIST could not be had from anywhere.

    """
    if name == "fashion-mnist":
        return fashion_mnist(folder=folder, download=download, progress=progress)
    if name == "garments":
        return garments()
    raise UserError(f"There is no data set {name!r}: choose fashion-mnist or garments.")
