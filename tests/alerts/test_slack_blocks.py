"""What Slack shows of a message, and that nothing from outside can break or forge it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.alerts.message import Message, to_text
from monitoring_tasks.alerts.slack_blocks import (
    LINES,
    Block,
    detail_blocks,
    escape,
    headline_blocks,
    marked,
    note_blocks,
    notification,
    plain_text,
    whole_blocks,
)
from monitoring_tasks.severity import Severity
from tests.slack_server import _beyond_limits

LINKS = {"run": "https://airflow.example/dags/monitor_flight_delay", "report": "https://airflow.example/report/1"}
DRIFT = Message(
    Severity.HIGH,
    "HIGH: flight_delay: data fault in temp",
    headline=("2013-06-04 to 2013-06-11", "temp: severe drift, psi 8.4 against 0.2"),
    facts={"model": "flight_delay", "severity": "high", "rows": "6543"},
    lines=("temp: severe drift, psi 8.4 against 0.2", "probable cause: a change of unit"),
    table=("column  method  score", "temp    psi     8.4"),
    step="Look at the report, then retrain.",
    links=LINKS,
)
HOSTILE = [
    "<!channel> <@U1> <http://evil|click>",
    "*bold* _it_ ~no~ `code` ```pre``` :bomb: > quote",
    "a\nb\r\x1b[31mred\0\u202egnirts\u2028x",
    "&amp; & < >",
    "x" * 10_000,
    "東京" * 2_000,
    "   ",
    "",
]
TEXTS = st.text(max_size=400)
MESSAGES = st.builds(
    Message,
    st.sampled_from(Severity),
    TEXTS,
    headline=st.lists(TEXTS, max_size=4).map(tuple),
    facts=st.dictionaries(TEXTS, TEXTS, max_size=20),
    lines=st.lists(TEXTS, max_size=40).map(tuple),
    table=st.lists(TEXTS, max_size=20).map(tuple),
    step=TEXTS,
    links=st.dictionaries(TEXTS, TEXTS.map(lambda text: f"https://x.example/{text}"), max_size=10),
)


def test_the_blocks_say_everything() -> None:
    """Slack shows the same title, facts, reasons, table, step and links as the text."""
    shown = "\n".join(texts(whole_blocks(DRIFT, loud=True)))
    for line in to_text(DRIFT).splitlines()[:-2]:
        assert line.removeprefix("- ").removeprefix("Next step: ").split(": ")[-1] in shown
    links = [part for part in walk(whole_blocks(DRIFT, loud=True)) if part.get("type") == "link"]
    assert {part["text"]: part["url"] for part in links} == LINKS


def test_the_headline_is_short_and_the_details_do_not_repeat_it() -> None:
    """The channel sees title, two lines and the links; the thread the rest."""
    assert [block["type"] for block in headline_blocks(DRIFT)] == ["header", "rich_text", "rich_text"]
    kinds = [block["elements"][0]["type"] for block in detail_blocks(DRIFT)]
    assert kinds == ["rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_section"]


def test_a_message_of_a_title_has_no_details() -> None:
    """What is not there is left out, not shown empty."""
    bare = Message(Severity.LOW, "TEST: all is well")
    assert detail_blocks(bare) == []
    assert texts(headline_blocks(bare)) == texts(note_blocks(bare)) == ["TEST: all is well"]


def test_a_note_is_a_few_lines() -> None:
    """A quiet event says its title, its reasons or else its headline, and where to look; no facts, no table."""
    assert texts(note_blocks(DRIFT))[:2] == [DRIFT.title, "\n".join(DRIFT.lines)]
    brief = Message(Severity.LOW, "RESOLVED: churn", headline=("healthy in 2 windows in a row",))
    assert texts(note_blocks(brief)) == ["RESOLVED: churn", "healthy in 2 windows in a row"]


@pytest.mark.parametrize("loud", [True, False])
def test_a_message_that_stands_alone_names_its_incident_once(loud: bool) -> None:
    """Without threads the incident's id ties messages together; one that says it already does not repeat it."""
    assert texts(whole_blocks(DRIFT, loud=loud, incident="drift-c0ffee"))[-1] == "drift-c0ffee"
    named = Message(Severity.LOW, "RESOLVED", lines=("incident drift-c0ffee is over",))
    assert "\n".join(texts(whole_blocks(named, loud=loud, incident="drift-c0ffee"))).count("drift-c0ffee") == 1


