"""The step that sends what is due: a monitor's task fails while a letter about it is not delivered."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitoring_tasks.alerts.channel import Channel
from monitoring_tasks.alerts.log import LogChannel
from monitoring_tasks.delivery_step import deliver_for
from monitoring_tasks.errors import AlertUndelivered, ConfigurationError
from monitoring_tasks.runtime import Runtime
from tests.store.samples import letter


def opened(address: str) -> Channel:
    """The log; no other channel has a connection."""
    if address != "log":
        raise ConfigurationError(f"{address} has no connection")
    return LogChannel()


def test_a_letter_that_is_left_fails_the_task_of_its_monitor_alone(runtime: Runtime) -> None:
    """It names the channel and why; the log is told, and what is due later or in a digest is no failure."""
    hour, now = timedelta(hours=1), datetime.now(UTC)
    left = letter(1, channel="slack:c:#ml", monitors=("churn",), body=BODY)
    given = [
        left,
        letter(2, channel="log", monitors=("other",), body=BODY),
        replace(left, key="later", incident="i2", monitors=("other",), due_at=now + hour),
        replace(left, key="low", incident="i3", monitors=("other",), digest=True, due_at=now + hour),
    ]
    with runtime.store.transaction() as transaction:
        for each in given:
            assert transaction.post(each)
    with pytest.raises(AlertUndelivered, match=r"1 letters about churn .* slack:c:#ml has no connection"):
        deliver_for("churn", runtime.store, opened, by="a")
    assert deliver_for("other", runtime.store, opened, by="a") == {"sent": 0, "failed": 0, "dead": 0}
    assert [each.key for each in runtime.store.letters(state="sent")] == [given[1].key]


BODY = {
    **{name: [] for name in ("headline", "lines", "table", "plots")},
    **{name: {} for name in ("facts", "links")},
    "severity": "high",
    "title": "HIGH: churn",
    "step": "",
}
