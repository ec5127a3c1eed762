"""Runs a group's script or notebook as it is, with the data where it looks for it, and takes what it saved.

Where torchvision looks: uncompressed files below `data/FashionMNIST/raw` keep it from downloading, whatever folder the
script names. Where Keras looks: `~/.keras/datasets/fashion-mnist`. Of the training images the last sixth stands in for
the test images, which no training may see.
"""

from __future__ import annotations

import _thread
import contextlib
import gzip
import os
import runpy
import shutil
import signal
import struct
import sys
import threading
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path
from types import ModuleType

import numpy as np

from harness.worker.explain import RefusalError
from harness.worker.notebooks import cells_of, chosen, remember
from harness.worker.saved import files_below, read_files

__all__ = ["run_script"]

WEIGHTS = frozenset({".pt", ".pth", ".safetensors", ".ckpt", ".h5", ".keras", ".npz", ".pkl"})
HELD_OUT = 6            # one image of so many stands in for the test images


def run_script(
    folder: Path, place: Path, script: str, *, cells: Sequence[int | str], keep: Sequence[str], images: np.ndarray,
    labels: np.ndarray, seconds: float,
) -> dict[str, np.ndarray]:
    """Run `script` in a copy of the hand-in, and give the files that it saved.

    Args:
        folder: of the hand-in; it stays as it is.
        place: an empty folder, where the copy is made that the script runs in; the home of this process.
        script: a .py or .ipynb file below it.
        cells: of a notebook, by number or tag; empty for all.
        keep: paths or patterns, from where the script runs, of what it saves.
        images: training images (N, 28, 28) uint8.
        labels: their classes (N,).
        seconds: after these, the script is interrupted, and what it saved until then is taken.

    Returns:
        Path -> bytes (n,) uint8 of each saved file.

    Raises:
        RefusalError: the script is not there, or nothing was saved where it should be.
        BaseException: whatever the script raises.

    """
    _copy(folder, place)
    _lay_out_data(place, images, labels)
    over = threading.Event()
    try:
        with _at_home(place / script, place), _interrupted_after(seconds, over):
            if script.endswith(".ipynb"):
                _run_notebook(place / script, script, cells)
            else:
                runpy.run_path(str(place / script), run_name="__main__")
    except KeyboardInterrupt:
        if not over.is_set():
            raise
    except SystemExit as done:
        if done.code not in {None, 0}:
            raise
    how = f"was stopped after {seconds:.0f} seconds" if over.is_set() else "ended"
    return _saved(place, keep, script, how=how)


def _copy(folder: Path, place: Path) -> None:
    shutil.copytree(folder, place, dirs_exist_ok=True)
    for entry in [place, *place.rglob("*")]:    # the copy of a hand-in is read-only
        if not entry.is_symlink():
            entry.chmod(0o755 if entry.is_dir() else 0o644)


def _lay_out_data(place: Path, images: np.ndarray, labels: np.ndarray) -> None:
    held = len(images) // HELD_OUT
    splits = {"train": slice(None, -held), "t10k": slice(-held, None)}
    raw = place / "data" / "FashionMNIST" / "raw"
    keras = Path.home() / ".keras" / "datasets" / "fashion-mnist"
    for where in (raw, keras):
        try:
            where.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise RefusalError(
                f"the images are put into {where.relative_to(place)}, but a part of that is a file of the hand-in",
                hint="give that file another name") from error
    for split, part in splits.items():
        for name, array in (("images-idx3", images[part]), ("labels-idx1", labels[part])):
            data = _idx(array)
            (raw / f"{split}-{name}-ubyte").write_bytes(data)
            (keras / f"{split}-{name}-ubyte.gz").write_bytes(gzip.compress(data, 1))
    _point_torchvision_to(raw)


def _idx(array: np.ndarray) -> bytes:
    """Write the format of the MNIST files: magic number, lengths (big-endian), bytes."""
    head = struct.pack(f">I{array.ndim}I", 0x0800 + array.ndim, *array.shape)
    return head + array.astype(np.uint8).tobytes()


def _point_torchvision_to(raw: Path) -> None:
    """Let FashionMNIST find its files whatever root the script names, from any folder."""
    try:
        from torchvision.datasets import FashionMNIST
    except ImportError:     # a script for another library
        return
    FashionMNIST.raw_folder = property(lambda _: str(raw))


@contextlib.contextmanager
def _at_home(script: Path, place: Path) -> Iterator[None]:
    """Be where a group ran it: in the script's folder, with that first on the path and no window to draw in."""
    os.chdir(script.parent)
    sys.path[:0] = [str(script.parent), str(place)]
    sys.argv = [str(script)]
    os.environ.setdefault("WANDB_MODE", "disabled")
    try:
        yield
    finally:
        os.chdir(place)


@contextlib.contextmanager
def _interrupted_after(seconds: float, over: threading.Event) -> Iterator[None]:
    def interrupt() -> None:
        over.set()
        if hasattr(signal, "pthread_kill"):     # a signal also ends a sleep or a wait, which a mere flag does not
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        else:
            _thread.interrupt_main()

    timer = threading.Timer(max(seconds, 0.0), interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()        # an interrupt that is on its way comes here, and not where files are taken


def _run_notebook(path: Path, shown: str, cells: Sequence[int | str]) -> None:
    """Run the cells one by one in one module, as Jupyter does."""
    main = ModuleType("__main__")
    main.__file__ = str(path)
    vars(main).update(display=print, get_ipython=lambda: None)
    sys.modules["__main__"] = main      # what is pickled there is found again by its name
    for cell in chosen(cells_of(path), cells, shown):
        remember(cell)
        exec(compile(cell.source, cell.filename, "exec"), vars(main))      # noqa: S102 - the group's, in its box


def _saved(place: Path, keep: Sequence[str], script: str, *, how: str) -> dict[str, np.ndarray]:
    """Take the files that the manifest names, wherever below the place the script wrote them."""
    found: dict[str, Path] = {}
    home = (place / script).parent
    for base in dict.fromkeys((home, place)):
        for name, path in files_below(base).items():
            if any(fnmatch(name, one) or name.startswith(f"{one}/") for one in keep):
                found.setdefault(name, path)
    if not found:
        written = [name for name, path in files_below(place).items() if path.suffix in WEIGHTS]
        raise RefusalError(
            f"{script} {how}, and had saved no file {', '.join(keep)}",
            hint="save while training, if it takes long; else correct `checkpoint` in submission.yaml; it wrote: "
                 + (", ".join(written[:20]) or "no weights"))
    return read_files(found, by=script)
