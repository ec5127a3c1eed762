"""The two small networks that perceptual metrics look through, and Inception-v3 for comparison with papers.

The weights are shipped with the package and were trained by `scripts/train_judges.py`; docs/judges.md
describes them.
"""

from __future__ import annotations

from harness.features.inception import inception_features
from harness.features.judges import Judges, judge_facts, networks_hash

__all__ = ["Judges", "inception_features", "judge_facts", "networks_hash"]
