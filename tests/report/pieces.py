"""The pieces of a measured model: measurements, and pictures, maps and tables of drawn clothes."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from harness.metrics.pictures import grid, point_cloud, table
from harness.records import Measurement, Picture, PointCloud, Table

__all__ = ["CLASSES", "cloud", "garments", "measurements", "pictures", "tables"]

CLASSES = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
]
OUTLINES = [
    [(4, 6), (10, 3), (18, 3), (24, 6), (22, 11), (19, 10), (19, 25), (9, 25), (9, 10), (6, 11)],
    [(9, 2), (19, 2), (20, 26), (15, 26), (14, 9), (13, 26), (8, 26)],
    [
        (3, 20),
        (7, 5),
        (12, 3),
        (16, 3),
        (21, 5),
        (25, 20),
        (22, 21),
        (19, 11),
        (19, 25),
        (9, 25),
        (9, 11),
        (6, 21),
    ],
    [(11, 2), (17, 2), (16, 10), (21, 26), (7, 26), (12, 10)],
    [(3, 23), (7, 4), (21, 4), (25, 23), (22, 24), (20, 12), (20, 27), (8, 27), (8, 12), (6, 24)],
    [(2, 20), (12, 14), (14, 10), (17, 16), (26, 18), (26, 20), (15, 20), (2, 22)],
    [(4, 18), (8, 4), (20, 4), (24, 18), (21, 19), (19, 10), (19, 24), (9, 24), (9, 10), (7, 19)],
    [(2, 18), (10, 14), (15, 11), (25, 13), (26, 20), (2, 21)],
    [(4, 12), (9, 12), (11, 5), (17, 5), (19, 12), (24, 12), (25, 25), (3, 25)],
    [(3, 19), (12, 15), (14, 4), (23, 4), (24, 23), (3, 23)],
]


def garments(count: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw `count` silhouettes, ten classes in turn: images (count, 28, 28) uint8 and labels (count,)."""
    rng = np.random.default_rng(seed)
    images = np.zeros((count, 28, 28), np.uint8)
    labels = np.arange(count) % 10
    for index, label in enumerate(labels):
        tile = Image.new("L", (56, 56))
        corners = [(2 * x + rng.normal(), 2 * y + rng.normal()) for x, y in OUTLINES[label]]
        ImageDraw.Draw(tile).polygon(corners, fill=int(rng.integers(110, 240)))
        drawn = np.asarray(tile.reduce(2), np.float64)
        images[index] = np.clip(drawn + (drawn > 20) * rng.normal(0, 12, (28, 28)), 0, 255)
    return images, labels


def blurred(images: np.ndarray, strength: int) -> np.ndarray:
    """Blur as a VAE does."""
    soft = images.astype(np.float64)
    for _ in range(strength):
        soft = (
            soft + np.roll(soft, 1, 1) + np.roll(soft, -1, 1) + np.roll(soft, 1, 2) + np.roll(soft, -1, 2)
        ) / 5
    return soft.astype(np.uint8)


def pictures(images: np.ndarray, labels: np.ndarray) -> dict[str, Picture]:
    """The pictures of a model that was measured in full, made of `images`, at least 300."""
    chosen = np.concatenate([np.flatnonzero(labels == label)[:3] for label in range(10)])
    originals = images[chosen]
    pairs = np.stack([originals, blurred(originals, 2)], axis=1).reshape(60, 28, 28)
    rng = np.random.default_rng(5)
    weights = np.linspace(0, 1, 11)[:, None, None]
    lines: dict[str, list[np.ndarray]] = {"within": [], "between": []}
    for kind, rows in lines.items():
        for index in range(5):
            first, second = images[index], images[index + (10 if kind == "within" else 3)]
            fade = (1 - weights) * first + weights * second
            rows += [blurred(fade.astype(np.uint8), 2), fade.astype(np.uint8)]
    labels_of_rows = [label for index in range(5) for label in (f"pair {index + 1}", "cross-fade")]
    steps = [f"{index / 10:g}" for index in range(11)]
    return {
        "reconstruction.examples": grid(
            pairs,
            columns=6,
            caption="Originals and reconstructions: best, median and worst of each class",
            alt="Ten rows, one for each class: three originals, each with its reconstruction beside it.",
            row_labels=CLASSES,
            column_labels=["best", "rebuilt", "median", "rebuilt", "worst", "rebuilt"],
        ),
        "distribution.samples": grid(
            blurred(images[:100], 2),
            columns=10,
            caption="Samples, by predicted class",
            alt="A hundred samples in ten rows, one for each predicted class.",
            row_labels=CLASSES,
        ),
        "copies.nearest": grid(
            np.concatenate([blurred(images[:10], 1), images[:10]]),
            columns=10,
            caption="The most suspicious samples and their nearest training images",
            alt="Upper row: ten samples. Lower row: the nearest training image of each.",
            row_labels=["sample", "nearest training image"],
        ),
        "reconstruction.probes": grid(
            np.concatenate([rng.integers(0, 255, (4, 28, 28)).astype(np.uint8), 255 - images[:4]]),
            columns=4,
            caption="Inputs that no code can carry",
            alt="Noise and inverted images.",
            row_labels=["noise", "inverted"],
        ),
        **{
            f"interpolation.{kind}": grid(
                np.concatenate(rows),
                columns=11,
                caption=f"Lines {kind} classes, each above its cross-fade",
                alt=f"Five lines {kind} classes of eleven images, each above its cross-fade.",
                row_labels=labels_of_rows,
                column_labels=steps,
            )
            for kind, rows in lines.items()
        },
    }


