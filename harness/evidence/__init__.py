"""The trusted side of the conversation with a model: asks for codes, reconstructions, samples and paths.

`train` lets the group's class fit itself; `gather` asks a trained model for everything that is measured. The
encoder and the decoder are asked in two boxes at the same time, and only codes cross from one to the other.
"""

from __future__ import annotations

from harness.evidence.arrays import Evidence, Path
from harness.evidence.checks import Moved
from harness.evidence.gather import gather
from harness.evidence.ledger import Progress
from harness.evidence.remarks import remarks
from harness.evidence.training import train
from harness.evidence.translation import Translations

__all__ = ["Evidence", "Moved", "Path", "Progress", "Translations", "gather", "remarks", "train"]
