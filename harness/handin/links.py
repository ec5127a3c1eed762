"""Web addresses on the pages of a report: printed or behind the text, whole or broken over lines."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from harness.handin.pages import PageText
from harness.records import Link

__all__ = ["code_link", "links_of", "same_address"]

HOSTS = ("github", "gitlab", "colab", "bitbucket", "huggingface", "codeberg", "kaggle")
MOST = 40           # links of a report
LONGEST = 500       # characters of an address

_START = r"(?:https?://|(?:www\.)?(?:github|gitlab|bitbucket|codeberg|colab\.research\.google)\.(?:com|org)/)"
_ADDRESS = re.compile(rf"{_START}[^\s<>\"'\])|{{}}]*", re.IGNORECASE)
_SPACED = re.compile(r"\b(https?)\s*:\s*/\s*/\s*(?=[a-z])|\b(github|gitlab|bitbucket|colab\.research\.google)"
                     r"(?:\s+\.\s*|\s*\.\s+)(com|org)\s*/", re.IGNORECASE)
_REST = re.compile(r"[\w\-./?=&%#~+:@]+", re.ASCII)
_FILE = re.compile(r"\.(?:ipynb|git|py|html?|md|pdf|zip)\b|[/_?=&%#]|\d|\w-\w", re.IGNORECASE)
_REPOSITORY = re.compile(r"(?:github|gitlab|bitbucket|codeberg)\.(?:com|org)(?:/[^/?#]+){2,}", re.IGNORECASE)


def links_of(pages: Sequence[PageText]) -> list[Link]:
    """Give the links of a report: those behind the text first, as these are whole; each address once."""
    found: dict[str, Link] = {}
    for page in pages:
        for address in page.links:
            if re.match(r"https?://", address, re.IGNORECASE):
                link = Link(address=_tidy(address), page=page.number, source="annotation")
                found.setdefault(_key(address), link)
    for page in pages:
        for address, repaired in _printed(page.text):
            whole = [key for key in found if key.startswith(_key(address)) and "/" in _key(address)]
            if not whole or _key(address) in found:
                link = Link(address=address, page=page.number, source="text", repaired=repaired)
                found.setdefault(_key(address), link)
    return list(found.values())[:MOST]


def code_link(links: Sequence[Link]) -> str:
    """Give the first link that looks like one to code, else the first of all, else ""."""
    to_code = [link for link in links if any(host in link.address.casefold() for host in HOSTS)]
    to_papers = ("arxiv.org", "doi.org", "openreview.net", "wikipedia.org")
    others = [link for link in links if not any(host in link.address for host in to_papers)]
    return next((link.address for link in [*to_code, *others]), "")


def same_address(one: str, other: str) -> bool:
    """Tell whether two addresses lead to the same place, whatever their spelling."""
    return _key(one).replace("_", "") == _key(other).replace("_", "")


def _printed(text: str) -> Iterator[tuple[str, bool]]:
    """Give each address that is printed in a text, and whether it had to be put together."""
    lines = _unspaced(unicodedata.normalize("NFKC", text)).splitlines()
    for number, line in enumerate(lines):
        for match in _ADDRESS.finditer(line):
            address, repaired, after = match.group(), line not in text, number + 1
            at_end = not line[match.end():].strip()
            while at_end and after < len(lines) and len(address) < LONGEST:
                rest = _continuation(address, lines[after])
                if not rest:
                    break
                address, repaired = address.rstrip("\u00ad\ufffe\x02") + rest, True
                at_end, after = rest == lines[after].strip(), after + 1
            address = _tidy(address)
            if re.search(r"\w\.\w", address):
                yield address[:LONGEST], repaired


def _unspaced(text: str) -> str:
    """Close the gaps that some programs leave within the beginning of an address."""
    def closed(match: re.Match[str]) -> str:
        return f"{match[1]}://" if match[1] else f"{match[2]}.{match[3]}/"

    return _SPACED.sub(closed, text.replace("\ufffe", "-").replace("\x02", "-"))


def _continuation(address: str, line: str) -> str:
    """Give what of the next line belongs to an address that ends its own line; "" where nothing surely does."""
    match = _REST.match(line.strip())
    if match is None or re.match(rf"{_START}|www\.", match.group(), re.IGNORECASE):
        return ""
    rest = match.group()
    alone = rest == line.strip()
    if colab := re.search(r"/drive/([\w-]+)$", address):
        # The names of such files have 33 characters.
        return rest if len(colab[1]) + len(re.split(r"[?#]", rest)[0]) == 33 else ""
    word = rest.rstrip(".,;:)")
    if address[-1] in "-/_=?&%#~" or _bare_host(address):
        fits = alone or bool(_FILE.search(word)) or (word.islower() and address[-1] in "-_")
        return rest if fits else ""
    if address[-1] == ".":
        return rest if re.match(r"(?:ipynb|git|py|com|org|html?)\b", rest) else ""
    # In the midst of a word: only what no sentence begins with.
    return rest if alone and _FILE.search(word) and not word[0].isupper() and not word[0].isdigit() else ""


def _bare_host(address: str) -> bool:
    return not _REPOSITORY.search(address) and address.endswith((".com", ".org"))


def _tidy(address: str) -> str:
    return address.strip().rstrip(".,;:!?)’”»'\"")[:LONGEST]


def _key(address: str) -> str:
    plain = re.sub(r"^https?://(?:www\.)?|^www\.", "", address.strip().casefold())
    return re.sub(r"(?:\.git)?[/.,;]*$", "", plain.split("?usp=")[0])
