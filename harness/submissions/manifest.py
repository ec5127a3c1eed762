"""What `submission.yaml` says: who hands in, which models, and where their files are."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, field_validator, model_validator

__all__ = ["MODELS", "Manifest", "ModelEntry", "Prior", "safe_path"]

MODELS = ("vae", "other")
"""The models a hand-in may hold: the VAE of the first task, any other generative model of the second."""

MOST_ARGUMENTS = 16 * 1024      # characters of the constructor's arguments as JSON

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SOURCE = re.compile(r"(?P<place>.+):(?P<name>[^\W\d]\w*)")
_DOTTED = re.compile(r"[^\W\d]\w*(\.\w+){0,8}")
_CODE = (".py", ".ipynb")
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
    text = _plain_line(text)
    if text.endswith(_CODE):    # no class: networks that are global variables
        return safe_path(text)
    found = _SOURCE.fullmatch(text)
    if found is None:
        raise ValueError('write the file and the class, like "model.py:ConvVAE"')
    place = found["place"]
    if place.endswith(_CODE):
        place = safe_path(place)
    elif not _MODULE.fullmatch(place):
        raise ValueError(f'{place!r} is no Python file, notebook or module; write it like "model.py:ConvVAE"')
    return f"{place}:{found['name']}"


def _dotted(text: str) -> str:
    if not _DOTTED.fullmatch(text):
        raise ValueError(f"{text!r} is no name in Python; write it like encoder, vae.encoder or networks.0")
    return text


Member = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_plain_line)]
Reference = Annotated[str, Field(max_length=500), AfterValidator(_plain_line)]
Name = Annotated[str, AfterValidator(_safe_name)]
ModelName = Annotated[str, AfterValidator(_model_name)]
Inside = Annotated[str, AfterValidator(safe_path)]
Dotted = Annotated[str, AfterValidator(_dotted)]
Number = Annotated[float, Field(allow_inf_nan=False)]


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Images(_Form):
    """How images look to a model, or as it returns them; see `harness.forms.Form`."""

    layout: Literal["nchw", "nhwc", "nhw", "flat"] = "nchw"
    size: Annotated[int, Field(ge=4, le=256)] = 28
    fit: Literal["pad", "resize"] = "pad"
    channels: Literal[1, 3] = 1
    range: tuple[Number, Number] = (0.0, 1.0)
    mean: Number = 0.0
    std: Annotated[Number, Field(gt=0)] = 1.0

    @model_validator(mode="after")
    def _black_is_below_white(self) -> Self:
        if self.range[0] >= self.range[1]:
            raise ValueError("range is [black, white], the smaller first, such as [-1, 1]")
        return self


class GivenImages(Images):
    """How images look to a model."""

    binarise: Annotated[Number, Field(ge=0, lt=1)] | None = None


class ReturnedImages(Images):
    """How images look as a model returns them."""

    logits: bool = False
    clip: bool = False


class Prior(_Form):
    """What the group's own codes are drawn from: standard normal, uniform in [0, 1], or symmetric, in [-1, 1]."""

    kind: Literal["normal", "uniform", "symmetric"] = "normal"
    shape: Annotated[tuple[Annotated[int, Field(ge=1, le=1_000_000)], ...], Field(min_length=1, max_length=4)]


