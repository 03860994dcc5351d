"""One pass over a window's rows, wherever they are."""

from __future__ import annotations

from monitoring_tasks.data.rows import ArrowRows
from monitoring_tasks.data.sql import SqlRows
from monitoring_tasks.profile.arrow import scan_arrow
from monitoring_tasks.profile.plan import Plan, Scan, join_samples
from monitoring_tasks.profile.sql import scan_sql
from monitoring_tasks.window import Window

__all__ = ["Plan", "Scan", "join_samples", "scan"]


def scan(rows: ArrowRows | SqlRows, window: Window | None, plan: Plan) -> Scan:
    """Profile and sample of the rows of `window` (all rows when None), read once.

    Files go through the Arrow kernel, databases through generated SQL. Raises `SourceUnavailable` when the source
    does not answer and `SourceInvalid` when its rows cannot be read as the source describes them.
    """
    return scan_sql(rows, window, plan) if isinstance(rows, SqlRows) else scan_arrow(rows, window, plan)
