"""Numbers, moments and outcomes in words, as pages show them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from monitoring_tasks.checks import Check, CheckResult
from monitoring_tasks.policy.missing import percent
from monitoring_tasks.severity import Severity
from monitoring_tasks.window import DAY, HOUR, Window

NOTHING = "\u2013"
ORDINARY = "beyond the limit, ordinary for this column"
"""What is said of a score that passed on the wrong side of its threshold."""
MINUTE = timedelta(minutes=1)
YEAR = 365 * DAY
DIGITS = 4


def number(value: float | None) -> str:
    """A number in four digits that count; a dash for what is not known.

    >>> number(0.123456), number(1234567.0), number(None), number(3)
    ('0.1235', '1,234,567', '–', '3')
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    if isinstance(value, int) or abs(value) >= 10**DIGITS:
        return f"{value:,.0f}"
    return f"{value:.{DIGITS}g}"


def signed(value: float | None) -> str:
    """A change with its sign.

    >>> signed(0.02), signed(-0.153), signed(None)
    ('+0.02', '-0.153', '–')
    """
    return NOTHING if value is None or not math.isfinite(value) else f"{value:+.3g}"


def share(value: float | None) -> str:
    """A share in per cent.

    >>> share(0.1234), share(0.0004), share(1.0), share(None)
    ('12.3%', '0.04%', '100%', '–')
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    return f"{100 * value:.3g}%"


def measured(result: CheckResult) -> str:
    """The value of a check: a missing share in per cent, 100% of all alone; any other number in four digits.

    >>> from monitoring_tasks.checks import Status, Suite
    >>> for found in (0.05396, 0.99998, 1e-7, math.nan):
    ...     measured(CheckResult(Suite.DATA_QUALITY, Check.MISSING_SHARE, Status.FAILED, "temp", value=found))
    '5.4%'
    '99.998%'
    '0.00001%'
    '–'
    """
    return _figure(result, result.value)


def limit(result: CheckResult) -> str:
    """The threshold of a check, as its value is told."""
    return _figure(result, result.threshold)


def _figure(result: CheckResult, value: float | None) -> str:
    if result.check is not Check.MISSING_SHARE or value is None or not math.isfinite(value):
        return number(value)
    return percent(value, 3)


def day(moment: datetime | None) -> str:
    """A moment as a day, with the time where it is not midnight (UTC).

    >>> from monitoring_tasks.window import parse_moment
    >>> day(parse_moment("2013-06-04")), day(parse_moment("2013-06-04T06:30:00Z"))
    ('2013-06-04', '2013-06-04 06:30')
    """
    if moment is None:
        return NOTHING
    return f"{moment:%Y-%m-%d}" if (moment.hour, moment.minute) == (0, 0) else f"{moment:%Y-%m-%d %H:%M}"


def moment(value: datetime | None) -> str:
    """A moment to the minute (UTC)."""
    return NOTHING if value is None else f"{value:%Y-%m-%d %H:%M}"


def span(window: Window | None) -> str:
    """A window as its first and last day, the end being the first moment after it.

    >>> span(Window.parse("2013-06-04", "2013-06-11")), span(Window.parse("2013-06-04", "2013-06-05"))
    ('2013-06-04 to 2013-06-10', '2013-06-04')
    """
    if window is None:
        return NOTHING
    days = window.end - window.start
    if days % DAY or (window.start.hour, window.start.minute) != (0, 0):
        return f"{day(window.start)} to {day(window.end)}"
    last = window.end - DAY
    return day(window.start) if days == DAY else f"{day(window.start)} to {day(last)}"


def age(width: timedelta | None) -> str:
    """How long something is ago, in one unit.

    >>> age(timedelta(days=3, hours=5)), age(timedelta(minutes=61)), age(timedelta(seconds=5)), age(timedelta(800))
    ('3 days', '1 hour', 'moments', '2 years')
    """
    if width is None:
        return NOTHING
    if width >= 2 * YEAR:
        return f"{width // YEAR} years"
    for unit, name in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        count = width // unit
        if count >= 1:
            return f"{count} {name}{'' if count == 1 else 's'}"
    return "moments"


def severity_word(value: Severity) -> str:
    """A severity in lower case."""
    return value.word


def spoken(text: str) -> str:
    """A word of the code as words: `too_few_rows` as `too few rows`."""
    return text.replace("_", " ")


def segment(text: str) -> str:
    """Any text as one segment of a path: what would end the segment is escaped as well.

    >>> segment("a/b?<c>")
    'a%2Fb%3F%3Cc%3E'
    """
    return quote(text, safe="", errors="replace")


FILTERS: Mapping[str, Callable[[Any], str]] = {
    "number": number,
    "signed": signed,
    "share": share,
    "measured": measured,
    "limit": limit,
    "day": day,
    "moment": moment,
    "span": span,
    "age": age,
    "severity": severity_word,
    "spoken": spoken,
    "segment": segment,
}
"""The same, by the names that templates call them."""
