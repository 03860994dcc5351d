"""The profile of one column from generated SQL: one row for each bin, of all rows or of each part of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy import ColumnElement

from monitoring_tasks.data.dialects import FLAGS, Expression, SqlColumn
from monitoring_tasks.data.sql import Snapshot
from monitoring_tasks.profile.binning import CategoryBins, ColumnBins, Floats, NumericBins
from monitoring_tasks.profile.profile import (
    TOP_UNSEEN,
    CategoryProfile,
    ColumnProfile,
    Moments,
    NumericProfile,
    add_moments,
    empty_column,
    most_frequent,
)

_LARGEST = float(np.finfo(np.float64).max)
# Squares beyond these overflow or underflow, which PostgreSQL reports as an error. Values beyond are handed out one by
# one (they are sentinels, hence few different ones); squares below add nothing.
HUGE = 1e150
_TINY = 1e-150
_NULL, _UNUSABLE, _POSITIVE, _NEGATIVE, _NAN = -1, -2, -3, -4, -5
_SPECIAL = {
    "null": _NULL,
    "unusable": _UNUSABLE,
    "positive_infinite": _POSITIVE,
    "negative_infinite": _NEGATIVE,
    "nan": _NAN,
}


@dataclass(frozen=True)
class Overview:
    """What is known of a column before its own statement: its types, and about its mean, by which sums are shifted."""

    types: tuple[str, ...]
    centre: float = 0.0


@dataclass(frozen=True, eq=False)
class Parts:
    """Which rows a column is profiled over: their number by part, and a row's part; None where there is one, 0.

    Rows of a part that is not in `rows` are left out.
    """

    rows: Mapping[int, int]
    expression: Expression | None = None


def column_profiles(
    snapshot: Snapshot, name: str, bins: ColumnBins, *, overview: Overview | None, parts: Parts
) -> dict[int, ColumnProfile]:
    """The profile of one column over each part of the snapshot's rows, by one statement."""
    column = snapshot.columns.get(name)
    if column is None or overview is None:
        return {part: empty_column(bins, absent=rows) for part, rows in parts.rows.items()}
    if isinstance(bins, CategoryBins):
        text = category_text(snapshot, column, bins.values)
        if text is None:
            return {part: empty_column(bins, unusable=rows) for part, rows in parts.rows.items()}
        found = _by_part(snapshot, _category_statement(snapshot, column, text, known=bins.values, parts=parts), parts)
        return {part: _category_profile(rows, bins) for part, rows in found.items()}
    number = snapshot.dialect.number(column)
    if number is None:
        return {part: empty_column(bins, unusable=rows) for part, rows in parts.rows.items()}
    read = snapshot.select(number.label("x"), column.expression.is_(None).label("missing"), *_labelled(parts))
    found = _by_part(snapshot, _numeric_statement(read, bins, overview.centre, parts), parts)
    return {part: _numeric_profile(rows, bins, overview.centre) for part, rows in found.items()}


def category_text(snapshot: Snapshot, column: SqlColumn, known: Sequence[str]) -> Expression | None:
    """A value as text; where only true and false are known, numbers that stand for them are those."""
    text = snapshot.dialect.text(column)
    return snapshot.dialect.flag(column, text) if text is not None and known and FLAGS.issuperset(known) else text


def _labelled(parts: Parts) -> list[Expression]:
    return [] if parts.expression is None else [parts.expression.label("part")]


def _part_of(read: sa.Subquery, parts: Parts) -> list[Expression]:
    return [] if parts.expression is None else [read.c.part]


def _by_part(snapshot: Snapshot, statement: sa.Select[Any], parts: Parts) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {part: [] for part in parts.rows}
    for row in snapshot.fetch(statement):
        part = 0 if parts.expression is None else row.part
        if part in found:
            found[part].append(row)
    return found


def _numeric_statement(read: sa.Select[Any], bins: NumericBins, centre: float, parts: Parts) -> sa.Select[Any]:
    """One row for each bin (and each huge value): how many, least, greatest, sum, and sums about the centre."""
    rows = read.subquery()
    x, size, finite = rows.c.x, sa.func.abs(rows.c.x), _is_finite(rows.c.x)
    usual = sa.case((sa.and_(finite, size <= HUGE), x))
    binned = sa.select(
        _bin(x, rows.c.missing, bins.edges).label("bin"),
        sa.case((sa.and_(finite, size > HUGE), x)).label("huge"),
        sa.case((finite, x)).label("finite"),
        usual.label("usual"),
        (usual - sa.literal(centre, sa.Double)).label("centred"),
        *_part_of(rows, parts),
    ).subquery()
    return _added_up(binned.c, _part_of(binned, parts))


def _added_up(part: Any, parts: Sequence[Expression]) -> sa.Select[Any]:
    square = sa.case((sa.func.abs(part.centred) > _TINY, part.centred * part.centred), else_=0.0)
    return sa.select(
        part.bin,
        part.huge,
        sa.func.count().label("n"),
        sa.func.min(part.finite).label("least"),
        sa.func.max(part.finite).label("most"),
        sa.func.sum(part.usual).label("total"),
        sa.func.sum(part.centred).label("centred"),
        sa.func.sum(square).label("squares"),
        *parts,
    ).group_by(part.bin, part.huge, *parts)


