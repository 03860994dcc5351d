"""The label join: predictions of a span with the labels that were known of them at a moment, in flat memory."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import product

import numpy as np

from monitoring_tasks.data.connections import Connections
from monitoring_tasks.data.key_index import BATCH, index_of
from monitoring_tasks.data.label_log import (
    about_labels,
    id_of,
    labels_span,
    open_labels,
    unlike_ids,
)
from monitoring_tasks.data.logged import Fields, Gathered, keys_in, settle
from monitoring_tasks.data.matching import Known
from monitoring_tasks.data.outcome_columns import Values, moved
from monitoring_tasks.data.source import open_rows
from monitoring_tasks.data.sql_outcomes import join_there
from monitoring_tasks.data.tables import Roles, most_rows, place_of, stream_tables
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.performance.outcomes import NEVER, Floats, Grouping, Outcomes
from monitoring_tasks.window import Window

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Joined:
    """Predictions with their labels, and what was left over of both logs.

    `outcomes` has every prediction row, those that repeat an id too (`previous` tells). `orphans` counts the ids of
    labels that no prediction of the span has, `corrections` the label rows that a later one of their id superseded,
    `anonymous` the prediction rows without an id, which no label will ever reach. `sampled` is the share of ids that
    the arrays were cut to, 1 unless a span is too large for memory.
    """

    outcomes: Outcomes
    orphans: int
    corrections: int
    anonymous: int
    sampled: float = 1.0


def read_outcomes(monitor: Monitor, connections: Connections, span: Window, *, known_at: datetime) -> Joined:
    """The predictions of a span with the labels logged from its start until just before `known_at` (whole seconds).

    Of several labels of an id the one of the last moment counts, of several of one moment the greatest; one that is
    null or NaN takes an earlier one back. Every prediction of the id has that label. Without a section `labels` the
    outcome is the column `label` of the predictions themselves, known from the moment of the prediction on.

    The result depends on the rows alone, not on what keeps them, nor in which order. An infinite prediction is none.
    Rows of one moment are in the order of whole-number ids; of text ids, in that of their keys. Among `classes` are
    those predicted, those that count as labels, and those whose probability is logged; what is logged of others is 0.

    Raises `SourceInvalid` when a column that the monitor names is missing, holds what its role does not allow, or when
    ids of predictions and labels are of unlike types; `SourceUnavailable` when a source does not answer;
    `ConfigurationError` when the monitor names no id or no label. What is about labels begins with "labels:".
    """
    fields, logged = Fields(monitor), labels_span(span.start, known_at)
    there = join_there(fields, connections, span, logged)
    gathered = there.gathered if there else _predictions(fields, connections, span)
    arrays = gathered.arrays()
    settle(fields, arrays)
    anonymous = len(gathered) - int(np.count_nonzero(arrays["valid"]))
    rank = fields.classes.ranks if monitor.task == "multiclass" else None
    known = Known(index_of(keys_in(arrays)), len(gathered), rank)
    for batch in _label_batches(fields, connections, None if there else logged):
        _require_alike(id_of(monitor), gathered.id_types, batch.id_types)
        _add(known, batch.arrays())
    left = (there.orphans, there.corrections) if there else (known.orphans.count(), known.corrections)
    del there, gathered
    _relate(arrays, known)
    del known
    joined = Joined(outcomes_of(fields, arrays), *left, anonymous)
    _tell(monitor, joined)
    return joined


def _predictions(fields: Fields, connections: Connections, span: Window) -> Gathered:
    rows = open_rows(fields.monitor, connections)
    roles = fields.roles(id_of(fields.monitor))
    read = [*fields.predictions(), *fields.own_label()]
    gathered = Gathered(read, roles, place=place_of(rows), most=most_rows(rows, span))
    for table in stream_tables(rows, span, roles):
        gathered.append(table)
    return gathered


def _label_batches(fields: Fields, connections: Connections, span: Window | None) -> Iterator[Gathered]:
    """The log of labels in batches, each of which is gone when the next one is asked for."""
    section = fields.monitor.labels
    if section is None or span is None:
        return
    with about_labels():
        rows = open_labels(fields.monitor, section, connections)
        roles = Roles(id_of(fields.monitor), section.timestamp, section.column)
        gathered = Gathered([fields.label(section.column)], roles, place=place_of(rows))
        for table in stream_tables(rows, span, roles):
            gathered.append(table)
            if len(gathered) >= BATCH:
                yield gathered
                gathered.clear()
        yield gathered


def _require_alike(id: str, predictions: set[str], labels: set[str]) -> None:
    for ours, theirs in product(predictions, labels):
        if ours != theirs:
            raise unlike_ids(id, predictions=ours, labels=theirs)


def _add(known: Known, labels: dict[str, Values]) -> None:
    """Add a batch of labels; those without an id are nobody's."""
    keys = keys_in(labels)
    if keys.valid.all():
        known.add(keys, labels["moment"], labels["label"])
        return
    valid = np.flatnonzero(keys.valid)
    log.warning("outcomes.label_without_id rows=%d", len(keys) - len(valid))
    known.add(keys.take(valid), labels["moment"][valid], labels["label"][valid])


def _relate(arrays: dict[str, Values], known: Known) -> None:
    """Put what is known of each row, and when its id came before, in the place of the ids."""
    # Memory that a process has is cheaper than memory it asks for.
    previous = arrays["previous"] = arrays.pop("first")
    previous.fill(NEVER)
    rows, before = known.before()
    moment = arrays["moment"]
    previous[rows] = moment[before]
    if "label" in arrays:
        arrays["known"] = np.where(np.isnan(arrays["label"]), NEVER, arrays.get("known", moment))
    else:
        arrays["label"], arrays["known"] = known.spread()


def outcomes_of(fields: Fields, arrays: dict[str, Values]) -> Outcomes:
    """Gathered arrays as outcomes; classes are those that are used."""
    classes = _number_classes(fields, arrays) if fields.monitor.task == "multiclass" else ()
    return Outcomes(
        **{name: arrays[name] for name in ("moment", "prediction", "label", "known", "previous")},
        classes=classes,
        probabilities=_probabilities(classes, arrays),
        groups={
            column: Grouping(tuple(codes.values), arrays[f"group {column}"]) for column, codes in fields.groups.items()
        },
        latency=arrays.get("latency"),
        failed=arrays.get("failed"),
    )


def _number_classes(fields: Fields, arrays: dict[str, Values]) -> tuple[str, ...]:
    """The classes that there are, in order; predictions and labels are numbered by their places in it."""
    both = [np.unique(arrays[name][~np.isnan(arrays[name])]) for name in ("prediction", "label")]
    used = {int(code) for code in np.concatenate(both)}
    used |= {fields.classes.number(name) for name in fields.probabilities}
    to = fields.classes.sort(used)
    for name in ("prediction", "label"):
        arrays[name] = moved(arrays[name], to)
    return tuple(fields.classes.values)


def _probabilities(classes: tuple[str, ...], arrays: dict[str, Values]) -> Floats | None:
    logged = [arrays.get(f"probability {name}") for name in classes]
    if all(column is None for column in logged):
        return None
    none = np.zeros(len(arrays["moment"]))
    return np.column_stack([none if column is None else column for column in logged])


def _tell(monitor: Monitor, joined: Joined) -> None:
    log.info(
        "outcomes.joined monitor=%s predictions=%d labelled=%d orphans=%d corrections=%d anonymous=%d",
        monitor.name,
        len(joined.outcomes),
        np.count_nonzero(joined.outcomes.known != NEVER),
        joined.orphans,
        joined.corrections,
        joined.anonymous,
    )
