"""Shoes, all seen from the side with the toe to the left: sandals, sneakers and ankle boots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.data.drawing import SIZE, Array, Brush, Mask, X, Y, cover, curve, line, paint, polygon, union
from harness.data.fabric import leather, seam

__all__ = ["ankle_boot", "sandal", "sneaker"]


@dataclass(frozen=True, kw_only=True)
class Sole:
    """Where a shoe stands: its ends and the height of its sole, the heel lifted above the ground."""

    toe: Array
    heel: Array
    ground: Array
    thick: Array
    lift: Array

    def under(self) -> Array:
        """Give the height of the foot bed at each column."""
        middle = self.toe + (self.heel - self.toe) * 0.45
        return self.ground - self.thick - curve(X, (middle, 0 * self.lift), (self.heel - 2, self.lift))

    def distance(self) -> Array:
        """Give the distance to the sole, without a heel under it."""
        bed = self.under()
        ends = np.maximum(self.toe - X, X - self.heel)
        return np.maximum(np.maximum(bed - Y, Y - bed - self.thick), ends)


def sneaker(brush: Brush) -> Array:
    """Draw low shoes with a sole of another tone, laces and a stripe at the side."""
    sole = Sole(
        toe=brush.between(0.4, 2.2),
        heel=brush.between(25.6, 27.6),
        ground=brush.between(19.4, 22.4),
        thick=brush.between(1.0, 2.6),
        lift=brush.between(0, 1.0),
    )
    height = np.where(brush.chance(0.14), brush.between(10.5, 14.0), brush.between(7.5, 10.8))
    bed = sole.under()
    rise = brush.between(12.5, 16.0)
    contour = curve(
        X,
        (sole.toe, brush.between(0.6, 1.6)),
        (sole.toe + 3, brush.between(3.0, 4.8)),
        (rise, height * brush.between(0.8, 0.98)),
        (rise + 4, height * brush.between(0.72, 0.95)),
        (sole.heel - 1, height),
    )
    upper = np.maximum(
        np.maximum(bed - contour - Y, Y - bed - 0.5), np.maximum(sole.toe - X, X - sole.heel + 0.4)
    )
    fabric = leather(brush)
    image = paint(np.zeros((brush.count, SIZE, SIZE)), upper, seam(fabric, upper, 0.3))
    stripe = line(*_stripe(brush, bed), brush.between(0.9, 2.0))
    marked = paint(image, np.maximum(stripe, upper), brush.between(0.05, 1.0))
    image = np.where(brush.chance(0.5), marked, image)
    laces = np.maximum(np.abs(Y - (bed - contour) - 0.9) - 0.8, np.abs(X - rise + 2.5) - 2.8)
    striped = image * (1 + brush.between(-0.6, 0.4) * (np.sin(2 * np.pi * X / 2.2) > 0) * cover(laces))
    image = np.where(brush.chance(0.7), striped, image)
    return paint(
        image, sole.distance(), np.where(brush.chance(0.7), brush.between(0.6, 1.0), brush.between(0.15, 0.6))
    )


def _stripe(brush: Brush, bed: Array) -> tuple[Array, Array, Array, Array]:
    """Give the ends of a stripe at a shoe's side."""
    base = bed.mean(axis=2, keepdims=True)
    start = brush.between(10, 14)
    return start, base - brush.between(0.5, 2.0), start + brush.between(3, 9), base - brush.between(3.0, 7.0)


