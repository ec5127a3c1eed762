"""Sheets for Moodle's question bank (GIFT and Moodle XML), and true/false questions from there.

The formats as Moodle's own importer reads them: https://docs.moodle.org/en/GIFT_format,
https://docs.moodle.org/en/Moodle_XML_format.
"""

from __future__ import annotations

from harness.quiz.moodle.adopt import Adopted, adopt
from harness.quiz.moodle.found import Found, Heading
from harness.quiz.moodle.gift import read_gift, write_gift
from harness.quiz.moodle.items import WEIGHTS, Item, Option, heading, items, remarks
from harness.quiz.moodle.read import read_questions
from harness.quiz.moodle.xml import read_xml, write_xml

__all__ = [
    "WEIGHTS", "Adopted", "Found", "Heading", "Item", "Option", "adopt", "heading", "items", "read_gift",
    "read_questions", "read_xml", "remarks", "write_gift", "write_xml",
]
