"""What counts as yes, no and abstaining."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.quiz.words import read_answer, read_yes_no

YES = [True, "yes", "Yes", "YES", "y", "Y", "true", "True", "t", "ja", "JA", "j", "wahr", " yes ", "yes."]
NO = [False, "no", "No", "NO", "n", "N", "false", "FALSE", "nein", "NEIN", "Nein.", "falsch", "no,"]
ABSTAIN = [None, "abstain", "Abstain", "skip", "-", "–", "Enthaltung", "null", "none", "~", "", "  "]
NEITHER = ["maybe", "yes and no", "yes/no", "yesno", "1", "0", 1, 0, 1.0, "x", ["yes"], {"yes": "no"}, "yess"]


@pytest.mark.parametrize(("written", "meant"), [
    *((word, "yes") for word in YES), *((word, "no") for word in NO),
    *((word, "abstain") for word in ABSTAIN), *((word, None) for word in NEITHER),
])
def test_a_word_means_what_a_person_means_by_it(written, meant):
    assert read_answer(written) == meant


@given(st.text(max_size=12))
def test_capitals_and_spaces_make_no_difference(word):
    assert read_answer(word) == read_answer(f" {word}\t") == read_answer(word.casefold())


@pytest.mark.parametrize("written", [None, "abstain", "-", "maybe"])
def test_a_key_says_yes_or_no(written):
    with pytest.raises(ValueError, match=r"is neither; write yes or no \(also true/false"):
        read_yes_no(written)
