"""Frames between evaluator and worker: a fixed header, a JSON head, raw array bytes. No pickle anywhere."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Expected"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What an array of an answer must be.

    Attributes:
        shape: sizes by axis; None where any size will do (then `most` caps the elements).
        dtype: NumPy dtype string, little-endian: "<f4", "|u1", "<i8".
        low, high: the closed range its values must lie in; None for no bound.
        most: most elements where the shape leaves an axis open.

    """

    shape: tuple[int | None, ...]
    dtype: str = "<f4"
    low: float | None = None
    high: float | None = None
    most: int = 2**28
