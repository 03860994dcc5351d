"""One profile for each UTC day of the rows: how far an ordinary day lies from all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from functools import partial

import numpy as np
import pyarrow as pa

from monitoring_tasks.data.rows import ArrowRows, Chunk
from monitoring_tasks.profile.arrow import COLUMNS_PER_TASK, processors, profile_table, types_of
from monitoring_tasks.profile.binning import Binning, ColumnBins, Ints, binning_hash
from monitoring_tasks.profile.kernel import Column, arrow_array
from monitoring_tasks.profile.profile import Profile, merge

_EPOCH = date(1970, 1, 1)
_PER_DAY = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}


def profile_days(rows: ArrowRows, binning: Binning, timestamp: str) -> dict[str, Profile]:
    """Profiles of the rows of each UTC day, by `YYYY-MM-DD`, oldest first; a time without a zone is read as UTC.

    Rows without a timestamp are in none of them. Empty when the column holds neither timestamps nor dates.
    """
    names = list(binning.columns)
    groups = [names[start : start + COLUMNS_PER_TASK] for start in range(0, len(names), COLUMNS_PER_TASK)]
    chunks, digest = rows.chunks(None), binning_hash(binning)
    with ThreadPoolExecutor(processors()) as pool:
        found = [_added(pool.map(partial(_days_of, binning, digest, timestamp, group), chunks)) for group in groups]
    days = sorted({day for group in found for day in group})
    return {day: _joined([group[day] for group in found if day in group]) for day in days}


def _days_of(
    binning: Binning, digest: str, timestamp: str, names: Sequence[str], chunk: Chunk
) -> list[tuple[str, Profile]]:
    table = chunk.read([*names, timestamp])
    if timestamp not in table.column_names or not _has_days(table.schema.field(timestamp).type):
        return []
    bins = {name: binning.columns[name] for name in names}
    return [(day, _profile(rows, bins, digest)) for day, rows in _split(table, timestamp)]


def _profile(table: pa.Table, bins: Mapping[str, ColumnBins], digest: str) -> Profile:
    types = types_of(table)
    seen = {name: (types[name],) if name in types else () for name in bins}
    return Profile(digest, table.num_rows, profile_table(table, bins), seen)


def _has_days(kind: pa.DataType) -> bool:
    return pa.types.is_timestamp(kind) or pa.types.is_date(kind)


def _split(table: pa.Table, timestamp: str) -> Iterator[tuple[str, pa.Table]]:
    table = table.filter(table[timestamp].is_valid())
    days = _day_numbers(table[timestamp])
    ordered = table.take(arrow_array(np.argsort(days, kind="stable")))
    numbers, starts, counts = np.unique(np.sort(days), return_index=True, return_counts=True)
    for number, start, count in zip(numbers.tolist(), starts.tolist(), counts.tolist(), strict=True):
        yield (_EPOCH + timedelta(days=number)).isoformat(), ordered.slice(start, count)


def _day_numbers(moments: Column) -> Ints:
    kind = moments.type
    if isinstance(kind, pa.TimestampType):
        days: Ints = moments.cast(pa.int64()).to_numpy() // _PER_DAY[kind.unit]
        return days
    return moments.cast(pa.date32()).cast(pa.int32()).to_numpy().astype(np.int64)


def _added(parts: Iterator[list[tuple[str, Profile]]]) -> dict[str, Profile]:
    """The parts of one group of columns added up by day, in the order of the chunks."""
    found: dict[str, Profile] = {}
    for part in parts:
        for day, profile in part:
            found[day] = merge([found[day], profile]) if day in found else merge([profile])
    return found


def _joined(groups: Sequence[Profile]) -> Profile:
    """One profile with the columns of all groups, which cover the same rows."""
    columns = {name: column for group in groups for name, column in group.columns.items()}
    types = {name: kinds for group in groups for name, kinds in group.types.items()}
    return Profile(groups[0].binning, groups[0].rows, columns, types)
