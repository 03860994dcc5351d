"""What a monitor's alarm budget buys: how it is spent, what each column is caught at, and which swing too much."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from monitoring_tasks.alarms_section import WEEK, TrainingBaseline
from monitoring_tasks.assessment import (
    every,
    joint_kinds,
    load_calibration,
    load_joint,
    number_of_tests,
    own_floors,
    spent,
)
from monitoring_tasks.baselines import baseline_words
from monitoring_tasks.calibration.assess import WEIGHT
from monitoring_tasks.calibration.calibrate import Calibration
from monitoring_tasks.calibration.correction import Levels
from monitoring_tasks.calibration.geometry import LEAST_WINDOWS
from monitoring_tasks.calibration.power import Power, Setting, power
from monitoring_tasks.champion import load_reference, pin_champion
from monitoring_tasks.checks import Check
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.profile.reference import ReferenceProfile
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.window import Window, in_words

SWINGS = 0.3
"""A distance that must be exceeded before a column's shift is found within three windows: it swings too much."""


@dataclass(frozen=True)
class Explanation:
    """How a monitor's budget is spent (`words`), what is caught by column, and what to be warned of."""

    words: tuple[str, ...]
    columns: Mapping[str, Power]
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The explanation as plain JSON values."""
        return asdict(self)


def explain(monitor: Monitor, runtime: Runtime, window: Window, *, rows: int | None = None) -> Explanation:
    """The explanation for windows like `window`, of `rows` rows.

    Left out, the rows are those of the newest window that was judged, else those of an ordinary window of the
    reference.
    """
    reference = load_reference(monitor, runtime, pin_champion(monitor, runtime))
    calibration = load_calibration(monitor, runtime, reference, window.width)
    volume, source = _volume(monitor, runtime, calibration, reference) if rows is None else (rows, "as asked")
    columns = dict(_powers(monitor, reference, calibration, window, volume))
    words = (
        *_spent(monitor, calibration, window),
        f"Rows of a window: {volume:,} ({source}).",
        *_null(calibration, window),
        *_joint(monitor, runtime, reference, window),
    )
    return Explanation(words, columns, tuple(_warnings(monitor, runtime, reference, window, columns, volume)))


def _volume(
    monitor: Monitor, runtime: Runtime, calibration: Calibration, reference: ReferenceProfile
) -> tuple[int, str]:
    for stored in runtime.store.latest():
        found = stored.verdict.evidence.get("rows")
        if stored.verdict.subject.monitor == monitor.name and found:
            return int(found), f"those of {stored.verdict.subject.window}"
    if calibration.rows:
        return calibration.rows, "an ordinary window of the reference"
    return reference.profile.rows, "the whole reference, which has no timestamps to cut it by"


def _powers(
    monitor: Monitor, reference: ReferenceProfile, calibration: Calibration, window: Window, rows: int
) -> Iterator[tuple[str, Power]]:
    rule, floors, own = monitor.policy.persistence, monitor.alarms.floors, own_floors(monitor)
    levels = spent(monitor, calibration, window)
    setting = Setting(levels, len(calibration.columns), rows, (rule.windows, rule.of))
    for name, bins in reference.binning.columns.items():
        numeric = reference.kinds[name] == "numeric"
        outside = floors.out_of_range if numeric else own.get((Check.UNSEEN_SHARE, name), floors.unseen)
        least = (floors.distance, own.get((Check.MISSING_SHARE, name), floors.missing), outside)
        yield name, power(bins, reference.profile.columns[name], calibration.columns[name], setting, least)


def _spent(monitor: Monitor, calibration: Calibration, window: Window) -> Iterator[str]:
    budget, rule = monitor.alarms.budget, monitor.policy.persistence
    levels, step = spent(monitor, calibration, window), every(monitor, window)
    yield (f"Budget: {budget.words}. A window every {in_words(step)}, so each may cost {levels.rate:.3g} false alarms.")
    yield (
        f"Tests: up to {number_of_tests(calibration)} in a window (of each of {len(calibration.columns)} columns its "
        "distribution, missing share, unknown or impossible values, and whether it is constant; of the window its "
        "duplicates, gaps in time, and columns jointly), under one Benjamini-Hochberg correction, in which a test of a "
        f"shift weighs {WEIGHT:g} times one of a fault."
    )
    yield (
        f"Half of it is spent on findings at once: adjusted p at most {levels.strong:.3g} and twice the floor. The "
        f"other half on what persists in {rule.windows} of {rule.of} windows: {_weak(levels)} and six tenths of it."
    )
    floors = monitor.alarms.floors
    yield (
        f"Floors: distance {floors.distance:g}, missing {floors.missing:g}, out of range {floors.out_of_range:g}, "
        f"unseen {floors.unseen:g}, duplicates {floors.duplicates:g}, AUC above a half {floors.joint:g}."
    )
    yield "Segments: none; each segment that is declared would be more tests under the same correction."


def _weak(levels: Levels) -> str:
    return f"adjusted p at most {levels.weak:.3g} each time"


def _null(calibration: Calibration, window: Window) -> Iterator[str]:
    if calibration.windows:
        yield (
            f"Learnt from {calibration.windows} windows of {in_words(window.width)} of the reference: how much "
            "ordinary windows differ from each other, beyond chance."
        )
    else:
        yield (
            f"The reference has no timestamps, or fewer than {LEAST_WINDOWS} windows of {in_words(window.width)}: rows "
            "are taken as independent of each other, which those of one day seldom are. Expect more alarms than the "
            "budget; a longer reference, or narrower windows, would mend it."
        )


def _joint(monitor: Monitor, runtime: Runtime, reference: ReferenceProfile, window: Window) -> Iterator[str]:
    kinds = joint_kinds(monitor, reference)
    if not monitor.alarms.joint or len(kinds) < 2:
        yield "No joint test: it is switched off, or fewer than two columns are compared with the training reference."
        return
    null = load_joint(monitor, runtime, reference, window.width)
    if null.detectable >= 1:
        yield (
            f"Joint changes of {len(kinds)} columns cannot be seen: ordinary windows are told from the reference as "
            "well as any others could be. Give the columns that swing most the baseline trailing: the test leaves "
            "those out."
        )
    else:
        yield f"Joint changes of {len(kinds)} columns are seen from an AUC of {null.detectable:.2f} on (p .001)."


def _warnings(
    monitor: Monitor,
    runtime: Runtime,
    reference: ReferenceProfile,
    window: Window,
    columns: Mapping[str, Power],
    rows: int,
) -> Iterator[str]:
    swinging = {name: found for name, found in columns.items() if (found.distance.three or 1.0) > SWINGS}
    wide = _weekly(monitor, runtime, reference, window, rows) if swinging and window.width < WEEK else {}
    for name, found in swinging.items():
        yield _warning(monitor, name, found, wide.get(name))


def _weekly(
    monitor: Monitor, runtime: Runtime, reference: ReferenceProfile, window: Window, rows: int
) -> Mapping[str, Power]:
    """What windows of a week would catch."""
    week = Window(window.end - WEEK, window.end)
    calibration = load_calibration(monitor, runtime, reference, WEEK)
    return dict(_powers(monitor, reference, calibration, week, round(rows * (WEEK / window.width))))


def _warning(monitor: Monitor, name: str, found: Power, wide: Power | None) -> str:
    least = found.distance.three
    said = f"{name}: its windows differ so much that a shift is found within three of them only from distance "
    said += f"{least:.2f} on" if least else "1 on, so never"
    if wide is not None and (wide.distance.three or 1.0) < (least or 1.0):
        said += f"; windows of 7 days would find {wide.distance.three:.2f}: it can only be policed weekly (window: 7d)"
    baseline = monitor.baseline(name)
    if isinstance(baseline, TrainingBaseline):
        return f"{said}; or compare it with the rows before (baseline: trailing)"
    return f"{said}, compared with {baseline_words(baseline)}"
