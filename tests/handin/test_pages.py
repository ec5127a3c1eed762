"""The sheet's pages are told from the group's own, also where the sheet is worded otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.course import Course
from harness.handin.pages import PageText, best_page, kinds_of
from harness.quiz import load_sheet

ROOT = Path(__file__).parents[2]
SHEET = load_sheet(Course(ROOT), "summer23")
STATEMENTS = [one.text for one in SHEET.statements]


def kind(text: str, *, pictures: int = 0, sheet=SHEET) -> str:
    return kinds_of([PageText(1, text, [], pictures, False)], sheet)[1]


def reworded(text: str) -> str:
    return " ".join("something" if place % 4 == 3 else word for place, word in enumerate(text.split()))


@pytest.mark.parametrize(("text", "expected"), [
    ("\n".join(STATEMENTS), "sheet"),
    ("\n".join(map(reworded, STATEMENTS)), "sheet"),
    ("\n".join(STATEMENTS[:8]), "sheet"),
    ("\n".join(f"{at}. A statement   yes □ no □" for at in range(6)), "sheet"),
    ("Exercise sheet 2\nTrain a VAE. Show samples. Submit one page in Moodle until the deadline.", "sheet"),
    ("\n".join(f"{at}a) YES, because of the bound" for at in range(1, 6)), "answers"),
    ("\n".join(f"1.{at}: No." for at in range(1, 7)), "answers"),
    ("", "blank"),
    ("We train with Adam for 10 epochs.", "own"),
    ("A page about anything else, which says yes or no once.", "own"),
    ("\n".join([*STATEMENTS, "We train with Adam for 10 epochs, batch size 64."]), "own"),
    ("We show that the deadline of the exercise was met and train a VAE.", "own"),
])
def test_a_page_has_the_kind_that_its_words_say(text, expected):
    assert kind(text) == expected


def test_a_picture_without_text_is_the_groups_own():
    assert kind("", pictures=1) == "own"


def test_without_the_sheet_its_boxes_still_tell():
    assert kind("\n".join(STATEMENTS), sheet=None) == "own"
    assert kind("\n".join(f"{one} YES NO" for one in STATEMENTS), sheet=None) == "sheet"


@pytest.mark.parametrize("group", ["docs/contract.md", "docs/measurements.md", "README.md"])
def test_other_texts_of_the_field_are_no_sheet(group):
    assert kind((ROOT / group).read_text()) == "own"


def test_the_best_page_is_an_own_one_with_figures_or_words_of_training():
    pages = [
        PageText(1, "\n".join(STATEMENTS), [], 5, False), PageText(2, "We use Adam", [], 0, False),
        PageText(3, "More of it: Adam, 10 epochs", [], 2, False)]
    assert best_page(pages, kinds_of(pages, SHEET)) == 3
