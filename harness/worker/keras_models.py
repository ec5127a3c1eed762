"""Keras models, of Keras 3 and of Keras 2 (tf_keras): found by what they descend from, and their weights.

Nothing here imports Keras before a group's code did. Weights come as `.weights.h5`, `.h5` or `.keras`, into the model
that the code makes; whole models as `.keras`, `.h5` or a folder of TensorFlow's SavedModel, which replace it. Whole
models run code when they are read: they are read only in the box.
"""

from __future__ import annotations

import contextlib
import io
import sys
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np

from harness.contract import posterior_mean
from harness.worker.explain import RefusalError
from harness.worker.keras_layers import is_keras
from harness.worker.tensors import as_arrays

__all__ = [
    "FILES", "build", "calls", "count_parameters", "file_of", "is_whole", "load_weights", "load_whole", "sub_network",
]

FILES = (".weights.h5", ".h5", ".hdf5", ".keras")
MOST_SHAPES = 6


def calls(network: Any) -> Callable[..., Any]:
    """Give the method that says which parameters calling a network takes."""
    written: Callable[..., Any] = network.call
    return written


def file_of(name: str) -> str:
    """Name the file that a network's weights are saved in after `fit`, by the network's dotted name."""
    return f"{name or 'model'}.weights.h5"


def sub_network(model: Any, name: str) -> Any:
    """Find a layer of a model by the name that it was given, as `encoder` in `Model(..., name="encoder")`; or None."""
    if is_keras(model) and hasattr(model, "get_layer"):
        with contextlib.suppress(ValueError):
            return model.get_layer(name)
    return None


def count_parameters(networks: Mapping[str, Any]) -> int:
    """Count the trainable numbers of networks that may share some."""
    weights = {id(weight): weight for network in networks.values() for weight in network.trainable_weights}
    return int(sum(np.prod(tuple(weight.shape)) for weight in weights.values()))


def build(model: Any, blank: Any) -> None:
    """Let a model make its weights, which some do only when they see their first image.

    Args:
        model: of Keras, or what has an encoder and a decoder of Keras.
        blank: one image, or code, in the form that it takes.

    """
    # What is wrong with the model is told where it is asked; some have no `call`, but an encoder and a decoder.
    with contextlib.suppress(Exception):
        if is_keras(model) and not model.built:
            model(blank)
    with contextlib.suppress(Exception):
        encode = getattr(model, "encode", None) or model.encoder
        decode = getattr(model, "decode", None) or model.decoder
        decode(posterior_mean(as_arrays(encode(blank))))


def is_whole(file: Path) -> bool:
    """Whether a file or folder holds a whole model, and not only its weights."""
    if file.is_dir():
        return (file / "saved_model.pb").is_file()
    if file.suffix == ".keras":
        return True
    if file.suffix not in {".h5", ".hdf5"} or not file.is_file():
        return False
    import h5py

    with contextlib.suppress(OSError), h5py.File(file, "r") as opened:
        return "model_config" in opened.attrs
    return False


def load_whole(file: Path, namespace: Mapping[str, Any]) -> Any:
    """Load a whole model; classes and functions of the group's own are looked up in `namespace`.

    Raises:
        RefusalError: it cannot be loaded.

    """
    own = {name: value for name, value in namespace.items() if isinstance(value, (type, FunctionType))}
    library: Any = sys.modules.get("tf_keras") or _keras()
    try:
        if file.is_dir() and not library.__version__.startswith("2."):
            return _SavedModel(file)
        later = {} if library.__version__.startswith("2.") else {"safe_mode": False}
        return library.models.load_model(file, custom_objects=own, compile=False, **later)
    # Keras raises whatever the classes of a model raise.
    except Exception as error:
        raise RefusalError(
            f"the model {file.name} cannot be loaded: {_first(error)}",
            hint="save weights alone by model.save_weights(\"vae.weights.h5\"), beside code that makes the model",
        ) from error


def load_weights(model: Any, file: Path, name: str) -> None:
    """Load weights into a model that is made already.

    Args:
        model: of Keras.
        file: of weights, or of a whole model whose weights are taken.
        name: what the group calls the model.

    Raises:
        RefusalError: they do not fit; says by which arrays.

    """
    try:
        model.load_weights(str(file))
    # Keras raises many kinds of errors about files that do not fit.
    except Exception as error:
        differences = _differences(model, file)
        raise RefusalError(
            f"the checkpoint {file.name} does not fit {name or model.name}: {differences or _first(error)}",
            hint="save it by model.save_weights(\"vae.weights.h5\"), from the code and the arguments that "
                 "submission.yaml names",
        ) from error


def _keras() -> Any:
    import tensorflow

    return tensorflow.keras


class _SavedModel:
    """A folder that Keras 3 wrote by `export`, or Keras 2 by `save`, and that Keras 3 does not read as a model."""

    def __init__(self, folder: Path) -> None:
        import tensorflow

        self._loaded = tensorflow.saved_model.load(str(folder))     # kept: its functions do not hold its variables
        self._tensor = tensorflow.constant
        self._signature = self._loaded.signatures["serving_default"]

    def __call__(self, images: Any) -> Any:
        """Ask its only input for all outputs."""
        ((name, _),) = self._signature.structured_input_signature[1].items()
        outputs = list(self._signature(**{name: self._tensor(images)}).values())
        return outputs if len(outputs) > 1 else outputs[0]


def _first(error: BaseException) -> str:
    return " ".join(str(error).split("\n\n")[0].split()) or type(error).__name__


def _differences(model: Any, file: Path) -> str:
    """Say which arrays are in the file or in the model only, by their shapes: names differ between formats."""
    saved = _shapes_in(file)
    if saved is None:
        return ""
    wanted = Counter(tuple(weight.shape) for weight in model.weights)
    if not wanted:
        return "the model has no weights before it has seen an image; call it once where it is made"
    groups = {"not in the file": wanted - saved, "not in the model": saved - wanted}
    return "; ".join(
        f"{title}: arrays of {', '.join(map(str, list(shapes.elements())[:MOST_SHAPES]))}"
        + (f" and {shapes.total() - MOST_SHAPES} more" if shapes.total() > MOST_SHAPES else "")
        for title, shapes in groups.items() if shapes)


def _shapes_in(file: Path) -> Counter[tuple[int, ...]] | None:
    """Count the shapes of a file's arrays, without those of its optimizer; None where it cannot be read."""
    import h5py

    found: Counter[tuple[int, ...]] = Counter()

    def note(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and "optimizer" not in name and "seed_generator" not in name:
            found[tuple(item.shape)] += 1

    try:
        source: Any = file
        if file.suffix == ".keras":
            with zipfile.ZipFile(file) as archive:
                source = io.BytesIO(archive.read("model.weights.h5"))
        with h5py.File(source, "r") as opened:
            opened.visititems(note)
    except (OSError, KeyError, zipfile.BadZipFile):
        return None
    return found
