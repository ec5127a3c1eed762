"""From the job's `source` to a model that answers: construction, checkpoint, adapter."""

from __future__ import annotations

import difflib
import inspect
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from harness.contract import GenerativeModel, load_weights
from harness.worker import keras_models, tensors
from harness.worker.definitions import left_out_of
from harness.worker.explain import RefusalError
from harness.worker.keras_layers import inherited, is_keras, is_keras_class
from harness.worker.sources import import_source

__all__ = [
    "as_one_module", "count_parameters", "keras_networks", "load_model", "modules", "own_method", "seed_everything",
]

WEIGHTS = (".safetensors", ".pt", ".pth", ".ckpt", ".bin")


def seed_everything(seed: int) -> None:
    """Seed every generator that a group's code may draw from without saying so."""
    random.seed(seed)
    np.random.seed(seed % 2**32)    # noqa: NPY002 - the legacy generator is what student code draws from
    tensors.seed(seed)


def load_model(
    source: str, *, folder: Path, arguments: Mapping[str, Any], checkpoint: Path | Mapping[str, Path] | None,
    device: str, definitions_only: bool | None = None, cells: Sequence[int | str] = (), blank: Any = None,
) -> Any:
    """Import `source` from `folder`, construct the model and load its checkpoint.

    Args:
        source: "file.py:Class", "module:Class" or "notebook.ipynb:Class"; instead of a class, an object that is made
            there; without a name, the module itself, whose global networks are the model.
        folder: of the hand-in.
        arguments: of the class's constructor.
        checkpoint: a file or folder; or one for each network, by its dotted name.
        device: where the networks are to be.
        definitions_only: as `import_source` has it.
        cells: likewise.
        blank: an input in the form that the model takes, for models of Keras that make their weights at the first.

    Raises:
        RefusalError: file, class or checkpoint is missing or does not fit.
        BaseException: whatever the group's code raises.

    """
    where, _, name = source.rpartition(":") if ":" in source else (source, "", "")
    module = import_source(where, folder, definitions_only=definitions_only, cells=cells)
    found = _find(module, name, where) if name else module
    if _is_class_of_keras(found) and isinstance(checkpoint, Path) and keras_models.is_whole(checkpoint):
        return keras_models.load_whole(checkpoint, vars(module))    # it says itself how it is constructed
    model = _construct(found, arguments) if isinstance(found, type) else found
    if checkpoint is not None:
        _adopt_main(module)
        if keras_networks(model):
            keras_models.build(model, blank)
    if isinstance(checkpoint, Mapping):
        for part, file in checkpoint.items():
            _load_part(model, part, file, vars(module))
    elif checkpoint is not None:
        _load_checkpoint(model, checkpoint)
    for each in modules(model).values():
        each.to(device)
    return model


def modules(model: Any) -> dict[str, Any]:
    """Find the torch modules of a model by name: itself, or else those among its attributes.

    Also finds modules that a torch module holds in a plain list, where torch itself does not see them.
    """
    if tensors.is_module(model) and any(True for _ in model.parameters()):
        return {"": model}
    return {name: value for name, value in _members(model) if tensors.is_module(value)}


def keras_networks(model: object) -> dict[str, Any]:
    """Find the models of Keras by name: itself, or else those among its attributes that have weights."""
    if is_keras(model):
        return {"": model}
    return {name: value for name, value in _members(model)
            if is_keras(value) and hasattr(value, "load_weights")}


def networks(model: object) -> dict[str, Any]:
    """Find all networks, by name."""
    return {**modules(model), **keras_networks(model)}


def as_one_module(model: object) -> Any | None:
    """Give the torch module that holds all weights of a model: for saving and loading them; None if it has none."""
    parts = modules(model)
    if len(parts) <= 1:
        return next(iter(parts.values()), None)
    import torch

    return torch.nn.ModuleDict({name.replace(".", "_"): part for name, part in parts.items()})


def count_parameters(model: object) -> int | None:
    """Count the numbers that training changes; None where no network is found."""
    module = as_one_module(model)
    if module is not None:
        return int(sum(weight.numel() for weight in module.parameters() if weight.requires_grad))
    found = keras_networks(model)
    return keras_models.count_parameters(found) if found else None


def _members(model: object) -> Iterator[tuple[str, object]]:
    for name, value in vars(model).items() if hasattr(model, "__dict__") else ():
        yield name, value
        if not name.startswith("_") and isinstance(value, (list, tuple)):
            yield from ((f"{name}.{index}", item) for index, item in enumerate(value))
        elif not name.startswith("_") and isinstance(value, dict):
            yield from ((f"{name}.{key}", item) for key, item in value.items())


def own_method(model: object, name: str) -> Any:
    """Give the method if the group wrote it, else None."""
    written = getattr(type(model), name, None)
    if not callable(written) or written is getattr(GenerativeModel, name, None) or inherited(written):
        return None
    return getattr(model, name)


def _find(module: ModuleType, name: str, where: str) -> Any:
    """Give the class, or the object that is the model."""
    found = getattr(module, name, None)
    if isinstance(found, type) or tensors.is_module(found) or (found is not None and networks(found)):
        return found
    if place := left_out_of(name):
        if isinstance(place.error, ModuleNotFoundError):
            raise place.error
        raise RefusalError(
            f"{name} is made where only definitions are read: {place}",
            hint="name the class instead, or choose the cells that define it; `definitions: false` runs everything")
    classes = [key for key, value in vars(module).items()
               if isinstance(value, type) and value.__module__ == module.__name__]
    what = "is neither a class nor a network" if found is not None else "is not there"
    spelt = {one.lower(): one for one in classes}
    near = difflib.get_close_matches(name.lower(), spelt, n=1)
    remedy = (
        f'write source: "{where}:{spelt[near[0]]}" in submission.yaml; ' if near else "name one of them as source; ")
    raise RefusalError(
        f"{name} {what} in {where}",
        hint=(remedy if classes else "") + f"classes in {where}: " + (", ".join(classes) or "none"))


