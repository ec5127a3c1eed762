"""What hand-ins of a class share: code, words and weights, for a person to judge.

Nothing here is a verdict. Groups take from the same lectures, tutorials and papers; what the course itself handed out
is left out, and the distribution over all pairs shows what is usual in a class.
"""

from __future__ import annotations

from harness.similarity.compare import compare
from harness.similarity.documents import HandedOut, Material, handed_out, material_of
from harness.similarity.results import Fragment, Pair, Similarity

__all__ = ["Fragment", "HandedOut", "Material", "Pair", "Similarity", "compare", "handed_out", "material_of"]
