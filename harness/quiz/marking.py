"""Marking answers in exact fractions, and checking their form where there is no key.

Nothing that is said without the key depends on one: `check_form` is not given any.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Literal, get_args

from harness.course import Course
from harness.documents import display_name, lines_of, shown
from harness.errors import HarnessFault, Rejected, UserError
from harness.quiz.answers import Answers, Given, read_answers
from harness.quiz.reading import Readings, as_answers, read_file, with_crops
from harness.quiz.sheet import Key, Scheme, Sheet, Statement, check_key, fold, load_key, load_sheet
from harness.records import Outcome, StatementResult, TheoryResult

__all__ = ["check_file", "check_form", "exact_points", "mark", "read_pages", "theory"]

YAML = {".yaml", ".yml", ".json"}
"""How answer files end; any other file is read as a PDF or as text."""

Verdict = Literal["right", "wrong", "abstained", "missing", "void", "unmarked"]


def mark(sheet: Sheet, key: Key, answers: Answers) -> TheoryResult:
    """Mark answers by the key.

    Raises:
        UserError: the key does not fit the sheet.

    """
    check_key(sheet, key)
    given, problems = _by_statement(sheet, answers)
    worth = _worth(sheet.scheme)
    statements = [_marked(one, key, given.get(one.id), worth) for one in sheet.statements]
    points = exact_points(sheet, {one.id: one.verdict for one in statements})
    return TheoryResult(
        outcome=Outcome.SCORED, quiz=sheet.quiz, points=float(points), max_points=float(sheet.points),
        statements=statements, problems=problems, explanation=_explanation(sheet, statements, points),
    )


def check_form(sheet: Sheet, answers: Answers) -> TheoryResult:
    """Check the form only: what is missing, unknown, doubled, unreadable or too long."""
    given, problems = _by_statement(sheet, answers)
    return TheoryResult(
        outcome=Outcome.NEEDS_PERSON, quiz=sheet.quiz, max_points=float(sheet.points), problems=problems,
        statements=[_unmarked(one, given.get(one.id)) for one in sheet.statements],
        explanation="Only the form was checked; the points need the key, which the teaching staff has.",
    )


def read_pages(path: Path, sheet: Sheet) -> Readings:
    """Read answers from a PDF or text as far as they are clear, with pictures of the pages beside them.

    Raises:
        UserError, Rejected: the file cannot be read.
        HarnessFault: the process that reads it could not be started.

    """
    return with_crops(path, read_file(path, sheet, name=path.name), name=path.name)


def theory(
    answers_path: Path | None, *, sheet: Sheet, key: Key | None,
    read: Callable[[Path, Sheet], Readings] = read_pages,
) -> TheoryResult:
    """Mark the answers of a hand-in, or check their form without a key; a faulty file is no error.

    Args:
        answers_path: an answer file in YAML, or a PDF or text that is read as far as it is clear, with pictures of
            the pages beside the answers; None where the hand-in names none.
        sheet: what was asked.
        key: the key, or None to check the form only.
        read: reads a PDF or text.

    Raises:
        UserError: the key does not fit the sheet.

    """
    blank = TheoryResult(outcome=Outcome.NOT_HANDED_IN, quiz=sheet.quiz, max_points=float(sheet.points))
    if answers_path is None or not answers_path.exists():
        missing = f"there is no file {answers_path.name}" if answers_path else "no file of answers is named"
        return blank.model_copy(update={"explanation": f"No answers were handed in: {missing}."})
    readings: Readings | None = None
    try:
        if answers_path.suffix.casefold() in YAML:
            answers = read_answers(answers_path)
        else:
            readings = read(answers_path, sheet)
            answers = as_answers(readings)
        if answers.quiz is not None and fold(answers.quiz) != fold(sheet.quiz):
            raise UserError(
                f"{answers_path.name}: these are answers to the quiz {shown(answers.quiz)}, but {sheet.quiz} "
                "was asked; hand in the answers to that one"
            )
    except (UserError, Rejected) as error:
        return blank.model_copy(update={
            "outcome": Outcome.SUBMISSION_FAULT, "problems": str(error).splitlines(),
            "explanation": "The file of answers could not be read, so no statement was marked.",
        })
    except HarnessFault as error:
        return blank.model_copy(update={
            "outcome": Outcome.HARNESS_FAULT, "problems": [str(error)],
            "explanation": "The answers were not read through a fault of the harness; it costs no points.",
        })
    result = mark(sheet, key, answers) if key is not None else check_form(sheet, answers)
    return _with_sources(result, readings) if readings is not None else result


def _with_sources(result: TheoryResult, readings: Readings) -> TheoryResult:
    """Say beside each statement where it was read, and show the page there."""
    found = {one.id: one for one in readings.readings}

    def sourced(statement: StatementResult) -> StatementResult:
        one = found[statement.id]
        where = readings.where(one)
        said = f"{where}; confidence {one.confidence:.2f}" if one.status == "read" else f"{where}: {one.reason}"
        return statement.model_copy(update={"read_from": said if where else one.reason, "crop": one.crop})

    return result.model_copy(update={"statements": [sourced(one) for one in result.statements]})


def check_file(path: Path, *, course: Course, with_key: bool) -> TheoryResult:
    """Mark or check an answer file by itself; the file says which quiz it answers.

    Raises:
        UserError: there is no such file, it cannot be read, or it names no quiz of this course.

    """
    name = display_name(path)
    answers = read_answers(path, name=name)
    if answers.quiz is None:
        there = ", ".join(sorted(file.stem for file in course.sheets.glob("*.yaml")))
        raise UserError(f"{name} does not say which quiz it answers; add a line `quiz: ...` ({there})")
    try:
        sheet = load_sheet(course, answers.quiz)
    except UserError as error:
        raise UserError(f"{name} answers {shown(answers.quiz)}: {error}") from None
    key = load_key(course, answers.quiz, sheet=sheet) if with_key else None
    return mark(sheet, key, answers) if key is not None else check_form(sheet, answers)


def exact_points(sheet: Sheet, verdicts: dict[str, Verdict]) -> Fraction:
    """Give the points of a sheet: raw points, no lower than the floor, scaled to the points of the sheet.

    points = sheet.points * sum over questions / (right * number of statements that count); what was left out,
    or could not be marked, is worth as much as abstaining.
    """
    scheme = sheet.scheme
    sums = []
    for question in sheet.questions:
        counts = Counter(verdicts[one.id] for one in question.statements)
        sums.append(sum((times * _raw(scheme, verdict) for verdict, times in counts.items()), Fraction(0)))
    if scheme.floor == "question":
        sums = [max(Fraction(0), one) for one in sums]
    total = sum(sums, Fraction(0))
    if scheme.floor == "sheet":
        total = max(Fraction(0), total)
    return sheet.points * total / (scheme.right * _counted(sheet))


def _counted(sheet: Sheet) -> int:
    """Count the statements that points can come from."""
    return sum(1 for one in sheet.statements if not (one.void and sheet.scheme.void == "excluded"))


def _raw(scheme: Scheme, verdict: Verdict) -> Fraction:
    if verdict == "void":
        return scheme.right if scheme.void == "point" else Fraction(0)
    return {"right": scheme.right, "wrong": scheme.wrong}.get(verdict, scheme.abstain)


def _by_statement(sheet: Sheet, answers: Answers) -> tuple[dict[str, Given], list[str]]:
    """Find the one answer to each statement, and say what is wrong with the form."""
    known = {fold(one.id): one.id for one in sheet.statements}
    folded = [fold(one.id) for one in answers.given]
    counts = Counter(known.get(one) for one in folded)
    given: dict[str, Given] = {}
    problems = list(answers.problems)
    unknown: list[Given] = []
    for one, plain in zip(answers.given, folded, strict=True):
        if plain not in known:
            unknown.append(one)
        elif counts[known[plain]] == 1:
            given[known[plain]] = one
    for statement in sheet.statements:
        times = counts[statement.id]
        if times > 1:
            given[statement.id] = Given(id=statement.id, answer=None)
            lines = [one.line for one, plain in zip(answers.given, folded, strict=True) if plain == fold(statement.id)]
            where = f"{answers.file}, {lines_of(lines)}: " if all(lines) else ""
            problems.append(f"{where}{statement.id} is answered {times} times; it stays unmarked, keep one answer")
        elif statement.id in given:
            problems += given[statement.id].problems
    if unknown:
        there = _listed(known.values())
        problems.append(f"not on the sheet, so ignored: {_places(unknown)} (its statements: {there})")
    missing = [one.id for one in sheet.statements if one.id not in given and not one.void]
    if missing:
        problems.append(f"not answered, which counts as abstaining: {_listed(missing)}")
    return given, problems


def _places(given: Sequence[Given]) -> str:
    """List the ids of answers, with the lines on which they stand where there are lines."""
    lines = [one.line for one in given if one.line]
    return _listed(one.id for one in given) + (f", {lines_of(lines)}" if lines else "")


def _listed(ids: Iterable[str], *, most: int = 30) -> str:
    """List ids that may be a stranger's: cut, and without characters that do more than show."""
    words = ["".join(letter if letter.isprintable() else "?" for letter in one[:20]) for one in ids]
    more = f" and {len(words) - most:,} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more


