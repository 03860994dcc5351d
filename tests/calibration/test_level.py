"""Whether a level jumped: p-values against what is known of them, and what must never be told."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from monitoring_tasks.calibration.gauge import Gauge, Level
from monitoring_tasks.calibration.level import (
    LEAST_BEFORE,
    Between,
    Jump,
    LevelNull,
    jump,
    p_value,
    usual_level,
    widened_by,
)
from monitoring_tasks.window import HOUR, Window
from tests.calibration.levels import START, hour

MEAN = Gauge(share=False, mean=100.0, rows=50_000, variance=400.0, skew=0.0, low=0.0, high=200.0)
SHARE = Gauge(share=True, mean=0.03, rows=100_000, variance=0.0291, skew=5.5)
NONE = Between()
SEASON = tuple(10.0 if 8 <= each < 20 else -10.0 for each in range(24))
levels = st.floats(50, 150)


def day(level: float, rows: float = 300, *, hours: int = 24) -> list[tuple[Window, Level]]:
    """Hours of one level, before hour 100."""
    return [(hour(99 - each), Level(level, rows)) for each in range(hours)]


def found(null: LevelNull, level: float, before: list[tuple[Window, Level]], rows: float = 300) -> Jump:
    """Hour 100 beside hours before it."""
    made = jump(null, hour(100), Level(level, rows), before)
    assert made is not None
    return made


@pytest.mark.parametrize("level", [90.0, 99.0, 103.0, 110.0])
def test_a_mean_of_rows_that_are_not_skewed_is_normal(level: float) -> None:
    """Two-sided, with the variance of both sides and of windows."""
    between = 0.002
    score = (level - 100) / math.sqrt(400 * (1 / 300 + 1 / 7200 + between))
    plain = p_value(MEAN, Level(level, 300), Level(100, 7200), Between(between))
    assert plain == pytest.approx(2 * stats.norm.sf(abs(score)))


def test_a_scale_that_few_windows_taught_has_a_heavier_tail() -> None:
    """Student's, and the more so the more of the variance was learnt; none where nothing was."""
    now, usual = Level(108.0, 300), Level(100.0, 7200)
    many, few = (p_value(MEAN, now, usual, Between(0.002, 2.0, windows)) for windows in (10_000, 3))
    assert p_value(MEAN, now, usual, Between(0.002)) < many < few < 0.05


def test_a_mean_of_skewed_rows_has_the_tail_of_pearson() -> None:
    """Of 60 exponential values the exact tail is a gamma's; downwards the normal one is the heavier."""
    gauge = replace(MEAN, mean=1.0, variance=1.0, skew=2.0)
    for level in (1.3, 1.6, 1.9):
        exact = stats.gamma.sf(60 * level, 60)
        assert p_value(gauge, Level(level, 60), Level(1.0, 1e12), NONE) == pytest.approx(2 * exact, rel=1e-4)
    low = p_value(gauge, Level(0.6, 60), Level(1.0, 1e12), NONE)
    assert low == pytest.approx(2 * stats.norm.cdf(-0.4 * math.sqrt(60)), rel=1e-4)


@pytest.mark.parametrize(("part", "rows"), [(27, 300), (0, 300), (2, 300), (6, 60), (9, 300)])
def test_a_rare_share_is_a_negative_binomial(part: int, rows: int) -> None:
    """As summed up term by term, with half the chance of the number itself."""
    expected = Level(0.03, 7200)
    size, mean = 216.5, 216.5 * rows / 7200
    drawn = stats.nbinom(size, size / (size + mean))
    middle = drawn.pmf(part) / 2
    tail = drawn.sf(part) + middle if part > mean else drawn.cdf(part - 1) + middle
    assert p_value(SHARE, Level(part / rows, rows), expected, NONE) == pytest.approx(min(2 * tail, 1), rel=1e-6)


def test_a_common_share_is_normal_in_its_arcsine() -> None:
    """Near the exact binomial tail where the baseline is large."""
    now = p_value(SHARE, Level(0.40, 1000), Level(0.30, 1e9), NONE)
    assert now == pytest.approx(2 * stats.binom.sf(399.5, 1000, 0.3), rel=0.5)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 0.01), st.integers(1, 5000), st.integers(100, 100_000))
