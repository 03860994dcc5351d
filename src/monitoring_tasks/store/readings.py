"""Readings in the results store, in the order of their ticks: statements for a transaction of the caller's."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Delete, Row, Select, delete, func, or_, select

from monitoring_tasks.incidents.reading import Reading, Stream
from monitoring_tasks.store.queries import Fields, digest, insert
from monitoring_tasks.store.schema import READINGS
from monitoring_tasks.window import Window, stamp


def put(connection: Connection, reading: Reading, *, live: bool, now: datetime) -> None:
    """Store a reading; that of the same run is replaced, and one that was live once stays live."""
    fields = {**_fields(reading), "live": live, "written_at": now}
    statement = insert(connection.dialect.name, READINGS).values(fields)
    changes: dict[str, Any] = {name: statement.excluded[name] for name in ("body", "written_at")}
    changes["live"] = or_(READINGS.c.live, statement.excluded.live)
    connection.execute(statement.on_conflict_do_update(index_elements=["digest"], set_=changes))


def select_readings(monitor: str | None, span: Window | None, live: bool | None) -> Select[Any]:
    """Readings of windows that lie wholly in `span`, by tick, stream, monitor and window."""
    columns = READINGS.c
    wanted: list[ColumnElement[bool]] = []
    if monitor is not None:
        wanted.append(columns.monitor == monitor)
    if span is not None:
        wanted += [columns.window_start >= span.start, columns.window_end <= span.end]
    if live is not None:
        wanted.append(columns.live.is_(live))
    names = ("tick", "stream", "monitor", "window_start", "window_end", "written_at", "digest")
    return select(READINGS).where(*wanted).order_by(*(columns[name] for name in names))


def select_newest_tick(monitor: str, stream: Stream) -> Select[Any]:
    """The newest tick of a live reading of a stream of a monitor, as one row; None in it where there is none."""
    columns = READINGS.c
    wanted = (columns.monitor == monitor, columns.stream == stream, columns.live.is_(True))
    return select(func.max(columns.tick)).where(*wanted)


def purge(before: datetime) -> Delete:
    """Readings that were written before a moment, but for the newest live one of each stream of a monitor.

    That one says when the monitor was last heard of.
    """
    columns, other = READINGS.c, READINGS.alias("other").c
    same = (other.monitor == columns.monitor, other.stream == columns.stream, other.live.is_(True))
    newest = select(func.max(other.tick)).where(*same).scalar_subquery()
    return delete(READINGS).where(columns.written_at < before, or_(newest.is_(None), columns.tick < newest))


def reading(row: Row[Any]) -> Reading:
    """A row of `monitoring_readings` as an object."""
    return Reading.from_json(json.loads(row.body))


def _fields(reading: Reading) -> Fields:
    window, tick = reading.window, stamp(reading.tick)
    # Of one run of a DAG there can be several readings of how it went: late first, then failed. All of them stay.
    about = sorted(reading.covers) if reading.stream == "run" else []
    span = (stamp(window.start), stamp(window.end))
    return {
        "digest": digest(reading.monitor, reading.dag_id, reading.stream, *span, tick, *about),
        "monitor": reading.monitor,
        "stream": reading.stream,
        "window_start": window.start,
        "window_end": window.end,
        "tick": reading.tick,
        # Escaped to ASCII, so that any text is storable.
        "body": reading.dumps(),
    }
