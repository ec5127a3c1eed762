"""Compares every hand-in of a class with every other one."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence

import numpy as np
from scipy import sparse

from harness.similarity.documents import Document, HandedOut, Material
from harness.similarity.fragments import fragments_of
from harness.similarity.results import KINDS, Kind, Pair, Similarity

__all__ = ["compare"]

FEWEST_PRINTS = {"code": 12, "text": 12, "weights": 1}      # of a hand-in that is compared
COMMON = 0.3            # share of the class from which a fingerprint is what everybody writes
CLASS = 10              # hand-ins from which that can be told
RING = 5                # hand-ins that may have copied from each other; what more have alike is common
MOST_PAIRS = 40         # that are shown with what they share
WORTH = 0.05            # share from which a pair is shown at all
RANGES = 10             # of the distribution


def compare(
    materials: Sequence[Material], *, apart_from: HandedOut | None = None, pairs: int = MOST_PAIRS,
) -> Similarity:
    """Compare a class.

    Args:
        materials: what is compared of each hand-in.
        apart_from: what the course handed out, which does not count.
        pairs: how many pairs are shown with what they share.

    """
    given = apart_from or HandedOut()
    kept: dict[Kind, list[dict[int | str, int]]] = {
        "code": _own([dict.fromkeys(one.code.prints, 1) for one in materials], given.code),
        "text": _own([dict.fromkeys(one.text.prints, 1) for one in materials], given.text),
        "weights": [
            {digest: count for digest, (_, count) in one.tensors.items() if digest not in given.tensors}
            for one in materials],
    }
    shares = {kind: _shares(kept[kind], FEWEST_PRINTS[kind]) for kind in KINDS}
    count = len(materials)
    values = {kind: shares[kind][np.triu_indices(count, 1)] for kind in KINDS}
    chosen = _chosen(shares, pairs)
    return Similarity(
        groups=[one.group for one in materials],
        matrices={kind: [[_plain(share) for share in row] for row in shares[kind]] for kind in KINDS},
        pairs=[_pair(materials, kept, shares, values, one, given) for one in chosen],
        pair_count=count * (count - 1) // 2,
        usual={
            kind: np.histogram(one[~np.isnan(one)], bins=RANGES, range=(0, 1))[0].tolist()
            for kind, one in values.items()},
        left_out={
            f"{one.group}: {path}": why for one in materials for path, why in one.left_out.items()},
        notes=_notes(count),
    )


def _notes(count: int) -> list[str]:
    notes = ["Samples are not compared: results keep none but a few pictures of them."]
    if count >= CLASS:
        notes.append(f"What {max(RING, int(COMMON * count)) + 1} or more wrote alike counts as common and is left out.")
    else:
        notes.append(f"With fewer than {CLASS} hand-ins it cannot be told what everybody writes: shares are higher.")
    return notes


def _own(prints: list[dict[int, int]], handed_out: set[int]) -> list[dict[int | str, int]]:
    """Leave out what the course handed out and what much of the class wrote."""
    counts = Counter(one for each in prints for one in each)
    most = max(RING, COMMON * len(prints)) if len(prints) >= CLASS else float("inf")
    return [{one: 1 for one in each if one not in handed_out and counts[one] <= most} for each in prints]


def _shares(weights: list[dict[int | str, int]], fewest: int) -> np.ndarray:
    """Give the share of the smaller of two hand-ins that both have: (n, n), NaN where one has too little."""
    columns: dict[int | str, int] = {}
    for each in weights:
        for one in each:
            columns.setdefault(one, len(columns))
    rows = np.repeat(np.arange(len(weights)), [len(each) for each in weights])
    places = np.array([columns[one] for each in weights for one in each], dtype=np.int64)
    # The square root, so that the product of two rows counts what a shared column weighs.
    data = np.sqrt([float(weight) for each in weights for weight in each.values()])
    matrix = sparse.csr_array((data, (rows, places)), shape=(len(weights), max(1, len(columns))))
    shared = (matrix @ matrix.T).toarray()
    sizes = np.diag(shared).copy()
    share: np.ndarray = shared / np.maximum(np.minimum.outer(sizes, sizes), 1e-9)
    short = np.array([len(each) < fewest for each in weights])
    share[short[:, None] | short[None, :]] = np.nan
    np.fill_diagonal(share, np.nan)
    np.minimum(share, 1.0, out=share)
    return share


def _chosen(shares: dict[Kind, np.ndarray], most: int) -> list[tuple[int, int]]:
    """Take the pairs that share most in any kind, the first one most."""
    highest = np.nanmax(np.stack([np.nan_to_num(shares[kind], nan=-1.0) for kind in KINDS]), axis=0)
    first, second = np.triu_indices(len(highest), 1)
    values = highest[first, second]
    order = np.argsort(-values, kind="stable")[:most]
    return [(int(first[at]), int(second[at])) for at in order if values[at] >= WORTH]


def _pair(
    materials: Sequence[Material], kept: dict[Kind, list[dict[int | str, int]]], shares: dict[Kind, np.ndarray],
    values: dict[Kind, np.ndarray], chosen: tuple[int, int], given: HandedOut,
) -> Pair:
    one, other = (materials[place] for place in chosen)
    own = {kind: kept[kind][chosen[0]].keys() & kept[kind][chosen[1]].keys() for kind in KINDS}
    documents: tuple[tuple[Kind, Document, Document], ...] = (
        ("code", one.code, other.code), ("text", one.text, other.text))
    found = itertools.chain.from_iterable(
        fragments_of(kind, first, second, [print_ for print_ in own[kind] if isinstance(print_, int)])
        for kind, first, second in documents)
    return Pair(
        groups=(one.group, other.group),
        shares={kind: _plain(shares[kind][chosen]) for kind in KINDS},
        more_alike={kind: int(np.sum(values[kind] > shares[kind][chosen])) for kind in KINDS},
        fragments=sorted(found, key=lambda fragment: -fragment.tokens),
        tensors=sorted(one.tensors[str(digest)][0] for digest in own["weights"]),
        same_files=sorted(one.files[digest] for digest in (one.files.keys() & other.files.keys()) - given.files),
    )


def _plain(share: float) -> float | None:
    return None if np.isnan(share) else round(float(share), 4)
