"""What a group answered, read from its YAML file."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

import yaml

from harness import documents
from harness.documents import place, shown
from harness.errors import UserError
from harness.quiz.sheet import Sheet
from harness.quiz.words import ALLOWED, UNCLEAR, Answer, read_answer
from harness.records import Record

__all__ = ["ARGUMENT_LINES", "LINE_LENGTH", "Answers", "Given", "read_answers", "template"]

ARGUMENT_LINES = 2
"""Most lines that an argument may have."""

LINE_LENGTH = 200
"""Characters that count as one line, however the file breaks them."""

MOST_ANSWERS = 500
MOST_CHARACTERS = 2_000     # of an argument that are kept


class Given(Record):
    """One answer as it was given."""

    id: str
    answer: Answer | None       # None where it could not be read
    argument: str = ""
    problems: tuple[str, ...] = ()
    line: int = 0               # of the file, from 1; 0 where there are no lines


class Answers(Record):
    """All answers of a group in the order of its file, also doubled ones and those to unknown statements."""

    quiz: str | None
    given: tuple[Given, ...]
    problems: tuple[str, ...] = ()      # of the file as a whole
    file: str = ""                      # what messages call it

    @classmethod
    def of(cls, answers: Mapping[str, Answer], *, quiz: str | None = None) -> Self:
        """Make answers without arguments from a mapping of ids."""
        return cls(quiz=quiz, given=tuple(Given(id=one, answer=answer) for one, answer in answers.items()))


def read_answers(path: Path, *, name: str | None = None) -> Answers:
    """Read an answer file; what is wrong with a single answer is kept beside it, and the others stand.

    Args:
        path: the file.
        name: what messages call it; the name of the file by default.

    Raises:
        UserError: the file as a whole cannot be read, with file, line and remedy.

    """
    name = name or path.name
    root = documents.compose(documents.text_of(path, name=name), name)
    if not isinstance(root, yaml.MappingNode):
        raise UserError(f"{place(name, root)}: write `quiz: ...` and `answers:`, and below it `  1a: yes`")
    top: dict[str, yaml.Node] = {}
    lines: dict[str, int] = {}
    problems = []
    for key, value in _fields(root, name):
        where = f"{place(name, key)}: {shown(key.value)}"
        if key.value in top:
            raise UserError(f"{where} stands here a second time (first in line {lines[key.value]}); remove one of them")
        top[key.value], lines[key.value] = value, documents.line_of(key)
        if key.value not in {"quiz", "answers"}:
            problems.append(f"{where} is not a field that is known here (quiz, answers); it is ignored")
    return Answers(
        quiz=_quiz(top.get("quiz"), name), given=_all_given(top.get("answers"), name),
        problems=tuple(problems), file=name,
    )


def template(sheet: Sheet) -> str:
    """Write an answer file with every statement left out, to be filled in by hand."""
    lines = [
        f"# {sheet.title}",
        "# Answer yes, no or abstain. With an argument of at most two lines: {answer: no, argument: \"...\"}",
        f"quiz: {sheet.quiz}", "answers:",
    ]
    for question in sheet.questions:
        lines.append(f"  # {question.id}. {question.title}")
        lines += [f"  {one.id}: abstain      # {' '.join(one.text.split())}" for one in question.statements]
    return "\n".join(lines) + "\n"


def _quiz(node: yaml.Node | None, name: str) -> str | None:
    if node is None:
        return None
    if not isinstance(node, yaml.ScalarNode):
        raise UserError(f"{place(name, node)}: quiz must be the name of the quiz, such as summer23")
    return str(node.value)


def _all_given(node: yaml.Node | None, name: str) -> tuple[Given, ...]:
    if node is None:
        raise UserError(f"{name}: the field `answers` is missing; add `answers:` and below it `  1a: yes`")
    if isinstance(node, yaml.ScalarNode) and documents.plain(node, name) is None:
        return ()
    if not isinstance(node, yaml.MappingNode):
        raise UserError(f"{place(name, node)}: below `answers:` write lines such as `  1a: yes`")
    if len(node.value) > MOST_ANSWERS:
        raise UserError(f"{name}: {len(node.value):,} answers; no sheet has so many, keep what is asked")
    return tuple(_given(key, value, name) for key, value in _fields(node, name))


def _fields(node: yaml.MappingNode, name: str) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise UserError(f"{place(name, key)}: a list or fields stand here for a name; quote it")
        yield key, value


def _given(key: yaml.ScalarNode, node: yaml.Node, name: str) -> Given:
    """Read `1a: yes` or `1a: {answer: yes, argument: ...}`."""
    one = key.value.strip()
    where = f"{place(name, key)}: {shown(one)[1:-1]}"
    if isinstance(node, yaml.ScalarNode):
        answer, problems = _answer([node], where, name)
        return Given(id=one, answer=answer, problems=tuple(problems), line=documents.line_of(key))
    if not isinstance(node, yaml.MappingNode):
        problem = f"{where} has a list where one answer is wanted; {_LEFT}"
        return Given(id=one, answer=None, problems=(problem,), line=documents.line_of(key))
    fields: dict[str, list[yaml.Node]] = {}
    for field, value in _fields(node, name):
        fields.setdefault(field.value, []).append(value)
    answer, problems = _answer(fields.pop("answer", []), where, name)
    argument, more = _argument(fields.pop("argument", []), where, name)
    problems += more
    problems += [f"{where}: the field {shown(one)} is ignored; write answer and argument" for one in fields]
    return Given(
        id=one, answer=answer, argument=argument, problems=tuple(problems), line=documents.line_of(key))


_LEFT = f"it stays unmarked; write {ALLOWED}"


def _answer(nodes: list[yaml.Node], where: str, name: str) -> tuple[Answer | None, list[str]]:
    if len(nodes) > 1:
        lines = documents.lines_of([documents.line_of(node) for node in nodes])
        return None, [f"{where} has {len(nodes)} answers ({lines}); it stays unmarked, keep one of them"]
    if not nodes:
        return None, [f"{where} has no field `answer`; {_LEFT}"]
    if not isinstance(nodes[0], yaml.ScalarNode):
        return None, [f"{where} has a list or fields where one answer is wanted; {_LEFT}"]
    answer = read_answer(documents.plain(nodes[0], name))
    if answer is None and nodes[0].value.strip() == UNCLEAR:
        return None, [f"{where} is still {UNCLEAR}; it stays unmarked until a person writes yes, no or abstain"]
    if answer is None:
        return None, [f"{where} is {shown(nodes[0].value)}; {_LEFT}"]
    return answer, []


def _argument(nodes: list[yaml.Node], where: str, name: str) -> tuple[str, list[str]]:
    if not nodes:
        return "", []
    if len(nodes) > 1 or not isinstance(nodes[0], yaml.ScalarNode):
        return "", [f"{where}: the argument must be one text; it is ignored"]
    if documents.plain(nodes[0], name) is None:
        return "", []
    text = documents.harmless(nodes[0].value).strip()
    lines = sum(math.ceil(len(line) / LINE_LENGTH) for line in text.splitlines() if line.strip())
    if lines <= ARGUMENT_LINES:
        return text, []
    most = f"{ARGUMENT_LINES} lines of at most {LINE_LENGTH} characters"
    return text[:MOST_CHARACTERS], [f"{where}: the argument takes {lines} lines; shorten it to {most}"]
