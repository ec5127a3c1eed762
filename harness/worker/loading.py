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
import torch

from harness.contract import GenerativeModel, load_weights
from harness.worker.definitions import left_out_of
from harness.worker.explain import RefusalError
from harness.worker.sources import import_source

__all__ = ["as_one_module", "load_model", "networks", "own_method", "seed_everything"]

WEIGHTS = (".safetensors", ".pt", ".pth", ".ckpt", ".bin")


def seed_everything(seed: int) -> None:
    """Seed every generator that a group's code may draw from without saying so."""
    random.seed(seed)
    np.random.seed(seed % 2**32)    # noqa: NPY002 - the legacy generator is what student code draws from
    torch.manual_seed(seed)


def load_model(
    source: str, *, folder: Path, arguments: Mapping[str, Any], checkpoint: Path | Mapping[str, Path] | None,
    device: str, definitions_only: bool | None = None, cells: Sequence[int | str] = (),
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

    Raises:
        RefusalError: file, class or checkpoint is missing or does not fit.
        BaseException: whatever the group's code raises.

    """
    where, _, name = source.rpartition(":") if ":" in source else (source, "", "")
    module = import_source(where, folder, definitions_only=definitions_only, cells=cells)
    found = _find(module, name, where) if name else module
    model = _construct(found, arguments) if isinstance(found, type) else found
    if checkpoint is not None:
        _adopt_main(module)
    if isinstance(checkpoint, Mapping):
        for part, file in checkpoint.items():
            _load_part(model, part, file)
    elif checkpoint is not None:
        _load_checkpoint(model, checkpoint)
    for network in networks(model).values():
        network.to(device)
    return model


def networks(model: object) -> dict[str, torch.nn.Module]:
    """Find the torch modules of a model by name: itself, or else those among its attributes.

    Also finds modules that a torch module holds in a plain list, where torch itself does not see them.
    """
    if isinstance(model, torch.nn.Module) and any(True for _ in model.parameters()):
        return {"": model}
    return {name: value for name, value in _members(model) if isinstance(value, torch.nn.Module)}


def as_one_module(model: object) -> torch.nn.Module | None:
    """Give the module that holds all weights of a model: for saving and loading them; None if it has none."""
    parts = networks(model)
    if len(parts) <= 1:
        return next(iter(parts.values()), None)
    return torch.nn.ModuleDict({name.replace(".", "_"): part for name, part in parts.items()})


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
    if not callable(written) or written is getattr(GenerativeModel, name, None):
        return None
    return getattr(model, name)


def _find(module: ModuleType, name: str, where: str) -> Any:
    """Give the class, or the object that is the model."""
    found = getattr(module, name, None)
    if isinstance(found, (type, torch.nn.Module)) or (found is not None and networks(found)):
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


def _load_checkpoint(model: Any, checkpoint: Path) -> None:
    own = own_method(model, "load")
    if not checkpoint.exists():
        raise RefusalError(
            f"there is no checkpoint {checkpoint.name}", hint="name a file of the hand-in in submission.yaml")
    if checkpoint.is_dir():
        if own is not None:
            own(checkpoint)
            return
        found = sorted(path for path in checkpoint.iterdir() if path.suffix in WEIGHTS)
        if len(found) != 1:
            raise RefusalError(
                f"the checkpoint folder {checkpoint.name} holds {len(found)} files of weights instead of one",
                hint="name the file in submission.yaml, or write a method load(self, folder)")
        checkpoint = found[0]
    if checkpoint.suffix not in WEIGHTS and own is not None:
        own(checkpoint.parent)
    elif checkpoint.suffix not in WEIGHTS:
        raise RefusalError(
            f"the checkpoint {checkpoint.name} is of no kind that can be read ({', '.join(WEIGHTS)})",
            hint="save with safetensors.torch.save_file(model.state_dict(), path), or write save and load")
    else:
        _load_file(model, checkpoint)


def _load_part(model: Any, part: str, file: Path) -> None:
    """Load one network of several, by its dotted name."""
    network = model
    for step in part.split("."):
        try:
            network = network[int(step)] if step.isdecimal() else getattr(network, step)
        except (AttributeError, IndexError, KeyError, TypeError):
            network = None
    if not isinstance(network, torch.nn.Module):
        raise RefusalError(
            f"submission.yaml gives weights for {part}, which is no network of the model",
            hint=f"its networks: {', '.join(networks(model)) or 'none'}")
    if not file.exists():
        raise RefusalError(f"there is no checkpoint {file.name}", hint="name a file of the hand-in in submission.yaml")
    _load_file(network, file)


def _load_file(model: Any, file: Path) -> None:
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
