"""Headings, references and names are found in the text of a report; ordinary words are none."""

from __future__ import annotations

import pytest

from harness.handin.pages import PageText
from harness.handin.sections import members_in, references_of, sections_of


def page(text: str) -> PageText:
    return PageText(1, text, [], 0, False)


@pytest.mark.parametrize(("line", "name"), [
    ("Modeling", "modeling"), ("2 Modelling", "modeling"), ("MODEL ARCHITECTURE", "modeling"),
    ("Training Parameters:", "training parameters"), ("3.1 Hyperparameters", "training parameters"),
    ("Results", "results"), ("Interpretation", "interpretation"), ("II. Discussion", "interpretation"),
    ("Ergebnisse", "results"), ("Modellierung", "modeling"), ("Latenter Raum", "latent space"),
    ("Quellen", "references"), ("Training: We trained on one core.", "training"),
])
def test_a_heading_is_found(line, name):
    assert [one.name for one in sections_of([page(f"Words before.\n{line}\nWords behind.")])] == [name]


@pytest.mark.parametrize("line", [
    "results.", "Results are shown in Figure 1.", "training", "Results.", "The model", "data",
    "Model A is better than B", "Interpretation of dreams, a book",
])
def test_an_ordinary_line_is_none(line):
    assert sections_of([page(f"Words before.\n{line}\nWords behind.")]) == []


@pytest.mark.parametrize(("text", "count"), [
    ("References\n[1] Kingma, Welling, 2014.\n[2] Goodfellow et al., GANs, 2014. [3] Ho, 2020, DDPM.", 3),
    ("Sources:\nhttps://pytorch.org/docs\nhttps://arxiv.org/abs/1312.6114", 2),
    ("Literatur\n1. Kingma und Welling, 2014\n2. Ho et al., 2020\nErgebnisse\n3. nichts davon, 2021", 2),
    ("As [1] says.\n[1] Kingma, Welling: Auto-Encoding Variational Bayes, 2014", 1),
    ("We cite [1] and [2] only in the text of 2014.", 0),
    ("Nothing at all.", 0),
])
def test_references_are_counted(text, count):
    assert len(references_of([page(text)])) == count


@pytest.mark.parametrize(("text", "found"), [
    ("by Ada Example and Bo Müller", ["Ada Example", "Bo Müller"]),
    ("EXAMPLE, ADA; Mueller, Bo", ["Ada Example", "Bo Müller"]),
    ("A. Example, B. Müller", ["Ada Example", "Bo Müller"]),
    ("https://github.com/ada/example", []),
    ("Here is an example. Ada is a language.", []),
    ("Bo Muellermann", []),
])
def test_members_are_named_by_their_whole_names(text, found):
    assert members_in(text, ["Ada Example", "Bo Müller"]) == found