def _form(statement: Statement, given: Given | None) -> Verdict:
    """Say what was answered, and nothing about whether it is right."""
    if statement.void:
        return "void"
    if given is None:
        return "missing"
    return "abstained" if given.answer == "abstain" else "unmarked"


def _unmarked(statement: Statement, given: Given | None) -> StatementResult:
    return StatementResult(
        id=statement.id, text=statement.text, verdict=_form(statement, given),
        answer=given.answer if given else None, argument=given.argument if given else "",
    )


def _marked(statement: Statement, key: Key, given: Given | None, worth: dict[Verdict, float | None]) -> StatementResult:
    entry = key.answers.get(statement.id)
    verdict = _form(statement, given)
    answer, argument = (given.answer, given.argument) if given else (None, "")
    if verdict == "unmarked" and entry is not None and answer is not None:
        verdict = "right" if answer == entry.answer else "wrong"
    return StatementResult(
        id=statement.id, text=statement.text, verdict=verdict, answer=answer, argument=argument,
        key=entry.answer if entry else None, why=entry.why if entry else "", points=worth[verdict],
        contested=bool(entry and entry.contested and verdict == "wrong" and argument),
    )


def _worth(scheme: Scheme) -> dict[Verdict, float | None]:
    """Give the raw points of each verdict; None for what counts nowhere."""
    points: dict[Verdict, float | None] = {one: float(_raw(scheme, one)) for one in get_args(Verdict)}
    return points | ({"void": None} if scheme.void == "excluded" else {})


def _explanation(sheet: Sheet, statements: Sequence[StatementResult], points: Fraction) -> str:
    """Say how the points come about: "12 right (+1 each), ...: 9 of 19, scaled to 20 points: 9.474."."""
    scheme = sheet.scheme
    counts = Counter(one.verdict for one in statements)
    words = [
        f"{counts['right']} right ({_number(scheme.right)} each)",
        f"{counts['wrong']} wrong ({_number(scheme.wrong)} each)",
        *(f"{counts[other]} {other}" for other in ("abstained", "missing", "unmarked") if counts[other]),
    ]
    if counts["void"]:
        fate = "counted nowhere" if scheme.void == "excluded" else "counted as right for everyone"
        words.append(f"{counts['void']} void ({fate})")
    floor = {"question": "no question below 0", "sheet": "the sheet not below 0", "none": "no floor"}
    most = scheme.right * _counted(sheet)
    total = points * most / sheet.points
    return (
        f"{', '.join(words)}; {floor[scheme.floor]}: {float(total):.4g} of {float(most):.4g}, "
        f"scaled to {float(sheet.points):g} points: {float(points):.4g}."
    )


def _number(value: Fraction) -> str:
    return f"{float(value):+.4g}".replace("-", "\N{MINUS SIGN}")
