"""Incidents, what happened to them, and what people want done about them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from monitoring_tasks.incidents.incident import Event, State
from monitoring_tasks.incidents.reading import Cause
from monitoring_tasks.ui.api.models.base import Next, Shape, Span, Urgency


class Member(Shape):
    """The part of one monitor in an incident; `name` is its DAG where the cause is a run."""

    name: str
    monitor: str
    owner: str
    severity: Urgency
    columns: tuple[str, ...]
    first: Span
    last: Span
    windows: int
    healthy: int


class Mute(Shape):
    """Silence about an incident until a moment, unless it gets worse than `severity`."""

    until: datetime
    reason: str
    by: str
    severity: Urgency


class Incident(Shape):
    """One problem from first finding to end.

    `hidden` counts members that you may not see: they are left out, and no text names them. `severity` is that of its
    newest findings, `worst` the worst there was.
    """

    id: str
    title: str
    cause: Cause
    state: State
    severity: Urgency
    worst: Urgency
    topics: tuple[str, ...]
    columns: tuple[str, ...]
    reasons: tuple[str, ...]
    members: tuple[Member, ...]
    opened: datetime
    resolved: datetime | None
    resolution: str
    mute: Mute | None
    number: int
    hidden: int


class IncidentPage(Shape):
    """Incidents, the newest first."""

    incidents: tuple[Incident, ...]
    next: Next


class Transition(Shape):
    """Something that happened to an incident; `by` is a person, or empty for what a run found."""

    position: int
    event: Event
    state: State
    severity: Urgency
    tick: datetime
    at: datetime
    by: str
    reason: str


class Transitions(Shape):
    """Everything that happened to an incident, in order."""

    incident: str
    transitions: tuple[Transition, ...]


class Order(BaseModel):
    """Why something is done about an incident, which a mute and an end must say; `for` is how long a mute lasts."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "known, mended on Monday", "for": "7d"}]})

    reason: Annotated[str, Field(max_length=1000)] = ""
    width: Annotated[str, Field(alias="for", description="Such as 12h or 7d; a year at most.")] = ""
