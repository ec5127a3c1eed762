"""Links of a report: whole, broken over lines, behind a word."""

from __future__ import annotations

import pytest

from harness.handin.links import code_link, links_of, same_address
from harness.handin.pages import PageText


def found(text: str, *behind: str) -> list[tuple[str, bool]]:
    page = PageText(number=1, text=text, links=list(behind), pictures=0, scanned=False)
    return [(link.address, link.repaired) for link in links_of([page])]


@pytest.mark.parametrize(("text", "address"), [
    ("Code: https://github.com/ada/fashion-\nmnist-vae\nReferences", "https://github.com/ada/fashion-mnist-vae"),
    ("https://github.com/ada/\nvae_project.", "https://github.com/ada/vae_project"),
    ("see https://github.com/ada/vae/blob/main/\nmodel.ipynb for the code", "https://github.com/ada/vae/blob/main/model.ipynb"),
    ("https://colab.research.google.com/drive/1aBcDeFgHiJkLmNo\nPqRsTuVwXyZ012345\nThe model",
     "https://colab.research.google.com/drive/1aBcDeFgHiJkLmNoPqRsTuVwXyZ012345"),
    ("https : //github.com/ada/vae", "https://github.com/ada/vae"),
    ("github. com/ada/vae", "github.com/ada/vae"),
])
def test_a_broken_link_is_put_together(text, address):
    assert found(text) == [(address, True)]


@pytest.mark.parametrize("text", [
    "Code: https://github.com/ada/vae\nReferences\n[1] Kingma",
    "Code: https://github.com/ada/vae.\nmodels are in it",
    "https://github.com/ada/vae\n2 Results",
    "https://github.com/ada/vae\nwe trained",
    "https://github.com/ada/vae/\nResults are shown in Figure 1.",
])
def test_what_follows_a_whole_link_is_not_drawn_into_it(text):
    assert [address.rstrip("/") for address, _ in found(text)] == ["https://github.com/ada/vae"]


def test_a_link_behind_a_word_counts_and_its_printed_beginning_does_not_count_twice():
    whole = "https://github.com/ada/fashion-vae"
    assert found("Our code is here.", whole) == [(whole, False)]
    assert found("https://github.com/ada/\nfashion vae", whole) == [(whole, False)]


def test_only_web_addresses_are_links():
    assert found("mail ada@example.org", "mailto:ada@example.org", "javascript:alert(1)", "file:///etc/passwd") == []


def test_the_link_to_code_comes_before_others_and_papers_are_none():
    page = PageText(1, "https://arxiv.org/abs/1312.6114 https://example.org/a https://gitlab.com/ada/vae", [], 0, False)
    assert code_link(links_of([page])) == "https://gitlab.com/ada/vae"
    assert code_link(links_of([page._replace(text="https://arxiv.org/abs/1312.6114")])) == ""


@pytest.mark.parametrize(("one", "other", "same"), [
    ("https://github.com/Ada/vae.git", "github.com/ada/vae/", True),
    ("http://www.example.org/a", "https://example.org/a", True),
    ("https://github.com/ada/vae", "https://github.com/ada/gan", False),
])
def test_addresses_are_the_same_whatever_their_spelling(one, other, same):
    assert same_address(one, other) is same
