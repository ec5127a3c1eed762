"""The typed results that flow between the stages; nothing but data.

Every record is frozen and turns into JSON and back without loss (`record.model_dump_json()`,
`Record.model_validate_json(text)`); `GradeResult` is what `result.json` holds, and the report and every
export are made from it alone.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "ENVIRONMENT_FAULT",
    "OUR_FAULT",
    "SCHEMA",
    "Better",
    "ByHand",
    "CriterionMark",
    "Fault",
    "Findings",
    "Flag",
    "GradeResult",
    "HandIn",
    "ImageFile",
    "Late",
    "Link",
    "Marks",
    "Measurement",
    "ModelResult",
    "Outcome",
    "PartMarks",
    "Picture",
    "PointCloud",
    "Provenance",
    "Record",
    "Section",
    "Stated",
    "StatementResult",
    "Table",
    "TheoryResult",
]

SCHEMA = 1
"""Version of `result.json`; raised when a reader of the old form would misread the new one."""

Better = Literal["lower", "higher", "neither"]


class Record(BaseModel):
    """A frozen record that rejects unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class Outcome(StrEnum):
    """How a criterion, a model or the theory part ended. The seven stay distinct in every report and export."""

    SCORED = "scored"
    NOT_APPLICABLE = "not_applicable"       # the model lacks the capability that this would need
    SUBMISSION_FAULT = "submission_fault"   # the group's code or file failed
    NEEDS_PERSON = "needs_person"           # a person has to judge it
    ENVIRONMENT = "environment"             # it needs a library that is not here; never exported as zero
    HARNESS_FAULT = "harness_fault"         # the harness failed; never exported as zero
    NOT_HANDED_IN = "not_handed_in"


ENVIRONMENT_FAULT = "environment"
"""The kind of a fault that is nobody's: a library is not here."""

OUR_FAULT = "harness fault"
"""The kind of a fault that is the harness's own."""


class Fault(Record):
    """A fault of the group's, or of the harness's own, as it is shown."""

    kind: str                   # SubmissionFault.kind, or OUR_FAULT
    stage: str                  # "intake", "fit", "encode", "decode", "sample", "answers", "report", ...
    model: str | None = None    # "vae" or "other"; None where it concerns the whole hand-in
    message: str
    rationale: str = ""
    hint: str = ""
    log: str = ""               # tail of what the group's code printed

    @property
    def ours(self) -> bool:
        """Whether it is the harness's own, which costs nobody points."""
        return self.kind == OUR_FAULT


class Flag(Record):
    """Something that a person should look at; never a deduction by itself."""

    name: str                   # "copies", "collapse", "seed_ignored", ...
    model: str | None = None
    message: str                # one or two sentences in plain words
    evidence: dict[str, float | str] = Field(default_factory=dict)


class Measurement(Record):
    """One number that the harness computed itself."""

    name: str                               # as in the METRICS table: "reconstruction.mse"
    value: float
    unit: str                               # "squared intensity per pixel", "nats per image", "share", ...
    better: Better
    interval: tuple[float, float] | None = None     # 95 %
    sample_size: int
    settings: dict[str, float | str] = Field(default_factory=dict)
    baselines: dict[str, float] = Field(default_factory=dict)   # the same measurement of trivial solutions
    note: str = ""                          # what a reader must know to read the number rightly


class Picture(Record):
    """Images in a grid, as bytes: `rows` x `columns` tiles of height x width grey values in 0..255.

    `data` is base64 of the zlib-compressed uint8 array of shape (rows * columns, height, width), row by row.
    """

    caption: str
    alt: str                                # what a reader who cannot see it is told
    rows: int
    columns: int
    height: int = 28
    width: int = 28
    row_labels: list[str] = Field(default_factory=list)
    column_labels: list[str] = Field(default_factory=list)
    data: str


class PointCloud(Record):
    """A map of codes: two coordinates and a class for each point.

    `data` is base64 of the zlib-compressed little-endian uint16 array of shape (count, 2), the coordinates scaled
    to 0..65535 with one scale for both axes; `labels` likewise of the uint8 array of shape (count,).
    """

    caption: str
    alt: str
    count: int
    classes: list[str]
    data: str
    labels: str


class Table(Record):
    """A small table or series: columns of numbers or text, all of one length."""

    caption: str
    columns: dict[str, list[float | str | None]]


class Findings(Record):
    """What one family of metrics found out about one model."""

    measurements: list[Measurement] = Field(default_factory=list)
    tables: dict[str, Table] = Field(default_factory=dict)          # "reconstruction.per_class", ...
    pictures: dict[str, Picture] = Field(default_factory=dict)      # "reconstruction.per_class", "samples", ...
    clouds: dict[str, PointCloud] = Field(default_factory=dict)     # "clusters.map"
    flags: list[Flag] = Field(default_factory=list)


