"""Reads a file of questions in whichever of Moodle's formats it is."""

from __future__ import annotations

import re

from harness.quiz.moodle.found import Found, Heading
from harness.quiz.moodle.gift import read_gift, read_gift_heading
from harness.quiz.moodle.xml import read_xml, read_xml_heading

__all__ = ["read_questions"]

_XML = re.compile(r"\s*<(\?xml|!|quiz)", re.IGNORECASE)


def read_questions(text: str, name: str) -> tuple[list[Found], Heading]:
    """Read GIFT or Moodle XML, told apart by how it begins: its questions, and what it says of the whole sheet.

    Raises:
        UserError: it is faulty, with file, line and remedy.

    """
    if _XML.match(text):
        return read_xml(text, name), read_xml_heading(text, name)
    return read_gift(text, name), read_gift_heading(text)
