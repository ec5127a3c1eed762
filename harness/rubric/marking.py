"""Points with reasons, in exact fractions of the decimals that are written in a rubric and were measured."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple

from harness.contract import CAPABILITIES
from harness.quiz.exact import exact
from harness.records import (
    CriterionMark,
    Fault,
    HandIn,
    Marks,
    Measurement,
    ModelResult,
    Outcome,
    PartMarks,
    TheoryResult,
)
from harness.rubric.criteria import Criterion, Rubric

__all__ = ["mark", "points_for"]


def points_for(criterion: Criterion, value: float, *, step: Fraction | None) -> Fraction:
    """Give the points for a measured value: within [0, criterion.points], rounded to the step, halves up.

    Args:
        criterion: one with a measurement.
        value: what was measured; infinity counts as beyond the anchor on its side.
        step: what points are multiples of; None to leave them as they come out.

    Raises:
        ValueError: the value is not a number.

    """
    if math.isnan(value):
        raise ValueError("not a number")
    # An infinity is no fraction; a number past every anchor gets the same points.
    number = Fraction(repr(value)) if math.isfinite(value) else Fraction(10**12 if value > 0 else -(10**12))
    if criterion.none is None or criterion.full is None:
        return max((band.points for band in criterion.bands if band.reached(number)), default=Fraction(0))
    share = min(max((number - criterion.none) / (criterion.full - criterion.none), Fraction(0)), Fraction(1))
    points = share * criterion.points
    return points if step is None else _rounded(points, step)


def _rounded(points: Fraction, step: Fraction) -> Fraction:
    return math.floor(points / step + Fraction(1, 2)) * step


class _Given(NamedTuple):
    """A criterion's mark, and its points before they became a float."""

    mark: CriterionMark
    points: Fraction


def mark(rubric: Rubric, *, models: dict[str, ModelResult], theory: TheoryResult, hand_in: HandIn) -> Marks:
    """Give the points of a hand-in, each with its reason.

    What a person has to judge, what the model cannot do and what failed on our side is open: no points yet,
    but not lost either. A fault of the group's, and what was not handed in, has 0 points.
    """
    parts = [
        _part("theory", rubric.theory.title, rubric.theory.points, [_theory(rubric, theory)]),
        _part("practice", rubric.practice.title, rubric.practice.points, [
            _judged(criterion, hand_in) if criterion.person else _measured(criterion, models, rubric.step)
            for criterion in rubric.practice.criteria
        ]),
    ]
    return Marks(
        points=_total(part.points for part in parts), max_points=_total(part.max_points for part in parts),
        open_points=_total(part.open_points for part in parts), parts=parts,
    )


def _total(points: Iterable[float]) -> float:
    return float(sum((Fraction(repr(one)) for one in points), Fraction(0)))


_OPEN = {Outcome.NEEDS_PERSON, Outcome.ENVIRONMENT, Outcome.HARNESS_FAULT, Outcome.NOT_APPLICABLE}


def _part(identifier: str, title: str, points: Fraction, given: list[_Given]) -> PartMarks:
    return PartMarks(
        id=identifier, title=title, max_points=float(points), criteria=[one.mark for one in given],
        points=float(sum((one.points for one in given), Fraction(0))),
        open_points=_total(one.mark.max_points for one in given if one.mark.outcome in _OPEN),
    )


def _without_points(criterion: Criterion, outcome: Outcome, reason: str) -> _Given:
    points = None if outcome in _OPEN else 0.0
    return _Given(CriterionMark(
        id=criterion.id, title=criterion.title, outcome=outcome,
        points=points, max_points=float(criterion.points), reason=reason,
        measurement=criterion.measurement, ask=criterion.ask,
        none=_float(criterion.none), full=_float(criterion.full),
    ), Fraction(0))


def _float(number: Fraction | None) -> float | None:
    return None if number is None else float(number)


# --- the theory part


