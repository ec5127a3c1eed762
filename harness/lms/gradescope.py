"""A result as Gradescope's autograder reports it: `results.json`.

Fields and their meaning: https://gradescope-autograders.readthedocs.io/en/latest/specs/. Points and reasons show
after grades are published, as the theory part tells what is right; what is wrong with the form of a hand-in shows at
once, for the group to mend. No text holds an answer of the key.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.documents import harmless
from harness.lms.standing import Standing, standing
from harness.records import CriterionMark, GradeResult, Outcome

__all__ = ["results_json"]

LATER, NOW = "after_published", "visible"

_WORDS = {
    Outcome.SCORED: "", Outcome.NOT_APPLICABLE: "Not applicable; a person decides.",
    Outcome.SUBMISSION_FAULT: "Fault of the hand-in.", Outcome.NEEDS_PERSON: "A person marks this.",
    Outcome.ENVIRONMENT: "It needs a library that is not installed where it is graded; this costs no points.",
    Outcome.HARNESS_FAULT: "The grader failed here; this costs no points.", Outcome.NOT_HANDED_IN: "Not handed in.",
}


def results_json(result: GradeResult, *, partial: bool = False) -> dict[str, object]:
    """Give the content of `results.json`.

    What is no grade yet gets no score anywhere, as Gradescope adds up the scores of tests; a text says why.
    """
    stands = standing(result)
    points = stands.exported(partial=partial)
    content: dict[str, object] = {
        "output": _said(stands, points), "output_format": "text", "visibility": LATER, "stdout_visibility": "hidden",
        "tests": [*_form(result), *_tests(result, scored=points is not None)],
        "extra_data": {
            "group": result.group, "assignment": result.assignment, "outcome": stands.outcome.value,
            "open_points": result.marks.open_points, "versions": result.provenance.versions,
        },
    }
    if points is not None:
        content["score"] = points
    if result.provenance.durations:
        content["execution_time"] = round(sum(result.provenance.durations.values()))
    return content


def _said(stands: Standing, points: float | None) -> str:
    if stands.outcome is Outcome.SCORED:
        return "All points are given."
    if points is not None:
        return f"Points so far; {stands.why}."
    return harmless(f"No score yet: {stands.why}.")


def _form(result: GradeResult) -> Iterator[dict[str, object]]:
    """Tell what the group can mend: faults of its files and code, and gaps in its answers."""
    lines = [
        f"{fault.message}{f' {fault.hint}' if fault.hint else ''}" for fault in result.all_faults if not fault.ours
    ]
    lines += [f"Theory: {problem}" for problem in result.theory.problems]
    if lines:
        yield {
            "name": "Form of the hand-in", "output": harmless("\n".join(lines)), "output_format": "text",
            "status": "failed", "visibility": NOW,
        }


def _tests(result: GradeResult, *, scored: bool) -> Iterator[dict[str, object]]:
    """Give one test for each criterion, numbered by part."""
    for number, part in enumerate(result.marks.parts, start=1):
        for below, mark in enumerate(part.criteria, start=1):
            test: dict[str, object] = {
                "name": harmless(f"{part.title}: {mark.title}"), "number": f"{number}.{below}",
                "output": _reason(mark), "output_format": "text", "visibility": LATER,
            }
            if scored and mark.points is not None:      # what a person still marks is open, not zero
                test |= {"score": mark.points, "max_score": mark.max_points}
            if mark.outcome is Outcome.SUBMISSION_FAULT:
                test["status"] = "failed"
            yield test


def _reason(mark: CriterionMark) -> str:
    return harmless(" ".join(text for text in (_WORDS[mark.outcome], mark.reason) if text))
