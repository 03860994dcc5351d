"""One profile for each natural piece of the rows, a UTC day or hour: how far an ordinary one lies from all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from monitoring_tasks.data.rows import ArrowRows, Chunk
from monitoring_tasks.profile.arrow import COLUMNS_PER_TASK, processors, profile_table, types_of
from monitoring_tasks.profile.binning import Binning, ColumnBins, Ints, binning_hash
from monitoring_tasks.profile.kernel import Column, arrow_array
from monitoring_tasks.profile.profile import Profile, merge
from monitoring_tasks.window import DAY, Window

NEWEST_HOURS = 672
"""So many hours with rows, 28 days without a gap, are kept: a year of hours would be 24 times a year of days."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


def profile_pieces(rows: ArrowRows, binning: Binning, timestamp: str, *, unit: timedelta) -> dict[Window, Profile]:
    """Profiles of the rows of each UTC day or hour (`unit`) that has any, oldest first; of hours the newest 672.

    A time without a zone is read as UTC. Rows without a timestamp, or with one outside the years 1 to 9999, are in
    none of them. Empty when the column holds neither timestamps nor dates.
    """
    names = list(binning.columns)
    groups = [names[start : start + COLUMNS_PER_TASK] for start in range(0, len(names), COLUMNS_PER_TASK)]
    chunks = rows.chunks(None)
    with ThreadPoolExecutor(processors()) as pool:
        numbers = np.unique(
            np.concatenate([_NONE, *pool.map(lambda chunk: _numbers_of(chunk, timestamp, unit), chunks)])
        )
        kept = numbers[-NEWEST_HOURS:] if unit < DAY else numbers
        cuts = [_Cut(binning, binning_hash(binning), timestamp, unit, kept, group) for group in groups]
        found = [_added(pool.map(cut.profiles, chunks)) for cut in cuts]
    return {_window(number, unit): _joined([group[number] for group in found]) for number in kept.tolist()}


_NONE: Ints = np.empty(0, np.int64)


def _window(number: int, unit: timedelta) -> Window:
    return Window(_EPOCH + number * unit, _EPOCH + (number + 1) * unit)


@dataclass(frozen=True, eq=False)
class _Cut:
    """What a task needs to profile the pieces of some columns of a chunk."""

    binning: Binning
    digest: str
    timestamp: str
    unit: timedelta
    kept: Ints
    names: Sequence[str]

    def profiles(self, chunk: Chunk) -> list[tuple[int, Profile]]:
        table = chunk.read([*self.names, self.timestamp])
        if not _has_moments(table, self.timestamp):
            return []
        bins = {name: self.binning.columns[name] for name in self.names}
        split = _split(table, self.timestamp, self.unit, self.kept)
        return [(number, _profile(rows, bins, self.digest)) for number, rows in split]


def _profile(table: pa.Table, bins: Mapping[str, ColumnBins], digest: str) -> Profile:
    types = types_of(table)
    seen = {name: (types[name],) if name in types else () for name in bins}
    return Profile(digest, table.num_rows, profile_table(table, bins), seen)


def _numbers_of(chunk: Chunk, timestamp: str, unit: timedelta) -> Ints:
    """Numbers since the epoch of the days or hours that the chunk has rows in, and that a window can span."""
    table = chunk.read([timestamp])
    if not _has_moments(table, timestamp):
        return _NONE
    numbers = np.unique(_piece_numbers(table, timestamp, unit))
    spans: Ints = numbers[(numbers >= (_FIRST - _EPOCH) // unit) & (numbers < (_LAST - _EPOCH) // unit)]
    return spans


def _has_moments(table: pa.Table, timestamp: str) -> bool:
    if timestamp not in table.column_names:
        return False
    kind = table.schema.field(timestamp).type
    return pa.types.is_timestamp(kind) or pa.types.is_date(kind)


def _piece_numbers(table: pa.Table, timestamp: str, unit: timedelta) -> Ints:
    """Number since the epoch of the piece of each row that has a timestamp."""
    moments: Column = table[timestamp].drop_null()
    seconds = int(unit.total_seconds())
    if isinstance(moments.type, pa.TimestampType):
        numbers: Ints = moments.cast(pa.int64()).to_numpy() // (_PER_SECOND[moments.type.unit] * seconds)
        return numbers
    days: Ints = moments.cast(pa.date32()).cast(pa.int32()).to_numpy().astype(np.int64)
    return days * int(DAY / unit)


def _split(table: pa.Table, timestamp: str, unit: timedelta, kept: Ints) -> Iterator[tuple[int, pa.Table]]:
    table = table.filter(table[timestamp].is_valid())
    numbers = _piece_numbers(table, timestamp, unit)
    ordered = table.take(arrow_array(np.argsort(numbers, kind="stable")))
    found, starts, counts = np.unique(np.sort(numbers), return_index=True, return_counts=True)
    for number, start, count in zip(found.tolist(), starts.tolist(), counts.tolist(), strict=True):
        if number in kept:
            yield number, ordered.slice(start, count)


def _added(parts: Iterator[list[tuple[int, Profile]]]) -> dict[int, Profile]:
    """The parts of one group of columns added up by piece, in the order of the chunks."""
    found: dict[int, Profile] = {}
    for part in parts:
        for number, profile in part:
            found[number] = merge([found[number], profile]) if number in found else merge([profile])
    return found


def _joined(groups: Sequence[Profile]) -> Profile:
    """One profile with the columns of all groups, which cover the same rows."""
    columns = {name: column for group in groups for name, column in group.columns.items()}
    types = {name: kinds for group in groups for name, kinds in group.types.items()}
    return Profile(groups[0].binning, groups[0].rows, columns, types)