def test_a_share_and_its_complement_are_one_test(now: float, usual: float, more: float, rows: int, known: int) -> None:
    """What is true as often as something else is false; and a chance is always one."""
    between = Between(more, 2.0, 100)
    one = p_value(SHARE, Level(now, rows), Level(usual, known), between)
    other = p_value(SHARE, Level(1 - now, rows), Level(1 - usual, known), between)
    assert 0 <= one <= 1
    if abs(usual - 0.5) > 1e-9:
        assert one == pytest.approx(other, rel=1e-4, abs=1e-9)


def test_a_jump_is_what_both_sides_say() -> None:
    """The larger chance and the smaller step; and levels as they would be at this time."""
    null = LevelNull(MEAN)
    made = found(null, 110.0, day(104.0))
    assert (made.level, made.before, made.reference, made.windows) == (110, pytest.approx(104), 100, 24)
    assert made.effect == pytest.approx(6 / 20)
    assert made.p_value == pytest.approx(p_value(MEAN, Level(110, 300), Level(104, 7200), NONE))


def test_what_comes_back_to_normal_is_no_jump() -> None:
    """However far it lies from the windows before: the reference knows it, or it moved towards it."""
    null = LevelNull(MEAN)
    back = found(null, 100.5, day(150.0))
    assert back.p_value > 0.5
    assert back.effect < 0.1
    nearer = found(null, 120.0, day(150.0))
    assert (nearer.p_value, nearer.effect) == (1.0, 0.0)


def test_what_has_long_been_different_from_the_reference_is_no_jump() -> None:
    """It lies where the windows before lay."""
    made = found(LevelNull(MEAN), 150.5, day(150.0))
    assert made.p_value > 0.5
    assert made.effect < 0.1


@pytest.mark.parametrize(("gauge", "usual", "burst", "rows"), [(MEAN, 100.0, 190.0, 300), (SHARE, 0.03, 0.6, 300)])
def test_a_burst_among_the_windows_before_hides_nothing_and_raises_nothing(
    gauge: Gauge, usual: float, burst: float, rows: int
) -> None:
    """Up to six of 24 hours count as none; the hours after a burst are ordinary, and the next burst is found."""
    null = LevelNull(gauge)
    before = [*day(burst, rows, hours=6), *day(usual, rows)[6:]]
    assert found(null, usual, before, rows).effect < 1e-9
    assert usual_level(null, [level for _, level in before]).level == pytest.approx(usual)
    again = found(null, usual + gauge.unit / 2, before, rows)
    assert again.effect == pytest.approx(0.5)
    assert again.p_value < 1e-6


def test_rows_are_counted_not_windows_where_a_share_is_rare() -> None:
    """Most hours have none of one in a thousand, and the middle one would say that there are none at all."""
    random = np.random.default_rng(3)
    gauge = replace(SHARE, mean=0.001, variance=0.000999)
    usual = [
        usual_level(LevelNull(gauge), [Level(float(each) / 60, 60) for each in random.binomial(60, 0.001, 24)]).level
        for _ in range(2000)
    ]
    assert np.mean(usual) == pytest.approx(0.001, abs=3 * math.sqrt(0.001 / 1440 / 2000))


@pytest.mark.parametrize("hours", range(LEAST_BEFORE))
def test_with_too_few_windows_before_nothing_is_tested(hours: int) -> None:
    """A monitor's first hours have no past; windows without a value of the column are none."""
    empty = [(hour(99 - each), Level(math.nan, 0)) for each in range(24)]
    assert jump(LevelNull(MEAN), hour(100), Level(150, 300), [*empty, *day(100.0, hours=hours)]) is None
    assert jump(LevelNull(MEAN), hour(100), Level(150, 300), [*empty, *day(100.0, hours=LEAST_BEFORE)]) is not None


def test_a_window_without_a_value_is_not_tested() -> None:
    """Whether values are missing, another test says."""
    assert jump(LevelNull(MEAN), hour(100), Level(math.nan, 0), day(100.0)) is None


