"""YAML documents into typed models, with messages that name the file, the line, the field and the remedy.

Scalars are read by the core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema), where only
`true` and `false` are booleans: a bare `yes`, `no`, `on` or `y` stays the text that was written (a pydantic
field of type bool still takes it), keys are always text, and dates stay text. Aliases, tags, doubled keys and
more than one document in a file are refused.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError

from harness.errors import UserError

__all__ = [
    "MAX_BYTES", "MAX_DEPTH",
    "compose", "counted", "display_name", "harmless", "line_of", "line_of_field", "lines_of",
    "loads", "place", "plain", "problem_at", "raw", "read", "shown", "text_of",
]

MAX_BYTES = 2**20
"""Largest document in bytes."""

MAX_DEPTH = 16
"""Most mappings and lists that may stand in each other."""

_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Control characters and bidirectional overrides; a line break and a tabulator are not among them."""

_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""What PyYAML counts as the end of a line."""

MOST_PROBLEMS = 8       # more of them in one message help nobody

_PLACED = "placed"      # type of the errors of `problem_at`
_WANTED = {
    **dict.fromkeys(("list_type", "tuple_type"), ", but should be a list; write it as [...]"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "; allowed: true or false"),
}
"""What is wanted, by the type of pydantic's error, where pydantic says it in a programmer's words."""

T = TypeVar("T", bound=BaseModel)
Location = tuple[int | str, ...]

_NULL, _BOOL, _INT, _FLOAT = (f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float"))

# The C parser where PyYAML was built with it: ten times faster, the same nodes.
_Parser = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Loader: Any = type("_Loader", (_Parser,), {"yaml_implicit_resolvers": {}})
_Loader.add_implicit_resolver(_NULL, re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_Loader.add_implicit_resolver(_BOOL, re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
_Loader.add_implicit_resolver(_INT, re.compile(r"^[-+]?[0-9]{1,18}$"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    _FLOAT, re.compile(r"^[-+]?(?:\.[0-9]{1,40}|[0-9]{1,40}(?:\.[0-9]{0,40})?)(?:[eE][-+]?[0-9]{1,3})?$"),
    list("-+.0123456789"),
)


def read(path: Path, kind: type[T], *, name: str | None = None) -> T:
    """Read a YAML file into a model; `name` is what messages call the file (its path by default).

    Raises:
        UserError: it cannot be read, or is not what `kind` says; with file, line, field and remedy.

    """
    name = name or display_name(path)
    return loads(text_of(path, name=name), name, kind)


def raw(path: Path, *, name: str | None = None) -> Any:
    """Read a YAML file into dicts, lists, text, numbers, booleans and None.

    Raises:
        UserError: it cannot be read or is not the YAML that is taken here.

    """
    name = name or display_name(path)
    return plain(compose(text_of(path, name=name), name), name)


def loads(text: str, name: str, kind: type[T]) -> T:
    """Turn YAML text into a model; messages call the document `name`.

    Raises:
        UserError: with one line for each problem: file, line, field, remedy.

    """
    root = compose(text, name)
    data = plain(root, name)
    if not isinstance(data, dict):
        raise UserError(f"{place(name, root)}: the document must be fields, written `name: value`")
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        if not _take_texts(error, root, data):
            raise UserError(_messages(error, root, name, kind)) from None
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        raise UserError(_messages(error, root, name, kind)) from None


def problem_at(message: str, *steps: int | str) -> PydanticCustomError:
    """Make an error for a model's validator to raise that is about one place below the model.

    Args:
        message: what is wrong, and what to do.
        steps: names of fields and places in lists, from the model inwards.

    """
    return PydanticCustomError(_PLACED, "{error}", {"error": message, "steps": steps})


def display_name(path: Path) -> str:
    """Name a file as a person would: relative to the current folder where it lies below it."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def text_of(path: Path, *, name: str | None = None) -> str:
    """Read the text of a document of at most MAX_BYTES bytes in UTF-8.

    Raises:
        UserError: there is no such file, it cannot be read, is too large or is not UTF-8.

    """
    name = name or display_name(path)
    if not path.exists():
        raise UserError(f"{name}: there is no such file; check the path")
    if not path.is_file():
        raise UserError(f"{name}: not a regular file; give the path of a file")
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(f"{name}: cannot be read ({error.strerror}); check its permissions") from None
    if len(data) > MAX_BYTES:
        raise UserError(f"{name}: larger than {MAX_BYTES // 1024} KiB; shorten it")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(f"{name}, line {line}: not UTF-8 text; save the file as UTF-8") from None


def harmless(text: str) -> str:
    """Replace in a stranger's text what does more than show: control characters and bidirectional overrides."""
    return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text)


def counted(number: int | Fraction, noun: str, plural: str = "") -> str:
    """Say how many there are of something: "1 hand-in", "2 hand-ins".

    >>> counted(1, "hand-in"), counted(0, "match", "matches")
    ('1 hand-in', '0 matches')
    """
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def shown(text: str, *, most: int = 60) -> str:
    """Quote a stranger's text for a message: one line, cut at `most` characters, controls escaped."""
    return repr(text if len(text) <= most else text[:most - 1] + "…")


