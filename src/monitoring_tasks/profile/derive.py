"""The bins of every monitored column, derived from the reference's rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa

from monitoring_tasks.data.rows import ArrowRows
from monitoring_tasks.errors import ReferenceInvalid
from monitoring_tasks.methods import Kind
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.profile.arrow import Piece, cut, processors
from monitoring_tasks.profile.binning import Binning, CategoryBins, ColumnBins, Floats, numeric_bins
from monitoring_tasks.profile.kernel import Column, arrow_array, count_texts, numbers
from monitoring_tasks.profile.profile import most_frequent

EDGE_ROWS = 1_000_000
"""Quantiles come from all rows up to this number, and from a deterministic sample of it beyond."""
CATEGORIES = 1000
"""So many of the reference's most frequent categories have a bin of their own."""


def derive_binning(monitor: Monitor, rows: ArrowRows, kinds: Mapping[str, Kind]) -> Binning:
    """The bins of the columns of `kinds`, sorted by name. Raises `ReferenceInvalid` when there are no rows.

    A column is held in memory on its own; the values its edges come from are at most `EDGE_ROWS`.
    """
    with ThreadPoolExecutor(processors()) as pool:
        pieces = cut(rows.chunks(None), pool, EDGE_ROWS)
        if not pieces:
            raise ReferenceInvalid(f"reference of {monitor.name} has no rows: let the pipeline write its training rows")
        bins = pool.map(lambda name: _bins(monitor, pieces, name, kinds[name]), sorted(kinds))
        return Binning(dict(zip(sorted(kinds), bins, strict=True)))


def _bins(monitor: Monitor, pieces: Sequence[Piece], name: str, kind: Kind) -> ColumnBins:
    if kind == "categorical":
        return CategoryBins(_categories(pieces, name))
    feature = monitor.features.get(name)
    limits = feature.range if feature else None
    return numeric_bins(_values(pieces, name), limits=limits, slack=monitor.quality.range_slack)


def _values(pieces: Sequence[Piece], name: str) -> Floats:
    columns = [_sampled(piece, name) for piece in pieces]
    arrays = [numbers(array) for column in columns for array in column.chunks if not pa.types.is_null(array.type)]
    return np.concatenate([*(array.astype(np.float64, copy=False) for array in arrays), np.zeros(0)])


def _categories(pieces: Sequence[Piece], name: str) -> tuple[str, ...]:
    found: Counter[str] = Counter()
    for piece in pieces:
        column = _read(piece, name)
        found.update(count_texts(column))
    return tuple(most_frequent(found, CATEGORIES)[0])


def _sampled(piece: Piece, name: str) -> Column:
    column = _read(piece, name)
    return column if len(piece.picks[0]) == piece.rows else column.take(arrow_array(piece.picks[0]))


def _read(piece: Piece, name: str) -> Column:
    table = piece.chunk.read([name])
    return table[name] if name in table.column_names else pa.chunked_array([pa.nulls(0)])
