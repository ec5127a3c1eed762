"""Who takes part: reference models, made into hand-ins like any group's, and hand-ins themselves."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from harness.course import Course
from harness.errors import UserError
from harness.scaffold import model_names, new_submission

__all__ = ["Contender", "as_hand_in", "contenders"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One line of the benchmark.

    Attributes:
        name: what the table calls it.
        model: name of the reference model; empty for a hand-in.
        folder: the hand-in's folder; None for a reference model, which is made into one.
        arguments: of the reference model's constructor.

    """

    name: str
    model: str = ""
    folder: Path | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)


def contenders(course: Course, names: list[str]) -> list[Contender]:
    """Take each name for a reference model or for the folder of a hand-in; all reference models where there is none.

    A reference model may be followed by arguments of its constructor that leave the weights as they are, so that one
    set of weights can be measured under several: `guided_diffusion:scale=2`, `biggan:truncation=0.5`.

    Raises:
        UserError: a name is neither, or arguments are written wrongly.

    """
    known = model_names(course)
    found = []
    for name in names or known:
        folder = Path(name)
        model, colon, written = name.partition(":")
        if model in known:
            found.append(Contender(
                name=f"{model}, {written}" if colon else model, model=model,
                arguments=_arguments(name, written) if colon else {}))
        elif folder.is_dir():
            found.append(Contender(name=folder.resolve().name, folder=folder))
        else:
            raise UserError(
                f"{name} is neither a reference model nor the folder of a hand-in; the models are {', '.join(known)}")
    return found


def _arguments(name: str, written: str) -> dict[str, Any]:
    """Read `key=value,key=value`, each value as YAML reads it."""
    found = {}
    for part in written.split(","):
        key, equals, value = part.partition("=")
        if not equals or not key.strip().isidentifier():
            raise UserError(f"{name}: write arguments as NAME:key=value,key=value, such as guided_diffusion:scale=2")
        try:
            found[key.strip()] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise UserError(f"{name}: {value!r} is no value; write a number, a word or null") from None
    return found


def as_hand_in(
    course: Course, name: str, folder: Path, *, weights: Path | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> str:
    """Make a hand-in of a reference model, to be fitted, or loaded from its weights.

    Returns:
        Which model of the hand-in it is: "vae" or "other".

    """
    new_submission(folder, model=name, course=course, group=name)
    path = folder / "submission.yaml"
    manifest = yaml.safe_load(path.read_text(encoding="utf-8"))
    (slot, entry), = manifest["models"].items()
    if arguments:
        entry["arguments"] = dict(arguments)
    if weights is not None:
        shutil.copyfile(weights, folder / "weights.safetensors")
        entry |= {"route": "load", "checkpoint": "weights.safetensors"}
    path.write_text(yaml.safe_dump(manifest, sort_keys=False), encoding="utf-8")
    return str(slot)
