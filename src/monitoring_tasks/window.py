"""Windows of time and the schedules that produce them: pure arithmetic in UTC, no clock."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Self

from croniter import CroniterBadDateError, croniter

from monitoring_tasks.errors import ConfigurationError

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
PRESETS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
}
# croniter's own R draws a moment at random, another one at each reading of the file.
_RANDOM = re.compile(r"(?<![A-Za-z])[RrHh](?![A-Za-z])")
_UNITS = {"m": timedelta(minutes=1), "h": HOUR, "d": DAY, "w": timedelta(weeks=1)}


@dataclass(frozen=True, order=True)
class Window:
    """A half-open span `[start, end)` in UTC under examination.

    Both ends must carry a time zone and `start` must precede `end`, else `ConfigurationError`.

    >>> week = Window.parse("2013-06-04", "2013-06-11")
    >>> str(week)
    '2013-06-04T00:00:00Z/2013-06-11T00:00:00Z'
    >>> week.width.days
    7
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        for moment in (self.start, self.end):
            if moment.tzinfo is None:
                raise ConfigurationError(f"window end {moment.isoformat()} has no time zone: give it in UTC")
        object.__setattr__(self, "start", self.start.astimezone(UTC))
        object.__setattr__(self, "end", self.end.astimezone(UTC))
        if self.start.microsecond or self.end.microsecond:
            raise ConfigurationError(f"window {self} has fractions of a second: give whole seconds")
        if not self.start < self.end:
            raise ConfigurationError(f"empty window: start {stamp(self.start)} is not before end {stamp(self.end)}")

    @classmethod
    def parse(cls, start: str, end: str) -> Self:
        """Window from two ISO 8601 texts; one without a time zone is read as UTC."""
        return cls(parse_moment(start), parse_moment(end))

    @classmethod
    def from_json(cls, value: Mapping[str, str]) -> Self:
        """Inverse of `to_json`."""
        return cls.parse(value["start"], value["end"])

    def to_json(self) -> dict[str, str]:
        """The window as two ISO 8601 texts, fit for XCom and for evidence."""
        return {"start": stamp(self.start), "end": stamp(self.end)}

    @property
    def width(self) -> timedelta:
        """Length of the span."""
        return self.end - self.start

    def pieces(self) -> tuple[Window, ...]:
        """Consecutive sub-windows whose profiles are stored and summed: whole UTC days, whole hours at the ragged ends.

        A window that does not lie on whole hours is one piece of its own: its rows are in no reusable profile.

        >>> [str(piece) for piece in Window.parse("2013-06-03T22:00", "2013-06-05").pieces()]  # doctest: +ELLIPSIS
        ['2013-06-03T22:00:00Z/2013-06-03T23:00:00Z', '2013-06-03T23...', '2013-06-04T00:00:00Z/2013-06-05T00:00:00Z']
        """
        if any(moment != floor(moment, HOUR) for moment in (self.start, self.end)):
            return (self,)
        return tuple(_hours_and_days(self))

    def __str__(self) -> str:
        return f"{stamp(self.start)}/{stamp(self.end)}"


def _hours_and_days(window: Window) -> Iterator[Window]:
    start = window.start
    while start < window.end:
        step = DAY if start == floor(start, DAY) and start + DAY <= window.end else HOUR
        yield Window(start, start + step)
        start += step


def floor(moment: datetime, unit: timedelta) -> datetime:
    """The last whole `unit` since the epoch at or before `moment`.

    >>> floor(datetime(2013, 6, 3, 22, 5, tzinfo=UTC), HOUR).hour
    22
    """
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return moment - (moment - epoch) % unit


def stamp(moment: datetime) -> str:
    """ISO 8601 text in UTC with a trailing Z; microseconds only where there are any.

    >>> stamp(datetime(2013, 6, 3, tzinfo=UTC))
    '2013-06-03T00:00:00Z'
    """
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_moment(text: str) -> datetime:
    """Moment in UTC from ISO 8601 text; without a time zone it is read as UTC. Raises `ConfigurationError`.

    >>> parse_moment("2013-06-03T02:00+02:00").hour
    0
    """
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ConfigurationError(f"{text!r} is not a moment: write it like 2013-06-04 or 2013-06-04T06:00Z") from error


def parse_width(text: str) -> timedelta:
    """Length of time from a count and a unit of m, h, d or w. Raises `ValueError`.

    >>> parse_width("7d").days
    7
    """
    match = re.fullmatch(r"([1-9]\d{0,4})([mhdw])", text)
    if match is None:
        raise ValueError(f"{text!r} is not a length of time: write a count and one of m, h, d, w, like 90m, 24h or 7d")
    return int(match[1]) * _UNITS[match[2]]


