"""Write docs/measurements.md from the table of metrics; a test fails while the two differ.

python scripts/write_measurements.py
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.metrics import FAMILIES, METRICS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "measurements.md"

INTRODUCTION = """\
# Measurements

Every measurement has a value, a unit, a direction, a 95% interval, a sample size and its baselines. The formulas, with
their sources, stand in the docstrings of `harness/metrics/`; this table is what `harness.metrics.METRICS` says of them.
"""


def page() -> str:
    """Give the page as Markdown."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield INTRODUCTION
    for family in FAMILIES:
        needs = ", ".join(f"`{need}`" for need in family.needs)
        yield f"## {family.title}\n\nNeeds: {needs}.\n"
        yield "| name | what | unit | better | read it as |\n|---|---|---|---|---|"
        for metric in METRICS.values():
            if metric.family == family.name:
                yield f"| `{metric.name}` | {metric.title} | {metric.unit} | {metric.better} | {metric.explains} |"
        yield ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
