"""Which windows a performance run examines: those whose labels are final, and some before them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitoring_tasks.monitor import Monitor
from monitoring_tasks.performance_section import Performance
from monitoring_tasks.window import Window, last_tick, preceding, ticks, window_ending

_LEAP_YEARS = timedelta(days=8 * 366)


@dataclass(frozen=True)
class Cadence:
    """When a monitor's figures are looked at, and how long its labels take."""

    schedule: str
    width: timedelta | None
    delay: timedelta
    restate: int

    @classmethod
    def of(cls, monitor: Monitor) -> Cadence:
        """The cadence that a monitor's YAML asks for; without a section `labels` outcomes come with the rows."""
        section = monitor.performance or Performance()
        return cls(
            monitor.performance_schedule,
            section.window or monitor.window,
            monitor.labels.delay if monitor.labels else timedelta(),
            section.restate,
        )

    def newest(self, moment: datetime) -> Window:
        """The last window whose labels are final at a moment.

        >>> cadence = Cadence("@daily", timedelta(days=7), timedelta(days=14), 4)
        >>> str(cadence.newest(datetime.fromisoformat("2013-06-25T00:00:00+00:00")))
        '2013-06-04T00:00:00Z/2013-06-11T00:00:00Z'
        """
        return window_ending(self.schedule, self.width, last_tick(self.schedule, moment - self.delay))

    def before(self, window: Window, *, count: int) -> list[Window]:
        """The windows before one that share no rows with it or with each other, newest first."""
        return preceding(self.schedule, self.width, window, count=count)

    def restated(self, window: Window) -> list[Window]:
        """The windows that are judged with one: itself, then those before it that are judged anew, newest first.

        They are windows of the schedule, and share rows where it ticks more often than a window is wide.
        """
        return [window, *self._earlier(window)]

    def _earlier(self, window: Window) -> Iterator[Window]:
        end = window.end
        for _ in range(self.restate):
            end = last_tick(self.schedule, end - timedelta(microseconds=1))
            yield window_ending(self.schedule, self.width, end)

    def first_tick(self, first_moment: datetime) -> datetime:
        """The first tick at which there is a window that does not begin before `first_moment`."""
        earliest = first_moment + self.delay + (self.width or timedelta())
        candidates = ticks(self.schedule, earliest, earliest + _LEAP_YEARS)
        return next(tick for tick in candidates if self.newest(tick).start >= first_moment)
