"""Which incident a signal belongs to: pure functions of a reading and the incidents that are open."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

from monitoring_tasks.incidents.incident import Incident, Member
from monitoring_tasks.incidents.reading import Cause, Reading, Signal
from monitoring_tasks.window import Window

NEW = ""
"""What stands for the incident that does not exist yet."""


def overlap(one: Window, other: Window) -> bool:
    """Whether two windows have a moment in common.

    >>> from datetime import timedelta
    >>> day = Window.parse("2013-06-03", "2013-06-04")
    >>> overlap(day, Window(day.end, day.end + timedelta(days=1)))
    False
    """
    return one.start < other.end and other.start < one.end


def in_order(incidents: Collection[Incident]) -> list[Incident]:
    """Incidents, the oldest first, however they were given."""
    return sorted(incidents, key=lambda incident: (incident.opened, incident.id))


def member_of(incident: Incident, name: str) -> Member | None:
    """The part that a monitor, or a DAG, has in an incident; None when it has none."""
    return next((member for member in incident.members if member.name == name), None)


def placed(incidents: Sequence[Incident], reading: Reading, cause: Cause) -> dict[str, list[Signal]]:
    """The signals of a cause by the id of the open incident that each belongs to, worst first.

    Under `NEW` are those that belong to none: together they open one. A signal belongs to an incident that concerns the
    member already (of data quality its column, or for want of a column its anchor), else to one that shares an anchor
    with it at the same time; of several to the oldest. But first come those that were told as at least as bad: where
    the neighbours' page says it all, the member's own small trouble with the same column makes no page of its own.
    """
    known = [incident for incident in in_order(incidents) if incident.cause is cause]
    signals = reading.of(cause)
    place: dict[int, str] = {}
    # What has no column stays with the member's other findings, so they are placed first.
    for index in sorted(range(len(signals)), key=lambda index: not signals[index].columns):
        place[index] = _place(known, reading, signals[index], set(place.values()))
    return {each: [signals[index] for index in sorted(place) if place[index] == each] for each in place.values()}


def _place(known: Sequence[Incident], reading: Reading, signal: Signal, joined: Collection[str]) -> str:
    own = [each for each in known if _concerns(each, reading, signal, joined)]
    near = [each for each in known if _shares(each, reading, signal)]
    fit = sorted((*own, *near), key=lambda incident: incident.told < signal.severity)
    return fit[0].id if fit else NEW


def anchors_of(reading: Reading, signal: Signal) -> tuple[str, ...]:
    """Where a signal comes from; one that says neither that nor a column comes from the member itself."""
    return signal.anchors or (() if signal.columns else (f"{reading.member(signal.cause)}#",))


def incident_id(reading: Reading, cause: Cause, signals: Sequence[Signal]) -> str:
    """Id of the incident that signals open: the same whenever the same window is read."""
    anchors = [anchor for signal in signals for anchor in anchors_of(reading, signal)]
    least = min(anchors or [column for signal in signals for column in signal.columns])
    text = "\n".join((cause.value, reading.member(cause), str(reading.window), least))
    return f"{cause.value}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _concerns(incident: Incident, reading: Reading, signal: Signal, joined: Collection[str]) -> bool:
    """Whether an incident is about the same thing of the same member; `joined` are those its window is in already."""
    member = member_of(incident, reading.member(signal.cause))
    if signal.cause is not Cause.DATA_QUALITY:
        return member is not None
    if signal.columns:
        return member is not None and bool({*member.columns} & {*signal.columns})
    return (member is not None or incident.id in joined) and _anchored(incident, reading, signal)


def _shares(incident: Incident, reading: Reading, signal: Signal) -> bool:
    at_once = any(overlap(member.last, reading.window) for member in incident.members)
    return at_once and _anchored(incident, reading, signal)


def _anchored(incident: Incident, reading: Reading, signal: Signal) -> bool:
    return bool({*incident.anchors} & {*anchors_of(reading, signal)})
