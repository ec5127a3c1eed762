"""Measuring several families at once, each on one thread, with results that do not depend on who runs beside whom."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

__all__ = ["import_heavy", "one_thread_each"]

logger = logging.getLogger(__name__)

HEAVY = (
    "torch", "scipy.spatial", "scipy.sparse", "sklearn.cluster", "sklearn.linear_model", "sklearn.metrics", "numba",
)
"""What the families import when they need it, three seconds in all."""


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Give each thread that computes one core: settings of the process, put back afterwards.

    Families fill the cores better side by side than one after the other on all cores, as much of each runs on one
    thread anyway; and a sum whose parts are split among threads by how many there are would not repeat.
    """
    import torch
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)


def import_heavy() -> None:
    """Import what the families will need: to be called while something else is waited for."""
    for name in HEAVY:
        try:
            import_module(name)
        except ImportError:     # who needs it says so, in its place
            logger.debug("%s cannot be imported", name, exc_info=True)
