"""A monitor, its reference and its log for tests of what windows are compared with: real rows, or marked pieces."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import yaml

from monitoring_tasks.monitor import Monitor
from monitoring_tasks.profile.arrow import scan_arrow
from monitoring_tasks.profile.binning import Binning, CategoryBins, binning_hash
from monitoring_tasks.profile.plan import Plan
from monitoring_tasks.profile.profile import CategoryProfile, ColumnProfile, NumericProfile, Profile
from monitoring_tasks.profile.reference import ReferenceProfile, build_reference
from monitoring_tasks.window import Window, floor
from tests.production import YAML, rows
from tests.profile.shapes import MemoryRows

REFERENCE_START = date(2013, 1, 1)


def monitor(**given: Any) -> Monitor:
    """The monitor of `tests.production` with other values for some keys."""
    return Monitor.model_validate({**yaml.safe_load(YAML), **given})


def reference(about: Monitor, *, days: int = 30, count: int = 300) -> ReferenceProfile:
    """The first `days` days of 2013, profiled as a training reference."""
    tables = [pa.table(rows(REFERENCE_START + timedelta(days=day), count=count)) for day in range(days)]
    return build_reference(about, MemoryRows(tables), "0" * 64)


class Log:
    """Production rows by day, and how they are profiled; `asked` are the spans asked for, `broken` those unreadable."""

    def __init__(self, about: ReferenceProfile) -> None:
        self.plan = Plan(about.binning)
        self.tables: list[pa.Table] = []
        self.asked: list[Window] = []
        self.broken: set[Window] = set()

    def write(self, first: date, days: int, *, without: str | None = None, **more: Any) -> None:
        """Add rows of several days, `without` one of the columns."""
        for number in range(days):
            table = pa.table(rows(first + timedelta(days=number), **more))
            self.tables.append(table.drop_columns([without]) if without else table)

    def piece(self, span: Window) -> Profile | None:
        """What a run is given to read the log with."""
        self.asked.append(span)
        return None if span in self.broken else self.scan(span)

    def scan(self, span: Window) -> Profile:
        """The profile of the rows of a span, by one scan over all of them."""
        inside = [table.filter(_inside(table, span)) for table in self.tables]
        return scan_arrow(MemoryRows([table for table in inside if table.num_rows]), None, self.plan).profile


def _inside(table: pa.Table, span: Window) -> Any:
    start, end = (pa.scalar(moment, pa.timestamp("us", "UTC")) for moment in (span.start, span.end))
    return pc.and_(pc.greater_equal(table["at"], start), pc.less(table["at"], end))


def assert_same(found: ColumnProfile, expected: ColumnProfile) -> None:
    """Equal counts; sums and moments equal up to rounding."""
    np.testing.assert_array_equal(found.counts, expected.counts)
    assert (found.null, found.absent, found.unusable) == (expected.null, expected.absent, expected.unusable)
    if isinstance(found, NumericProfile):
        assert isinstance(expected, NumericProfile)
        assert (found.minimum, found.maximum) == (expected.minimum, expected.maximum)
        np.testing.assert_allclose(found.sums, expected.sums)
        np.testing.assert_allclose([found.mean, found.m2], [expected.mean, expected.m2])


CLEAN, LEAKED = 0, 1
_BINS = Binning({"x": CategoryBins(("clean", "leaked"))})


def marked(count: int, mark: int) -> Profile:
    """A profile of `count` rows that all carry one mark."""
    counts = np.zeros(2, np.int64)
    counts[mark] = count
    return Profile(binning_hash(_BINS), count, {"x": CategoryProfile(counts, {})}, {"x": ("string",)})


def marked_reference(pieces: Mapping[Window, Profile]) -> ReferenceProfile:
    """A reference of one column whose pieces are marked."""
    return ReferenceProfile("0" * 64, {"x": "categorical"}, _BINS, marked(1, CLEAN), pieces, pa.table({}))


def leaking_reference(window: Window, unit: timedelta) -> ReferenceProfile:
    """One whose pieces reach from hundreds of units before the window's start to dozens after it, those leaked."""
    starts = [floor(window.start, unit) + number * unit for number in range(-400, 60)]
    return marked_reference(
        {Window(start, start + unit): marked(5, LEAKED if start + unit > window.start else CLEAN) for start in starts}
    )


def marker(window: Window, asked: list[Window]) -> Callable[[Window], Profile]:
    """A log with a row in each second, those at or after the window's start marked as leaked."""

    def piece(span: Window) -> Profile:
        asked.append(span)
        return marked(int(span.width.total_seconds()), LEAKED if span.end > window.start else CLEAN)

    return piece


def day(text: str, days: int = 1) -> Window:
    """The window of `days` days that starts on a day."""
    start = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return Window(start, start + timedelta(days=days))
