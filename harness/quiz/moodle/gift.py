r"""GIFT: Moodle's text format for questions, one block of lines for each.

```
// [id:1a] [tag:vae]
::1a::[plain]A VAE has an encoder.{TRUE#Wrong\: ...#Right\: ...####It maps each input to a distribution.}
```

Written and read as Moodle's importer does (question/format/gift/format.php): `:#={}~` and the backslash are escaped by
a backslash, `\n` is a line break, a blank line ends a question, `//` begins a comment line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from html.parser import HTMLParser
from typing import Literal

from harness.documents import harmless
from harness.errors import UserError
from harness.quiz.exact import exact
from harness.quiz.moodle.items import Item, Option, decimal

__all__ = ["Found", "read_gift", "write_gift"]

_ESCAPED = "\\:#={}~n"
# Where escaped characters wait while the text is taken apart: private code points, which no text of ours may hold.
_WAITING = {letter: chr(0xE000 + place) for place, letter in enumerate(_ESCAPED)}
_BACK = str.maketrans({place: "\n" if letter == "n" else letter for letter, place in _WAITING.items()})
_FORMAT = re.compile(r"\s*\[(html|moodle|plain|markdown)\]")
_LABEL = re.compile(r"\[(id|tag):((?:\\.|[^\\\]])*)\]")
_WEIGHT = re.compile(r"%(-?\d{1,3}(?:\.\d*)?)%")

Kind = Literal["true-false", "choice", "essay", "description", "matching", "numerical", "short answer"]


@dataclass(frozen=True, slots=True)
class Found:
    """A question that stands in a GIFT file.

    Attributes:
        line: where it begins, from 1.
        options: answers with their weights; True and False for a true/false question.

    """

    line: int
    name: str
    text: str
    kind: Kind
    category: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    feedback: str = ""
    tags: tuple[str, ...] = ()


# --- writing


def write_gift(questions: Sequence[Item], *, remarks: Sequence[str] = ()) -> str:
    """Write questions as GIFT; remarks become comments at its head."""
    blocks = ["\n".join(f"// {' '.join(remark.split())}" for remark in remarks)] if remarks else []
    category: tuple[str, ...] = ()
    for item in questions:
        if item.category != category:
            category = item.category
            # Moodle takes no escapes here, and a doubled slash for one that is no separator.
            blocks.append("$CATEGORY: $course$/" + "/".join(part.replace("/", "//") for part in category))
        blocks.append(_written(item))
    return "\n\n".join(blocks) + "\n"


def _written(item: Item) -> str:
    labels = " ".join(
        [f"[id:{_label(item.id)}]", *(f"[tag:{_label(tag)}]" for tag in item.tags)])
    head = f"// {labels}\n::{_escape(item.id)}::[plain]{_escape(item.text)}"
    general = f"####{_escape(item.feedback)}" if item.feedback else ""
    if item.kind == "essay":
        return f"{head}{{{general}}}"
    if item.kind == "true-false":
        true, false = item.options
        right, wrong = (true, false) if true.weight == 1 else (false, true)
        word = "TRUE" if right is true else "FALSE"
        return f"{head}{{{word}#{_escape(wrong.feedback)}#{_escape(right.feedback)}{general}}}"
    lines = [
        f"\t{_sign(option.weight)}{_escape(option.text)}{'#' if option.feedback else ''}{_escape(option.feedback)}"
        for option in item.options]
    return "\n".join([f"{head}{{", *lines, *([f"\t{general}"] if general else []), "}"])


def _sign(weight: Fraction) -> str:
    if weight == 1:
        return "="
    return f"~%{decimal(100 * weight)}%" if weight else "~"


def _escape(text: str) -> str:
    return re.sub(r"[\\:#={}~]", r"\\\g<0>", harmless(text).replace("\r", "")).replace("\n", "\\n")


def _label(text: str) -> str:
    return re.sub(r"[\\\]]", r"\\\g<0>", " ".join(harmless(text).split()))


# --- reading


def read_gift(text: str, name: str) -> list[Found]:
    """Read the questions of a GIFT file, in its order.

    Args:
        text: the content of the file.
        name: what messages call the file.

    Raises:
        UserError: a brace has no partner; with file, line and remedy.

    """
    category: tuple[str, ...] = ()
    found = []
    for line, block in _blocks(text):
        tags = tuple(_unlabel(value) for kind, value in _labels(block) if kind == "tag")
        lines = [one for one in block if not one.lstrip().startswith("//")]
        for one in lines:
            if one.lstrip().startswith("$CATEGORY:"):
                category = _category(one)
        rest = "\n".join(one for one in lines if not one.lstrip().startswith("$CATEGORY:")).strip()
        if rest:
            found.append(_question(rest, line, name, category, tags))
    return found


def _blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    """Give the first line and the lines of each block between blank lines."""
    block: list[str] = []
    begun = 1
    for number, line in enumerate([*harmless(text).replace("\r", "").split("\n"), ""], start=1):
        if line.strip():
            if not block:
                begun = number
            block.append(line)
        elif block:
            yield begun, block
            block = []


def _labels(block: Sequence[str]) -> list[tuple[str, str]]:
    return [found for line in block if line.lstrip().startswith("//") for found in _LABEL.findall(line)]


def _unlabel(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _category(line: str) -> tuple[str, ...]:
    """Take a path apart at its single slashes; a doubled one belongs to a name."""
    parts = [part.strip().replace("//", "/") for part in re.split("(?<!/)/(?!/)", line.partition(":")[2].strip())]
    return tuple(part for part in parts if part not in {"$course$", "$system$", "$module$", "top", ""})


def _question(text: str, line: int, name: str, category: tuple[str, ...], tags: tuple[str, ...]) -> Found:
    text = re.sub("[\ue000-\ue007]", "\N{REPLACEMENT CHARACTER}", text)
    text = re.sub(r"\\([\\:#={}~n])", lambda match: _WAITING[match[1]], text)
    title = ""
    if text.startswith("::") and (end := text.find("::", 2)) >= 0:
        title, text = text[2:end], text[end + 2:].strip()
    start, end = text.find("{"), text.find("}")
    if start < 0 and end < 0:
        return Found(line, _plain(title), _plain(text), "description", category, tags=tags)
    if not 0 <= start < end:
        raise UserError(
            f"{name}, line {line}: a brace without its partner; write \\{{ or \\}} where it belongs to the text, and "
            "leave no blank line inside a question")
    answers, behind = text[start + 1:end].strip(), text[end + 1:]
    answers, _, general = answers.rpartition("####") if "####" in answers else (answers, "", "")
    gap = "_____" if behind.strip(' \n\t";') else ""     # answers within a sentence: a word that is missing
    statement = text[:start] + gap + (behind if gap else "")
    form = _FORMAT.match(statement)
    default = form[1] if form else "moodle"
    kind, options = _answers(answers.strip(), default)
    return Found(
        line, _plain(title), _plain(statement), kind, category, options, _plain(general, default), tags)


def _answers(text: str, form: str) -> tuple[Kind, tuple[Option, ...]]:
    """Tell what kind of question the part in braces makes, in the order in which Moodle looks."""
    if not text:
        return "essay", ()
    if text.startswith("#"):
        return "numerical", ()
    if "~" in text:
        return "choice", tuple(_option(one.strip(), form) for one in re.findall(r"[~=][^~=]*", text))
    if "=" in text and "->" in text:
        return "matching", ()
    word, wrong, right = (*text.split("#", 2), "", "")[:3]
    if word.strip().upper() not in {"T", "TRUE", "F", "FALSE"}:
        return "short answer", ()
    truth = word.strip().upper().startswith("T")
    chosen = Option("True" if truth else "False", Fraction(1), _plain(right, form))
    other = Option("False" if truth else "True", Fraction(0), _plain(wrong, form))
    return "true-false", (chosen, other) if truth else (other, chosen)


def _option(text: str, form: str) -> Option:
    sign, text = text[0], text[1:].strip()
    weight = Fraction(1) if sign == "=" else Fraction(0)
    if written := _WEIGHT.match(text):
        weight = _weight(written[1])
        text = text[written.end():]
    answer, _, feedback = text.partition("#")
    return Option(_plain(answer, form), weight, _plain(feedback, form))


def _weight(percent: str) -> Fraction:
    """Take -33.33333 as the third that is meant."""
    return (exact(percent[:11]) / 100).limit_denominator(20)


def _plain(text: str, form: str = "moodle") -> str:
    """Take the name of the format away, put escaped characters back, and of HTML keep the text."""
    named = _FORMAT.match(text)
    if named:
        form, text = named[1], text[named.end():]
    text = text.translate(_BACK).strip()
    if form != "html":
        return text
    taken = _Text()
    taken.feed(text)
    taken.close()
    return " ".join("".join(taken.words).split())


class _Text(HTMLParser):
    """Collects the text of HTML, and nothing that it would load or run."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - as the parser calls it
        if tag in {"br", "p", "div", "li"}:
            self.words.append(" ")
