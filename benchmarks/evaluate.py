"""Time the whole evaluation of one VAE beside a straightforward script, and compare what the two measured.

Both evaluate the same hand-in (submissions/group2, a convolutional VAE with its checkpoint) on all 10,000 test images
from a cold start: new processes, no result of the harness kept from before. The harness does the whole of
`harness grade`, boxes, map, marks and report included; the script (benchmarks/straightforward.py) calls
torch-fidelity, torchmetrics, scikit-learn and umap-learn in sequence, with a loop for each interpolation pair.
The two run in turn, so that both meet the same machine; medians and the ratio of each pair are printed.

    python benchmarks/evaluate.py [--runs 3] [--data DIR] [--json]

Memory is the peak of the proportional set sizes of a run's processes together, looked at once a second (Linux): each
look costs the processes some time, so more of them would slow down what is timed.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HAND_IN = ROOT / "submissions" / "group2"


@dataclass(frozen=True)
class Run:
    """One run of one side: seconds of wall clock, peak memory in bytes, what it printed."""

    seconds: float
    peak: int
    output: str


def timed(command: Sequence[str], env: dict[str, str]) -> Run:
    """Run a command in a process group of its own, and watch the memory of all its processes."""
    begun = time.perf_counter()
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=env, cwd=ROOT)
        peaks = [0]
        ended = threading.Event()
        watcher = threading.Thread(target=_watch, args=(process.pid, peaks, ended))
        watcher.start()
        output, _ = process.communicate()
        seconds = time.perf_counter() - begun
        ended.set()
        watcher.join()
        if process.returncode not in (0, 1):
            errors.seek(0)
            sys.exit(f"{' '.join(command)} ended with {process.returncode}:\n{errors.read()[-3000:]}")
    return Run(seconds, peaks[0], output)


def _watch(root: int, peaks: list[int], ended: threading.Event) -> None:
    while not ended.wait(1.0):
        peaks[0] = max(peaks[0], sum(_memory(pid) for pid in _family(root)))


def _family(root: int) -> list[int]:
    """Give a process and all that descend from it."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(entry.parent.name)] = int(entry.read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def _memory(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def unpacked(data: Path, into: Path) -> Path:
    """Unpack the archives as torchvision would, which is no part of what is timed."""
    raw = into / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for archive in (data / "FashionMNIST" / "raw").glob("*.gz"):
        (raw / archive.stem).write_bytes(gzip.decompress(archive.read_bytes()))
    return into


def measured(report: str) -> dict[str, float]:
    """Read the harness's values out of the result.json that its output names."""
    result = json.loads(Path(json.loads(report)["hand_ins"][0]["result"]).read_text())
    return {name: one["value"] for name, one in result["measurements"]["vae"]["measurements"].items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--data", type=Path, default=os.environ.get("HARNESS_DATA"))
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    given = parser.parse_args()
    if given.data is None:
        sys.exit("say where Fashion-MNIST is: --data DIR or HARNESS_DATA")
    quick, slow = [], []
    fast_values: dict[str, float] = {}
    slow_values: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as scratch:
        plain_data = unpacked(given.data, Path(scratch) / "data")
        for number in range(given.runs):
            cold = Path(scratch) / f"run{number}"
            env = {**os.environ, "XDG_CACHE_HOME": str(cold / "cache"), "HARNESS_DATA": str(given.data)}
            quick.append(timed([
                sys.executable, "-m", "harness", "grade", str(HAND_IN), "--no-store", "--json",
                "--reports", str(cold / "reports")], env))
            fast_values = measured(quick[-1].output)
            slow.append(timed([
                sys.executable, str(ROOT / "benchmarks" / "straightforward.py"), str(HAND_IN),
                "--data", str(plain_data)], env))
            slow_values = json.loads(slow[-1].output.splitlines()[-1])["values"]
            print(f"run {number + 1}: harness {quick[-1].seconds:.1f} s, {quick[-1].peak / 1e9:.2f} GB; "
                  f"straightforward {slow[-1].seconds:.1f} s, {slow[-1].peak / 1e9:.2f} GB", flush=True)
    summarise(quick, slow, fast_values, slow_values, as_json=given.json)


def summarise(
    quick: Sequence[Run], slow: Sequence[Run], ours: dict[str, float], theirs: dict[str, float], *, as_json: bool,
) -> None:
    """Print values side by side, medians, and the ratio."""
    print(f"\n{'measurement':<36}{'harness':>12}{'script':>12}{'relative':>11}")
    for name, value in theirs.items():
        mine = ours.get(name)
        if mine is not None:
            print(f"{name:<36}{mine:>12.5g}{value:>12.5g}{(mine - value) / max(abs(value), 1e-12):>11.1e}")
    ratios = [one.seconds / other.seconds for one, other in zip(slow, quick, strict=True)]
    summary = {
        "ratio": statistics.median(ratios), "ratios": ratios,
        "harness_seconds": statistics.median(run.seconds for run in quick),
        "script_seconds": statistics.median(run.seconds for run in slow),
        "harness_peak_bytes": max(run.peak for run in quick), "script_peak_bytes": max(run.peak for run in slow),
        "values": {"harness": {name: ours[name] for name in theirs if name in ours}, "script": theirs},
        "runs": {"harness": [asdict(run) | {"output": ""} for run in quick],
                 "script": [asdict(run) | {"output": ""} for run in slow]},
    }
    print(f"\nmedian of {len(quick)} runs in turn: harness {summary['harness_seconds']:.1f} s, "
          f"script {summary['script_seconds']:.1f} s; the script takes {summary['ratio']:.1f} times as long")
    if as_json:
        print(json.dumps(summary))


if __name__ == "__main__":
    main()