def _theory(rubric: Rubric, theory: TheoryResult) -> _Given:
    most = rubric.theory.points
    points = Fraction(0)
    reason = theory.explanation
    if theory.outcome is Outcome.SCORED and theory.points is not None:
        scaled = Fraction(repr(theory.points)) / exact(theory.max_points) * most
        points = _rounded(min(max(scaled, Fraction(0)), most), rubric.step)
        reason += f" Rounded to {float(points):g}." if points != scaled else ""
    elif theory.problems and theory.outcome is Outcome.SUBMISSION_FAULT:
        reason = f"{theory.problems[0]}. {reason}"
    flags = [
        f"{one.id} is contested, and an argument is given against the key: read it"
        for one in theory.statements if one.contested
    ]
    flags += [f"{one.id} could not be read" for one in theory.statements if _unreadable(one.verdict, theory)]
    return _Given(CriterionMark(
        id="statements", title="Statements", outcome=theory.outcome, max_points=float(most), reason=reason,
        points=None if theory.outcome in _OPEN else float(points), flags=flags,
    ), points)


def _unreadable(verdict: str, theory: TheoryResult) -> bool:
    return verdict == "unmarked" and theory.outcome is Outcome.SCORED


# --- what a person judges


def _judged(criterion: Criterion, hand_in: HandIn) -> _Given:
    wanted = {
        "report": (hand_in.report, "no report"), "code": (hand_in.code, "no link to the code"),
        "references": (hand_in.references, "no references"), None: (True, ""),
    }
    there, lacking = wanted[criterion.needs]
    if not there:
        return _without_points(criterion, Outcome.NOT_HANDED_IN, f"The hand-in has {lacking}.")
    reason = "A person gives these points."
    if criterion.needs == "report":
        if hand_in.pages is not None:
            reason += f" The report has {hand_in.pages} page{'s' if hand_in.pages != 1 else ''}."
        if hand_in.text_missing:
            reason += f" Nothing was found in it about: {', '.join(hand_in.text_missing)}."
    return _without_points(criterion, Outcome.NEEDS_PERSON, reason)


# --- what is measured


def _measured(criterion: Criterion, models: dict[str, ModelResult], step: Fraction) -> _Given:
    assert criterion.measurement is not None    # noqa: S101 - the validator of Criterion saw to it
    name, _, measured = criterion.measurement.partition(".")
    model = models.get(name)
    if model is None:
        return _without_points(criterion, Outcome.NOT_HANDED_IN, f"No model {name!r} was handed in.")
    measurement = model.measurements.get(measured)
    if measurement is None and model.outcome is Outcome.ENVIRONMENT:
        reason = f"{model.faults[0].message}. Nothing is deducted; a person decides."
        return _without_points(criterion, Outcome.ENVIRONMENT, reason)
    if measurement is None:
        return _without_points(criterion, *_why_not(model, measured))
    if math.isnan(measurement.value):
        reason = f"{measured} came out as no number, which is a fault of the harness and costs no points."
        return _without_points(criterion, Outcome.HARNESS_FAULT, reason)
    if _self_reported(measured):
        return _without_points(criterion, Outcome.NEEDS_PERSON, (
            f"The model says {measurement.value:.4g} {measurement.unit} of itself, which nothing checks: a person "
            "gives these points."))
    # A number can be good because the model cheats; the points stand, but a person is told.
    names = ", ".join(flag.name for flag in model.flags)
    suspicions = [f"the model is flagged: {names}"] if names else []
    return _scored(criterion, measurement, step, suspicions)


def _self_reported(measured: str) -> bool:
    from harness.metrics import METRICS

    return measured in METRICS and METRICS[measured].self_reported


def _scored(
    criterion: Criterion, measurement: Measurement, step: Fraction, suspicions: list[str],
) -> _Given:
    points = points_for(criterion, measurement.value, step=step)
    exact = None if criterion.bands else points_for(criterion, measurement.value, step=None)
    best = max(criterion.bands, key=lambda band: band.points, default=None)
    full = criterion.full if best is None else best.limit
    return _Given(CriterionMark(
        id=criterion.id, title=criterion.title, outcome=Outcome.SCORED, points=float(points),
        max_points=float(criterion.points), reason=_reason(criterion, measurement, points) + _rounding(exact, points),
        measurement=criterion.measurement, value=measurement.value, interval=measurement.interval,
        none=_float(criterion.none), full=_float(full),
        flags=_uncertain(criterion, measurement, points, step) + suspicions,
    ), points)