def width_text(width: timedelta) -> str:
    """Inverse of `parse_width`, in the largest unit of d, h and m that fits.

    >>> width_text(timedelta(days=90)), width_text(timedelta(hours=36)), width_text(timedelta(minutes=90))
    ('90d', '36h', '90m')
    """
    unit = next(unit for unit in ("d", "h", "m") if not width % _UNITS[unit] or unit == "m")
    return f"{width // _UNITS[unit]}{unit}"


def in_words(width: timedelta) -> str:
    """A length of time as people say it, to the second.

    >>> in_words(timedelta(days=3)), in_words(timedelta(hours=36)), in_words(timedelta())
    ('3 days', '1 day, 12 hours', 'no time')
    """
    hours, rest = divmod(width.seconds, 3600)
    counts = {"day": width.days, "hour": hours, "minute": rest // 60, "second": rest % 60}
    return ", ".join(f"{n} {unit}{'s' * (n != 1)}" for unit, n in counts.items() if n) or "no time"


@lru_cache(256)  # what a schedule means is asked for at each tick, and takes a millisecond to check
def cron(schedule: str) -> str:
    """The five-field cron text of a schedule; presets such as `@daily` are spelt out. Raises `ValueError`.

    >>> cron("@daily")
    '0 0 * * *'
    """
    text = PRESETS.get(schedule, schedule)
    if len(text.split()) != 5 or _RANDOM.search(text) or not croniter.is_valid(text) or not _ever(text):
        raise ValueError(f"{schedule!r} is not a schedule: write one of {', '.join(PRESETS)} or five cron fields")
    return text


def _ever(text: str) -> bool:
    """Whether the schedule ticks at all: the thirty-first of February is well formed."""
    try:
        croniter(text, datetime(2000, 1, 1, tzinfo=UTC)).get_next()
    except CroniterBadDateError:
        return False
    return True


def last_tick(schedule: str, moment: datetime) -> datetime:
    """The schedule's last tick at or before `moment`.

    >>> stamp(last_tick("@daily", datetime(2013, 6, 3, 22, tzinfo=UTC)))
    '2013-06-03T00:00:00Z'
    """
    # A tick *at* the moment counts; croniter's get_prev is strict, so it is asked from just after.
    previous: datetime = croniter(cron(schedule), moment + timedelta(microseconds=1)).get_prev(datetime)
    return previous.astimezone(UTC)


def ticks(schedule: str, start: datetime, end: datetime) -> Iterator[datetime]:
    """The schedule's ticks within `[start, end]`, in order.

    >>> [tick.day for tick in ticks("@daily", parse_moment("2013-06-03T12:00"), parse_moment("2013-06-05"))]
    [4, 5]
    """
    iterator = croniter(cron(schedule), start - timedelta(microseconds=1))
    while (tick := iterator.get_next(datetime).astimezone(UTC)) <= end:
        yield tick


def interval(schedule: str, end: datetime) -> timedelta:
    """Time from the tick before `end` to `end`, where `end` is a tick.

    >>> interval("@weekly", parse_moment("2013-06-09")).days
    7
    """
    return end - last_tick(schedule, end - timedelta(microseconds=1))


def window_ending(schedule: str, width: timedelta | None, end: datetime) -> Window:
    """The window a run examines whose data interval ends at `end`: `width` long, or as long as the schedule's interval.

    >>> str(window_ending("@daily", parse_width("7d"), parse_moment("2013-06-11")))
    '2013-06-04T00:00:00Z/2013-06-11T00:00:00Z'
    """
    return Window(end - (width or interval(schedule, end)), end)


def windows_between(schedule: str, width: timedelta | None, span: Window) -> list[Window]:
    """Every scheduled window whose data interval lies in `span`, oldest first; empty when the span is too short.

    >>> [w.start.day for w in windows_between("@daily", None, Window.parse("2013-06-03", "2013-06-05"))]
    [3, 4]
    """
    ends = list(ticks(schedule, span.start, span.end))[1:]
    return [window_ending(schedule, width, end) for end in ends]


def preceding(schedule: str, width: timedelta | None, window: Window, *, count: int) -> list[Window]:
    """The `count` windows before `window` that share no rows with it or with each other, newest first.

    They end at ticks of the schedule and are those that its own runs examine; for a window given by hand they are as
    long as it is.

    >>> week = parse_width("7d")
    >>> [w.end.day for w in preceding("@daily", week, Window.parse("2013-06-14", "2013-06-21"), count=2)]
    [14, 7]
    """
    own = last_tick(schedule, window.end) == window.end and window == window_ending(schedule, width, window.end)
    found = [window]
    for _ in range(count):
        end = last_tick(schedule, found[-1].start)
        found.append(window_ending(schedule, width, end) if own else Window(end - window.width, end))
    return found[1:]