@given(st.lists(levels, min_size=6, max_size=24), levels, st.floats(-1e3, 1e3), st.randoms())
def test_only_differences_count(before: list[float], now: float, moved: float, order: object) -> None:
    """Moving all windows and the reference alike changes nothing; nor does the order of the windows before."""
    null = LevelNull(MEAN, Between(0.001, 2.0, 50), Between(0.001, 2.0, 50))
    other = replace(null, gauge=replace(MEAN, mean=MEAN.mean + moved))
    had = [(hour(99 - at), Level(level, 300)) for at, level in enumerate(before)]
    usual = found(null, now, had)
    shifted = [(when, Level(level.level + moved, level.rows)) for when, level in had]
    order.shuffle(shifted)  # type: ignore[attr-defined]
    again = found(other, now + moved, shifted)
    assert again.effect == pytest.approx(usual.effect, abs=1e-9)
    assert again.p_value == pytest.approx(usual.p_value, rel=1e-6, abs=1e-9)


def test_fewer_windows_before_are_less_sure() -> None:
    """Their own mean differs more from window to window."""
    between = Between(0.002, 2.0, 100)
    assert widened_by(between, 24) == between
    assert widened_by(between, 6).variance == pytest.approx(0.002 * (7 / 6) / (25 / 24))


def test_the_hour_of_the_day_is_allowed_for() -> None:
    """Levels are told as they would be at that hour: night hours before a busy one are no jump."""
    null = LevelNull(MEAN, season=SEASON)
    times = [Window(START + HOUR * at, START + HOUR * (at + 1)) for at in range(24)]
    before = [(when, Level(100 + null.offset(when), 300)) for when in times]
    noon, night = (Window(START + HOUR * at, START + HOUR * (at + 1)) for at in (36, 26))
    busy = jump(null, noon, Level(110, 300), before)
    assert busy is not None
    assert (busy.before, busy.reference, busy.effect) == (pytest.approx(110), 110, pytest.approx(0))
    odd = jump(null, night, Level(110, 300), before)
    assert odd is not None
    assert odd.effect == pytest.approx(1.0)


def test_the_offset_of_a_wider_window_is_that_of_its_hours() -> None:
    """And a day's is nothing, since the hours of a day even out."""
    null = LevelNull(MEAN, season=SEASON)
    assert null.offset(Window(START + HOUR * 7, START + HOUR * 9)) == 0
    assert null.offset(Window(START + HOUR * 7, START + HOUR * 10)) == pytest.approx(10 / 3)
    assert null.offset(Window(START, START + HOUR * 48)) == pytest.approx(0)
    assert null.offset(Window(START + HOUR * 8.5, START + HOUR * 9.5)) == 10
    assert LevelNull(MEAN).offset(hour(0)) == 0


def test_a_share_stays_one_whatever_the_hour_takes_away() -> None:
    """An hour in which hardly anything is true, before which little was."""
    null = LevelNull(SHARE, season=tuple(-0.05 if each == 4 else 0.0 for each in range(24)))
    made = jump(null, hour(100), Level(0.0, 300), day(0.03))
    assert made is not None
    assert (made.before, made.effect, made.p_value) == (0.0, 0.0, 1.0)


@pytest.mark.parametrize("usual", [0.2, 0.03])
def test_hours_with_less_than_the_hour_adds_are_hours(usual: float) -> None:
    """A share that fell to nothing at noon is below nothing without what noon adds: it hides no jump after it."""
    season = tuple(usual * 0.9 if 8 <= each < 20 else -usual * 0.9 for each in range(24))
    gauge = replace(SHARE, mean=usual, variance=usual * (1 - usual))
    null = LevelNull(gauge, season=season)
    hours = [when for when, _ in day(0)]
    noons = [when for when in hours if null.offset(when) > 0][:2]
    before = [(when, Level(0.0 if when in noons else usual + null.offset(when), 300)) for when in hours]
    ordinary = usual + null.offset(hour(100))
    assert found(null, ordinary, before).p_value > 0.2
    assert found(null, ordinary + 0.2, before).p_value < 1e-6


def test_a_null_is_kept_as_plain_json() -> None:
    """And read again."""
    null = LevelNull(SHARE, Between(0.1, 2.0, 9), Between(0.2, 3.0, 11), SEASON, 0.3)
    assert LevelNull.from_json(null.to_json()) == null
