"""Profiles of segments from generated SQL: the statements of the columns, each grouped by segment as well."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy import ColumnElement

from monitoring_tasks.data.dialects import Expression, SqlColumn
from monitoring_tasks.data.sql import Snapshot
from monitoring_tasks.profile.binning import binning_hash
from monitoring_tasks.profile.plan import Plan
from monitoring_tasks.profile.profile import Profile
from monitoring_tasks.profile.segments import Division
from monitoring_tasks.profile.sql_columns import Overview, Parts, category_text, column_profiles


def segment_profiles(
    snapshot: Snapshot, plan: Plan, overviews: Mapping[str, Overview], types: Mapping[str, tuple[str, ...]]
) -> dict[str, Profile]:
    """The profile of every segment of the plan, one statement for each column and declared segment."""
    digest, found = binning_hash(plan.binning), {}
    for division in plan.segments:
        parts = _parts(snapshot, division)
        columns = {
            name: column_profiles(snapshot, name, bins, overview=overviews.get(name), parts=parts)
            for name, bins in plan.binning.columns.items()
        }
        for place, words in enumerate(division.words):
            own = {name: profiles[place] for name, profiles in columns.items()}
            found[words] = Profile(digest, parts.rows[place], own, types)
    return found


def _parts(snapshot: Snapshot, division: Division) -> Parts:
    """Which value of the division each row has, as its place among them; -1 where it has none of them."""
    expression = _place(snapshot, division)
    read = snapshot.select(expression.label("part")).subquery()
    counts = snapshot.fetch(sa.select(read.c.part, sa.func.count().label("n")).group_by(read.c.part))
    rows = {int(row.part): int(row.n) for row in counts}
    return Parts({place: rows.get(place, 0) for place in range(len(division.values))}, expression)


def _place(snapshot: Snapshot, division: Division) -> Expression:
    none: Expression = sa.literal_column("-1")
    columns = [snapshot.columns.get(name) for name in division.columns]
    present = [column for column in columns if column is not None]
    if len(present) < len(columns) or not division.values:
        return none
    columns_match = [_is(snapshot, column, division, at) for at, column in enumerate(present)]
    cases: list[tuple[ColumnElement[bool], Expression]] = [
        (sa.and_(*match), sa.literal_column(str(place))) for place, match in enumerate(zip(*columns_match, strict=True))
    ]
    return sa.case(*cases, else_=none)


def _is(snapshot: Snapshot, column: SqlColumn, division: Division, at: int) -> list[ColumnElement[bool]]:
    """Whether a row has what each value of the division has in one of its columns."""
    wanted = [values[at] for values in division.values]
    text = category_text(snapshot, column, [value for value in wanted if value is not None])
    if text is None:
        return [sa.false()] * len(wanted)
    missing = snapshot.dialect.missing(column, text)
    return [missing if value is None else _equals(snapshot, text, value) for value in wanted]


def _equals(snapshot: Snapshot, text: Expression, value: str) -> ColumnElement[bool]:
    # Not every database takes a text with NUL as a parameter.
    return snapshot.dialect.among(text, [value]) if "\0" in value else text == sa.literal(value, sa.Text)
