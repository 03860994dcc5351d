"""What a replay would have told: each page with its moment and its channels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from monitoring_tasks.alerts.message import Message
from monitoring_tasks.alerts.routing import letters_of
from monitoring_tasks.alerts_section import Alerts
from monitoring_tasks.incidents.incident import Change, Event
from monitoring_tasks.incidents.replay import Replayed
from monitoring_tasks.window import stamp


@dataclass(frozen=True)
class Page:
    """Something that would have been told: what, on which channels, and when, quiet hours and digests observed."""

    change: Change
    channels: tuple[str, ...]
    due: datetime
    digest: bool

    @property
    def at_once(self) -> bool:
        """Whether it pages: it is told aloud, and not in the digest."""
        return self.change.loud and not self.digest and bool(self.channels)

    def to_json(self) -> dict[str, Any]:
        """The page as plain JSON values, with the incident as it stood."""
        incident = self.change.incident
        return {
            "tick": stamp(self.change.tick),
            "due": stamp(self.due),
            "event": self.change.event.value,
            "pages": self.at_once,
            "severity": incident.severity.word,
            "incident": incident.id,
            "cause": incident.cause.value,
            "monitors": list(incident.monitors),
            "columns": list(incident.columns),
            "reasons": list(incident.reasons),
            "resolution": incident.resolution,
            "channels": list(self.channels),
        }


def pages_of(replayed: Replayed, known: Mapping[str, Alerts]) -> list[Page]:
    """Everything that a replay would have told somebody, in order; `known` are the alerts of monitors by name."""
    return list(_pages(replayed.changes, known))


def _pages(changes: Iterable[Change], known: Mapping[str, Alerts]) -> Iterator[Page]:
    told: dict[str, set[str]] = {}
    for change in changes:
        heard = told.setdefault(change.incident.id, set())
        alerts = known.get(_teller(change), Alerts())
        letters = letters_of(change, _empty, alerts, told=heard, now=change.tick)
        # Who was told aloud once hears what becomes of it; what is only in a digest has no thread.
        heard |= {letter.channel for letter in letters if letter.event in _ALOUD}
        if letters:
            channels = tuple(letter.channel for letter in letters)
            yield Page(change, channels, letters[0].due_at, all(letter.digest for letter in letters))


_ALOUD = {Event.OPENED.value, Event.ESCALATED.value, Event.REMINDED.value}


def _empty(change: Change) -> Message:
    return Message(change.incident.severity, "")


def _teller(change: Change) -> str:
    """The monitor by whose routes a change is told: the one whose reading it was."""
    return change.monitor or change.incident.members[0].monitor
