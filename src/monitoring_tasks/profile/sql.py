"""The profile of a window's rows from generated SQL: the database counts, and sends back one row for each bin."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy import ColumnElement

from monitoring_tasks.data.dialects import Expression, SqlColumn
from monitoring_tasks.data.sql import Snapshot, SqlRows
from monitoring_tasks.profile.binning import CategoryBins, ColumnBins, Floats, NumericBins, binning_hash
from monitoring_tasks.profile.plan import Plan, Scan
from monitoring_tasks.profile.profile import (
    TOP_UNSEEN,
    CategoryProfile,
    ColumnProfile,
    Moments,
    NumericProfile,
    Profile,
    add_moments,
    empty_column,
    most_frequent,
)
from monitoring_tasks.profile.sql_sample import sample_sql
from monitoring_tasks.window import Window

_LARGEST = float(np.finfo(np.float64).max)
# Squares beyond these overflow or underflow, which PostgreSQL reports as an error. Values beyond are handed out one by
# one (they are sentinels, hence few different ones); squares below add nothing.
_HUGE = 1e150
_TINY = 1e-150
_COLUMNS_AT_ONCE = 50
_FLAGS = frozenset({"false", "true"})
_NULL, _UNUSABLE, _POSITIVE, _NEGATIVE, _NAN = -1, -2, -3, -4, -5
_SPECIAL = {
    "null": _NULL,
    "unusable": _UNUSABLE,
    "positive_infinite": _POSITIVE,
    "negative_infinite": _NEGATIVE,
    "nan": _NAN,
}


@dataclass(frozen=True)
class _Overview:
    """What is known of a column before its own statement: its types, and about its mean, by which sums are shifted."""

    types: tuple[str, ...]
    centre: float = 0.0


def scan_sql(rows: SqlRows, window: Window | None, plan: Plan) -> Scan:
    """Profile and sample of the rows of `window` (all rows when None), one statement per column, in one snapshot.

    The same counts, minimum and maximum as `scan_arrow` on the same rows; sums and moments to rounding. A value whose
    type does not fit its column is `unusable`, a column that is not there is `absent`. Raises `SourceUnavailable` and
    `SourceInvalid` as `SqlRows.snapshot` does.
    """
    with rows.snapshot(window) as snapshot:
        count = int(snapshot.fetch(snapshot.select(sa.func.count()))[0][0])
        overviews = _overviews(snapshot, plan)
        columns = {
            name: _column(snapshot, name, bins, overview=overviews.get(name), count=count)
            for name, bins in plan.binning.columns.items()
        }
        types = {name: overviews[name].types if name in overviews else () for name in columns}
        duplicates = _duplicates(snapshot, plan.id, count) if plan.id is not None else None
        sample = sample_sql(snapshot, plan, count=count, seed=str(window))
    return Scan(Profile(binning_hash(plan.binning), count, columns, types, duplicates), sample)


def _column(
    snapshot: Snapshot, name: str, bins: ColumnBins, *, overview: _Overview | None, count: int
) -> ColumnProfile:
    column = snapshot.columns.get(name)
    if column is None or overview is None:
        return empty_column(bins, absent=count)
    if isinstance(bins, CategoryBins):
        text = snapshot.dialect.text(column)
        if text is None:
            return empty_column(bins, unusable=count)
        if bins.values and _FLAGS.issuperset(bins.values):
            text = snapshot.dialect.flag(column, text)
        return _category_profile(snapshot.fetch(_category_statement(snapshot, column, text, bins.values)), bins)
    number = snapshot.dialect.number(column)
    if number is None:
        return empty_column(bins, unusable=count)
    statement = _numeric_statement(snapshot, column, number, bins=bins, centre=overview.centre)
    return _numeric_profile(snapshot.fetch(statement), bins, overview.centre)


def _overviews(snapshot: Snapshot, plan: Plan) -> dict[str, _Overview]:
    """One statement over many columns: which types there are, and the mean of each numeric one."""
    present = [name for name in plan.binning.columns if name in snapshot.columns]
    found: dict[str, _Overview] = {}
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
    usual = sa.case((sa.func.abs(number) <= _HUGE, number))
    return [*kinds, sa.func.sum(usual), sa.func.count(usual)]


def _overview(snapshot: Snapshot, column: SqlColumn, values: Iterator[Any]) -> _Overview:
    kinds = tuple(kind for kind in snapshot.dialect.kinds if next(values))
    total, count = next(values), next(values)
    return _Overview(kinds if snapshot.dialect.kinds else (column.type,), total / count if count else 0.0)


def _numeric_statement(
    snapshot: Snapshot, column: SqlColumn, number: Expression, *, bins: NumericBins, centre: float
) -> sa.Select[Any]:
    """One row for each bin (and each huge value): how many, least, greatest, sum, and sums about the centre."""
    read = snapshot.select(number.label("x"), column.expression.is_(None).label("missing")).subquery()
    x, size, finite = read.c.x, sa.func.abs(read.c.x), _is_finite(read.c.x)
    usual = sa.case((sa.and_(finite, size <= _HUGE), x))
    binned = sa.select(
        _bin(x, read.c.missing, bins.edges).label("bin"),
        sa.case((sa.and_(finite, size > _HUGE), x)).label("huge"),
        sa.case((finite, x)).label("finite"),
        usual.label("usual"),
        (usual - sa.literal(centre, sa.Double)).label("centred"),
    )
    return _added_up(binned.subquery().c)


def _added_up(part: Any) -> sa.Select[Any]:
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
    ).group_by(part.bin, part.huge)


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
    snapshot: Snapshot, column: SqlColumn, text: Expression, known: Sequence[str]
) -> sa.Select[Any]:
    """One row for each known text and for the most frequent others: value, missing, empty, n; the rest in one row.

    `missing` marks nulls; `empty` alone marks values that have no text; neither marks the rest.
    """
    missing = snapshot.dialect.missing(column, text)
    read = snapshot.select(text.label("value"), missing.label("missing")).subquery()
    keys = [read.c.value, read.c.missing]
    groups = sa.select(*keys, sa.func.count().label("n")).group_by(*keys).subquery()
    seen = sa.case((snapshot.dialect.among(groups.c.value, known), 1), else_=0)
    marked = sa.select(groups, seen.label("seen"), groups.c.value.is_(None).label("empty")).subquery()
    order = [marked.c.n.desc(), marked.c.value]
    rank = sa.func.row_number().over(partition_by=[marked.c.seen, marked.c.empty], order_by=order)
    ranked = sa.select(marked, rank.label("rank")).subquery()
    kept = sa.case((sa.or_(ranked.c.seen == 1, ranked.c.rank <= TOP_UNSEEN), ranked.c.value)).label("value")
    named = sa.select(kept, ranked.c.missing, ranked.c.empty, ranked.c.n).subquery()
    shown = [named.c.value, named.c.missing, named.c.empty]
    return sa.select(*shown, sa.func.sum(named.c.n).label("n")).group_by(*shown)


def _duplicates(snapshot: Snapshot, name: str, count: int) -> int | None:
    """Rows whose id occurred before; a null id is nobody's duplicate. None where rows have no id to compare."""
    column = snapshot.columns.get(name)
    text = None if column is None else snapshot.dialect.text(column)
    if text is None:
        return None if count else 0
    total, distinct = snapshot.fetch(snapshot.select(sa.func.count(text), sa.func.count(text.distinct())))[0]
    return int(total) - int(distinct)
