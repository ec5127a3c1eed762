"""Translation between two domains, photographs and line drawings of them: what changes, what is kept, what comes back.

The domains are made of Fashion-MNIST, so that the right translation of a photograph is known: its line drawing. Of a
drawing it is not, as many photographs have the same outlines.
"""

from __future__ import annotations

import numpy as np

from harness.data.outlines import line_drawings
from harness.evidence import Translations
from harness.metrics.base import Metric, Scene
from harness.metrics.frechet import frechet
from harness.metrics.intervals import normal_mean, wilson
from harness.metrics.pictures import grid, to_uint8
from harness.records import Findings, Measurement, Picture

__all__ = ["METRICS", "measure"]

RELATIVE = "share of the variance of real features"

METRICS: tuple[Metric, ...] = (
    Metric(
        name="translation.cycle_error", title="Error after there and back", unit="intensity per pixel", better="lower",
        family="translation",
        explains="How far an image is from itself after it was translated to the other domain and back.",
    ),
    Metric(
        name="translation.drawing_error", title="Error of drawings", unit="intensity per pixel", better="lower",
        family="translation",
        explains="How far the drawing that the model makes of a photograph is from the photograph's true outlines.",
    ),
    Metric(
        name="translation.class_kept", title="Class kept", unit="share", better="higher", family="translation",
        explains="How often the judge sees in the photograph made of a drawing the class of what was drawn.",
    ),
    Metric(
        name="translation.drawing_fid_relative", title="Fréchet distance of drawings", unit=RELATIVE, better="lower",
        family="translation",
        explains="How far the drawings made of photographs, as a whole, lie from true drawings in the judge's eyes.",
    ),
    Metric(
        name="translation.photograph_fid_relative", title="Fréchet distance of photographs", unit=RELATIVE,
        better="lower", family="translation",
        explains="How far the photographs made of drawings, as a whole, lie from true photographs in the judge's eyes.",
    ),
)

_BY_NAME = {metric.name.removeprefix("translation."): metric for metric in METRICS}

IDENTITY = "no translation"
"""The baseline: an image is given back as it is."""


def measure(scene: Scene) -> Findings:
    """Measure translations in both directions, each beside what doing nothing would give."""
    asked = scene.evidence.translations
    if set(asked) != {"photograph", "drawing"}:
        return Findings()
    photographs, drawings = asked["photograph"], asked["drawing"]
    images = scene.data.test.images
    cycles = np.concatenate([_error(one.back, one.images) for one in asked.values()])
    true = line_drawings(images[photographs.index])
    return Findings(
        measurements=[
            _averaged("cycle_error", cycles, np.zeros(1)),
            _averaged("drawing_error", _error(photographs.there, true), _error(photographs.images, true)),
            _class_kept(scene, drawings),
            _distance(scene, "drawing", photographs.there, line_drawings(images), photographs.images),
            _distance(scene, "photograph", drawings.there, images, drawings.images),
        ],
        pictures={f"translation.{name}": _picture(scene, name, one) for name, one in asked.items()},
    )


def _error(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Give the mean absolute difference (n,) of images (n, h, w)."""
    found: np.ndarray = np.abs(first - second).mean(axis=(1, 2), dtype=np.float64)
    return found


def _averaged(name: str, values: np.ndarray, beside: np.ndarray) -> Measurement:
    return _BY_NAME[name].measured(
        values.mean(), sample_size=len(values), interval=normal_mean(values),
        baselines={IDENTITY: float(beside.mean())},
    )


def _class_kept(scene: Scene, drawings: Translations) -> Measurement:
    labels = scene.data.test.labels[drawings.index]
    made = _classes(scene, drawings.there)
    right = float((made == labels).mean())
    return _BY_NAME["class_kept"].measured(
        right, sample_size=len(labels), interval=wilson(right, len(labels)), settings={"classes": "judge"},
        baselines={
            IDENTITY: float((_classes(scene, drawings.images) == labels).mean()),
            "true photographs": float((_classes(scene, scene.data.test.images[drawings.index]) == labels).mean()),
        },
    )


def _classes(scene: Scene, images: np.ndarray) -> np.ndarray:
    found: np.ndarray = scene.perception.features("judge", images)[1].argmax(axis=1)
    return found


def _distance(scene: Scene, kind: str, made: np.ndarray, real: np.ndarray, before: np.ndarray) -> Measurement:
    """Compare translations with all test images of the domain that they were translated to."""
    features = scene.perception.features("judge", real)[0]
    found = frechet(features, scene.perception.features("judge", made)[0])
    untouched = frechet(features, scene.perception.features("judge", before)[0])
    return _BY_NAME[f"{kind}_fid_relative"].measured(
        found.relative, sample_size=len(made), interval=found.relative_interval,
        baselines={IDENTITY: untouched.relative},
    )


def _picture(scene: Scene, domain: str, asked: Translations, *, examples: int = 10) -> Picture:
    labels = scene.data.test.labels[asked.index]
    chosen = np.array([np.flatnonzero(labels == label)[0] for label in np.unique(labels)])[:examples]
    other = "photograph" if domain == "drawing" else "drawing"
    rows = np.concatenate([to_uint8(part[chosen]) for part in (asked.images, asked.there, asked.back)])
    return grid(
        rows, columns=len(chosen), row_labels=[domain, f"as {other}", "and back"],
        caption=f"A {domain} of each class, translated to a {other}, and back.",
        alt=f"Three rows of images: {domain}s, what the model made of them, and what it made of that.",
    )
