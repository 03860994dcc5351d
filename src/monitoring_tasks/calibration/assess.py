"""A window's tests under the calibrated null: how sure each is, of how much, and whether that is a finding."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from monitoring_tasks.alarms_section import Floors
from monitoring_tasks.calibration.calibrate import Calibration, ColumnNull
from monitoring_tasks.calibration.correction import Levels, adjusted
from monitoring_tasks.calibration.counts import Counts, column_counts, distances
from monitoring_tasks.calibration.course import Course
from monitoring_tasks.calibration.nulls import chance_p_value
from monitoring_tasks.calibration.segments import SegmentCase, SegmentKey, SegmentTest, segment_tests
from monitoring_tasks.checks import Check, Evidence, Measured, Status
from monitoring_tasks.profile.binning import Binning, CategoryBins, Floats
from monitoring_tasks.profile.profile import Profile, is_constant

TestKey = tuple[Check, str | None]
SHIFTS = frozenset({Check.DRIFT, Check.JOINT, Check.LEVEL})
WEIGHT = 4.0
"""Of a test of a shift, beside 1 of a fault: faults that matter have p-values far beyond any level, shifts have not."""
AT_ONCE, PERSISTING = 2.0, 0.6
"""One window alone must show so many times the floor, one that persists so many."""

GAP = 0.1
"""Floor of a gap in time, as a share of the rows that were expected."""


class Extra(NamedTuple):
    """A test of the window as a whole that was made from rows, not from profiles: NaN where it could not be."""

    p_value: float
    effect: float


class Size(NamedTuple):
    """How large what a test measured is, in the unit of its column, beside the size that one window must show."""

    value: float
    limit: float
    words: str


class Told(NamedTuple):
    """What there is to say about a check: its baseline's shortcomings, the season and the fault that explain it."""

    note: str = ""
    season: str = ""
    cause: str = ""


@dataclass(frozen=True, eq=False)
class Case:
    """One window beside its baseline, as profiles of the same binning.

    `floors` overrides the floors of single tests: they are limits, at which one window is enough. `extra` are further
    tests. Columns in `untested` have no baseline to be compared with: they are undecided. `skipped` are tests that
    nobody asked for: they are not made.
    """

    binning: Binning
    baseline: Profile
    current: Profile
    floors: Mapping[TestKey, float] = field(default_factory=dict)
    extra: Mapping[TestKey, Extra] = field(default_factory=dict)
    untested: frozenset[str] = frozenset()
    skipped: frozenset[TestKey] = frozenset()
    segments: Sequence[SegmentCase] = ()


class Assessed(NamedTuple):
    """What one test says, and what that makes of its check."""

    evidence: Evidence
    status: Status


@dataclass(frozen=True, eq=False)
class Assessment:
    """A window judged as a whole: its tests, measures of the whole window, and what there is to say about checks.

    `cases` are the segments to be judged, `segments` the tests of them; by rules that test nothing they have none.
    `lacking` has the declared segments, by their columns, of which there is nothing to judge, and why. `sizes` are
    those of the tests that have one, `courses` are how the levels of watched columns went.
    """

    tests: Mapping[TestKey, Assessed] = field(default_factory=dict)
    whole: Mapping[Check, Measured] = field(default_factory=dict)
    told: Mapping[TestKey, Told] = field(default_factory=dict)
    cases: Sequence[SegmentCase] = ()
    segments: Mapping[SegmentKey, Assessed] = field(default_factory=dict)
    lacking: Mapping[str, str] = field(default_factory=dict)
    sizes: Mapping[TestKey, Size] = field(default_factory=dict)
    courses: Mapping[str, Course] = field(default_factory=dict)

    @property
    def found(self) -> list[TestKey]:
        """The tests that are findings, at once or if they persist."""
        return [key for key, assessed in self.tests.items() if assessed.status in (Status.FAILED, Status.SUSPECT)]


class _Test(NamedTuple):
    key: TestKey
    p_value: float
    effect: float


def assess(calibration: Calibration, case: Case, levels: Levels, floors: Floors) -> dict[TestKey, Assessed]:
    """Every test of a window under one Benjamini-Hochberg correction, in which shifts weigh more than faults.

    `FAILED` is a finding at once: evidence at the strong level and twice the floor. `SUSPECT` is one if it persists:
    evidence at the weak level and six tenths of the floor. A test without rows on a side is `UNDECIDED`, and no test.
    """
    return assess_all(calibration, case, levels, floors)[0]


def assess_all(
    calibration: Calibration, case: Case, levels: Levels, floors: Floors
) -> tuple[dict[TestKey, Assessed], dict[SegmentKey, Assessed]]:
    """As `assess`, and the tests of the segments: they are under the same correction, and weigh as a fault does."""
    every = (*_column_tests(calibration, case), *_window_tests(case))
    tests = [_tested(test, case.untested) for test in every if test.key not in case.skipped]
    parts = list(segment_tests(calibration.columns, case.binning, case.segments))
    weights = [*(weight_of(test.key[0]) for test in tests), *(1.0 for _ in parts)]
    p_values = [*(test.p_value for test in tests), *(test.p_value for test in parts)]
    corrected = adjusted(p_values, weights)
    own, floor = corrected[: len(tests)], least_of(floors, {}, (Check.DRIFT, None))
    whole = {
        test.key: _judged(test, q, least_of(floors, case.floors, test.key), levels)
        for test, q in zip(tests, own, strict=True)
    }
    pairs = zip(parts, corrected[len(tests) :], strict=True)
    return whole, {test.key: _judged(test, q, floor, levels) for test, q in pairs}


