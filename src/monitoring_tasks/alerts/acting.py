"""What people do about incidents, from the terminal and from Airflow's form: one order for one incident, or several."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Literal, get_args

from monitoring_tasks.alerts.telling import act
from monitoring_tasks.errors import ConfigurationError
from monitoring_tasks.incidents.actions import acknowledge, mute, resolve, unmute
from monitoring_tasks.incidents.incident import Change, Incident, State
from monitoring_tasks.incidents.reading import Stream
from monitoring_tasks.store.database import Store

Action = Literal["acknowledge", "mute", "unmute", "resolve"]
ACTIONS: tuple[Action, ...] = get_args(Action)
_FITS: Mapping[Action, frozenset[State]] = {
    "acknowledge": frozenset({State.OPEN}),
    "mute": frozenset({State.OPEN, State.ACKNOWLEDGED, State.MUTED}),
    "unmute": frozenset({State.MUTED}),
    "resolve": frozenset({State.OPEN, State.ACKNOWLEDGED, State.MUTED}),
}
"""The states of incidents that an action is meant for, when it is asked for all of a monitor."""


@dataclass(frozen=True)
class Order:
    """What a person wants done: by whom, why, and for a mute until when."""

    action: Action
    by: str
    reason: str = ""
    until: datetime | None = None


def carry_out(store: Store, about: str, order: Order, *, now: datetime) -> list[Change]:
    """Do something about an incident, by its id or its beginning, or about every open one of a monitor, by its name.

    What changes is stored, and posted beneath what was told. Raises `ConfigurationError` when there is no such incident
    and no such monitor with one, and for what makes no sense: a mute without end or reason, an end of what has ended.
    """
    return [act(store, each.id, _action(store, each, order, now), now=now) for each in _meant(store, about, order)]


def find_incident(store: Store, about: str) -> Incident | None:
    """The incident of an id, or of the beginning of one, as somebody copies it from a narrow screen; None for none.

    Raises `ConfigurationError` where several begin like that. A beginning goes beyond the dash after the cause.
    """
    named = store.incident(about)
    if named is not None or not re.fullmatch(_BEGINNING, about):
        return named
    found = [each for each in store.incidents() if each.id.startswith(about)]
    if len(found) > 1:
        raise ConfigurationError(f"several incidents begin with {about!r}: {_listed(found)}")
    return found[0] if found else None


_BEGINNING = re.compile(r"[a-z_]+-[0-9a-f]{2,}")


def _meant(store: Store, about: str, order: Order) -> list[Incident]:
    """The one incident of that id, whatever its state; else those of that monitor that the action fits."""
    named = find_incident(store, about)
    if named is not None:
        return [named]
    found = [each for each in store.incidents(about, open_only=True) if each.state in _FITS[order.action]]
    if not found:
        fit = [each for each in store.incidents(open_only=True) if each.state in _FITS[order.action]]
        raise ConfigurationError(
            f"no incident and no monitor {about!r} to {order.action}: there are {_listed(fit) or 'none'}"
        )
    return found


def _listed(incidents: Sequence[Incident]) -> str:
    named = [f"{each.id} ({', '.join(each.monitors[:_SHOWN])})" for each in incidents[:_LISTED]]
    more = f" and {len(incidents) - _LISTED} more" if len(incidents) > _LISTED else ""
    return ", ".join(named) + more


_SHOWN, _LISTED = 3, 10


def _action(store: Store, incident: Incident, order: Order, now: datetime) -> Callable[[Incident], Change]:
    given: dict[str, Any] = {"by": order.by, "reason": order.reason, "tick": tick_of(store, incident)}
    if order.action != "mute":
        return partial(_WITHOUT_END[order.action], **given)
    if order.until is None:
        raise ConfigurationError("a mute ends: say for how long, such as 7d")
    return partial(mute, until=order.until, now=now, **given)


_WITHOUT_END: Mapping[str, Callable[..., Change]] = {
    "acknowledge": acknowledge,
    "unmute": unmute,
    "resolve": resolve,
}


def tick_of(store: Store, incident: Incident) -> datetime:
    """The tick at which an action of a person counts: that of the newest reading of the monitors concerned."""
    streams: tuple[Stream, ...] = get_args(Stream)
    newest = [store.newest_tick(name, stream) for name in incident.monitors for stream in streams]
    return max([moment for moment in newest if moment is not None], default=incident.spoken)
