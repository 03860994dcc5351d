"""One pass over rows that come as Arrow tables: a few columns of one row group at a time, on a few threads.

Memory is flat: threads x columns of a task x rows of a row group. What the tasks find is added up in the order of the
chunks, so the result does not depend on the number of threads or on which task ends first.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from monitoring_tasks.data.rows import ArrowRows, Chunk
from monitoring_tasks.profile.binning import ColumnBins, binning_hash
from monitoring_tasks.profile.kernel import CARRIED_UNSEEN, Column, arrow_array, profile_column, value_type
from monitoring_tasks.profile.plan import HASH, Hashes, Plan, Scan, join_samples
from monitoring_tasks.profile.profile import ColumnProfile, Profile, empty_column, merge_columns
from monitoring_tasks.profile.sample import Picks, count_duplicates, id_keys, pick_rows, threshold_for
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


@dataclass(frozen=True, eq=False)
class _Part:
    """What one task found in some columns of one piece."""

    piece: int
    columns: dict[str, ColumnProfile]
    types: dict[str, str]
    sample: pa.Table
    ids: Hashes | None = None


def scan_arrow(rows: ArrowRows, window: Window | None, plan: Plan, *, workers: int | None = None) -> Scan:
    """Profile and sample of the rows of `window` (all rows when None), each value read once.

    `workers` threads read and count: two by default, or one where the process may use one processor only. Errors of
    the source come through as they are.
    """
    with ThreadPoolExecutor(workers or processors()) as pool:
        pieces = cut(rows.chunks(window), pool, plan.sample_rows)
        tasks = [(place, columns) for place in range(len(pieces)) for columns in _column_groups(plan)]
        totals = _Totals(plan, pieces)
        for part in pool.map(lambda task: _examine(task[0], pieces[task[0]], task[1], plan), tasks):
            totals.add(part)
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


def _column_groups(plan: Plan) -> list[list[str]]:
    names = list(plan.binning.columns)
    roles = [name for name in plan.sample_columns if name not in plan.binning.columns]
    groups = [names[start : start + COLUMNS_PER_TASK] for start in range(0, len(names), COLUMNS_PER_TASK)]
    return [roles, *groups]


def _examine(place: int, piece: Piece, columns: Sequence[str], plan: Plan) -> _Part:
    table = piece.chunk.read(columns)
    bins = {name: plan.binning.columns[name] for name in columns if name in plan.binning.columns}
    ids = id_keys(table[plan.id]) if plan.id in table.column_names else None
    return _Part(place, profile_table(table, bins), types_of(table), table.take(arrow_array(piece.picks[0])), ids)


def profile_table(table: pa.Table, bins: Mapping[str, ColumnBins]) -> dict[str, ColumnProfile]:
    """The profile of each column of `bins` over the table's rows; one that the table lacks is absent in all of them."""
    return {
        name: profile_column(table[name], cuts) if name in table.column_names else empty_column(cuts, absent=len(table))
        for name, cuts in bins.items()
    }


def types_of(table: pa.Table) -> dict[str, str]:
    """The physical type of each column, a dictionary's being that of its entries."""
    return {entry.name: str(value_type(entry.type)) for entry in table.schema}


class _Totals:
    """What the parts so far add up to; parts must come in the order of the chunks."""

    def __init__(self, plan: Plan, pieces: Sequence[Piece]) -> None:
        self.plan = plan
        self.pieces = pieces
        self.rows = sum(piece.rows for piece in pieces)
        self.columns: dict[str, list[ColumnProfile]] = {
            name: [empty_column(bins)] for name, bins in plan.binning.columns.items()
        }
        self.types: dict[str, set[str]] = {name: set() for name in self.columns}
        self.samples: list[dict[str, Column]] = [{} for _ in pieces]
        self.pieces_with_id = 0
        # One array from the start: joining arrays at the end would need twice the memory.
        self.ids = np.empty(self.rows if plan.id else 0, np.uint64)
        self.ids_known = 0

    def add(self, part: _Part) -> None:
        for name, column in part.columns.items():
            self.columns[name].append(column)
            if len(self.columns[name]) > TOGETHER:
                self.columns[name] = [merge_columns(self.columns[name], unseen=CARRIED_UNSEEN)]
        for name in part.types.keys() & self.types.keys():
            self.types[name].add(part.types[name])
        self.samples[part.piece].update(zip(part.sample.column_names, part.sample.columns, strict=True))
        if part.ids is not None:
            self.ids[self.ids_known : self.ids_known + len(part.ids)] = part.ids
            self.ids_known += len(part.ids)
            self.pieces_with_id += 1

    def scan(self) -> Scan:
        columns = {name: merge_columns(parts) for name, parts in self.columns.items()}
        types = {name: tuple(sorted(kinds)) for name, kinds in self.types.items()}
        profile = Profile(binning_hash(self.plan.binning), self.rows, columns, types, self._duplicates())
        samples = [self._sample(place) for place in range(len(self.pieces))]
        sample = join_samples(samples, self.plan.sample_rows)
        order = [name for name in (*self.plan.sample_columns, HASH) if name in sample.column_names]
        return Scan(profile, sample.select(order))

    def _sample(self, place: int) -> pa.Table:
        found = self.samples[place] | {HASH: pa.chunked_array([arrow_array(self.pieces[place].picks[1])])}
        return pa.Table.from_arrays(list(found.values()), names=list(found))

    def _duplicates(self) -> int | None:
        if self.plan.id is None or self.pieces_with_id < len(self.pieces):
            return None
        return count_duplicates(self.ids[: self.ids_known])