def _tested(test: _Test, untested: frozenset[str]) -> _Test:
    without = test.key[1] in untested and test.key[0] is not Check.LEVEL  # which looks at no baseline
    return _Test(test.key, math.nan, math.nan) if without else test


def weight_of(check: Check) -> float:
    """Weight of a check in the correction."""
    return WEIGHT if check in SHIFTS else 1.0


def level_shares(columns: int, segments: int = 0, watched: int = 0) -> tuple[float, float]:
    """Which part of a level one test alone gets, of a shift and of a fault, in windows of so many columns.

    Each column has one test of a shift and three of faults; the window as a whole has one and two. `segments` is the
    number of tests of segments, each of which gets as much as one of a fault; `watched` that of columns whose level is
    tested, each of which gets as much as one of a shift.
    """
    total = WEIGHT * (columns + 1 + watched) + 3 * columns + 2 + segments
    return WEIGHT / total, 1 / total


def shares_of_tests(columns: int, segments: int = 0, watched: int = 0) -> Floats:
    """The part of a level that each test of a window gets by its weight, those of shifts first; their sum is 1."""
    counts = [columns + 1 + watched, 3 * columns + 2 + segments]
    return np.repeat(level_shares(columns, segments, watched), counts)


def floor_of(floors: Floors, key: TestKey) -> float:
    """The least effect that matters for a test."""
    return {
        Check.DRIFT: floors.distance,
        Check.MISSING_SHARE: floors.missing,
        Check.OUT_OF_RANGE_SHARE: floors.out_of_range,
        Check.UNSEEN_SHARE: floors.unseen,
        Check.DUPLICATE_SHARE: floors.duplicates,
        Check.JOINT: floors.joint,
        Check.LEVEL: floors.level,
        Check.TIME_GAP: GAP,
    }.get(key[0], 0.5)


class Least(NamedTuple):
    """The least effect that matters, and what one window alone must show."""

    floor: float
    at_once: float

    @property
    def persisting(self) -> float:
        """What each of several windows must show."""
        return PERSISTING * self.floor


def least_of(floors: Floors, own: Mapping[TestKey, float], key: TestKey) -> Least:
    """What a test must show; in `own` are the limits of single ones, at which one window is enough.

    >>> least_of(Floors(), {}, (Check.MISSING_SHARE, "a")), least_of(Floors(), {(Check.UNSEEN_SHARE, "b"): 0.7}, (
    ...     Check.UNSEEN_SHARE, "b"))
    (Least(floor=0.02, at_once=0.04), Least(floor=0.7, at_once=0.7))
    """
    floor = floor_of(floors, key)
    return Least(own[key], own[key]) if key in own else Least(floor, AT_ONCE * floor)


def _judged(test: _Test | SegmentTest, corrected: float, least: Least, levels: Levels) -> Assessed:
    evidence = Evidence(test.p_value, corrected, test.effect, least.floor)
    if math.isnan(corrected) or math.isnan(test.effect):
        return Assessed(evidence, Status.UNDECIDED)
    if corrected <= levels.strong and test.effect >= least.at_once:
        return Assessed(evidence, Status.FAILED)
    weak = corrected <= levels.weak and test.effect >= least.persisting
    return Assessed(evidence, Status.SUSPECT if weak else Status.PASSED)


def _column_tests(calibration: Calibration, case: Case) -> Iterator[_Test]:
    for name, bins in case.binning.columns.items():
        null, current = calibration.columns[name], case.current.columns[name]
        both = column_counts(bins, [current, case.baseline.columns[name]])
        window, baseline = both.one(0), both.one(1)
        found = distances(bins, window, baseline)
        p = null.distance.p_value(float(found.squared[0]), float(found.scarcity[0]), float(found.peak[0]))
        yield _Test((Check.DRIFT, name), p, float(found.effect[0]))
        yield from _share_tests(name, null, window, baseline, categorical=isinstance(bins, CategoryBins))
        yield _constant(name, null, window, baseline, constant=is_constant(current))


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


def _constant(name: str, null: ColumnNull, window: Counts, baseline: Counts, *, constant: bool) -> _Test:
    """One value only: as likely as that all rows draw the baseline's most frequent bin, or as often as windows show."""
    rows, most = float(window.rows[0]), float(baseline.values[0].max(initial=0.0))
    if rows < 2 or not baseline.rows[0]:
        return _Test((Check.CONSTANT, name), math.nan, math.nan)
    chance = (most / float(baseline.rows[0])) ** rows
    return _Test((Check.CONSTANT, name), max(chance, null.constant) if constant else 1.0, float(constant))


def _window_tests(case: Case) -> Iterator[_Test]:
    if case.current.duplicates is not None:
        yield _duplicates(case.current.duplicates, case.current.rows, case.baseline)
    for key, (p_value, effect) in case.extra.items():
        yield _Test(key, p_value, effect)


def _duplicates(found: int, rows: int, baseline: Profile) -> _Test:
    key, usual = (Check.DUPLICATE_SHARE, None), baseline.duplicates or 0
    if not rows or not baseline.rows:
        return _Test(key, math.nan, math.nan)
    p = chance_p_value(found, rows, usual + 0.5, baseline.rows) if found else 1.0
    return _Test(key, p, _excess(found, rows, usual, baseline.rows))
