"""How well labelled codes keep their classes apart: scores of any matrix of codes (n, d) with labels (n,).

Rotating or shifting the codes, scaling them all by one number, or naming the classes otherwise changes none
of the scores. (The order of the rows moves k-means a little: it draws its starts by row.)
"""

from __future__ import annotations

import warnings

import numpy as np

__all__ = [
    "adjusted_rand", "agreement_intervals", "contingency", "davies_bouldin", "k_means", "mutual_information",
    "probe", "silhouette",
]

ROWS = 250
"""Rows of distances worked on at once: 20 MB against 10,000 codes in float64."""


def silhouette(
    codes: np.ndarray, labels: np.ndarray, *, classes: int, of: np.ndarray | None = None,
) -> np.ndarray:
    """Give the silhouette of each code: (b - a) / max(a, b), in [-1, 1] (Rousseeuw 1987).

    a is the mean Euclidean distance to the others of its class, b the smallest mean distance to another
    class. A code alone in its class has 0, as in scikit-learn.

    Args:
        codes: (n, d), all of them.
        labels: (n,) whole numbers below `classes`.
        classes: number of classes; some may be empty.
        of: indices of the codes whose silhouettes are wanted; None for all. Their mean over a random part
            estimates the mean over all without bias, since each is still measured against all codes.

    Returns:
        (n,) or (len(of),) float64.

    """
    import torch

    wanted = np.arange(len(codes)) if of is None else of
    # Float32 holds each distance to about 1e-6 of the largest; every sum over a class is in float64.
    centred = (codes - codes.mean(axis=0, dtype=np.float64)).astype(np.float64)
    scale = float(np.abs(centred).max(initial=0.0)) or 1.0
    points = (centred / scale).astype(np.float32)
    lengths = torch.from_numpy(np.square(points).sum(axis=1))
    doubled, buffer = points.T * np.float32(-2.0), np.empty((min(ROWS, len(wanted)), len(points)), np.float32)
    members = torch.from_numpy(np.eye(classes, dtype=np.float32)[labels])
    sizes = members.sum(dim=0)
    found = []
    for start in range(0, len(wanted), ROWS):
        index = torch.from_numpy(wanted[start:start + ROWS])
        # NumPy's product, which is faster than torch's for so few columns, as in k_nearest.
        product = np.matmul(points[wanted[start:start + ROWS]], doubled, out=buffer[:len(index)])
        squared = torch.from_numpy(product).add_(lengths).add_(lengths[index, None])
        squared.scatter_(1, index[:, None], 0.0)                # rounding must not keep a code from itself
        sums = squared.clamp_(min=0.0).sqrt_() @ members
        own = torch.from_numpy(labels[wanted[start:start + ROWS]].astype(np.int64))[:, None]
        others = sizes[own].sub(1).clamp(min=1)
        a = (sums.gather(1, own) / others).squeeze(1)
        means = (sums / sizes.clamp(min=1)).masked_fill(sizes == 0, torch.inf).scatter(1, own, torch.inf)
        b = means.amin(dim=1)
        value = torch.where(a == b, 0.0, (b - a) / torch.maximum(a, b))
        found.append(torch.where(sizes[own].squeeze(1) > 1, value, 0.0).double().numpy())
    return np.concatenate(found)


def davies_bouldin(codes: np.ndarray, labels: np.ndarray) -> float:
    """Give the Davies-Bouldin index (1979): the mean over classes of the worst (s_i + s_j) / d_ij; 0 is best.

    s is a class's mean distance to its centre, d the distance of two centres.
    """
    from sklearn.metrics import davies_bouldin_score

    return float(davies_bouldin_score(codes.astype(np.float64), labels))


