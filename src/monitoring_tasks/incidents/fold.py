"""How a reading changes the incidents that are open: one pure function, for runs as they come and for a replay.

An incident follows its members window by window. What was told at medium or worse does not go on for ever with findings
that are low: they count as calm, so that the incident ends, and what rises again later is told again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from monitoring_tasks.alerts_section import Alerts, Patience
from monitoring_tasks.incidents.incident import UNTOLD, Change, Event, Incident, Member, State
from monitoring_tasks.incidents.joining import NEW, anchors_of, in_order, incident_id, member_of, overlap, placed
from monitoring_tasks.incidents.reading import OF_RUN, UNDECIDED, Cause, Reading, Signal
from monitoring_tasks.severity import Severity
from monitoring_tasks.window import Window, width_text

MUTE_ENDED = "the mute has ended"
OUTRIGHT = {
    Cause.FAILED: "the run succeeded",
    Cause.LATE: "the run came",
    Cause.SELF_TEST: "the self-test passed",
}
"""Causes that one healthy reading ends, of the very window if it is run again, and how that is said."""
ANSWERED = frozenset({Cause.DRIFT, Cause.PERFORMANCE, Cause.SELF_TEST})
"""Causes that are about the model, which a new champion answers."""
_PATIENCE = {"no_data": "no_data", "too_few_rows": "too_few_rows", "labels_immature": "labels"}


def advance(open_incidents: Sequence[Incident], reading: Reading, alerts: Alerts, *, now: datetime) -> list[Change]:
    """What a reading changes about the open incidents: at most one change of each, the oldest first, then new ones.

    `alerts` are those of the reading's monitor; `now` is asked for nothing but the end of a mute. A window that
    touches a planned downtime changes nothing. The same reading again changes nothing that is told.
    """
    if any(overlap(Window(each.start, each.end), reading.window) for each in alerts.downtime):
        return []
    given, known = _Given(reading, alerts, now), in_order(open_incidents)
    found = [change for cause in Cause for change in _of_cause(known, cause, given)]
    return [replace(change, monitor=reading.monitor) for change in found]


def unless_over(change: Change, known: Callable[[str], Incident | None]) -> Change | None:
    """The change; None where an incident would be opened by a window that opened one before, which has ended since.

    `known` finds any incident, those that have ended too. Somebody judged that window again, and there is nothing new.
    But a run that fails after it was well again fails anew: that is an incident of its own, with an id of its own.
    """
    incident = change.incident
    while change.event is Event.OPENED and (before := known(incident.id)):
        if incident.cause not in OF_RUN:
            return None
        incident = replace(incident, id=f"{before.id}-{before.number}")
    return replace(change, incident=incident)


def answered(open_incidents: Sequence[Incident], monitor: str, *, by: str, reason: str, tick: datetime) -> list[Change]:
    """What a promotion changes: what is open about the monitor's model ends, or goes on without that monitor.

    None ends before it was told last, however old the windows are by which the new champion was found better.
    """
    changes = []
    for incident in in_order(open_incidents):
        if incident.cause in ANSWERED and member_of(incident, monitor):
            members = tuple(member for member in incident.members if member.name != monitor)
            left = replace(incident, members=members, severity=_worst(members)) if members else incident
            when = max(tick, incident.spoken)
            changes.append(_changed(left, Event.EASED, when, reason) if members else ended(incident, when, reason))
    return [replace(change, by=by) for change in changes]


def ended(incident: Incident, tick: datetime, reason: str) -> Change:
    """The end of an incident, for a reason that is told."""
    resolved = replace(incident, state=State.RESOLVED, resolved=tick, resolution=reason, mute=None)
    return _changed(resolved, Event.RESOLVED, tick, reason)


@dataclass(frozen=True)
class _Given:
    """A reading and what decides about it."""

    reading: Reading
    alerts: Alerts
    now: datetime

    @property
    def window(self) -> Window:
        return self.reading.window


def _of_cause(incidents: Sequence[Incident], cause: Cause, given: _Given) -> Iterator[Change]:
    places = placed(incidents, given.reading, cause)
    left = list(places.get(NEW, ()))
    for incident in incidents:
        signals = places.get(incident.id, ())
        change = _of_incident(incident, signals, given) if incident.cause is cause else None
        if change:
            yield change
        if change and not change.incident.open:
            # It ended although there are small findings: they go on as an incident that is as small as they are.
            left += signals
    opened = _opened(cause, left, given) if left else None
    if opened and opened.incident.id not in {incident.id for incident in incidents}:
        yield opened


def _of_incident(incident: Incident, signals: Sequence[Signal], given: _Given) -> Change | None:
    """What a reading changes about an open incident, to which some of its signals belong, or none."""
    member = member_of(incident, given.reading.member(incident.cause))
    if signals:
        return _found(incident, member, signals, given)
    covered = incident.cause in given.reading.covers
    return _healthier(incident, member, given) if member and covered else None


def _opened(cause: Cause, signals: Sequence[Signal], given: _Given) -> Change:
    member, tick = _with_finding(None, signals, given), given.reading.tick
    incident = Incident(
        id=incident_id(given.reading, cause, signals),
        cause=cause,
        state=State.OPEN,
        severity=member.severity,
        told=member.severity,
        worst=member.severity,
        topics=_topics(signals),
        anchors=_anchors(signals, given),
        columns=member.columns,
        reasons=_reasons(signals),
        members=(member,),
        opened=tick,
        spoken=tick,
    )
    return Change(incident, Event.OPENED, tick)


def _found(incident: Incident, member: Member | None, signals: Sequence[Signal], given: _Given) -> Change | None:
    """A finding that belongs to an incident."""
    if member and incident.told > Severity.LOW and _is_calm(signals):
        calm = replace(member, severity=Severity.LOW)
        return None if _hides(member, signals) else _healthier(incident, calm, given)
    part = _with_finding(member, signals, given)
    return _told(incident, _joined(incident, part, signals, given), given, new=member is None)


def _is_calm(signals: Iterable[Signal]) -> bool:
    """Whether findings are too small to keep up what was told as more; what could not be judged is not calm."""
    return all(
        signal.severity <= Severity.LOW and signal.outcome not in _PATIENCE and signal.cause not in OUTRIGHT
        for signal in signals
    )


def _hides(member: Member, signals: Iterable[Signal]) -> bool:
    """Whether what was worst about a member may still be there: it could not be decided."""
    undecided = [signal.columns for signal in signals if signal.outcome == UNDECIDED]
    return any(not columns or {*member.columns[:1]} & {*columns} for columns in undecided)


def _with_finding(before: Member | None, signals: Sequence[Signal], given: _Given) -> Member:
    """A member after a finding; one in a window that is not newer than those it had counts for nothing but itself."""
    reading, window, columns = given.reading, given.window, _columns(signals)
    if before is None:
        severity, name = _severity(signals, 1, given.alerts.patience), reading.member(signals[0].cause)
        return Member(name, reading.monitor, reading.owner, severity, columns, first=window, last=window)
    newer = window.end > before.last.end
    row = 1 if before.healthy else before.windows + 1
    severity = _severity(signals, row if newer else before.windows, given.alerts.patience)
    member = replace(before, columns=_union(columns, before.columns), first=min(before.first, window))
    if newer:
        return replace(member, severity=severity, last=window, windows=row, healthy=0, checked=None)
    return replace(member, severity=max(severity, before.severity))


def _severity(signals: Iterable[Signal], windows: int, patience: Patience) -> Severity:
    return max(_after_patience(signal, windows, patience) for signal in signals)


def _after_patience(signal: Signal, windows: int, patience: Patience) -> Severity:
    """How urgent a signal is in so many windows in a row: what may pass by itself waits, and then pages."""
    if signal.outcome not in _PATIENCE:
        return signal.severity
    most: int = getattr(patience, _PATIENCE[signal.outcome])
    return Severity.LOW if windows < most else max(signal.severity, Severity.MEDIUM)


def _joined(incident: Incident, member: Member, signals: Sequence[Signal], given: _Given) -> Incident:
    """The incident with what a member found; what the worst member found last comes first."""
    members = _replaced(incident, member)
    others = _worst(each for each in members if each.name != member.name)
    newest = given.window.end >= incident.last.end or member.severity > incident.told
    leads = newest and member.severity >= others
    columns = (_columns(signals), incident.columns)
    return replace(
        incident,
        severity=_worst(members),
        worst=max(incident.worst, _worst(members)),
        members=members,
        topics=_union(incident.topics, _topics(signals)),
        anchors=_union(incident.anchors, _anchors(signals, given)),
        columns=_union(*(columns if leads else reversed(columns))),
        reasons=_reasons(signals) if leads else incident.reasons,
    )


def _told(before: Incident, after: Incident, given: _Given, *, new: bool) -> Change:
    """What is said of an incident with a finding more."""
    tick, event = given.reading.tick, _event(before, after, given, new=new)
    if event is Event.ESCALATED:
        reason = f"from {before.told.word} to {after.severity.word}"
        after = replace(after, told=after.severity)
    elif event is Event.REMINDED:
        waited = f"nobody took it on for {width_text(given.alerts.remind)}"
        reason = MUTE_ENDED if before.mute else waited
    else:
        reason = f"{given.reading.member(after.cause)} has it too" if event is Event.JOINED else ""
    if event in (Event.ESCALATED, Event.REMINDED):
        after = replace(after, state=State.OPEN, mute=None, spoken=max(tick, before.spoken))
    return _changed(after, event, tick, reason)


def _event(before: Incident, after: Incident, given: _Given, *, new: bool) -> Event:
    heard = before.mute.severity if before.mute else before.told
    if after.severity > heard:
        return Event.ESCALATED
    if before.mute and given.now >= before.mute.until:
        return Event.REMINDED
    if new:
        return Event.JOINED
    if before.mute:
        return Event.REPEATED
    # What is low was in a digest: day after day the same line there would hide the new ones.
    due = given.reading.tick - before.spoken >= given.alerts.remind and after.severity > Severity.LOW
    return Event.REMINDED if due and before.state is State.OPEN else Event.REPEATED


def _healthier(incident: Incident, member: Member, given: _Given) -> Change | None:
    """A window in which a member had nothing, or nothing to speak of: it counts once, and when it is newer.

    It shares no rows with the one that counted before: a week looked at every day is not well again in two days.
    """
    cause, window, tick = incident.cause, given.window, given.reading.tick
    again = cause in OUTRIGHT and window.end == member.last.end
    seen = member.checked is not None and window.start < member.checked.end
    if seen or not (window.end > member.last.end or again):
        return None
    members = _replaced(incident, replace(member, healthy=member.healthy + 1, checked=window))
    eased = replace(incident, members=members, severity=_worst(members))
    needed = 1 if cause in OUTRIGHT else given.alerts.healthy_windows
    if all(each.healthy >= needed for each in members):
        return ended(eased, tick, OUTRIGHT.get(cause) or _healthy_words(eased, needed))
    return _changed(eased, Event.EASED, tick, "")


def _healthy_words(incident: Incident, windows: int) -> str:
    low = incident.told > Severity.LOW and any(member.severity <= Severity.LOW for member in incident.members)
    said = "nothing worse than low" if low else "healthy"
    return f"{said} in {windows} windows in a row" if windows > 1 else f"{said} in the last window"


def _changed(incident: Incident, event: Event, tick: datetime, reason: str) -> Change:
    """The change that has an incident stand as it does; what is told is counted."""
    return Change(replace(incident, number=incident.number + (event not in UNTOLD)), event, tick, reason=reason)


def _replaced(incident: Incident, member: Member) -> tuple[Member, ...]:
    """The members with one of them anew; one that was not among them comes last."""
    return tuple({**{each.name: each for each in incident.members}, member.name: member}.values())


def _worst(members: Iterable[Member]) -> Severity:
    return max((member.severity for member in members), default=Severity.NONE)


def _union(*texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for each in texts for text in each))


def _columns(signals: Iterable[Signal]) -> tuple[str, ...]:
    return _union(*(signal.columns for signal in signals))


def _topics(signals: Iterable[Signal]) -> tuple[str, ...]:
    return _union(*(signal.topics for signal in signals))


def _reasons(signals: Iterable[Signal]) -> tuple[str, ...]:
    return _union(*(signal.reasons for signal in signals))


def _anchors(signals: Iterable[Signal], given: _Given) -> tuple[str, ...]:
    return _union(*(anchors_of(given.reading, signal) for signal in signals))
