"""The typed results of a comparison of hand-ins; nothing but data."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from harness.records import Record

__all__ = ["KINDS", "Fragment", "Kind", "Pair", "Similarity"]

Kind = Literal["code", "text", "weights"]
KINDS: tuple[Kind, ...] = ("code", "text", "weights")


class Fragment(Record):
    """A stretch that two hand-ins share: where it stands in each, and what is there."""

    kind: Literal["code", "text"]
    tokens: int                 # words, or pieces of code, that are alike one by one
    places: tuple[str, str]     # "model.py, lines 3 to 20"
    texts: tuple[str, str]


class Pair(Record):
    """Two hand-ins, and the share of the smaller one that both have, in each kind; None where one has too little."""

    groups: tuple[str, str]
    shares: dict[Kind, float | None]
    more_alike: dict[Kind, int] = Field(default_factory=dict)   # how many pairs of the class share more
    fragments: list[Fragment] = Field(default_factory=list)     # the longest first
    tensors: list[str] = Field(default_factory=list)            # names of equal tensors in both
    same_files: list[str] = Field(default_factory=list)         # files that are equal byte for byte

    @property
    def highest(self) -> float:
        """The largest of the shares."""
        return max((share for share in self.shares.values() if share is not None), default=0.0)


class Similarity(Record):
    """A class of hand-ins compared with each other."""

    groups: list[str]
    matrices: dict[Kind, list[list[float | None]]]      # in the order of `groups`
    pairs: list[Pair]                                   # those that share most, the first one most
    pair_count: int                                     # of the class
    usual: dict[Kind, list[int]]                        # pairs in ten ranges of their share, 0 to 1
    left_out: dict[str, str] = Field(default_factory=dict)      # hand-in or file -> why it was not compared
    notes: list[str] = Field(default_factory=list)
