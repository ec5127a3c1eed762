"""Sheets for Moodle's question bank (GIFT and Moodle XML), and true/false questions from GIFT.

The formats as Moodle's own importer reads them: https://docs.moodle.org/en/GIFT_format,
https://docs.moodle.org/en/Moodle_XML_format.
"""

from __future__ import annotations

from harness.quiz.moodle.adopt import Adopted, adopt
from harness.quiz.moodle.gift import Found, read_gift, write_gift
from harness.quiz.moodle.items import Item, Option, items, remarks
from harness.quiz.moodle.xml import write_xml

__all__ = [
    "Adopted", "Found", "Item", "Option", "adopt", "items", "read_gift", "remarks", "write_gift", "write_xml",
]
