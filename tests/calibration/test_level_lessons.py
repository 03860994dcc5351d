"""What the reference's windows teach about a level: how much they differ, and what the hour of the day adds."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from monitoring_tasks.calibration.gauge import Series
from monitoring_tasks.calibration.level import BEFORE, LEAST_BEFORE, LevelNull
from monitoring_tasks.calibration.level_lessons import _from_before, _from_the_rest, learn_level
from monitoring_tasks.window import DAY, HOUR, Window
from tests.calibration.levels import START, World, hour, learnt

FORTNIGHT = 336


def drawn(world: World, hours: int = FORTNIGHT, seed: int = 1) -> Series:
    """So many hours."""
    return world.drawn(np.random.default_rng(seed), hours)


def test_steps_are_those_between_a_window_and_the_others() -> None:
    """As summed up window by window: from all the rest, and from the day before, where there are six hours of it."""
    world = World(300, between=0.1)
    found = drawn(world, 40)
    gauge, level = world.gauge(found), found.total / found.rows
    rest = _from_the_rest(gauge, found, np.zeros(40))
    before = _from_before(gauge, found, np.zeros(40))
    for at in range(40):
        others = np.delete(level, at).mean()  # all have as many rows
        assert rest.step[at] == pytest.approx((level[at] - others) / gauge.variance**0.5)
        assert rest.chance[at] == pytest.approx(1 / 300 + 1 / (39 * 300))
    for place, at in enumerate(range(LEAST_BEFORE, 40)):
        had = level[max(at - BEFORE, 0) : at]
        assert before.step[place] == pytest.approx((level[at] - had.mean()) / gauge.variance**0.5)
        assert before.chance[place] == pytest.approx(1 / 300 + 1 / (len(had) * 300))


@pytest.mark.parametrize("share", [None, 0.2])
@pytest.mark.parametrize("between", [0.1, 0.2])
def test_what_windows_differ_by_is_learnt(share: float | None, between: float) -> None:
    """In units of a row's variance, also where hours have unequal numbers of rows."""
    for traffic in (False, True):
        null = learnt(
            World(1000, share, between=between, traffic=traffic), drawn(World(1000, share, between, 0, 0, traffic))
        )
        assert null.reference.variance == pytest.approx(between**2, rel=0.35)
        assert null.before.variance == pytest.approx(between**2, rel=0.35)
        assert (null.reference.windows, null.before.windows) == (FORTNIGHT, FORTNIGHT - LEAST_BEFORE)


@pytest.mark.parametrize("share", [None, 0.03, 0.001])
def test_where_rows_are_all_there_is_hardly_anything_is_learnt(share: float | None) -> None:
    """No more than a small part of chance; never nothing, since that is known only so well."""
    null = learnt(World(300, share), drawn(World(300, share)))
    assert 0 < null.reference.variance < 0.2 / 300
    assert null.correlation < 0.2


def test_the_hour_of_the_day_is_learnt_where_it_explains_enough() -> None:
    """A swing of .3 sd is; what is left is hardly more than chance, so a jump is found that it would have hidden."""
    found = drawn(World(300, diurnal=0.3))
    null = learnt(World(300), found)
    assert null.season == pytest.approx([0.3 * np.sin(2 * np.pi * each / 24) * 1.1 for each in range(24)], abs=0.6)
    assert null.reference.variance < 0.3 / 300
    blind = learn_level(
        null.gauge,
        [Window(each.start, each.start + HOUR / 2) for each in map(hour, range(FORTNIGHT))],
        found,
        np.eye(FORTNIGHT),
    )
    assert blind.season == ()
    assert blind.reference.variance > 30 * null.reference.variance


@pytest.mark.parametrize("world", [World(300), World(300, 0.03), World(300, between=0.2), World(60, 0.001)])
def test_where_the_hour_explains_little_it_is_left_alone(world: World) -> None:
    """What looks like a pattern by chance is none."""
    assert learnt(world, drawn(world)).season == ()


def test_an_hour_with_few_windows_teaches_no_season() -> None:
    """Four days do not show what an hour is like."""
    assert learnt(World(300), drawn(World(300, diurnal=0.5), 96)).season == ()


def test_days_have_no_season() -> None:
    """The hours of a day even out: windows of a day, or pieces that are days."""
    found, pieces = drawn(World(300, diurnal=0.5)), [hour(each) for each in range(FORTNIGHT)]
    daily = np.kron(np.eye(14), np.ones((1, 24)))
    assert learn_level(World(300).gauge(found), pieces, found, daily).season == ()
    days = [Window(START + DAY * each, START + DAY * (each + 1)) for each in range(14)]
    assert learn_level(World(300).gauge(found), days, found.summed(daily), np.eye(14)).season == ()


def test_windows_of_several_hours_have_the_season_of_theirs() -> None:
    """Six-hour windows of a swing by the hour."""
    found = drawn(World(300, diurnal=0.3))
    quarters = np.kron(np.eye(56), np.ones((1, 6)))
    null = learn_level(World(300).gauge(found), [hour(each) for each in range(FORTNIGHT)], found, quarters)
    morning = Window(START, START + timedelta(hours=6))
    level = found.summed(quarters)
    usual = float(level.total[::4].sum() / level.rows[::4].sum()) - null.gauge.mean
    assert null.offset(morning) == pytest.approx(usual, rel=0.05)


def test_too_few_windows_teach_nothing() -> None:
    """Rows count as independent then; windows without a value are none."""
    found = drawn(World(300), 4)
    assert learnt(World(300), found) == LevelNull(World(300).gauge(found))
    empty = Series(np.concatenate([found.total, np.zeros(9)]), np.concatenate([found.rows, np.zeros(9)]))
    assert learnt(World(300), empty) == LevelNull(World(300).gauge(empty))


def test_a_few_windows_teach_what_they_can() -> None:
    """Of eight, only two have six before them: those say what all say."""
    null = learnt(World(300, between=0.2), drawn(World(300, between=0.2), 8))
    assert null.before == null.reference
    assert null.before.windows == 8


def test_neighbouring_windows_that_resemble_each_other_are_known_to() -> None:
    """So that what persists by chance does so within the budget."""
    world = World(300, between=0.3, memory=0.8)
    assert learnt(world, drawn(world)).correlation > 0.4
    assert learnt(World(300), drawn(World(300))).correlation < 0.15
