"""The results that exports are made from: every `reports/GROUP/result.json`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from harness.errors import UserError
from harness.records import GradeResult

__all__ = ["Filed", "Results", "read_results"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """A result and the file it came from; without its pictures, of which no export needs one."""

    result: GradeResult
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What was found in a folder of reports.

    Attributes:
        by_group: group -> its result.
        damaged: file -> why it is left out.

    """

    by_group: dict[str, Filed]
    damaged: dict[str, str]


def read_results(reports: Path) -> Results:
    """Read the result of every group; one that cannot be read leaves the others as they are.

    Raises:
        UserError: there is no such folder, or no result in it.

    """
    by_group: dict[str, Filed] = {}
    damaged: dict[str, str] = {}
    for path in sorted(reports.glob("*/result.json")):
        try:
            result = GradeResult.model_validate_json(path.read_bytes())
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            damaged[str(path)] = f"it is damaged ({first['msg']}); grade this hand-in again"
        except OSError as error:
            damaged[str(path)] = f"it cannot be read ({error.strerror})"
        else:
            if result.group in by_group:
                other = by_group[result.group].path
                damaged[str(path)] = f"{other} is a result of {result.group!r} as well; remove one"
                continue
            by_group[result.group] = Filed(result=result.without_pictures(), path=path)
    if not by_group and not damaged:
        raise UserError(f"{reports}: no result of a hand-in is there; run `harness grade` first, or give --reports")
    return Results(by_group=by_group, damaged=damaged)
