"""What `harness check` says of the report: what was read, what it states, what to look for."""

from __future__ import annotations

from rich.console import Console

from harness.cli.running import report_lines
from harness.records import HandIn, Section, Stated

FOUND = HandIn(
    members=["Ada Example"], code="https://example.org/a", report="report.pdf", pages=3, own_pages=[3],
    sections=[Section(name="results", title="[bold]Results", page=3)],
    stated=[
        Stated(name="mean squared error", value="0.0133", page=3, snippet="MSE: 0.0133", verdict="agree",
               measured="vae: 0.0131 squared intensity per pixel", why="Within 0.0007."),
        Stated(name="batch size", value="64", page=3, snippet="batch size 64"),
    ],
    text_missing=["references: not found in the text of page 3"], left_out={".git": "not needed"},
)


def printed(hand_in: HandIn) -> str:
    console = Console(width=200, no_color=True, record=True, file=None)
    with console.capture() as captured:
        for line in report_lines(hand_in):
            console.print(line)
    return captured.get()


def test_pages_headings_and_link_are_told_as_they_are_written():
    words = printed(FOUND)
    assert "report.pdf, 3 page(s); the group's own: 3" in words
    assert "headings: [bold]Results" in words
    assert "link to the code: https://example.org/a" in words


def test_a_stated_number_comes_with_its_verdict_and_what_was_measured():
    words = printed(FOUND)
    assert "✓ it states mean squared error 0.0133: agree (vae: 0.0131 squared intensity per pixel). Within" in words
    assert "it states batch size 64: not measured" in words


def test_what_is_to_look_for_comes_last():
    assert printed(FOUND).splitlines()[-2:] == [
        "· references: not found in the text of page 3", "not copied .git: not needed"]


def test_without_a_pdf_it_says_so():
    assert printed(HandIn(members=[])).splitlines() == ["no PDF was read"]
