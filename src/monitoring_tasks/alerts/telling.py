"""What a run found becomes incidents and letters, in the transaction of the finding; or is only recorded."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from monitoring_tasks.alerts.channel import Channel, Delivery
from monitoring_tasks.alerts.composing import Told, compose
from monitoring_tasks.alerts.message import Message, title_of
from monitoring_tasks.alerts.routing import NOTICE, Subject, aloud, letters_of, overtaken
from monitoring_tasks.alerts_section import Alerts
from monitoring_tasks.errors import ConfigurationError, MonitoringError
from monitoring_tasks.incidents.fold import advance, answered, unless_over
from monitoring_tasks.incidents.incident import Change, Event, Incident
from monitoring_tasks.incidents.reading import Reading
from monitoring_tasks.incidents.replay import Replayed, replay
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.severity import Severity
from monitoring_tasks.store.database import Store
from monitoring_tasks.store.records import RetrainingRecord, Transition
from monitoring_tasks.store.transaction import Transaction
from monitoring_tasks.window import Window

log = logging.getLogger(__name__)
Json = dict[str, Any]
Links = Callable[[str], Mapping[str, str]]
"""Labelled addresses for the key of a report."""


def no_links(_report: str) -> Mapping[str, str]:
    """The links of a run that no page shows."""
    return {}


@dataclass(frozen=True)
class Occasion:
    """On what occasion something is found: `now` by the clock, and where it can be seen.

    Without a time (a backfill, a run of the past) it is only recorded, and nobody is told.
    """

    now: datetime | None = None
    links: Links = no_links


SILENT = Occasion()


@dataclass(frozen=True)
class Teller:
    """What it takes to tell a change: routes, a message for each, and the time of the clock."""

    alerts: Alerts
    message: Callable[[Change], Message]
    now: datetime


def record(transaction: Transaction, reading: Reading, teller: Teller | None) -> list[Change]:
    """Keep a reading; what it changes about incidents, and who is told of it, goes into the same transaction.

    Without a teller it is only kept, for `would_have`.
    """
    transaction.put_reading(reading, live=teller is not None)
    if teller is None:
        return []
    transaction.lock_incidents()
    found = advance(transaction.open_incidents(), reading, teller.alerts, now=teller.now)
    changes = [change for each in found if (change := unless_over(each, transaction.incident))]
    for change in changes:
        keep(transaction, change, teller)
    return changes


def keep(transaction: Transaction, change: Change, teller: Teller) -> None:
    """Store how an incident stands after a change, with its transition and its letters if it is told."""
    incident = change.incident
    told = transaction.told(incident.id)
    transaction.put_incident(incident)
    if change.is_news:
        transaction.add_transition(transition_of(change, teller.now))
    for address in overtaken(change, told):
        if transaction.withdraw(incident.id, address, by=change.key):
            told = transaction.told(incident.id)
    amended = _amended(transaction, change, teller, told) if change.event is Event.JOINED else set()
    for letter in letters_of(change, teller.message, teller.alerts, told=told, now=teller.now):
        if letter.channel not in amended:
            transaction.post(letter)


def transition_of(change: Change, now: datetime) -> Transition:
    """A change as it is kept for ever."""
    incident = change.incident
    return Transition(
        incident=incident.id,
        position=incident.number,
        event=change.event.value,
        state=incident.state.value,
        severity=incident.severity,
        tick=change.tick,
        at=now,
        by=change.by,
        reason=change.reason or incident.resolution,
    )


def _amended(transaction: Transaction, change: Change, teller: Teller, told: set[str]) -> set[str]:
    """The channels whose first letter was not tried yet: it now names who joined, and no other letter is needed."""
    opened = Change(change.incident, Event.OPENED, change.tick)
    key, body = f"{change.incident.id}-1-{Event.OPENED.value}", teller.message(opened).to_json()
    return {address for address in told if transaction.amend(key, address, body)}


def brief(changes: Sequence[Change]) -> list[Json]:
    """Changes as small JSON, for the next task."""
    return [
        {"incident": change.incident.id, "event": change.event.value, "severity": change.incident.severity.word}
        for change in changes
    ]


def tell_of_run(
    store: Store, whose: Monitor | Alerts, reading: Reading, *, links: Mapping[str, str], now: datetime
) -> None:
    """Record that a run is late or failed, or succeeded after all, and post it to whom it concerns.

    That is as the run's monitor says; of a DAG over all monitors, as the routes say that they share.
    """
    alerts, monitor = (whose.alerts, whose) if isinstance(whose, Monitor) else (whose, None)
    teller = Teller(alerts, lambda change: compose(change, Told(monitor=monitor, links=links)), now)
    with store.transaction() as transaction:
        changes = record(transaction, reading, teller)
    for change in changes:
        log.warning("incident.%s id=%s severity=%s", change.event, change.incident.id, change.incident.severity.word)


def act(store: Store, incident: str, action: Callable[[Incident], Change], *, now: datetime) -> Change:
    """What a person does about an incident, as `action` changes it. Raises `ConfigurationError` for an unknown id."""
    teller = Teller(Alerts(), lambda change: compose(change, Told()), now)
    with store.transaction() as transaction:
        transaction.lock_incidents()
        found = transaction.incident(incident)
        if found is None:
            raise ConfigurationError(
                f"there is no incident {incident!r}: `monitoring alerts` lists those that are open"
            )
        change = action(found)
        keep(transaction, change, teller)
    log.info("incident.%s id=%s by=%s", change.event, incident, change.by)
    return change


def put_promotion(store: Store, record: RetrainingRecord, *, now: datetime) -> list[Change]:
    """Store a promotion or rollback; what its champion answers is resolved in the same transaction."""
    by, reason = record.decided_by or "", record.outcome
    teller = Teller(Alerts(), lambda change: compose(change, Told()), now)
    with store.transaction() as transaction:
        transaction.put_retraining(record)
        transaction.lock_incidents()
        changes = answered(transaction.open_incidents(), record.monitor, by=by, reason=reason, tick=record.window_end)
        for change in changes:
            keep(transaction, change, teller)
    return changes


def post_notice(store: Store, monitor: Monitor, key: str, message: Message, *, now: datetime) -> None:
    """Post what is no incident, such as the end of a retraining, to whom it concerns; once for each key."""
    topics, owners = ("retraining",), (monitor.owner,)
    subject = Subject(key, NOTICE, message.severity, topics, owners, (monitor.name,))
    with store.transaction() as transaction:
        for letter in aloud(subject, message, monitor.alerts, also=(), now=now):
            transaction.post(letter)


def would_have(store: Store, monitors: Sequence[Monitor], span: Window | None = None) -> Replayed:
    """What live runs would have told of the windows whose readings are stored, folded in their order.

    A monitor without a YAML any more is told by the defaults.
    """
    known = {monitor.name: monitor.alerts for monitor in monitors}
    return replay(store.readings(span=span), lambda name: known.get(name, Alerts()))


def send_test(monitor: Monitor, open_channel: Callable[[str], Channel], *, key: str) -> list[tuple[str, str]]:
    """Send a marked test message on every channel of the monitor; each address with its error, "" when it took it."""
    message = Message(
        Severity.LOW,
        title_of(Severity.LOW, f"TEST of the alerts of {monitor.name}"),
        headline=("This is a test: nothing is wrong.",),
        facts={"model": monitor.name, "owner": monitor.owner},
        lines=("somebody asked for a test of every route",),
        step="Nothing to do.",
    )
    addresses = dict.fromkeys(channel.address for channel in monitor.alerts.channels.values())
    return [(address, _tried(open_channel, address, Delivery(key, message, event="test"))) for address in addresses]


def _tried(open_channel: Callable[[str], Channel], address: str, delivery: Delivery) -> str:
    try:
        open_channel(address).send(delivery)
    except MonitoringError as error:
        return str(error)
    except Exception as error:  # whatever is wrong with one channel, the others are tried; its text may hold a secret
        return f"unexpected {type(error).__name__}"
    return ""
