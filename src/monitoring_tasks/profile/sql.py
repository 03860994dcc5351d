"""The profile of a window's rows from generated SQL: the database counts, and sends back one row for each bin."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy import ColumnElement

from monitoring_tasks.data.dialects import Expression, SqlColumn
from monitoring_tasks.data.sql import Snapshot, SqlRows
from monitoring_tasks.profile.binning import CategoryBins, Floats, NumericBins, binning_hash
from monitoring_tasks.profile.plan import Plan, Scan
from monitoring_tasks.profile.profile import CategoryProfile, ColumnProfile, NumericProfile, Profile
from monitoring_tasks.profile.sql_sample import sample_sql
from monitoring_tasks.window import Window

UNSEEN = 100
_LARGEST = float(np.finfo(np.float64).max)
# Squares beyond these overflow or underflow, which PostgreSQL reports as an error. Values beyond are handed out one by
# one (they are sentinels, hence few different ones); squares below add nothing.
_HUGE = 1e150
_TINY = 1e-150
_COLUMNS_AT_ONCE = 50
_NULL, _UNUSABLE, _POSITIVE, _NEGATIVE, _NAN = -1, -2, -3, -4, -5


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
            name: _column(snapshot, name, bins, overviews) if name in snapshot.columns else _absent(bins, count)
            for name, bins in plan.binning.columns.items()
        }
        types = {name: overviews[name].types if name in overviews else () for name in columns}
        duplicates = _duplicates(snapshot, plan.id) if plan.id is not None else None
        sample = sample_sql(snapshot, plan, count=count, seed=str(window))
    return Scan(Profile(binning_hash(plan.binning), count, columns, types, duplicates), sample)


def _column(
    snapshot: Snapshot, name: str, bins: NumericBins | CategoryBins, overviews: Mapping[str, _Overview]
) -> ColumnProfile:
    column = snapshot.columns[name]
    if isinstance(bins, CategoryBins):
        return _categories(snapshot, column, bins)
    return _numbers(snapshot, column, bins, overviews[name].centre)


def _absent(bins: NumericBins | CategoryBins, count: int) -> ColumnProfile:
    if isinstance(bins, CategoryBins):
        return CategoryProfile(np.zeros(len(bins.values), np.int64), {}, absent=count)
    return _Numbers(bins).profile(absent=count)


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


def _numbers(snapshot: Snapshot, column: SqlColumn, bins: NumericBins, centre: float) -> NumericProfile:
    numbers = _Numbers(bins, centre)
    for row in snapshot.fetch(_numeric_statement(snapshot, column, bins, centre)):
        numbers.add(*row)
    return numbers.profile()


def _numeric_statement(snapshot: Snapshot, column: SqlColumn, bins: NumericBins, centre: float) -> sa.Select[Any]:
    """One row for each bin (and each huge value): how many, least, greatest, sum, and sums about the centre."""
    number = snapshot.dialect.number(column)
    value = sa.null() if number is None else number
    read = snapshot.select(value.label("x"), column.expression.is_(None).label("missing")).subquery()
    finite = sa.case((_is_finite(read.c.x), read.c.x))
    usual = sa.case((sa.and_(_is_finite(read.c.x), sa.func.abs(read.c.x) <= _HUGE), read.c.x))
    huge = sa.case((sa.and_(_is_finite(read.c.x), sa.func.abs(read.c.x) > _HUGE), read.c.x))
    binned = sa.select(
        _bin(read.c.x, read.c.missing, bins.edges).label("bin"),
        huge.label("huge"),
        finite.label("finite"),
        usual.label("usual"),
        (usual - sa.literal(centre, sa.Double)).label("centred"),
    ).subquery()
    part = binned.c
    square = sa.case((sa.func.abs(part.centred) > _TINY, part.centred * part.centred), else_=0.0)
    sums = [sa.func.sum(part.usual), sa.func.sum(part.centred), sa.func.sum(square)]
    ends = [sa.func.min(part.finite), sa.func.max(part.finite)]
    return sa.select(part.bin, part.huge, sa.func.count(), *ends, *sums).group_by(part.bin, part.huge)


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


class _Numbers:
    """A numeric profile in the making, from rows of `_numeric_statement` in any order."""

    def __init__(self, bins: NumericBins, centre: float = 0.0) -> None:
        self._centre = centre
        self._counts = np.zeros(len(bins.edges) + 1, np.int64)
        self._sums = np.zeros(len(bins.edges) + 1)
        self._special: dict[int, int] = {}
        self._ends: list[float] = []
        self._centred: list[tuple[int, float, float]] = []
        self._huge: list[tuple[float, int]] = []

    def add(self, position: int, huge: float | None, count: int, *numbers: Any) -> None:
        """One row: bin or special code, the value if it is a huge one, and what was added up."""
        if position < 0:
            self._special[position] = int(count)
            return
        least, most, total, centred, squares = numbers
        self._counts[position] += count
        self._ends += [least, most]
        if huge is None:
            self._sums[position] += total
            self._centred.append((int(count), centred, squares))
        else:
            self._sums[position] += huge * count
            self._huge.append((huge, int(count)))

    def profile(self, absent: int = 0) -> NumericProfile:
        """The profile of all rows added, and of `absent` rows without the column."""
        mean, m2 = self._moments()
        return NumericProfile(
            counts=self._counts,
            sums=self._sums,
            minimum=float(min(self._ends, default=math.nan)),
            maximum=float(max(self._ends, default=math.nan)),
            mean=mean,
            m2=m2,
            null=self._special.get(_NULL, 0),
            nan=self._special.get(_NAN, 0),
            negative_infinite=self._special.get(_NEGATIVE, 0),
            positive_infinite=self._special.get(_POSITIVE, 0),
            absent=absent,
            unusable=self._special.get(_UNUSABLE, 0),
        )

    def _moments(self) -> tuple[float, float]:
        if not self._ends:
            return math.nan, 0.0
        if min(self._ends) == max(self._ends):
            return float(min(self._ends)), 0.0
        parts = sorted(self._huge)
        mean, m2, count = self._usual_moments()
        for value, weight in parts:
            # Chan's merge with a group of equal values.
            gap, count = value - mean, count + weight
            mean += gap * weight / count
            m2 += gap * gap * (count - weight) / count * weight
        return mean, m2

    def _usual_moments(self) -> tuple[float, float, int]:
        count = sum(count for count, _, _ in self._centred)
        if not count:
            return 0.0, 0.0, 0
        offset = _exact_sum(centred for _, centred, _ in self._centred)
        squares = _exact_sum(squares for _, _, squares in self._centred)
        return self._centre + offset / count, max(squares - offset * offset / count, 0.0), count


def _exact_sum(values: Iterable[float]) -> float:
    """A sum that does not depend on the order in which the database returns its groups."""
    return math.fsum(values)


def _categories(snapshot: Snapshot, column: SqlColumn, bins: CategoryBins) -> CategoryProfile:
    rows = snapshot.fetch(_category_statement(snapshot, column, bins.values))
    counts = {value: int(count) for value, _, _, count in rows if value is not None}
    unseen = {value: counts[value] for value in counts.keys() - set(bins.values)}
    ranked = sorted(unseen.items(), key=lambda item: (-item[1], item[0]))
    nothing = {(bool(missing), bool(empty)): int(count) for value, missing, empty, count in rows if value is None}
    return CategoryProfile(
        counts=np.array([counts.get(value, 0) for value in bins.values], np.int64),
        unseen=dict(ranked),
        other=nothing.get((False, False), 0),
        null=nothing.get((True, True), 0),
        unusable=nothing.get((False, True), 0),
    )


def _category_statement(snapshot: Snapshot, column: SqlColumn, known: Sequence[str]) -> sa.Select[Any]:
    """One row for each known text and for the most frequent others: text, missing, empty, count; the rest in one row.

    `missing` marks nulls; `empty` alone marks values that have no text; neither marks the rest.
    """
    text = snapshot.dialect.text(column)
    value = sa.cast(sa.null(), sa.Text) if text is None else text
    read = snapshot.select(value.label("value"), column.expression.is_(None).label("missing")).subquery()
    grouped = sa.select(read.c.value, read.c.missing, sa.func.count().label("n")).group_by(read.c.value, read.c.missing)
    groups = grouped.subquery()
    seen = sa.case((snapshot.dialect.among(groups.c.value, known), 1), else_=0)
    marked = sa.select(groups, seen.label("seen"), groups.c.value.is_(None).label("empty")).subquery()
    order = [marked.c.n.desc(), marked.c.value]
    rank = sa.func.row_number().over(partition_by=[marked.c.seen, marked.c.empty], order_by=order)
    ranked = sa.select(marked, rank.label("rank")).subquery()
    kept = sa.case((sa.or_(ranked.c.seen == 1, ranked.c.rank <= UNSEEN), ranked.c.value)).label("kept")
    named = sa.select(kept, ranked.c.missing, ranked.c.empty, ranked.c.n).subquery()
    keys = [named.c.kept, named.c.missing, named.c.empty]
    return sa.select(*keys, sa.func.sum(named.c.n)).group_by(*keys)


def _duplicates(snapshot: Snapshot, name: str) -> int:
    """Rows whose id occurred before; a null id is nobody's duplicate."""
    if name not in snapshot.columns:
        return 0
    text = snapshot.dialect.text(snapshot.columns[name])
    if text is None:
        return 0
    total, distinct = snapshot.fetch(snapshot.select(sa.func.count(text), sa.func.count(text.distinct())))[0]
    return int(total) - int(distinct)
