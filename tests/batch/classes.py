"""Small classes of hand-ins in a course folder of their own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from harness.batch import InlineRunner, KeptFirst, LocalRunner, Settings, open_workshop, tasks_for
from harness.cli.running import Graded, grade_all
from tests.attacks.tiny import BUDGET, ROOT, noise_hand_in

ANSWERS_ONLY = "group: {group}\nmembers: [Ada Example]\nassignment: summer23\nanswers: answers.yaml\n"


def course_in(folder: Path) -> Path:
    """A course folder with sheets, keys and rubrics."""
    folder.mkdir()
    shutil.copy(ROOT / "course.yaml", folder)
    for name in ("quiz", "rubrics"):
        shutil.copytree(ROOT / name, folder / name)
    return folder


def settings_for(course: Path, **others: object) -> Settings:
    """Settings under which a hand-in without models is graded at once; nothing of theirs is run without a box."""
    return Settings(course=course, stand_in=True, stand_in_images=(60, 40), budget=BUDGET, unconfined=True, **others)


def answers_hand_in(folder: Path, answers: str = "1a: yes", *, group: str = "") -> Path:
    return noise_hand_in(
        folder, group=group, manifest=ANSWERS_ONLY, answers=f"quiz: summer23\nanswers: {{{answers}}}\n")


def graded(folders: list[Path], settings: Settings, reports: Path, *, jobs: int = 1) -> Graded:
    """Grade as `harness grade` does."""
    shop = open_workshop(settings)
    runner = InlineRunner(shop) if jobs == 1 else KeptFirst(shop, LocalRunner(settings, jobs=jobs))
    return grade_all([], shop, reports, quiet=True, tasks=tasks_for(folders, reports), runner=runner, jobs=jobs)


def lasting(reports: Path) -> dict[str, str]:
    """What every result.json below a folder says, but for times."""
    found = {}
    for path in sorted(reports.glob("*/result.json")):
        told = json.loads(path.read_bytes())
        for field in ("created", "durations"):
            told["provenance"].pop(field)
        found[path.parent.name] = json.dumps(told, indent=1)
    return found
