"""What a window is compared with, where that is not the training reference: the rows before it, column by column.

Nothing at or after a window's start is ever in one of its baselines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache, partial

from monitoring_tasks.alarms_section import (
    Baseline,
    SeasonalBaseline,
    TrailingBaseline,
    TrainingBaseline,
    baseline_words,
)
from monitoring_tasks.calibration.geometry import whole_weeks
from monitoring_tasks.calibration.segments import SegmentCase
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.profile.profile import ColumnProfile, Profile, filled, merge_columns, require_same_binning
from monitoring_tasks.profile.reference import ReferenceProfile
from monitoring_tasks.profile.segments import Division
from monitoring_tasks.window import DAY, HOUR, Window, floor, in_words

Piece = Callable[[Window], Profile | None]
"""Profile of the production rows of one span; None when its source cannot be read."""


@dataclass(frozen=True, eq=False)
class Compared:
    """What the columns of a window are compared with.

    The profile of `reference` has, for every column with another baseline than training, the profile of that baseline's
    rows: their number is that of the column, not of the profile. Its pieces and sample are the training reference's.
    `notes` says by column where a baseline could not be had as declared. `undecided` are the columns whose baseline
    has no rows or too few to compare with; they keep their training profile, which must not be judged by.
    """

    reference: ReferenceProfile
    notes: Mapping[str, str]
    undecided: frozenset[str]


@dataclass(frozen=True, eq=False)
class Gathered:
    """The rows of some spans: `profiles` of those spans that have any, oldest first, and so much time.

    `asked` is the time of all spans, `filled` of those with rows, `unread` of those whose source cannot be read.
    """

    profiles: Sequence[Profile]
    asked: timedelta
    filled: timedelta
    unread: timedelta

    @property
    def rows(self) -> int:
        """Number of rows in all spans."""
        return sum(profile.rows for profile in self.profiles)

    @property
    def covers(self) -> bool:
        """Whether at least half of the time has rows."""
        return bool(self.profiles) and 2 * self.filled >= self.asked

    def words(self, when: str = "") -> str:
        """How much of the time has rows, `when` being said of them.

        >>> day = timedelta(days=1)
        >>> Gathered([], 28 * day, 9 * day, 2 * day).words("before this window")
        'only 9 days of 28 days have rows before this window (2 days could not be read)'
        """
        some = f"only {in_words(self.filled)}" if self.filled else "none"
        unread = f"({in_words(self.unread)} could not be read)" if self.unread else ""
        return " ".join(filter(None, [some, "of", in_words(self.asked), "have rows", when, unread]))


@dataclass(frozen=True, eq=False)
class Past:
    """Where rows of the past are: in the production log from the monitor's start on, before it in the reference.

    The reference's own pieces also stand in for a span of which the log can be read and has no rows.
    """

    reference: ReferenceProfile
    first_moment: datetime
    piece: Piece

    def gather(self, spans: Sequence[Window]) -> Gathered:
        """The rows of `spans`. Raises `ProfileMismatch` where they were not profiled with the reference's bins."""
        found = [(span, self._profiles(span)) for span in spans]
        filled = [span for span, profiles in found if profiles]
        unread = [span for span, profiles in found if profiles is None]
        profiles = [profile for _, several in found for profile in several or ()]
        require_same_binning([self.reference.profile, *profiles])
        return Gathered(profiles, _total(spans), _total(filled), _total(unread))

    def _profiles(self, span: Window) -> Sequence[Profile] | None:
        """Profiles of the rows of one span, none empty; None when its source cannot be read."""
        logged = self.piece(span) if span.start >= self.first_moment else _NO_ROWS
        if logged is None:
            return None
        if logged.rows:
            return [logged]
        pieces = self.reference.pieces
        return [pieces[each] for each in (span, *_hours(span)) if each in pieces]


def _hours(span: Window) -> list[Window]:
    """The hours of a longer span that starts with one."""
    count = span.width // HOUR if span.width > HOUR else 0
    return [Window(span.start + number * HOUR, span.start + (number + 1) * HOUR) for number in range(count)]


_NO_ROWS = Profile("", 0, {}, {})


def _total(spans: Sequence[Window]) -> timedelta:
    return sum((span.width for span in spans), timedelta())


def baseline_spans(baseline: Baseline, window: Window) -> tuple[Window, ...]:
    """The spans whose rows a window is compared with, oldest first; none of them ends after the window's start.

    A trailing baseline has the pieces of the time before the window; of a day and more it ends at a whole hour, so that
    stored pieces serve again. A seasonal one has the window's own span moved back by one to so many weeks, or by
    multiples of the weeks that a longer window covers. The training reference is no such span.

    >>> week = Window.parse("2013-06-04", "2013-06-11")
    >>> [span.start.day for span in baseline_spans(TrailingBaseline(width=timedelta(days=3)), week)]
    [1, 2, 3]
    >>> [span.start.day for span in baseline_spans(SeasonalBaseline(weeks=2), Window.parse("2013-06-24", "2013-06-25"))]
    [10, 17]
    """
    if isinstance(baseline, TrailingBaseline):
        end = floor(window.start, HOUR) if baseline.width >= DAY else window.start
        return Window(end - baseline.width, end).pieces()
    if isinstance(baseline, SeasonalBaseline):
        shifts = [number * whole_weeks(window.width) for number in range(baseline.weeks, 0, -1)]
        moved = [Window(window.start - shift, window.end - shift) for shift in shifts]
        return tuple(piece for each in moved for piece in each.pieces())
    return ()


