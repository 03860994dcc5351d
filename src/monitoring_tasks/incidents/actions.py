"""What a person may do about an incident: each action is a change like any other, with a name and a reason.

`tick` is that of the newest reading. Each raises `ConfigurationError` where it has no place.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from monitoring_tasks.errors import ConfigurationError
from monitoring_tasks.incidents.fold import ended
from monitoring_tasks.incidents.incident import Change, Event, Incident, Mute, State
from monitoring_tasks.policy.narrative import plain
from monitoring_tasks.window import stamp


def acknowledge(incident: Incident, *, by: str, tick: datetime, reason: str = "") -> Change:
    """Somebody takes an incident on: it is told again only when it gets worse. A mute ends."""
    _require_open(incident)
    if incident.state is State.ACKNOWLEDGED:
        raise ConfigurationError(f"incident {incident.id} is acknowledged already: there is nothing to do")
    return _done(replace(incident, state=State.ACKNOWLEDGED, mute=None), Event.ACKNOWLEDGED, tick, (by, reason))


def mute(
    incident: Incident, *, until: datetime, by: str, reason: str, tick: datetime, now: datetime | None = None
) -> Change:
    """Silence about an incident until a moment, which lies after `now`, unless it gets worse than anybody was told."""
    _require_open(incident)
    why = _required(incident, reason, "muted", "say why nobody needs to hear of it until then")
    if until.tzinfo is None:
        raise ConfigurationError(f"the end of the mute, {until.isoformat()}, has no time zone: give it in UTC")
    if now is not None and until <= now:
        raise ConfigurationError(f"the mute would end at {stamp(until)}, which is over: give a time to come")
    silence = Mute(until, why, plain(by).strip(), max(incident.told, incident.severity))
    return _done(replace(incident, state=State.MUTED, mute=silence), Event.MUTED, tick, (by, why))


def unmute(incident: Incident, *, by: str, tick: datetime, reason: str = "") -> Change:
    """The end of a mute before its time: the incident is open, and nobody has taken it on."""
    _require_open(incident)
    if incident.mute is None:
        raise ConfigurationError(f"incident {incident.id} is not muted, it is {incident.state.value}: nothing to undo")
    return _done(replace(incident, state=State.OPEN, mute=None), Event.UNMUTED, tick, (by, reason))


def resolve(incident: Incident, *, by: str, reason: str, tick: datetime) -> Change:
    """The end of an incident because somebody says so; what is found after it is a new one."""
    _require_open(incident)
    why = _required(incident, reason, "resolved", "say what ended it")
    return replace(ended(incident, tick, why), by=plain(by).strip())


def _require_open(incident: Incident) -> None:
    if not incident.open:
        when = f" at {stamp(incident.resolved)}" if incident.resolved else ""
        raise ConfigurationError(
            f"incident {incident.id} was resolved{when} ({incident.resolution}): one that has ended stays as it is; "
            "`monitoring alerts` lists those that are open"
        )


def _required(incident: Incident, reason: str, done: str, advice: str) -> str:
    why = plain(reason).strip()
    if not why:
        raise ConfigurationError(f"incident {incident.id} cannot be {done} without a reason: {advice}")
    return why


def _done(incident: Incident, event: Event, tick: datetime, who_and_why: tuple[str, str]) -> Change:
    by, reason = (plain(text).strip() for text in who_and_why)
    return Change(replace(incident, number=incident.number + 1), event, tick, by=by, reason=reason)
