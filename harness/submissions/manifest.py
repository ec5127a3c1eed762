"""What `submission.yaml` says: who hands in, which models, and where their files are."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, field_validator, model_validator

__all__ = ["MODELS", "Manifest", "ModelEntry", "safe_path"]

MODELS = ("vae", "other")
"""The models a hand-in may hold: the VAE of the first task, any other generative model of the second."""

MOST_ARGUMENTS = 16 * 1024      # characters of the constructor's arguments as JSON

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SOURCE = re.compile(r"(?P<place>.+):(?P<name>[^\W\d]\w*)")
_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


def _safe_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("use up to 64 letters, digits, '-', '_' and '.', beginning with a letter or a digit")
    return text


def _model_name(text: str) -> str:
    if text not in MODELS:
        raise ValueError("call a model vae (the VAE of the first task) or other (of any other kind)")
    return text


def _plain_line(text: str) -> str:
    """Take text that a terminal and a page show as it is: one line, no control or direction characters."""
    text = text.strip()
    if any(unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for letter in text):
        raise ValueError("it holds control characters; write it on one line of plain text")
    return text


def safe_path(text: str) -> str:
    """Take a path that stays inside the folder of the hand-in, in its simplest spelling."""
    path = PurePosixPath(_plain_line(text))
    if not path.parts or path == PurePosixPath():
        raise ValueError("it is empty; name a file of your folder")
    if "\\" in text or ":" in text:
        raise ValueError("write it with forward slashes and without a drive, like weights/vae.safetensors")
    if path.is_absolute() or ".." in path.parts or path.parts[0].startswith("~"):
        raise ValueError("it leads out of your folder; put the file inside and write its path from there")
    return str(path)


def _source(text: str) -> str:
    found = _SOURCE.fullmatch(_plain_line(text))
    if found is None:
        raise ValueError('write the file and the class, like "model.py:ConvVAE"')
    place = found["place"]
    if place.endswith(".py"):
        place = safe_path(place)
    elif not _MODULE.fullmatch(place):
        raise ValueError(f'{place!r} is neither a Python file nor a module; write it like "model.py:ConvVAE"')
    return f"{place}:{found['name']}"


Member = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_plain_line)]
Reference = Annotated[str, Field(max_length=500), AfterValidator(_plain_line)]
Name = Annotated[str, AfterValidator(_safe_name)]
ModelName = Annotated[str, AfterValidator(_model_name)]
Inside = Annotated[str, AfterValidator(safe_path)]


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelEntry(_Form):
    """One model of a hand-in.

    Attributes:
        source: the class: "file.py:Class" or "module:Class", looked up in the folder of the hand-in.
        route: "fit": the harness calls the class's `fit` and times it; "load": trained weights are handed in.
        checkpoint: file or folder with the weights, relative to the folder; with route "load" only.
        arguments: keyword arguments of the class's constructor.
        conditional: whether `fit` and `sample` are given class labels.

    """

    source: Annotated[str, AfterValidator(_source)]
    route: Literal["fit", "load"]
    checkpoint: Inside | None = None
    arguments: dict[str, JsonValue] = Field(default_factory=dict)
    conditional: bool = False

    @model_validator(mode="after")
    def _route_and_checkpoint_agree(self) -> Self:
        if self.route == "load" and self.checkpoint is None:
            raise ValueError("route load needs weights; add `checkpoint: FILE`, or write `route: fit`")
        if self.route == "fit" and self.checkpoint is not None:
            raise ValueError("route fit trains afresh; remove `checkpoint`, or write `route: load`")
        if wrong := [name for name in self.arguments if not name.isidentifier()]:
            raise ValueError(f"{wrong[0]!r} cannot be an argument; use a parameter of the constructor")
        return self

    @field_validator("arguments")
    @classmethod
    def _arguments_can_be_sent(cls, arguments: dict[str, JsonValue]) -> dict[str, JsonValue]:
        try:
            size = len(json.dumps(arguments, allow_nan=False))
        except ValueError:
            raise ValueError("a number is too large; write one that a computer can hold") from None
        if size > MOST_ARGUMENTS:
            raise ValueError(f"longer than {MOST_ARGUMENTS // 1024} KiB; keep large settings in a file")
        return arguments

    @property
    def file_candidates(self) -> tuple[str, ...]:
        """Where the class may be written, relative to the folder."""
        place = self.source.rpartition(":")[0]
        if place.endswith(".py"):
            return (place,)
        base = place.replace(".", "/")
        return (f"{base}.py", f"{base}/__init__.py")


class Manifest(_Form):
    """The content of `submission.yaml`; see the examples in `submissions/`."""

    group: Name
    members: Annotated[list[Member], Field(min_length=1, max_length=3)]
    assignment: Name
    models: dict[ModelName, ModelEntry] = Field(default_factory=dict)
    report: Inside | None = None
    answers: Inside | None = None
    code: Reference | None = None
    references: Annotated[list[Reference], Field(max_length=100)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _holds_something_to_grade(self) -> Self:
        if not self.models and self.answers is None:
            raise ValueError("it names neither a model nor answers; add `models:` or `answers: answers.yaml`")
        return self

    @property
    def named_files(self) -> dict[str, tuple[str, ...]]:
        """Field -> the paths of which one must be in the folder, for every field that names a file."""
        named: dict[str, tuple[str, ...]] = {}
        for name, entry in self.models.items():
            named[f"models.{name}.source"] = entry.file_candidates
            if entry.checkpoint is not None:
                named[f"models.{name}.checkpoint"] = (entry.checkpoint,)
        for field, path in (("report", self.report), ("answers", self.answers)):
            if path is not None:
                named[field] = (path,)
        return named
