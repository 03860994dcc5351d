"""Which windows a page shows: those of some days up to the newest, or between two dates; of one champion or of all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from monitoring_tasks.alerts.message import one_line
from monitoring_tasks.errors import ConfigurationError
from monitoring_tasks.window import DAY, Window, parse_moment

DAYS = (7, 14, 30, 60, 90)
USUAL = 30
LONGEST = 400
"""Days that a range between two dates may have."""
REFRESH = ("", "1", "5")
"""Minutes after which a page loads itself again; empty: never."""
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True)
class Asked:
    """What the query of a page asks for, as it was written; empty where it says nothing."""

    days: str = ""
    start: str = ""
    end: str = ""
    champion: str = ""
    refresh: str = ""

    @property
    def kept(self) -> dict[str, str]:
        """What links to other pages of the model keep."""
        return asdict(self)

    @property
    def custom(self) -> bool:
        """Whether it is between two dates."""
        return bool(self.start or self.end)


@dataclass(frozen=True)
class Range:
    """The windows that end after `start` and not after `end`; `days` is None for one between two dates."""

    start: datetime
    end: datetime
    days: int | None = None

    def holds(self, window: Window) -> bool:
        """Whether a window ends in the range."""
        return self.start < window.end <= self.end

    def reading(self, width: timedelta) -> Window:
        """The span in which windows of a width lie wholly that end in the range."""
        try:
            return Window(self.start - width, self.end)
        except OverflowError:
            return Window(self.start, self.end)


def range_of(asked: Asked, newest: datetime) -> Range:
    """The range that somebody asks for, counted back from the end of the newest window.

    A date as `end` is its last day. Raises `ConfigurationError`, with a sentence for people, for anything that is no
    range.

    >>> from monitoring_tasks.window import stamp
    >>> stamp(range_of(Asked(days="7"), parse_moment("2013-06-11")).start)
    '2013-06-04T00:00:00Z'
    """
    if asked.refresh not in REFRESH:
        raise ConfigurationError(f"refresh is {_said(asked.refresh)}: choose 1 or 5 minutes, or leave it out")
    try:
        return _between(asked, newest) if asked.custom else _back(asked.days, newest)
    except OverflowError as error:
        raise ConfigurationError(
            "the range begins before the year 1, or ends after 9999: choose other dates"
        ) from error


def _back(days: str, newest: datetime) -> Range:
    if days and days not in map(str, DAYS):
        offered = ", ".join(map(str, DAYS))
        raise ConfigurationError(f"days is {_said(days)}: choose one of {offered}, or give start and end")
    count = int(days or USUAL)
    return Range(newest - count * DAY, newest, count)


def _between(asked: Asked, newest: datetime) -> Range:
    end = _moment(asked.end, last=True) if asked.end else newest
    start = _moment(asked.start) if asked.start else end - USUAL * DAY
    span = Window(start, end)
    if span.width > LONGEST * DAY:
        raise ConfigurationError(f"the range is {span.width.days} days long: choose at most {LONGEST}")
    return Range(span.start, span.end)


def _moment(text: str, *, last: bool = False) -> datetime:
    moment = parse_moment(one_line(text, 40))
    return moment + DAY if last and _DATE.fullmatch(text) else moment


def _said(text: str) -> str:
    return repr(one_line(text, 40))


def place(window: Window) -> datetime:
    """Where a window stands on an axis of time: the beginning of its last day, of a shorter one its own.

    >>> from monitoring_tasks.window import stamp
    >>> stamp(place(Window.parse("2013-06-04", "2013-06-11")))
    '2013-06-10T00:00:00Z'
    """
    return window.end - min(DAY, window.width)


def step_of(windows: Sequence[Window]) -> timedelta:
    """How far apart windows stand in the middle; the width of a single one, a day without any."""
    places = sorted({place(window) for window in windows})
    steps = sorted(later - earlier for earlier, later in pairwise(places))
    if steps:
        return steps[(len(steps) - 1) // 2]
    return windows[0].width if windows else DAY


def champion_of(asked: Asked, versions: Sequence[str]) -> str:
    """The version that is asked for; empty for all. Raises `ConfigurationError` for one that judged no window."""
    if asked.champion and asked.champion not in versions:
        known = ", ".join(one_line(each, 60) for each in versions[:10]) or "none yet"
        raise ConfigurationError(f"no window was judged with champion {_said(asked.champion)}: there are {known}")
    return asked.champion
