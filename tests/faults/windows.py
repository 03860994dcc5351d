"""Windows with known faults for the tests: realistic columns, a baseline of many rows, and one window beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from monitoring_tasks.checks import Check
from monitoring_tasks.faults.causes import Cause, Sides, probable_causes
from monitoring_tasks.profile.binning import CategoryBins, ColumnBins, Floats, NumericBins, numeric_bins
from monitoring_tasks.profile.kernel import count_texts, profile_column
from monitoring_tasks.profile.pairs import Pair
from monitoring_tasks.window import Window

Random = np.random.Generator
WINDOW = Window.parse("2013-06-03", "2013-06-04")
WEEK = Window.parse("2013-06-03", "2013-06-10")
BASELINE_START = datetime(2013, 3, 4, tzinfo=UTC)
BASELINE_DAYS = 84
SHAPES: dict[str, Callable[[Random, int], Any]] = {
    "age": lambda random, count: random.normal(40, 8, count),
    "balance": lambda random, count: random.normal(0, 100, count),
    "distance": lambda random, count: np.round(random.lognormal(6.5, 0.7, count)),
    "spend": lambda random, count: random.lognormal(3, 1, count),
    "rain": lambda random, count: np.where(random.random(count) < 0.7, 0.0, random.exponential(2, count)),
    "visits": lambda random, count: random.poisson(5, count),
    "fahrenheit": lambda random, count: np.round(random.normal(60, 8, count), 1),
    "hour": lambda random, count: np.clip(np.round(random.normal(13, 4, count)), 0, 23).astype(np.int64),
    "minute": lambda random, count: np.clip(np.round(random.normal(800, 200, count)), 0, 1439),
    "carrier": lambda random, count: random.choice(
        ["AA", "B6", "DL", "UA", "Écu"], count, p=[0.3, 0.25, 0.2, 0.15, 0.1]
    ),
    "score": lambda random, count: random.beta(2, 8, count),
}
EVERY = [
    *((check, column) for column in SHAPES for check in Check),
    *((check, None) for check in Check),
]


def working_hours(random: Random, count: int) -> Floats:
    """Seconds since midnight: from 6 to 22 o'clock, most around one."""
    return np.clip(random.normal(13, 3.5, 4 * count), 6, 21.99)[:count] * 3600


def rows(random: Random, count: int, *, start: datetime = WINDOW.start, days: int = 1) -> dict[str, Any]:
    """Columns of an ordinary window."""
    seconds = working_hours(random, count) + 86_400 * random.integers(0, days, count)
    moments = np.datetime64(start.replace(tzinfo=None), "us") + (seconds * 1e6).astype(np.int64)
    order = np.sort(moments)
    ids = [f"{start:%m%d}-{random.integers(2**40)}-{place}" for place in range(count)]
    return {"id": np.array(ids, object), "at": order, **{name: shape(random, count) for name, shape in SHAPES.items()}}


def table(columns: dict[str, Any]) -> pa.Table:
    """The columns as Arrow, None for what is missing."""
    return pa.table({name: pa.array(values) for name, values in columns.items()})


def binned(column: pa.ChunkedArray) -> ColumnBins:
    """Bins of a reference column."""
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return CategoryBins(tuple(sorted(count_texts(column))))
    return numeric_bins(column.to_numpy().astype(float), limits=None, slack=3)


class Baseline:
    """The profiles and the sample of many ordinary rows."""

    def __init__(self, count: int = 20_000) -> None:
        full = table(rows(np.random.default_rng(1), count, start=BASELINE_START, days=BASELINE_DAYS))
        self.bins = {name: binned(full[name]) for name in SHAPES}
        self.profiles = {name: profile_column(full[name], bins) for name, bins in self.bins.items()}
        places = np.sort(np.random.default_rng(2).choice(count, 5000, replace=False))
        self.sample = full.take(pa.array(places))

    def beside(self, current: pa.Table, window: Window = WINDOW) -> Sides:
        """A window's rows beside the baseline; at most 5000 of them sampled."""
        pairs = {
            name: Pair(bins, self.profiles[name], profile_column(current[name], bins))
            for name, bins in self.bins.items()
        }
        keys = current["id"].to_pylist()
        random = np.random.default_rng(3)
        places = np.sort(random.choice(len(keys), min(5000, len(keys)), replace=False))
        sample = current.take(pa.array(places))
        return Sides(window, pairs, self.sample, sample, "at", "id", len(keys), duplicates=len(keys) - len(set(keys)))


BASELINE = Baseline()


def chosen(random: Random, count: int, share: float) -> Any:
    """Which rows a fault touches: exactly that share of them, anywhere."""
    touched = np.zeros(count, bool)
    touched[random.choice(count, max(1, round(share * count)), replace=False)] = True
    return touched


def together(count: int, share: float) -> Any:
    """The same in one stretch: from a third of the rows on, or as early as needed."""
    size = round(share * count)
    first = min(count // 3, count - size)
    return (np.arange(count) >= first) & (np.arange(count) < first + size)


def of_column(cause_of: Sides, column: str | None) -> Cause | None:
    """The cause named for a column when everything is found."""
    return next((cause for cause in probable_causes(cause_of, EVERY) if cause.column == column), None)


def without_timestamps(sides: Sides) -> Sides:
    """The same rows, of which no time is known."""
    return replace(sides, timestamp=None, sample=sides.sample.drop_columns("at"))


def day(number: int) -> timedelta:
    """So many days."""
    return timedelta(days=number)


def is_numeric(name: str) -> bool:
    """Whether a column of `SHAPES` is numeric."""
    return isinstance(BASELINE.bins[name], NumericBins)
