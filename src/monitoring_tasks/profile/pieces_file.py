"""The stored form of a reference's pieces: one parquet file, a row for each column of each piece."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from monitoring_tasks.profile.binning import Floats, Ints, canonical, require_format
from monitoring_tasks.profile.kernel import arrow_array
from monitoring_tasks.profile.profile import CategoryProfile, ColumnProfile, NumericProfile, Profile
from monitoring_tasks.window import Window

PIECES_FORMAT = 1
"""Version of this form; a reader refuses any other."""
_TOGETHER = 32
"""So many pieces are written and read at once: a row group of them is some tens of megabytes in memory."""
_PIECE = ("start", "end", "rows", "duplicates")
_NUMBERS = ("minimum", "maximum", "mean", "m2")
_COUNTED = ("null", "nan", "negative_infinite", "positive_infinite", "absent", "unusable", "other")
_OF_CATEGORIES = ("null", "absent", "unusable")
_HEAD = b"pieces"
BODY: dict[str, pa.DataType] = {
    "column": pa.string(),
    "types": pa.string(),
    "counts": pa.list_(pa.int64()),
    "sums": pa.list_(pa.float64()),
    **dict.fromkeys(_NUMBERS, pa.float64()),
    **dict.fromkeys(_COUNTED, pa.int64()),
    "unseen": pa.string(),
}
"""Types of what is written of each column of a profile."""
_SCHEMA = pa.schema(dict.fromkeys(_PIECE, pa.int64()) | BODY)
_NO_SUMS: Floats = np.empty(0)


def dumps_pieces(pieces: Mapping[Window, Profile]) -> bytes:
    """The pieces as a parquet file; the same pieces give the same bytes with the same pyarrow.

    Moments are seconds since the epoch. `types` and `unseen` are JSON texts, and `unseen` is null where the column is
    numeric. Numbers come back exactly, NaN and infinities too.
    """
    ordered = sorted(pieces)
    head = {"format": PIECES_FORMAT, "binning": pieces[ordered[0]].binning if ordered else None}
    sink = io.BytesIO()
    with pq.ParquetWriter(
        sink, _SCHEMA.with_metadata({_HEAD: canonical(head)}), compression="zstd", write_statistics=False
    ) as writer:
        for start in range(0, len(ordered), _TOGETHER):
            writer.write_table(_table({piece: pieces[piece] for piece in ordered[start : start + _TOGETHER]}))
    return sink.getvalue()


def _table(pieces: Mapping[Window, Profile]) -> pa.Table:
    heads: dict[str, list[Any]] = {
        "start": [int(piece.start.timestamp()) for piece in pieces],
        "end": [int(piece.end.timestamp()) for piece in pieces],
        "rows": [profile.rows for profile in pieces.values()],
        "duplicates": [profile.duplicates for profile in pieces.values()],
    }
    return profile_rows(heads, list(pieces.values()), _SCHEMA)


def profile_rows(heads: Mapping[str, Sequence[Any]], profiles: Sequence[Profile], schema: pa.Schema) -> pa.Table:
    """A row for each column of each profile, with what `heads` have for the profile; columns sorted by name."""
    entries = [(place, name) for place, profile in enumerate(profiles) for name in sorted(profile.columns)]
    columns = [profiles[place].columns[name] for place, name in entries]
    given: dict[str, list[Any]] = {
        **{head: [values[place] for place, _ in entries] for head, values in heads.items()},
        "column": [name for _, name in entries],
        "types": [canonical(profiles[place].types[name]).decode() for place, name in entries],
        **{name: [getattr(column, name, math.nan) for column in columns] for name in _NUMBERS},
        **{name: [getattr(column, name, 0) for column in columns] for name in _COUNTED},
        "unseen": [_unseen_text(column) for column in columns],
    }
    arrays = {name: pa.array(values, schema.field(name).type) for name, values in given.items()}
    arrays["counts"] = _lists([column.counts for column in columns])
    arrays["sums"] = _lists([getattr(column, "sums", _NO_SUMS) for column in columns])
    return pa.Table.from_arrays([arrays[name] for name in schema.names], schema=schema)


def _lists(values: Sequence[Ints | Floats]) -> pa.Array[Any]:
    ends = np.cumsum([0, *(len(each) for each in values)])
    lists: pa.Array[Any] = pa.ListArray.from_arrays(pa.array(ends, pa.int32()), arrow_array(np.concatenate(values)))
    return lists


def _unseen_text(column: ColumnProfile) -> str | None:
    return canonical(column.unseen).decode() if isinstance(column, CategoryProfile) else None


def loads_pieces(content: bytes) -> dict[Window, Profile]:
    """Inverse of `dumps_pieces`, oldest first; columns come sorted by name. Arrays cannot be written to.

    Raises `ProfileMismatch` on another format version.
    """
    file = pq.ParquetFile(pa.BufferReader(content))
    head = json.loads((file.schema_arrow.metadata or {}).get(_HEAD, b"{}"))
    require_format(head.get("format"), "pieces of the reference", version=PIECES_FORMAT)
    found: dict[Window, Profile] = {}
    for group in range(file.num_row_groups):
        found |= _pieces(file.read_row_group(group), head["binning"])
    return found


def _pieces(table: pa.Table, binning: str) -> dict[Window, Profile]:
    """The pieces of one row group, which holds every row of each of them."""
    return {
        Window(datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC)): replace(
            profile, rows=rows, duplicates=duplicates
        )
        for (start, end, rows, duplicates), profile in profiles_in(table, _PIECE, binning)
    }


def profiles_in(table: pa.Table, names: Sequence[str], binning: str) -> Iterator[tuple[tuple[Any, ...], Profile]]:
    """Inverse of `profile_rows`: what `names` have for each profile, and the profile, whose rows are to be told."""
    heads = zip(*(table[name].to_pylist() for name in names), strict=True)
    texts: list[list[Any]] = [table[name].to_pylist() for name in ("column", "types")]
    entries = zip(heads, *texts, _columns(table), strict=True)
    for head, group in groupby(entries, key=itemgetter(0)):
        own = list(group)
        columns = {name: column for _, name, _, column in own}
        yield head, Profile(binning, 0, columns, {name: _types(text) for _, name, text, _ in own})


@cache
def _types(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))


def _columns(table: pa.Table) -> Iterator[ColumnProfile]:
    arrays = zip(_arrays(table["counts"]), _arrays(table["sums"]), strict=True)
    numbers = zip(*(table[name].to_pylist() for name in _NUMBERS), strict=True)
    counted = zip(*(table[name].to_pylist() for name in _COUNTED), strict=True)
    for (counts, sums), ends, kinds, unseen in zip(arrays, numbers, counted, table["unseen"].to_pylist(), strict=True):
        fields = dict(zip(_COUNTED, kinds, strict=True))
        other = fields.pop("other")
        if unseen is None:
            yield NumericProfile(counts, sums, *ends, **fields)
        else:
            yield CategoryProfile(counts, json.loads(unseen), other, **{name: fields[name] for name in _OF_CATEGORIES})


def _arrays(column: pa.ChunkedArray[Any]) -> Iterator[Any]:
    """The list of each row as an array; all are parts of one, which is not copied."""
    for chunk in column.chunks:
        assert isinstance(chunk, pa.ListArray)
        values = np.from_dlpack(chunk.values)  # to_numpy would import pandas
        yield from (values[start:end] for start, end in pairwise(chunk.offsets.to_pylist()))