class ModelResult(Record):
    """Everything that was found out about one model of a hand-in."""

    name: str                               # "vae" or "other"
    source: str
    route: str
    outcome: Outcome
    capabilities: list[str] = Field(default_factory=list)
    parameters: int | None = None           # number of trainable parameters
    measurements: dict[str, Measurement] = Field(default_factory=dict)
    tables: dict[str, Table] = Field(default_factory=dict)
    pictures: dict[str, Picture] = Field(default_factory=dict)
    clouds: dict[str, PointCloud] = Field(default_factory=dict)
    told: dict[str, float] = Field(default_factory=dict)            # what the model says of itself; never marked
    notes: list[str] = Field(default_factory=list)                  # what a reader must know about how it was asked
    not_applicable: dict[str, str] = Field(default_factory=dict)    # family of measurements -> why it has none
    flags: list[Flag] = Field(default_factory=list)
    faults: list[Fault] = Field(default_factory=list)


class ImageFile(Record):
    """A picture of a page: a PNG as base64."""

    caption: str
    alt: str
    width: int
    height: int
    data: str


class StatementResult(Record):
    """One statement of the theory part."""

    id: str
    text: str = ""
    answer: Literal["yes", "no", "abstain"] | None = None       # None: missing or unreadable
    argument: str = ""
    key: Literal["yes", "no"] | None = None                     # None where no key was used
    verdict: Literal["right", "wrong", "abstained", "missing", "void", "unmarked"]
    points: float | None = None                                 # before the floor and the scaling
    why: str = ""
    contested: bool = False                                     # a person should read the argument
    read_from: str = ""                                         # where it was read, unless from an answer file
    crop: ImageFile | None = None                               # the page there


class TheoryResult(Record):
    """The theory part: marked where the key is at hand, checked for form where it is not."""

    outcome: Outcome
    quiz: str
    points: float | None = None
    max_points: float
    statements: list[StatementResult] = Field(default_factory=list)
    problems: list[str] = Field(default_factory=list)           # of form: missing, unknown, doubled, too long
    explanation: str = ""                                       # how the points come about, in a sentence

    def without_pictures(self) -> TheoryResult:
        """Leave out the pieces of pages that answers were read from."""
        statements = [one.model_copy(update={"crop": None}) if one.crop else one for one in self.statements]
        return self.model_copy(update={"statements": statements})


class ByHand(Record):
    """Points that a person gave for a criterion, beside what the harness had found out itself."""

    points: float
    author: str
    reason: str
    time: str                               # ISO 8601, UTC
    automatic: float | None                 # points of the harness; None where it gave none
    outcome: Outcome                        # how the criterion had ended for the harness
    reopened: bool = False                  # what they were given on has changed: they do not count until confirmed


class CriterionMark(Record):
    """Points for one criterion, with the reason for them."""

    id: str
    title: str
    outcome: Outcome
    points: float | None                    # None unless scored
    max_points: float
    reason: str                             # one or two sentences with the numbers
    measurement: str | None = None          # "vae.reconstruction.mse"
    value: float | None = None
    interval: tuple[float, float] | None = None
    none: float | None = None               # anchor of no points
    full: float | None = None               # anchor of full points
    ask: str = ""                           # what a person is asked to judge
    flags: list[str] = Field(default_factory=list)
    evidence: str = ""                      # SHA-256 of what a person who gives points looks at
    by_hand: ByHand | None = None


class PartMarks(Record):
    """Points for one part (theory, practice)."""

    id: str
    title: str
    points: float                           # sum over what is scored
    max_points: float
    open_points: float                      # what a person or a repaired harness can still give
    criteria: list[CriterionMark]


class Late(Record):
    """When a hand-in came, and what that costs by the course's rule."""

    handed_in: str                          # ISO 8601 with offset; empty: not known, and nothing is deducted
    source: str                             # who says so: "Moodle", or a person and the reason
    due: str                                # ISO 8601 with offset
    days: int                               # days begun after the deadline; 0: in time
    points: float                           # what is deducted from the sum of the parts
    rule: str                               # the course's rule in words
    reason: str                             # what it comes to, in a sentence


class Marks(Record):
    """All points of a hand-in."""

    points: float                           # of the parts, less what `late` deducts
    max_points: float
    open_points: float
    parts: list[PartMarks]
    late: Late | None = None                # None: the course sets no deadline


class Link(Record):
    """A web address on a page of the report."""

    address: str
    page: int
    source: Literal["text", "annotation"]   # printed, or behind the text
    repaired: bool = False                  # it was broken over lines or by spaces, and put together again


