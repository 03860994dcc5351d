"""The profile of a window's rows from generated SQL: the database counts, and sends back one row for each bin."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from monitoring_tasks.data.dialects import Expression, SqlColumn
from monitoring_tasks.data.sql import Snapshot, SqlRows
from monitoring_tasks.profile.binning import binning_hash
from monitoring_tasks.profile.plan import Plan, Scan
from monitoring_tasks.profile.profile import (
    Profile,
)
from monitoring_tasks.profile.sql_columns import HUGE, Overview, Parts, column_profiles
from monitoring_tasks.profile.sql_sample import sample_sql
from monitoring_tasks.profile.sql_segments import segment_profiles
from monitoring_tasks.window import Window

_COLUMNS_AT_ONCE = 50


def scan_sql(rows: SqlRows, window: Window | None, plan: Plan) -> Scan:
    """Profile and sample of the rows of `window` (all rows when None), in one snapshot: a statement for each
    column, and one more for each declared segment.

    The same counts, minimum and maximum as `scan_arrow` on the same rows; sums and moments to rounding. A value whose
    type does not fit its column is `unusable`, a column that is not there is `absent`. Raises `SourceUnavailable` and
    `SourceInvalid` as `SqlRows.snapshot` does.
    """
    with rows.snapshot(window) as snapshot:
        count = int(snapshot.fetch(snapshot.select(sa.func.count()))[0][0])
        overviews = _overviews(snapshot, plan)
        whole = Parts({0: count})
        columns = {
            name: column_profiles(snapshot, name, bins, overview=overviews.get(name), parts=whole)[0]
            for name, bins in plan.binning.columns.items()
        }
        types = {name: overviews[name].types if name in overviews else () for name in columns}
        duplicates = _duplicates(snapshot, plan.id, count) if plan.id is not None else None
        sample = sample_sql(snapshot, plan, count=count, seed=str(window))
        segments = segment_profiles(snapshot, plan, overviews, types) if plan.segments else {}
    return Scan(Profile(binning_hash(plan.binning), count, columns, types, duplicates), sample, segments)


def _overviews(snapshot: Snapshot, plan: Plan) -> dict[str, Overview]:
    """One statement over many columns: which types there are, and the mean of each numeric one."""
    present = [name for name in plan.binning.columns if name in snapshot.columns]
    found: dict[str, Overview] = {}
    for first in range(0, len(present), _COLUMNS_AT_ONCE):
        names = present[first : first + _COLUMNS_AT_ONCE]
        expressions = [part for name in names for part in _overview_parts(snapshot, snapshot.columns[name])]
        values = iter(snapshot.fetch(snapshot.select(*expressions))[0])
        for name in names:
            found[name] = _overview(snapshot, snapshot.columns[name], values)
    return found


def _overview_parts(snapshot: Snapshot, column: SqlColumn) -> list[Expression]:
    dialect = snapshot.dialect
    kinds = [sa.func.max(sa.case((dialect.kind(column) == kind, 1), else_=0)) for kind in dialect.kinds if dialect.kind]
    number = dialect.number(column)
    if number is None:
        return [*kinds, sa.null(), sa.literal(0)]
    usual = sa.case((sa.func.abs(number) <= HUGE, number))
    return [*kinds, sa.func.sum(usual), sa.func.count(usual)]


def _overview(snapshot: Snapshot, column: SqlColumn, values: Iterator[Any]) -> Overview:
    kinds = tuple(kind for kind in snapshot.dialect.kinds if next(values))
    total, count = next(values), next(values)
    return Overview(kinds if snapshot.dialect.kinds else (column.type,), total / count if count else 0.0)


def _duplicates(snapshot: Snapshot, name: str, count: int) -> int | None:
    """Rows whose id occurred before; a null id is nobody's duplicate. None where rows have no id to compare."""
    column = snapshot.columns.get(name)
    text = None if column is None else snapshot.dialect.text(column)
    if text is None:
        return None if count else 0
    total, distinct = snapshot.fetch(snapshot.select(sa.func.count(text), sa.func.count(text.distinct())))[0]
    return int(total) - int(distinct)
