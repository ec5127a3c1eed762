"""Names: how Moodle names what students handed in, and how people's names are compared.

Moodle's `mod_assign` names an entry of "Download all submissions" (classes/downloader.php; before 4.1 locallib.php)

- `Ada Example_12345_assignsubmission_file/model.py`, with the participant's number in this assignment,
- `Ada Example_12345_assignsubmission_file_/model.py` before Moodle 4.1,
- `Ada Example_12345_assignsubmission_file_model.py` without folders, the default before Moodle 3.1,
- `Group 3_17_assignsubmission_file/...` for a team, with the group's number; without one for those in no group,
- `Group 3-Ada Example_12345_assignsubmission_file_/...` for each member of a team before Moodle 4.1,
- `Participant_12345_...` (in the language of the site) under blind marking,

and with `onlinetext` for `file` where text was typed in.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

__all__ = ["Entry", "email_in", "entry_of", "fits", "is_blind", "plain_name", "same_person", "team_prefixes"]

_ENTRY = re.compile(
    r"(?P<who>[^_]+)(?:_(?P<number>\d+))?_assignsubmission_(?P<kind>[a-z]+)(?:_(?P<rest>.*))?", re.DOTALL)
_EMAIL = re.compile(r"[^\s<>@,;]+@[^\s<>@,;]+\.[^\s<>@,;]+")
_BLIND = {"participant", "teilnehmer", "teilnehmerin"}
_TWO_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa", "æ": "ae", "œ": "oe"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the downloaded archive.

    Attributes:
        who: name of a participant or a team as Moodle wrote it.
        number: the participant's number in this assignment, or the team's; None for those in no team.
        kind: "file" or "onlinetext".
        path: the file within what was handed in.

    """

    who: str
    number: str | None
    kind: str
    path: str


def entry_of(path: str) -> Entry | None:
    """Read the name of an entry, relative to the archive; None if Moodle did not write it."""
    first, _, below = path.partition("/")
    found = _ENTRY.fullmatch(first)
    if found is None:
        return None
    rest = found["rest"] or ""
    inside = "/".join(part for part in (rest, below) if part)
    return Entry(found["who"].strip(), found["number"], found["kind"], inside) if inside else None


def is_blind(who: str) -> bool:
    """Whether this is how Moodle calls a participant whose name is hidden."""
    return plain_name(who).rstrip("0123456789 ") in _BLIND


def team_prefixes(who: str) -> set[str]:
    """Give what may be the team's name in `Group 3-Ada Example`; either name may hold a hyphen of its own."""
    pieces = who.split("-")
    return {"-".join(pieces[:count]) for count in range(1, len(pieces))}


# --- people


def plain_name(name: str) -> str:
    """Reduce a name to what any spelling of it has: small letters without accents, and digits, in words."""
    return _plain(name.casefold())


def _plain(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text)
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return " ".join("".join(letter if letter.isalnum() else " " for letter in bare).split())


def _spellings(name: str) -> set[frozenset[str]]:
    """Give the words of a name in both ways of writing an umlaut, in no order: "Exämple, Ada" is "Ada Exaemple"."""
    small = unicodedata.normalize("NFC", name).casefold()
    return {frozenset(_plain(text).split()) for text in (small, small.translate(_TWO_LETTERS))} - {frozenset()}


def same_person(one: str, other: str, *, loosely: bool = False) -> bool:
    """Whether two spellings are one name; `loosely`, also where one leaves out names that the other has."""
    for first in _spellings(one):
        for second in _spellings(other):
            shorter, longer = sorted((first, second), key=len)
            if first == second or (loosely and len(shorter) > 1 and shorter < longer):
                return True
    return False


def fits(who: str, name: str) -> bool:
    """Whether the name in an archive may be this person's: after Moodle cleaned it, after a team's name, hidden."""
    if is_blind(who) or not name:
        return True
    last = [who, *(who.removeprefix(f"{team}-") for team in team_prefixes(who))]
    return any(same_person(one, name, loosely=True) or _squeezed(one) == _squeezed(name) for one in last)


def _squeezed(name: str) -> str:
    """Moodle takes some letters out of file names and puts nothing there."""
    return plain_name(name).replace(" ", "")


def email_in(text: str) -> str | None:
    """Give the e-mail address in a text, in small letters."""
    found = _EMAIL.search(text)
    return found[0].casefold() if found else None
