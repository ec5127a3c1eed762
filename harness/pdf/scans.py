"""Scanned pages laid over the blank sheet that they were printed from."""

from __future__ import annotations

from typing import Any

__all__ = ["look"]


def look(path: str, *, most_pages: int) -> dict[str, Any]:
    """Not yet."""
    return {"path": path, "pages": most_pages}
