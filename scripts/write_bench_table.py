"""Write the table of the shipped weights into docs/bench.md from their cards; a test fails while the two differ.

Run as `python scripts/write_bench_table.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.bench.cards import Card, load_card
from harness.course import Course, find_course
from harness.scaffold import model_names

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "bench.md"
BEGIN, END = "<!-- table: scripts/write_bench_table.py -->", "<!-- end of table -->"

COLUMNS = (
    ("Fréchet, relative", "distribution.fid_relative", 3), ("second network", "distribution.counter_fid_relative", 3),
    ("recall", "distribution.recall", 2), ("class as asked", "distribution.label_accuracy", 3),
    ("bits per dimension", "likelihood.bits_per_dimension", 2), ("squared error", "reconstruction.mse", 4),
)


def page() -> str:
    """Give the page with the table of the cards as they are."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    table = "\n".join(_lines(find_course(ROOT)))
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{after}"


def _lines(course: Course) -> Iterator[str]:
    cards = [card for name in model_names(course) if (card := load_card(course, name)) is not None]
    titles = ["model", *(title for title, _, _ in COLUMNS), "parameters", "training"]
    yield f"| {' | '.join(titles)} |"
    yield "|---" * len(titles) + "|"
    for card in sorted(cards, key=_quality):
        cells = [f"`{card.name}`", *(_cell(card, name, digits) for _, name, digits in COLUMNS)]
        yield f"| {' | '.join(cells)} | {card.parameters or 0:,} | {card.trained.seconds / 60:.1f} min |"
    told = [(card.name, name, value) for card in cards for name, value in card.told.items()]
    yield ""
    yield "What they tell of themselves, of 2,000 training images:"
    yield ""
    for name in dict.fromkeys(name for name, _, _ in told):
        numbers = "; ".join(f"{what} {value:.4g}" for who, what, value in told if who == name)
        yield f"- `{name}`: {numbers}"


def _quality(card: Card) -> tuple[float, str]:
    one = card.measured.get("distribution.fid_relative")
    return (one.value if one else float("inf"), card.name)


def _cell(card: Card, name: str, digits: int) -> str:
    one = card.measured.get(name)
    return "" if one is None else f"{one.value:.{digits}f}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
