"""From the job's `source` to a model that answers: import, construction, checkpoint."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import random
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from harness.contract import GenerativeModel, load_weights
from harness.worker.explain import RefusalError

__all__ = ["as_one_module", "load_model", "networks", "own_method", "seed_everything"]

WEIGHTS = (".safetensors", ".pt", ".pth", ".ckpt", ".bin")


def seed_everything(seed: int) -> None:
    """Seed every generator that a group's code may draw from without saying so."""
    random.seed(seed)
    np.random.seed(seed % 2**32)    # noqa: NPY002 - the legacy generator is what student code draws from
    torch.manual_seed(seed)


def load_model(source: str, *, folder: Path, arguments: Mapping[str, Any], checkpoint: Path | None,
               device: str) -> Any:
    """Import `source` from `folder`, construct the model and load its checkpoint.

    Raises:
        RefusalError: file, class or checkpoint is missing or does not fit.
        BaseException: whatever the group's code raises.

    """
    where, _, name = source.rpartition(":")
    module = _import(where, folder)
    model = _construct(_find_class(module, name, where), arguments)
    if checkpoint is not None:
        _adopt_main(module)
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


def _import(where: str, folder: Path) -> ModuleType:
    if not where.endswith(".py"):
        return _import_by_name(where, folder)
    path = folder / where
    if not path.is_file():
        raise RefusalError(f"there is no file {where} in the hand-in", hint=_python_files(folder))
    if str(path.parent) not in sys.path:
        sys.path.insert(1, str(path.parent))    # as `python src/model.py` would
    name = path.stem if path.stem not in sys.modules else f"hand_in_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise RefusalError(f"{where} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _import_by_name(where: str, folder: Path) -> ModuleType:
    try:
        return importlib.import_module(where)
    except ModuleNotFoundError as error:
        if error.name and (where == error.name or where.startswith(error.name + ".")):
            raise RefusalError(
                f"there is no module {where} in the hand-in", hint=_python_files(folder)) from error
        raise


def _python_files(folder: Path) -> str:
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.py"))
    return "Python files there: " + (", ".join(files[:20]) or "none")


def _find_class(module: ModuleType, name: str, where: str) -> type:
    found = getattr(module, name, None)
    if isinstance(found, type):
        return found
    classes = [key for key, value in vars(module).items()
               if isinstance(value, type) and value.__module__ == module.__name__]
    what = "is not a class" if found is not None else "is not there"
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