def _construct(kind: type, arguments: Mapping[str, Any]) -> Any:
    try:
        signature = inspect.signature(kind)
        signature.bind(**arguments)
    except ValueError:      # some classes have no signature that can be read
        pass
    except TypeError as error:
        raise RefusalError(
            f"{kind.__name__}{signature} cannot be called with the arguments of submission.yaml: {error}",
            hint="give them under `arguments` beside `source`, or give the parameters defaults",
        ) from error
    return kind(**arguments)


def _adopt_main(module: ModuleType) -> None:
    """Let pickled modules find their classes: a script's own classes are pickled as `__main__.Name`."""
    main = vars(sys.modules["__main__"])
    for name, value in vars(module).items():
        if isinstance(value, type):
            main.setdefault(name, value)


def _is_class_of_keras(found: object) -> bool:
    return isinstance(found, type) and is_keras_class(found)


def _load_checkpoint(model: Any, checkpoint: Path) -> None:
    own = own_method(model, "load")
    if not checkpoint.exists():
        raise RefusalError(
            f"there is no checkpoint {checkpoint.name}", hint="name a file of the hand-in in submission.yaml")
    if checkpoint.is_dir():
        if own is not None:
            own(checkpoint)
            return
        parts = {name: checkpoint / keras_models.file_of(name) for name in keras_networks(model)}
        if parts and all(file.is_file() for file in parts.values()):    # as they are saved after `fit`
            for name, file in parts.items():
                keras_models.load_weights(keras_networks(model)[name], file, name)
            return
        checkpoint = _only_file(model, checkpoint)
    if checkpoint.suffix in WEIGHTS or (checkpoint.name.endswith(keras_models.FILES) and own is None):
        _load_file(model, checkpoint)
    elif own is not None:
        own(checkpoint.parent)
    else:
        raise RefusalError(
            f"the checkpoint {checkpoint.name} is of no kind that can be read ({', '.join(WEIGHTS)}; of Keras "
            f"{', '.join(keras_models.FILES)})",
            hint="save with safetensors.torch.save_file(model.state_dict(), path), or write save and load")


def _only_file(model: Any, folder: Path) -> Path:
    """Find the file of weights in a folder."""
    if keras_models.is_whole(folder):
        names = ", ".join(keras_networks(model)) or "none"
        raise RefusalError(
            f"the checkpoint {folder.name} is a whole model, and it is not said which of the code's it is",
            hint=f"write `checkpoint: {{encoder: FOLDER, decoder: FOLDER}}` in submission.yaml; its models: {names}")
    endings = (*WEIGHTS, *keras_models.FILES)
    found = sorted(path for path in folder.iterdir() if path.name.endswith(endings))
    if len(found) != 1:
        raise RefusalError(
            f"the checkpoint folder {folder.name} holds {len(found)} files of weights instead of one",
            hint="name the file in submission.yaml, or write a method load(self, folder)")
    return found[0]


def _load_part(model: Any, part: str, file: Path, namespace: Mapping[str, Any]) -> None:
    """Load one network of several, by its dotted name; a whole model of Keras where the code does not make it."""
    owner, network = None, model
    *_, last = steps = part.split(".")
    for step in steps:
        owner, network = network, _step(network, step)
    if not file.exists():
        raise RefusalError(f"there is no checkpoint {file.name}", hint="name a file of the hand-in in submission.yaml")
    if (network is None or file.is_dir()) and keras_models.is_whole(file):
        setattr(owner, last, keras_models.load_whole(file, namespace))
        return
    if not tensors.is_module(network) and not is_keras(network):
        raise RefusalError(
            f"submission.yaml gives weights for {part}, which is no network of the model",
            hint=f"its networks: {', '.join(networks(model)) or 'none'}")
    _load_file(network, file, part)


def _step(owner: Any, name: str) -> Any:
    """Give a part of a model by its name or place; None where it is not there."""
    if name.isdecimal():
        try:
            return owner[int(name)]
        except (IndexError, KeyError, TypeError):
            return None
    found = getattr(owner, name, None)
    return keras_models.sub_network(owner, name) if found is None else found


def _load_file(model: Any, file: Path, name: str = "") -> None:
    if file.name.endswith(keras_models.FILES):
        _load_keras(model, file, name)
        return
    target = as_one_module(model)
    if target is None:
        raise RefusalError(
            f"{type(model).__name__} has no torch modules that {file.name} could be loaded into",
            hint="write a method load(self, folder) that reads the checkpoint")
    try:
        load_weights(target, file)
    # Files of torch.save run code of their own: whatever it raises, the group is told which file it was.
    except Exception as error:
        raise RefusalError(
            f"the checkpoint {file.name} cannot be loaded: {error}",
            hint="save with safetensors.torch.save_file(model.state_dict(), path), from the class and the arguments "
                 "that submission.yaml names",
        ) from error


def _load_keras(model: Any, file: Path, name: str) -> None:
    found = keras_networks(model)
    if not found:
        raise RefusalError(
            f"the checkpoint {file.name} is of Keras, and {type(model).__name__} is no model of Keras",
            hint=f"of other models, these can be read: {', '.join(WEIGHTS)}; or write save and load")
    if len(found) > 1:
        raise RefusalError(
            f"{file.name} is one file for {len(found)} models of Keras ({', '.join(found)})",
            hint="write `checkpoint: {encoder: FILE, decoder: FILE}` in submission.yaml")
    ((own_name, network),) = found.items()
    keras_models.load_weights(network, file, name or own_name)