def _is_finite(x: Expression) -> ColumnElement[bool]:
    # Right whether the database sorts NaN last or finds it unequal to everything.
    return sa.and_(x >= sa.literal(-_LARGEST, sa.Double), x <= sa.literal(_LARGEST, sa.Double))


def _bin(x: Expression, missing: Expression, edges: Floats) -> Expression:
    return sa.case(
        (missing, sa.literal_column(str(_NULL))),
        (x.is_(None), sa.literal_column(str(_UNUSABLE))),
        (_is_finite(x), _tree(x, edges, 0, len(edges))),
        (x == sa.literal(math.inf, sa.Double), sa.literal_column(str(_POSITIVE))),
        (x == sa.literal(-math.inf, sa.Double), sa.literal_column(str(_NEGATIVE))),
        else_=sa.literal_column(str(_NAN)),
    )


def _tree(x: Expression, edges: Floats, first: int, last: int) -> Expression:
    """Number of the bin in `first..last` that holds x, after log2 of their number comparisons."""
    if first == last:
        return sa.literal_column(str(first))
    middle = (first + last) // 2
    # A parameter keeps every digit of the edge; SQLite reads some literals a digit wrong.
    below = x <= sa.literal(float(edges[middle]), sa.Double)
    return sa.case((below, _tree(x, edges, first, middle)), else_=_tree(x, edges, middle + 1, last))


def _numeric_profile(rows: Iterable[Any], bins: NumericBins, centre: float) -> NumericProfile:
    """The profile from the rows of `_numeric_statement`, which a database returns in an order of its own."""
    special = {row.bin: int(row.n) for row in rows if row.bin < 0}
    finite = sorted((row for row in rows if row.bin >= 0), key=lambda row: (row.bin, row.huge is not None, row.huge))
    counts, sums = np.zeros(len(bins.edges) + 1, np.int64), np.zeros(len(bins.edges) + 1)
    for row in finite:
        counts[row.bin] += row.n
        sums[row.bin] += row.total if row.huge is None else row.huge * int(row.n)
    least, most = _ends(finite)
    mean, m2 = (least, 0.0) if least == most else _moments(finite, centre)
    words = {word: special.get(code, 0) for word, code in _SPECIAL.items()}
    return NumericProfile(counts, sums, least, most, mean, m2, **words)


def _ends(finite: Iterable[Any]) -> tuple[float, float]:
    least, most = [row.least for row in finite], [row.most for row in finite]
    return float(min(least, default=math.nan)), float(max(most, default=math.nan))


def _moments(finite: Iterable[Any], centre: float) -> tuple[float, float]:
    usual = [row for row in finite if row.huge is None]
    moments: Moments = (sum(int(row.n) for row in usual), math.nan, 0.0)
    if usual:
        offset, squares = (math.fsum(getattr(row, name) for row in usual) for name in ("centred", "squares"))
        spread = max(squares - offset * offset / moments[0], 0.0)
        moments = (moments[0], centre + offset / moments[0], spread)
    for row in finite:
        if row.huge is not None:
            moments = add_moments(moments, (int(row.n), row.huge, 0.0))
    return moments[1:]


def _category_profile(rows: Iterable[Any], bins: CategoryBins) -> CategoryProfile:
    counts = {row.value: int(row.n) for row in rows if row.value is not None}
    rest = {(bool(row.missing), bool(row.empty)): int(row.n) for row in rows if row.value is None}
    unseen, _ = most_frequent({value: counts[value] for value in counts.keys() - set(bins.values)}, TOP_UNSEEN)
    return CategoryProfile(
        counts=np.array([counts.get(value, 0) for value in bins.values], np.int64),
        unseen=unseen,
        other=rest.get((False, False), 0),
        null=rest.get((True, True), 0),
        unusable=rest.get((False, True), 0),
    )


def _category_statement(
    snapshot: Snapshot, column: SqlColumn, text: Expression, *, known: Sequence[str], parts: Parts
) -> sa.Select[Any]:
    """One row for each known text and for the most frequent others: value, missing, empty, n; the rest in one row.

    `missing` marks nulls; `empty` alone marks values that have no text; neither marks the rest.
    """
    missing = snapshot.dialect.missing(column, text)
    read = snapshot.select(text.label("value"), missing.label("missing"), *_labelled(parts)).subquery()
    keys = [read.c.value, read.c.missing, *_part_of(read, parts)]
    groups = sa.select(*keys, sa.func.count().label("n")).group_by(*keys).subquery()
    seen = sa.case((snapshot.dialect.among(groups.c.value, known), 1), else_=0)
    marked = sa.select(groups, seen.label("seen"), groups.c.value.is_(None).label("empty")).subquery()
    order = [marked.c.n.desc(), marked.c.value]
    among = [marked.c.seen, marked.c.empty, *_part_of(marked, parts)]
    rank = sa.func.row_number().over(partition_by=among, order_by=order)
    ranked = sa.select(marked, rank.label("rank")).subquery()
    kept = sa.case((sa.or_(ranked.c.seen == 1, ranked.c.rank <= TOP_UNSEEN), ranked.c.value)).label("value")
    named = sa.select(kept, ranked.c.missing, ranked.c.empty, ranked.c.n, *_part_of(ranked, parts)).subquery()
    shown = [named.c.value, named.c.missing, named.c.empty, *_part_of(named, parts)]
    return sa.select(*shown, sa.func.sum(named.c.n).label("n")).group_by(*shown)
