"""Incidents in the results store, and what happened to them: statements for a transaction of the caller's."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Delete, Row, Select, delete, exists, func, select

from monitoring_tasks.incidents.incident import Incident, State
from monitoring_tasks.severity import Severity
from monitoring_tasks.store.queries import Fields, insert, upsert
from monitoring_tasks.store.records import Transition
from monitoring_tasks.store.schema import INCIDENT_MONITORS, INCIDENTS, LETTERS, TRANSITIONS

_OPEN = [state.value for state in State if state is not State.RESOLVED]  # an index finds these, not what differs
_LOCK = 0x696E636964656E74  # any number will do that nobody else uses in this database ("incident" in ASCII)


def lock(connection: Connection) -> None:
    """Wait until no other transaction has the incidents; SQLite has one writer at a time anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def put(connection: Connection, incident: Incident, now: datetime) -> None:
    """Store how an incident stands; monitors that were in it once are kept beside it."""
    connection.execute(upsert(connection.dialect.name, INCIDENTS, _fields(incident, now)))
    rows = [{"incident": incident.id, "monitor": monitor} for monitor in incident.monitors]
    if rows:
        connection.execute(insert(connection.dialect.name, INCIDENT_MONITORS).on_conflict_do_nothing(), rows)


def add_transition(connection: Connection, transition: Transition) -> None:
    """Keep what happened to an incident; what has its position already is left as it is."""
    fields = {**vars(transition), "severity": int(transition.severity)}
    connection.execute(insert(connection.dialect.name, TRANSITIONS).values(fields).on_conflict_do_nothing())


def select_open() -> Select[Any]:
    """Incidents that have not ended, the oldest first."""
    columns = INCIDENTS.c
    return select(INCIDENTS).where(columns.state.in_(_OPEN)).order_by(columns.opened, columns.id)


def select_one(incident: str) -> Select[Any]:
    """The incident of an id."""
    return select(INCIDENTS).where(INCIDENTS.c.id == incident)


def select_incidents(monitor: str | None, *, open_only: bool) -> Select[Any]:
    """Incidents, the newest first; those that a monitor is or was in."""
    columns, concerned = INCIDENTS.c, INCIDENT_MONITORS.c
    wanted: list[ColumnElement[bool]] = []
    if monitor is not None:
        wanted.append(columns.id.in_(select(concerned.incident).where(concerned.monitor == monitor)))
    if open_only:
        wanted.append(columns.state.in_(_OPEN))
    return select(INCIDENTS).where(*wanted).order_by(columns.opened.desc(), columns.id)


def select_transitions(incident: str) -> Select[Any]:
    """What happened to an incident, in order."""
    return select(TRANSITIONS).where(TRANSITIONS.c.incident == incident).order_by(TRANSITIONS.c.position)


def purge(before: datetime) -> Delete:
    """Incidents that ended, of which nothing was written since before a moment, and no letter is left."""
    columns = INCIDENTS.c
    left = exists().where(LETTERS.c.incident == columns.id)
    return delete(INCIDENTS).where(columns.state == State.RESOLVED.value, columns.written_at < before, ~left)


def incident(row: Row[Any]) -> Incident:
    """A row of `monitoring_incidents` as an object."""
    return Incident.from_json(json.loads(row.body))


def transition(row: Row[Any]) -> Transition:
    """A row of `monitoring_transitions` as an object."""
    fields = row._asdict()
    return Transition(**{**fields, "severity": Severity(fields["severity"])})


def _fields(incident: Incident, now: datetime) -> Fields:
    return {
        "id": incident.id,
        "cause": incident.cause.value,
        "state": incident.state.value,
        "severity": int(incident.severity),
        "opened": incident.opened,
        "resolved": incident.resolved,
        # Escaped to ASCII, so that any text is storable.
        "body": json.dumps(incident.to_json(), allow_nan=False),
        "written_at": now,
    }
