"""JSON Schemas of the files that people write, for editors that check while one types.

They say what `harness.documents` takes: YAML in which a bare `yes` is text, numbers stand for text and words such as
`yes` and `off` for booleans. What one field asks of another (points that add up, a key that fits its sheet) is left to
the program, as JSON Schema cannot say it.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from harness.course import CourseFile
from harness.quiz import Key, Sheet
from harness.quiz.form import AnswersForm
from harness.rubric.by_hand import HandMarks
from harness.rubric.criteria import Rubric
from harness.submissions.manifest import Manifest

__all__ = ["DIALECT", "SCHEMAS", "schema"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

SCHEMAS: dict[str, tuple[type[BaseModel], str]] = {
    "manifest": (Manifest, "submission.yaml of a hand-in"),
    "answers": (AnswersForm, "answers.yaml of a hand-in"),
    "sheet": (Sheet, "quiz/NAME.yaml"),
    "key": (Key, "quiz/keys/NAME.yaml"),
    "rubric": (Rubric, "rubrics/NAME.yaml"),
    "marks": (HandMarks, "marks/GROUP.yaml"),
    "course": (CourseFile, "course.yaml of the course folder"),
}
"""Name -> the model and the files that it describes."""

_TRUTH = "^([Tt]rue|TRUE|[Ff]alse|FALSE|[Yy]es|YES|[Nn]o|NO|[Oo]n|ON|[Oo]ff|OFF|[YyNnTtFf01])$"


class _AsWritten(GenerateJsonSchema):
    """Takes what `harness.documents` reads into a field, which is more than pydantic's own types."""

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        written = super().str_schema(schema)
        return written | {"type": ["string", "number"]}     # `id: 1` and `group: 007` are text as written

    def bool_schema(self, schema: core_schema.BoolSchema) -> JsonSchemaValue:
        return {"anyOf": [super().bool_schema(schema), {"type": "string", "pattern": _TRUTH}, {"enum": [0, 1]}]}


def schema(name: str) -> dict[str, Any]:
    """Give the JSON Schema (draft 2020-12) of one kind of file.

    Args:
        name: one of SCHEMAS.

    """
    model, files = SCHEMAS[name]
    made = model.model_json_schema(schema_generator=_AsWritten, mode="validation")
    return {"$schema": DIALECT, "title": f"harness: {files}"} | {
        field: value for field, value in made.items() if field != "title"}
