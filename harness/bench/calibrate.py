"""Writing the anchors of a rubric from what reference models measure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import yaml

from harness.course import Course
from harness.errors import UserError
from harness.records import BenchResult, Measurement
from harness.rubric import Anchor, Calibration, Criterion, Rubric
from harness.scaffold import model_names

__all__ = ["Calibrated", "calibrate", "models_needed"]

DIGITS = 3
"""Significant digits of an anchor: more than the intervals support would only look exact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """A rubric's new text, and what changed: criterion -> anchor -> (old, new)."""

    text: str
    changes: dict[str, dict[str, tuple[float, float]]]


def models_needed(course: Course, rubric: Rubric) -> list[str]:
    """List the reference models that the rubric's anchors are taken from.

    Raises:
        UserError: it names one that there is not, or takes no anchor from any.

    """
    named = {one.full_from: one.id for one in _calibrated(rubric) if one.full_from}
    if not named:
        raise UserError(
            f"rubrics/{rubric.assignment}.yaml: no criterion says `full_from: NAME`, so nothing is to be calibrated; "
            "name a reference model beside an anchor, such as `full_from: vae`")
    known = model_names(course)
    for name, criterion in named.items():
        if name not in known:
            raise UserError(
                f"rubrics/{rubric.assignment}.yaml: {criterion}: there is no reference model {name}; "
                f"there are: {', '.join(known)}")
    return sorted(named)


def calibrate(text: str, rubric: Rubric, result: BenchResult) -> Calibrated:
    """Write measured anchors into the text of a rubric; comments and order stay as they are.

    Args:
        text: the file.
        rubric: what it says.
        result: a benchmark that has the models of `models_needed`.

    Raises:
        UserError: a model lacks the measurement, or the measurement the baseline.

    """
    models = {row.name: row.model.measurements for row in result.rows}
    none: dict[str, Anchor] = {}
    full: dict[str, Anchor] = {}
    changes: dict[str, dict[str, tuple[float, float]]] = {}
    for one in _calibrated(rubric):
        found = _anchors(one, models)
        none |= {one.id: found["none"]} if "none" in found else {}
        full |= {one.id: found["full"]} if "full" in found else {}
        for which, anchor in found.items():
            new = float(f"{anchor.value:.{DIGITS}g}")
            text = _with_anchor(text, one.id, which, new)
            old = one.none if which == "none" else one.full
            if old is not None and float(old) != new:
                changes.setdefault(one.id, {})[which] = (float(old), new)
    calibration = Calibration(
        command=f"harness calibrate rubrics/{rubric.assignment}.yaml", created=result.created[:10],
        data=f"{result.data} {result.data_hash[:12]}", judge_hash=result.judge_hash[:12], seed=result.seed,
        budget=result.budget, none=none, full=full,
    )
    return Calibrated(text=_with_section(text, calibration), changes=changes)


def _calibrated(rubric: Rubric) -> Iterable[Criterion]:
    return [one for one in rubric.practice.criteria if one.full_from or one.none_from]


def _anchors(one: Criterion, models: Mapping[str, Mapping[str, Measurement]]) -> dict[str, Anchor]:
    """Look up what a criterion's anchors are, each where it is to be calibrated."""
    assert one.measurement is not None  # noqa: S101 - the rubric's own check
    name = one.measurement.partition(".")[2]
    of = one.full_from
    if not of:
        raise UserError(f"{one.id}: `none_from` needs `full_from`: the baseline is measured beside that model")
    measured = models.get(of, {}).get(name)
    if measured is None:
        raise UserError(f"{one.id}: the reference model {of} has no measurement {name}; take another `full_from`")
    found = {"full": Anchor(
        of=of, measurement=name, value=measured.value, interval=measured.interval, sample_size=measured.sample_size)}
    if one.none_from:
        if one.none_from not in measured.baselines:
            raise UserError(
                f"{one.id}: {name} has no baseline {one.none_from!r}; "
                f"there are: {', '.join(measured.baselines) or 'none'}")
        found["none"] = Anchor(
            of=of, baseline=one.none_from, measurement=name, value=measured.baselines[one.none_from],
            sample_size=measured.sample_size)
    return found


def _with_anchor(text: str, criterion: str, which: str, value: float) -> str:
    """Exchange the number of one anchor of one criterion, in the block that begins with its id."""
    begin = re.search(rf"^(?P<indent> *)- id: *[\"']?{re.escape(criterion)}[\"']? *(#.*)?$", text, re.MULTILINE)
    if begin is None:
        raise UserError(
            f"{criterion}: its block does not begin with `- id: {criterion}` on a line of its own; write it so")
    rest = text[begin.end():]
    after = re.search(rf"^(?:{begin['indent']}- |\S)", rest, re.MULTILINE)
    block = rest[:after.start()] if after else rest
    changed, count = re.subn(
        rf"^(?P<before> +{which}: *)[^#\s]+", lambda found: f"{found['before']}{value:g}", block, flags=re.MULTILINE)
    if count != 1:
        raise UserError(f"{criterion}: its anchor `{which}:` is not on a line of its own; write it so")
    return text[:begin.end()] + changed + rest[len(block):]


def _with_section(text: str, calibration: Calibration) -> str:
    """Put the section `calibrated:` at the end, in place of an older one."""
    older = re.compile(r"^(?:# Written by `harness calibrate`.*\n)?calibrated:.*\Z", re.MULTILINE | re.DOTALL)
    section = yaml.safe_dump(
        {"calibrated": calibration.model_dump(mode="json", exclude_defaults=True)}, sort_keys=False, width=120)
    said = "# Written by `harness calibrate`: the measurements behind the anchors."
    return f"{older.sub('', text).rstrip()}\n\n{said}\n{section}"