def compared(monitor: Monitor, reference: ReferenceProfile, window: Window, piece: Piece) -> Compared:
    """What each column of `window` is compared with, by the baselines that the monitor declares.

    `piece` is asked once for each span that is needed, and never for one that ends after the window's start. A baseline
    of which less than half has rows, or with fewer than `minimum_rows`, leaves its columns undecided; so does one in
    which most rows lack the column.
    """
    declared = {column: monitor.baseline(column) for column in reference.kinds}
    others = {column: each for column, each in declared.items() if not isinstance(each, TrainingBaseline)}
    if not others:
        return Compared(reference, {}, frozenset())
    past = Past(reference, monitor.first_moment, cache(piece))
    had = {each: _have(past, each, window, monitor.minimum_rows) for each in dict.fromkeys(others.values())}
    found = {column: had[each].column(column) for column, each in others.items()}
    columns = {column: profile for column, (profile, _) in found.items() if profile is not None}
    whole = replace(reference.profile, columns={**reference.profile.columns, **columns})
    notes = {column: note for column, (_, note) in found.items() if note}
    return Compared(replace(reference, profile=whole), notes, frozenset(found.keys() - columns.keys()))


@dataclass(frozen=True, eq=False)
class _Had:
    """The rows of one baseline; `note` says what they lack, and where they are not `enough` no column can be judged."""

    words: str
    gathered: Gathered
    enough: bool
    note: str

    def column(self, name: str) -> tuple[ColumnProfile | None, str]:
        """The profile of a column over the baseline's rows, None where it cannot be compared with; and the note."""
        if not self.enough:
            return None, self.note
        found = merge_columns([profile.columns[name] for profile in self.gathered.profiles])
        rows = self.gathered.rows
        usable = rows - found.absent - found.unusable
        if 2 * usable < rows:
            return None, f"{self.words}: only {usable} of {rows} rows have this column; {_WAIT}"
        return found, self.note


_WAIT = "wait until half of it has rows, or give the column the baseline training"


def _have(past: Past, baseline: Baseline, window: Window, least: int) -> _Had:
    found, words = past.gather(baseline_spans(baseline, window)), baseline_words(baseline)
    what = f"{words}: {found.words('before this window')}"
    if not found.covers:
        remedy = "repair the source and clear the run" if found.unread else _WAIT
        return _Had(words, found, False, f"{what}; {remedy}")
    if found.rows < least:
        few = f"{words}: only {found.rows} rows before this window, of minimum_rows {least}"
        return _Had(words, found, False, f"{few}; declare a longer baseline")
    return _Had(words, found, True, what if found.unread else "")


Segments = Callable[[Window], Mapping[str, Profile] | None]
"""Profiles of the segments of the production rows of one span; None when its source cannot be read."""


def segments_compared(
    monitor: Monitor, reference: ReferenceProfile, window: Window, piece: Segments
) -> dict[str, Compared]:
    """What each segment of `window` is compared with: the same segment of the same baselines.

    A baseline that does not have `segment_rows` rows of a segment leaves that undecided. The reference's own pieces,
    which are not kept by segment, stand in for none.
    """
    known, asked = cache(piece), monitor.model_copy(update={"minimum_rows": monitor.segment_rows})

    def of(words: str, span: Window) -> Profile | None:
        found = known(span)
        return None if found is None else found[words]

    return {
        words: compared(asked, replace(reference, profile=profile, pieces={}), window, partial(of, words))
        for words, profile in reference.segments.items()
    }


def segment_cases(
    monitor: Monitor, baselines: Mapping[str, Compared], divisions: Sequence[Division], current: Mapping[str, Profile]
) -> list[SegmentCase]:
    """The segments of a window that have enough rows, each with the columns that can be judged in it.

    The columns that make a segment are left out, and so are those of which less than `segment_rows` rows have a value.
    """
    return [
        SegmentCase(words, baselines[words].reference.profile, profile, columns)
        for division in divisions
        for words in division.words
        if (profile := current[words]).rows >= monitor.segment_rows
        and (columns := _judgeable(monitor, baselines[words], division, profile))
    ]


def _judgeable(monitor: Monitor, had: Compared, division: Division, current: Profile) -> tuple[str, ...]:
    names = [name for name in sorted(had.reference.kinds) if name not in had.undecided | set(division.columns)]
    sides = (had.reference.profile, current)
    least = monitor.segment_rows
    return tuple(name for name in names if all(filled(side.columns[name]) >= least for side in sides))
