"""The k nearest points, exactly, fast enough for 10,000 codes among 60,000."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

__all__ = ["k_nearest", "vote"]

ROWS = 64
"""Queries worked on at once: 15 MB of distances to 60,000 points, which stay in the processor's cache."""

RUNS = 64
"""Runs that the points are cut into; each run's best point stands for it at first."""

SPARE = 6
"""Candidates beyond k that float32 hands to float64, so that its rounding cannot cost a true neighbour."""


def k_nearest(
    queries: np.ndarray, points: np.ndarray, *, k: int, leave_out_own: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Give the k nearest points of each query, nearest first; of equally near ones the first counts.

    One matrix product gives qp - |p|² / 2 (the norms ride along as one more row), which orders the points as
    their distances do. Cut into runs of equal length, a point among the best k stands at one of the k
    places whose best value over all runs is largest; so one pass of maxima and a selection among k times 64
    values replace a selection among 60,000. A few more than k candidates are then measured again in float64
    by their differences, and ordered by that. For 10,000 queries, 60,000 points and 20 numbers it takes 0.6
    s of processor time where torch.topk over whole rows takes 2.0 s and numpy.argpartition 12 s (with 128
    numbers 2.2, 3.2, 12).

    Args:
        queries: (n, d), floats or uint8.
        points: (m, d), likewise.
        k: how many; at most the number of points.
        leave_out_own: query i is point i, and does not count as its own neighbour.

    Returns:
        Squared Euclidean distances (n, k) float64 and indices (n, k) int64.

    """
    k = min(k, len(points) - leave_out_own)
    wanted = min(k + SPARE + leave_out_own, len(points))
    found = [
        _among(queries[rows], points, candidates, own=_places(rows) if leave_out_own else None, k=k)
        for rows, candidates in _candidates(queries, points, wanted)
    ]
    return np.concatenate([part[0] for part in found]), np.concatenate([part[1] for part in found])


def vote(neighbour_labels: np.ndarray, *, classes: int) -> np.ndarray:
    """Give the most frequent label (n,) of each row of neighbours' labels (n, k); of equals, the smallest."""
    counts = np.stack([(neighbour_labels == label).sum(axis=1) for label in range(classes)], axis=1)
    winners: np.ndarray = counts.argmax(axis=1)
    return winners


def _candidates(
    queries: np.ndarray, points: np.ndarray, wanted: int,
) -> Iterator[tuple[slice, np.ndarray]]:
    """Give, some queries at a time, which they are and `wanted` indices of near points for each."""
    import torch

    centre = points.mean(axis=0, dtype=np.float64)
    scale = float(max((points.max(axis=0) - centre).max(), (centre - points.min(axis=0)).max()))
    width = max(-(-len(points) // RUNS), wanted)
    scale = scale or 1.0
    right = _table(points, centre, scale, RUNS * width)
    left = np.ones((ROWS, points.shape[1] + 1), np.float32)
    steps = torch.arange(RUNS)[None, :, None] * width
    buffer = np.empty((ROWS, RUNS * width), np.float32)
    for start in range(0, len(queries), ROWS):
        rows = slice(start, min(start + ROWS, len(queries)))
        count = rows.stop - start
        left[:count, :-1] = (queries[rows] - centre) / scale
        # NumPy's product: of so few columns OpenBLAS makes 1.6 to 2 times as many a second as torch's MKL does.
        closeness = torch.from_numpy(np.matmul(left[:count], right, out=buffer[:count]))
        places = closeness.view(count, RUNS, width).amax(dim=1).topk(wanted, sorted=False).indices
        members = (places[:, None, :] + steps).flatten(1)
        best = closeness.gather(1, members).topk(wanted, sorted=False).indices
        yield rows, members.gather(1, best).numpy()


def _places(rows: slice) -> np.ndarray:
    return np.arange(rows.start, rows.stop)


def _table(points: np.ndarray, centre: np.ndarray, scale: float, columns: int) -> np.ndarray:
    """Give points as columns of float32, shifted and scaled, above half their negative squared norms."""
    table = np.zeros((points.shape[1] + 1, columns), np.float32)
    table[-1] = -np.inf                                         # padding is nobody's neighbour
    for start in range(0, len(points), 5_000):
        part = ((points[start:start + 5_000] - centre) / scale).astype(np.float32)
        table[:-1, start:start + len(part)] = part.T
        table[-1, start:start + len(part)] = -0.5 * np.einsum("nd,nd->n", part, part)
    return table


def _among(
    queries: np.ndarray, points: np.ndarray, candidates: np.ndarray, *, own: np.ndarray | None, k: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Order the candidates (rows, c) by their distances in float64 and keep the first k."""
    candidates = np.sort(candidates, axis=1)                    # a stable sort then keeps the first of equals
    gaps = points[candidates].astype(np.float64) - queries[:, None, :]
    distances = np.einsum("rcd,rcd->rc", gaps, gaps)
    if own is not None:
        distances[candidates == own[:, None]] = np.inf
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(distances, order, axis=1), np.take_along_axis(candidates, order, axis=1)
