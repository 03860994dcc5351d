"""A bounded deterministic sample of a window's rows, cut out by the database."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from numpy.typing import NDArray

from monitoring_tasks.data.dialects import Expression
from monitoring_tasks.data.sql import Snapshot
from monitoring_tasks.profile.binning import NumericBins
from monitoring_tasks.profile.plan import HASH, Plan, smallest
from monitoring_tasks.profile.sample import pick_rows, threshold_for


@dataclass(frozen=True)
class SamplePart:
    """One column of a sample: how it is selected, its Arrow type, and how a value becomes that type's."""

    name: str
    expression: Expression
    kind: pa.DataType
    read: Callable[[Any], Any]


def sample_sql(snapshot: Snapshot, plan: Plan, *, count: int, seed: str) -> pa.Table:
    """At most `plan.sample_rows` of the snapshot's `count` rows: those whose place in order of time hashes lowest.

    The same rows give the same sample: the order is by timestamp, id, then every other column of the sample, so that
    rows that still tie are equal. Numeric columns come as float64, moments as UTC timestamps, all else as text; columns
    without plain values are left out.
    """
    parts = [part for name in plan.sample_columns if (part := _part(snapshot, plan, name)) is not None]
    places, hashes = pick_rows(chunk_key(seed), count, threshold_for(plan.sample_rows, count))
    rows = snapshot.fetch(sampling(snapshot, parts, places)) if len(places) else []
    columns = {
        part.name: pa.array([part.read(row[index]) for row in rows], part.kind) for index, part in enumerate(parts)
    }
    return smallest(pa.table({**columns, HASH: pa.array(hashes, pa.uint64())}), plan.sample_rows)


def chunk_key(seed: str) -> int:
    """Stable unsigned 64-bit key of the rows that are sampled together."""
    return int.from_bytes(hashlib.blake2b(seed.encode(), digest_size=8).digest(), "big")


def _part(snapshot: Snapshot, plan: Plan, name: str) -> SamplePart | None:
    column = snapshot.columns.get(name)
    if column is None:
        return None
    if name == plan.timestamp:
        return SamplePart(name, column.expression, pa.timestamp("us", "UTC"), snapshot.dialect.moment)
    number = snapshot.dialect.number(column)
    if number is not None and isinstance(plan.binning.columns.get(name), NumericBins):
        return SamplePart(name, number, pa.float64(), _as_it_is)
    text = snapshot.dialect.text(column)
    return None if text is None else SamplePart(name, text, pa.string(), _as_it_is)


def _as_it_is(value: Any) -> Any:
    return value


def sampling(snapshot: Snapshot, parts: Sequence[SamplePart], places: NDArray[np.int64]) -> sa.Select[Any]:
    """The statement that reads `parts` of the rows at these places, in the order of time and then of the parts."""
    order = [snapshot.timestamp.expression, *(part.expression for part in parts)]
    place = sa.func.row_number().over(order_by=order).label("place")
    # Labels of our own: two names of the source may differ in case alone.
    labelled = [part.expression.label(f"c{index}") for index, part in enumerate(parts)]
    numbered = snapshot.select(*labelled, place).subquery()
    chosen = snapshot.dialect.among(sa.cast(numbered.c.place, sa.Text), [str(number + 1) for number in places.tolist()])
    wanted = [numbered.c[f"c{index}"] for index in range(len(parts))]
    return sa.select(*wanted, numbered.c.place).where(chosen).order_by(numbered.c.place)
