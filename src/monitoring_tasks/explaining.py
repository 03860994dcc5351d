"""What a monitor's alarm budget buys: how it is spent, what each column is caught at, and which swing too much."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from typing import Any

from monitoring_tasks.alarms_section import WEEK, TrainingBaseline, baseline_words
from monitoring_tasks.calibration.assess import WEIGHT, shares_of_tests
from monitoring_tasks.calibration.calibrate import Calibration
from monitoring_tasks.calibration.correction import HIGHEST, Levels
from monitoring_tasks.calibration.counts import all_rare, column_counts
from monitoring_tasks.calibration.domain import LEAST_WINDOW_ROWS, Lack
from monitoring_tasks.calibration.geometry import LEAST_WINDOWS
from monitoring_tasks.calibration.level_power import level_power
from monitoring_tasks.calibration.nulls import DistanceNull
from monitoring_tasks.calibration.power import Caught, Power, Setting, power
from monitoring_tasks.calibration.segments import most_tests
from monitoring_tasks.champion import load_reference, pin_champion
from monitoring_tasks.checks import Check
from monitoring_tasks.kept_nulls import every, joint_kinds, load_calibration, load_joint, own_floors, spent
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.profile.reference import ReferenceProfile
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.window import DAY, HOUR, Window, in_words

SWINGS = 0.3
"""A distance that must be exceeded before a column's shift is found within three windows: it swings too much."""