def compose(text: str, name: str) -> yaml.Node:
    """Parse one YAML document into PyYAML's nodes, doubled keys and all, without building any object.

    Raises:
        UserError: a syntax error, an alias, a tag, a second document, too deep, too large or empty.

    """
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        raise UserError(f"{name}, line {line}: half a surrogate pair, which is not text; remove it") from None
    if size > MAX_BYTES:
        raise UserError(f"{name}: larger than {MAX_BYTES // 1024} KiB; shorten it")
    try:
        _check_events(text, name)
        loader = _Loader(text)
        try:
            node: yaml.Node | None = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise UserError(_syntax(error, text, name)) from None
    if node is None:
        raise UserError(f"{name}: the document is empty; write its fields")
    return node


def line_of(node: yaml.Node) -> int:
    """Give the line of a node, counted from 1."""
    return int(node.start_mark.line) + 1


def line_of_field(path: Path, *steps: int | str) -> int:
    """Give the line on which a field of a YAML file is written, or the item of a list.

    Args:
        path: a file that was read without a fault.
        steps: names of fields and places in lists, from the outermost.

    """
    return _key_line(compose(text_of(path), path.name), list(steps))


def lines_of(numbers: Sequence[int], *, most: int = 6) -> str:
    """Name lines in words: "lines 4 and 7".

    >>> lines_of([4]), lines_of([4, 7]), lines_of([4, 7, 9])
    ('line 4', 'lines 4 and 7', 'lines 4, 7 and 9')
    """
    numbers = list(dict.fromkeys(numbers))
    if len(numbers) == 1:
        return f"line {numbers[0]}"
    last = f"{len(numbers) - most + 1} more" if len(numbers) > most else str(numbers[-1])
    first = numbers[:most - 1] if len(numbers) > most else numbers[:-1]
    return f"lines {', '.join(map(str, first))} and {last}"


def place(name: str, node: yaml.Node) -> str:
    """Say where a node stands: "answers.yaml, line 4"."""
    return f"{name}, line {line_of(node)}"


def plain(node: yaml.Node, name: str) -> Any:
    """Turn nodes into dicts with text keys, lists, text, int, float, bool and None.

    Raises:
        UserError: a key is doubled or is not text.

    """
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return [plain(item, name) for item in node.value]
    data: dict[str, Any] = {}
    lines: dict[str, int] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise UserError(f"{place(name, key)}: the name of a field must be plain text; quote it")
        if key.value in data:
            raise UserError(
                f"{place(name, key)}: {shown(key.value)} stands here a second time (first in line "
                f"{lines[key.value]}); remove one of them"
            )
        data[key.value], lines[key.value] = plain(value, name), line_of(key)
    return data


def _scalar(node: yaml.ScalarNode) -> Any:
    tag, text = node.tag, node.value
    if tag == _NULL:
        return None
    if tag == _BOOL:
        return text.lower() == "true"
    if tag == _INT:
        return int(text)
    if tag == _FLOAT:
        return float(text)
    return text


def _check_events(text: str, name: str) -> None:
    """Refuse what could blow up or deceive before any tree is built from it."""
    depth = documents = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.DocumentStartEvent):
            documents += 1
        problem = _forbidden(event, depth, documents)
        if problem:
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise UserError(f"{name}, line {line}: {problem}")


def _forbidden(event: yaml.Event, depth: int, documents: int) -> str:
    if getattr(event, "anchor", None):      # of an alias, this is the name that it stands for
        return "anchors (&) and aliases (*) are not taken; write the value out"
    if getattr(event, "tag", None):
        return "tags (!) are not taken; write the plain value, or quote it"
    if depth > MAX_DEPTH:
        return f"nested more than {MAX_DEPTH} levels deep; write it flatter"
    if documents > 1:
        return "a second document starts here (---); keep one in each file"
    return ""


def _syntax(error: yaml.YAMLError, text: str, name: str) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        line = error.problem_mark.line + 1
        problem = error.problem or "this is not YAML"
    else:       # a character that YAML does not allow: PyYAML gives its position only
        line = text.count("\n", 0, getattr(error, "position", 0) or 0) + 1
        problem = str(getattr(error, "reason", "") or "a character that YAML does not allow")
    return f"{name}, line {line}: not valid YAML ({problem}); {_remedy(text, line, problem)}"


def _remedy(text: str, line: int, problem: str) -> str:
    written = "".join(_LINE_BREAK.split(text)[line - 1:line])       # the end may count as a line that has no text
    if re.search(r":\s+-\s*$", written):
        return 'a lone "-" starts a list: quote it'
    if "\t" in written and "token" in problem:
        return "indent with spaces, not with tabs"
    if "mapping values" in problem:
        return "a value that contains `: ` must stand in quotes"
    return "check its indentation, colons and quotes"


# --- pydantic's errors in words


