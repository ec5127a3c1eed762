"""Feed what reads strangers' bytes with bytes that nobody thought of: frames, YAML, answers in text, zip archives.

    python scripts/fuzz.py [--seconds 60] [TARGET ...]

With atheris (pip install atheris, where there is one for this Python) the inputs are steered to new branches of the
code; without it Hypothesis makes them. An input may be refused in words, and nothing else: another exception, more
than 10 s or more than 512 MiB beyond what was needed before is a fault, and the input that made it is printed.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import importlib.util
import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

with contextlib.ExitStack() as _steered:
    if __name__ == "__main__" and "--steered" in sys.argv:
        import atheris

        _steered.enter_context(atheris.instrument_imports(
            include=["harness.wire", "harness.documents", "harness.submissions", "harness.quiz", "zipfile", "yaml"]))
    import zipfile

    import yaml  # noqa: F401 - imported here so that it is watched

    from harness import documents, wire
    from harness.course import Course
    from harness.errors import SubmissionFault, UserError
    from harness.evidence.talk import Described, numbers_told
    from harness.limits import Limits
    from harness.quiz import Sheet, as_answers, load_sheet, mark, read_answers, read_file
    from harness.quiz.sheet import Key, load_key
    from harness.sandbox.faults import from_worker
    from harness.submissions import Manifest, intake

ROOT = Path(__file__).resolve().parent.parent
MOST_SECONDS = 10
MOST_BYTES = 512 * 2**20
LONGEST = 8_192     # bytes of an input


@dataclass(frozen=True, slots=True)
class Target:
    """Something that reads bytes, and inputs to begin with."""

    read: Callable[[bytes], object]
    seeds: Callable[[], list[bytes]]


# --- the targets; what they raise besides a refusal in words is a fault


def _read_frame(data: bytes) -> None:
    expected = {
        "x": wire.Expected(shape=(None, 2), low=0, high=1, most=1_000),
        "files/*": wire.Expected(shape=(None,), dtype="|u1", most=1_000),
    }
    with contextlib.suppress(SubmissionFault):
        head, _ = wire.read_frame(io.BytesIO(data), expected)
        Described.of(head)
        numbers_told(head)
        from_worker(head.get("error", head), log="", limits=Limits())


def _frames() -> list[bytes]:
    found = []
    for head, arrays in (
        ({"id": 1}, {"x": np.full((3, 2), 0.5, "<f4")}),
        ({"id": 2, "error": {"kind": "crashed", "log": "é"}}, {"x": np.zeros((0, 2), "<f4")}),
        ({}, {"x": np.ones((1, 2), "<f4"), "files/a.txt": np.arange(9, dtype="|u1")}),
    ):
        stream = io.BytesIO()
        wire.write_frame(stream, head, arrays)
        found.append(stream.getvalue())
    return found


def _read_document(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    with contextlib.suppress(UserError):
        documents.plain(documents.compose(text, "a.yaml"), "a.yaml")
    with contextlib.suppress(UserError):
        documents.loads(text, "submission.yaml", Manifest)


def _documents() -> list[bytes]:
    shipped = [ROOT / "submissions" / "group3" / name for name in ("submission.yaml", "answers.yaml")]
    return [*(path.read_bytes() for path in shipped), b"a: &b {c: *b}", b"!!python/name:os.system {}", b"a: [1, 2"]


@cache
def _sheet() -> tuple[Sheet, Key | None]:
    course = Course(ROOT)
    return load_sheet(course, "summer23"), load_key(course, "summer23")


def _read_answers(data: bytes) -> None:
    sheet, key = _sheet()
    with _file("answers.yaml", data) as path, contextlib.suppress(UserError):
        answers = read_answers(path)
        if key is not None:
            mark(sheet, key, answers)
    with _file("answers.txt", data.replace(b"%PDF-", b"")) as path, contextlib.suppress(UserError, SubmissionFault):
        as_answers(read_file(path, sheet))


def _answers() -> list[bytes]:
    sheet, _ = _sheet()
    lines = [f"{one.id}) {one.text}  [ ] yes [x] no" for one in sheet.statements]
    typed = [f"{one.id}: {'yes' if number % 2 else 'no, because'}" for number, one in enumerate(sheet.statements)]
    shipped = (ROOT / "submissions" / "group3" / "answers.yaml").read_bytes()
    return ["\n".join(lines).encode(), "\n".join(typed).encode(), shipped]


def _read_archive(data: bytes) -> None:
    with _file("group.zip", data) as path, contextlib.suppress(UserError, SubmissionFault):
        intake(path, path.parent / "copy")


def _archives() -> list[bytes]:
    found = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", method) as archive:
            archive.comment = b"packed"
            archive.writestr("g/submission.yaml", (ROOT / "submissions" / "group1" / "submission.yaml").read_bytes())
            archive.writestr("g/model.py", b"class VAE: ...\n" * 20)
            archive.writestr("__MACOSX/g/._ü", b"x")
        found.append(stream.getvalue())
    return found


@contextlib.contextmanager
def _file(name: str, data: bytes) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="harness-") as folder:
        path = Path(folder, name)
        path.write_bytes(data)
        yield path


TARGETS = {
    "frames": Target(_read_frame, _frames), "documents": Target(_read_document, _documents),
    "answers": Target(_read_answers, _answers), "archives": Target(_read_archive, _archives),
}


# --- two ways to make inputs


def _limit_memory() -> None:
    import resource

    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + MOST_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))


def steered(target: Target, seconds: int) -> None:
    """Let atheris look for inputs; it ends the process."""
    import atheris

    with tempfile.TemporaryDirectory(prefix="harness-") as corpus:
        for number, seed in enumerate(target.seeds()):
            Path(corpus, str(number)).write_bytes(seed)
        options = [
            f"-max_total_time={seconds}", f"-timeout={MOST_SECONDS}", f"-max_len={LONGEST}", "-rss_limit_mb=2048",
            f"-artifact_prefix={tempfile.gettempdir()}/", "-print_final_stats=1", "-verbosity=0", corpus,
        ]
        atheris.Setup([sys.argv[0], *options], target.read)
        _limit_memory()
        atheris.Fuzz()


def made(target: Target, seconds: int) -> int:
    """Let Hypothesis make inputs, of nothing and of the seeds; give their number."""
    from hypothesis import HealthCheck, given, settings
    from hypothesis import strategies as st

    def changed(seed: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
        for place, gone, new in edits:
            at = place % (len(seed) + 1)
            seed = seed[:at] + new + seed[at + gone:]
        return seed[:LONGEST]

    edits = st.lists(st.tuples(st.integers(0, LONGEST), st.integers(0, 20), st.binary(max_size=8)), max_size=12)
    inputs = st.binary(max_size=LONGEST) | st.builds(changed, st.sampled_from(target.seeds()), edits)
    tried = 0

    @settings(max_examples=500, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(inputs)
    def look(data: bytes) -> None:
        nonlocal tried
        tried += 1
        faulthandler.dump_traceback_later(MOST_SECONDS, exit=True)
        target.read(data)
        faulthandler.cancel_dump_traceback_later()

    _limit_memory()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        look()
    return tried


def main() -> None:
    """Give each target its share of the time, in a process of its own."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    arguments.add_argument("--seconds", type=int, default=60, help="for all targets together (60)")
    arguments.add_argument("--steered", action="store_true", help=argparse.SUPPRESS)
    arguments.add_argument("--made", action="store_true", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if unknown := set(given.targets) - set(TARGETS):
        arguments.error(f"no target {', '.join(sorted(unknown))}; take some of {', '.join(TARGETS)}")
    if given.steered:
        steered(TARGETS[given.targets[0]], given.seconds)
        return
    if given.made:
        tried = made(TARGETS[given.targets[0]], given.seconds)
        print(f"{given.targets[0]}: {tried:,} inputs, each read or refused in words")
        return
    way = "--steered" if importlib.util.find_spec("atheris") else "--made"
    chosen = given.targets or list(TARGETS)
    share = str(max(1, given.seconds // len(chosen)))
    by = "atheris" if way == "--steered" else "Hypothesis"
    print(f"{share} s for each of {', '.join(chosen)}, by {by}", flush=True)
    with tempfile.TemporaryDirectory(prefix="harness-") as scratch:     # atheris ends its process without tidying up
        env = {**os.environ, "TMPDIR": scratch}
        command = [sys.executable, __file__, way, "--seconds", share]
        failed = [one for one in chosen if subprocess.run([*command, one], env=env, check=False).returncode]
    sys.exit(f"found something in {', '.join(failed)}: see above" if failed else 0)


if __name__ == "__main__":
    main()
