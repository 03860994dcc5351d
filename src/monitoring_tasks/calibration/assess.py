"""A window's tests under the calibrated null: how sure each is, of how much, and whether that is a finding."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from monitoring_tasks.alarms_section import Floors
from monitoring_tasks.calibration.calibrate import Calibration, ColumnNull
from monitoring_tasks.calibration.correction import Levels, adjusted
from monitoring_tasks.calibration.counts import Counts, column_counts, distances
from monitoring_tasks.calibration.nulls import chance_p_value
from monitoring_tasks.checks import Check, Evidence, Status
from monitoring_tasks.profile.binning import Binning, CategoryBins
from monitoring_tasks.profile.profile import Profile

TestKey = tuple[Check, str | None]
AT_ONCE, PERSISTING = 2.0, 0.6
"""One window alone must show so many times the floor, one that persists so many."""


@dataclass(frozen=True, eq=False)
class Case:
    """One window beside its baseline: profiles of the same binning, and the tests that need rows, made elsewhere.

    `floors` overrides the floors of single tests; `extra` are further tests: p-value and effect.
    """

    binning: Binning
    baseline: Profile
    current: Profile
    floors: Mapping[TestKey, float]
    extra: Mapping[TestKey, tuple[float, float]]


class Assessed(NamedTuple):
    """What one test says, and what that makes of its check."""

    evidence: Evidence
    status: Status


class _Test(NamedTuple):
    key: TestKey
    p_value: float
    effect: float


def assess(calibration: Calibration, case: Case, levels: Levels, floors: Floors) -> dict[TestKey, Assessed]:
    """Every test of a window under one Benjamini-Hochberg correction.

    `FAILED` is a finding at once: evidence at the strong level and twice the floor. `SUSPECT` is one if it persists:
    evidence at the weak level and six tenths of the floor. A test without rows on a side is `UNDECIDED`, and no test.
    """
    tests = [*_column_tests(calibration, case), *_window_tests(case)]
    corrected = adjusted([test.p_value for test in tests])
    return {
        test.key: _judged(test, q, case.floors.get(test.key, floor_of(floors, test.key)), levels)
        for test, q in zip(tests, corrected, strict=True)
    }


def floor_of(floors: Floors, key: TestKey) -> float:
    """The least effect that matters for a test."""
    return {
        Check.DRIFT: floors.distance,
        Check.MISSING_SHARE: floors.missing,
        Check.OUT_OF_RANGE_SHARE: floors.out_of_range,
        Check.UNSEEN_SHARE: floors.unseen,
        Check.DUPLICATE_SHARE: floors.duplicates,
        Check.JOINT: floors.joint,
    }.get(key[0], 0.5)


def _judged(test: _Test, corrected: float, floor: float, levels: Levels) -> Assessed:
    evidence = Evidence(test.p_value, corrected, test.effect, floor)
    if math.isnan(corrected) or math.isnan(test.effect):
        return Assessed(evidence, Status.UNDECIDED)
    if corrected <= levels.strong and test.effect >= AT_ONCE * floor:
        return Assessed(evidence, Status.FAILED)
    weak = corrected <= levels.weak and test.effect >= PERSISTING * floor
    return Assessed(evidence, Status.SUSPECT if weak else Status.PASSED)


def _column_tests(calibration: Calibration, case: Case) -> Iterator[_Test]:
    for name, bins in case.binning.columns.items():
        null = calibration.columns[name]
        window = column_counts(bins, [case.current.columns[name]])
        baseline = column_counts(bins, [case.baseline.columns[name]])
        found = distances(bins, window, baseline)
        p = null.distance.p_value(float(found.squared[0]), float(found.scarcity[0]), float(found.peak[0]))
        yield _Test((Check.DRIFT, name), p, float(found.effect[0]))
        yield from _share_tests(name, null, window, baseline, categorical=isinstance(bins, CategoryBins))
        yield _constant(name, null, window, baseline)


def _share_tests(
    name: str, null: ColumnNull, window: Counts, baseline: Counts, *, categorical: bool
) -> Iterator[_Test]:
    part, whole = float(window.missing[0]), float(window.readable[0])
    usual, among = float(baseline.missing[0]), float(baseline.readable[0])
    p = null.missing.p_value(part, whole, usual, among)
    yield _Test((Check.MISSING_SHARE, name), p, _excess(part, whole, usual, among))
    part, whole = float(window.outside[0]), float(window.rows[0])
    usual, among = float(baseline.outside[0]), float(baseline.rows[0])
    check = Check.UNSEEN_SHARE if categorical else Check.OUT_OF_RANGE_SHARE
    p = null.outside.p_value(part, whole, usual, among)
    yield _Test((check, name), p, _excess(part, whole, usual, among))


def _excess(part: float, whole: float, usual: float, among: float) -> float:
    return part / whole - usual / among if whole and among else math.nan


def _constant(name: str, null: ColumnNull, window: Counts, baseline: Counts) -> _Test:
    """One value only: as likely as that all rows draw the baseline's most frequent bin, or as often as windows show."""
    rows, most = float(window.rows[0]), float(baseline.values[0].max(initial=0.0))
    if rows < 2 or not baseline.rows[0]:
        return _Test((Check.CONSTANT, name), math.nan, math.nan)
    constant = int((window.values[0] > 0).sum()) <= 1
    chance = (most / float(baseline.rows[0])) ** rows
    return _Test((Check.CONSTANT, name), max(chance, null.constant) if constant else 1.0, float(constant))


def _window_tests(case: Case) -> Iterator[_Test]:
    current, baseline = case.current, case.baseline
    if current.duplicates is not None:
        usual = baseline.duplicates or 0
        p = chance_p_value(current.duplicates, current.rows, usual + 0.5, baseline.rows) if current.duplicates else 1.0
        excess = _excess(current.duplicates, current.rows, usual, baseline.rows)
        yield _Test((Check.DUPLICATE_SHARE, None), p if current.rows and baseline.rows else math.nan, excess)
    for key, (p_value, effect) in case.extra.items():
        yield _Test(key, p_value, effect)
