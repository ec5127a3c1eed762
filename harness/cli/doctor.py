"""`harness doctor`: what is ready on this machine, what is not, and what to do about it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import typer

from harness.cli.exits import DONE, WRONG_USE
from harness.cli.options import AsJson, Data

__all__ = ["doctor"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    ready: bool
    needed: bool        # whether official grading cannot do without it
    says: str


def doctor(*, data: Data = None, as_json: AsJson = False) -> None:
    """Look whether data, box, GPU and libraries are ready, and say what to do where not."""
    from harness.cli.terminal import console, plain

    findings = [
        *_versions(), *_course(), *_environments(), *_data(data), *_boxes(), *_gpu(), *_judges()]
    missing = [one for one in findings if one.needed and not one.ready]
    if as_json:
        typer.echo(json.dumps({"ready": not missing, "findings": [asdict(one) for one in findings]}, indent=2))
    else:
        from rich.table import Table

        table = Table(box=None, show_header=False, pad_edge=False)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column()
        for one in findings:
            mark = "[green]ready[/]" if one.ready else "[red]missing[/]" if one.needed else "[yellow]absent[/]"
            table.add_row(mark, one.name, plain(one.says))
        out = console()
        out.print(table)
        out.print("\n[green]ready to grade[/]" if not missing else
                  f"\n[red]not ready to grade[/]: {', '.join(one.name for one in missing)}")
    raise typer.Exit(WRONG_USE if missing else DONE)


def _versions() -> Iterator[Finding]:
    import platform
    from importlib.metadata import PackageNotFoundError, version

    from harness import __version__

    yield Finding("harness", ready=True, needed=True, says=f"{__version__} on Python {platform.python_version()}")
    for package in ("torch", "torchvision", "torch-fidelity", "umap-learn", "scikit-learn", "numpy"):
        try:
            yield Finding(package, ready=True, needed=True, says=version(package))
        except PackageNotFoundError:
            yield Finding(package, ready=False, needed=True, says="not installed; run `make install`")


def _course() -> Iterator[Finding]:
    from harness.course import find_course
    from harness.errors import UserError

    try:
        course = find_course()
    except UserError as error:
        yield Finding("course folder", ready=False, needed=True, says=str(error))
        return
    rubrics = sorted(path.stem for path in course.rubrics.glob("*.yaml"))
    keys = sorted(path.stem for path in course.keys.glob("*.yaml"))
    yield Finding("course folder", ready=True, needed=True, says=str(course.root))
    yield Finding("rubrics", ready=bool(rubrics), needed=True, says=", ".join(rubrics) or f"none in {course.rubrics}")
    yield Finding("keys", ready=bool(keys), needed=False,
                  says=", ".join(keys) or "none here: the theory part is checked for form only")


def _environments() -> Iterator[Finding]:
    """Look for the environments that hand-ins may name."""
    from harness.course import find_course
    from harness.errors import MissingLibrary, UserError
    from harness.sandbox.environments import environment_of

    try:
        course = find_course()
    except UserError:       # said of the course folder
        return
    try:
        names = course.environments()
    except UserError as error:
        yield Finding("course.yaml", ready=False, needed=True, says=str(error))
        return
    for name in names:
        try:
            versions = environment_of(course, name).versions
        except MissingLibrary as missing:
            yield Finding(f"environment: {name}", ready=False, needed=False, says=f"{missing.message}. {missing.hint}")
            continue
        says = ", ".join(f"{package.removesuffix(f' ({name})')} {version}" for package, version in versions.items())
        yield Finding(f"environment: {name}", ready=True, needed=False, says=says)


def _data(folder: object) -> Iterator[Finding]:
    from pathlib import Path

    from harness.data import load
    from harness.errors import UserError

    try:
        found = load(folder=Path(str(folder)) if folder else None, download=False)
    except UserError as error:
        yield Finding("Fashion-MNIST", ready=False, needed=True, says=str(error))
    else:
        yield Finding("Fashion-MNIST", ready=True, needed=True,
                      says=f"{len(found.train.images):,} + {len(found.test.images):,} images, checksums right")


def _boxes() -> Iterator[Finding]:
    """Attack every box anew; one that withstands is enough, and which one is best is said by their order."""
    from harness.sandbox.choose import diagnose

    found = diagnose()
    confined = any(one.ready and one.protects for one in found)
    for one in found:
        first = one.name == found[0].name
        yield Finding(f"box: {one.name}", ready=one.ready, needed=first and not confined, says=one.says)


def _gpu() -> Iterator[Finding]:
    import torch

    there = torch.cuda.is_available()
    says = torch.cuda.get_device_name(0) if there else "torch finds none; models run on the processor"
    yield Finding("GPU", ready=there, needed=False, says=says)


def _judges() -> Iterator[Finding]:
    from harness.errors import HarnessFault
    from harness.features import judge_facts

    try:
        facts = judge_facts()
    except HarnessFault as fault:
        yield Finding("judge networks", ready=False, needed=True, says=str(fault))
        return
    for name, (accuracy, sha256) in facts.items():
        yield Finding(f"network: {name}", ready=True, needed=True,
                      says=f"test accuracy {accuracy:.2%}, SHA-256 {sha256[:12]}…")
