"""The ways in which reports say what they did and what came out, in English and German, as patterns.

A pattern is a name, then a number, with nothing but small words between them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.handin.numbers import NUMBER

__all__ = ["CLUES", "OF_OTHERS", "OF_TRAINING", "OPTIMISER", "Clue"]


@dataclass(frozen=True, slots=True)
class Clue:
    """One way of saying something: `unless` may not stand shortly before the number, which lies within bounds."""

    name: str
    pattern: re.Pattern[str]
    unless: re.Pattern[str] | None = None
    least: float = 0.0
    most: float = 1e12


def _clue(name: str, *pattern: str, unless: str = "", least: float = 0.0, most: float = 1e12) -> Clue:
    before = re.compile(unless, re.IGNORECASE) if unless else None
    return Clue(name, re.compile("".join(pattern), re.IGNORECASE), before, least, most)


OF_OTHERS = re.compile(
    r"\bet al\b|\bthe(?:ir)? (?:authors?|papers?)\b|\bin the (?:original )?paper|\bliteratur|\bthey\b"
    r"|\bstate of the art\b|\[\d{1,2}\]\s*(?:report|achiev|obtain|train|use|reach|show)|\breported (?:by|in)\b"
    r"|\bdefaults?\b|\bfor example\b|\be\.g\.|\bwould\b|\bcould\b|\bmittelbild\b|\bbaseline\b", re.IGNORECASE)
"""A sentence that has this may not be about the group's own work."""

OPTIMISER = re.compile(
    r"\b(?P<value>AdamW|Adamax|NAdam|RAdam|Adam|SGD|RMSprop|Adagrad|Adadelta|L-?BFGS)\b(?!\s*:)")
OF_TRAINING = re.compile(
    r"optimi[sz]|learning[- ]rate|lernrate|\blr\b|epoch|batch|\btrain|weight decay|betas?\b", re.IGNORECASE)
"""What stands near the name of an optimiser that was used."""

# --- pieces

_IS = (
    r"(?:\s*(?:of|is|was|are|were|to|be|set|equals?|:|=|≈|~|∼|about|around|beträgt|betrug|von|war|ist|auf|ca\."
    r"|wurde|als))*"
)
_SURELY_IS = r"\s*(?::|=|≈|\bof\b|\bis\b|\bwas\b|\bset to\b|\bvon\b|\bist\b|\bwar\b)\s*"
_ON = (
    r"(?:\s*(?:\((?:mse|bce|ssim|psnr|fid|test|train|validation)\)|on|over|for|the|our|whole|held-out|final|average"
    r"|(?:10[,.]?000|60[,.]?000)(?=\s+\w*\s*(?:images|bilder))|test(?:ing|daten|bilder[n]?|datensatz)?"
    r"|train(?:ing)?s?(?:daten|bilder[n]?)?|validation|set|split|images?|data|reconstructions?|per[- ]pixel"
    r"|per[- ]image|pixel-?wise|vae|auf|den|dem|der|über|pro|bild|pixel|score|value|loss|[,()]))*"
)
# A number of something else, or the first of two.
_NOT_A_COUNT = (
    r"(?![\d.,]*\d)(?!\s*[-–]?\s*(?:test|train|images?|samples?|epochs?|epochen|pixels?|examples|bilder|steps?|classes"
    r"|dimensional|nearest|neighbo|of\s+\d|out of|von\s+\d|x\s*\d|×\s*\d|times|(?:to|bis|[-–→]|->)\s*\d))"
)
_VALUE = rf"\s*(?P<value>{NUMBER})(?P<percent>\s?%)?{_NOT_A_COUNT}"
_AHEAD = rf"(?<![\d.,])(?P<value>{NUMBER}){_NOT_A_COUNT}\s*"
_WHOLE = r"(?P<value>\d{1,5})(?![\d.,]*\d)"
_WHOLE_AHEAD = r"(?<![\d.,])(?P<value>\d{1,5})"

_LATENT = r"(?:latent(?:e[nrs]?)?|latenz|bottleneck)"
_SOME = r"\b(?:first|these|those|vary(?:ing)?|only|any|each|collapsed|active|plot(?:ted)?|ersten|beiden)\s*$"
_PAUSE = r"patience|improv|warm-?up|anneal|every|each|after|first|last|alle|jede|nach|ersten|letzten|verbesser|without"
_EPOCHS = r"(?:training )?(?:epochs|epochen)\b(?!\s+(?:later|earlier|before|after|später|of warm))"
_MANY = r"(?:k\b|m\b|million(?:en)?|mio\.?)"

# --- settings

