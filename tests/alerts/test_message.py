"""What an alert is, as text and as JSON: a screen, one line each, nothing forged."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.alerts.message import Message, Plot, links_of, one_line, reasons_of, title_of, to_text
from monitoring_tasks.severity import Severity
from tests.alerts.samples import HOSTILE

PLOT = Plot("line", "auc", ("06-01", "06-02"), {"auc": (0.7, None)}, "auc fell", limit=0.6)
WHOLE = Message(
    Severity.HIGH,
    "HIGH: flight_delay: drift in temp",
    headline=("since 2013-06-04",),
    facts={"rows": "0", "owner": "growth"},
    lines=("temp: psi 8.4",),
    table=("column  score", "temp    8.4"),
    step="Look.",
    links={"run": "https://airflow.example/1"},
    plots=(PLOT,),
)


def test_the_text_holds_everything_in_order() -> None:
    """Title, facts, reasons, table, step and links."""
    assert to_text(WHOLE).splitlines() == [
        "HIGH: flight_delay: drift in temp",
        "rows: 0",
        "owner: growth",
        "- temp: psi 8.4",
        "column  score",
        "temp    8.4",
        "Next step: Look.",
        "run: https://airflow.example/1",
    ]


def test_a_title_alone_is_a_message() -> None:
    """Whatever there is not, is not told."""
    assert to_text(Message(Severity.LOW, "LOW: x")) == "LOW: x"


@pytest.mark.parametrize("message", [WHOLE, Message(Severity.LOW, "LOW: x")])
def test_a_message_survives_the_outbox(message: Message) -> None:
    """Read back from its JSON it is told the same, in the same order."""
    again = Message.from_json(json.loads(json.dumps(message.to_json())))
    assert again.to_json() == message.to_json()
    assert to_text(again) == to_text(message)
    assert again.plots == message.plots


def test_many_reasons_are_counted() -> None:
    """Reasons beyond a screen are counted, not shown."""
    assert reasons_of([f"reason {number}" for number in range(40)])[5:] == ("reason 5", "and 34 more reasons")
    assert reasons_of([f"reason {number}" for number in range(3)], most=2) == (
        "reason 0",
        "reason 1",
        "and 1 more reason",
    )


def test_probable_causes_are_not_cut_away() -> None:
    """Many columns drift for one reason: it is what a person needs first."""
    reasons = (*(f"reason {number}" for number in range(9)), "probable cause: hours of another time zone")
    lines = reasons_of(reasons)
    assert lines == (*reasons[:5], "probable cause: hours of another time zone", "and 4 more reasons")


def test_titles_are_short_enough_for_slack() -> None:
    """How bad comes first, and whatever is too long ends with an ellipsis."""
    title = title_of(Severity.CRITICAL, "x" * 500)
    assert title.startswith("CRITICAL: x")
    assert title.endswith("…")
    assert len(title) == 150


def test_links_without_an_address_are_left_out() -> None:
    """A run without a report has no link to one."""
    assert links_of({"run": "https://a.example", "report": "", "": "https://b.example"}) == {"run": "https://a.example"}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_line_stays_a_line(hostile: str) -> None:
    """No control character, no new line, nothing longer than a line."""
    assert one_line(hostile).isprintable()
    assert len(one_line(hostile)) <= 240


@given(st.text(), st.integers(1, 300))
def test_any_text_becomes_a_line(text: str, limit: int) -> None:
    """Whatever it is."""
    assert one_line(text, limit).isprintable()
    assert len(one_line(text, limit)) <= limit
