"""Hand-ins: what a group says in `submission.yaml`, and the clean copy that all stages work on."""

from __future__ import annotations

from harness.submissions.intake import MANIFEST, Submission, glance, group_of, intake, is_archive
from harness.submissions.manifest import MODELS, Manifest, ModelEntry, safe_path
from harness.submissions.survey import check_paths

__all__ = [
    "MANIFEST", "MODELS",
    "Manifest", "ModelEntry", "Submission", "check_paths", "glance", "group_of", "intake", "is_archive", "safe_path",
]
