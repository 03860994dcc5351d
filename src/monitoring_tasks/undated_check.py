"""The check on rows without a timestamp, which are in no window and would vanish in silence."""

from __future__ import annotations

from monitoring_tasks.checks import Check, CheckResult, Status, Suite
from monitoring_tasks.monitor import Monitor


def undated_check(monitor: Monitor, undated: int | None, rows: int) -> tuple[CheckResult, ...]:
    """The check beside the `rows` of a window; nothing where there are no such rows, or where it cannot be known."""
    if not undated:
        return ()
    share, limit = undated / (undated + rows), monitor.quality.missing
    status = Status.FAILED if share > limit else Status.PASSED
    words = f"{undated} rows without a timestamp beside the {rows} of the window"
    quality, missing = Suite.DATA_QUALITY, Check.MISSING_SHARE
    large = status is Status.FAILED
    return (CheckResult(quality, missing, status, monitor.timestamp, None, share, limit, large, detail=words),)
