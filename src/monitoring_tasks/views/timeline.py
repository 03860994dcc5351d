"""The axis of time that all plots of a model share: where promotions are, and which incidents were when."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from monitoring_tasks.alerts.message import one_line
from monitoring_tasks.incidents.incident import Incident
from monitoring_tasks.incidents.reading import Cause
from monitoring_tasks.severity import Severity
from monitoring_tasks.store.records import RetrainingRecord
from monitoring_tasks.views.ranges import LONGEST, place, step_of
from monitoring_tasks.views.words import day, span, spoken
from monitoring_tasks.window import DAY, Window

Json = dict[str, Any]
SHORT = 14
_HASH = re.compile(r"-[0-9a-f]{8}$")
"""So many characters of a version stand beside its marker."""
LANES = 3
"""So many incidents are told apart above a plot at a time."""
COLOURS = {
    Severity.NONE: "--unknown",
    Severity.LOW: "--warning",
    Severity.MEDIUM: "--drifted",
    Severity.HIGH: "--degraded",
    Severity.CRITICAL: "--degraded",
}


@dataclass(frozen=True)
class Seen:
    """A window and the champion that was judged in it."""

    window: Window
    champion: str


@dataclass(frozen=True)
class Mark:
    """Another champion takes over: before the window `first`, or after all there are where that is None.

    `at` is its place on the axis; `record` is the retraining or rollback behind it, None where none is known.
    """

    at: datetime
    champion: str
    first: Window | None
    record: RetrainingRecord | None

    @property
    def rollback(self) -> bool:
        """Whether an earlier champion was put back."""
        return self.record is not None and self.record.state == "rolled_back"

    @property
    def label(self) -> str:
        """What stands beside it in a plot."""
        return f"{'back to' if self.rollback else 'now'} {one_line(_HASH.sub('', self.champion), SHORT)}"

    @property
    def words(self) -> str:
        """What it is, in a sentence."""
        act = "put back in place" if self.rollback else "champion"
        first = f"the window {span(self.first)}" if self.first else "the next window"
        return f"{one_line(self.champion)} {act} from {first} on"


@dataclass(frozen=True)
class Strip:
    """An incident on the axis: from the model's first to its newest window with a finding."""

    incident: Incident
    first: Window
    last: Window
    columns: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """What it is, in a line."""
        it = self.incident
        return f"{spoken(it.cause)}, {it.worst.word}, {it.state}: {day(place(self.first))} to {day(place(self.last))}"

    @property
    def of_columns(self) -> bool:
        """Whether it is about columns: else they are metrics, or there are none."""
        return self.incident.cause in (Cause.DRIFT, Cause.DATA_QUALITY)

    def covers(self, window: Window) -> bool:
        """Whether it was in a window."""
        return place(self.first) <= place(window) <= place(self.last)


@dataclass(frozen=True)
class Timeline:
    """What stands on the axis beside what a plot itself shows; `gaps` are places of the schedule without a verdict."""

    start: datetime
    end: datetime
    step: timedelta = DAY
    marks: tuple[Mark, ...] = ()
    strips: tuple[Strip, ...] = ()
    gaps: tuple[datetime, ...] = ()

    def layout(self, **more: Any) -> Json:
        """The layout of a plot over time: axis, promotions as labelled lines, incidents as strips above it."""
        return {
            "xaxis": {"type": "date", "range": [iso(self.start), iso(self.end)], "hoverformat": "%Y-%m-%d %H:%M"},
            "shapes": [*map(_line, self.marks), *(self._strip(each, lane) for each, lane in self._lanes())],
            "annotations": [_label(mark, level) for level, mark in enumerate(self.marks)],
            "legend": {"orientation": "h", "x": 0, "y": -0.18, "yanchor": "top"},
            "margin": {"t": 44, "r": 16, "b": 72, "l": 60},
            "hovermode": "x unified",
            "height": 340,
            **more,
        }

    def _lanes(self) -> list[tuple[Strip, int]]:
        """Each incident with a lane above the plot in which it meets no other; of many the least bad share the last."""
        ends: list[datetime] = []
        found = []
        for strip in sorted(self.strips, key=lambda each: (-each.incident.worst, each.first.start)):
            free = (lane for lane, end in enumerate(ends) if end < place(strip.first))
            lane = min(next(free, len(ends)), LANES - 1)
            ends[lane : lane + 1] = [max([place(strip.last), *ends[lane : lane + 1]])]
            found.append((strip, lane))
        return found

    def _strip(self, strip: Strip, lane: int) -> Json:
        half = self.step / 2
        return {
            "type": "rect",
            "xref": "x",
            "yref": "paper",
            "x0": iso(max(place(strip.first) - half, self.start)),
            "x1": iso(min(place(strip.last) + half, self.end)),
            "y0": 1.005 + 0.025 * lane,
            "y1": 1.02 + 0.025 * lane,
            "fillcolor": COLOURS[strip.incident.worst],
            "line": {"width": 0},
        }


