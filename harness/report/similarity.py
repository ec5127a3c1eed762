"""The page on what hand-ins of a class share: a matrix, the usual shares, and pairs side by side."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness.report.render import environment, write_atomically
from harness.similarity import Pair, Similarity
from harness.similarity.results import KINDS, Kind

__all__ = ["render_similarity", "write_similarity"]

TITLES: dict[Kind, str] = {"code": "Code", "text": "Words", "weights": "Weights"}
MOST_GROUPS = 60        # in the matrix; of a larger class, those of the pairs that are shown
STEPS = 8               # of shading


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell of the matrix: the share in percent, its shade, and the pair that it leads to, if that is shown."""

    percent: str
    heat: int | None
    pair: int | None
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """How many pairs have a share in a range, with the length of its bar in percent."""

    label: str
    counts: dict[Kind, int]
    bars: dict[Kind, float]


def render_similarity(found: Similarity) -> str:
    """Render a comparison as a complete HTML page that loads nothing and runs nothing."""
    shown = _shown_groups(found)
    return environment("similarity.css").get_template("similarity.html").render(
        found=found, kinds=KINDS, titles=TITLES, groups=[found.groups[place] for place in shown],
        rows=_matrix(found, shown), usual=_usual(found), chances_of=partial(_chance, found=found),
        part=len(shown) < len(found.groups),
    )


def write_similarity(found: Similarity, folder: Path) -> Path:
    """Write `similarity.html` and `similarity.json` into a folder, each whole or not at all; gives the page's path.

    Raises:
        UserError: they cannot be written.

    """
    write_atomically(folder / "similarity.json", found.model_dump_json() + "\n")
    write_atomically(folder / "similarity.html", render_similarity(found))
    return folder / "similarity.html"


def _shown_groups(found: Similarity) -> list[int]:
    if len(found.groups) <= MOST_GROUPS:
        return list(range(len(found.groups)))
    named = {group for pair in found.pairs for group in pair.groups}
    return [place for place, group in enumerate(found.groups) if group in named][:MOST_GROUPS]


def _matrix(found: Similarity, shown: list[int]) -> list[list[Cell | None]]:
    """Lay out the largest share of each pair of groups; None on the diagonal."""
    pairs = {frozenset(pair.groups): number for number, pair in enumerate(found.pairs, 1)}
    def cell(row: int, column: int) -> Cell | None:
        pair = pairs.get(frozenset((found.groups[row], found.groups[column])))
        return None if row == column else _cell(found, row, column, pair)

    return [[cell(row, column) for column in shown] for row in shown]


def _cell(found: Similarity, row: int, column: int, pair: int | None) -> Cell:
    shares = {kind: found.matrices[kind][row][column] for kind in KINDS}
    known = {kind: share for kind, share in shares.items() if share is not None}
    if not known:
        return Cell(percent="–", heat=None, pair=None, kind="nothing to compare")
    kind = max(known, key=lambda one: known[one])
    share = known[kind]
    heat = min(STEPS, int(share * STEPS + 0.5)) if share else None
    return Cell(percent=f"{share:.0%}", heat=heat or None, pair=pair, kind=TITLES[kind].lower())


def _usual(found: Similarity) -> list[Usual]:
    most = {kind: max([*found.usual[kind], 1]) for kind in KINDS}
    count = len(found.usual["code"])
    return [
        Usual(
            label=f"{100 * place // count} to {100 * (place + 1) // count} %",
            counts={kind: found.usual[kind][place] for kind in KINDS},
            bars={kind: round(100 * found.usual[kind][place] / most[kind], 1) for kind in KINDS})
        for place in range(count)]


def _chance(pair: Pair, *, found: Similarity) -> dict[Kind, str]:
    """Say how a share stands among those of all pairs."""
    said: dict[Kind, str] = {}
    for kind in KINDS:
        share, total = pair.shares[kind], sum(found.usual[kind])
        if share is not None and share > 0:
            said[kind] = f"{pair.more_alike[kind]} of {total:,} pairs share more"
    return said