def k_means(codes: np.ndarray, *, clusters: int, starts: int, seed: int) -> np.ndarray:
    """Give each code's cluster (n,), by the best of several k-means++ starts (Lloyd's iteration)."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    model = KMeans(clusters, n_init=starts, random_state=seed)
    # One thread: two wait for each other at every step, for longer than a step takes where others work too.
    with warnings.catch_warnings(), threadpool_limits(1):
        # Fewer different codes than clusters: some clusters stay empty, and the scores say the rest.
        warnings.simplefilter("ignore", ConvergenceWarning)
        found: np.ndarray = model.fit_predict(codes)
    return found


def contingency(first: np.ndarray, second: np.ndarray, *, size: int) -> np.ndarray:
    """Count how often each pair of labels occurs: (size, size) int64."""
    pairs = first.astype(np.int64) * size + second
    return np.bincount(pairs, minlength=size * size).reshape(size, size)


def adjusted_rand(tables: np.ndarray) -> np.ndarray:
    """Give the adjusted Rand index of contingency tables (..., r, c): 1 the same partition, 0 as by chance.

    Hubert and Arabie 1985, equation 5. Takes many tables at once, for the bootstrap.
    """
    counts = np.asarray(tables, np.float64)
    both = _pairs(counts).sum(axis=(-2, -1))
    rows = _pairs(counts.sum(axis=-1)).sum(axis=-1)
    columns = _pairs(counts.sum(axis=-2)).sum(axis=-1)
    by_chance = rows * columns / np.maximum(_pairs(counts.sum(axis=(-2, -1))), 1.0)
    most = (rows + columns) / 2.0
    trivial = most == by_chance     # both one cluster, or both all singletons: the same, as in scikit-learn
    return np.where(trivial, 1.0, (both - by_chance) / np.where(trivial, 1.0, most - by_chance))


def mutual_information(tables: np.ndarray) -> np.ndarray:
    """Give the mutual information of contingency tables (..., r, c) over the mean of the two entropies.

    In [0, 1]; normalised by the arithmetic mean, as in scikit-learn (Vinh, Epps and Bailey 2010, table 2).
    """
    shares = np.asarray(tables, np.float64)
    shares = shares / shares.sum(axis=(-2, -1), keepdims=True)
    rows, columns = _entropy(shares.sum(axis=-1)), _entropy(shares.sum(axis=-2))
    shared = np.clip(rows + columns - _entropy(shares.reshape(*shares.shape[:-2], -1)), 0.0, None)
    mean = (rows + columns) / 2.0
    return np.where(mean > 0.0, shared / np.where(mean > 0.0, mean, 1.0), 1.0)


def agreement_intervals(
    table: np.ndarray, *, resamples: int, seed: int,
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Give 95 % intervals of adjusted Rand index and mutual information by a bootstrap over images.

    The clusters are held as they are: a resample of the images is then a multinomial draw of the table.
    """
    count = int(table.sum())
    shares = (table / count).ravel()
    drawn = np.random.default_rng(seed).multinomial(count, shares, size=resamples).reshape(-1, *table.shape)
    scores = (adjusted_rand(drawn), mutual_information(drawn))
    rand, shared = (np.quantile(score, [0.025, 0.975]) for score in scores)
    return (float(rand[0]), float(rand[1])), (float(shared[0]), float(shared[1]))


def probe(
    codes: np.ndarray, labels: np.ndarray, others: np.ndarray, *, iterations: int = 1000,
) -> np.ndarray:
    """Give the classes (m,) that multinomial logistic regression on codes (n, d) predicts for others (m, d).

    All units are shifted to mean 0 and divided by one number, the root of their mean variance: the penalty
    (|W|² / 2, C = 1) then weighs the same whatever scale a model's codes have, and the units keep their
    proportions.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    centre = codes.mean(axis=0, dtype=np.float64)
    scale = float(np.sqrt(codes.var(axis=0, dtype=np.float64).mean())) or 1.0
    with warnings.catch_warnings(), threadpool_limits(1):      # one thread, as in k_means
        warnings.simplefilter("ignore", ConvergenceWarning)     # the iterations are a part of the definition
        model = LogisticRegression(max_iter=iterations).fit((codes - centre) / scale, labels)
    found: np.ndarray = model.predict((others - centre) / scale)
    return found


def _pairs(counts: np.ndarray) -> np.ndarray:
    pairs: np.ndarray = counts * (counts - 1.0) / 2.0
    return pairs


def _entropy(shares: np.ndarray) -> np.ndarray:
    """Give the entropy in nats along the last axis; 0 log 0 is 0."""
    found: np.ndarray = -(shares * np.log(np.where(shares > 0.0, shares, 1.0))).sum(axis=-1)
    return found
