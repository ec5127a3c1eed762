"""Time `harness quiz stats --json` over many files of answers: read, marked, counted, from a cold start.

The files are drawn from one seed: groups of different ability that answer yes, no or abstain, with arguments of a
sentence. Each run is a new process, so imports count. Prints one JSON object: seconds of wall clock, and of processor
time, which other programs on the machine change less.

    python benchmarks/quiz.py [--files 2000] [--runs 3]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness.course import Course
from harness.quiz import load_key, load_sheet

ROOT = Path(__file__).resolve().parent.parent
QUIZ = "summer23"
ARGUMENTS = ("the ELBO has two terms", "only where the supports overlap", "as the paper says: the map is exact")


def write_answers(folder: Path, files: int) -> None:
    """Write files of answers as groups of different ability give them."""
    course, draw = Course(ROOT), random.Random(0)
    sheet, key = load_sheet(course, QUIZ), load_key(course, QUIZ)
    if key is None:
        sys.exit(f"the key of {QUIZ} is not here")
    for number in range(files):
        ability = draw.uniform(0.4, 0.95)
        lines = [f"quiz: {QUIZ}", "answers:"]
        for one in sheet.statements:
            true = key.answers[one.id].answer
            answer = true if draw.random() < ability else {"yes": "no", "no": "yes"}[true]
            answer = "abstain" if draw.random() < 0.1 else answer
            if draw.random() < 0.3:
                lines.append(f'  {one.id}: {{answer: {answer}, argument: "{draw.choice(ARGUMENTS)}"}}')
            else:
                lines.append(f"  {one.id}: {answer}")
        (folder / f"group{number}.yaml").write_text("\n".join(lines) + "\n")


def timed(folder: Path, files: int) -> tuple[float, float]:
    """Give the seconds of wall clock and of processor time of one run, start of the process included."""
    command = [sys.executable, "-m", "harness", "quiz", "stats", "--json", *map(str, sorted(folder.glob("*.yaml")))]
    begun, used = time.perf_counter(), os.times()
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    seconds, now = time.perf_counter() - begun, os.times()
    assert json.loads(done.stdout)["groups"] == files
    return seconds, now.children_user + now.children_system - used.children_user - used.children_system


def main() -> None:
    """Time as the arguments say, and print the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_answers(Path(folder), options.files)
        wall, processor = zip(*(timed(Path(folder), options.files) for _ in range(options.runs)), strict=True)
    print(json.dumps({
        "files": options.files, "seconds": wall, "median_seconds": statistics.median(wall),
        "median_processor_seconds": statistics.median(processor),
        "python": platform.python_version(), "machine": platform.machine(), "cores": os.cpu_count(),
    }, indent=2))


if __name__ == "__main__":
    main()
