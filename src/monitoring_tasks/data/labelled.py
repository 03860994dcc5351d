"""Logged predictions with the outcomes that were known of them at a moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from monitoring_tasks.data.connections import Connections
from monitoring_tasks.data.ids import Column, first_of_each, without_nan
from monitoring_tasks.data.label_log import (
    about_labels,
    fingerprint_logs,
    id_of,
    labels_span,
    open_labels,
    unlike_ids,
)
from monitoring_tasks.data.source import open_logged
from monitoring_tasks.data.tables import Roles, read_table
from monitoring_tasks.errors import SourceInvalid
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.retraining_section import Labels
from monitoring_tasks.window import Window

LABEL = "label"
"""Column of the outcome in `Labelled.rows`, whatever its name where it is logged."""


@dataclass(frozen=True, eq=False)
class Labelled:
    """The predictions of a window whose outcome is known, one row for each id.

    `rows` has the monitor's id and timestamp, every other logged column in order of name, and last `label`; it is
    sorted by timestamp, then id, and depends on the rows alone, not on how files hold them. `predictions` counts the
    window's predictions, labelled or not, once each; `duplicates` the rows left out because their id came before;
    `orphans` the labels whose id has no prediction in the window (as those of predictions before it have).
    """

    rows: pa.Table
    predictions: int
    labelled: int
    orphans: int
    duplicates: int


def read_labelled(monitor: Monitor, connections: Connections, window: Window, *, known_at: datetime) -> Labelled:
    """Predictions of the window with the labels logged from its start until just before `known_at` (whole seconds).

    Of several labels of an id the one of the last moment counts, of several of one moment the greatest; one that is
    null or NaN takes an earlier one back. Without a section `labels` the outcome is the column `label` of the
    predictions themselves: then nobody knows when it was written, and `known_at` does not matter. Of several
    predictions of an id the first in time counts. The prediction and the outcome are left out of the rows, because who
    scores them must not see either.

    Raises `SourceInvalid` when a column is missing or ids of predictions and labels are of unlike types,
    `SourceUnavailable` when a source does not answer, `ConfigurationError` when the monitor names no id or no label.
    """
    roles = Roles(id_of(monitor), monitor.timestamp, None if monitor.labels else monitor.label)
    logged = _predictions(monitor, connections, window, roles)
    unique = logged.filter(first_of_each(logged[roles.id]))
    known = _known(monitor, monitor.labels, connections, window, known_at) if monitor.labels else None
    found = unique if known is None else _with_labels(unique, known, roles.id)
    rows = found.filter(pc.and_(pc.is_valid(found[LABEL]), pc.is_valid(found[roles.id]))).combine_chunks()
    orphans = 0 if known is None else known.num_rows - rows.num_rows
    return Labelled(rows, unique.num_rows, rows.num_rows, orphans, logged.num_rows - unique.num_rows)


def fingerprint_labelled(monitor: Monitor, connections: Connections, window: Window) -> str:
    """16 hex digits that change whenever the window's predictions, or labels logged for them, may have changed.

    Found as the sources' own fingerprints are, without reading rows: labels count from the window's start until the
    labels' delay after its end. Raises as `read_labelled` does.
    """
    delay = monitor.labels.delay if monitor.labels else timedelta()
    return fingerprint_logs(monitor, connections, window, labels=Window(window.start, window.end + delay))


def _predictions(monitor: Monitor, connections: Connections, window: Window, roles: Roles) -> pa.Table:
    """The window's rows in order, outcome last where they bear it."""
    outcome = {LABEL, monitor.label, monitor.labels.column if monitor.labels else None}
    hidden = {monitor.prediction, *outcome}
    table = read_table(open_logged(monitor, connections), window, roles, other=lambda name: name not in hidden)
    others = [name for name in table.column_names if name not in (roles.id, roles.timestamp, roles.label)]
    rows = table.select([roles.id, roles.timestamp, *others])
    return _sorted(rows.append_column(LABEL, _outcome(table, roles.label)) if roles.label else rows, roles)


def _outcome(table: pa.Table, name: str) -> Column:
    """The column of the outcome, null where it is not known."""
    kind = table[name].type
    if pa.types.is_nested(kind):
        raise SourceInvalid(f"label column {name!r} has type {kind}: an outcome may be a number, text, true or false")
    return without_nan(table[name])


def _sorted(table: pa.Table, roles: Roles) -> pa.Table:
    """By timestamp and id; what ties still is put in the order of its other columns, so that files do not matter."""
    others = [entry.name for entry in table.schema if not pa.types.is_nested(entry.type)]
    keys = dict.fromkeys([roles.timestamp, roles.id, *others])
    return table.take(pc.sort_indices(table, sort_keys=[(name, "ascending") for name in keys]))


def _known(monitor: Monitor, section: Labels, connections: Connections, window: Window, known_at: datetime) -> pa.Table:
    """One row for each id whose outcome is known: the columns of the id and of the outcome."""
    roles = Roles(id_of(monitor), section.timestamp, section.column)
    span = labels_span(window.start, known_at)
    if span is None:
        return pa.table({"id": pa.nulls(0), LABEL: pa.nulls(0)})
    with about_labels():
        logged = read_table(open_labels(monitor, section, connections), span, roles)
        columns = {"id": logged[roles.id], "moment": logged[roles.timestamp], LABEL: _outcome(logged, section.column)}
    table = pa.Table.from_arrays(list(columns.values()), names=list(columns))
    newest = table.take(pc.sort_indices(table, sort_keys=[("moment", "descending"), (LABEL, "descending")]))
    last = newest.filter(pc.and_(first_of_each(newest["id"]), pc.is_valid(newest["id"])))
    return last.filter(pc.is_valid(last[LABEL])).select(["id", LABEL])


def _with_labels(predictions: pa.Table, known: pa.Table, id: str) -> pa.Table:
    ours, theirs = predictions[id].type, known["id"].type
    if pa.types.is_null(ours) or pa.types.is_null(theirs):
        return predictions.append_column(LABEL, pa.nulls(predictions.num_rows, known[LABEL].type))
    if ours != theirs:
        raise unlike_ids(id, predictions=str(ours), labels=str(theirs))
    places = pc.index_in(predictions[id], value_set=known["id"])
    return predictions.append_column(LABEL, known[LABEL].take(places))
