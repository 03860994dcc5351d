"""Bursts: values that are missing, or rows that came twice, in one stretch of the window's time."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pyarrow as pa

from monitoring_tasks.faults.cause import Cause, Fault, between, in_percent, shown
from monitoring_tasks.faults.sides import (
    Flags,
    Sides,
    column_of,
    microseconds_of,
    missing_in,
    moment_of,
    within,
)
from monitoring_tasks.faults.stretches import Stretch, densest, longest_run
from monitoring_tasks.profile.binning import Ints
from monitoring_tasks.profile.plan import HASH
from monitoring_tasks.profile.profile import ColumnProfile, NumericProfile

EXPLAINED = 0.8
"""A stretch must hold so much of what is missing more than usually."""
FEWEST = 5
OFTEN = 0.05
"""Missing share of a column whose values use to be missing for some time."""


def null_burst(sides: Sides, column: str) -> Cause | None:
    """One stretch of time in which a column's values are missing; or all of the window, if all are."""
    missing = missing_in(sides.sample, column)
    if missing is None or len(missing) < FEWEST:
        return None
    usual = missing_share(sides.pairs[column].reference)
    if usual < 0.5 and missing.all():
        words = f"{shown(column)}: every value is missing (a field that is no longer filled?)"
        return Cause(Fault.NULL_BURST, column, 1.0, words)
    times = microseconds_of(sides.sample, sides.timestamp)
    return None if times is None else _burst(sides, column, missing, times, usual)


def missing_share(profile: ColumnProfile) -> float:
    """Share of rows with a null or NaN among those whose values could be read; 0 without rows."""
    nan = profile.nan if isinstance(profile, NumericProfile) else 0
    if isinstance(profile, NumericProfile):
        values = int(profile.counts.sum()) + profile.negative_infinite + profile.positive_infinite
    else:
        values = int(profile.counts.sum()) + sum(profile.unseen.values()) + profile.other
    lacking = profile.null + nan
    return lacking / (values + lacking) if values + lacking else 0.0


def _burst(sides: Sides, column: str, missing: Flags, times: Ints, usual: float) -> Cause | None:
    inside = within(times, sides.window)
    times, missing = times[inside], missing[inside]
    stretch = densest(times, missing, usual=usual)
    if stretch is None or not _accounts(stretch, missing, usual) or _ordinary(sides, column, stretch, usual):
        return None
    share = (stretch.hits - usual * stretch.rows) / len(missing)
    words = (
        f"{shown(column)}: {in_percent(stretch.hits / stretch.rows)} of the values are missing {_when(stretch)} UTC, "
        "and no more than usual outside (a burst of nulls)"
    )
    return Cause(Fault.NULL_BURST, column, share, words.replace("all of the", "all"))


def _accounts(stretch: Stretch, hits: Flags, usual: float) -> bool:
    """Whether the stretch is full of hits, narrower than the window, and holds nearly all beyond the usual."""
    excess = stretch.hits - usual * stretch.rows
    wanted = int(hits.sum()) - usual * len(hits)
    dense = stretch.hits >= max(0.4, (1 + usual) / 2 if usual > OFTEN else 0.0) * stretch.rows
    chance = 4 * math.sqrt(usual * (1 - usual) * len(hits))
    real = excess >= max(FEWEST, chance) and wanted >= max(FEWEST, chance, 0.6 * excess)
    return dense and real and stretch.rows < 0.9 * len(hits) and excess >= EXPLAINED * wanted


def _ordinary(sides: Sides, column: str, stretch: Stretch, usual: float) -> bool:
    """Whether the reference's values, often missing, are missing for as long at a time."""
    missing, times = (
        missing_in(sides.reference_sample, column),
        microseconds_of(sides.reference_sample, sides.timestamp),
    )
    if usual < OFTEN or missing is None or times is None:
        return False
    return stretch.end - stretch.start <= 2 * longest_run(times, np.where(missing, 1, -1))


def _when(stretch: Stretch) -> str:
    return between(moment_of(stretch.start), moment_of(stretch.end))


def duplicated_batch(sides: Sides) -> Cause | None:
    """Rows that came twice: in one stretch of time, or all of them.

    Where the sample holds enough of them to see that they are strewn over the window, it was no batch. Where it holds
    too few, the number of ids that came twice speaks alone.
    """
    again = _repeated(sides)
    known = min(sides.duplicates / sides.rows, 1.0) if sides.duplicates is not None and sides.rows else None
    if again is None or (known is not None and known <= 0):
        return None
    if np.count_nonzero(again) < 2 * FEWEST:
        return None if known is None or known < 0.005 else _batch(known, "")
    share = known if known is not None else np.count_nonzero(again) / 2 / len(again)
    if share > 0.45:  # whether or not the sample holds both rows of most pairs
        return _batch(share, ", which is all of them twice")
    times = microseconds_of(sides.sample, sides.timestamp)
    return _batch(share, "") if times is None else _located(again, times, sides, share)


def _located(again: Flags, times: Ints, sides: Sides, share: float) -> Cause | None:
    inside = within(times, sides.window)
    stretch = densest(times[inside], again[inside], usual=_outside(again))
    if stretch is None or stretch.hits < 0.7 * np.count_nonzero(again[inside]):
        return None
    return _batch(share, f", nearly all of them {_when(stretch)} UTC")


def _outside(again: Flags) -> float:
    """Share of repeated rows that is not yet a batch: low, since the sample holds both rows of few pairs only."""
    return float(np.mean(again)) * 0.3


def _batch(share: float, where: str) -> Cause:
    words = f"{in_percent(share)} of the rows repeat a row that came before{where} (a batch that was delivered twice?)"
    return Cause(Fault.DUPLICATED_BATCH, None, share, words)


def _repeated(sides: Sides) -> Flags | None:
    """Whether each sampled row's id, or the whole row where there is no id, occurs in the sample more than once."""
    keys = _keys(sides.sample, sides.id)
    if keys is None:
        return None
    _, places, counts = np.unique(np.array(keys, np.int64), return_inverse=True, return_counts=True)
    repeated: Flags = counts[places] > 1
    return repeated


def _keys(table: pa.Table, name: str | None) -> list[int] | None:
    column = column_of(table, name)
    if column is not None:
        # A row without an id repeats none.
        return [_key(("row", place) if value is None else value) for place, value in enumerate(column.to_pylist())]
    if name is not None:
        return None
    columns = [table.column(place).to_pylist() for place, each in enumerate(table.column_names) if each != HASH]
    return [_key(row) for row in zip(*columns, strict=True)] if len(columns) > 1 else None


def _key(value: object) -> int:
    return int.from_bytes(hashlib.blake2b(repr(value).encode("utf-8", "replace"), digest_size=7).digest())
