"""What a report states of its own training and results: sizes, settings and numbers, with the words around them.

Only what is plainly said is taken: a name, then a number, with nothing but small words between them. Sentences on
the work of others are left out, and so are numbers of training that may mean something else ("after 5 epochs").
What is not found here may well be on the page; a person reads it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from harness.handin.clues import CLUES, OF_OTHERS, OF_TRAINING, OPTIMISER, Clue
from harness.handin.numbers import is_german, parse
from harness.handin.pages import PageText
from harness.handin.sections import without_references
from harness.records import Stated

__all__ = ["stated_in"]

MOST = 40           # of a report
AROUND = 70         # characters of the snippet on either side

_END = re.compile(r"(?<!\bal)(?<!\be\.g)(?<!\bi\.e)(?<!\bFig)[.;!?](?:\s|$)")     # of a sentence


def stated_in(pages: Sequence[PageText], *, members: Sequence[str] = ()) -> list[Stated]:
    """Give what pages state, each thing once, in the order of settings and results."""
    found: dict[tuple[str, str], Stated] = {}
    taken: set[tuple[int, int]] = set()
    texts = {page.number: _one_line(without_references(_lines(page.text)), members) for page in pages}
    for clue in CLUES:
        for number, text in texts.items():
            for one, place in _matches(clue, text, number):
                # A number has one name: the first that fits is the most exact one.
                if (number, place) not in taken:
                    taken.add((number, place))
                    found.setdefault((one.name, repr(one.number)), one)
    for number, text in texts.items():
        for match in OPTIMISER.finditer(text):
            near = text[max(0, match.start() - 80):match.end() + 80]
            if OF_TRAINING.search(near) and not OF_OTHERS.search(_sentence(text, match)):
                one = Stated(name="optimiser", value=match["value"], page=number, snippet=_snippet(text, match))
                found.setdefault((one.name, one.value.casefold()), one)
    return list(found.values())[:MOST]


def _lines(text: str) -> str:
    return unicodedata.normalize("NFKC", text.replace("⁻", "-")).replace("\r\n", "\n")


def _one_line(text: str, members: Sequence[str]) -> str:
    """Bring a page into one line, words unbroken; names of members go, as Adam is one as well."""
    text = re.sub(r"(?<=[a-zäöüß])[-\u00ad\ufffe\x02][ \t]*\n[ \t]*(?=[a-zäöüß])", "", text)
    text = re.sub(r"\s+", " ", text).strip()
    for member in members:
        text = re.sub(rf"\b{re.escape(member)}\b", "", text, flags=re.IGNORECASE)
    return text


def _matches(clue: Clue, text: str, page: int) -> Iterator[tuple[Stated, int]]:
    german = is_german(text)
    for match in clue.pattern.finditer(text):
        before = text[max(0, match.start() - 30):match.start("value")]
        sentence = _sentence(text, match)
        if (clue.unless and clue.unless.search(before)) or OF_OTHERS.search(sentence):
            continue
        number = _number(match["value"], german=german)
        if number is None or not clue.least <= number <= clue.most:
            continue
        percent = match.groupdict().get("percent")
        yield Stated(
            name=_named(clue.name, match, sentence), value=match["value"].strip() + (percent or "").strip(),
            number=number / 100 if percent else number, page=page, snippet=_snippet(text, match),
        ), match.start("value")


def _number(printed: str, *, german: bool) -> float | None:
    many = re.fullmatch(r"(.*?)\s?(k|m|million(?:en)?|mio\.?)", printed.strip(), re.IGNORECASE)
    if many is None:
        return parse(printed.strip(" .,"), german=german)
    value = parse(many[1].strip(), german=german)
    return None if value is None else value * (1e3 if many[2].casefold() == "k" else 1e6)


def _named(name: str, match: re.Match[str], sentence: str) -> str:
    """Add what the words say of the images, or of the classifier."""
    if name == "accuracy" and re.search(r"\bk-?nn\b|nearest[- ]neighbo|nächste[rn]? nachbar", sentence, re.IGNORECASE):
        name = "nearest-neighbour accuracy"
    words = match.group().casefold()
    on_training = re.search(r"\btrain(?:ing)?\b|trainings?(?:daten|bilder)", words) and not re.search(r"\btest", words)
    return f"{name} in training" if on_training and not name.startswith(("loss", "epochs", "latent", "param")) else name


def _sentence(text: str, match: re.Match[str]) -> str:
    begin = max((one.end() for one in _END.finditer(text, 0, match.start())), default=0)
    end = _END.search(text[match.end():])
    return text[max(begin, match.start() - 200):match.end() + (min(end.start(), 200) if end else 200)]


def _snippet(text: str, match: re.Match[str]) -> str:
    begin, end = max(0, match.start() - AROUND), min(len(text), match.end() + AROUND)
    words = text[begin:end]
    words = words if begin == 0 else "… " + words.partition(" ")[2]
    return words if end == len(text) else words.rpartition(" ")[0] + " …"