def ankle_boot(brush: Brush) -> Array:
    """Draw boots with a shaft, flat or with a heel."""
    heeled = brush.chance(0.62)
    sole = Sole(
        toe=brush.between(0.6, 3.0),
        heel=brush.between(23.5, 27.0),
        ground=brush.between(24.0, 27.4),
        thick=brush.between(0.7, 2.2),
        lift=np.where(heeled, brush.between(2.5, 7.5), brush.between(0, 0.8)),
    )
    bed = sole.under()
    shaft_top = np.where(brush.chance(0.3), brush.between(0.8, 4.0), brush.between(4.0, 10.0))
    front = brush.between(11.0, 15.0)
    shaft_front, shaft_back = front + brush.between(-0.5, 2.0), sole.heel - brush.between(0.0, 1.6)
    foot = curve(
        X,
        (sole.toe, brush.between(1.0, 2.2)),
        (sole.toe + 4, brush.between(3.0, 5.0)),
        (front + 2, brush.between(8.0, 12.0)),
    )
    upper = np.maximum(
        np.maximum(bed - foot - Y, Y - bed - 0.5), np.maximum(sole.toe - X, X - sole.heel + 0.3)
    )
    shaft = polygon(
        (shaft_front - brush.between(-0.6, 1.5), shaft_top),
        (shaft_back + brush.between(-0.4, 0.6), shaft_top + brush.between(-0.6, 0.6)),
        (sole.heel - 0.4, sole.ground - sole.lift - sole.thick),
        (front, sole.ground - sole.lift - sole.thick),
    )
    whole = union(upper, shaft)
    fabric = np.clip(leather(brush) + brush.between(0.0, 0.2), 0, 1)
    image = paint(np.zeros((brush.count, SIZE, SIZE)), whole, seam(fabric, whole, 0.25))
    laced = np.maximum(np.abs(X - shaft_front - 0.8) - 1.2, np.maximum(shaft_top + 1 - Y, Y - bed + 3))
    image = np.where(brush.chance(0.3), image * (1 - 0.5 * (np.sin(np.pi * Y) > 0) * cover(laced)), image)
    zip_at = np.abs(X - brush.between(17, 22)) + 0 * Y
    image = np.where(brush.chance(0.3), image * (1 - brush.between(0.2, 0.6) * (zip_at < 0.6)), image)
    tone = np.where(brush.chance(0.5), brush.between(0.1, 0.45), brush.between(0.45, 1.0))
    image = paint(image, sole.distance(), tone)
    return paint(image, _heel(brush, sole, wedge=brush.chance(0.15)), tone)


def _heel(brush: Brush, sole: Sole, *, wedge: Mask) -> Array:
    """Give the distance to the heel that carries a lifted sole: a block, a thin one, or a wedge."""
    width = np.where(brush.chance(0.5), brush.between(3.5, 7.0), brush.between(1.2, 3.0))
    width = np.where(wedge, brush.between(9.0, 13.0), width)
    taper = brush.between(0.0, 0.35)
    top = sole.ground - sole.lift - sole.thick * 0.5
    block = polygon(
        (sole.heel - width, top),
        (sole.heel, top),
        (sole.heel - width * taper * 0.4, sole.ground),
        (sole.heel - width * (1 - taper), sole.ground),
    )
    return np.where(sole.lift > 1.2, block, 9.0)


def sandal(brush: Brush) -> Array:
    """Draw soles, flat, wedged or on a heel, with straps and air between them."""
    kind = brush.choice(0.58, 0.24, 0.18)  # flat, heel, wedge
    sole = Sole(
        toe=brush.between(0.4, 2.5),
        heel=brush.between(25.0, 27.5),
        ground=np.where(kind == 0, brush.between(18.5, 22.0), brush.between(22.5, 26.5)),
        thick=brush.between(1.4, 3.4),
        lift=np.where(kind == 0, brush.between(0, 2.2), brush.between(4.0, 11.0)),
    )
    tone = np.where(brush.chance(0.35), brush.between(0.15, 0.5), brush.between(0.5, 0.95))
    image = paint(np.zeros((brush.count, SIZE, SIZE)), sole.distance(), tone)
    image = paint(
        image, _heel(brush, sole, wedge=kind == 2), np.clip(tone + brush.between(-0.3, 0.2), 0.1, 1)
    )
    bed = sole.under()
    strap = np.clip(tone + brush.between(-0.35, 0.45) + 0.1 * brush.clouds(8), 0.1, 1)
    for share in (1.0, 0.85, 0.7, 0.5):
        start = brush.between(3.0, 17.0)
        reach = brush.between(2.5, 7.0)
        foot, above = _bed_at(bed, start), _bed_at(bed, start + reach)
        stroke = line(start, foot, start + reach, above - brush.between(3.5, 8.5), brush.between(1.6, 4.4))
        image = np.where(brush.chance(share), paint(image, np.maximum(stroke, Y - bed - 0.3), strap), image)
    # The strap round the heel, or a closed back.
    back, raised = sole.heel - brush.between(0.5, 1.5), brush.between(4.0, 9.0)
    seat = _bed_at(bed, sole.heel - 1)
    behind = union(
        line(back, seat, back - brush.between(0, 1), seat - raised, brush.between(1.0, 3.0)),
        line(
            back - 0.5,
            seat - raised,
            back - brush.between(5, 9),
            seat - raised - brush.between(-2, 1),
            brush.between(1.0, 2.4),
        ),
    )
    return np.where(brush.chance(0.62), paint(image, behind, strap), image)


def _bed_at(bed: Array, column: Array) -> Array:
    """Read the height of the foot bed at one column of each image."""
    index = np.clip(column.astype(int), 0, SIZE - 1)
    return np.take_along_axis(np.broadcast_to(bed, (len(column), 1, SIZE)), index, axis=2)