@dataclass(frozen=True)
class Explanation:
    """How a monitor's budget is spent (`words`), what is caught by column, and what to be warned of.

    `levels` has what is caught of the level of each watched column that has one.
    """

    words: tuple[str, ...]
    columns: Mapping[str, Power]
    warnings: tuple[str, ...]
    levels: Mapping[str, Caught] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The explanation as plain JSON values."""
        found = asdict(self)
        return found if self.levels else {name: value for name, value in found.items() if name != "levels"}


def explain(monitor: Monitor, runtime: Runtime, window: Window, *, rows: int | None = None) -> Explanation:
    """The explanation for windows like `window`, of `rows` rows.

    Left out, the rows are those of the newest window that was judged, else those of an ordinary window of the
    reference.
    """
    reference = load_reference(monitor, runtime, pin_champion(monitor, runtime))
    calibration = load_calibration(monitor, runtime, reference, window.width)
    asked = None if rows is None else (rows, "as asked")
    volume, source = asked or _volume(monitor, runtime, calibration, reference, window)
    columns = dict(powers(monitor, reference, calibration, window, volume))
    words = (
        *_spent(monitor, reference, calibration, window),
        f"Rows of a window: {volume:,} ({source}).",
        _null(calibration, reference, window),
        *_joint(monitor, runtime, reference, window),
    )
    warnings = (*_warnings(monitor, runtime, reference, window, columns, volume), *_without_level(monitor, calibration))
    return Explanation(words, columns, warnings, dict(jumps(monitor, reference, calibration, window, volume)))


def jumps(
    monitor: Monitor, reference: ReferenceProfile, calibration: Calibration, window: Window, rows: int
) -> Iterator[tuple[str, Caught]]:
    """What is caught of the level of each watched column by windows of so many rows."""
    setting, floor = _setting(monitor, reference, calibration, window, rows), monitor.alarms.floors.level
    for name, null in calibration.levels.items():
        # Of a column that only some rows have a value of, a window has fewer.
        known = min(null.gauge.rows / max(reference.profile.rows, 1), 1.0)
        yield name, level_power(null, replace(setting, rows=max(round(rows * known), 1)), floor)


def _without_level(monitor: Monitor, calibration: Calibration) -> Iterator[str]:
    for name in monitor.alarms.levels:
        if name not in calibration.levels:
            yield f"{name}: the reference has no two values of it, so its level is not tested (alarms.levels)"


def _volume(
    monitor: Monitor, runtime: Runtime, calibration: Calibration, reference: ReferenceProfile, window: Window
) -> tuple[int, str]:
    """Rows of a window, and where that number comes from; windows of another width say nothing of this one."""
    for stored in runtime.store.latest():
        subject, found = stored.verdict.subject, stored.verdict.evidence.get("rows")
        if subject.monitor == monitor.name and subject.window.width == window.width and found:
            return int(found), f"those of {subject.window}"
    if calibration.rows:
        return calibration.rows, "an ordinary window of the reference"
    if reference.pieces:
        width = sum((piece.width for piece in reference.pieces), timedelta())
        share = min(window.width / width, 1.0)
        return max(round(reference.profile.rows * share), 1), "the reference's rows in so much time"
    return reference.profile.rows, "the whole reference, which has no timestamps to cut it by"


def powers(
    monitor: Monitor, reference: ReferenceProfile, calibration: Calibration, window: Window, rows: int
) -> Iterator[tuple[str, Power]]:
    """What is caught of each column by windows of so many rows."""
    floors, own = monitor.alarms.floors, own_floors(monitor)
    setting = _setting(monitor, reference, calibration, window, rows)
    for name, bins in reference.binning.columns.items():
        numeric = reference.kinds[name] == "numeric"
        outside = floors.out_of_range if numeric else own.get((Check.UNSEEN_SHARE, name), floors.unseen)
        least = (floors.distance, own.get((Check.MISSING_SHARE, name), floors.missing), outside)
        yield name, power(bins, reference.profile.columns[name], calibration.columns[name], setting, least)


def _setting(
    monitor: Monitor, reference: ReferenceProfile, calibration: Calibration, window: Window, rows: int
) -> Setting:
    rule, segments = monitor.policy.persistence, _segment_tests(reference, calibration)
    levels = spent(monitor, calibration, window, segments=segments)
    watched = len(calibration.levels)
    return Setting(levels, len(calibration.columns), rows, (rule.windows, rule.of), segments, watched)


def _segment_tests(reference: ReferenceProfile, calibration: Calibration) -> int:
    return most_tests(reference.divisions, list(calibration.columns))


def _spent(monitor: Monitor, reference: ReferenceProfile, calibration: Calibration, window: Window) -> Iterator[str]:
    budget, columns = monitor.alarms.budget, len(calibration.columns)
    segments, watched = _segment_tests(reference, calibration), len(calibration.levels)
    levels_of = f"of {watched} watched columns the level beside the windows before; " if watched else ""
    levels, step = spent(monitor, calibration, window, segments=segments), every(monitor, window)
    yield f"Budget: {budget.words}. A window every {_time(step)}, so each may cost {levels.rate:.3g} false alarms."
    tests = len(shares_of_tests(columns, segments, watched))
    yield (
        f"Tests: up to {tests} in a window (of each of {columns} columns its distribution, missing share, unknown or "
        f"impossible values, and whether it is constant; {levels_of}of the window its "
        "duplicates, gaps in time, and columns jointly), under one Benjamini-Hochberg correction, in which a test of a "
        f"shift weighs {WEIGHT:g} times one of a fault."
    )
    yield _halves(monitor, levels)
    floors = monitor.alarms.floors
    yield (
        f"Floors: distance {floors.distance:g}, missing {floors.missing:g}, out of range {floors.out_of_range:g}, "
        f"unseen {floors.unseen:g}, duplicates {floors.duplicates:g}, AUC above a half {floors.joint:g}"
        + (f", jump of a level {floors.level:g} sd." if watched else ".")
        + _own_floors(monitor)
    )
    yield _segments(reference, segments)


def _segments(reference: ReferenceProfile, tests: int) -> str:
    if not reference.divisions:
        return "Segments: none are judged, so the windows have the whole budget."
    declared = ", ".join(f"{len(each.values)} by {' and '.join(each.columns)}" for each in reference.divisions)
    return (
        f"Segments: {declared}; of the tests {tests} are theirs, under the same correction, so the windows as a whole "
        "show a shift a little later than without."
    )


def _halves(monitor: Monitor, levels: Levels) -> str:
    rule, least = monitor.policy.persistence, "and at least six tenths of the floor"
    if rule.windows == 1:
        return f"The whole budget is spent on what one window shows: adjusted p at most {levels.weak:.3g}, {least}."
    return (
        f"Half of the budget is spent on what is found at once: adjusted p at most {levels.strong:.3g}, and at least "
        f"twice the floor. The other half on what stands in {rule.windows} of {rule.of} windows: {_weak(levels)}, "
        f"{least}."
    )


def _own_floors(monitor: Monitor) -> str:
    own = [
        f"{name} {check.value.removesuffix('_share')} {floor:g}" for (check, name), floor in own_floors(monitor).items()
    ]
    return f" Of single columns: {', '.join(own)}." if own else ""


def _weak(levels: Levels) -> str:
    most = " (no level is more lenient, so some of it is left)" if levels.weak >= HIGHEST else ""
    return f"adjusted p at most {levels.weak:.3g} in each{most}"


def _time(width: timedelta) -> str:
    """A length of time as it is said after `every`.

    >>> _time(timedelta(hours=1)), _time(timedelta(days=7)), _time(timedelta(minutes=90))
    ('hour', '7 days', '90 minutes')
    """
    for unit, name in ((DAY, "day"), (HOUR, "hour"), (HOUR / 60, "minute")):
        if not width % unit:
            return name if width == unit else f"{width // unit} {name}s"
    return in_words(width)


def _one(window: Window) -> str:
    """The width of a window as it is said of one."""
    width = _time(window.width)
    return width if width[0].isdigit() else f"one {width}"


def _null(calibration: Calibration, reference: ReferenceProfile, window: Window) -> str:
    each = _one(window)
    if calibration.windows:
        return (
            f"Learnt from {calibration.windows} windows of {each} in the reference: how much ordinary windows differ "
            "from each other, beyond chance."
        )
    known = (
        f"The reference has fewer than {LEAST_WINDOWS} windows of {each}"
        if reference.pieces
        else "The reference has no timestamps"
    )
    mend = "A longer reference, or narrower windows, would mend it" if reference.pieces else "Timestamps would mend it"
    return (
        f"{known}: rows are taken as independent of each other, which those of one window seldom are. Expect more "
        f"alarms than the budget. {mend}."
    )


def _joint(monitor: Monitor, runtime: Runtime, reference: ReferenceProfile, window: Window) -> Iterator[str]:
    kinds = joint_kinds(monitor, reference)
    if not monitor.alarms.joint or len(kinds) < 2:
        yield "No joint test: it is switched off, or fewer than two columns are compared with the training reference."
        return
    null = load_joint(monitor, runtime, reference, window.width)
    if null.lacks:
        yield _unlearnt(null.lacks, window)
    elif null.detectable >= 1:
        yield (
            f"Joint changes of {len(kinds)} columns cannot be seen: ordinary windows are told from the reference as "
            "well as any others could be. Give the columns that swing most the baseline trailing: the test leaves "
            "those out."
        )
    else:
        yield f"Joint changes of {len(kinds)} columns are seen from an AUC of {null.detectable:.2f} on (p .001)."


def _unlearnt(lack: Lack, window: Window) -> str:
    each = _one(window)
    if lack == "windows":
        known, mend = f"has fewer than {LEAST_WINDOWS} windows of {each}", "A longer reference, or narrower windows,"
    else:
        few = f"fewer than {LEAST_WINDOWS} windows of {each} have {LEAST_WINDOW_ROWS} rows in it"
        known, mend = f"is known by a sample, and {few}", "Wider windows"
    return f"No joint test: the reference {known}, so what ordinary ones differ by is not known. {mend} would mend it."


def _warnings(
    monitor: Monitor,
    runtime: Runtime,
    reference: ReferenceProfile,
    window: Window,
    columns: Mapping[str, Power],
    rows: int,
) -> Iterator[str]:
    calibration = load_calibration(monitor, runtime, reference, window.width)
    blind = {name: found for name, found in columns.items() if _least(found) > SWINGS}
    wide = _weekly(monitor, runtime, reference, window, rows) if blind and window.width < WEEK else {}
    for name, found in blind.items():
        said = _unjudged(reference, name)
        if not said:
            why = _why(calibration.columns[name].distance, rows, reference.profile.rows)
            said = f"{why}: {_late(found)}{_advice(monitor, name, found, wide.get(name), swings=why is SWINGING)}"
        yield f"{name}: {said}"


def _late(found: Power) -> str:
    least = found.distance.three
    if least is None:
        return "no shift is found within three windows"
    return f"a shift is found within three windows from distance {least:.2f} on"


def _unjudged(reference: ReferenceProfile, name: str) -> str:
    """Why a column's distribution is no test at all; empty where it is one."""
    bins = reference.binning.columns[name]
    profile = reference.profile.columns[name]
    if not column_counts(bins, [profile]).rows[0]:
        return "the reference has no value of it, so its distribution cannot be judged"
    if all_rare(bins, profile):
        return "all its categories are rare, so their shares cannot be judged; an id is no feature (ignore)"
    return ""


