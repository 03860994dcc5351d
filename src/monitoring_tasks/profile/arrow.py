"""One pass over rows that come as Arrow tables: a few columns of one row group at a time, on a few threads.

Memory is flat: threads x columns of a task x rows of a row group. What the tasks find is added up in the order of the
chunks, so the result does not depend on the number of threads or on which task ends first.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from monitoring_tasks.data.rows import ArrowRows, Chunk
from monitoring_tasks.profile.binning import Binning, ColumnBins, binning_hash
from monitoring_tasks.profile.kernel import CARRIED_UNSEEN, Column, arrow_array, profile_column, value_type
from monitoring_tasks.profile.parts import profile_segments
from monitoring_tasks.profile.plan import HASH, Hashes, Plan, Scan, join_samples
from monitoring_tasks.profile.profile import ColumnProfile, Profile, empty_column, merge_columns
from monitoring_tasks.profile.sample import Picks, count_duplicates, id_keys, pick_rows, threshold_for
from monitoring_tasks.profile.segments import Parted, part
from monitoring_tasks.window import Window

COLUMNS_PER_TASK = 10
"""Few columns keep memory flat; with fewer, threads would spend more on taking turns, and stores on round trips."""
WORKERS = 2
TOGETHER = 16
"""So many profiles of a column wait to be added up at once, which costs little more than adding one."""


@dataclass(frozen=True, eq=False)
class Piece:
    """A chunk that has rows: their number, and those that the sample takes."""

    chunk: Chunk
    rows: int
    picks: Picks


Segments = Mapping[str, tuple[int, Mapping[str, ColumnProfile]]]
"""Rows of a piece by segment: how many, and some of their columns."""


@dataclass(frozen=True, eq=False)
class _Part:
    """What one task found in some columns of one piece."""

    piece: int
    columns: dict[str, ColumnProfile]
    types: dict[str, str]
    sample: pa.Table
    ids: Hashes | None = None
    segments: Segments = field(default_factory=dict)
    first: bool = True


def scan_arrow(rows: ArrowRows, window: Window | None, plan: Plan, *, workers: int | None = None) -> Scan:
    """Profile and sample of the rows of `window` (all rows when None), each value read once.

    `workers` threads read and count: two by default, or one where the process may use one processor only. Errors of
    the source come through as they are.
    """
    with ThreadPoolExecutor(workers or processors()) as pool:
        pieces = cut(rows.chunks(window), pool, plan.sample_rows)
        tasks = [(place, groups) for place in range(len(pieces)) for groups in _work(plan, rows)]
        totals = _Totals(plan, pieces)
        for parts in pool.map(lambda task: list(_examined(task[0], pieces[task[0]], task[1], plan)), tasks):
            for found in parts:
                totals.add(found)
    return totals.scan()


def processors() -> int:
    """Threads worth starting: the processors this process may use, at most `WORKERS`."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(WORKERS, count)


def cut(chunks: Sequence[Chunk], pool: Executor, sample_rows: int) -> list[Piece]:
    """The chunks that have rows, with their share of a sample of about `sample_rows` rows over all of them."""
    counts = list(pool.map(lambda chunk: chunk.read([]).num_rows, chunks))
    filled = [(chunk, count) for chunk, count in zip(chunks, counts, strict=True) if count]
    threshold = threshold_for(sample_rows, sum(counts))
    picks = pool.map(lambda pair: pick_rows(pair[0].key, pair[1], threshold), filled)
    return [Piece(chunk, count, picked) for (chunk, count), picked in zip(filled, picks, strict=True)]


def _work(plan: Plan, rows: ArrowRows) -> list[list[list[str]]]:
    """Groups of columns by the task that reads them: one group for each, or all of a piece that is cut in segments.

    The task knows which row is of which segment once it has read the first group.
    """
    divided = list(dict.fromkeys(name for division in plan.segments for name in division.columns))
    names = rows.together(name for name in plan.binning.columns if name not in divided)
    roles = [name for name in plan.sample_columns if name not in plan.binning.columns and name not in divided]
    groups = [names[start : start + COLUMNS_PER_TASK] for start in range(0, len(names), COLUMNS_PER_TASK)]
    return [[[*divided, *roles], *groups]] if plan.segments else [[group] for group in ([roles, *groups])]


