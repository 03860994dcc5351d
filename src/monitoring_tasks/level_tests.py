"""The columns whose level a monitor watches from window to window: which windows count, and what is said of a jump.

Nothing at or after a window's start is ever among the windows before it.
"""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from monitoring_tasks.baselines import Piece
from monitoring_tasks.calibration.assess import AT_ONCE, Extra, Size
from monitoring_tasks.calibration.calibrate import Calibration
from monitoring_tasks.calibration.course import Course, course_of
from monitoring_tasks.calibration.gauge import FALSE, TRUE, Gauge, Level, is_boolean, series
from monitoring_tasks.calibration.level import BEFORE, Jump, LevelNull, jump
from monitoring_tasks.errors import MonitoringError, ReferenceInvalid
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.profile.binning import Binning, CategoryBins
from monitoring_tasks.profile.profile import Profile, dumps
from monitoring_tasks.profile.reference import ReferenceProfile
from monitoring_tasks.window import Window, preceding

log = logging.getLogger(__name__)

LOOK_BACK = 2 * BEFORE
"""So many windows before are asked for their rows: where more than half have none, little is known of what is usual."""


@dataclass(frozen=True, eq=False)
class Before:
    """A window before, as the profiles of its pieces, in which only the watched columns are left."""

    window: Window
    profiles: tuple[Profile, ...]


def require_levels(monitor: Monitor, reference: ReferenceProfile) -> None:
    """Raises `ReferenceInvalid` when the reference lacks a column of `alarms.levels`, or it has no level."""
    for name in monitor.alarms.levels:
        if name not in reference.kinds:
            shown = ", ".join(list(reference.kinds)[:20])
            raise ReferenceInvalid(
                f"alarms.levels of {monitor.name} names {name!r}, which is no monitored column (they are {shown}): "
                "correct the name, or make the column a feature"
            )
        bins = reference.binning.columns[name]
        if isinstance(bins, CategoryBins) and not is_boolean(bins):
            found = ", ".join(
                repr(each[:40]) for each in [each for each in bins.values if each not in (TRUE, FALSE)][:3]
            )
            raise ReferenceInvalid(
                f"alarms.levels of {monitor.name} names {name!r}, whose values in the reference are {len(bins.values)} "
                f"categories, {found} among them; a level is that of a number or of true and false: "
                "derive a column that is true or false (kind one_of), or take it out of alarms.levels"
            )


def watched(monitor: Monitor) -> tuple[str, ...]:
    """The columns whose level is tested; none by rules that test nothing."""
    return monitor.alarms.levels if monitor.policy.rules == "calibrated" else ()


def windows_before(monitor: Monitor, window: Window, piece: Piece) -> tuple[Before, ...]:
    """The newest windows before one that have rows enough to be judged, newest first; none where nothing is watched.

    They share no rows with it or with each other, and none begins before the monitor does. A window of which some
    piece cannot be read is left out.
    """
    if not watched(monitor):
        return ()
    found: list[Before] = []
    for each in preceding(monitor.schedule, monitor.window, window, count=LOOK_BACK):
        if each.start < monitor.first_moment or len(found) == BEFORE:
            break
        profiles = [piece(span) for span in each.pieces()]
        read = tuple(_only(profile, watched(monitor)) for profile in profiles if profile is not None)
        if len(read) == len(profiles) and sum(profile.rows for profile in read) >= monitor.minimum_rows:
            found.append(Before(each, read))
    return tuple(found)


def _only(profile: Profile, names: Sequence[str]) -> Profile:
    columns = {name: profile.columns[name] for name in names}
    return replace(profile, columns=columns, types=dict.fromkeys(names, ()), duplicates=None)


def before_hash(before: Sequence[Before]) -> str:
    """What the windows before hash to; empty without any."""
    content = hashlib.sha256()
    for each in before:
        content.update(str(each.window).encode())
        content.update(b"".join(map(dumps, each.profiles)))
    return content.hexdigest()[:16] if before else ""


