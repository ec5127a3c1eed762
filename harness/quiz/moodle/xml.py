"""Moodle XML: the format in which Moodle's question bank exports and imports everything a question has.

Written and read as Moodle's importer does (question/format/xml/format.php, https://docs.moodle.org/en/Moodle_XML_format).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree
from xml.parsers import expat

from harness.documents import harmless, shown
from harness.errors import UserError
from harness.quiz.moodle.found import (
    Found,
    Heading,
    category_path,
    choices_of_truth,
    read_heading,
    text_of_html,
    weight_of,
)
from harness.quiz.moodle.items import Item, Option, decimal

__all__ = ["read_xml", "read_xml_heading", "write_xml"]

_NEVER = re.compile("[\x0b\x0c\ufffe\uffff\ud800-\udfff]")     # not characters of XML 1.0, beside those of `harmless`

_KINDS = {
    "truefalse": "true-false", "multichoice": "choice", "shortanswer": "short answer", "cloze": "gap text",
}


# --- writing


def write_xml(questions: Sequence[Item], *, remarks: Sequence[str] = ()) -> str:
    """Write questions as Moodle XML, without void ones; remarks become comments at its head."""
    quiz = ElementTree.Element("quiz")
    for remark in remarks:
        quiz.append(ElementTree.Comment(f" {_clean(remark).replace('--', '- -')} "))
    category: tuple[str, ...] = ()
    for item in (one for one in questions if not one.void):
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


# --- reading


def read_xml(text: str, name: str) -> list[Found]:
    """Read the questions of a Moodle XML file, in its order.

    Args:
        text: the content of the file.
        name: what messages call the file.

    Raises:
        UserError: it is not well formed, declares entities or a document type, is no question bank, or an answer is
            worth no number; with file, line and remedy.

    """
    root, lines, _ = _parsed(text, name)
    if root.tag != "quiz":
        raise UserError(f"{name}: its root is {shown(root.tag)}, not quiz; export the questions as Moodle XML")
    category: tuple[str, ...] = ()
    found = []
    for element, line in zip(root.iter("question"), lines, strict=True):
        if element.get("type") == "category":
            category = category_path(_plain(element.find("category")))
        else:
            found.append(_found(element, line, name, category))
    return found


def read_xml_heading(text: str, name: str) -> Heading:
    """Read what the comments of a Moodle XML file say of the whole sheet.

    Raises:
        UserError: as `read_xml`.

    """
    return read_heading(_parsed(text, name)[2])


def _parsed(text: str, name: str) -> tuple[ElementTree.Element, list[int], list[str]]:
    """Give the tree, the line on which each <question> begins, and the comments.

    A document type is refused, as it may declare entities that grow without bound or name files of this machine.
    """
    tree, lines, comments = ElementTree.TreeBuilder(), list[int](), list[str]()
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def start(tag: str, attributes: dict[str, str]) -> None:
        if tag == "question":
            lines.append(parser.CurrentLineNumber)
        tree.start(tag, attributes)

    def refuse(*_: object) -> None:
        raise UserError(
            f"{name}, line {parser.CurrentLineNumber}: a document type (<!DOCTYPE>) is not taken; remove it, as "
            "Moodle writes none")

    parser.StartElementHandler, parser.EndElementHandler = start, tree.end
    parser.CharacterDataHandler, parser.CommentHandler = tree.data, comments.append
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(text, True)    # noqa: FBT003 - that this is all of the text
    except expat.ExpatError as error:
        said = expat.ErrorString(error.code)
        raise UserError(f"{name}, line {error.lineno}: not valid XML ({said}); export the questions again") from None
    return tree.close(), lines, comments


def _found(element: ElementTree.Element, line: int, name: str, category: tuple[str, ...]) -> Found:
    kind = element.get("type", "")
    where = f"{name}, line {line}"
    options: tuple[Option, ...] = ()
    if kind == "truefalse":
        options = _truth(element)
    elif kind == "multichoice":
        options = tuple(
            Option(_plain(one), weight_of(one.get("fraction", "0"), where), _plain(one.find("feedback")))
            for one in element.findall("answer"))
    return Found(
        line=line, name=_plain(element.find("name")), text=_plain(element.find("questiontext")),
        kind=_KINDS.get(kind, kind[:30]), category=category, options=options,
        feedback=_plain(element.find("generalfeedback")),
        tags=tuple(filter(None, (_plain(one) for one in element.findall("tags/tag")))))


def _truth(element: ElementTree.Element) -> tuple[Option, ...]:
    """Read the answers of a true/false question; where their words are neither, the first is the true one."""
    truth, feedback = False, {True: "", False: ""}
    for place, one in enumerate(element.findall("answer")):
        stands_for = {"true": True, "false": False}.get(_plain(one).casefold(), place == 0)
        feedback[stands_for] = _plain(one.find("feedback"))
        truth = (one.get("fraction", "").strip() in {"100", "100.0"}) == stands_for
    return choices_of_truth(truth=truth, right=feedback[truth], wrong=feedback[not truth])


def _plain(element: ElementTree.Element | None) -> str:
    """Give the words below an element's <text>; of HTML, which is meant where no format is named, its text."""
    if element is None:
        return ""
    text = harmless(element.findtext("text") or "").strip()
    marked_up = element.get("format", "html") == "html" and element.tag not in {"name", "category", "tag"}
    return text_of_html(text) if marked_up else text
