"""Facts about what was handed in: members, files, and what the report's page shows and says.

Everything here is for a person to look at; none of it gives or takes points.
"""

from __future__ import annotations

from harness.handin.asked import asked_by, missing, text_to_search
from harness.handin.compared import compared
from harness.handin.report import Report, facts, own_pages, read

__all__ = ["Report", "asked_by", "compared", "facts", "missing", "own_pages", "read", "text_to_search"]