@dataclass(frozen=True, eq=False)
class LevelTests:
    """Tests the level of each watched column of a window, beside the windows `before` it."""

    monitor: Monitor
    calibration: Calibration
    binning: Binning
    before: Sequence[Before]

    def of(self, window: Window, profile: Profile) -> dict[str, tuple[Size, Extra]]:
        """The test of each column that can be tested; undecided is one that breaks."""
        tested = {name: self._tried(name, null, window, profile) for name, null in self._nulls()}
        return {name: found for name, found in tested.items() if found is not None}

    def _tried(self, name: str, null: LevelNull, window: Window, profile: Profile) -> tuple[Size, Extra] | None:
        try:
            found = self._jump(name, null, window, profile)
        except MonitoringError:
            raise
        except Exception as error:  # whatever a column holds, the others must still be judged
            log.exception("test not computed: check=level column=%r", name)
            return Size(math.nan, math.nan, f"{type(error).__name__}: {error}"[:300]), Extra(math.nan, math.nan)
        return None if found is None else (self._size(null, found), Extra(found.p_value, found.effect))

    def courses(self, window: Window, profile: Profile) -> dict[str, Course]:
        """How the level of each column that can be tested went, up to the window."""
        gone = {name: self._course(name, null, window, profile) for name, null in self._nulls()}
        return {name: course for name, course in gone.items() if course is not None}

    def _course(self, name: str, null: LevelNull, window: Window, profile: Profile) -> Course | None:
        found = self._jump(name, null, window, profile)
        if found is None:
            return None
        level = self._levels(name, null.gauge)
        levels = {each.window: level(each.profiles) for each in self.before} | {window: level([profile])}
        limit = self._size(null, found).limit
        return course_of(null, self._windows(window), levels, found=found, limit=limit)

    def _windows(self, window: Window) -> list[Window]:
        """Every window from the oldest before on, oldest first, whether it has rows or not."""
        grid = preceding(self.monitor.schedule, self.monitor.window, window, count=LOOK_BACK)
        oldest = min(each.window.start for each in self.before)
        return [*(each for each in reversed(grid) if each.start >= oldest), window]

    def _nulls(self) -> Iterator[tuple[str, LevelNull]]:
        for name in watched(self.monitor):
            if (null := self.calibration.levels.get(name)) is not None:
                yield name, null

    def _jump(self, name: str, null: LevelNull, window: Window, profile: Profile) -> Jump | None:
        level = self._levels(name, null.gauge)
        return jump(null, window, level([profile]), [(each.window, level(each.profiles)) for each in self.before])

    def _levels(self, name: str, gauge: Gauge) -> Callable[[Sequence[Profile]], Level]:
        bins = self.binning.columns[name]

        def level(profiles: Sequence[Profile]) -> Level:
            found = series(gauge, bins, [profile.columns[name] for profile in profiles])
            return found.summed(np.ones((1, len(profiles)))).at(0)

        return level

    def _size(self, null: LevelNull, found: Jump) -> Size:
        unit = null.gauge.unit
        return Size(found.effect * unit, AT_ONCE * self.monitor.alarms.floors.level * unit, words(null, found))


def words(null: LevelNull, found: Jump) -> str:
    """A window's level beside those it is compared with.

    >>> null = LevelNull(Gauge(share=True, mean=0.031, rows=1000, variance=0.03, skew=5.4))
    >>> words(null, Jump(1e-9, 0.35, 0.092, 0.030, 0.031, 24))
    '9.2% true, 3.0% in the 24 windows before, 3.1% in the reference'
    """
    now, before, usual = null.gauge.named(found.level), *map(null.gauge.said, (found.before, found.reference))
    when = " (at this time of day)" if null.season else ""
    return f"{now}, {before} in the {found.windows} windows before, {usual} in the reference{when}"
