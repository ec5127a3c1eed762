"""Model cards: what a shipped set of weights was trained on, for how long, on what machine, and what it measured."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.course import Course
from harness.errors import UserError
from harness.report.render import write_atomically

__all__ = ["Card", "Measured", "Training", "card_file", "load_card", "weights_file", "write_card"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Training(_Strict):
    """How the weights came about."""

    data: str                               # "fashion-mnist"
    data_hash: str
    images: int
    seed: int
    limit_seconds: float                    # what `fit` was given; it may end sooner
    seconds: float                          # of wall clock, from the start of the worker to the saved weights
    threads: int
    device: str
    machine: str
    torch: str
    command: str


class Measured(_Strict):
    """One measurement of the shipped weights."""

    value: float
    interval: tuple[float, float] | None = None
    unit: str
    sample_size: int                        # fewer samples than asked for, where drawing them takes long


class Card(_Strict):
    """The card of one model."""

    name: str
    source: str                             # "dcgan.py:DCGAN"
    parameters: int | None = None
    weights: str                            # file in reference_models/weights
    sha256: str
    numbers: str                            # "float16", "float32" or both
    trained: Training
    budget: str = ""
    judge_hash: str = ""
    measured: dict[str, Measured] = Field(default_factory=dict)
    told: dict[str, float] = Field(default_factory=dict)    # what the model's own `report` says
    note: str = ""                          # where it falls short, and why


def card_file(course: Course, name: str) -> Path:
    """Say where the card of a model lies."""
    return course.models / "cards" / f"{name}.yaml"


def weights_file(course: Course, name: str) -> Path:
    """Say where the weights of a model lie."""
    return course.models / "weights" / f"{name}.safetensors"


def load_card(course: Course, name: str) -> Card | None:
    """Read the card of a model; None where it has none.

    Raises:
        UserError: the file is no card.

    """
    path = card_file(course, name)
    if not path.is_file():
        return None
    try:
        return Card.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValidationError) as error:
        raise UserError(
            f"{path} is no model card ({str(error).splitlines()[0]}); write it anew by `harness bench {name} --train`"
        ) from error


def write_card(course: Course, card: Card) -> Path:
    """Write the card of a model, and give its path."""
    path = card_file(course, card.name)
    text = yaml.safe_dump(card.model_dump(mode="json"), sort_keys=False, width=120, allow_unicode=True)
    write_atomically(path, text, remedy="free space, or make the course folder writable")
    return path
