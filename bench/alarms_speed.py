"""What calibrating on a year of daily windows costs, and judging one window: 200 columns, from profiles alone."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple, TypeVar

import numpy as np
import pyarrow as pa

from bench.alarms_rules import Policy
from monitoring_tasks.methods import Kind
from monitoring_tasks.profile.binning import Binning, CategoryBins, ColumnBins, NumericBins, binning_hash
from monitoring_tasks.profile.plan import HASH
from monitoring_tasks.profile.profile import CategoryProfile, ColumnProfile, NumericProfile, Profile, merge
from monitoring_tasks.profile.reference import ReferenceProfile, dumps_reference, loads_reference
from monitoring_tasks.window import DAY, Window

BINS, CATEGORIES, ROWS, JUDGED = 200, 100, 1000, 20
EACH_FIFTH = 5
"""One column in five is categorical."""
_FIRST = datetime(2012, 1, 1, tzinfo=UTC)


class Spent(NamedTuple):
    """Seconds of the processor and of the clock."""

    cpu: float
    wall: float


@dataclass(frozen=True)
class Speed:
    """What calibrating cost, the reference being read from its files, and judging a window (medians)."""

    columns: int
    days: int
    calibrating: Spent
    judging: Spent


def speed(columns: int, days: int) -> Speed:
    """The cost for a reference of so many days, each of about a thousand rows."""
    random = np.random.default_rng([3, columns, days])
    binning = _binning(columns)
    windows = [_profile(random, binning) for _ in range(JUDGED)]
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder), random, binning, days)
        policy, calibrating = _timed(lambda: _policy(Path(folder)))
    judging = [_timed(partial(policy.tests, window))[1] for window in windows]
    middle = Spent(median(each.cpu for each in judging), median(each.wall for each in judging))
    return Speed(columns, days, calibrating, middle)


def _policy(folder: Path) -> Policy:
    return Policy.of(loads_reference(lambda name: (folder / name).read_bytes()), DAY)


Made = TypeVar("Made")


def _timed(work: Callable[[], Made]) -> tuple[Made, Spent]:
    wall, cpu = time.perf_counter(), time.process_time()
    made = work()
    return made, Spent(time.process_time() - cpu, time.perf_counter() - wall)


def _write(folder: Path, random: np.random.Generator, binning: Binning, days: int) -> None:
    """The files of a reference whose days differ from each other."""
    pieces = {_day(number): _profile(random, binning) for number in range(days)}
    kinds: dict[str, Kind] = {name: _kind(bins) for name, bins in binning.columns.items()}
    sample = pa.table({HASH: pa.array([], pa.uint64())})
    reference = ReferenceProfile("", kinds, binning, merge(list(pieces.values())), pieces, sample)
    for name, content in dumps_reference(reference).items():
        (folder / name).write_bytes(content)


def _day(number: int) -> Window:
    return Window(_FIRST + number * DAY, _FIRST + (number + 1) * DAY)


def _kind(bins: ColumnBins) -> Kind:
    return "categorical" if isinstance(bins, CategoryBins) else "numeric"


def _binning(columns: int) -> Binning:
    edges = np.linspace(-4, 4, BINS - 1)
    numbers = NumericBins(edges, np.arange(BINS // 10 - 1, BINS - 1, BINS // 10), float(edges[0]), float(edges[-1]))
    words = CategoryBins(tuple(f"value {number:03}" for number in range(CATEGORIES)))
    return Binning({f"column {each:03}": numbers if each % EACH_FIFTH else words for each in range(columns)})


def _profile(random: np.random.Generator, binning: Binning) -> Profile:
    """One day: every column has its own mood."""
    columns = {name: _column(random, bins) for name, bins in binning.columns.items()}
    types = {
        name: ("double",) if isinstance(bins, NumericBins) else ("string",) for name, bins in binning.columns.items()
    }
    return Profile(binning_hash(binning), ROWS, columns, types)


def _column(random: np.random.Generator, bins: ColumnBins) -> ColumnProfile:
    missing = int(random.binomial(ROWS, 0.02))
    if isinstance(bins, CategoryBins):
        shares = 1 / np.arange(1, CATEGORIES + 1) * random.gamma(50, 1 / 50, CATEGORIES)
        return CategoryProfile(random.multinomial(ROWS - missing, shares / shares.sum()), {}, null=missing)
    values = random.normal(random.normal(0, 0.1), 1, ROWS - missing)
    places = np.searchsorted(bins.edges, values)
    counts, sums = (
        np.bincount(places, minlength=BINS),
        np.bincount(places, weights=values, minlength=BINS).astype(np.float64),
    )
    ends = float(values.min()), float(values.max())
    return NumericProfile(counts, sums, *ends, float(values.mean()), float(values.var() * len(values)), null=missing)
