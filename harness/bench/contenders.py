"""Who takes part: reference models, made into hand-ins like any group's, and hand-ins themselves."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
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

    """

    name: str
    model: str = ""
    folder: Path | None = None


def contenders(course: Course, names: list[str]) -> list[Contender]:
    """Take each name for a reference model or for the folder of a hand-in; all reference models where there is none.

    Raises:
        UserError: a name is neither.

    """
    known = model_names(course)
    found = []
    for name in names or known:
        folder = Path(name)
        if name in known:
            found.append(Contender(name=name, model=name))
        elif folder.is_dir():
            found.append(Contender(name=folder.resolve().name, folder=folder))
        else:
            raise UserError(
                f"{name} is neither a reference model nor the folder of a hand-in; the models are {', '.join(known)}")
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