def _take_texts(error: ValidationError, root: yaml.Node, data: Any) -> bool:
    """Put the text as written where text is wanted but a number was read (`group: 007`); say whether any."""
    taken = False
    for problem in error.errors(include_url=False):
        if problem["type"] != "string_type" or not isinstance(problem["input"], (int, float)):
            continue
        path, node = _walk(root, problem["loc"])
        if isinstance(node, yaml.ScalarNode) and path:
            holder = data
            for step in path[:-1]:
                holder = holder[step]
            holder[path[-1]] = node.value
            taken = True
    return taken


def _walk(root: yaml.Node, location: Location) -> tuple[list[int | str], yaml.Node]:
    """Follow pydantic's location as far as the document goes, past steps that name a branch of a union."""
    path: list[int | str] = []
    node = root
    for step in location:
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            path.append(step)
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(step):
                    node = value
                    path.append(str(step))
                    break
    return path, node


def _key_line(root: yaml.Node, path: list[int | str]) -> int:
    """Give the line on which the last step of a path is written (for a field, the line of its name)."""
    _, holder = _walk(root, tuple(path[:-1]))
    if path and isinstance(holder, yaml.MappingNode):
        return next((line_of(key) for key, _ in holder.value if key.value == path[-1]), line_of(holder))
    return line_of(_walk(root, tuple(path))[1])


def _spell(root: yaml.Node, path: list[int | str]) -> str:
    """Spell a path: items of lists by their id where they have one, else by their place."""
    words: list[str] = []
    for place, step in enumerate(path):
        if isinstance(step, str):
            words.append(step)
            continue
        _, item = _walk(root, tuple(path[:place + 1]))
        pairs = item.value if isinstance(item, yaml.MappingNode) else []
        words.append(next((str(value.value) for key, value in pairs if key.value == "id"), f"#{step + 1}"))
    return shown(".".join(words), most=200)[1:-1]


def _messages(error: ValidationError, root: yaml.Node, name: str, kind: type[BaseModel]) -> str:
    found: dict[str, int] = {}
    problems = error.errors(include_url=False)
    for problem in problems:
        depth = len(problem["loc"])
        if problem["type"] == "too_short" and any(
                one["loc"][:depth] == problem["loc"] and len(one["loc"]) > depth for one in problems):
            continue        # only because its items are faulty, of which something is said
        path, node = _walk(root, (*problem["loc"], *problem.get("ctx", {}).get("steps", ())))
        line = _key_line(root, path)
        # Pydantic reports a union once for every branch; the first word on a place is enough.
        found.setdefault(f"{name}, line {line}: {_sentence(dict(problem), root, path, node, kind)}", line)
    ordered = sorted(found, key=lambda message: found[message])
    if len(ordered) > MOST_PROBLEMS:
        ordered[MOST_PROBLEMS:] = [f"{name}: and {len(ordered) - MOST_PROBLEMS} more problems"]
    return "\n".join(ordered)


def _sentence(
    problem: dict[str, Any], root: yaml.Node, path: list[int | str], node: yaml.Node, kind: type[BaseModel],
) -> str:
    type_, context, location = problem["type"], problem.get("ctx", {}), problem["loc"]
    where = _spell(root, path) or "the document"
    if type_ == "missing":
        return f"{where} lacks the field {location[-1]!r}; add `{location[-1]}: ...`"
    if type_ == "extra_forbidden":
        fields = sorted({field for model in _models(kind, location[:-1]) for field in _fields(model)})
        near = difflib.get_close_matches(str(location[-1]), fields, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "remove it"
        return f"{where!r} is not a field that is known here; {hint} (fields: {', '.join(fields)})"
    value = "a list" if isinstance(node, yaml.SequenceNode) else "a group of fields"
    if isinstance(node, yaml.ScalarNode):
        value = shown(node.value)
    if "expected" in context and type_ in {"literal_error", "enum"}:
        return f"{where} is {value}; allowed: {str(context['expected']).replace(chr(39), '')}"
    if type_ in {_PLACED, "value_error", "assertion_error"}:
        return f"{where}: {context.get('error', problem['msg'])}"
    wanted = str(problem["msg"]).removeprefix("Input ").removeprefix("Value error, ")
    wanted = wanted.removeprefix("Tuple ").removeprefix("List ").replace(" after validation", "")
    return f"{where} is {value}" + _WANTED.get(
        type_, f", but {wanted[:1].lower()}{wanted[1:]}; correct the value")


def _fields(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _models(annotation: Any, location: Location) -> Iterator[type[BaseModel]]:
    """Find the models that a location may stand for, through lists, dicts and unions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from _models_below(annotation, location)
        return
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in {Union, UnionType}:
        for branch in arguments:
            yield from _models(branch, location)
    elif arguments and origin in {dict, list, tuple}:
        yield from _models(arguments[-1 if origin is dict else 0], location[1:])
    elif arguments:     # Annotated
        yield from _models(arguments[0], location)


def _models_below(model: type[BaseModel], location: Location) -> Iterator[type[BaseModel]]:
    if not location:
        yield model
        return
    for name, field in model.model_fields.items():
        if location[0] in {name, field.alias}:
            yield from _models(field.annotation, location[1:])
    if location[0] == model.__name__:       # the step that names a branch of a union
        yield from _models_below(model, location[1:])
