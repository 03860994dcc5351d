"""Who is told of a change, when, and how loud: letters for the outbox. Pure functions."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from monitoring_tasks.alerts.message import Message
from monitoring_tasks.alerts_section import Alerts, Channel
from monitoring_tasks.incidents.clock import digest_at, due_at
from monitoring_tasks.incidents.incident import Change, Event
from monitoring_tasks.severity import Severity
from monitoring_tasks.store.records import Letter

NOTICE = "notice"
TO_PAGERS = frozenset({Event.ACKNOWLEDGED, Event.RESOLVED})
"""What pagers are told besides pages: it takes the page back."""


@dataclass(frozen=True)
class Subject:
    """What a letter is about: an incident, or none; the topics and owners that routes ask for; the monitors."""

    key: str
    event: str
    severity: Severity
    topics: tuple[str, ...]
    owners: tuple[str, ...]
    monitors: tuple[str, ...]
    incident: str = ""
    position: int = 0


def letters_of(
    change: Change, message: Message, alerts: Alerts, *, told: Collection[str], now: datetime
) -> list[Letter]:
    """The letters about a change; `told` are the addresses of channels that were told of the incident aloud.

    What is low waits for the digest. Of an incident that others join, and of what people did about it, only those hear
    who were told of it; whoever is told first by a monitor that joins is told aloud.
    """
    if not change.is_news:
        return []
    subject = _subject(change)
    if change.loud:
        return aloud(subject, message, alerts, also=told, now=now)
    known = [_letter(subject, message, address, now, due=now) for address in sorted(told) if _hears(address, change)]
    if change.event is not Event.JOINED:
        return known
    first = aloud(subject, message, alerts, also=(), now=now)
    return known + [_opened(letter) for letter in first if letter.channel not in told]


def aloud(subject: Subject, message: Message, alerts: Alerts, *, also: Collection[str], now: datetime) -> list[Letter]:
    """Letters that are told aloud, or in the digest when they are low, to the channels of the routes and `also`.

    Pagers are told of incidents only: a page about anything else would never be taken back.
    """
    found = alerts.told(subject.topics, subject.owners, subject.severity)
    reached = [channel.address for channel in found if subject.incident or not channel.pager]
    addresses = dict.fromkeys(reached + sorted(also))
    if subject.severity > Severity.LOW:
        due = due_at(alerts, subject.severity, now)
        return [_letter(subject, message, address, now, due=due) for address in addresses]
    later = digest_at(alerts, now)
    quiet = [address for address in addresses if not Channel.at(address).pager]
    return [_letter(subject, message, address, now, due=later, digest=True) for address in quiet]


def _subject(change: Change) -> Subject:
    incident = change.incident
    return Subject(
        change.key,
        change.event.value,
        incident.severity,
        incident.topics,
        incident.owners,
        incident.monitors,
        incident.id,
        incident.number,
    )


def _hears(address: str, change: Change) -> bool:
    return change.event in TO_PAGERS or not Channel.at(address).pager


def _opened(letter: Letter) -> Letter:
    """The letter of somebody who is told of an incident for the first time."""
    return Letter(**{**vars(letter), "event": Event.OPENED.value})


def _letter(
    subject: Subject, message: Message, address: str, now: datetime, *, due: datetime, digest: bool = False
) -> Letter:
    body: Mapping[str, Any] = message.to_json()
    return Letter(
        key=subject.key,
        channel=address,
        incident=subject.incident,
        position=subject.position,
        event=subject.event,
        severity=subject.severity,
        monitors=subject.monitors,
        body=body,
        created_at=now,
        due_at=due,
        digest=digest,
    )