class Section(Record):
    """A heading of the report."""

    name: str                               # "results": what it is called, whatever its language
    title: str                              # as it is printed
    page: int


class Stated(Record):
    """A number or name that the report states of its own work, and what was measured of it."""

    name: str                               # "latent size", "learning rate", "mean squared error", ...
    value: str                              # as it is printed
    number: float | None = None
    page: int
    snippet: str                            # the words around it
    measured: str = ""                      # with its unit; empty where nothing of the kind is measured
    verdict: Literal["agree", "differ", "not comparable", "not measured"] = "not measured"
    why: str = ""


class HandIn(Record):
    """Facts about what was handed in."""

    members: list[str]
    code: str = ""
    references: list[str] = Field(default_factory=list)     # of the manifest
    page_references: list[str] = Field(default_factory=list)    # of the report
    report: str = ""                        # file name of the PDF; empty when none
    pages: int | None = None
    own_pages: list[int] | None = None      # numbers of those that are the group's own; None where no PDF was read
    sheet_pages: list[int] = Field(default_factory=list)    # those of the sheet, and of answers to it
    page: ImageFile | None = None           # the group's page
    figures: list[ImageFile] = Field(default_factory=list)  # figures on its own pages, made small
    links: list[Link] = Field(default_factory=list)
    sections: list[Section] = Field(default_factory=list)
    members_named: list[str] = Field(default_factory=list)  # of `members`, those whose names stand in the report
    stated: list[Stated] = Field(default_factory=list)
    text_missing: list[str] = Field(default_factory=list)   # what the sheet asks for and the page does not mention
    files: dict[str, str] = Field(default_factory=dict)     # path in the clean copy -> SHA-256
    left_out: dict[str, str] = Field(default_factory=dict)  # path -> why it was not copied
    fingerprint: str = ""                   # SHA-256 over all of `files`


class Provenance(Record):
    """Where a grade comes from, so that it can be made again."""

    command: str                            # replays the grade
    created: str                            # ISO 8601, UTC
    versions: dict[str, str]                # harness, python, torch, ...
    platform: str
    device: str
    box: str                                # "bubblewrap (uid 65534, cgroup v1)", "plain (no protection)"
    seed: int
    budget: str
    data: str                               # "fashion-mnist" or "garments"
    data_hash: str
    stand_in: bool
    hand_in_hash: str
    rubric: str
    rubric_hash: str
    judge_hash: str
    limits: dict[str, float]
    durations: dict[str, float]             # stage -> seconds


class GradeResult(Record):
    """Everything about one graded hand-in; the content of `result.json`."""

    schema_: int = Field(default=SCHEMA, alias="schema")
    group: str
    assignment: str
    marks: Marks
    theory: TheoryResult
    measurements: dict[str, ModelResult]    # by model
    hand_in: HandIn
    faults: list[Fault]                     # of the whole hand-in; those of a model stand with it
    provenance: Provenance

    model_config = ConfigDict(populate_by_name=True)

    @property
    def all_faults(self) -> list[Fault]:
        """The faults of the whole hand-in, then those of its models."""
        return [*self.faults, *(fault for model in self.measurements.values() for fault in model.faults)]

    def without_pictures(self) -> GradeResult:
        """Leave out pictures, maps and long tables, which make nearly all of a result's size."""
        bare: dict[str, object] = {"pictures": {}, "clouds": {}, "tables": {}}
        return self.model_copy(update={
            "measurements": {name: model.model_copy(update=bare) for name, model in self.measurements.items()},
            "theory": self.theory.without_pictures(),
            "hand_in": self.hand_in.model_copy(update={"page": None, "figures": []}),
        })


class BenchRow(Record):
    """One contender of a benchmark."""

    name: str                               # "dcgan", or "group3, vae"
    reference: bool                         # a reference model, not a hand-in
    model: ModelResult                      # of the first seed
    seed: int | None                        # of its training; None where it is not known
    training_seconds: float | None = None   # of wall clock; None where it is not known
    training: str = ""                      # on what, in words
    over_seeds: dict[str, list[float]] = Field(default_factory=dict)    # measurement -> its value for each seed
    note: str = ""


class BenchResult(Record):
    """A benchmark: contenders that were measured in the same way."""

    schema_: int = Field(default=SCHEMA, alias="schema")
    rows: list[BenchRow]
    created: str                            # ISO 8601, UTC
    command: str
    versions: dict[str, str]
    machine: str
    device: str
    box: str
    seed: int                               # of the measurements
    budget: str
    data: str
    data_hash: str
    stand_in: bool
    judge_hash: str

    model_config = ConfigDict(populate_by_name=True)
