"""A champion's training reference as outcomes: its out-of-fold predictions with their labels."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from monitoring_tasks.data.logged import Field, Fields, moments, settle
from monitoring_tasks.data.moments import instants
from monitoring_tasks.data.outcome_columns import About, Values
from monitoring_tasks.data.outcomes import outcomes_of
from monitoring_tasks.data.parquet import ParquetRows
from monitoring_tasks.errors import ReferenceInvalid, SourceInvalid
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.performance.outcomes import NEVER, Outcomes, Whole


def read_reference_outcomes(monitor: Monitor, rows: ParquetRows) -> Outcomes:
    """The rows of a reference as outcomes, in the order of time, else of the file.

    `known` is when their labels became known, where the reference has the column `labels.timestamp`; without the
    monitor's timestamp all moments are `NEVER`. Segment, probability and other columns that it lacks are left out.
    Raises `ReferenceInvalid` without the columns of prediction and label, and where a column does not fit its role.
    """
    names, fields = rows.schema().names, Fields(monitor.model_copy(update={"labels": None}))
    label = fields.label(_label_column(monitor, names))
    wanted = [each for each in (*fields.predictions(), label) if each.column in names]
    if label not in wanted or monitor.prediction not in names:
        raise _lacks(monitor, names)
    times = [name for name in (monitor.timestamp, monitor.label_time) if name in names]
    columns = list(dict.fromkeys([*(each.column for each in wanted), *times]))
    table = pa.concat_tables([chunk.read(columns) for chunk in rows.chunks(None)], promote_options="permissive")
    try:
        return _outcomes(monitor, fields, wanted, table, rows.path)
    except SourceInvalid as error:
        raise ReferenceInvalid(f"reference: {error}") from error


def _label_column(monitor: Monitor, names: list[str]) -> str:
    """The label's column, which a reference may name as the monitor does or as the log of labels does."""
    own = [monitor.label, monitor.labels.column if monitor.labels else None]
    found = [name for name in own if name]
    return next((name for name in found if name in names), found[0])


def _lacks(monitor: Monitor, names: list[str]) -> ReferenceInvalid:
    return ReferenceInvalid(
        f"the reference of {monitor.name} has the columns {', '.join(names[:30])}; performance is measured against its "
        f"out-of-fold predictions ({monitor.prediction}) and labels ({_label_column(monitor, names)}): let the "
        "pipeline write both"
    )


def _outcomes(monitor: Monitor, fields: Fields, wanted: list[Field], table: pa.Table, place: str) -> Outcomes:
    count = table.num_rows
    moment, known = (_moments(table, name, place) for name in (monitor.timestamp, monitor.label_time or ""))
    arrays: dict[str, Values] = {
        each.array: each.read(table[each.column], About(each.role, each.column, place)) for each in wanted
    }
    # Rows of one moment stay in the file's order: a reference is one file, and named by its content.
    arrays |= {"moment": moment, "known": known, "first": np.arange(count), "valid": np.ones(count, bool)}
    for name in [name for name in fields.groups if f"group {name}" not in arrays]:
        del fields.groups[name]
    settle(fields, arrays)
    arrays["previous"] = np.full(count, NEVER)
    return outcomes_of(fields, arrays)


def _moments(table: pa.Table, name: str, place: str) -> Whole:
    if name not in table.column_names:
        return np.full(table.num_rows, NEVER)
    return moments(instants(table[name], place=f"column {name!r} of {place}"))
