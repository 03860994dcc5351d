"""What live runs would have told: stored readings, folded in the order in which they were due."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from monitoring_tasks.alerts_section import Alerts
from monitoring_tasks.incidents.fold import advance, unless_over
from monitoring_tasks.incidents.incident import Change, Incident
from monitoring_tasks.incidents.reading import Reading


@dataclass(frozen=True)
class Replayed:
    """The incidents that readings make, in the order of their opening, and everything that happened to them."""

    incidents: tuple[Incident, ...] = ()
    changes: tuple[Change, ...] = ()

    @property
    def loud(self) -> tuple[Change, ...]:
        """What would have been told aloud."""
        return tuple(change for change in self.changes if change.loud)


def replay(readings: Iterable[Reading], alerts_of: Callable[[str], Alerts]) -> Replayed:
    """The incidents that readings make, whatever their order: each is taken when it was due.

    `alerts_of` gives the alerts of a monitor by its name. No person acts in a replay.
    """
    incidents: dict[str, Incident] = {}
    going_on: dict[str, Incident] = {}
    changes: list[Change] = []
    for reading in sorted(readings, key=_due):
        found = advance([*going_on.values()], reading, alerts_of(reading.monitor), now=reading.tick)
        for change in filter(None, (unless_over(each, incidents.get) for each in found)):
            incident = incidents[change.incident.id] = going_on[change.incident.id] = change.incident
            if not incident.open:
                del going_on[incident.id]
            changes.append(change)
    return Replayed(tuple(incidents.values()), tuple(changes))


def _due(reading: Reading) -> tuple[Any, ...]:
    """The place of a reading among all; a run that fails, and is repeated, fails before it finds anything."""
    return (reading.tick, reading.stream != "run", reading.stream, reading.monitor, reading.window, reading.dumps())