def timeline_of(
    windows: Sequence[Seen],
    promotions: Iterable[RetrainingRecord],
    strips: Iterable[Strip],
    *,
    before: Seen | None = None,
) -> Timeline:
    """The axis of the windows of a page; of none it is a day of 1970.

    `before` is the window that precedes them, where there is one: the first of them may have a champion of its own.
    """
    step = step_of([each.window for each in windows])
    places = [place(each.window) for each in windows] or [datetime.fromisoformat("1970-01-01T00:00:00+00:00")]
    start, end = min(places) - step, max(places) + step
    shown = tuple(each for each in strips if place(each.last) >= min(places) and place(each.first) <= max(places))
    marks = marks_of(windows, promotions, step, before=before)
    return Timeline(start, end, step, marks, shown, gaps_of(places, step))


def gaps_of(places: Iterable[datetime], step: timedelta) -> tuple[datetime, ...]:
    """The places that a schedule left out; of a longer pause the last `LONGEST` ones.

    >>> days = [datetime(2013, 6, day) for day in (4, 5, 7)]
    >>> [gap.day for gap in gaps_of(days, DAY)]
    [6]
    """
    found: list[datetime] = []
    for before, after in pairwise(sorted(set(places))):
        missing = round((after - before) / step) - 1
        found += [after - step * number for number in range(min(missing, LONGEST), 0, -1)]
    return tuple(found)


def marks_of(
    windows: Sequence[Seen], promotions: Iterable[RetrainingRecord], step: timedelta, *, before: Seen | None
) -> tuple[Mark, ...]:
    """Where the champion changes between windows, or before the first of them, and promotions after the newest.

    The place is that of the windows, for promotions happen by another clock: 2013 is replayed today.
    """
    # The newest record of a version comes first, and stands.
    records = {each.placed: each for each in reversed(list(promotions)) if each.placed}
    changes = [
        Mark(place(new.window) - step / 2, new.champion, new.window, records.get(new.champion))
        for old, new in pairwise([*([before] if before else []), *windows])
        if old.champion != new.champion
    ]
    return (*changes, *_to_come(windows, records.values(), step))


def _to_come(windows: Sequence[Seen], records: Iterable[RetrainingRecord], step: timedelta) -> Iterable[Mark]:
    """Promotions of a version that judged none of the windows, after the newest of which they are."""
    if not windows:
        return
    known, newest = {each.champion for each in windows}, windows[-1].window
    for each in records:
        if each.placed and each.placed not in known and each.window_end >= newest.end:
            yield Mark(place(newest) + step / 2, each.placed, None, each)


def strips_of(incidents: Iterable[Incident], monitor: str) -> list[Strip]:
    """The part of each incident that is the monitor's own, the newest first."""
    found = []
    for incident in incidents:
        mine = [member for member in incident.members if member.monitor == monitor]
        if mine:
            first, last = min(each.first for each in mine), max((each.last for each in mine), key=place)
            columns = tuple(dict.fromkeys(column for each in mine for column in each.columns))
            found.append(Strip(incident, first, last, columns))
    return found


def iso(moment: datetime) -> str:
    """A moment (UTC) as Plotly reads it."""
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _line(mark: Mark) -> Json:
    line = {"color": "--promoted", "width": 2, "dash": "dashdot"}
    at = iso(mark.at)
    return {"type": "line", "xref": "x", "yref": "paper", "x0": at, "x1": at, "y0": 0, "y1": 1.08, "line": line}


def _label(mark: Mark, level: int) -> Json:
    # Neighbours at two heights, so that their labels can be read.
    return {
        "x": iso(mark.at),
        "y": 1.07 + 0.07 * (level % 2),
        "xref": "x",
        "yref": "paper",
        "text": escaped(mark.label),
        "showarrow": False,
        "yanchor": "bottom",
        "font": {"color": "--promoted", "size": 11},
    }


def escaped(text: str) -> str:
    """Text from outside for a label of Plotly, which reads a few tags and entities in it.

    >>> escaped("<b>a & b</b>")
    '&lt;b&gt;a &amp; b&lt;/b&gt;'
    """
    return one_line(text, 80).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