SWINGING = "its windows differ much from each other"
FEW = "its windows have few rows"


def _why(null: DistanceNull, rows: int, baseline: int) -> str:
    """What hides shifts: how windows differ, or chance, where that is the larger part of an ordinary distance."""
    chance = null.chance * (1 / rows + 1 / max(baseline, 1))
    return SWINGING if null.between > chance else FEW


def _least(found: Power) -> float:
    return found.distance.three or 1.0


def _weekly(
    monitor: Monitor, runtime: Runtime, reference: ReferenceProfile, window: Window, rows: int
) -> Mapping[str, Power]:
    """What windows of a week would catch; empty where the reference has too few of them to tell."""
    week = Window(window.end - WEEK, window.end)
    calibration = load_calibration(monitor, runtime, reference, WEEK)
    if not calibration.windows:
        return {}
    return dict(powers(monitor, reference, calibration, week, round(rows * (WEEK / window.width))))


def _advice(monitor: Monitor, name: str, found: Power, wide: Power | None, *, swings: bool) -> str:
    """What would find less: wider windows, and another baseline where windows differ for more than chance."""
    said = ""
    if wide is not None and _least(wide) < _least(found):
        said += f"; windows of 7 days would find {_least(wide):.2f}: it can only be policed weekly (window: 7d)"
    baseline = monitor.baseline(name)
    if not isinstance(baseline, TrainingBaseline):
        return f"{said}; it is compared with {baseline_words(baseline)}"
    if not swings:
        return said or "; wider windows have more of them"
    return f"{said}; or compare it with the rows before (baseline: trailing)"
