"""Who is told of a change, when, and how loud: letters for the outbox. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from monitoring_tasks.alerts.message import Message
from monitoring_tasks.alerts_section import LOG, Alerts, Channel
from monitoring_tasks.incidents.clock import digest_at, due_at
from monitoring_tasks.incidents.incident import Change, Event, State
from monitoring_tasks.severity import Severity
from monitoring_tasks.store.records import Letter

NOTICE = "notice"
TO_PAGERS = frozenset({Event.ACKNOWLEDGED, Event.RESOLVED})
"""What pagers are told besides pages: it takes the page back."""
SILENCING = frozenset({Event.ACKNOWLEDGED, Event.MUTED, Event.RESOLVED})
"""What makes a page needless that waits, for the end of quiet hours or for a pager that is down."""


def overtaken(change: Change, told: Collection[str]) -> list[str]:
    """Addresses of the pagers whose waiting pages need not be sent any more, because of a change."""
    return [address for address in sorted(told) if change.event in SILENCING and Channel.at(address).pager]


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
    change: Change, message: Callable[[Change], Message], alerts: Alerts, *, told: Collection[str], now: datetime
) -> list[Letter]:
    """The letters about a change; `told` are the addresses of channels that were told of the incident aloud.

    What is low waits for the digest. What is not told aloud hear only those who were told of the incident; but who
    should know of it by the routes, and was never told, is told aloud as soon as there is a finding.
    """
    if change.loud:
        return aloud(_subject(change), message(change), alerts, also=told, now=now)
    return _notes(change, message, alerts, told=told, now=now) + _newcomers(change, message, alerts, told=told, now=now)


def _notes(
    change: Change, message: Callable[[Change], Message], alerts: Alerts, *, told: Collection[str], now: datetime
) -> list[Letter]:
    """Letters beneath the first one, as urgent as it was: where that was one for the digest, they are so too."""
    joined_in_silence = change.event is Event.JOINED and change.incident.mute is not None
    if not change.is_news or joined_in_silence:
        return []
    subject, body, heard = _subject(change), message(change), change.incident.told
    low, due, later = heard <= Severity.LOW, due_at(alerts, heard, now), digest_at(alerts, now)
    notes = []
    for address in sorted(told):
        channel = Channel.at(address)
        # Twenty monitors that join are twenty mails.
        waits = low or (channel.apart and change.event is Event.JOINED)
        if not channel.pager:
            notes.append(_letter(subject, body, address, now, due=later if waits else due, digest=waits))
        elif change.event in TO_PAGERS:
            notes.append(_letter(subject, body, address, now, due=now))
    return notes


def _newcomers(
    change: Change, message: Callable[[Change], Message], alerts: Alerts, *, told: Collection[str], now: datetime
) -> list[Letter]:
    """The first letters of those who were never told of an incident that goes on.

    Another monitor joined that has other routes, also while those who know it are silent; or another monitor's reading
    made it worse, and only now that of their own comes; or the channel is new.
    """
    repeated = change.event is Event.REPEATED and change.incident.state is State.OPEN
    if change.event is not Event.JOINED and not repeated:
        return []
    opened = replace(change, event=Event.OPENED)
    subject = replace(_subject(change), event=Event.OPENED.value)
    # Where the routes fit no more, because it is less bad than it was, the log need not stand in for them.
    known = {*told, LOG} if repeated else told
    reached = aloud(subject, message(opened), alerts, also=(), now=now)
    return [letter for letter in reached if letter.channel not in known]


def aloud(subject: Subject, message: Message, alerts: Alerts, *, also: Collection[str], now: datetime) -> list[Letter]:
    """Letters that are told aloud, or in the digest when they are low, to the channels of the routes and `also`.

    Pagers are told of incidents only: a page about anything else would never be taken back. Where none but pagers would
    be told of what does not page, the log is.
    """
    found = alerts.told(subject.topics, subject.owners, subject.severity)
    reached = [channel.address for channel in found if subject.incident or not channel.pager]
    addresses = dict.fromkeys(reached + sorted(also))
    if subject.severity > Severity.LOW:
        due = due_at(alerts, subject.severity, now)
        return [_letter(subject, message, address, now, due=due) for address in addresses or [LOG]]
    later = digest_at(alerts, now)
    quiet = [address for address in addresses if not Channel.at(address).pager]
    return [_letter(subject, message, address, now, due=later, digest=True) for address in quiet or [LOG]]


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
