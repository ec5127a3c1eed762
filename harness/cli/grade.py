"""`harness grade`: grade hand-ins and write their reports."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from harness.cli.options import AsJson, Data, Device, Reports, Seed, StandIn, Unconfined
from harness.errors import UserError
from harness.limits import FULL, QUICK, Budget

if TYPE_CHECKING:
    from harness.course import Course
    from harness.data import Dataset

__all__ = ["budget_named", "check_device", "grade", "hand_ins"]


def grade(
    paths: Annotated[list[Path], typer.Argument(
        metavar="PATH...", help="Folders of hand-ins, or zip archives; submissions/* works.")],
    *,
    data: Data = None,
    stand_in: StandIn = False,
    budget: Annotated[str, typer.Option(metavar="full|quick", help="How much is measured.")] = "full",
    fit_seconds: Annotated[float | None, typer.Option(
        min=1, show_default="of the budget", help="Most seconds that a group's `fit` may train.")] = None,
    seed: Seed = 0,
    device: Device = "cpu",
    jobs: Annotated[str, typer.Option(
        metavar="N|auto", help="How many hand-ins are graded at a time; no grade depends on it.")] = "auto",
    changed: Annotated[bool, typer.Option(
        "--changed", help="Only hand-ins whose report is not what would come out now.")] = False,
    only_failed: Annotated[bool, typer.Option(
        "--only-failed", help="Only hand-ins without a whole grade: none yet, or the harness failed.")] = False,
    dry_run: Annotated[bool, typer.Option(
        "--dry-run", help="Say what would be made anew, why, and how long it would take; run nothing.")] = False,
    reports: Reports = None,
    no_key: Annotated[bool, typer.Option("--no-key", help="Check the theory part for form only.")] = False,
    no_store: Annotated[bool, typer.Option("--no-store", help="Measure anew what is in the store.")] = False,
    cluster: Annotated[str, typer.Option(
        metavar="slurm", show_default="this machine",
        help="Grade in jobs of a Slurm cluster, as `cluster:` in course.yaml describes them.")] = "",
    cancel: Annotated[bool, typer.Option(
        "--cancel", help="With --cluster: cancel the jobs of these hand-ins, and grade nothing.")] = False,
    inception: Annotated[Path | None, typer.Option(
        metavar="FILE", show_default=False, help="Weights of Inception-v3, for FID as in papers.")] = None,
    unconfined: Unconfined = False,
    as_json: AsJson = False,
) -> None:
    """Grade hand-ins: measure their models, mark, and write one HTML report each.

    Writes reports/GROUP/index.html, result.json and log.txt, and reports/index.html over all of them; notes every
    attempt in gradebook.sqlite. Points given by hand stay. What was made before of the same files, settings and code is
    taken from the store: Ctrl-C, and the same command goes on.
    """
    from harness.course import find_course

    course = find_course()
    chosen = budget_named(budget, course, fit_seconds=fit_seconds)
    folders = hand_ins(paths)
    where = reports or course.reports
    wanted = _jobs_named(jobs)
    _check_where(cluster, cancel=cancel, device=device)
    if cancel:
        _cancel(folders, course, where)
    if inception is not None and not inception.is_file():
        raise UserError(f"--inception {inception}: there is no such file; leave the option out to do without it")
    # Unpacking the data lets go of the interpreter, which has the rest to import meanwhile.
    with ThreadPoolExecutor(1, thread_name_prefix="data") as aside:
        loading = aside.submit(_load, data, stand_in=stand_in)
        from harness.batch import Settings, open_workshop, tasks_for
        from harness.cli import batches, clusters
        from harness.cli.terminal import console

        settings = Settings(
            course=course.root, data_folder=data, stand_in=stand_in, budget=chosen, seed=seed, device=device,
            keep=not no_store, with_key=not no_key, inception=inception, unconfined=unconfined)
        tasks = tasks_for(folders, where, settings if cluster else None)
        choosing = changed or only_failed or dry_run
        opened = clusters.workshop_if_any if cluster and not choosing else open_workshop
        shop = opened(settings, data=loading.result)
    if choosing and shop:
        planned = batches.planned(tasks, shop, where, changed=changed, only_failed=only_failed)
        tasks = [one.task for one in planned]
        if dry_run:
            batches.show_plan(planned, batches.jobs_of(tasks, settings, wanted), as_json=as_json)
            raise typer.Exit
    if cluster or shop is None:
        graded = clusters.grade_in_jobs(tasks, shop, settings, where, quiet=as_json)
    else:
        graded = batches.grade_tasks(tasks, shop, settings, where, jobs=wanted, quiet=as_json)
    if as_json:
        typer.echo(graded.to_json())
    else:
        graded.show(console())
    raise typer.Exit(graded.exit_code)


def _check_where(cluster: str, *, cancel: bool, device: str) -> None:
    """Refuse another kind of cluster, one that cannot be reached from here, or a device that this machine lacks."""
    if cancel and not cluster:
        raise UserError("--cancel is for the jobs of a cluster; write --cluster slurm --cancel")
    if not cluster:
        check_device(device)
        return
    if cluster != "slurm":
        raise UserError(f"--cluster {cluster}: there is no such kind; write --cluster slurm")
    from harness.cluster.slurm import need_slurm

    need_slurm()


def _cancel(folders: Sequence[Path], course: Course, reports: Path) -> NoReturn:
    from harness.cli import clusters

    typer.echo(clusters.cancelled(folders, course, reports))
    raise typer.Exit


def _jobs_named(jobs: str) -> int | None:
    """Read `--jobs`; None for auto."""
    if jobs == "auto":
        return None
    if not jobs.isdecimal() or not 1 <= int(jobs) <= 1_000:
        raise UserError(f"--jobs {jobs}: write a number from 1 to 1000, or auto")
    return int(jobs)


def _load(folder: Path | None, *, stand_in: bool) -> Dataset:
    from harness.cli.workshop import load_data

    return load_data(folder, stand_in=stand_in)


def budget_named(name: str, course: Course, *, fit_seconds: float | None = None) -> Budget:
    """Give the budget of that name with the course's limits, and another deadline for `fit` where one is given."""
    budgets = {budget.name: budget for budget in (FULL, QUICK)}
    if name not in budgets:
        raise UserError(f"--budget {name}: there is no such budget; take one of {', '.join(budgets)}")
    budget = course.settings().limits.applied(budgets[name])
    return replace(budget, fit_seconds=fit_seconds) if fit_seconds else budget


def check_device(device: str) -> None:
    """Refuse a device that this machine lacks, before anything is started on it."""
    if device == "cpu":
        return
    if device.split(":", maxsplit=1)[0] != "cuda":
        raise UserError(f"--device {device}: unknown; take cpu, cuda or cuda:N")
    import torch

    if not torch.cuda.is_available():
        raise UserError(
            f"--device {device}: torch finds no GPU on this machine; leave the option out to use the processor")


def hand_ins(paths: Sequence[Path]) -> list[Path]:
    """Take the folders and archives among the paths; a stray file among several (submissions/README.md) is passed over.

    Raises:
        UserError: a path does not exist, or none is a hand-in.

    """
    from harness.submissions import is_archive

    for path in paths:
        if not path.exists():
            raise UserError(
                f"{path}: there is no such folder; give the folder of a hand-in, such as submissions/group1")
    found = list(dict.fromkeys(path for path in paths if path.is_dir() or is_archive(path)))
    if not found:
        raise UserError(f"{paths[0]}: not a folder; give the folder of a hand-in, or a zip archive of one")
    return found
