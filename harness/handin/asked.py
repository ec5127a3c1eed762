"""What a sheet asks a report for, and whether the words for it are in its text, in English or German.

A word that is found proves nothing, and one that is missing is no fault: the lists help a person to look.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["asked_by", "missing", "text_to_search"]

_WITHIN = r"(within|same class|one class|intra|innerhalb|(gleichen|einer) klasse)"
_BETWEEN = r"(between|across|inter-?class|different class|two class|zwischen)"
_CLUES = {
    "the reconstruction error": (
        r"reconstruction (error|loss|mse)|rekonstruktions(fehler|verlust)|\bmse\b|\bbce\b|mean[- ]squared"
        r"|squared error|cross[- ]entropy|kreuzentropie|quadratisch"
    ),
    "generated images": r"generated|\bsampl(e|es|ed|ing)\b|generiert|erzeugt|gezogen|stichprobe",
    "a map of the latent space": r"\bumap\b|\bt-?sne\b|\bpca\b|\bisomap\b|projection|projektion",
    "interpolation": r"interpol",
    "interpolation within a class": rf"interpol.{{0,300}}{_WITHIN}|{_WITHIN}.{{0,300}}interpol",
    "interpolation between classes": rf"interpol.{{0,300}}{_BETWEEN}|{_BETWEEN}.{{0,300}}interpol",
    "a second generative model": (
        r"\b[a-z]{0,12}gans?\b|\bflows?\b|diffusion|\bddpm\b|boltzmann|\brbm\b|autoregress|pixelcnn"
        r"|score[- ]based|energy[- ]based|vq-?vae|normali[sz]ing"
    ),
    "how it was trained": (
        r"epoch|learning rate|lernrate|batch|optimi[sz]|\badam\b|\bsgd\b|trained|trainiert"
    ),
    "a link to the code": r"https?://|github|gitlab|colab|bitbucket",
    "references": r"references|bibliograph|literatur|quellen|sources|et al|\[\d{1,2}\]|arxiv",
}
_COMMON = (
    "the reconstruction error", "generated images", "how it was trained", "a link to the code", "references",
)
_ASKED = {
    "summer22": (*_COMMON, "a map of the latent space", "interpolation"),
    "summer23": (
        *_COMMON, "interpolation within a class", "interpolation between classes",
        "a second generative model",
    ),
}


def asked_by(assignment: str) -> tuple[str, ...]:
    """Name what the sheet of an assignment asks a report for; of an unknown one, the common."""
    return _ASKED.get(assignment, _COMMON)


def text_to_search(text: str) -> str:
    """Bring text into the form that is searched: one line, small letters, words unbroken."""
    text = unicodedata.normalize("NFKC", text)
    text = re.sub(r"[-\u00ad\ufffe][ \t]*\r?\n[ \t]*(?=[a-zäöüß])", "", text)
    return re.sub(r"\s+", " ", text).strip().casefold()


def missing(text: str, asked: tuple[str, ...]) -> list[str]:
    """Name those of the things asked for that nothing in `text` (of `text_to_search`) speaks of."""
    return [thing for thing in asked if not re.search(_CLUES[thing], text)]
