"""Readings by hand: what runs of imagined monitors found, day by day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from monitoring_tasks.alerts_section import Alerts
from monitoring_tasks.incidents.fold import advance
from monitoring_tasks.incidents.incident import Change, Event, Incident
from monitoring_tasks.incidents.reading import Cause, Reading, Signal, Stream
from monitoring_tasks.severity import Severity
from monitoring_tasks.window import DAY, Window, parse_moment

FIRST = parse_moment("2013-06-03")
ALERTS = Alerts()
JUDGED = frozenset({Cause.DATA_QUALITY, Cause.DRIFT, Cause.NO_DATA})


def day(number: int, *, days: int = 1) -> Window:
    """A window that ends with the day of that number, counted from 0."""
    end = FIRST + (number + 1) * DAY
    return Window(end - days * DAY, end)


def signal(cause: Cause = Cause.DRIFT, severity: Severity = Severity.MEDIUM, **more: Any) -> Signal:
    """A signal with a reason."""
    return Signal(cause, severity, **{"reasons": (f"{cause.value} of {severity.word}",), **more})


def fault(column: str, severity: Severity = Severity.MEDIUM, *, upstream: str = "orders") -> Signal:
    """A data fault of a column that comes from a table."""
    words = {"columns": (column,), "anchors": (f"{upstream}#{column}",), "reasons": (f"{column}: missing values",)}
    return signal(Cause.DATA_QUALITY, severity, topics=("data_quality",), **words)


def reading(
    number: int,
    *signals: Signal,
    monitor: str = "churn",
    covers: Iterable[Cause] = JUDGED,
    stream: Stream = "drift",
    days: int = 1,
) -> Reading:
    """What the run after a day found."""
    window = day(number, days=days)
    whole = frozenset(covers) | {each.cause for each in signals}
    return Reading(monitor, f"owner of {monitor}", f"monitor_{monitor}", stream, window, window.end, whole, signals)


class Told:
    """The incidents of imagined monitors, and what was told of them so far."""

    def __init__(self, alerts: Alerts = ALERTS) -> None:
        self.alerts = alerts
        self.incidents: dict[str, Incident] = {}
        self.changes: list[Change] = []

    @property
    def open(self) -> list[Incident]:
        """The incidents that have not ended."""
        return [incident for incident in self.incidents.values() if incident.open]

    @property
    def only(self) -> Incident:
        """The one incident there is."""
        (incident,) = self.incidents.values()
        return incident

    @property
    def loud(self) -> list[Event]:
        """What was told aloud."""
        return [change.event for change in self.changes if change.loud]

    def take(self, change: Change) -> None:
        """Have an incident stand as a change says."""
        self.incidents[change.incident.id] = change.incident
        self.changes.append(change)

    def read(self, *readings: Reading, now: datetime | None = None) -> list[Event]:
        """Fold readings, one after the other; what happened."""
        before = len(self.changes)
        for each in readings:
            for change in advance(self.open, each, self.alerts, now=now or each.tick):
                self.take(change)
        return [change.event for change in self.changes[before:]]


def days_later(moment: datetime, days: float) -> datetime:
    """The moment so many days later."""
    return moment + timedelta(days=days)
