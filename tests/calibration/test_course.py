"""How a level went, window by window, as people are shown it: in order, with its gaps, beside what is usual."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.calibration.course import ORDINARY, Course, course_of
from monitoring_tasks.calibration.gauge import Gauge, Level
from monitoring_tasks.calibration.level import Between, LevelNull, jump, p_value
from monitoring_tasks.window import Window
from tests.calibration.levels import hour

MEAN = Gauge(share=False, mean=100.0, rows=50_000, variance=400.0, skew=0.0, low=0.0, high=200.0)
SHARE = Gauge(share=True, mean=0.03, rows=100_000, variance=0.0291, skew=5.5)
SEASON = tuple(10.0 if 8 <= each < 20 else -10.0 for each in range(24))
NOW = hour(100)
HOURS = [hour(number) for number in range(80, 101)]


def course(null: LevelNull, levels: Mapping[Window, Level], *, limit: float = 10.0) -> Course:
    """The course up to hour 100 of a column that had these levels."""
    before = [(window, level) for window, level in levels.items() if window != NOW]
    found = jump(null, NOW, levels[NOW], before)
    assert found is not None
    return course_of(null, HOURS, levels, found=found, limit=limit)


def flat(now: float, usual: float = 100.0, rows: float = 300) -> dict[Window, Level]:
    """Hours of one level, and another one now."""
    return dict.fromkeys(HOURS, Level(usual, rows)) | {NOW: Level(now, rows)}


def test_points_are_in_the_order_of_time_and_what_is_missing_is_a_gap() -> None:
    """Windows without rows, and those with rows but no value, have no level, and are not left out; nor are they 0."""
    levels = flat(120.0)
    del levels[hour(90)]
    levels[hour(95)] = Level(float("nan"), 0)
    shown = course(LevelNull(MEAN), levels).points
    assert [each.window for each in shown] == HOURS
    assert [each.window for each in shown if each.level is None] == [hour(90), hour(95)]
    assert {each.level for each in shown[:-1]} == {100.0, None}
    assert shown[-1].level == 120.0


def test_what_is_usual_is_known_of_a_gap_as_well() -> None:
    """As of a window with as many rows as the others have."""
    levels = flat(120.0)
    del levels[hour(90)]
    shown = course(LevelNull(MEAN), levels).points
    assert {(each.low, each.high) for each in shown} == {(shown[0].low, shown[0].high)}


@pytest.mark.parametrize(("gauge", "usual"), [(MEAN, 100.0), (SHARE, 0.03)])
@given(rows=st.floats(50, 5000), between=st.floats(0, 0.01))
def test_the_ends_of_what_is_usual_are_those_of_the_test(
    gauge: Gauge, usual: float, rows: float, between: float
) -> None:
    """Just within them an ordinary window is as far away in one of a hundred cases, just beyond in fewer."""
    null = LevelNull(gauge, reference=Between(between, 2.0, 300))
    point = course(null, flat(usual, usual, rows)).points[-1]
    reference = Level(gauge.mean, gauge.rows)
    assert gauge.low <= point.low < gauge.mean < point.high <= gauge.high
    for end, step in ((point.low, -1e-6), (point.high, 1e-6)):
        assert p_value(gauge, Level(end, rows), reference, null.reference) >= ORDINARY
        beyond = end + step * (gauge.high - gauge.low)
        if gauge.low <= beyond <= gauge.high:
            assert p_value(gauge, Level(beyond, rows), reference, null.reference) < ORDINARY


def test_few_rows_and_the_hour_move_what_is_usual() -> None:
    """It is wider for a window of few rows, and goes with the hours of the day where those are allowed for."""
    levels = flat(100.0) | {hour(90): Level(100.0, 30)}
    plain, seasonal = (course(LevelNull(MEAN, season=each), levels) for each in ((), SEASON))
    width = {each.window: each.high - each.low for each in plain.points}
    assert width[hour(90)] > 2 * width[hour(91)]
    middle = {each.window.start.hour: round((each.low + each.high) / 2) for each in seasonal.points}
    assert (middle[12], middle[22]) == (110, 90)
    assert (plain.seasonal, seasonal.seasonal) == (False, True)


@pytest.mark.parametrize(("now", "limit"), [(130.0, 110.0), (70.0, 90.0)])
def test_the_limit_is_that_of_the_side_to_which_it_went(now: float, limit: float) -> None:
    """So far from the windows before and from the reference, whichever is nearer to it."""
    gone = course(LevelNull(MEAN), flat(now))
    assert gone.limit == pytest.approx(limit)
    assert gone.limits == pytest.approx((90.0, 110.0))


def test_a_share_has_no_limit_that_it_cannot_reach() -> None:
    """Of 3 in a hundred none can be lost that would be 10."""
    assert course(LevelNull(SHARE), flat(0.0, 0.03), limit=0.1).limit is None
    assert course(LevelNull(SHARE), flat(0.2, 0.03), limit=0.1).limit == pytest.approx(0.13)


def test_a_column_that_never_was_true_has_a_course() -> None:
    """What is usual ends above 0, since what never happened is not known to be impossible."""
    never = Gauge(share=True, mean=0.0, rows=10_000, variance=5e-5, skew=140.0)
    point = course(LevelNull(never), flat(0.05, 0.0)).points[-1]
    assert point.low == 0.0
    assert 0.0 < point.high < 0.05


def test_only_of_a_mean_there_is_something_to_explain() -> None:
    """It is of values that are cut off, and says where; a share is what anybody counts."""
    assert course(LevelNull(SHARE), flat(0.2, 0.03)).about == ""
    about = "values below 0 or above 200 count as these, so this mean may differ from the plain one"
    assert course(LevelNull(MEAN), flat(120.0)).about == about
