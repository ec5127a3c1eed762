"""Measure the baselines that stand beside every measurement, on the official data, and write them down.

    python scripts/measure_baselines.py --data DIR

Writes harness/weights/baselines.json. Run it again whenever a metric or a judge network changes: the tests measure
some of the numbers anew and compare. Sizes of codes other than those of the shipped hand-ins are measured when needed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from harness import data, evidence
from harness.features import Judges
from harness.limits import FULL, QUICK
from harness.metrics import FAMILIES
from harness.metrics.base import Recall, Scene
from harness.sandbox.plain import PlainBox
from harness.store import SHIPPED
from harness.submissions import intake

ROOT = Path(__file__).resolve().parent.parent
HAND_INS = (("group2", "vae"), ("group3", "other"))


def _keeping(found: dict[str, dict[str, float]]) -> Recall:
    def recall(name: str, make: Callable[[], dict[str, float]]) -> dict[str, float]:
        if name not in found:
            found[name] = make()
        return found[name]

    return recall


def main() -> None:
    """Grade the shipped hand-ins with nothing remembered, and keep what the metrics ask to be remembered."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=None)
    given = parser.parse_args()
    official = data.load(folder=given.data)
    judges = Judges(official)
    budgets: dict[str, dict[str, dict[str, float]]] = {}
    for budget in (FULL, QUICK):
        found = budgets.setdefault(budget.name, {})
        for group, model in HAND_INS:
            with tempfile.TemporaryDirectory() as folder:
                submission = intake(ROOT / "submissions" / group, Path(folder) / "hand-in")
                entry = submission.manifest.models[model]
                weights = submission.folder / entry.checkpoints[0] if entry.checkpoint else None
                seen, _ = evidence.gather(
                    submission, model, checkpoint=weights, data=official, box=PlainBox(), budget=budget, seed=0)
            scene = Scene(
                data=official, evidence=seen, perception=judges, budget=budget, seed=0,
                recall=_keeping(found))
            for family in FAMILIES:
                if set(family.needs) <= set(seen.capabilities):
                    family.measure(scene)
            print(f"{budget.name} {group} {model}: {len(found)} baselines", flush=True)
            record = {"data": official.hash, "judges": judges.judge_hash, "budgets": budgets}
            SHIPPED.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
