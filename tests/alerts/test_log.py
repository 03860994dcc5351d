"""The log as a channel."""

from __future__ import annotations

import logging

import pytest

from monitoring_tasks.alerts.log import LogChannel
from monitoring_tasks.alerts.message import to_text
from tests.alerts.contract import INCIDENT, letter


@pytest.mark.parametrize(
    ("event", "level", "incident"),
    [("opened", "WARNING", INCIDENT), ("resolved", "INFO", INCIDENT), ("notice", "WARNING", "-")],
)
def test_an_alert_is_one_event_of_the_log(
    caplog: pytest.LogCaptureFixture, event: str, level: str, incident: str
) -> None:
    """Key, event, incident and severity as fields, then the whole message; aloud is a warning."""
    with caplog.at_level(logging.INFO):
        assert LogChannel().send(letter(event)) == {}
    [record] = caplog.records
    head, _, text = record.getMessage().partition("\n")
    assert record.levelname == level
    assert head == f"alert.told key={letter(event).key} event={event} incident={incident} severity=high"
    assert text == to_text(letter(event).message)
