"""Tests of segments: under one correction with the whole's, as many as they are, and no more often false."""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np
import pytest
from scipy import stats

from monitoring_tasks.alarms_section import AlarmBudget, Floors, TrainingBaseline
from monitoring_tasks.calibration.assess import Case, assess, assess_all, level_shares, shares_of_tests
from monitoring_tasks.calibration.calibrate import Calibration, calibrate
from monitoring_tasks.calibration.correction import Levels, adjusted, levels
from monitoring_tasks.calibration.segments import SegmentCase, most_tests, segment_tests
from monitoring_tasks.checks import Status
from monitoring_tasks.profile.binning import Binning, Floats
from monitoring_tasks.profile.profile import Profile
from monitoring_tasks.profile.segments import Division
from tests.calibration.columns import column, equal, named, profile, reference

NAMES = [f"x{place}" for place in range(8)]
SEGMENTS = 15
BINNING = Binning({name: named(6) for name in NAMES})
SHARES = equal(6)
LEVELS = Levels(0.01, 0.05, 0.02)


def drawn(random: np.random.Generator, rows: int, shares: Floats = SHARES) -> Profile:
    """Rows of independent columns."""
    return profile(
        BINNING, {name: column(BINNING.columns[name], random.multinomial(rows, shares)) for name in NAMES}, rows
    )


def calibrated(random: np.random.Generator, rows: int = 20_000) -> tuple[Profile, Calibration]:
    """A reference whose rows are independent, and what it teaches."""
    known = reference(BINNING, [drawn(random, rows)], timed=False)
    return known.profile, calibrate(known, timedelta(days=1), dict.fromkeys(NAMES, TrainingBaseline()))


def cases(random: np.random.Generator, rows: int, moved: str = "", by: float = 0.0) -> list[SegmentCase]:
    """Segments of so many rows; one of them has its first category more often."""
    shifted = SHARES + by * np.array([1, *[-0.2] * 5])
    return [
        SegmentCase(
            words := f"s={place}",
            drawn(random, 10 * rows),
            drawn(random, rows, shifted if words == moved else SHARES),
            tuple(NAMES),
        )
        for place in range(SEGMENTS)
    ]


@pytest.mark.parametrize("rows", [60, 200, 1000])
def test_ordinary_segments_have_ordinary_p_values(rows: int) -> None:
    """Of clean segments p is below a level no more often than that, with few rows and with many."""
    random = np.random.default_rng(rows)
    _, nulls = calibrated(random)
    found = [test.p_value for _ in range(12) for test in segment_tests(nulls.columns, BINNING, cases(random, rows))]
    assert len(found) == 12 * SEGMENTS * len(NAMES)
    for level in (0.2, 0.05, 0.01):
        most = stats.binom.ppf(0.9999, len(found), level) / len(found)
        assert level / 12 <= np.mean(np.array(found) <= level) <= most


def test_a_moved_segment_is_found_and_no_other() -> None:
    """Fifteen segments of 300 rows, of which one has a category twice as often in one column or all."""
    random = np.random.default_rng(3)
    whole, nulls = calibrated(random)
    case = Case(BINNING, whole, drawn(random, 4500), segments=cases(random, 300, "s=4", 0.17))
    tests, segments = assess_all(nulls, case, LEVELS, Floors())
    assert {key for key, found in segments.items() if found.status is Status.FAILED} == {("s=4", n) for n in NAMES}
    assert all(found.status is Status.PASSED for found in tests.values() if found.evidence.p_value is not None)
    assert assess(nulls, case, LEVELS, Floors()) == tests


def test_all_tests_are_under_one_correction() -> None:
    """The adjusted p-values are those of all tests together, in which a shift of the whole weighs four times one of a
    segment."""
    random = np.random.default_rng(4)
    whole, nulls = calibrated(random)
    case = Case(BINNING, whole, drawn(random, 4500), segments=cases(random, 300))
    tests, segments = assess_all(nulls, case, LEVELS, Floors())
    every = [*tests.values(), *segments.values()]
    p_values = [math.nan if each.evidence.p_value is None else each.evidence.p_value for each in every]
    weights = [4.0 if key[0] == "drift" else 1.0 for key in tests] + [1.0] * len(segments)
    told = [math.nan if each.evidence.adjusted is None else each.evidence.adjusted for each in every]
    np.testing.assert_allclose(told, adjusted(p_values, weights), rtol=1e-12)


def test_clean_windows_stay_within_the_budget() -> None:
    """With 15 segments, episodes of clean windows are no more than the budget's, at once or by persistence."""
    random = np.random.default_rng(5)
    budget = AlarmBudget(alarms=1, period=timedelta(days=20))  # a large one, so that few windows tell
    spent = levels(
        budget,
        timedelta(days=1),
        persistence=(2, 3),
        shares=shares_of_tests(len(NAMES), SEGMENTS * len(NAMES)),
        correlations=np.zeros(1),
    )
    episodes, windows, alarmed, recent = 0, 120, False, [set[object](), set[object]()]
    whole, nulls = calibrated(random)
    for _ in range(windows):
        case = Case(BINNING, whole, drawn(random, 4500), segments=cases(random, 300))
        tests, segments = assess_all(nulls, case, spent, Floors(distance=0.0001))
        found = {**tests, **segments}
        failed = {key for key, each in found.items() if each.status is Status.FAILED}
        stands = failed | {key for key, each in found.items() if each.status is Status.SUSPECT}
        alarms = failed | {key for key in stands if any(key in before for before in recent)}
        episodes, alarmed, recent = episodes + (bool(alarms) and not alarmed), bool(alarms), [recent[1], stands]
    assert episodes <= stats.poisson.ppf(0.99, windows / 20)


def test_columns_without_anything_to_compare_are_no_test() -> None:
    """A column without a value in a segment, or of rare categories alone, is left out: it says nothing of it."""
    random = np.random.default_rng(6)
    _, nulls = calibrated(random)
    (first, *_) = cases(random, 300)
    empty = column(BINNING.columns["x0"], np.zeros(6), null=300)
    current = profile(BINNING, {**first.current.columns, "x0": empty}, 300)
    case = SegmentCase("s=0", first.baseline, current, tuple(NAMES))
    assert {test.key for test in segment_tests(nulls.columns, BINNING, [case])} == {("s=0", name) for name in NAMES[1:]}


def test_a_segment_of_other_values_has_their_chance() -> None:
    """A segment that has two of six categories is judged by its own degrees of freedom, not by those of the column."""
    random = np.random.default_rng(7)
    _, nulls = calibrated(random)
    two = np.array([0.5, 0.5, 0, 0, 0, 0])
    found = [
        test.p_value
        for _ in range(60)
        for test in segment_tests(
            nulls.columns,
            BINNING,
            [SegmentCase("s=0", drawn(random, 5000, two), drawn(random, 400, two), tuple(NAMES))],
        )
    ]
    assert 0.02 < np.mean(np.array(found) <= 0.1) < 0.16


def test_number_of_tests() -> None:
    """The columns that make a segment are not looked at in it; every test has its share of the level."""
    divisions = (Division(("a",), (("x",), ("y",))), Division(("a", "b"), (("x", "z"),)))
    assert most_tests(divisions, ["a", "b", "c", "d"]) == 2 * 3 + 2
    assert len(shares_of_tests(4, 8)) == len(shares_of_tests(4)) + 8
    assert shares_of_tests(4, 8).sum() == pytest.approx(1)
    assert level_shares(4, 8)[0] < level_shares(4)[0]
