"""The label join as one statement, where one database keeps predictions and labels."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy import FromClause

from monitoring_tasks.data.connections import Connections
from monitoring_tasks.data.dialects import Expression
from monitoring_tasks.data.label_log import about_labels, id_of, open_labels
from monitoring_tasks.data.logged import KNOWN, LABEL, Fields, Gathered
from monitoring_tasks.data.source import open_rows
from monitoring_tasks.data.sql import Snapshot, SqlRows
from monitoring_tasks.data.sql_rows import Part, parts_of, tables_of
from monitoring_tasks.data.tables import Roles, plain, require
from monitoring_tasks.retraining_section import Labels
from monitoring_tasks.window import Window

log = logging.getLogger(__name__)
_MOMENT: Any = pa.timestamp("us", "UTC")
_LARGEST = 1.7976931348623157e308
_IDS = (pa.int64(), pa.string())
_LABELS = {
    "binary": (pa.int64(), pa.float64(), pa.bool_()),
    "regression": (pa.int64(), pa.float64(), pa.bool_()),
    "multiclass": (pa.int64(), pa.string(), pa.bool_()),
}
"""Types of labels that databases order as they are ordered here."""


@dataclass(frozen=True, eq=False)
class JoinedThere:
    """Predictions that came with their labels, and the counts that the database made of the others."""

    gathered: Gathered
    orphans: int
    corrections: int


@dataclass(frozen=True)
class _Log:
    """One log within the transaction: its columns as they are selected."""

    snapshot: Snapshot
    parts: Sequence[Part]
    id: str

    def part(self, name: str) -> Part:
        return next(part for part in self.parts if part.name == name)

    @property
    def key(self) -> Expression:
        """The id as a value that is equal where ids are, whatever collation the column has."""
        part = self.part(self.id)
        return part.expression.collate(self.snapshot.dialect.plain) if part.kind == pa.string() else part.expression


def join_there(fields: Fields, connections: Connections, span: Window, logged: Window | None) -> JoinedThere | None:
    """The predictions of a span with the labels logged in another, joined by the database that keeps both.

    None where two places keep them, and where ids or labels are of types that the database would compare in another
    way, or must be refused: then the rows have to be read. Raises as `read_outcomes` does.
    """
    section, id = fields.monitor.labels, id_of(fields.monitor)
    if section is None or logged is None:
        return None
    predictions, labels = open_rows(fields.monitor, connections), open_labels(fields.monitor, section, connections)
    if not (isinstance(predictions, SqlRows) and isinstance(labels, SqlRows) and predictions.shares_database(labels)):
        return None
    with predictions.snapshot(span) as snapshot:
        ours = _opened(snapshot, fields.roles(id), predictions.place)
        with about_labels():
            theirs = _opened(
                labels.beside(snapshot, logged), Roles(id, section.timestamp, section.column), labels.place
            )
        if not _comparable(fields, ours, theirs, section):
            return None
        return _joined(fields, ours, theirs, section, place=predictions.place)


def _opened(snapshot: Snapshot, roles: Roles, place: str) -> _Log:
    require(roles, list(snapshot.columns), place)
    wanted = {roles.timestamp, *roles.named}
    return _Log(snapshot, parts_of(snapshot, wanted.__contains__, id=roles.id, place=place), roles.id)


def _comparable(fields: Fields, ours: _Log, theirs: _Log, section: Labels) -> bool:
    task, ids = fields.monitor.task, [log.part(log.id) for log in (ours, theirs)]
    label = theirs.part(section.column)
    alike = ids[0].kind == ids[1].kind and ids[0].kind in _IDS and all(part.read is None for part in ids)
    return alike and label.kind in _LABELS[task] and not _unlike(theirs, label, task)


def _unlike(theirs: _Log, label: Part, task: str) -> bool:
    """Whether there are labels that are to be refused, or NaN."""
    if task == "multiclass" or label.kind == pa.bool_():
        return False
    value = label.expression
    wrong = value.not_in((0, 1)) if task == "binary" else sa.not_(value.between(-_LARGEST, _LARGEST))
    return bool(theirs.snapshot.fetch(theirs.snapshot.select(sa.literal(1)).where(wrong).limit(1)))


def _joined(fields: Fields, ours: _Log, theirs: _Log, section: Labels, *, place: str) -> JoinedThere:
    label = theirs.part(section.column)
    rows = _ranked(theirs, label, text=fields.monitor.task == "multiclass")
    last = sa.select(rows.c.key, rows.c.moment, rows.c.label).where(rows.c.place == 1).subquery("known")
    columns = [part.expression.label(f"c{number}") for number, part in enumerate(ours.parts)]
    made = ours.snapshot.select(*columns, ours.key.label("key")).subquery("made")
    both = made.outerjoin(last, _same(ours, made, last))
    statement = sa.select(*(made.c[column.name] for column in columns), last.c.label, last.c.moment).select_from(both)
    moment = Part(KNOWN, last.c.moment, _MOMENT, ours.snapshot.dialect.moment)
    parts = [*ours.parts, Part(LABEL, last.c.label, label.kind, label.read), moment]
    roles = fields.roles(ours.id)
    gathered = Gathered([*fields.predictions(), fields.label(LABEL)], roles, place=place)
    for table in tables_of(ours.snapshot, statement, parts):
        gathered.append(plain(table, roles, place))
    return JoinedThere(gathered, *_counts(ours, theirs, rows, last))


def _same(ours: _Log, left: FromClause, right: FromClause) -> Expression:
    """Whether two rows have one id; a collation does not survive a subquery everywhere."""
    if ours.part(ours.id).kind == pa.string():
        plain = ours.snapshot.dialect.plain
        return left.c.key.collate(plain) == right.c.key.collate(plain)
    return left.c.key == right.c.key


def _ranked(theirs: _Log, label: Part, *, text: bool) -> sa.Subquery:
    """Every label with an id, and its place among those of the id: the one that counts is the first."""
    snapshot = theirs.snapshot
    written = snapshot.dialect.text(snapshot.columns[label.name]) if text else None
    value = label.expression if written is None else written
    order = [snapshot.dialect.order(snapshot.timestamp).desc(), value.desc().nulls_last()]
    place = sa.func.row_number().over(partition_by=theirs.key, order_by=order)
    named = {"key": theirs.key, "moment": snapshot.timestamp.expression, "label": label.expression, "place": place}
    chosen = snapshot.select(*(expression.label(name) for name, expression in named.items()))
    return chosen.where(theirs.key.is_not(None)).subquery("logged")


def _counts(ours: _Log, theirs: _Log, rows: FromClause, last: FromClause) -> tuple[int, int]:
    """Ids of labels without a prediction, and labels that a later one superseded."""
    snapshot = ours.snapshot
    ids = ours.snapshot.select(ours.key.label("key")).distinct().subquery("ids")
    lacks = sa.func.coalesce(sa.func.sum(sa.case((ids.c.key.is_(None), 1), else_=0)), 0)
    met = sa.select(sa.func.count(), lacks).select_from(last.outerjoin(ids, _same(ours, last, ids)))
    distinct, orphans = snapshot.fetch(met)[0]
    (total,) = snapshot.fetch(sa.select(sa.func.count()).select_from(rows))[0]
    (written,) = snapshot.fetch(theirs.snapshot.select(sa.func.count()))[0]
    if written > total:
        log.warning("outcomes.label_without_id rows=%d", written - total)
    return int(orphans), int(total - distinct)