_SETTINGS = (
    _clue("latent size", rf"\b{_LATENT}(?:[- _]?(?:space|raum(?:e?s)?|vector|variable|code|representation))?[- _]?",
          rf"(?:dim(?:ension(?:s|ality|en)?)?|size|größe){_IS}\s*{_WHOLE}", most=4608),
    _clue("latent size", rf"\b(?:z[_ ]?dim|latent_(?:dim|size)){_IS}\s*{_WHOLE}", most=4608),
    _clue("latent size", rf"{_WHOLE_AHEAD}[- ](?:dimensional(?:e[rnm]?)?|dim\.?|d)\s+",
          rf"(?:gaussian |continuous )?{_LATENT}", most=4608),
    _clue("latent size", rf"{_WHOLE_AHEAD}\s+{_LATENT}\s+",
          r"(?:dimension(?:s|en)|variable[sn]|units|numbers|dims|features)\b", unless=_SOME, most=4608),
    _clue("latent size", rf"\b{_LATENT}\s+(?:space|vectors?|code|raum)\s+(?:of|with|has|mit|hat)\s+",
          rf"(?:dimension(?:ality)?\s+|size\s+)?{_WHOLE}(?=\s*(?:dimension|dims|units|[.,;)]|$))", most=4608),
    _clue("epochs", r"\b(?:train(?:ed|ing)?|trainiert|ran|run|fitted|optimi[sz]ed)\b[^.;]{0,60}?",
          rf"\b(?:for|über|für|over|with|mit|of|in)\s+(?:a total of\s+|insgesamt\s+)?{_WHOLE_AHEAD}\s+{_EPOCHS}",
          unless=_PAUSE),
    _clue("epochs", rf"(?:^|[,;:(]\s*|\b(?:and|und)\s+)(?P<value>\d{{1,5}})\s+{_EPOCHS}",
          unless=rf"(?:{_PAUSE})\W*$"),
    # "Epoch: 3" in the singular is a line of a log.
    _clue("epochs", r"(?:\bnumber of (?:training )?|\banzahl (?:der )?|\bn(?:um)?_|\b)(?:epochs|epochen)",
          rf"\s*(?:[:=]|of|is|was)\s*{_WHOLE}(?!\s*[/:])", unless=_PAUSE),
    _clue("batch size", rf"\b(?:mini-?)?batch(?:es)?[- _]?(?:size|größe)s?{_IS}\s*{_WHOLE}"),
    _clue("batch size", rf"\b(?:mini-?)?batch(?:es)? (?:of|der größe|von) (?:size )?{_WHOLE}"),
    _clue("learning rate", rf"\b(?:learning[- _]rate|lernrate|lr)(?:\s*\([^()]{{1,20}}\))?{_IS}{_VALUE}", most=1.0,
          unless=r"(?:divid|reduc|decay|multipl|halv|factor)\w*[^.]{0,25}$"),
    _clue("weight decay", rf"\bweight[- _]decay{_IS}{_VALUE}", most=1.0),
    _clue("weight of the divergence (beta)", rf"(?:β|\bbeta)(?:[- ]?VAE)?{_SURELY_IS}(?P<value>{NUMBER})(?![\d.,]*\d)",
          unless=r"adam|noise|schedule|diffusion|ddpm|betas", most=10_000),
    _clue("parameters", rf"(?<![\d.,])(?P<value>\d[\d.,]*\d\s?{_MANY}?|\d\s?{_MANY})\s*",
          r"(?:trainable |learnable |model |total |free |trainierbaren? )?",
          r"(?:parameters?|parametern|weights|gewichten?)\b", least=1_000),
    _clue("parameters", r"\b(?:number of|total|trainable) (?:trainable )?parameters",
          rf"{_IS}\s*(?P<value>\d[\d.,]*\d\s?{_MANY}?)", least=1_000),
)

# --- results

_MSE = (
    r"(?:\bMSE\b|\bmean[- ]squared[- ](?:reconstruction[- ])?error"
    r"|\bmittlere[rn]?\s+quadratische[rn]?\s+(?:fehler|abweichung))"
)


def _result(name: str, words: str, *, most: float = 1e12) -> Clue:
    return _clue(name, words, _ON, _IS, _ON, _VALUE, most=most, unless=r"epoch\W{0,3}\d")     # a line of a log


_RESULTS = (
    _result("mean squared error", _MSE),
    _clue("mean squared error", _AHEAD, r"\(", _MSE),
    _result("binary cross-entropy", r"(?:\bBCE\b|\bbinary cross[- ]?entropy|\bbinäre[rn]? kreuzentropie)"),
    _result("structural similarity", r"(?:\bSSIM\b|\bstructural similarity(?: index)?)", most=1.0),
    _result("peak signal-to-noise ratio", r"(?:\bPSNR\b|\bpeak signal[- ]to[- ]noise ratio)", most=100),
    _result("Fréchet distance", r"(?:\bFID\b|\bfr[ée]chet (?:inception )?distance)"),
    _result("bits per dimension", r"(?:\bbits?[ /]?(?:per )?dim(?:ension)?s?\b|\bbpd\b)", most=32),
    _clue("bits per dimension", _AHEAD, r"(?:bits? (?:per |/ ?)dim|bits?/dim|bpd\b)", most=32),
    _result("accuracy", r"\b(?:accuracy|genauigkeit)", most=100),
    _result("silhouette", r"\bsilhouette(?:[- ](?:score|coefficient))?", most=1.0),
    _result("reconstruction error", r"\b(?:reconstruction (?:error|loss)|rekonstruktions(?:fehler|verlust))"),
    _result("evidence lower bound", r"\b(?:ELBO|evidence lower bound)"),
    _result("loss", r"(?<!reconstruction )\b(?:final |total |test |training |validation )?loss"),
)

CLUES = (*_SETTINGS, *_RESULTS)
"""In the order in which a number is given its name: the more exact ones come first."""