def _examined(place: int, piece: Piece, groups: Sequence[Sequence[str]], plan: Plan) -> Iterator[_Part]:
    parted: list[Parted] = []
    for number, columns in enumerate(groups):
        table = piece.chunk.read(columns)
        if plan.segments and not number:
            parted = [part(table, division) for division in plan.segments]
        bins = {name: plan.binning.columns[name] for name in columns if name in plan.binning.columns}
        ids = id_keys(table[plan.id]) if plan.id in columns and plan.id in table.column_names else None
        sample = table.take(arrow_array(piece.picks[0]))
        segments = {w: found for each in parted for w, found in profile_segments(table, bins, each).items()}
        yield _Part(place, profile_table(table, bins), types_of(table), sample, ids, segments, not number)


def profile_table(table: pa.Table, bins: Mapping[str, ColumnBins]) -> dict[str, ColumnProfile]:
    """The profile of each column of `bins` over the table's rows; one that the table lacks is absent in all of them."""
    return {
        name: profile_column(table[name], cuts) if name in table.column_names else empty_column(cuts, absent=len(table))
        for name, cuts in bins.items()
    }


def types_of(table: pa.Table) -> dict[str, str]:
    """The physical type of each column, a dictionary's being that of its entries."""
    return {entry.name: str(value_type(entry.type)) for entry in table.schema}


class _Columns:
    """What the profiles of some rows so far add up to, column by column."""

    def __init__(self, binning: Binning) -> None:
        self.rows = 0
        self.parts: dict[str, list[ColumnProfile]] = {
            name: [empty_column(bins)] for name, bins in binning.columns.items()
        }

    def add(self, columns: Mapping[str, ColumnProfile]) -> None:
        for name, column in columns.items():
            self.parts[name].append(column)
            if len(self.parts[name]) > TOGETHER:
                self.parts[name] = [merge_columns(self.parts[name], unseen=CARRIED_UNSEEN)]

    def merged(self) -> dict[str, ColumnProfile]:
        return {name: merge_columns(parts) for name, parts in self.parts.items()}


class _Totals:
    """What the parts so far add up to; parts must come in the order of the chunks."""

    def __init__(self, plan: Plan, pieces: Sequence[Piece]) -> None:
        self.plan = plan
        self.pieces = pieces
        self.rows = sum(piece.rows for piece in pieces)
        self.columns = _Columns(plan.binning)
        self.segments = {words: _Columns(plan.binning) for division in plan.segments for words in division.words}
        self.types: dict[str, set[str]] = {name: set() for name in plan.binning.columns}
        self.samples: list[dict[str, Column]] = [{} for _ in pieces]
        self.pieces_with_id = 0
        # One array from the start: joining arrays at the end would need twice the memory.
        self.ids = np.empty(self.rows if plan.id else 0, np.uint64)
        self.ids_known = 0

    def add(self, part: _Part) -> None:
        self.columns.add(part.columns)
        for name in part.types.keys() & self.types.keys():
            self.types[name].add(part.types[name])
        self.samples[part.piece].update(zip(part.sample.column_names, part.sample.columns, strict=True))
        self._add_segments(part)
        if part.ids is not None:
            self.ids[self.ids_known : self.ids_known + len(part.ids)] = part.ids
            self.ids_known += len(part.ids)
            self.pieces_with_id += 1

    def _add_segments(self, part: _Part) -> None:
        for words, (rows, columns) in part.segments.items():
            self.segments[words].add(columns)
            self.segments[words].rows += rows if part.first else 0

    def scan(self) -> Scan:
        digest = binning_hash(self.plan.binning)
        types = {name: tuple(sorted(kinds)) for name, kinds in self.types.items()}
        profile = Profile(digest, self.rows, self.columns.merged(), types, self._duplicates())
        segments = {words: Profile(digest, found.rows, found.merged(), types) for words, found in self.segments.items()}
        samples = [self._sample(place) for place in range(len(self.pieces))]
        sample = join_samples(samples, self.plan.sample_rows)
        order = [name for name in (*self.plan.sample_columns, HASH) if name in sample.column_names]
        return Scan(profile, sample.select(order), segments)

    def _sample(self, place: int) -> pa.Table:
        found = self.samples[place] | {HASH: pa.chunked_array([arrow_array(self.pieces[place].picks[1])])}
        return pa.Table.from_arrays(list(found.values()), names=list(found))

    def _duplicates(self) -> int | None:
        if self.plan.id is None or self.pieces_with_id < len(self.pieces):
            return None
        return count_duplicates(self.ids[: self.ids_known])
