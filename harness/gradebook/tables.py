"""The tables of the gradebook: attempts, the harness's marks, and what persons said, which is only ever added to."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ForeignKey, Index
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

__all__ = ["Attempt", "AutomaticMark", "HandedIn", "PersonMark", "Table", "Unfiled"]


class Table(DeclarativeBase):
    """The root of all tables; `migrations.STEPS` makes them."""

    def fields(self) -> dict[str, Any]:
        """Give the columns by name."""
        return {column.key: getattr(self, column.key) for column in self.__table__.columns}


class Attempt(Table):
    """A graded hand-in; the same one graded again with the same result is no other attempt."""

    __tablename__ = "attempts"
    __table_args__ = (Index("attempts_of", "group", "assignment"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    group: Mapped[str]
    assignment: Mapped[str]
    hand_in_hash: Mapped[str]
    result_hash: Mapped[str]                    # of everything but times and what persons gave
    graded: Mapped[str]                         # ISO 8601, UTC
    box: Mapped[str]
    data: Mapped[str]
    budget: Mapped[str]
    rubric_hash: Mapped[str]
    versions: Mapped[dict[str, str]] = mapped_column(JSON)
    points: Mapped[float]
    max_points: Mapped[float]
    open_points: Mapped[float]
    marks: Mapped[list[AutomaticMark]] = relationship(order_by="AutomaticMark.id")


class AutomaticMark(Table):
    """What the harness gave for one criterion in an attempt."""

    __tablename__ = "automatic_marks"

    id: Mapped[int] = mapped_column(primary_key=True)
    attempt: Mapped[int] = mapped_column(ForeignKey("attempts.id"), index=True)
    criterion: Mapped[str]
    outcome: Mapped[str]
    points: Mapped[float | None]
    max_points: Mapped[float]
    evidence: Mapped[str]                       # CriterionMark.evidence


class PersonMark(Table):
    """Points that a person gave for a criterion, or took back; the newest one of a criterion stands."""

    __tablename__ = "person_marks"
    __table_args__ = (Index("person_marks_of", "group", "assignment", "criterion"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    group: Mapped[str]
    assignment: Mapped[str]
    criterion: Mapped[str]
    points: Mapped[str | None]                  # an exact fraction; None: taken back
    author: Mapped[str]
    reason: Mapped[str]
    time: Mapped[str]                           # ISO 8601, UTC
    evidence: Mapped[str]                       # CriterionMark.evidence when it was given


class HandedIn(Table):
    """When a hand-in came, by the word of a person; the newest one of a hand-in stands."""

    __tablename__ = "handed_in"
    __table_args__ = (Index("handed_in_of", "group", "assignment", "hand_in_hash"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    group: Mapped[str]
    assignment: Mapped[str]
    hand_in_hash: Mapped[str]
    moment: Mapped[str]                         # ISO 8601 with offset
    author: Mapped[str]
    reason: Mapped[str]
    time: Mapped[str]                           # ISO 8601, UTC: when it was said


class Unfiled(Table):
    """A group whose report does not show yet what a person said; gone when it does."""

    __tablename__ = "unfiled"

    id: Mapped[int] = mapped_column(primary_key=True)
    group: Mapped[str]
    reports: Mapped[str]                        # folder of all reports
