"""Letters for the outbox."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from monitoring_tasks.alerts.message import Message
from monitoring_tasks.severity import Severity
from monitoring_tasks.store.database import Store
from monitoring_tasks.store.records import Letter
from monitoring_tasks.window import parse_moment

NOW = parse_moment("2013-06-11T06:00:00")
LOG = "log"


class Clock:
    """A clock that stands still until it is moved; what sleeps moves it."""

    def __init__(self, moment: datetime = NOW) -> None:
        self.moment = moment
        self.slept: list[float] = []

    def __call__(self) -> datetime:
        return self.moment

    def sleep(self, seconds: float) -> None:
        """Let the time pass, without waiting for it."""
        self.slept.append(seconds)
        self.moment += timedelta(seconds=seconds)

    def move(self, **span: float) -> None:
        """Let a span of time pass."""
        self.moment += timedelta(**span)


def letter(key: str = "k1", **changes: Any) -> Letter:
    """A letter about an incident of its own, due now."""
    severity = changes.get("severity", Severity.HIGH)
    body = Message(severity, f"{severity.word.upper()}: flight_delay: {key}", lines=("temp: psi 8.4 against 0.2",))
    fields: dict[str, Any] = {
        "key": key,
        "channel": LOG,
        "incident": f"incident of {key}",
        "position": 1,
        "event": "opened",
        "severity": severity,
        "monitors": ("flight_delay",),
        "body": body.to_json(),
        "created_at": NOW,
        "due_at": NOW,
    }
    return Letter(**{**fields, **changes})


def post(store: Store, *letters: Letter) -> None:
    """Put letters into the outbox."""
    with store.transaction() as transaction:
        for each in letters:
            assert transaction.post(each)
