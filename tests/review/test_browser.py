"""A person at the review page, in a real Chromium: clicks, keys and typing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.devtools import Browser

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("home")) as opened:
        yield opened


@pytest.fixture
def browser(served, chromium: Browser) -> Browser:
    """Let a browser in, at the queue; another port is another site, so tests share nothing."""
    chromium.resize(1280, 900)
    chromium.complaints.clear()
    chromium.open(served.links[-1])
    chromium.wait("document.querySelector('#queue-title')")     # the link's page goes on by itself
    return chromium


READY = "document.querySelector('.steps') && !document.querySelector('.steps').hidden"     # its script has run


def at_item(browser: Browser, group: str) -> None:
    browser.wait(f"{READY} && document.querySelector('#item-title').innerText === '{group}'")


def begin(browser: Browser, criterion: str = "Criterion 3") -> None:
    browser.js(f"[...document.querySelectorAll('.tallies a')].find(one => one.innerText === '{criterion}').click()")
    browser.wait("document.querySelector('select[name=criterion]').value !== ''")
    browser.keys("j")
    browser.wait(READY)


def test_a_criterion_is_marked_through_all_groups_with_keys_alone(served, browser):
    begin(browser)
    for group, points in (("group2", "2"), ("group3", "1"), ("group10", "0")):
        at_item(browser, group)
        browser.keys("Escape", points, "h", "r")
        browser.type(f"Worth {points} and a half.")
        browser.keys("Enter")
    browser.wait("document.body.innerText.includes('All of it is done')")
    assert [(key[0], mark.points, mark.author) for key, mark in served.shelf.given] == [
        ("group2", 2.5, "Ada Example"), ("group3", 1.5, "Ada Example"), ("group10", 0.5, "Ada Example")]
    assert browser.text("h1").startswith("3 of ")
    assert browser.complaints == []


def test_the_mouse_does_all_of_it_as_well(served, browser):
    begin(browser)
    browser.click("[data-points='3']")
    browser.click("textarea")
    browser.type("All is explained.")
    browser.js("document.querySelector('[name=author]').value = ''")
    browser.click("[name=author]")
    browser.type("Bo Example")
    browser.click(".save")
    at_item(browser, "group3")
    ((_, mark),) = served.shelf.given
    assert (mark.points, mark.reason, mark.author) == (3, "All is explained.", "Bo Example")
    browser.wait("document.querySelector('[name=author]').value === 'Bo Example'")     # the name is remembered
    browser.click("[data-reason]")
    assert browser.js("document.querySelector('textarea').value") == "All is explained."


def test_j_and_k_go_on_and_back_and_u_up(browser):
    begin(browser)
    at_item(browser, "group2")
    browser.keys("j")
    at_item(browser, "group3")
    browser.keys("k")
    at_item(browser, "group2")
    browser.keys("u")
    browser.wait("document.querySelector('#queue-title')")


def test_letters_typed_into_the_reason_are_letters(browser):
    begin(browser)
    browser.keys("r", "j", "k", "u", "3", "?")
    assert browser.js("document.querySelector('textarea').value") == "jku3?"
    at_item(browser, "group2")


def test_the_help_names_the_keys_and_closes(browser):
    browser.keys("?")
    browser.wait("document.querySelector('#help').open")
    assert "next, previous" in browser.text("#help")
    browser.keys("Escape")
    browser.wait("!document.querySelector('#help').open")


def test_nothing_is_sent_before_a_reason_is_given(served, browser):
    begin(browser)
    browser.keys("Escape", "2", "Enter")
    browser.wait("document.activeElement.name === 'reason'")
    assert served.shelf.given == []


def test_the_second_of_two_sees_what_the_first_gave_and_keeps_own_words(served, browser):
    begin(browser)
    at_item(browser, "group2")
    item = next(one for one in served.queue.items() if one.criterion == "needs_person" and one.group == "group2")
    served.shelf.give(
        served.queue.result(item), item.criterion, 3, reason="I was first.", author="Cem", evidence=item.evidence,
        seen="")
    browser.keys("r")
    browser.type("My own words.")
    browser.keys("Escape", "1", "Enter")
    browser.wait("document.querySelector('[role=alert]')")
    assert "I was first." in browser.text(".given")
    assert browser.js("document.querySelector('textarea').value") == "My own words."
    assert len(served.shelf.given) == 1


@pytest.mark.parametrize("width", [360, 1280])
def test_it_fits_narrow_and_wide_windows(browser, width):
    browser.resize(width, 800)
    assert browser.js("document.documentElement.scrollWidth") <= width
    begin(browser)
    assert browser.js("document.documentElement.scrollWidth") <= width


def test_another_page_cannot_frame_it_or_post_to_it(served, browser, tmp_path):
    item = served.queue.items()[0]
    hostile = tmp_path / "hostile.html"
    hostile.write_text(
        f'<form method="post" action="{served.base}/item/{item.id}"><input name="points" value="0">'
        f'<input name="reason" value="r"><input name="author" value="a"></form>'
        f'<iframe src="{served.base}/"></iframe><script>document.forms[0].submit()</script>')
    browser.js(f"location.href = '{hostile.as_uri()}'")
    browser.open(hostile.as_uri())
    browser.wait("document.body.innerText.includes('Not allowed')")
    assert served.shelf.given == []
