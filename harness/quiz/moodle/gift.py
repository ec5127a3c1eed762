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
from dataclasses import replace
from fractions import Fraction

from harness.documents import harmless
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

__all__ = ["read_gift", "read_gift_heading", "write_gift"]

_ESCAPED = "\\:#={}~n"
# Where escaped characters wait while the text is taken apart: private code points, which no text of ours may hold.
_WAITING = {letter: chr(0xE000 + place) for place, letter in enumerate(_ESCAPED)}
_BACK = str.maketrans({place: "\n" if letter == "n" else letter for letter, place in _WAITING.items()})
_FORMAT = re.compile(r"\s*\[(html|moodle|plain|markdown)\]")
_LABEL = re.compile(r"\[(id|tag):((?:\\.|[^\\\]])*)\]")
_WEIGHT = re.compile(r"%(-?\d{1,3}(?:\.\d*)?)%")
_VOID = "// void: "      # begins a statement that Moodle is not to ask


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
        blocks.append(_VOID + " ".join(_written(item).removeprefix("// ").split()) if item.void else _written(item))
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
                category = category_path(one.partition(":")[2])
        rest = "\n".join(one for one in lines if not one.lstrip().startswith("$CATEGORY:")).strip()
        if rest:
            found.append(_question(rest, line, name, category, tags))
        elif block[0].startswith(_VOID):
            question = _question(_LABEL.sub("", block[0].removeprefix(_VOID)).strip(), line, name, category, tags)
            found.append(replace(question, void=True))
    return found


def read_gift_heading(text: str) -> Heading:
    """Read what the first comments of a GIFT file say of the whole sheet."""
    _, block = next(_blocks(text), (1, []))
    return read_heading([one.removeprefix("//") for one in block if one.startswith("//")])


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


def _answers(text: str, form: str) -> tuple[str, tuple[Option, ...]]:
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
    return "true-false", choices_of_truth(truth=truth, right=_plain(right, form), wrong=_plain(wrong, form))


def _option(text: str, form: str) -> Option:
    sign, text = text[0], text[1:].strip()
    weight = Fraction(1) if sign == "=" else Fraction(0)
    if written := _WEIGHT.match(text):
        weight = weight_of(written[1], "a choice")
        text = text[written.end():]
    answer, _, feedback = text.partition("#")
    return Option(_plain(answer, form), weight, _plain(feedback, form))


def _plain(text: str, form: str = "moodle") -> str:
    """Take the name of the format away, put escaped characters back, and of HTML keep the text."""
    named = _FORMAT.match(text)
    if named:
        form, text = named[1], text[named.end():]
    text = text.translate(_BACK).strip()
    return text_of_html(text) if form == "html" else text
