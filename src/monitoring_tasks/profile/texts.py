"""A bounded deterministic sample of the texts of some rows: few, and of each its beginning.

Texts may be personal: they are read only where a monitor declares descriptors of them, and never get into profiles or
into the sample of rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from monitoring_tasks.data.rows import ArrowRows
from monitoring_tasks.data.sql import Snapshot, SqlRows
from monitoring_tasks.profile.arrow import Piece, cut, processors
from monitoring_tasks.profile.kernel import Column, arrow_array, is_text, value_type
from monitoring_tasks.profile.plan import HASH, join_samples, smallest
from monitoring_tasks.profile.sample import Picks, pick_rows, threshold_for
from monitoring_tasks.profile.sql_sample import SamplePart, chunk_key, sampling
from monitoring_tasks.window import Window

TEXT_ROWS = 500
"""So many rows a sample of texts has at most."""
CHARACTERS = 2000
"""So many characters of a text are kept: code points, never a part of one."""


def sample_texts(rows: ArrowRows | SqlRows, window: Window | None, columns: Sequence[str]) -> pa.Table:
    """At most `TEXT_ROWS` of the rows of `window` (all rows when None), with the beginnings of their texts.

    Of `columns` those that hold texts, as strings, null where a row has none; what is not Unicode is replaced. `HASH`
    decides which rows stay, and samples of the pieces of a window are joined by it as samples of rows are. Rows of a
    database have their place by moment and texts: those that tie are equal. Raises what the source raises.
    """
    return _of_database(rows, window, columns) if isinstance(rows, SqlRows) else _of_chunks(rows, window, columns)


def join_texts(samples: Sequence[pa.Table]) -> pa.Table:
    """The sample of a window from those of its pieces, whose order does not matter."""
    return join_samples(samples, TEXT_ROWS)


def beginning(text: str | bytes | None, encoding: str = "utf-8") -> str | None:
    """The first `CHARACTERS` characters of a text; what is not Unicode is replaced, as are surrogates.

    >>> beginning(b"a\\xffb"), beginning("a\\ud800b"), beginning(None)
    ('a\ufffdb', 'a?b', None)
    """
    if text is None:
        return None
    read = text.decode(encoding, "replace") if isinstance(text, bytes) else text[:CHARACTERS]
    return read[:CHARACTERS].encode("utf-8", "replace").decode()


def _of_chunks(rows: ArrowRows, window: Window | None, columns: Sequence[str]) -> pa.Table:
    with ThreadPoolExecutor(processors()) as pool:
        pieces = _fewest(cut(rows.chunks(window), pool, TEXT_ROWS))
        found = list(pool.map(lambda piece: _texts_of(piece, columns), pieces))
    return join_texts(found)


def _fewest(pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces that have rows of the sample, each with those alone."""
    hashes = np.sort(np.concatenate([np.zeros(0, np.uint64), *(piece.picks[1] for piece in pieces)]))
    most = hashes[:TEXT_ROWS][-1:]
    chosen = [Piece(piece.chunk, piece.rows, _within(piece.picks, most)) for piece in pieces]
    return [piece for piece in chosen if len(piece.picks[0])]


def _within(picks: Picks, most: Any) -> Picks:
    positions, hashes = picks
    return positions[hashes <= most], hashes[hashes <= most]


def _texts_of(piece: Piece, columns: Sequence[str]) -> pa.Table:
    read = {name: _column(piece, name) for name in columns}
    found = {name: column for name, column in read.items() if column is not None}
    hashes = pa.chunked_array([arrow_array(piece.picks[1])])
    return pa.Table.from_arrays([*found.values(), hashes], names=[*found, HASH])


def _column(piece: Piece, name: str) -> Column | None:
    """The picked texts of a column; None where it holds none."""
    found: list[Column] = []
    positions, done = piece.picks[0], 0
    for part in piece.chunk.parts(name):
        if not is_text(value_type(part[name].type)):
            return None
        low, high = np.searchsorted(positions, [done, done + part.num_rows])
        found.append(_cut(part[name].take(arrow_array(positions[low:high] - done))))
        done += part.num_rows
    return pa.chunked_array([array for column in found for array in column.chunks], pa.string()) if found else None


def _cut(texts: Column) -> Column:
    # By way of bytes: files may hold text that is not valid UTF-8, and must not end the scan.
    raw = texts.cast(value_type(texts.type)).cast(pa.large_binary()).to_pylist()
    return pa.chunked_array([pa.array(map(beginning, raw), pa.string())])


def _of_database(rows: SqlRows, window: Window | None, columns: Sequence[str]) -> pa.Table:
    with rows.snapshot(window) as snapshot:
        encoding = snapshot.dialect.encoding(snapshot.connection)
        parts = [part for name in columns if (part := _part(snapshot, name, encoding)) is not None]
        count = int(snapshot.fetch(snapshot.select(sa.func.count()))[0][0])
        places, hashes = pick_rows(chunk_key(str(window)), count, threshold_for(TEXT_ROWS, count))
        found = snapshot.fetch(sampling(snapshot, parts, places)) if len(places) else []
    texts = [pa.array([part.read(row[place]) for row in found], part.kind) for place, part in enumerate(parts)]
    names = [*(part.name for part in parts), HASH]
    return smallest(pa.Table.from_arrays([*texts, pa.array(hashes, pa.uint64())], names=names), TEXT_ROWS)


def _part(snapshot: Snapshot, name: str, encoding: str) -> SamplePart | None:
    column = snapshot.columns.get(name)
    opening = None if column is None else snapshot.dialect.opening(column, CHARACTERS)
    return None if opening is None else SamplePart(name, opening, pa.string(), partial(beginning, encoding=encoding))
