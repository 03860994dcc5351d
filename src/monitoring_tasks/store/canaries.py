"""Reports of monitors' self-tests in the results store: statements for a transaction of the caller's."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, select

from monitoring_tasks.canary.report import CanaryReport
from monitoring_tasks.store.queries import Fields, digest
from monitoring_tasks.store.schema import CANARIES
from monitoring_tasks.window import stamp


def canary_fields(report: CanaryReport, now: datetime) -> Fields:
    """The row of one report; that of the same monitor, champion, window and configuration is replaced."""
    window = report.window
    return {
        "digest": digest(report.monitor, report.champion, stamp(window.start), stamp(window.end), report.config_hash),
        "monitor": report.monitor,
        "window_start": window.start,
        "window_end": window.end,
        "champion": report.champion,
        "config_hash": report.config_hash,
        # Escaped to ASCII, so that any text is storable.
        "body": json.dumps(report.to_json(), allow_nan=False),
        "written_at": now,
    }


def select_canaries(monitor: str, limit: int | None) -> Select[Any]:
    """Reports of a monitor, of the newest window first, of one window the one written last."""
    columns = CANARIES.c
    order = (columns.window_end.desc(), columns.window_start.desc(), columns.written_at.desc(), columns.digest)
    return select(CANARIES).where(columns.monitor == monitor).order_by(*order).limit(limit)


def canary_report(row: Row[Any]) -> CanaryReport:
    """A row of `monitoring_canaries` as an object."""
    return CanaryReport.from_json(json.loads(row.body))