def test_what_is_beyond_a_screen_is_counted() -> None:
    """Of a long list the first lines are shown, and how many more there are."""
    long = Message(Severity.LOW, "DIGEST", lines=tuple(f"monitor {number}: drift" for number in range(200)))
    [bullets] = detail_blocks(long)
    shown = texts([bullets])
    assert shown[0] == "monitor 0: drift"
    assert shown[-1] == f"and {200 - LINES} more"
    wide = Message(Severity.LOW, "DIGEST", lines=("x" * 240,) * 12)
    assert texts(detail_blocks(wide))[-1] == "and 5 more"


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_from_outside_is_parsed(hostile: str) -> None:
    """Hostile names, categories and reasons stand in elements that Slack shows as they are, on their own line."""
    built = Message(
        Severity.HIGH, hostile, (hostile,) * 3, {hostile: hostile, "model": hostile}, (hostile,) * 50, (hostile,) * 50,
        step=hostile, links={hostile: f"https://airflow.example/{hostile}", "report": hostile},
    )  # fmt: skip
    for blocks in (headline_blocks(built), detail_blocks(built), note_blocks(built), whole_blocks(built, loud=True)):
        assert {part["type"] for part in walk(blocks) if "type" in part} <= SHOWN_AS_IT_IS
        assert _beyond_limits({"text": notification(built), "blocks": blocks or headline_blocks(DRIFT)}) == ""
        assert all(line.isprintable() for text in texts(blocks) for line in text.split("\n"))
    for parsed in (notification(built), plain_text(built)[3:-3]):
        assert not {"<", ">"} & set(parsed)
    assert "```" not in plain_text(built)[3:-3]


SHOWN_AS_IT_IS = {
    "header", "plain_text", "rich_text", "rich_text_section", "rich_text_list", "rich_text_preformatted", "text", "link"
}  # fmt: skip


@given(MESSAGES)
def test_any_message_is_within_the_limits(message: Message) -> None:
    """Whatever the texts are, each message fits: at most 50 blocks, 3000 characters in one, no empty element."""
    loud = whole_blocks(message, loud=True, incident="drift-c0ffee")
    assert _beyond_limits({"text": notification(message), "blocks": marked(loud, "headline:k")}) in ("", TOO_LONG)
    for blocks in (headline_blocks(message), note_blocks(message), detail_blocks(message)):
        assert not blocks or _beyond_limits({"text": notification(message), "blocks": blocks}) == ""


# Only a message full of what JSON escapes can be so long; it is then told as plain text.
TOO_LONG = "msg_blocks_too_long"


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30), st.integers(0, 12))
def test_the_longest_message_fits(lines: int, rows: int, facts: int, links: int) -> None:
    """Full in every part, a message that stands alone is within what Slack takes in all blocks."""
    full = Message(
        Severity.HIGH, "x" * 300, ("x" * 300,) * 9, {f"{number}" * 99: "x" * 300 for number in range(facts)},
        ("x" * (lines * 10),) * lines, ("x" * (rows * 5),) * rows, step="x" * 300,
        links={f"{number}": "https://x.example/" + "x" * 220 for number in range(links)},
    )  # fmt: skip
    assert _beyond_limits({"text": "x", "blocks": whole_blocks(full, loud=True, incident="i" * 99)}) == ""


@pytest.mark.parametrize("address", ["/srv/report.html", "file:///r.html", "javascript:alert(1)", "http:" + "/" * 3000])
def test_only_web_addresses_become_links(address: str) -> None:
    """A local path is told as text: Slack would refuse the whole message for it."""
    blocks = headline_blocks(Message(Severity.LOW, "t", links={"report": address}))
    assert not [part for part in walk(blocks) if part.get("type") == "link"]
    assert address[:100] in "\n".join(texts(blocks))


def test_only_links_are_links() -> None:
    """An address in a reason or a name is text: nobody is led anywhere but where the message's links lead."""
    tricky = Message(Severity.LOW, "https://evil.example", lines=("https://evil.example",), links=LINKS)
    links = [part["url"] for part in walk(whole_blocks(tricky, loud=True)) if part["type"] == "link"]
    assert links == list(LINKS.values())


def test_a_mark_is_on_the_first_block_alone() -> None:
    """Ids of blocks are unique within a message, and at most 255 characters long."""
    first, *others = marked(headline_blocks(DRIFT), "x" * 300)
    assert first["block_id"] == "x" * 255
    assert not [block for block in others if "block_id" in block]
    assert marked([], "k") == []


@given(st.text())
def test_escaped_text_holds_no_markup(text: str) -> None:
    """After escaping no angle bracket is left, and the text is found again by undoing the entities."""
    escaped = escape(text)
    assert not {"<", ">"} & set(escaped)
    assert escaped.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == text


def walk(value: Any) -> Iterator[dict[str, Any]]:
    """Every object within blocks."""
    if isinstance(value, dict):
        yield value
        for part in value.values():
            yield from walk(part)
    elif isinstance(value, list):
        for part in value:
            yield from walk(part)


def texts(blocks: list[Block]) -> list[str]:
    """Every text shown."""
    return [part["text"] for part in walk(blocks) if isinstance(part.get("text"), str)]
