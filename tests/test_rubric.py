"""Rubrics: points with reasons, by laws and by outcomes."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import documents, rubric
from harness.course import Course
from harness.errors import UserError
from harness.quiz import load_sheet
from harness.records import (
    Fault,
    Flag,
    HandIn,
    Measurement,
    ModelResult,
    Outcome,
    StatementResult,
    TheoryResult,
)
from harness.rubric import Band, Criterion, Rubric, points_for

ROOT = Path(__file__).parent.parent
HALF = Fraction(1, 2)

RUBRIC = """\
assignment: mine
title: Mine
step: 0.5
theory: {points: 20, quiz: mine}
practice:
  points: 10
  criteria:
    - {id: reconstruction, title: Reconstruction error, points: 4, measurement: vae.reconstruction.mse,
       none: 0.0866, none_is: the mean image, full: 0.0133, full_is: the reference VAE}
    - {id: samples, title: Samples, points: 3, measurement: other.distribution.fid_relative,
       none: 1, full: 0.37}
    - {id: text, title: Interpretation, points: 3, person: true, needs: report, ask: Is it convincing?}
"""
MSE = Measurement(
    name="reconstruction.mse", value=0.0133, unit="squared intensity per pixel", better="lower",
    interval=(0.0131, 0.0135), sample_size=10_000,
)
FID = Measurement(name="distribution.fid_relative", value=0.37, unit="", better="lower", sample_size=10_000)
THEORY = TheoryResult(outcome=Outcome.SCORED, quiz="mine", points=10.0, max_points=20, explanation="So.")
HAND_IN = HandIn(members=["Ada Example"], report="report.pdf", pages=3, text_missing=["references"])


def model(name="vae", *measurements, outcome=Outcome.SCORED, **changes):
    return ModelResult(
        name=name, source="m.py:M", route="load", outcome=outcome,
        measurements={one.name: one for one in measurements}, **changes,
    )


def marks(*, models=None, theory=THEORY, hand_in=HAND_IN, text=RUBRIC):
    if models is None:
        models = {"vae": model("vae", MSE), "other": model("other", FID)}
    rules = documents.loads(text, "mine.yaml", Rubric)
    return rubric.mark(rules, models=models, theory=theory, hand_in=hand_in)


def criteria(result):
    return {one.id: one for part in result.parts for one in part.criteria}


def of_value(value, interval=None):
    measured = MSE.model_copy(update={"value": value, "interval": interval})
    return criteria(marks(models={"vae": model("vae", measured)}))["reconstruction"]


# --- laws

numbers = st.fractions(min_value=-100, max_value=100, max_denominator=1000)
steps = st.sampled_from([Fraction(1, 4), HALF, Fraction(1)])


def criterion_of(**fields):
    return Criterion(id="c", title="C", measurement="vae.reconstruction.mse", **fields)


@st.composite
def anchored(draw):
    none, full = draw(st.lists(numbers, min_size=2, max_size=2, unique=True))
    return criterion_of(points=draw(st.integers(1, 10)), none=none, full=full)


@st.composite
def banded(draw):
    limits = sorted(draw(st.lists(numbers, min_size=1, max_size=4, unique=True)))
    way = draw(st.sampled_from(["at_most", "at_least"]))
    points = range(len(limits), 0, -1) if way == "at_most" else range(1, len(limits) + 1)
    bands = tuple(Band(points=number, **{way: limit}) for number, limit in zip(points, limits, strict=True))
    return criterion_of(points=len(limits), bands=bands)


def rises(criterion):
    """Whether a larger value is a better one."""
    return criterion.bands[0].at_least is not None if criterion.bands else criterion.full > criterion.none


values = st.floats(-200, 200) | st.sampled_from([math.inf, -math.inf])


@given(anchored() | banded(), values, steps)
def test_points_are_steps_between_nothing_and_the_points_of_the_criterion(criterion, value, step):
    points = points_for(criterion, value, step=step)
    assert 0 <= points <= criterion.points
    assert points % step == 0 or criterion.bands


@given(anchored() | banded(), values, values, steps)
def test_a_better_value_never_gets_fewer_points(criterion, first, second, step):
    worse, better = sorted([first, second], reverse=not rises(criterion))
    assert points_for(criterion, worse, step=step) <= points_for(criterion, better, step=step)


@given(numbers.map(lambda number: round(number, 4)), numbers.map(lambda number: round(number, 4)), steps)
def test_the_anchors_give_nothing_and_full_points_exactly_in_both_directions(none, full, step):
    if none == full:
        full += 1
    criterion = criterion_of(points=4, none=none, full=full)
    assert points_for(criterion, float(none), step=step) == 0
    assert points_for(criterion, float(full), step=step) == 4


@given(anchored())
def test_half_way_between_the_anchors_is_half_of_the_points(criterion):
    middle = float((criterion.none + criterion.full) / 2)
    points = points_for(criterion, middle, step=Fraction(1, 1000))
    assert abs(points - criterion.points / 2) <= Fraction(1, 500)


@given(banded())
def test_reaching_the_best_band_gives_full_points(criterion):
    assert points_for(criterion, math.inf if rises(criterion) else -math.inf, step=HALF) == criterion.points
    assert points_for(criterion, -math.inf if rises(criterion) else math.inf, step=HALF) == 0


def test_points_round_to_the_step_and_halves_go_up():
    criterion = criterion_of(points=4, none=0, full=4)
    rounded = {1.2: 1, 1.25: 1.5, 1.7: 1.5, 1.75: 2, 3.9: 4}
    assert {value: points_for(criterion, value, step=HALF) for value in rounded} == rounded


def test_what_is_no_number_has_no_points():
    with pytest.raises(ValueError, match="not a number"):
        points_for(criterion_of(points=1, none=0, full=1), math.nan, step=HALF)


# --- reasons


MEAN, VAE = "0.0866 (no points, the mean image)", "0.0133 (full points, the reference VAE)"


@pytest.mark.parametrize(("value", "points", "reason"), [
    (0.0133, 4, f"between {MEAN} and {VAE}; 4 of 4 points."),
    (0.05, 2, f"between {MEAN} and {VAE}; 2 of 4 points."),
    (0.045, 2.5, f"between {MEAN} and {VAE}; 2.5 of 4 points. Rounded from 2.27."),
    (0.0866, 0, f"no better than {MEAN}; full points would take 0.0133, the reference VAE; 0 of 4 points."),
    (0.0101, 4, f"better than {VAE}; 4 of 4 points."),
])
def test_a_reason_holds_the_number_and_what_stands_on_either_side(value, points, reason):
    mark = of_value(value)
    assert (mark.outcome, mark.points) == (Outcome.SCORED, points)
    assert mark.reason == f"{value:g} squared intensity per pixel: {reason}"
    assert (mark.value, mark.none, mark.full) == (value, 0.0866, 0.0133)


def test_a_reason_for_bands_names_the_band():
    bands = "bands: [{points: 4, at_most: 0.02, is: a good VAE}, {points: 1, at_most: 0.05}]}"
    start, end = RUBRIC.index("none: 0.0866"), RUBRIC.index("\n    - {id: samples")
    text = RUBRIC[:start] + bands + RUBRIC[end:]
    for value, points, reason in (
        (0.02, 4, "at most 0.02, a good VAE; 4 of 4"), (0.03, 1, "at most 0.05; 1 of 4"),
        (0.06, 0, "not at most 0.05; 0 of 4"),
    ):
        measured = MSE.model_copy(update={"value": value, "interval": None})
        mark = criteria(marks(models={"vae": model("vae", measured)}, text=text))["reconstruction"]
        assert mark.points == points
        assert reason in mark.reason
        assert (mark.none, mark.full) == (None, 0.02)


def test_an_interval_that_crosses_a_boundary_flags_the_criterion_for_a_person():
    assert of_value(0.05, (0.0499, 0.0501)).flags == []
    assert of_value(0.05, (0.04, 0.06)).flags == [
        "the 95% interval, 0.04 to 0.06, allows 1.5 to 2.5 points: a person should decide"
    ]
    assert of_value(0.05, (math.nan, 0.06)).flags == []


def test_a_flagged_model_keeps_its_points_and_a_person_is_told():
    flag = Flag(name="identity", message="It reconstructs noise as well as clothes.")
    mark = criteria(marks(models={"vae": model("vae", MSE, flags=[flag])}))["reconstruction"]
    assert (mark.points, mark.flags) == (4, ["the model is flagged: identity"])


# --- outcomes


def test_points_add_up_and_what_is_open_is_counted_apart():
    result = marks()
    assert (result.points, result.max_points, result.open_points) == (17, 30, 3)
    assert [(part.id, part.points, part.max_points, part.open_points) for part in result.parts] == [
        ("theory", 10, 20, 0), ("practice", 7, 10, 3),
    ]


def test_a_model_that_was_not_handed_in_has_no_points_and_nothing_open():
    result = marks(models={"vae": model("vae", MSE)})
    mark = criteria(result)["samples"]
    assert (mark.outcome, mark.points, mark.reason) == (
        Outcome.NOT_HANDED_IN, 0, "No model 'other' was handed in.",
    )
    assert result.open_points == 3


def test_what_a_model_cannot_do_is_not_applicable_and_never_zero():
    lacking = model("other", not_applicable={"distribution": "the model has no sample"})
    result = marks(models={"vae": model("vae", MSE), "other": lacking})
    mark = criteria(result)["samples"]
    assert (mark.outcome, mark.points) == (Outcome.NOT_APPLICABLE, None)
    assert mark.reason == "Not applicable: the model has no sample."
    assert result.open_points == 6


def fault(stage, kind="crashed", message="It divided by zero."):
    return Fault(kind=kind, stage=stage, message=message)


@pytest.mark.parametrize("stage", ["fit", "start", "sample"])
def test_a_fault_of_the_group_costs_the_points_of_what_needed_it(stage):
    broken = model("other", outcome=Outcome.SUBMISSION_FAULT, faults=[fault(stage)])
    result = marks(models={"vae": model("vae", MSE), "other": broken})
    mark = criteria(result)["samples"]
    assert (mark.outcome, mark.points) == (Outcome.SUBMISSION_FAULT, 0)
    assert mark.reason == f"It divided by zero. (crashed in {stage})"
    assert result.open_points == 3


def test_a_fault_costs_nothing_that_did_not_need_what_failed():
    broken = model("vae", MSE, outcome=Outcome.SUBMISSION_FAULT, faults=[fault("sample")])
    assert criteria(marks(models={"vae": broken}))["reconstruction"].points == 4


def test_a_fault_elsewhere_does_not_hide_that_a_measurement_is_not_applicable():
    broken = model(
        "other", outcome=Outcome.SUBMISSION_FAULT, faults=[fault("log_prob")],
        not_applicable={"distribution": "the model has no sample"},
    )
    assert criteria(marks(models={"other": broken}))["samples"].outcome is Outcome.NOT_APPLICABLE


@pytest.mark.parametrize("faults", [
    [fault("distribution", "harness fault", "Measuring failed.")], [fault("fit", "harness fault")], [],
])
def test_a_fault_of_the_harness_is_never_turned_into_points(faults):
    broken = model("other", outcome=Outcome.HARNESS_FAULT, faults=faults)
    result = marks(models={"vae": model("vae", MSE), "other": broken})
    mark = criteria(result)["samples"]
    assert (mark.outcome, mark.points) == (Outcome.HARNESS_FAULT, None)
    assert "costs no points" in mark.reason
    assert result.open_points == 6


def test_a_measurement_that_is_no_number_is_a_fault_of_the_harness():
    assert of_value(math.nan).outcome is Outcome.HARNESS_FAULT


def test_a_measurement_that_a_model_of_this_kind_does_not_get_is_not_applicable():
    mark = criteria(marks(models={"vae": model("vae")}))["reconstruction"]
    assert (mark.outcome, mark.points) == (Outcome.NOT_APPLICABLE, None)


def test_what_a_person_judges_is_open_and_shows_what_the_report_has():
    mark = criteria(marks())["text"]
    assert (mark.outcome, mark.points, mark.ask) == (Outcome.NEEDS_PERSON, None, "Is it convincing?")
    assert mark.reason == (
        "A person gives these points. The report has 3 pages. Nothing was found in it about: references."
    )


def test_without_a_report_there_is_nothing_for_a_person_to_judge():
    result = marks(hand_in=HandIn(members=["Ada Example"]))
    mark = criteria(result)["text"]
    assert (mark.outcome, mark.points) == (Outcome.NOT_HANDED_IN, 0)
    assert mark.reason == "The hand-in has no report."
    assert result.open_points == 0


@pytest.mark.parametrize(("outcome", "points", "still_open"), [
    (Outcome.SCORED, 10, 0), (Outcome.NOT_HANDED_IN, 0, 0), (Outcome.SUBMISSION_FAULT, 0, 0),
    (Outcome.NEEDS_PERSON, None, 20), (Outcome.HARNESS_FAULT, None, 20),
])
def test_the_outcome_of_the_theory_part_stays_what_it_is(outcome, points, still_open):
    scored = 10.0 if outcome is Outcome.SCORED else None
    theory = {"outcome": outcome, "points": scored, "problems": ["Line 3 is wrong"]}
    part = marks(theory=THEORY.model_copy(update=theory)).parts[0]
    mark = part.criteria[0]
    assert (mark.outcome, mark.points, part.open_points) == (outcome, points, still_open)
    assert ("Line 3 is wrong" in mark.reason) == (outcome is Outcome.SUBMISSION_FAULT)


@pytest.mark.parametrize(("points", "rounded"), [(200 / 19, 10.5), (-3.0, 0), (20.0, 20), (0.2, 0)])
def test_theory_points_are_rounded_to_the_step_and_never_below_zero(points, rounded):
    mark = criteria(marks(theory=THEORY.model_copy(update={"points": points})))["statements"]
    assert mark.points == rounded
    assert mark.reason == ("So." if points == rounded else f"So. Rounded to {rounded:g}.")


def test_contested_and_unreadable_statements_are_flagged_for_a_person():
    statements = [
        StatementResult(id="1a", answer="no", key="yes", verdict="wrong", contested=True, argument="But."),
        StatementResult(id="1b", verdict="unmarked"), StatementResult(id="1c", answer="yes", verdict="right"),
    ]
    result = marks(theory=THEORY.model_copy(update={"statements": statements}))
    assert criteria(result)["statements"].flags == [
        "1a is contested, and an argument is given against the key: read it", "1b could not be read",
    ]


# --- files


@pytest.mark.parametrize(("change", "words"), [
    (("points: 10\n", "points: 11\n"), "line 5: practice: the criteria add up to 10 points, not to 11"),
    (("id: text", "id: samples"), "two criteria have the id samples"),
    (("person: true, ", ""), "practice.criteria.text: needs either `measurement` with anchors"),
    ((", ask: Is it convincing?", ""), "practice.criteria.text: `person: true` needs `ask`"),
    (("needs: report", "needs: money"), "text.needs is 'money'; allowed: report, code or references"),
    (("none: 1, ", ""), "practice.criteria.samples: a measurement needs either the two anchors"),
    (("none: 1, full: 0.37", "none: 1, full: 1"), "anchors `none` and `full` must differ"),
    (("none: 1, full: 0.37", "bands: [{points: 3, at_most: 1, at_least: 2}]"), "either at_most or at_least"),
    (("none: 1, full: 0.37", "bands: [{points: 2, at_most: 1}]"), "the best band must give the points"),
    (("none: 1, full: 0.37", "bands: [{points: 3, at_most: 1}, {points: 2, at_most: 1}]"), "stricter limit"),
    (("none: 1, full: 0.37", "bands: [{points: 3, at_most: 1}, {points: 2, at_least: 1}]"), "all bands"),
    (("step: 0.5", "step: 3"), "20 points are no multiple of the step 3"),
    (("measurement: vae.reconstruction.mse", "measurement: mse"), "criteria.reconstruction.measurement"),
    (("title: Mine", "titel: Mine"), "did you mean 'title'?"),
])
def test_a_faulty_rubric_is_refused_in_words(change, words):
    assert RUBRIC.count(change[0]) == 1
    with pytest.raises(UserError, match=r"^mine\.yaml, line") as caught:
        documents.loads(RUBRIC.replace(*change), "mine.yaml", Rubric)
    assert words in str(caught.value)


@pytest.fixture
def own(tmp_path) -> Course:
    (tmp_path / "rubrics").mkdir()
    (tmp_path / "rubrics" / "mine.yaml").write_text(RUBRIC)
    return Course(tmp_path)


def test_a_rubric_is_found_by_its_assignment(own):
    assert rubric.load(own, "mine").practice.criteria[0].none == Fraction(866, 10_000)


@pytest.mark.parametrize(("name", "words"), [
    ("mime", "did you mean mine?"), ("zzz", "there are: mine"), ("../rubrics/mine", "there is no rubric"),
])
def test_an_assignment_without_a_rubric_is_named_with_those_that_are_there(own, name, words):
    with pytest.raises(UserError) as caught:
        rubric.load(own, name)
    assert words in str(caught.value)


def test_a_measurement_that_the_harness_does_not_make_is_refused(own):
    (own.rubrics / "mine.yaml").write_text(RUBRIC.replace("reconstruction.mse", "reconstruction.msse"))
    with pytest.raises(UserError, match=r"makes no measurement reconstruction\.msse; did you mean reconstr"):
        rubric.load(own, "mine")


def test_a_rubric_under_the_wrong_name_is_refused(own):
    (own.rubrics / "yours.yaml").write_text(RUBRIC)
    with pytest.raises(UserError, match="the file says `assignment: mine`"):
        rubric.load(own, "yours")


@pytest.mark.parametrize("assignment", ["summer22", "summer23"])
def test_the_shipped_rubrics_add_up_to_twenty_and_twenty(assignment):
    course = Course(ROOT)
    shipped = rubric.load(course, assignment)
    assert (shipped.theory.points, shipped.practice.points) == (20, 20)
    assert load_sheet(course, shipped.theory.quiz).points == shipped.theory.points
    for one in shipped.practice.criteria:
        assert one.person or (one.none_is and one.full_is), f"{one.id} does not say what its anchors are"


@pytest.mark.parametrize("assignment", ["summer22", "summer23"])
def test_the_anchors_of_a_shipped_rubric_point_where_the_measurement_is_better(assignment):
    from harness.metrics import METRICS

    for one in rubric.load(Course(ROOT), assignment).practice.criteria:
        if one.measurement:
            better = METRICS[one.measurement.partition(".")[2]].better
            assert better == ("higher" if one.full > one.none else "lower"), one.id


def test_what_a_model_says_of_its_own_likelihood_is_left_to_a_person():
    rules = RUBRIC.replace("other.distribution.fid_relative", "other.likelihood.nats")
    said = Measurement(name="likelihood.nats", value=1e6, unit="nats per image", better="higher", sample_size=500)
    given = marks(models={"vae": model("vae", MSE), "other": model("other", said)}, text=rules)
    mark = criteria(given)["samples"]
    assert (mark.outcome, mark.points) == (Outcome.NEEDS_PERSON, None)
    assert "says 1e+06 nats per image of itself, which nothing checks" in mark.reason
