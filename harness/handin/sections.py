"""The headings of a report, in English or German, the works it refers to, and the members it names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from harness.handin.pages import PageText
from harness.records import Section

__all__ = ["members_in", "references_of", "sections_of", "without_references"]

MOST_REFERENCES = 40
LONGEST = 300               # characters of a reference that are kept

_NAMES = {
    "introduction": r"introduction|einleitung|motivation",
    "data": r"data(?: ?set)?|dataset and preprocessing|datensatz|daten",
    "modeling": r"modell?ing|models?|(?:model |network )?architectures?|our model|modell(?:ierung)?|architektur"
                r"|methods?|methodik|methode",
    "training parameters": r"training parameters?|(?:training )?hyper-?parameters?|parameters?"
                           r"|training (?:set-?up|details)|trainings?-?parameter|hyperparameter",
    "training": r"training(?: process| procedure)?|trainings(?:verlauf|prozess)",
    "results": r"results?|evaluation|experiments?|ergebnisse?|auswertung|experimente",
    "reconstruction": r"reconstructions?|rekonstruktion(?:en)?",
    "interpolation": r"interpolations?|latent (?:space )?interpolation|interpolation(?:en)?",
    "latent space": r"latent space|latenter raum|latenzraum|der latente raum",
    "interpretation": r"interpretation|discussion|conclusions?|results and discussion|diskussion|fazit"
                      r"|zusammenfassung|summary",
    "references": r"references|bibliography|literature|sources|literatur(?:verzeichnis)?"
                  r"|quellen(?:verzeichnis)?|referenzen",
    "code": r"code|source code|code availability|quellcode",
}
_NUMBERED = r"(?:(?:\d{1,2}|[ivx]{1,4}|[a-h])(?:\.\d{1,2})*[.):]?\s+)?"
_HEADING = {
    name: re.compile(rf"{_NUMBERED}(?:{words})\s*[:.]?", re.IGNORECASE) for name, words in _NAMES.items()
}
_RUN_IN = {
    name: re.compile(rf"({_NUMBERED}(?:{words}))\s*(?::|\s[–—])\s+\S", re.IGNORECASE) for name, words in _NAMES.items()
}
_ENTRY = re.compile(r"(?:^|\s)(?=\[\d{1,2}\]\s)|(?:^|\n)(?=\s*(?:\d{1,2}[.)]|[•–-])\s+\S)")
_WORK = re.compile(
    r"\b(?:19|20)\d\d\b|arxiv|doi|https?://|et al|proceedings|conference|journal|neurips|icml|iclr|cvpr|github"
    r"|tutorial|documentation|pytorch", re.IGNORECASE)


def sections_of(pages: Sequence[PageText]) -> list[Section]:
    """Give the headings that stand on a line of their own, or before a colon at the beginning of one."""
    found: list[Section] = []
    for page in pages:
        for line in _text(page).splitlines():
            heading = _heading(line.strip())
            if heading and heading not in {(one.name, one.title) for one in found}:
                found.append(Section(name=heading[0], title=heading[1], page=page.number))
    return found


def _heading(line: str) -> tuple[str, str] | None:
    if not re.match(rf"{_NUMBERED}[A-ZÄÖÜ]", line):
        return None
    for name, pattern in _HEADING.items():
        # With a full stop it is the end of a sentence that was broken over lines.
        if len(line) <= 60 and pattern.fullmatch(line) and not line.endswith("."):
            return name, line.rstrip(": ")
    for name, pattern in _RUN_IN.items():
        if match := pattern.match(line):
            return name, match[1].strip()
    return None


def references_of(pages: Sequence[PageText]) -> list[str]:
    """Give the entries below the heading "References", or those that begin with a number in brackets."""
    body = "\n".join(_text(page) for page in pages)
    listed = _below(body)
    if listed is None:
        start = re.search(r"^\s*\[1\]\s+\S", body, re.MULTILINE)
        listed = body[start.start():] if start else ""
    entries = [" ".join(entry.split()) for entry in _ENTRY.split(listed)]
    if len(entries) == 1:       # no numbers: one to a line
        entries = [" ".join(entry.split()) for entry in listed.splitlines()]
    works = [entry.lstrip("•–- ") for entry in entries if len(entry) >= 12 and _WORK.search(entry)]
    return [entry[:LONGEST] for entry in works][:MOST_REFERENCES]


def _below(body: str) -> str | None:
    """Give what stands below the heading of the references, until the next heading; None where there is none."""
    lines = body.splitlines()
    for number, line in enumerate(lines):
        heading = _heading(line.strip())
        if heading and heading[0] == "references":
            end = next((later for later in range(number + 1, len(lines))
                        if (other := _heading(lines[later].strip())) and other[0] != "references"), len(lines))
            first = line.strip()[len(heading[1]):].lstrip(" :–—")
            return "\n".join([first, *lines[number + 1:end]])
    return None


def without_references(text: str) -> str:
    """Give a text without what stands below its references' heading: these speak of the work of others."""
    listed = _below(text)
    if listed is None:
        numbered = re.search(r"^\s*\[1\]\s+[A-Z]", text, re.MULTILINE)
        return text[:numbered.start()] if numbered else text
    kept = [line for line in text.splitlines() if line not in set(listed.splitlines())]
    return "\n".join(kept)


def members_in(text: str, members: Sequence[str]) -> list[str]:
    """Give those members whose whole names, or first letter and surname, stand in a text."""
    words = _plain(re.sub(r"\S+[./]\S*/\S*", " ", text))     # addresses are no names
    return [member for member in members if any(name in words for name in _spellings(member))]


def _spellings(member: str) -> Iterator[str]:
    given = _plain(member).replace("|", " ").split()
    yield f" {' '.join(given)} "
    if len(given) > 1:
        yield f" {given[0]} {given[-1]} "
        yield f" {given[-1]} {' '.join(given[:-1])} "
        yield f" {given[0][0]} {given[-1]} "


def _plain(text: str) -> str:
    """Give the words of a text between spaces, without accents; German umlauts and their spellings are one."""
    text = re.sub(r"(?<=\w\w)[.!?;](?=\s)", " | ", text.casefold())     # no name goes over the end of a sentence
    for umlaut, spelling in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss"), ("ø", "oe")):
        text = unicodedata.normalize("NFC", text).replace(umlaut, spelling)
    letters = unicodedata.normalize("NFKD", text)
    letters = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return " " + " ".join(re.findall(r"[^\W_]+|\|", letters)) + " "


def _text(page: PageText) -> str:
    return unicodedata.normalize("NFKC", page.text).replace("\r\n", "\n")
