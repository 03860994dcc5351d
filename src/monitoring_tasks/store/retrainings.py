"""Retrainings in the results store, of which one per monitor is open: statements for a transaction of the caller's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from monitoring_tasks.errors import PromotionRefused
from monitoring_tasks.store.queries import Fields, digest, upsert
from monitoring_tasks.store.records import OPEN_STATES, RetrainingRecord
from monitoring_tasks.store.schema import RETRAININGS
from monitoring_tasks.window import stamp


def put(connection: Connection, record: RetrainingRecord, now: datetime) -> None:
    """Store a record. Raises `PromotionRefused` when it is open and another of its monitor is open as well."""
    _lock(connection, record.monitor)
    standing = _open_other(connection, record)
    if record.open and standing is not None:
        other = retraining_record(standing)
        raise PromotionRefused(
            f"retraining {record.run} of {record.monitor} cannot go on: {other.run} took its place and is "
            f"{other.state} since {stamp(standing.written_at)}; let that one end, and ask again"
        )
    _write(connection, record, now)


def open_one(
    connection: Connection, record: RetrainingRecord, lapse: timedelta, now: datetime
) -> tuple[RetrainingRecord, bool]:
    """Store an open record unless another run's stands; return what stands, and whether it is this run's."""
    _lock(connection, record.monitor)
    standing = _open_other(connection, record)
    if standing is not None:
        other = retraining_record(standing)
        if standing.written_at >= now - lapse:
            return other, False
        _write(connection, _lapsed(other, standing.written_at, now), now)
    _write(connection, record, now)
    return record, True


def select_one(monitor: str, run: str) -> Select[Any]:
    """The record of one run."""
    return select(RETRAININGS).where(RETRAININGS.c.digest == digest(monitor, run))


def select_all(monitor: str | None) -> Select[Any]:
    """The records of one monitor or all, newest request first."""
    columns = RETRAININGS.c
    wanted = [] if monitor is None else [columns.monitor == monitor]
    order = (columns.requested_at.desc(), columns.window_end.desc(), columns.digest)
    return select(RETRAININGS).where(*wanted).order_by(*order)


def retraining_record(row: Row[Any]) -> RetrainingRecord:
    """A row of `monitoring_retrainings` as an object."""
    return RetrainingRecord.from_json(json.loads(row.body))


def _lock(connection: Connection, monitor: str) -> None:
    # SQLite has one writer at a time anyway.
    if connection.dialect.name == "postgresql":
        number = int.from_bytes(bytes.fromhex(digest("retraining", monitor))[:8], "big", signed=True)
        connection.execute(select(func.pg_advisory_xact_lock(number)))


def _open_other(connection: Connection, record: RetrainingRecord) -> Row[Any] | None:
    columns = RETRAININGS.c
    other = columns.digest != digest(record.monitor, record.run)
    found: Sequence[Row[Any]] = connection.execute(
        select(RETRAININGS).where(columns.monitor == record.monitor, columns.state.in_(sorted(OPEN_STATES)), other)
    ).all()
    return found[0] if found else None


def _lapsed(record: RetrainingRecord, written_at: datetime, now: datetime) -> RetrainingRecord:
    outcome = (
        f"lapsed: it was {record.state} and nothing was heard of it since {stamp(written_at.replace(microsecond=0))}"
    )
    return replace(record, state="failed", outcome=outcome, closed_at=now)


def _write(connection: Connection, record: RetrainingRecord, now: datetime) -> None:
    connection.execute(upsert(connection.dialect.name, RETRAININGS, _fields(record, now)))


def _fields(record: RetrainingRecord, now: datetime) -> Fields:
    return {
        "digest": digest(record.monitor, record.run),
        "monitor": record.monitor,
        "run": record.run,
        "state": record.state,
        "window_end": record.window_end,
        "requested_at": record.requested_at,
        "closed_at": record.closed_at,
        # Escaped to ASCII, so that any text is storable.
        "body": json.dumps(record.to_json(), allow_nan=False),
        "written_at": now,
    }
