"""What people are told of a monitor that finds less than it did: everything once, and nothing that was forged."""

from __future__ import annotations

import pytest

from monitoring_tasks.alerts.canary_notice import compose_falls
from monitoring_tasks.alerts.message import to_text
from monitoring_tasks.canary.fall import Fall
from monitoring_tasks.canary.report import FaultRecall
from monitoring_tasks.severity import Severity
from tests.alerts.samples import HOSTILE
from tests.store.test_canaries import canary

LINKS = {"run": "https://airflow.example/dags/monitoring_canary/runs/1"}
FALL = Fall("mean_25", "mean .25 sd higher", "temp", 1.0, 0.35)


def test_everything_is_said() -> None:
    """Which faults, by how much, on which rows, what else was missed, and what to do."""
    message = compose_falls(canary(), [FALL, Fall("x", "frozen", "dest", 0.9, 0.1)], links=LINKS)
    assert to_text(message).splitlines() == [
        "HIGH: flight_delay finds less than it did",
        "model: flight_delay",
        "severity: high",
        "window: 2013-06-01T00:00:00Z/2013-06-02T00:00:00Z",
        "champion: v1.0.0-3f2a9c1b",
        "rows: 5000 of 10000000000",
        "missed: temp, mean .25 sd higher",
        "false alarms: 1 in 140 windows without a fault",
        "- temp, mean .25 sd higher: found in 35 % of trials, 100 % before",
        "- dest, frozen: found in 10 % of trials, 90 % before",
        "Next step: Look for what changed since the last self-test: champion, the monitor's YAML, or the number of "
        "rows. monitoring canary flight_delay repeats it.",
        "run: https://airflow.example/dags/monitoring_canary/runs/1",
    ]


def test_what_was_not_tried_is_told_beside_what_was_missed() -> None:
    """With the reason, so that nobody takes it for found."""
    left_out = FaultRecall("joint", "ties broken", "temp", 7, untried="no joint test is made: alarms.joint is false")
    message = compose_falls(canary(faults=(left_out,)), [FALL], links={})
    assert message.facts["not tried"] == "ties broken (no joint test is made: alarms.joint is false)"
    assert "missed" not in message.facts


def test_severity() -> None:
    """A fault that must be found weighs more than one that was a bonus."""
    assert compose_falls(canary(faults=()), [FALL], links={}).severity is Severity.MEDIUM
    assert compose_falls(canary(), [FALL], links={}).severity is Severity.HIGH


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_is_forged(hostile: str) -> None:
    """Names of columns come from outside: no new line, no mention, nothing longer than Slack takes."""
    falls = [Fall("mean_25", hostile, hostile, 1.0, 0.3)] * 30
    message = compose_falls(canary(champion=hostile, standing=(hostile,)), falls, links=LINKS)
    assert all(line.isprintable() for line in to_text(message).splitlines())
    assert len(message.title) <= 150
    assert len(message.lines) <= 7