def _rounding(exact: Fraction | None, points: Fraction) -> str:
    """Say what the points were before rounding, where that changed them."""
    if exact is None or round(exact, 2) == points:
        return ""
    return f" Rounded from {float(exact):.2f}."


def _reason(criterion: Criterion, measurement: Measurement, points: Fraction) -> str:
    """Say the number, the anchors on either side of it, and the points."""
    value = f"{measurement.value:.4g} {measurement.unit}".rstrip()
    gives = f"{float(points):g} of {float(criterion.points):g} points"
    if criterion.none is None or criterion.full is None:
        return f"{value}: {_band_words(criterion, points)}; {gives}."
    none = f"{float(criterion.none):g} (no points{_comma(criterion.none_is)})"
    full = f"{float(criterion.full):g} (full points{_comma(criterion.full_is)})"
    wanted = f"{float(criterion.full):g}{_comma(criterion.full_is)}"
    up = criterion.full > criterion.none
    if measurement.value == float(criterion.none) or (measurement.value < criterion.none) == up:
        return f"{value}: no better than {none}; full points would take {wanted}; {gives}."
    if (measurement.value > criterion.full) == up and measurement.value != float(criterion.full):
        return f"{value}: better than {full}; {gives}."
    return f"{value}: between {none} and {full}; {gives}."


def _comma(text: str) -> str:
    return f", {text}" if text else ""


def _band_words(criterion: Criterion, points: Fraction) -> str:
    reached = [band for band in criterion.bands if band.points == points]
    band = reached[0] if reached else min(criterion.bands, key=lambda band: band.points)
    relation = "at most" if band.at_most is not None else "at least"
    return f"{'' if reached else 'not '}{relation} {float(band.limit):g}{_comma(band.is_)}"


def _uncertain(
    criterion: Criterion, measurement: Measurement, points: Fraction, step: Fraction,
) -> list[str]:
    """Flag points that could as well be others, given how uncertain the measurement is."""
    if measurement.interval is None or any(math.isnan(end) for end in measurement.interval):
        return []
    ends = sorted({points, *(points_for(criterion, end, step=step) for end in measurement.interval)})
    if len(ends) == 1:
        return []
    low, high = measurement.interval
    allowed = f"{float(ends[0]):g} to {float(ends[-1]):g} points"
    return [f"the 95% interval, {low:.4g} to {high:.4g}, allows {allowed}: a person should decide"]


_SPECIAL = frozenset(CAPABILITIES) - {"fit"}
"""Stages that concern only what needs them; a fault in another (fit, start) concerns every measurement."""


def _why_not(model: ModelResult, measured: str) -> tuple[Outcome, str]:
    """Tell whose fault it is that a measurement is not there, or that it is nobody's."""
    from harness.metrics import FAMILIES

    family = measured.partition(".")[0]
    needs = next((one.needs for one in FAMILIES if one.name == family), ())
    theirs = [one for one in model.faults if not one.ours]
    ours = [one for one in model.faults if one.ours]
    fault = _concerning(theirs, family, needs)
    if fault:
        return Outcome.SUBMISSION_FAULT, f"{fault.message} ({fault.kind} in {fault.stage})"
    fault = _concerning(ours, family, needs)
    if fault:
        return Outcome.HARNESS_FAULT, f"{fault.message} This is a fault of the harness and costs no points."
    if family in model.not_applicable:
        return Outcome.NOT_APPLICABLE, f"Not applicable: {model.not_applicable[family]}."
    if model.outcome is Outcome.SUBMISSION_FAULT:
        return Outcome.SUBMISSION_FAULT, theirs[0].message if theirs else "The model could not be run."
    if model.outcome is Outcome.HARNESS_FAULT:
        return Outcome.HARNESS_FAULT, "The harness could not measure this; it costs no points."
    return Outcome.NOT_APPLICABLE, f"Not applicable: {measured} is not measured for a model of this kind."


def _concerning(faults: list[Fault], family: str, needs: tuple[str, ...]) -> Fault | None:
    from harness.metrics import FAMILIES

    families = {one.name for one in FAMILIES}
    return next((
        one for one in faults
        if one.stage in {family, *needs} or (one.stage not in _SPECIAL and one.stage not in families)
    ), None)
