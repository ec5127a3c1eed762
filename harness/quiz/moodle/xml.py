"""Moodle XML: the format in which Moodle's question bank exports and imports everything a question has."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from harness.documents import harmless
from harness.quiz.moodle.items import Item, Option, decimal

__all__ = ["write_xml"]

_NEVER = re.compile("[\x0b\x0c\ufffe\uffff\ud800-\udfff]")     # not characters of XML 1.0, beside those of `harmless`


def write_xml(questions: Sequence[Item], *, remarks: Sequence[str] = ()) -> str:
    """Write questions as Moodle XML; remarks become comments at its head."""
    quiz = ElementTree.Element("quiz")
    for remark in remarks:
        quiz.append(ElementTree.Comment(f" {_clean(remark).replace('--', '- -')} "))
    category: tuple[str, ...] = ()
    for item in questions:
        if item.category != category:
            category = item.category
            element = ElementTree.SubElement(quiz, "question", type="category")
            path = "/".join(part.replace("/", "//") for part in category)
            _text(ElementTree.SubElement(element, "category"), f"$course$/{path}")
        quiz.append(_question(item))
    ElementTree.indent(quiz)
    # The declaration must be the first line of the file, or Moodle's parser stumbles.
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(quiz, encoding="unicode") + "\n"


def _question(item: Item) -> ElementTree.Element:
    kind = {"true-false": "truefalse", "choice": "multichoice", "essay": "essay"}[item.kind]
    element = ElementTree.Element("question", type=kind)
    _text(ElementTree.SubElement(element, "name"), item.id)
    _text(ElementTree.SubElement(element, "questiontext", format="plain_text"), item.text)
    _text(ElementTree.SubElement(element, "generalfeedback", format="plain_text"), item.feedback)
    _fields(element, defaultgrade=decimal(item.mark, places=7), penalty="1" if kind == "truefalse" else "0", hidden="0")
    if kind == "multichoice":
        _fields(element, single="true", shuffleanswers="false", answernumbering="none", showstandardinstruction="0")
        for field in ("correctfeedback", "partiallycorrectfeedback", "incorrectfeedback"):
            _text(ElementTree.SubElement(element, field, format="plain_text"), "")
    elif kind == "essay":
        _fields(
            element, responseformat="plain", responserequired="1", responsefieldlines="5", attachments="0",
            attachmentsrequired="0")
        for field in ("graderinfo", "responsetemplate"):
            _text(ElementTree.SubElement(element, field, format="plain_text"), "")
    for option in item.options:
        element.append(_answer(option, kind))
    if item.tags:
        tags = ElementTree.SubElement(element, "tags")
        for tag in item.tags:
            _text(ElementTree.SubElement(tags, "tag"), tag)
    return element


def _answer(option: Option, kind: str) -> ElementTree.Element:
    form = "moodle_auto_format" if kind == "truefalse" else "plain_text"
    answer = ElementTree.Element("answer", fraction=decimal(100 * option.weight), format=form)
    # Moodle knows the two answers of a true/false question by these words, in small letters.
    _text(answer, option.text.lower() if kind == "truefalse" else option.text)
    _text(ElementTree.SubElement(answer, "feedback", format="plain_text"), option.feedback)
    return answer


def _fields(element: ElementTree.Element, **fields: str) -> None:
    for name, value in fields.items():
        ElementTree.SubElement(element, name).text = value


def _text(element: ElementTree.Element, text: str) -> None:
    ElementTree.SubElement(element, "text").text = _clean(text)


def _clean(text: str) -> str:
    return _NEVER.sub("\N{REPLACEMENT CHARACTER}", harmless(text))
