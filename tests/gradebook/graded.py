"""A course with a small rubric, and grades of it as a real run would give them."""

from __future__ import annotations

from pathlib import Path

from harness import documents, rubric
from harness.course import Course
from harness.gradebook import Change, Gradebook, catch_up, file_result, filed_result
from harness.gradebook.giving import given
from harness.records import (
    CriterionMark,
    GradeResult,
    HandIn,
    Measurement,
    ModelResult,
    Outcome,
    Provenance,
    StatementResult,
    TheoryResult,
)
from harness.rubric import Rubric

RUBRIC = """\
assignment: mine
title: Mine
theory: {points: 20, quiz: mine}
practice:
  points: 10
  criteria:
    - {id: reconstruction, title: Reconstruction error, points: 4, measurement: vae.reconstruction.mse,
       none: 0.0866, full: 0.0133}
    - {id: text, title: Interpretation, points: 3, person: true, needs: report, ask: Is it convincing?}
    - {id: talk, title: Presentation, points: 3, person: true, ask: Are questions answered?}
"""
PROVENANCE = Provenance(
    command="harness grade submissions/otters", created="2026-07-02T10:13:00+00:00", versions={"harness": "0.1.0"},
    platform="Linux", device="cpu", box="bubblewrap", seed=0, budget="full", data="fashion-mnist", data_hash="3c",
    stand_in=False, hand_in_hash="4b", rubric="mine", rubric_hash="5a", judge_hash="69", limits={},
    durations={"intake": 0.2},
)
DEADLINE = "{due: 2026-07-01T23:59+02:00, grace: 10 min, penalty: 10 % of reached per day, most_days: 3}"


def course_in(folder: Path, *, deadline: str = "") -> Course:
    (folder / "rubrics").mkdir(parents=True)
    (folder / "rubrics" / "mine.yaml").write_text(RUBRIC)
    (folder / "course.yaml").write_text(f"deadlines: {{mine: {deadline}}}\n" if deadline else "# a course\n")
    return Course(folder)


def grade_of(
    group: str = "otters", *, mse: float | None = 0.0133, report: str = "one", answer: str = "yes", created: str = "",
) -> GradeResult:
    """Grade a hand-in: what its VAE measures (None: it crashes), what its report says, what was answered."""
    measured = {} if mse is None else {"reconstruction.mse": Measurement(
        name="reconstruction.mse", value=mse, unit="", better="lower", interval=(mse * 0.99, mse * 1.01),
        sample_size=10_000)}
    models = {"vae": ModelResult(
        name="vae", source="model.py:VAE", route="load", measurements=measured,
        outcome=Outcome.SCORED if measured else Outcome.SUBMISSION_FAULT)}
    right = answer == "yes"
    theory = TheoryResult(
        outcome=Outcome.SCORED, quiz="mine", points=20.0 if right else 0.0, max_points=20, explanation="So.",
        statements=[StatementResult.model_validate({
            "id": "1a", "answer": answer, "key": "yes", "verdict": "right" if right else "wrong"})])
    hand_in = HandIn(members=["Ada Example"], report="report.pdf", pages=1, files={"report.pdf": report})
    marks = rubric.mark(
        documents.loads(RUBRIC, "mine.yaml", Rubric), models=models, theory=theory, hand_in=hand_in)
    provenance = PROVENANCE.model_copy(update={
        "hand_in_hash": f"{mse} {report} {answer}", "created": created or PROVENANCE.created})
    return GradeResult(
        group=group, assignment="mine", marks=marks, theory=theory, measurements=models, hand_in=hand_in, faults=[],
        provenance=provenance)


def criteria(result: GradeResult) -> dict[str, CriterionMark]:
    return {one.id: one for part in result.marks.parts for one in part.criteria}


def grade_again(course: Course, result: GradeResult) -> GradeResult:
    """File a grade as a run does, and read back what reports and exports are made from."""
    file_result(course, result, course.reports)
    return filed_result(course.reports, result.group)


def say(course: Course, change: Change) -> GradeResult:
    Gradebook(course.gradebook).say([change], reports=course.reports)
    catch_up(course, course.reports)
    return filed_result(course.reports, change.group)


def give(
    course: Course, criterion: str, points: str, *, because: str = "As the report shows.", author: str = "Cleo Example",
    group: str = "otters",
) -> GradeResult:
    """Give points as `harness mark` does."""
    result = filed_result(course.reports, group)
    return say(course, given(course, result, criterion, points, author=author, reason=because))
