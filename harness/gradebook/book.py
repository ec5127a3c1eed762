"""The gradebook's file: what is written into it and read from it, safe with several processes at once.

SQLite with a write-ahead log (https://www.sqlite.org/wal.html): readers never wait, writers wait for each other, and
what was written is on the disk before the call returns. The file must lie on a disk of the machine, not on a network
file system, where the log does not work.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, create_engine, delete, event, exc, func, select
from sqlalchemy.orm import Session

from harness.errors import HarnessFault, UserError
from harness.gradebook.migrations import STEPS, migrate
from harness.gradebook.tables import Attempt, AutomaticMark, HandedIn, PersonMark, Unfiled
from harness.records import GradeResult
from harness.rubric import GivenMark, without_hand_marks
from harness.scratch import held

__all__ = ["BUSY_SECONDS", "Change", "Gradebook", "SaidMeanwhile", "now", "result_hash"]

BUSY_SECONDS = 60.0
"""How long a writer waits for others before it gives up."""


class SaidMeanwhile(UserError):  # noqa: N818 - it says what happened
    """Points were given, or taken back, since whoever gives them now looked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a person says about one criterion of a group.

    Attributes:
        points: None to take back what was given.
        evidence: CriterionMark.evidence of what the person saw.

    """

    group: str
    assignment: str
    criterion: str
    points: Fraction | None
    author: str
    reason: str
    evidence: str


class Gradebook:
    """The gradebook of a course; the file is made, or brought to the newest form, when it is opened.

    Raises:
        UserError: the file cannot be written or opened, or a newer program wrote it.
        HarnessFault: it is damaged.

    """

    def __init__(self, path: Path, *, busy_seconds: float = BUSY_SECONDS) -> None:
        self.path = path
        self._engine = _engine(path, busy_seconds)
        with self._told():
            self._prepare()

    def _prepare(self) -> None:
        with self._engine.connect() as connection:
            taken = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        if taken == len(STEPS):
            return
        # Only one process at a time may turn the log on, which waits for nobody.
        outside = self._engine.execution_options(begin="")
        with held(self.path.parent.resolve()), outside.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        with self._writing() as session:
            migrate(session.connection(), name=str(self.path))

    # --- attempts

    def add_attempt(self, result: GradeResult) -> bool:
        """Add a grade, unless it is the same as the group's last one; say whether it was added."""
        found = result_hash(result)
        marks = without_hand_marks(result.marks)
        provenance = result.provenance
        with self._told(), self._writing() as session:
            last = session.scalars(
                select(Attempt).where(Attempt.group == result.group, Attempt.assignment == result.assignment)
                .order_by(Attempt.id.desc()).limit(1)).first()
            if last is not None and last.result_hash == found:
                return False
            session.add(Attempt(
                group=result.group, assignment=result.assignment, hand_in_hash=provenance.hand_in_hash,
                result_hash=found, graded=provenance.created, box=provenance.box, data=provenance.data,
                budget=provenance.budget, rubric_hash=provenance.rubric_hash, versions=provenance.versions,
                points=marks.points, max_points=marks.max_points, open_points=marks.open_points, marks=[
                    AutomaticMark(criterion=one.id, outcome=one.outcome.value, points=one.points,
                                  max_points=one.max_points, evidence=one.evidence)
                    for part in marks.parts for one in part.criteria
                ]))
        return True

    def attempts(self, group: str) -> list[tuple[Attempt, list[AutomaticMark]]]:
        """List a group's attempts with the marks of each, the oldest first."""
        with self._told(), self._reading() as session:
            found = session.scalars(select(Attempt).where(Attempt.group == group).order_by(Attempt.id)).all()
            return [(one, list(one.marks)) for one in found]

    def groups(self) -> list[str]:
        """List the groups that were graded."""
        with self._told(), self._reading() as session:
            return list(session.scalars(select(Attempt.group).distinct().order_by(Attempt.group)))

    # --- what persons say

    def say(
        self, changes: Sequence[Change], *, reports: Path, once: bool = False,
        seen: Mapping[tuple[str, str, str], int] | None = None,
    ) -> list[Change]:
        """Add what a person says, all of it or nothing, and note that the reports do not show it yet.

        Args:
            changes: of any groups.
            reports: the folder of all reports.
            once: leave out what the same person said before in the same words, even if it was replaced since.
            seen: by group, assignment and criterion the `id` of the mark that stood when the person looked, 0 for none.

        Returns:
            What was added.

        Raises:
            SaidMeanwhile: another mark stands by now than was seen; nothing is added.

        """
        added = []
        with self._told(), self._writing() as session:
            for key, known in (seen or {}).items():
                if self._stands(session, *key) != known:
                    raise SaidMeanwhile("somebody else has marked this meanwhile; look at it, and replace it knowingly")
            for one in changes:
                if once and self._said(session, one):
                    continue
                session.add(PersonMark(
                    group=one.group, assignment=one.assignment, criterion=one.criterion,
                    points=None if one.points is None else str(one.points), author=one.author, reason=one.reason,
                    time=now(), evidence=one.evidence))
                added.append(one)
            for group in dict.fromkeys(one.group for one in added):
                session.add(Unfiled(group=group, reports=str(reports.resolve())))
        return added

    @staticmethod
    def _stands(session: Session, group: str, assignment: str, criterion: str) -> int:
        newest = session.scalars(select(PersonMark).where(
            PersonMark.group == group, PersonMark.assignment == assignment, PersonMark.criterion == criterion,
        ).order_by(PersonMark.id.desc()).limit(1)).first()
        return newest.id if newest is not None and newest.points is not None else 0

    def standing(self) -> dict[tuple[str, str, str], PersonMark]:
        """Give the points that stand in the whole course, by group, assignment and criterion."""
        newest = select(func.max(PersonMark.id)).group_by(
            PersonMark.group, PersonMark.assignment, PersonMark.criterion)
        with self._told(), self._reading() as session:
            found = session.scalars(
                select(PersonMark).where(PersonMark.id.in_(newest), PersonMark.points.is_not(None))).all()
            return {(one.group, one.assignment, one.criterion): one for one in found}

    @staticmethod
    def _said(session: Session, change: Change) -> bool:
        return session.scalars(select(PersonMark.id).where(
            PersonMark.group == change.group, PersonMark.assignment == change.assignment,
            PersonMark.criterion == change.criterion, PersonMark.points == str(change.points),
            PersonMark.author == change.author, PersonMark.reason == change.reason).limit(1)).first() is not None

    def marks_of(self, group: str, assignment: str) -> dict[str, GivenMark]:
        """Give the points that stand, by criterion."""
        with self._told(), self._reading() as session:
            said = session.scalars(select(PersonMark).where(
                PersonMark.group == group, PersonMark.assignment == assignment).order_by(PersonMark.id)).all()
        newest = {one.criterion: one for one in said}
        return {
            name: GivenMark(points=Fraction(one.points), author=one.author, reason=one.reason, time=one.time,
                            evidence=one.evidence)
            for name, one in newest.items() if one.points is not None
        }

    def person_marks(self, group: str) -> list[PersonMark]:
        """List everything that persons said about a group's criteria, the oldest first."""
        with self._told(), self._reading() as session:
            return list(session.scalars(select(PersonMark).where(PersonMark.group == group).order_by(PersonMark.id)))

    def say_handed_in(
        self, result: GradeResult, moment: datetime, *, author: str, reason: str, reports: Path,
    ) -> None:
        """Note when the hand-in that was graded came; it holds for this hand-in alone, not for a later one."""
        with self._told(), self._writing() as session:
            session.add(HandedIn(
                group=result.group, assignment=result.assignment, hand_in_hash=result.provenance.hand_in_hash,
                moment=moment.isoformat(), author=author, reason=reason, time=now()))
            session.add(Unfiled(group=result.group, reports=str(reports.resolve())))

    def handed_in(self, result: GradeResult) -> tuple[datetime, str] | None:
        """Give when a person says that this hand-in came, and who says so."""
        with self._told(), self._reading() as session:
            said = session.scalars(select(HandedIn).where(
                HandedIn.group == result.group, HandedIn.assignment == result.assignment,
                HandedIn.hand_in_hash == result.provenance.hand_in_hash).order_by(HandedIn.id.desc()).limit(1)).first()
        return (datetime.fromisoformat(said.moment), f"{said.author}: {said.reason}") if said else None

    def times_said(self, group: str) -> list[HandedIn]:
        """List everything that persons said about when a group handed in, the oldest first."""
        with self._told(), self._reading() as session:
            return list(session.scalars(select(HandedIn).where(HandedIn.group == group).order_by(HandedIn.id)))

    # --- reports that lag behind

    def unfiled(self, reports: Path) -> dict[str, int]:
        """Give the groups whose reports lag behind, each with the newest note of it."""
        with self._told(), self._reading() as session:
            rows = session.scalars(
                select(Unfiled).where(Unfiled.reports == str(reports.resolve())).order_by(Unfiled.id)).all()
        return {row.group: row.id for row in rows}

    def filed(self, group: str, reports: Path, *, up_to: int) -> None:
        """Note that the group's report shows everything up to a note that `unfiled` gave."""
        with self._told(), self._writing() as session:
            session.execute(delete(Unfiled).where(
                Unfiled.group == group, Unfiled.reports == str(reports.resolve()), Unfiled.id <= up_to))

    # --- the file

    def problems(self) -> list[str]:
        """Let SQLite look through the whole file; give what is wrong with it."""
        with self._told(), self._engine.connect() as connection:
            found = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check")]
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        return [*(line for line in found if line != "ok"), *(f"{row[0]} names a row of {row[2]} that is not there"
                                                            for row in broken)]

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Session]:
        engine = self._engine.execution_options(begin="BEGIN IMMEDIATE")
        with Session(engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Session]:
        with Session(self._engine, expire_on_commit=False) as session:
            yield session
            session.expunge_all()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what SQLite says into a sentence."""
        try:
            yield
        except exc.OperationalError as error:
            said = str(error.orig)
            if any(sign in said for sign in ("disk I/O error", "disk is full")):
                raise HarnessFault(
                    f"{self.path}: the gradebook cannot be written ({said}); make room on its disk, and call again",
                ) from error
            remedy = "call again" if "locked" in said else "check the folder's permissions and the free space"
            raise UserError(f"{self.path}: the gradebook cannot be used ({said}); {remedy}") from error
        except exc.DatabaseError as error:
            raise HarnessFault(
                f"{self.path}: the gradebook is damaged ({error.orig}); put back a copy of the file, or move it away "
                "to begin a new one") from error


def now() -> str:
    """Give the time as the gradebook writes it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def result_hash(result: GradeResult) -> str:
    """Hash what a grade found out: without its times, and without what persons gave and the course deducts."""
    told = result.model_copy(update={"marks": without_hand_marks(result.marks)}).model_dump(
        mode="json", by_alias=True, exclude={"provenance": {"created", "durations"}})
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _engine(path: Path, busy_seconds: float) -> Engine:
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool, connect_args={"timeout": busy_seconds})

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None       # transactions begin where SQLAlchemy says, not where sqlite3 guesses
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")     # a mark that was given outlives a power cut

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        if begin := connection.get_execution_options().get("begin", "BEGIN"):
            connection.exec_driver_sql(begin)

    return engine
