"""What the same season looked like before: so that a shift which the season explains can be said to be seasonal.

Nothing at or after a window's start is ever in one of its seasons.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitoring_tasks.alarms_section import WEEK
from monitoring_tasks.baselines import Past, Piece
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.profile.profile import Profile, merge
from monitoring_tasks.profile.reference import ReferenceProfile
from monitoring_tasks.window import DAY, HOUR, Window, floor, in_words

LEAST_PIECES = 3
"""Fewer Sundays do not show what an ordinary Sunday looks like."""
YEAR = timedelta(days=364)
"""The same day of the week in the year before."""
AROUND = 2 * WEEK
_DAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
_SATURDAY = 5


@dataclass(frozen=True, eq=False)
class Season:
    """Rows of the same season as a window's, all from before it; `words` say which."""

    words: str
    profile: Profile


def seasons(
    monitor: Monitor, reference: ReferenceProfile, window: Window, piece: Piece
) -> tuple[tuple[Season, ...], str]:
    """The seasons that a window can be compared with, and a sentence on those that cannot be had (else empty).

    They are the same part of the week in the reference, for windows narrower than a week, and the same weeks of the
    year before, in the log or in the reference. `piece` is asked for up to five weeks of days: call this where there is
    a shift to explain.
    """
    past = Past(reference, monitor.first_moment, piece)
    found = [_same_part_of_week(reference, window, monitor.minimum_rows)] if window.width < WEEK else []
    found.append(_last_year(past, window, monitor.minimum_rows))
    had = tuple(each for each in found if isinstance(each, Season))
    return had, "; ".join(each for each in found if isinstance(each, str))


@dataclass(frozen=True)
class _Part:
    """A part of the week: whole weekdays, or for windows narrower than a day hours of weekdays or of weekends."""

    start: datetime
    end: datetime
    unit: timedelta

    @classmethod
    def of(cls, window: Window) -> _Part:
        """The part of the week that a window lies in, in whole days or hours."""
        unit = HOUR if window.width < DAY else DAY
        return cls(floor(window.start, unit), _ceiling(window.end, unit), unit)

    def slot(self, moment: datetime) -> tuple[int, bool]:
        """Equal for moments in the same part of the week, in the part's own unit."""
        weekend = moment.weekday() >= _SATURDAY
        return (moment.hour, weekend) if self.unit == HOUR else (moment.weekday(), weekend)

    @property
    def slots(self) -> set[tuple[int, bool]]:
        """The slots of which the part consists."""
        return {self.slot(span.start) for span in _steps(self.start, self.end, self.unit)}

    @property
    def words(self) -> str:
        """The part as a person says it.

        >>> _Part.of(Window.parse("2013-06-08", "2013-06-10")).words
        'Saturdays and Sundays'
        >>> _Part.of(Window.parse("2013-06-08T22:30", "2013-06-09T00:15")).words
        '22:00 to 01:00 UTC on weekends'
        """
        slots = sorted(self.slots)
        if self.unit == DAY:
            names = [_DAYS[weekday] for weekday, _ in slots]
            return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
        kinds = [("weekdays", "weekends")[weekend] for weekend in sorted({weekend for _, weekend in slots})]
        return f"{self.start:%H:%M} to {self.end:%H:%M} UTC on {' and '.join(kinds)}"


def _ceiling(moment: datetime, unit: timedelta) -> datetime:
    whole = floor(moment, unit)
    return whole if whole == moment else whole + unit


def _steps(start: datetime, end: datetime, unit: timedelta) -> Iterator[Window]:
    while start < end:
        yield Window(start, start + unit)
        start += unit


def _same_part_of_week(reference: ReferenceProfile, window: Window, least: int) -> Season | str:
    part = _Part.of(window)
    slots, lacking = part.slots, f"no season of the week: {part.words} of the reference before this window"
    earlier = [piece for piece in reference.pieces if piece.end <= window.start and piece.width <= part.unit]
    same = [piece for piece in earlier if part.slot(piece.start) in slots]
    # Hours of one day are one Sunday.
    times = {floor(piece.start, part.unit) for piece in same}
    if len(times) < LEAST_PIECES * len(slots):
        return f"{lacking} are fewer than {LEAST_PIECES}"
    found = merge([reference.pieces[piece] for piece in same])
    if found.rows < least:
        return f"{lacking} have only {found.rows} rows, of minimum_rows {least}"
    return Season(f"{part.words} of the reference", found)


def _last_year(past: Past, window: Window, least: int) -> Season | str:
    start = floor(window.start - YEAR - AROUND, DAY)
    end = min(_ceiling(window.end - YEAR + AROUND, DAY), floor(window.start, DAY))
    dates = f"{start:%Y-%m-%d} to {end:%Y-%m-%d}"
    found = past.gather(_year_spans(window, start, end))
    if not found.rows and start < past.first_moment:
        return f"no earlier year: the log begins on {past.first_moment:%Y-%m-%d}"
    if not found.covers:
        return f"no earlier year: {found.words(f'from {dates}')}"
    if found.rows < least:
        return f"no earlier year: only {found.rows} rows, of minimum_rows {least} ({dates})"
    length = in_words(end - start) if (end - start) % WEEK else f"{(end - start) // WEEK} weeks"
    hours = f", {_Part.of(window).words}" if window.width < DAY else ""
    return Season(f"the same {length} of last year ({dates}{hours})", merge(found.profiles))


def _year_spans(window: Window, start: datetime, end: datetime) -> list[Window]:
    """Whole days; for windows narrower than a day the hours of the same part of the week."""
    part = _Part.of(window)
    spans, slots = _steps(start, end, part.unit), part.slots
    return list(spans) if part.unit == DAY else [span for span in spans if part.slot(span.start) in slots]