class ModelEntry(_Form):
    """One model of a hand-in.

    Attributes:
        source: the class: "file.py:Class", "module:Class" or "notebook.ipynb:Class", looked up in the folder of the
            hand-in; an object that is made there; or the file alone, where networks are global variables.
        route: "fit": the harness calls the class's `fit` and times it; "load": trained weights are handed in; "run":
            the harness runs `script` as it is, and then loads the checkpoint that it saved.
        checkpoint: file or folder with the weights, relative to the folder, or to where the script runs; or one file
            for each network, by its name. With routes "load" and "run" only.
        script: what route "run" runs; the file of `source` by default.
        arguments: keyword arguments of the class's constructor.
        conditional: whether `fit` and `sample` are given class labels.
        definitions: import only what the file defines, so that nothing trains on import; by default so for notebooks
            and route "run".
        cells: the code cells of a notebook that are needed, by number (from 1) or tag; all by default.
        input, output: how images look to the model, and as it returns them.
        methods: names for what the model calls otherwise, such as {encode: vae.encoder}.
        labels: which of encode, decode and sample are given class labels; one_hot: as rows of ten numbers.
        second: what the encoder returns after the mean.
        prior: what codes are drawn from where the model has no sampler of its own.
        framework: whether the model takes torch tensors or NumPy arrays.
        environment: the course's environment that the code runs in, such as "keras"; the harness's own by default.

    """

    source: Annotated[str, AfterValidator(_source)]
    route: Literal["fit", "load", "run"]
    checkpoint: Inside | Annotated[dict[Dotted, Inside], Field(min_length=1, max_length=20)] | None = None
    script: Inside | None = None
    arguments: dict[str, JsonValue] = Field(default_factory=dict)
    conditional: bool = False
    definitions: bool | None = None
    cells: Annotated[list[int | str], Field(max_length=500)] = Field(default_factory=list)
    input: GivenImages | None = None
    output: ReturnedImages | None = None
    methods: dict[Literal["encode", "decode", "sample"], Dotted] = Field(default_factory=dict)
    labels: Annotated[list[Literal["encode", "decode", "sample"]], Field(max_length=3)] = Field(default_factory=list)
    one_hot: bool = False
    second: Literal["log_variance", "variance", "std"] | None = None
    prior: Prior | None = None
    framework: Literal["torch", "numpy"] | None = None
    environment: Name | None = None

    @model_validator(mode="after")
    def _route_and_files_agree(self) -> Self:
        if self.source == self.place and not self.methods:
            raise ValueError(
                'name the class, like "model.py:ConvVAE"; or say under `methods` which globals encode and decode')
        if self.route == "load" and self.checkpoint is None:
            raise ValueError("route load needs weights; add `checkpoint: FILE`, or write `route: fit`")
        if self.route == "run" and self.checkpoint is None:
            raise ValueError("route run needs the file that the script saves; add `checkpoint: FILE`")
        if self.route == "fit" and self.checkpoint is not None:
            raise ValueError("route fit trains afresh; remove `checkpoint`, or write `route: load`")
        if self.script is not None and (self.route != "run" or not self.script.endswith(_CODE)):
            raise ValueError("script is the .py or .ipynb file that route run runs; with other routes leave it out")
        if self.route == "run" and not self.ran.endswith(_CODE):
            raise ValueError("route run needs a file to run; add `script: train.py`")
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
    def place(self) -> str:
        """File or module of the source."""
        return self.source if self.source.endswith(_CODE) else self.source.rpartition(":")[0]

    @property
    def ran(self) -> str:
        """What route "run" runs."""
        return self.script or self.place

    @property
    def file_candidates(self) -> tuple[str, ...]:
        """Where the class may be written, relative to the folder."""
        if self.place.endswith(_CODE):
            return (self.place,)
        base = self.place.replace(".", "/")
        return (f"{base}.py", f"{base}/__init__.py")

    @property
    def checkpoints(self) -> tuple[str, ...]:
        """Every file or folder of weights."""
        if isinstance(self.checkpoint, dict):
            return tuple(self.checkpoint.values())
        return () if self.checkpoint is None else (self.checkpoint,)

    @property
    def only_definitions(self) -> bool | None:
        """Whether only definitions are imported; None: where the source is a notebook."""
        return True if self.definitions is None and self.route == "run" else self.definitions

    @property
    def manner(self) -> dict[str, JsonValue]:
        """How the model wants to be asked, as far as it is declared; for its worker."""
        wanted = {"input", "output", "methods", "labels", "one_hot", "second", "prior", "framework"}
        told: dict[str, JsonValue] = self.model_dump(mode="json", include=wanted, exclude_unset=True)
        return told

    @property
    def given_labels(self) -> frozenset[str]:
        """Which verbs are given labels."""
        return frozenset(self.labels) | (frozenset({"sample"}) if self.conditional else frozenset())


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
            if entry.route == "run":    # its checkpoint is made by running
                named[f"models.{name}.script"] = (entry.ran,)
                continue
            for number, path in enumerate(entry.checkpoints):
                named[f"models.{name}.checkpoint" + (f".{number + 1}" if number else "")] = (path,)
        for field, file in (("report", self.report), ("answers", self.answers)):
            if file is not None:
                named[field] = (file,)
        return named