def cloud(count: int = 10_000) -> PointCloud:
    """A map with ten classes, some of them in each other's way, as the real one has."""
    rng = np.random.default_rng(3)
    centres = np.array(
        [[0, 0], [9, 6], [1.5, -3], [3.5, 4], [3, -3.4], [-9, -5], [1.2, -1.2], [-10, -1], [-3, 7], [-7, 1.5]]
    )
    labels = rng.integers(0, 10, count)
    points = centres[labels] + rng.normal(0, 1.1, (count, 2)) * rng.uniform(0.4, 1.2, (count, 1))
    return point_cloud(
        points,
        labels,
        classes=CLASSES,
        caption="UMAP map of the codes of the test images, coloured by class",
        alt="Ten clouds of points. Shirt, pullover and coat overlap; trousers and bags stand apart.",
    )


def tables() -> dict[str, Table]:
    """The tables of a model that was measured in full."""
    rng = np.random.default_rng(4)
    steps = np.arange(1, 11)
    confusion = rng.uniform(0, 8, (10, 10)) + np.diag(rng.uniform(300, 900, 10))
    confusion[6, [0, 2, 4]] = 160, 130, 150
    hump = np.exp(-(((steps - 5.5) / 2.6) ** 2))
    return {
        "reconstruction.per_class": table(
            "Reconstruction by class",
            {
                "class": CLASSES,
                "mean squared error": rng.uniform(0.006, 0.023, 10),
                "SSIM": rng.uniform(0.5, 0.75, 10),
            },
        ),
        "distribution.classes": table(
            "Predicted classes of samples",
            {
                "class": CLASSES,
                "share of samples": np.full(10, 0.1) + rng.normal(0, 0.02, 10),
                "share of test set": [0.1] * 10,
            },
        ),
        "clusters.confusion": table(
            "Nearest neighbours: class of the code (rows) and of its neighbours (columns)",
            {"class": CLASSES, **{name: np.round(confusion[:, index]) for index, name in enumerate(CLASSES)}},
        ),
        "interpolation.steps": table(
            "Share of the whole length that each step takes",
            {
                "step": steps,
                "within": 0.09 + 0.02 * hump,
                "between": 0.075 + 0.045 * hump,
                "cross-fade within": 0.08 + 0.03 * hump[::-1],
                "cross-fade between": 0.1 - 0.02 * hump,
            },
        ),
    }


def measurement(
    name: str,
    value: float,
    *,
    better: str = "lower",
    unit: str = "share",
    spread: float = 0.0,
    **more: object,
) -> Measurement:
    interval = (value - spread, value + spread) if spread else None
    return Measurement.model_validate(
        {
            "name": name,
            "value": value,
            "unit": unit,
            "better": better,
            "interval": interval,
            "sample_size": 10_000,
            **more,
        }
    )


def measurements(hostile: str) -> dict[str, Measurement]:
    """Measurements with the baselines that stand beside them."""
    all_of_them = [
        measurement(
            "reconstruction.mse",
            0.01334,
            unit="squared intensity per pixel",
            spread=0.0002,
            baselines={"mean image": 0.0866, "PCA of 20 numbers": 0.0181, "nearest training image": 0.0182},
        ),
        measurement(
            "reconstruction.ssim",
            0.6452,
            better="higher",
            unit="index",
            spread=0.004,
            baselines={"mean image": 0.19, "PCA of 20 numbers": 0.53},
            settings={"window": "Gaussian 11x11", "sigma": 1.5},
        ),
        measurement("reconstruction.psnr", 19.71, better="higher", unit="decibel", spread=0.04),
        measurement(
            "reconstruction.train_gap",
            -0.00002,
            better="neither",
            unit="squared intensity per pixel",
            spread=0.0003,
            note="Test minus training; a large gap means that the training images were learnt by heart.",
        ),
        measurement("reconstruction.code_numbers", 20, better="neither", unit="numbers"),
        measurement(
            "distribution.fid_relative",
            0.372,
            unit="share of the real spread",
            spread=0.003,
            baselines={
                "mean image": 1.28,
                "ten class means": 0.59,
                "uniform noise": 1.37,
                "training images": 0.001,
            },
        ),
        measurement(
            "distribution.counter_fid_relative", 0.361, unit="share of the real spread", spread=0.003
        ),
        measurement(
            "distribution.recall",
            0.09,
            better="higher",
            spread=0.01,
            baselines={"training images": 0.87, "mean image": 0.0},
        ),
        measurement(
            "distribution.coverage",
            0.16,
            better="higher",
            spread=0.008,
            baselines={"training images": 0.87, "100 training images repeated": 0.03},
        ),
        measurement("copies.share_features", 0.002, baselines={"real test images": 0.02}, sample_size=2_000),
        measurement(
            "clusters.silhouette",
            0.064,
            better="higher",
            unit="from −1 to 1",
            spread=0.003,
            baselines={
                "raw pixels": 0.07,
                "random projection": 0.028,
                "untrained encoder": 0.021,
                "random codes": 0.0,
            },
        ),
        measurement(
            "clusters.kmeans_ari",
            0.4,
            better="higher",
            unit="from 0 to 1",
            spread=0.012,
            baselines={
                "raw pixels": 0.35,
                "random projection": 0.3,
                "untrained encoder": 0.27,
                "random codes": 0.0,
            },
        ),
        measurement(
            "interpolation.score",
            0.61,
            better="higher",
            unit="from 0 to 1",
            spread=0.01,
            baselines={"cross-fade": 0.33},
        ),
        measurement(
            "interpolation.path_length",
            2.04,
            unit="spread of features",
            spread=0.05,
            sample_size=2_000,
            baselines={"cross-fade": 3.77, "PCA of 20 numbers": 0.83},
        ),
        measurement("novel.number", float("nan"), better="neither", unit=hostile, note=hostile),
    ]
    return {one.name: one for one in all_of_them}
