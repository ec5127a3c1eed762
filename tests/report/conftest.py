"""A complete result as a real grade would give it, with what hostile groups hand in."""

from __future__ import annotations

import base64
import io
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from harness.records import (
    CriterionMark,
    Fault,
    Flag,
    GradeResult,
    HandIn,
    ImageFile,
    Link,
    Marks,
    ModelResult,
    Outcome,
    PartMarks,
    Provenance,
    Section,
    Stated,
    StatementResult,
    TheoryResult,
)

# Test folders are no packages, so what lies beside this file is loaded from its path.
pieces = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("pieces.py"))))

HOSTILE = (
    "<script>alert(1)</script> {{ 7 * 7 }} {% raw %} \u202egnp.exe\u202c \x1b[31mred\x1b[0m \x07 "
    '"><img src=x onerror=alert(2)> \u2066isolate\u2069 e' + "\u0301" * 40
)
STAGES = {
    "intake": 0.21,
    "theory": 0.03,
    "vae.fit": 132.4,
    "vae.evidence": 3.9,
    "vae.reconstruction": 0.8,
    "vae.clusters": 7.2,
}


def models(images: np.ndarray, labels: np.ndarray) -> dict[str, ModelResult]:
    """One model that was measured in full and is flagged, and one that failed in both ways."""
    copied = Flag(
        name="copies",
        message="One in ten samples lies closer to a training image than test images ever do.",
        evidence={"share of samples": 0.097, "limit": 0.05, "seen": HOSTILE},
    )
    crashed = Fault(
        kind="crashed",
        stage="sample",
        model="other",
        message="sample() raised ValueError: shapes (64, 20) and (64, 10) differ",
        rationale="The harness asks for samples without labels unless the class says `conditional = True`.",
        hint="Give `labels` a default, or set `conditional = True`; `harness check` repeats this call.",
        log='Traceback (most recent call last):\n  File "gan.py", line 41, in sample\n' + HOSTILE,
    )
    ours = Fault(
        kind="harness fault",
        stage="clusters",
        message="no memory left while measuring latent clusters",
        rationale="This is a fault of the harness or its machine, not of the hand-in; it costs no points.",
    )
    return {
        "other": ModelResult(
            name="other",
            source="gan.py:DCGAN",
            route="fit",
            outcome=Outcome.SUBMISSION_FAULT,
            capabilities=["fit", "sample"],
            not_applicable={"reconstruction": "the model has no encode and no decode"},
            faults=[crashed, ours],
        ),
        "vae": ModelResult(
            name="vae",
            source="model.py:ConvVAE",
            route="load",
            outcome=Outcome.SCORED,
            parameters=1_083_652,
            capabilities=["sample", "encode", "decode", "posterior"],
            measurements=pieces.measurements(HOSTILE),
            tables=pieces.tables(),
            pictures=pieces.pictures(images, labels),
            clouds={"clusters.map": pieces.cloud()},
            not_applicable={"likelihood": "the model has no log_prob"},
            flags=[copied],
        ),
    }


def theory() -> TheoryResult:
    """Answers of every kind, marked."""
    texts = [
        ("1a", "Training an RBM maximises the likelihood of the observed data.", "yes", "yes", "right", 1.0),
        (
            "1b",
            "Training a VAE minimises the reconstruction error of the given data.",
            "yes",
            "no",
            "wrong",
            -1.0,
        ),
        (
            "1c",
            "Training a normalising flow maximises the log likelihood directly.",
            "abstain",
            "yes",
            "abstained",
            0.0,
        ),
        (
            "1d",
            "Training a diffusion model maximises the log likelihood directly.",
            None,
            "no",
            "missing",
            0.0,
        ),
        ("2a", "Diffusion models need the implemented function to be invertible.", "no", None, "void", None),
    ]
    statements = [
        StatementResult.model_validate(
            {
                "id": name,
                "text": text,
                "answer": answer,
                "key": key,
                "verdict": verdict,
                "points": points,
                "why": "The objective is the evidence lower bound: reconstruction plus a KL term.",
                "argument": HOSTILE if name == "1b" else "",
                "contested": name == "1b",
            }
        )
        for name, text, answer, key, verdict, points in texts
    ]
    return TheoryResult(
        outcome=Outcome.SCORED,
        quiz="summer23",
        points=15.5,
        max_points=20,
        statements=statements,
        problems=["1d has no answer", f"unknown statement {HOSTILE}"],
        explanation="Right 1, abstained 0, wrong −1, never below 0 in a question group, scaled to 20 points.",
    )


