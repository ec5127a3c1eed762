"""`harness quiz stats`: what a class's answers say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.exits import DONE, FAULTS
from harness.cli.options import AsJson

if TYPE_CHECKING:
    from rich.table import Table

    from harness.quiz.cohort import QuizStatistics

__all__ = ["stats"]

MOST_ARGUMENTS = 3      # shown for a statement; --json has all
MOST_GROUPS = 8         # named of those with the same answers
MOST_PAIRS = 10         # named of those with nearly the same answers


def stats(
    hand_ins: Annotated[list[Path], typer.Argument(
        metavar="HAND-IN...", help="Folders of hand-ins, or files of answers.")],
    *,
    quiz: Annotated[str | None, typer.Option(
        "--quiz", metavar="NAME", show_default="the one that all answer", help="Which quiz is looked at.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what a class's answers tell about the statements; needs the key.

    Shares and correlations come with intervals of 95 %. What is listed for a look is no verdict on anybody.
    """
    from harness.cli.terminal import console, plain, printed_json
    from harness.course import find_course
    from harness.documents import counted
    from harness.quiz.cohort import statistics
    from harness.quiz.collect import collect

    collected = collect(hand_ins, course=find_course(), quiz=quiz)
    found = statistics(collected.marked, left_out=collected.left_out)
    if as_json:
        typer.echo(printed_json(found))
    else:
        out = console()
        out.print(_table(found))
        for line in _lines(found):
            out.print(line)
        if collected.others:
            out.print(f"[dim]not counted, as another quiz is answered: {counted(len(collected.others), 'hand-in')}[/]")
        for name, why in found.left_out.items():
            out.print(f"[yellow]not counted[/] {plain(name)}: {plain(why)}")
    raise typer.Exit(FAULTS if found.left_out else DONE)


def _table(found: QuizStatistics) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from harness.cli.terminal import plain
    from harness.documents import counted
    from harness.quiz import figures

    table = Table(
        title=f"{plain(found.quiz)} · {counted(found.groups, 'group')}", title_justify="left", box=SIMPLE_HEAD,
        show_edge=False, pad_edge=False)
    for title, justify in (
        ("", "left"), ("key", "left"), ("right", "right"), ("wrong", "right"), ("left out", "right"),
        ("facility", "right"), ("discrimination", "right"),
    ):
        table.add_column(title, justify=justify, no_wrap=True)      # type: ignore[arg-type]
    for one in found.statements:
        table.add_row(
            plain(one.id), one.key or "", *(f"{share.count}" for share in (one.right, one.wrong, one.abstained)),
            figures.share(one.facility), figures.estimate(one.discrimination))
    return table


def _lines(found: QuizStatistics) -> Iterator[str]:
    """Say in words, as markup, what the table does not."""
    from harness.cli.terminal import plain
    from harness.quiz import figures

    yield (
        "[dim]facility: percent right of those that answered; discrimination: correlation of\n"
        "being right with the points on the others; in brackets intervals of 95%[/]")
    yield (
        f"\n[bold]Points[/] mean {found.mean_points:.2f}, median {found.median_points:.2f}"
        f" of {found.max_points:g}")
    yield f"[bold]Reliability[/] KR-20 {figures.estimate(found.kr20)}"
    if found.void:
        yield f"[bold]Void[/], counted nowhere: {plain(', '.join(found.void))}"
    for doubt in found.key_doubts:
        yield (
            f"[yellow]look at the key of[/] {plain(doubt.id)}: {doubt.better.count} of {doubt.better.of} in the better"
            f" half contradict it ({doubt.key}), {doubt.others.count} of {doubt.others.of} of the others; "
            f"by chance anywhere on the sheet: {figures.chance(doubt.by_chance)}")
    yield from _alike(found)
    yield from _arguments(found)


def _alike(found: QuizStatistics) -> Iterator[str]:
    """Name groups with the same answers, or nearly so, and how likely chance makes that."""
    from harness.documents import counted
    from harness.quiz import figures

    for same in found.same_patterns:
        yield (
            f"[yellow]same answers[/] {_groups(same.groups)}: {same.right} right, "
            f"{same.wrong} wrong, {same.abstained} left out; "
            f"by chance anywhere in the class: {figures.chance(same.in_class)}")
    for near in found.near_patterns[:MOST_PAIRS]:
        yield (
            f"[yellow]nearly the same[/] {_groups(near.groups)} and {_groups(near.others)}: all but "
            f"{', '.join(near.apart)}; {counted(near.alike_wrong, 'wrong answer')} in common; "
            f"by chance anywhere in the class: {figures.chance(near.in_class)}")
    left = len(found.near_patterns[MOST_PAIRS:])
    if left:
        yield f"[dim]and {counted(left, 'more pair')} that chance is not expected to make (--json)[/]"
    if found.near_unlisted:
        more = counted(found.near_unlisted, "more pair")
        yield f"[dim]{more} at most two statements apart, which chance alone does in such a class[/]"


def _groups(names: Sequence[str]) -> str:
    from harness.cli.terminal import plain

    more = f" and {len(names) - MOST_GROUPS} more" if len(names) > MOST_GROUPS else ""
    return plain(", ".join(names[:MOST_GROUPS])) + more


def _arguments(found: QuizStatistics) -> Iterator[str]:
    from harness.cli.terminal import plain

    argued = [one for one in found.statements if one.arguments]
    if argued:
        yield "\n[bold]Arguments for wrong answers[/]"
    for one in sorted(argued, key=lambda one: -one.wrong.count):
        answer = {"yes": "no", "no": "yes"}.get(one.key or "", "")
        say = "says" if one.wrong.count == 1 else "say"
        yield f"{plain(one.id)}, {one.wrong.count} of {found.groups} {say} {answer}:"
        for argument in one.arguments[:MOST_ARGUMENTS]:
            times = f" ({len(argument.groups)} groups)" if len(argument.groups) > 1 else ""
            yield f"  “{plain(argument.text)}”{times}"
        if len(one.arguments) > MOST_ARGUMENTS:
            yield f"  [dim]and {len(one.arguments) - MOST_ARGUMENTS} more (--json)[/]"

