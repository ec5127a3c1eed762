"""What the reference models measure, to stand beside the same measurements of a hand-in or a class."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel

from harness import documents
from harness.course import Course
from harness.errors import UserError
from harness.records import ModelResult

__all__ = ["NAME", "all_values", "beside", "reference_values"]

NAME = "reference VAE"
_CARD = "vae.yaml"


class _Value(BaseModel):
    value: float
    sample_size: int


class _Trained(BaseModel):
    data_hash: str


class _Card(BaseModel):
    """As much of a model card as is needed here; `harness.bench.cards` has the whole."""

    budget: str = ""
    judge_hash: str = ""
    trained: _Trained
    measured: dict[str, _Value] = {}


def reference_values(
    course: Course, *, data_hash: str, budget: str, judge_hash: str,
) -> Mapping[str, tuple[float, int]]:
    """Give measurement -> value and sample size of the reference VAE; empty where its card was measured otherwise.

    A card of other data, another budget or other judges says nothing about these numbers.
    """
    card = _read(course.models / "cards" / _CARD)
    if card is None or (card.trained.data_hash, card.budget, card.judge_hash) != (data_hash, budget, judge_hash):
        return {}
    return {name: (one.value, one.sample_size) for name, one in card.measured.items()}


def all_values(course: Course, data_hash: str, budget: str, judge_hash: str) -> dict[str, dict[str, float]]:
    """Give model -> measurement -> value of every reference model that was measured in this way."""
    found = {}
    for path in sorted((course.models / "cards").glob("*.yaml")):
        card = _read(path)
        if card and (card.trained.data_hash, card.budget, card.judge_hash) == (data_hash, budget, judge_hash):
            found[path.stem] = {name: one.value for name, one in card.measured.items()}
    return found


def beside(model: ModelResult, values: Mapping[str, tuple[float, int]]) -> ModelResult:
    """Put the reference beside each measurement that was made of as many images or samples."""
    measurements = {
        name: one.model_copy(update={"baselines": {**one.baselines, NAME: values[name][0]}})
        if name in values and values[name][1] == one.sample_size else one
        for name, one in model.measurements.items()
    }
    return model.model_copy(update={"measurements": measurements})


@lru_cache(maxsize=64)
def _read(path: Path) -> _Card | None:
    try:
        return documents.read(path, _Card)
    except UserError:       # no card, or one that is being written: a grade does not depend on it
        return None