def marks() -> Marks:
    """A criterion for each of the six outcomes."""
    scored = CriterionMark(
        id="reconstruction",
        title="Reconstruction of test images",
        outcome=Outcome.SCORED,
        points=3.5,
        max_points=4,
        reason="The mean squared error is 0.0133, nearly that of the reference VAE.",
        measurement="vae.reconstruction.mse",
        value=0.01334,
        interval=(0.0131, 0.0135),
        none=0.0866,
        full=0.0129,
        flags=["The interval crosses the boundary between 3.5 and 4 points."],
    )
    others = [
        CriterionMark(
            id=outcome.value,
            title=f"Criterion {index}",
            outcome=outcome,
            points=None,
            max_points=3,
            reason=f"The reason why this one is {outcome.value.replace('_', ' ')}.",
            ask="Is the result explained, and not only shown?" if outcome is Outcome.NEEDS_PERSON else "",
        )
        for index, outcome in enumerate(Outcome)
        if outcome is not Outcome.SCORED
    ]
    hostile = CriterionMark(
        id="hostile", title=HOSTILE, outcome=Outcome.SCORED, points=0, max_points=1, reason=HOSTILE
    )
    return Marks(
        points=19,
        max_points=40,
        open_points=6,
        parts=[
            PartMarks(
                id="theory",
                title="Theory",
                points=15.5,
                max_points=20,
                open_points=0,
                criteria=[
                    CriterionMark(
                        id="quiz",
                        title="Statements",
                        outcome=Outcome.SCORED,
                        points=15.5,
                        max_points=20,
                        reason="14 right, 3 wrong, 2 abstained, 1 missing.",
                    )
                ],
            ),
            PartMarks(
                id="practice",
                title="Practice",
                points=3.5,
                max_points=20,
                open_points=6,
                criteria=[scored, *others, hostile],
            ),
        ],
    )


def hand_in() -> HandIn:
    page = Image.new("RGB", (595, 842), "white")
    pencil = ImageDraw.Draw(page)
    for y in range(60, 780, 14):
        pencil.line((60, y, 530 - (y * 7) % 90, y), fill=(60, 60, 60), width=4)
    buffer = io.BytesIO()
    page.save(buffer, "PNG")
    return HandIn(
        members=["Ada Example", "Bo Example", HOSTILE],
        code="https://example.org/group3",
        report="report.pdf",
        pages=1,
        references=["Kingma and Welling 2014, Auto-Encoding Variational Bayes", HOSTILE],
        page=ImageFile(
            caption="The group's page",
            alt="A page of text and figures.",
            width=595,
            height=842,
            data=base64.b64encode(buffer.getvalue()).decode(),
        ),
        own_pages=[1],
        figures=[
            ImageFile(
                caption="Page 1, picture",
                alt="Figure 1: a picture on page 1 of the report.",
                width=595,
                height=842,
                data=base64.b64encode(buffer.getvalue()).decode(),
            )
        ],
        links=[
            Link(address="https://example.org/group3", page=1, source="text", repaired=True),
            Link(address=HOSTILE, page=1, source="annotation"),
        ],
        sections=[Section(name="results", title="Results", page=1), Section(name="code", title=HOSTILE, page=1)],
        members_named=["Ada Example", HOSTILE],
        page_references=[HOSTILE],
        stated=[
            Stated(
                name="mean squared error", value="0.0133", number=0.0133, page=1, snippet=f"MSE: 0.0133 {HOSTILE}",
                measured="vae: 0.0133 squared intensity per pixel", verdict="agree", why="Within 0.0007 of it.",
            ),
            Stated(
                name="latent size", value="32", number=32, page=1, snippet="latent size: 32", verdict="differ",
                measured="vae: 20 numbers in a code", why="No model that was handed in has this number.",
            ),
            Stated(name="optimiser", value=HOSTILE, page=1, snippet=HOSTILE),
        ],
        text_missing=["a heading on interpretation"],
        files={"model.py": "0f" * 32, HOSTILE: "1e" * 32},
        left_out={".git": "version control is not needed", HOSTILE: "a symbolic link"},
        fingerprint="2d" * 32,
    )


def provenance() -> Provenance:
    return Provenance(
        command="harness grade submissions/group3 --seed 0 --budget full",
        created="2026-11-25T10:13:00+00:00",
        versions={"harness": "0.1.0", "python": "3.11.7", "torch": "2.14.1", "numpy": "2.4.0"},
        platform="Linux-6.1-x86_64",
        device="cpu",
        box="bubblewrap (uid 65534, cgroup v1)",
        seed=0,
        budget="full",
        data="fashion-mnist",
        data_hash="3c" * 32,
        stand_in=False,
        hand_in_hash="4b" * 32,
        rubric="summer23",
        rubric_hash="5a" * 32,
        judge_hash="69" * 32,
        limits={"start_seconds": 90.0, "memory_bytes": 6 * 2**30},
        durations=STAGES,
    )


def complete_result(images: np.ndarray, labels: np.ndarray) -> GradeResult:
    """Everything that a report can hold."""
    rejected = Fault(
        kind="rejected",
        stage="intake",
        message=f"the file {HOSTILE} is a symbolic link",
        rationale="Links could lead out of the hand-in.",
        hint="Hand in the file itself.",
    )
    return GradeResult(
        group="group3",
        assignment="summer23",
        marks=marks(),
        theory=theory(),
        measurements=models(images, labels),
        hand_in=hand_in(),
        faults=[rejected],
        provenance=provenance(),
    )


@pytest.fixture(scope="session")
def result() -> GradeResult:
    return complete_result(*pieces.garments(300, seed=0))
