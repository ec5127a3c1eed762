"""Measure how honest the statistics of `harness quiz stats` are, on classes whose truth is known.

Classes are drawn from a two-parameter logistic model with abstaining, which the statistics do not use. Measured is how
often the interval of the discrimination covers the truth, beside that of a bootstrap over groups; how often a wrong
key is listed for a look, and a right one; and how often groups that work by themselves are called unlikely alike, and
copies are. Prints one JSON object.

    python benchmarks/quiz_validity.py [--classes 100]
"""

from __future__ import annotations

import argparse
import json
from fractions import Fraction

import numpy as np

from harness.quiz import Answers, Key, KeyEntry, Question, Sheet, Statement, mark
from harness.quiz.cohort import statistics
from harness.quiz.patterns import identical, nearly
from harness.quiz.statistics import ABSTAINED, RIGHT, WRONG, discrimination

STATEMENTS = 20
DIFFICULTY = np.linspace(-2.5, 1.0, STATEMENTS)
SLOPE = np.tile([0.4, 0.8, 1.2, 1.6], STATEMENTS // 4)
RELUCTANCE = np.linspace(-3.0, -1.5, STATEMENTS)
RESAMPLES = 1000
IDS = [f"{place}a" for place in range(1, STATEMENTS + 1)]
SHEET = Sheet(quiz="drawn", title="Drawn", points=Fraction(STATEMENTS), questions=tuple(
    Question(id=one[:-1], title="Q", statements=(Statement(id=one, text="A statement."),)) for one in IDS))


def draw(groups: int, rng: np.random.Generator) -> np.ndarray:
    """Draw verdicts of groups that work by themselves, shape (groups, STATEMENTS)."""
    skill = rng.normal(size=(groups, 1))
    right = rng.random((groups, STATEMENTS)) < 1 / (1 + np.exp(-SLOPE * (skill - DIFFICULTY)))
    abstained = rng.random((groups, STATEMENTS)) < 1 / (1 + np.exp(-(RELUCTANCE - 0.5 * skill)))
    return np.where(abstained, ABSTAINED, np.where(right, RIGHT, WRONG)).astype(np.int8)


def worth(verdicts: np.ndarray) -> np.ndarray:
    """Give the points of verdicts: 1, -1 and 0."""
    return np.asarray(np.array([1.0, -1.0, 0.0])[verdicts])


def bootstrap(right: np.ndarray, rest: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    """Give the percentile interval of a correlation over resampled groups."""
    rows = rng.integers(0, len(right), size=(RESAMPLES, len(right)))
    x, y = right[rows], rest[rows]
    x, y = x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = (x * y).sum(axis=1) / np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)


def coverage(groups: int, classes: int, rng: np.random.Generator) -> dict[str, float]:
    """Give the share of intervals that cover the truth, ours and the bootstrap's."""
    many = draw(200_000, rng)
    truth = [found.value if found else np.nan for found in discrimination(many, worth(many))]
    ours, theirs = [], []
    for _ in range(classes):
        verdicts = draw(groups, rng)
        points = worth(verdicts)
        for place, found in enumerate(discrimination(verdicts, points)):
            if found is None:
                continue
            answered = verdicts[:, place] != ABSTAINED
            rest = (points.sum(axis=1) - points[:, place])[answered]
            low, high = bootstrap((verdicts[answered, place] == RIGHT).astype(float), rest, rng)
            ours.append(found.interval[0] <= truth[place] <= found.interval[1])
            theirs.append(low <= truth[place] <= high)
    return {"noncentral_t": float(np.mean(ours)), "bootstrap": float(np.mean(theirs))}


def doubts(groups: int, classes: int, rng: np.random.Generator) -> dict[str, float]:
    """Give the share of wrong keys, and of right ones, that are listed for a look; one key in each class is wrong."""
    found = doubted = 0
    for number in range(classes):
        broken = IDS[number % STATEMENTS]
        key = Key(quiz="drawn", answers={
            one: KeyEntry(answer="no" if one == broken else "yes", why="So.") for one in IDS})
        words = np.array(["yes", "no", "abstain"])[draw(groups, rng)]
        marked = {
            f"group{row}": mark(SHEET, key, Answers.of(dict(zip(IDS, answers.tolist(), strict=True))))
            for row, answers in enumerate(words)}
        listed = {one.id for one in statistics(marked).key_doubts}
        found += broken in listed
        doubted += len(listed - {broken})
    return {"wrong_keys_listed": found / classes, "right_keys_listed": doubted / classes / (STATEMENTS - 1)}


def alarms(groups: int, classes: int, rng: np.random.Generator) -> dict[str, float]:
    """Give the share of classes in which independent groups, and one group with its copy, are said to be unlikely.

    Copies are made as they are, and with one and two verdicts changed.
    """
    said = dict.fromkeys(("independent", "independent_nearly", "copied", "one_changed", "two_changed"), 0)
    for _ in range(classes):
        verdicts = draw(groups, rng)
        said["independent"] += any(same.in_class < 0.05 for same in identical(verdicts))
        said["independent_nearly"] += any(near.in_class < 0.05 for near in nearly(verdicts))
        verdicts[1] = verdicts[0]
        said["copied"] += any(same.in_class < 0.05 for same in identical(verdicts) if {0, 1} <= set(same.groups))
        for changes, name in ((1, "one_changed"), (2, "two_changed")):
            verdicts[1] = verdicts[0]
            places = rng.choice(STATEMENTS, changes, replace=False)
            verdicts[1, places] = (verdicts[1, places] + rng.integers(1, 3, changes)) % 3
            said[name] += any(
                near.in_class < 0.05 for near in nearly(verdicts) if {0, 1} <= {*near.groups[0], *near.groups[1]})
    return {name: times / classes for name, times in said.items()}


def main() -> None:
    """Measure as the arguments say, and print the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classes", type=int, default=100)
    options = parser.parse_args()
    print(json.dumps({
        str(groups): {
            "coverage_of_95_percent_intervals": coverage(groups, options.classes, np.random.default_rng(1)),
            "keys": doubts(groups, options.classes, np.random.default_rng(2)),
            "identical_answers_called_unlikely": alarms(groups, options.classes, np.random.default_rng(3)),
        } for groups in (10, 20, 60)
    }, indent=2))


if __name__ == "__main__":
    main()
