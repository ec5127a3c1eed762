"""Time the grading of a whole class: speed, what the harness costs beside the models, and grading again.

    python benchmarks/class.py [--hand-ins N] [--budget quick|full] [--data DIR | --stand-in] [--json]
    python benchmarks/class.py --simulate 1000 [--json]

The first form makes N hand-ins of a shipped one (submissions/group2, a convolutional VAE with its checkpoint), each
with weights of its own, and grades them with an empty store in one process and in two; then again unchanged, after an
edit of the rubric, and after an edit of one hand-in. The second form simulates a large class: models are not run, what
was found out about one stands for all, and no time is waited; all else (intake, theory, report, marks, pages, the list
of all) is done for each. It tells whether time per hand-in and memory stay the same as the class grows.

Times of the first form are wall clock, so the machine should be idle; those of the second are of the processor.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from harness import grading  # noqa: E402 - found through the line above, also where the package is not installed
from harness.batch import (  # noqa: E402
    Done,
    InlineRunner,
    LocalRunner,
    Settings,
    Task,
    cores,
    open_workshop,
    store_of,
    tasks_for,
)
from harness.batch.task import recall_task  # noqa: E402
from harness.course import Course  # noqa: E402
from harness.limits import FULL, QUICK  # noqa: E402
from harness.records import ModelResult  # noqa: E402
from harness.report import write_index  # noqa: E402

HAND_IN = ROOT / "submissions" / "group2"
BLOCKS = 10


def course_in(folder: Path) -> Course:
    """Lay out a course folder with an empty store."""
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "course.yaml", folder)
    for name in ("quiz", "rubrics"):
        shutil.copytree(ROOT / name, folder / name)
    return Course(folder)


def class_of(number: int, folder: Path) -> list[Path]:
    """Make hand-ins with weights of their own: those of the shipped one, each times 1 + a small random number."""
    weights = load_file(HAND_IN / "vae.safetensors")
    made = []
    for n in range(number):
        rng = np.random.default_rng(n)
        place = folder / f"group{n}"
        shutil.copytree(HAND_IN, place)
        save_file({
            name: (one * (1 + 1e-3 * rng.standard_normal(one.shape))).astype(one.dtype)
            for name, one in weights.items()
        }, place / "vae.safetensors")
        manifest = (place / "submission.yaml").read_text()
        (place / "submission.yaml").write_text(manifest.replace("group: group2", f"group: group{n}"))
        made.append(place)
    return made


def graded(tasks: list[Task], settings: Settings, jobs: int) -> tuple[float, list[Done]]:
    """Grade in so many processes; give the seconds of wall clock, the start of the processes included."""
    begun = time.perf_counter()
    ends = list(LocalRunner(settings, jobs=jobs).run(tasks, lambda *_: None))
    seconds = time.perf_counter() - begun
    broken = [done.failed or str(done.group) for done in ends if done.result is None]
    if broken:
        sys.exit(f"not graded: {broken}")
    return seconds, ends


def model_seconds(course: Course) -> list[float]:
    return [entry.seconds for entry in store_of(course).entries() if entry.stage == "model"]


def measure(options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """Time one job, two jobs, and grading again."""
    hand_ins = class_of(options.hand_ins, scratch / "submissions")
    runs: dict[int, tuple[float, list[Done], Settings, Course]] = {}
    for jobs in (1, 2):
        course = course_in(scratch / f"course{jobs}")
        settings = Settings(
            course=course.root, data_folder=options.data, stand_in=options.stand_in, threads=max(1, cores() // jobs),
            budget={"full": FULL, "quick": QUICK}[options.budget])
        runs[jobs] = (*graded(tasks_for(hand_ins, course.reports), settings, jobs), settings, course)
    seconds, ends, settings, course = runs[1]
    models = model_seconds(course)
    return {
        "hand_ins": len(hand_ins), "cores": cores(), "load": os.getloadavg()[0], "budget": options.budget,
        "seconds_one_job": seconds, "seconds_two_jobs": runs[2][0], "speed_up": seconds / runs[2][0],
        "hand_ins_per_hour_two_jobs": 3_600 * len(hand_ins) / runs[2][0],
        "overhead_share": sum(done.seconds for done in ends) / sum(models) - 1,
        **again(hand_ins, settings, course),
    }


def again(hand_ins: list[Path], settings: Settings, course: Course) -> Mapping[str, float]:
    """Time what is taken from the store: unchanged, with another rubric, with one other hand-in."""
    shop = open_workshop(settings)
    tasks = tasks_for(hand_ins, course.reports)

    def recalled() -> tuple[float, int]:
        times = []
        missed = 0
        for task in tasks:
            begun = time.perf_counter()
            done = recall_task(task, shop)
            times.append(time.perf_counter() - begun)
            missed += done is None
        return statistics.median(times), missed

    recalled()      # imports what writing needs
    unchanged, missed = recalled()
    rubric = course.rubrics / "summer23.yaml"
    rubric.write_text(rubric.read_text() + "# edited\n")
    with_rubric, missed_with_rubric = recalled()
    (hand_ins[0] / "vae.py").write_text((hand_ins[0] / "vae.py").read_text() + "# edited\n")
    _, missed_one = recalled()
    if (missed, missed_with_rubric, missed_one) != (0, 0, 1):
        sys.exit(f"made anew: {missed} unchanged, {missed_with_rubric} with another rubric, {missed_one} of one edited")
    return {"again_seconds_each": unchanged, "again_with_rubric_seconds_each": with_rubric}


def simulate(number: int, scratch: Path) -> dict[str, Any]:
    """Grade a large class whose models are not run, and look at time and memory block by block."""
    course = course_in(scratch / "course")
    settings = Settings(course=course.root, stand_in=True, stand_in_images=(60, 40), budget=QUICK, unconfined=True)
    shop = open_workshop(settings)
    found = ModelResult.model_validate_json(_some_model(scratch))

    def stub(_submission: Any, name: str, *_others: Any) -> ModelResult:
        return found.model_copy(update={"name": name})

    vars(grading)["measure_model"] = stub
    runner = InlineRunner(shop)
    template = scratch / "template"
    shutil.copytree(HAND_IN, template)
    (template / "answers.pdf").unlink()
    shutil.copy(ROOT / "submissions" / "group3" / "answers.yaml", template)
    manifest = (template / "submission.yaml").read_text().replace("answers.pdf", "answers.yaml")
    blocks = []
    for block in range(BLOCKS):
        hand_ins = []
        for n in range(block * number // BLOCKS, (block + 1) * number // BLOCKS):
            place = scratch / "submissions" / f"group{n}"
            shutil.copytree(template, place)
            (place / "submission.yaml").write_text(manifest.replace("group: group2", f"group: group{n}"))
            hand_ins.append(place)
        begun = time.process_time()
        for done in runner.run(tasks_for(hand_ins, course.reports), lambda *_: None):
            if done.result is None:
                sys.exit(f"not graded: {done.failed}")
        blocks.append({
            "hand_ins": len(hand_ins), "seconds_each": (time.process_time() - begun) / len(hand_ins),
            "memory_mib": _memory() / 2**20,
        })
    begun = time.process_time()
    write_index(course.reports)
    each = [block["seconds_each"] for block in blocks]
    return {
        "hand_ins": number, "blocks": blocks, "index_seconds": time.process_time() - begun,
        "slowest_over_fastest_block": max(each) / min(each),
        "memory_growth_mib": blocks[-1]["memory_mib"] - blocks[0]["memory_mib"],
    }


def _some_model(scratch: Path) -> bytes:
    """Measure one model for real, on few images, so that what stands for all has pictures, maps and tables."""
    from dataclasses import replace

    course = course_in(scratch / "one")
    budget = replace(
        QUICK, train_images=500, test_images=300, samples=300, pairs=20, probe_images=20, copies=50, bootstrap=50)
    settings = Settings(course=course.root, stand_in=True, stand_in_images=(600, 300), budget=budget)
    (task,) = tasks_for([HAND_IN], course.reports)
    graded([task], settings, 1)
    shown = json.loads((course.reports / task.group / "result.json").read_bytes())
    return json.dumps(shown["measurements"]["vae"]).encode()


def _memory() -> int:
    """Give the resident memory of this process in bytes (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--hand-ins", type=int, default=8)
    parser.add_argument("--budget", choices=("quick", "full"), default="quick")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--stand-in", action="store_true")
    parser.add_argument("--simulate", type=int, metavar="N", help="simulate a class of N hand-ins")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="class-") as name:
        scratch = Path(name)
        found = simulate(options.simulate, scratch) if options.simulate else measure(options, scratch)
    if options.json:
        print(json.dumps(found, indent=2))
        return
    for title, value in found.items():
        if title == "blocks":
            for block in value:
                print(f"  {block['seconds_each']:.3f} s each, {block['memory_mib']:.0f} MiB")
        else:
            print(f"{title.replace('_', ' ')}: {value:.4g}" if isinstance(value, float) else f"{title}: {value}")


if __name__ == "__main__":
    main()
