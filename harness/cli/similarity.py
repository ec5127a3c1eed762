"""`harness similarity`: what hand-ins of a class share, for a person to judge."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.grade import hand_ins
from harness.cli.options import AsJson, Reports
from harness.errors import Rejected, UserError

__all__ = ["similarity"]


def similarity(
    paths: Annotated[list[Path], typer.Argument(
        metavar="PATH...", help="Folders or zip archives of hand-ins; submissions/* works.")],
    *,
    shared: Annotated[list[Path] | None, typer.Option(
        "--shared", metavar="PATH", show_default="none beside the course's own",
        help="Files or folders that the course handed out as well; what stands in them does not count. Repeatable.",
    )] = None,
    reports: Reports = None,
    as_json: AsJson = False,
) -> None:
    """Compare hand-ins with each other: code with notebooks, words of reports and arguments, weights.

    Writes reports/similarity.html and similarity.json. Nothing in them is a verdict.
    """
    from harness.cli.terminal import console, plain, printed_json
    from harness.course import find_course
    from harness.report.similarity import write_similarity
    from harness.scratch import scratch_folder
    from harness.similarity import Material, compare, handed_out, material_of
    from harness.submissions import intake

    course = find_course()
    folders = hand_ins(paths)
    more = shared or []
    if absent := [path for path in more if not path.exists()]:
        raise UserError(f"--shared {absent[0]}: there is no such file or folder")
    if len(folders) < 2:
        raise UserError(f"{paths[0]}: one hand-in cannot be compared; give two or more, such as submissions/*")
    materials: list[Material] = []
    refused: dict[str, str] = {}
    for folder in folders:
        with scratch_folder() as scratch:
            try:
                material = material_of(intake(folder, scratch / "hand-in"), course=course)
            except Rejected as fault:
                refused[str(folder)] = str(fault)
                continue
        taken = {one.group for one in materials}
        if material.group in taken:
            material.group = f"{material.group} ({folder.name})"
        materials.append(material)
    found = compare(materials, apart_from=handed_out(course, more))
    found = found.model_copy(update={"left_out": {**refused, **found.left_out}})
    page = write_similarity(found, reports or course.reports)
    if as_json:
        typer.echo(printed_json(found))
        return
    out = console()
    for pair in found.pairs[:20]:
        shares = ", ".join(f"{kind} {share:.0%}" for kind, share in pair.shares.items() if share)
        out.print(f"{plain(pair.groups[0])} and {plain(pair.groups[1])}: {shares}")
    if not found.pairs:
        out.print("no two hand-ins share more than a few lines")
    for name, why in refused.items():
        out.print(f"[yellow]not compared[/] {plain(name)}: {plain(why)}")
    out.print(f"for a person to judge: {plain(str(page))}")
