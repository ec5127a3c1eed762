"""Attacks on the real box and the real program: which row each test is for, and the table of what came of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.course import Course
from harness.grading import Workshop
from harness.sandbox.bubblewrap import BubblewrapBox
from tests.attacks.batches import BYSTANDER, course_folder, grade_together, hand_in, lasting, shop_for
from tests.attacks.rows import ROWS


@dataclass(slots=True)
class Told:
    """What came of one test, and what it took together with the fixtures that were made for it."""

    verdict: str = "passed"
    said: list[str] = field(default_factory=list)
    seconds: float = 0.0


_seen: dict[int, dict[str, Told]] = {}      # row -> test -> what came of it


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--attack-table", action="store_true", help="print row, outcome, expected and time of each attack")


@pytest.fixture
def outcome(record_property) -> Callable[[object], None]:
    """Say what came of the attack, for the table: a fault's kind, or a few words."""

    def say(what: object) -> None:
        record_property("outcome", what if isinstance(what, str) else type(what).__name__)

    return say


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.user_properties += [("row", marker.args[0]) for marker in item.iter_markers("row")]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    for row in (value for key, value in report.user_properties if key == "row"):
        told = _seen.setdefault(row, {}).setdefault(report.nodeid, Told())
        told.seconds += report.duration     # of the set-up, too: the attacks of many rows are made there, in one batch
        if not report.passed:
            told.verdict = "skipped" if report.skipped else "FAILED"
        if report.skipped and isinstance(report.longrepr, tuple):
            told.said = [report.longrepr[2].removeprefix("Skipped: ")]
        elif report.when == "call":
            told.said = [str(value) for key, value in report.user_properties if key == "outcome"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if not config.getoption("--attack-table", default=False):
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("row", "attack", "expected", "outcome", "s", title="attacks and faults")
    withstood = 0
    for number, row in ROWS.items():
        tests = list(_seen.get(number, {}).values())
        verdicts = {told.verdict for told in tests}
        verdict = "FAILED" if "FAILED" in verdicts or not tests else "skipped" if "skipped" in verdicts else "passed"
        withstood += verdict == "passed"
        said = list(dict.fromkeys(said for told in tests for said in told.said if said))
        seen = ", ".join(said) or ("no test ran" if not tests else "as expected")
        table.add_row(
            str(number), row.attack, row.expected, seen if verdict == "passed" else f"{verdict}: {seen}",
            f"{sum(told.seconds for told in tests):.1f}")
    console = Console(width=None if terminalreporter.isatty else 110)
    console.print(table)
    console.print(f"{withstood} of {len(ROWS)} rows with the named outcome")


@pytest.fixture(scope="session")
def course(tmp_path_factory) -> Course:
    """A course to be attacked, with its keys."""
    return course_folder(tmp_path_factory.mktemp("attacked") / "course")


@pytest.fixture(scope="session")
def box() -> BubblewrapBox:
    """The real box."""
    return BubblewrapBox.find()


@pytest.fixture(scope="session")
def shop(course, box) -> Workshop:
    """What grades the attackers."""
    return shop_for(course, box)


@pytest.fixture(scope="session")
def bystander(course, shop) -> tuple[Path, str]:
    """An honest hand-in, and what its grade is where nobody else is graded."""
    folder = hand_in(course.submissions / "bystander", BYSTANDER)
    batch = grade_together([folder], shop, course.root / "alone")
    assert batch.faults("bystander") == {}
    return folder, lasting(batch.reports / "bystander" / "result.json")
