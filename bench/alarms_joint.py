"""Whole judgements from rows, with the tests of time gaps and joint changes that profiles cannot make."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from bench.alarms_days import MONTHS, Held, month_of, watched
from bench.alarms_draw import reference_of
from bench.alarms_faults import SOON
from bench.alarms_pool import TIMESTAMP, read_pool, smoothed
from bench.alarms_rules import Policy, Watch
from bench.alarms_runs import CALIBRATED, EPISODES, WINDOWS
from monitoring_tasks.calibration.assess import Assessed, Extra, TestKey
from monitoring_tasks.calibration.domain import JointNull, joint_null, separation
from monitoring_tasks.checks import Check
from monitoring_tasks.data.memory import TableRows
from monitoring_tasks.faults.time_gap import time_gap
from monitoring_tasks.profile.arrow import scan_arrow
from monitoring_tasks.profile.kernel import arrow_array
from monitoring_tasks.profile.pieces import profile_pieces
from monitoring_tasks.profile.plan import Plan
from monitoring_tasks.profile.reference import ReferenceProfile
from monitoring_tasks.window import DAY, Window

PERMUTED = "dewp"
"""Its values are dealt out anew among a window's rows: every column stays as it was, but dewp and temp part."""
_SOME_DAY = Window(datetime(2013, 4, 1, tzinfo=UTC), datetime(2013, 4, 2, tzinfo=UTC))


@dataclass(frozen=True)
class JointSize:
    """Clean windows of `rows` rows, and sequences of windows with a joint change for each number of rows."""

    windows: int
    sequences: int
    rows: int = 1000
    faulty: tuple[int, ...] = (500, 1000, 2000)


FULL = JointSize(windows=60, sequences=20)
QUICK = JointSize(windows=4, sequences=2, faulty=(500,))
_PARTS = 4


@dataclass(frozen=True, eq=False)
class Judge:
    """Judges tables of rows as the steps of a monitor judge those of a window."""

    policy: Policy
    null: JointNull

    @classmethod
    def of(cls, reference: ReferenceProfile) -> Judge:
        """The judge of daily windows."""
        null = joint_null(reference.sample, reference.kinds, timestamp=TIMESTAMP, width=DAY)
        return cls(Policy.of(reference, DAY), null)

    def tests(self, rows: pa.Table, window: Window = _SOME_DAY) -> Mapping[TestKey, Assessed]:
        """All tests of a window."""
        reference = self.policy.reference
        timestamp = TIMESTAMP if TIMESTAMP in rows.column_names else None
        found = scan_arrow(TableRows(rows), None, Plan(reference.binning, timestamp=timestamp))
        told = separation(reference.sample, found.sample, reference.kinds, most_rows=self.null.most_rows)
        gap = time_gap(found.sample, reference.sample, TIMESTAMP, window)
        extra: dict[TestKey, Extra] = {}
        if told is not None:
            extra[Check.JOINT, None] = Extra(self.null.p_value(told.auc, told.rows), max(told.auc - 0.5, 0.0))
        if gap is not None:
            extra[Check.TIME_GAP, None] = Extra(gap.p_value, gap.share)
        return self.policy.tests(found.profile, extra)


@lru_cache(maxsize=1)
def _drawn(file: Path) -> tuple[pa.Table, Judge]:
    pool = smoothed(read_pool(file))
    return pool, Judge.of(reference_of(pool, 0))


def clean(file: Path, part: int, size: JointSize) -> Counter[str]:
    """Of one part of the clean windows: alert episodes, and windows with an alarm."""
    pool, judge = _drawn(file)
    random, watch = np.random.default_rng([4, part]), Watch()
    found = Counter({WINDOWS: size.windows // _PARTS})
    for _ in range(size.windows // _PARTS):
        alarms = watch.alarms(judge.tests(_window(pool, random, size.rows)))
        found[CALIBRATED] += bool(alarms)
        found[EPISODES] += watch.begins(alarms)
    return found


def _window(pool: pa.Table, random: np.random.Generator, rows: int) -> pa.Table:
    return pool.take(arrow_array(random.integers(0, pool.num_rows, rows)))


def first_alarm(file: Path, rows: int, sequence: int) -> int:
    """The window of a sequence in which the joint change is found, 0 meaning in none of three."""
    pool, judge = _drawn(file)
    random, watch = np.random.default_rng([5, rows, sequence]), Watch()
    for number in range(1, SOON + 1):
        window = _window(pool, random, rows)
        place = window.column_names.index(PERMUTED)
        dealt = window[PERMUTED].take(arrow_array(random.permutation(rows)))
        if (Check.JOINT, None) in watch.alarms(judge.tests(window.set_column(place, PERMUTED, dealt))):
            return number
    return 0


def held_out(file: Path, month: int) -> Held:
    """The days of a month, against the rest of the flights."""
    reference, own = month_of(file, month)
    judge = Judge.of(reference)
    days = profile_pieces(TableRows(own), reference.binning, TIMESTAMP, unit=DAY)
    return watched(DAY, ((day, judge.tests(rows, day)) for day, rows in _split(own, days)))


def _split(own: pa.Table, days: Mapping[Window, object]) -> Iterator[tuple[Window, pa.Table]]:
    moments = own[TIMESTAMP].to_numpy().astype("datetime64[D]")
    for day in days:
        yield day, own.take(arrow_array(np.flatnonzero(moments == np.datetime64(day.start.date()))))


def all_clean(pool: Executor, file: Path, size: JointSize) -> Counter[str]:
    """What `clean` counts in all parts."""
    found = Counter[str]()
    for part in pool.map(clean, [file] * _PARTS, range(_PARTS), [size] * _PARTS):
        found.update(part)
    return found


def all_first_alarms(pool: Executor, file: Path, size: JointSize) -> dict[int, Counter[int]]:
    """How many sequences are found in each window, for each number of rows."""
    count = size.sequences
    made = {rows: pool.map(first_alarm, [file] * count, [rows] * count, range(count)) for rows in size.faulty}
    return {rows: Counter(found) for rows, found in made.items()}


def all_held_out(pool: Executor, file: Path) -> dict[str, list[Held]]:
    """What `held_out` finds in each month."""
    found = pool.map(held_out, [file] * len(MONTHS), MONTHS)
    return {name: [held] for name, held in zip(MONTHS.values(), found, strict=True)}
