"""Tops, dresses and trousers: a body, two sleeves, an opening for the neck, and what is on the front."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.data.drawing import SIZE, Array, Brush, X, Y, cover, curve, paint, polygon, union
from harness.data.fabric import cloth, seam

__all__ = ["COAT", "DRESS", "PULLOVER", "SHIRT", "T_SHIRT", "Cut", "top", "trouser"]


@dataclass(frozen=True, kw_only=True)
class Cut:
    """How a kind of top is cut; pairs are the lowest and the highest of a uniform choice, in pixels."""

    sleeves: tuple[float, float, float]  # shares without, with short and with long sleeves
    hem: tuple[float, float]  # where it ends, from the top
    chest: tuple[float, float]  # half its width under the arms
    waist: tuple[float, float]  # in parts of the chest
    flare: tuple[float, float]  # half its width at the hem, in parts of the chest
    opening: float  # share with a line of buttons or a zip
    collar: float
    hood: float = 0.0
    motif: float = 0.0  # share with a print on the chest
    plain: float = 0.6  # share of cloth without a pattern
    bright: float = 0.0
    loose: float = 0.0  # how far long sleeves stand off, in pixels


def top(brush: Brush, cut: Cut) -> Array:
    """Draw tops of this cut, (n, 28, 28) in [0, 1]."""
    middle = 14 + brush.about(0, 0.35)
    side = np.abs(X - middle + brush.about(0, 0.012) * (Y - 14))
    crown, hem = brush.between(0.8, 2.6), brush.between(*cut.hem)
    chest = brush.between(*cut.chest)
    shoulder = chest * brush.between(0.80, 1.0)
    neck = brush.between(2.2, 4.2)
    slope = brush.between(1.0, 3.0)
    arm = crown + slope + brush.between(5.0, 7.0)
    width = curve(
        Y,
        (crown, neck),
        (crown + slope, shoulder),
        (arm, chest),
        (arm + (hem - arm) * 0.3, chest * brush.between(*cut.waist)),
        (hem * 1.25, chest * brush.between(*cut.flare)),
    )
    body = np.maximum(side - width, np.maximum(crown - Y, Y - hem))
    fabric = cloth(brush, plain=cut.plain, x=X - middle, bright=cut.bright)
    sleeve = _sleeve(
        brush, cut, side, shoulder=shoulder, chest=chest, top=crown + slope * 0.8, arm=arm, hem=hem
    )
    image = paint(
        np.zeros((brush.count, SIZE, SIZE)), sleeve, seam(fabric * brush.between(0.85, 1.05), sleeve, 0.25)
    )
    image = seam(image, np.maximum(body, arm - 4 - Y), brush.between(0.1, 0.7))
    image = paint(image, body, seam(fabric, body, brush.between(0.0, 0.35)))
    image = _front(brush, cut, image, body, side=side, crown=crown, hem=hem)
    return _neckline(brush, cut, image, side=side, crown=crown, neck=neck, fabric=fabric)


def _sleeve(
    brush: Brush,
    cut: Cut,
    side: Array,
    *,
    shoulder: Array,
    chest: Array,
    top: Array,
    arm: Array,
    hem: Array,
) -> Array:
    """Give the distance to both sleeves: short ones stand off, long ones hang."""
    kind = brush.choice(*cut.sleeves)
    long = kind == 2
    reach = np.where(long, np.minimum(hem - brush.between(-0.5, 4), 26.3), top + brush.between(4.5, 8.5))
    outer = np.where(long, chest + brush.between(2.4, 4.6) + cut.loose, chest + brush.between(1.2, 3.8))
    cuff = np.where(long, brush.between(2.0, 3.2), brush.between(3.0, 4.6))
    lift = np.where(long, brush.between(0.0, 0.8), brush.between(0.5, 2.0))
    outer = np.minimum(outer, 13.4)
    sleeve = union(
        polygon(
            (shoulder - 1.5, top), (shoulder + 0.4, top), (outer, reach - lift), (outer - cuff, reach), x=side
        ),
        polygon((shoulder - 1.5, top), (shoulder + 0.4, top), (chest + 1, arm), (chest - 2, arm), x=side),
    )
    return np.where(kind == 0, 9.0, sleeve)


def _front(
    brush: Brush,
    cut: Cut,
    image: Array,
    body: Array,
    *,
    side: Array,
    crown: Array,
    hem: Array,
) -> Array:
    """Put on buttons or a zip, a print, a ribbed hem and pockets."""
    line_on = brush.chance(cut.opening)
    zipped = 1 - brush.between(0.25, 0.8) * np.where(np.abs(side) < 0.8, 1.0, 0.0)
    buttons = np.where(brush.chance(0.5), 1.0, (np.sin(2 * np.pi * Y / brush.between(2.5, 4.5)) > 0) * 1.0)
    down = np.where(brush.chance(0.75), hem, crown + brush.between(5, 10))
    image = np.where(line_on & (down > Y) & (crown + 2 < Y), image * (1 - (1 - zipped) * buttons), image)

    size, height = brush.between(2.0, 4.6), brush.between(1.2, 4.2)
    level = crown + brush.between(6.5, 10.5)
    motif = np.maximum(side - size, np.abs(Y - level) - height)
    figure = np.clip(brush.between(0.0, 1.0) + 0.35 * np.sign(brush.clouds(20)) * brush.chance(0.7), 0.05, 1)
    image = np.where(brush.chance(cut.motif), paint(image, motif, figure), image)

    rib = np.maximum(body, hem - brush.between(1.0, 2.5) - Y)
    image = np.where(brush.chance(0.35), paint(image, rib, image * brush.between(0.6, 1.15)), image)
    pocket = np.abs(
        np.maximum(np.abs(side - brush.between(3, 5)) - 1.6, np.abs(Y - brush.between(14, 20)) - 1.0)
    )
    return np.where(brush.chance(cut.opening * 0.4), seam(image, pocket, 0.4), image)


def _neckline(
    brush: Brush,
    cut: Cut,
    image: Array,
    *,
    side: Array,
    crown: Array,
    neck: Array,
    fabric: Array,
) -> Array:
    """Cut out the neck, round or pointed, shallow or deep, or set a collar or a hood on it."""
    collar, hood = brush.chance(cut.collar), brush.chance(cut.hood)
    depth = np.where(brush.chance(0.3), brush.between(3.0, 7.0), brush.between(0.6, 2.6))
    depth = np.where(collar | hood, brush.between(0.2, 2.0), depth)
    pointed = side - neck * (1 - (Y - crown) / depth)
    rounded = np.sqrt((side / neck) ** 2 + ((Y - crown) / depth) ** 2) * np.minimum(neck, depth) - np.minimum(
        neck, depth
    )
    hole = np.where(brush.chance(0.35), pointed, rounded)
    behind = np.where(brush.chance(0.4), brush.between(0.05, 0.5), 0.0) * (fabric > 0)
    image = image * (1 - cover(hole)) + cover(hole) * behind * (crown < Y)
    image = np.where(
        brush.chance(0.5), seam(image, np.maximum(hole, crown - Y), brush.between(0.1, 0.5)), image
    )
    stand = polygon(
        (neck * 0 - 0.5, crown - 0.8),
        (neck * 0.85, crown - 0.8),
        (neck * 1.25, crown + 1.8),
        (neck * 0 + 0.4, crown + 3.2),
        x=side,
    )
    image = np.where(
        collar, paint(image, stand, seam(fabric * brush.between(0.75, 1.15), stand, 0.35)), image
    )
    cap = (
        np.sqrt((side / (neck * 1.45)) ** 2 + ((Y - crown - 1.5) / brush.between(2.2, 3.4)) ** 2) * 2.5 - 2.5
    )
    return np.where(hood, paint(image, cap, seam(fabric * brush.between(0.7, 1.1), cap, 0.3)), image)


T_SHIRT = Cut(
    sleeves=(0.13, 0.82, 0.05),
    hem=(22.8, 26.8),
    chest=(6.7, 9.2),
    waist=(0.88, 1.0),
    flare=(0.90, 1.04),
    opening=0.03,
    collar=0.05,
    motif=0.38,
    plain=0.68,
)
PULLOVER = Cut(
    sleeves=(0.01, 0.04, 0.95),
    hem=(22.2, 26.4),
    chest=(7.1, 9.6),
    waist=(0.94, 1.0),
    flare=(0.86, 0.98),
    opening=0.06,
    collar=0.08,
    hood=0.14,
    motif=0.22,
    plain=0.66,
    loose=0.1,
)
COAT = Cut(
    sleeves=(0.01, 0.01, 0.98),
    hem=(25.0, 27.8),
    chest=(7.2, 9.7),
    waist=(0.90, 1.0),
    flare=(0.94, 1.10),
    opening=0.84,
    collar=0.48,
    hood=0.26,
    motif=0.01,
    plain=0.80,
    bright=0.14,
    loose=0.5,
)
SHIRT = Cut(
    sleeves=(0.13, 0.32, 0.55),
    hem=(24.1, 27.5),
    chest=(6.4, 8.8),
    waist=(0.81, 0.98),
    flare=(0.94, 1.14),
    opening=0.56,
    collar=0.54,
    motif=0.04,
    plain=0.40,
)
DRESS = Cut(
    sleeves=(0.48, 0.34, 0.18),
    hem=(25.8, 27.8),
    chest=(4.0, 6.2),
    waist=(0.70, 0.98),
    flare=(0.9, 1.7),
    opening=0.08,
    collar=0.06,
    motif=0.02,
    plain=0.55,
)


def trouser(brush: Brush) -> Array:
    """Draw two legs from a waistband, straight, narrow or wide, now and then as shorts."""
    middle = 14 + brush.about(0, 0.4)
    side = np.abs(X - middle)
    crown = brush.between(0.4, 2.2)
    hem = np.where(brush.chance(0.06), brush.between(17, 22), brush.between(25.6, 27.8))
    hip = brush.between(4.2, 6.2)
    crotch = crown + brush.between(7.0, 10.0)
    outer = curve(
        Y, (crown, hip * brush.between(0.8, 0.95)), (crotch - 2, hip), (hem, hip * brush.between(0.85, 1.3))
    )
    gap = np.where(brush.chance(0.25), -0.6, brush.between(0.1, 1.6))
    inner = np.where(crotch < Y, gap * np.clip((Y - crotch) / 4, 0, 1), -1.0)
    legs = np.maximum(np.maximum(side - outer, inner - side), np.maximum(crown - Y, Y - hem))
    fabric = cloth(brush, plain=0.85, x=X - middle) * (1 + brush.about(0, 0.05) * np.clip(Y - 12, 0, 9) / 3)
    image = paint(np.zeros((brush.count, SIZE, SIZE)), legs, seam(fabric, legs, brush.between(0, 0.4)))
    crease = np.where((side < 0.7) & (crotch - 3 < Y), brush.between(0.2, 0.8), 0.0)
    image = np.asarray(image * (1 - crease))
    band = (np.abs(Y - crown - 2.0) < 0.5) & brush.chance(0.5)
    return np.where(band, image * brush.between(0.5, 0.9), image)
