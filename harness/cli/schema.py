"""`harness schema`: JSON Schemas of the files that people write."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["schema"]


def schema(
    name: Annotated[str | None, typer.Argument(
        metavar="[NAME]", show_default="all", help="manifest, answers, sheet, key, rubric, marks or course.")] = None,
    *,
    out: Annotated[Path | None, typer.Option(
        "-o", "--out", metavar="DIR", show_default="print them", help="Write NAME.schema.json files into it.")] = None,
) -> None:
    """Print or write the JSON Schemas of manifest, answers, sheet, key, rubric, marks and course.yaml, for editors.

    In an editor with the YAML language server, begin a file with: # yaml-language-server: $schema=PATH
    """
    import json

    from harness.errors import UserError
    from harness.schemas import SCHEMAS
    from harness.schemas import schema as made

    if name is not None and name not in SCHEMAS:
        raise UserError(f"there is no schema {name!r}; take one of {', '.join(SCHEMAS)}")
    names = [name] if name else list(SCHEMAS)
    if out is None:
        schemas = {one: made(one) for one in names}
        typer.echo(json.dumps(schemas[name] if name else schemas, indent=2, ensure_ascii=False))
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        for one in names:
            path = out / f"{one}.schema.json"
            path.write_text(json.dumps(made(one), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
            typer.echo(f"{path}: {SCHEMAS[one][1]}")
    except OSError as error:
        raise UserError(f"{out}: cannot be written ({error.strerror}); give another folder with -o") from None
