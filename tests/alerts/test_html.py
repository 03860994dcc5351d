"""An alert as HTML: a page of its own that holds every text as a text."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.alerts.html import COLORS, to_html
from monitoring_tasks.alerts.message import Message, Plot
from monitoring_tasks.severity import Severity
from tests.alerts.contract import HOSTILE, Page, letter

MESSAGE = letter().message
texts = st.text() | st.sampled_from(HOSTILE)
lists = st.lists(texts, max_size=3).map(tuple)
leads = texts | st.sampled_from(["javascript:x", "data:text/html,x", "//evil", 'https://a/"onclick=x'])
messages = st.builds(
    Message,
    severity=st.sampled_from(Severity),
    title=texts,
    facts=st.dictionaries(texts, texts, max_size=3),
    lines=lists,
    table=lists,
    step=texts,
    links=st.dictionaries(texts, leads, max_size=3),
    plots=texts.map(lambda alt: (Plot("bars", alt, ("a",), {"now": (1.0,)}, alt),)),
)


def luminance(color: str) -> float:
    """Relative luminance by WCAG."""
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@given(messages)
def test_any_text_is_only_text(message: Message) -> None:
    """Whatever stands in a message, the page has its own elements alone, and leads nowhere but by http."""
    for sources in ((), ("cid:a",)):
        assert Page(to_html(message, sources), leads=("http://", "https://")).alive == []


@given(messages)
def test_nothing_is_left_out(message: Message) -> None:
    """Every text of a message is in the page, as it was written."""
    page = Page(to_html(message)).text
    shown = [message.title.removeprefix(f"{message.severity.word.upper()}: "), message.step, *message.lines]
    links = [address for address in (message.links or {}).values() if not address.startswith(("http:", "https:"))]
    plots = [plot.alt for plot in message.plots]
    facts = [text for pair in (message.facts or {}).items() for text in pair]
    assert [text for text in (*shown, *facts, *links, *plots) if text not in page] == []


def test_a_page_loads_nothing() -> None:
    """No style sheet, script, font or picture from elsewhere; the only pictures are those that are given."""
    page = to_html(MESSAGE, ["cid:a@b"])
    assert page.count("src=") == page.count('src="cid:a@b"') == 1
    assert "<style" not in page
    assert "url(" not in page
    assert "<script" not in page


def test_the_severity_is_a_mark() -> None:
    """The word that the title begins with is shown as a mark of its colour; an end has none."""
    assert f"background:{COLORS[Severity.HIGH]}" in to_html(MESSAGE)
    assert ">HIGH</span> flight_delay" in to_html(MESSAGE)
    assert "</span>" not in to_html(replace(MESSAGE, title="resolved: flight_delay"))


@pytest.mark.parametrize("severity", list(Severity))
def test_white_on_the_mark_is_legible(severity: Severity) -> None:
    """The contrast of a mark's word is at least 4.5 to 1, as WCAG asks for."""
    assert 1.05 / (luminance(COLORS[severity]) + 0.05) >= 4.5


def test_links_are_legible_by_day_and_night() -> None:
    """The blue of links stands out from white and from the dark grey of mail programs."""
    blue = luminance("#2a7ae2")
    assert 'style="color:#2a7ae2"' in to_html(MESSAGE)
    assert 1.05 / (blue + 0.05) >= 4
    assert (blue + 0.05) / (luminance("#1c1c1e") + 0.05) >= 4


@pytest.mark.parametrize(
    ("address", "is_link"),
    [
        ("https://airflow.example/?a=1&b=%22", True),
        ("http://localhost:8080/x", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("https://a b", False),
        (" https://a", False),
    ],
)
def test_only_addresses_are_links(address: str, is_link: bool) -> None:
    """What is no http address is shown, and leads nowhere."""
    page = to_html(Message(Severity.LOW, "x", links={"run": address}))
    assert ("<a href=" in page) is is_link
    assert is_link or address in Page(page).text


def test_what_is_missing_leaves_no_gap() -> None:
    """A message of a title alone is a page of a title alone."""
    page = to_html(Message(Severity.LOW, "a title"))
    assert [tag for tag in ("<ul", "<table", "<pre", "<p", "<img", "<a") if tag in page] == []


def test_a_plot_without_a_picture_is_told_in_words() -> None:
    """Of two plots of which one has a picture, the other is told by what it would have shown."""
    plots: Any = (replace(MESSAGE.plots[0], alt="first"), replace(MESSAGE.plots[0], alt="second"))
    page = to_html(replace(MESSAGE, plots=plots), ["", "cid:b"])
    assert ">first</p>" in page
    assert '<img src="cid:b" alt="second"' in page
