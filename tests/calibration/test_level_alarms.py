"""Jumps of levels in ordinary hours, and in hours of known jumps: what the budget costs, and what it buys."""

from __future__ import annotations

import math

import numpy as np
import pytest

from monitoring_tasks.alarms_section import AlarmBudget
from monitoring_tasks.calibration.assess import level_shares, shares_of_tests
from monitoring_tasks.calibration.correction import Levels, levels
from monitoring_tasks.calibration.gauge import Level, Series
from monitoring_tasks.calibration.level import BEFORE, LevelNull, jump
from monitoring_tasks.calibration.level_power import level_power
from monitoring_tasks.calibration.power import Setting
from monitoring_tasks.window import HOUR
from tests.calibration.levels import World, head, hour, judged, learnt

COLUMNS, WATCHED = 10, 6
"""Of an ordinary monitor of answers: each test gets a part of the budget."""
FORTNIGHT, RULE = 336, (2, 3)
FLOOR = 0.1
ORDINARY: dict[str, World] = {
    "a rate of 3 %": World(300, 0.03),
    "a rate of .1 % in hours of 60": World(60, 0.001),
    "a rate of .1 % in hours of 1,000": World(1000, 0.001),
    "a rate of a half": World(300, 0.5),
    "a skewed number in hours of 60": World(60),
    "a skewed number in hours of 1,000": World(1000),
    "hours that differ": World(300, between=0.1),
    "hours that differ, of a rate": World(1000, 0.03, between=0.1),
    "hours that resemble their neighbours": World(300, between=0.1, memory=0.7),
    "days and nights": World(300, diurnal=0.3),
    "days and nights, with few rows by night": World(300, between=0.05, diurnal=0.3, traffic=True),
}


def afforded(null: LevelNull, rows: int = 300) -> Setting:
    """What one false alarm in 90 days affords an hourly monitor."""
    shares = shares_of_tests(COLUMNS, 0, WATCHED)
    found = levels(AlarmBudget(), HOUR, persistence=RULE, shares=shares, correlations=np.array([null.correlation]))
    return Setting(found, COLUMNS, rows, RULE, 0, WATCHED)


def alarms(null: LevelNull, found: Series, first: int, *, budget: Levels | None = None) -> tuple[int, np.ndarray]:
    """Alarms in the hours from the first on, those in a row being one; and every hour's chance."""
    setting = afforded(null)
    spent, share = budget or setting.levels, level_shares(COLUMNS, 0, WATCHED)[0]
    made = list(judged(null, found, range(first, len(found.rows))))
    once = [each.p_value <= spent.strong * share and each.effect >= 2 * FLOOR for each in made]
    sign = [each.p_value <= spent.weak * share and each.effect >= 0.6 * FLOOR for each in made]
    told = [
        once[at] or (sign[at] and sum(sign[max(at - RULE[1] + 1, 0) : at + 1]) >= RULE[0]) for at in range(len(made))
    ]
    episodes = sum(now and not before for before, now in zip([False, *told], told, strict=False))
    return episodes, np.array([each.p_value for each in made])


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_hours_raise_no_more_than_the_budget(name: str) -> None:
    """None in 90 days of two references, and small chances are as rare as they say, within their own error."""
    world, random = ORDINARY[name], np.random.default_rng([7, len(name)])
    chances, told = [], 0
    for _ in range(2):
        found = world.drawn(random, FORTNIGHT + BEFORE + 24 * 45)
        episodes, p = alarms(learnt(world, head(found, FORTNIGHT)), found, FORTNIGHT + BEFORE)
        told, chances = told + episodes, [*chances, p]
    every = np.concatenate(chances)
    assert told == 0
    for level in (0.01, 0.001):
        assert (every <= level).sum() <= level * len(every) + 3 * math.sqrt(level * len(every)) + 1


JUMPS: dict[str, tuple[World, float, float]] = {
    "refusals 3 to 9 %, hours of 300": (World(300, 0.03), 0.35, 0.4),
    "refusals 3 to 9 %, hours of 600": (World(600, 0.03), 0.35, 0.9),
    "refusals 3 to 9 %, hours of 1,000": (World(1000, 0.03), 0.35, 0.97),
    "empty .1 to 2 %, hours of 1,000": (World(1000, 0.001), 0.6, 0.97),
    "mean +.5 sd, hours of 100": (World(100), 0.5, 0.3),
    "mean +.5 sd, hours of 300": (World(300), 0.5, 0.97),
    "mean +.25 sd, hours of 1,000": (World(1000), 0.25, 0.85),
    "mean +.5 sd against days and nights": (World(600, diurnal=0.3), 0.5, 0.97),
    "latency times ten, hours of 100": (World(100, between=0.2), 3.0, 0.97),
}


@pytest.mark.parametrize("name", JUMPS)
def test_jumps_are_found_in_their_hour(name: str) -> None:
    """At once, at least as often as the table says; the level that the budget affords leaves no more to few rows."""
    world, size, least = JUMPS[name]
    random = np.random.default_rng(11)
    found = world.drawn(random, FORTNIGHT + 300)
    null = learnt(world, head(found, FORTNIGHT))
    setting, share = afforded(null), level_shares(COLUMNS, 0, WATCHED)[0]
    shift = np.array([size + world.diurnal * math.sin(2 * math.pi * at / 24) for at in range(300)])
    shift = shift + world.between * random.standard_normal(300)
    jumped = world.shifted(random, shift, np.full(300, float(world.rows)))
    hits = 0
    for at in range(BEFORE, 300):
        place = FORTNIGHT + at
        before = [(hour(each), found.at(each)) for each in range(place - BEFORE, place)]
        made = jump(null, hour(place), jumped.at(at), before)
        assert made is not None
        hits += made.p_value <= setting.levels.strong * share and made.effect >= 2 * FLOOR
    assert hits / (300 - BEFORE) >= least


def test_after_a_burst_of_two_hours_nothing_is_told() -> None:
    """Latency times ten: both hours are found, and none of the day and night after them."""
    world, random = World(300), np.random.default_rng(5)
    usual = world.drawn(random, FORTNIGHT + 80)
    null = learnt(world, head(usual, FORTNIGHT))
    burst = world.shifted(random, np.full(2, 3.0), np.full(2, 300.0))
    first = FORTNIGHT + 30
    total = np.concatenate([usual.total[:first], burst.total, usual.total[first:]])
    found = Series(total, np.full(len(total), 300.0))
    made = list(judged(null, found, range(first, len(total))))
    setting, share = afforded(null), level_shares(COLUMNS, 0, WATCHED)[0]
    assert all(each.p_value <= setting.levels.strong * share and each.effect > 2 for each in made[:2])
    assert all(each.p_value > 1e-3 for each in made[2:])


def test_a_level_that_stays_is_told_for_half_a_day_and_then_usual() -> None:
    """While most of the windows before are as ever it is a jump; later, drift against the reference is what it is."""
    world, random = World(1000), np.random.default_rng(6)
    usual = world.drawn(random, FORTNIGHT + 30)
    stays = world.shifted(random, np.full(60, 1.0), np.full(60, 1000.0))
    found = Series(np.concatenate([usual.total, stays.total]), np.full(FORTNIGHT + 90, 1000.0))
    made = list(judged(learnt(world, head(found, FORTNIGHT)), found, range(FORTNIGHT + 30, FORTNIGHT + 90)))
    assert all(each.effect > 0.8 and each.p_value < 1e-9 for each in made[:6])
    assert all(each.effect < 0.2 for each in made[24:])


@pytest.mark.parametrize(("world", "unit"), [(World(300, 0.03), 0.1706), (World(300), 1.0)])
def test_what_is_said_to_be_caught_is_caught(world: World, unit: float) -> None:
    """About nine in ten of jumps as large as `explain` says are found at once; a smaller one by the third window."""
    random = np.random.default_rng(8)
    found = world.drawn(random, FORTNIGHT + BEFORE)
    null = learnt(world, head(found, FORTNIGHT))
    setting = afforded(null, world.rows)
    caught = level_power(null, setting, FLOOR)
    assert caught.once is not None
    assert caught.three is not None
    assert caught.seven is not None
    assert caught.seven <= caught.three < caught.once
    many = world.shifted(random, np.full(400, caught.once / unit), np.full(400, float(world.rows)))
    before = [(hour(each), found.at(each)) for each in range(FORTNIGHT, FORTNIGHT + BEFORE)]
    share = setting.shares[0]
    hits = 0
    for at in range(400):
        made = jump(null, hour(FORTNIGHT + BEFORE), many.at(at), before)
        assert made is not None
        hits += made.p_value <= setting.levels.strong * share and made.effect >= 2 * FLOOR
    assert 0.75 <= hits / 400 <= 1


def test_more_rows_catch_less_and_differing_hours_hide_it() -> None:
    """As for every other test; and what differs without bounds is not caught at all."""
    random = np.random.default_rng(9)
    calm, wild = World(1000, 0.03), World(1000, 0.03, between=0.15)
    nulls = [learnt(world, head(world.drawn(random, FORTNIGHT), FORTNIGHT)) for world in (calm, wild)]
    few, many, hidden = (
        level_power(null, afforded(null, rows), FLOOR)
        for null, rows in ((nulls[0], 200), (nulls[0], 2000), (nulls[1], 2000))
    )
    assert few.once
    assert many.once
    assert hidden.three
    assert many.once < few.once
    assert hidden.three > many.once
    assert level_power(nulls[0], afforded(nulls[0], 1), FLOOR).once is None
    assert level_power(nulls[0], afforded(nulls[0], 100_000), FLOOR).once == pytest.approx(0.2 * 0.17, rel=0.1)


def test_a_share_that_never_was_is_found_when_it_begins() -> None:
    """Of 1,000 rows 3 % are enough; a single one is nothing."""
    world = World(1000, 0.0)
    nothing = Series(np.zeros(FORTNIGHT), np.full(FORTNIGHT, 1000.0))
    null = learnt(world, nothing)
    before = [(hour(each), Level(0.0, 1000)) for each in range(BEFORE)]
    three, one = (jump(null, hour(BEFORE), Level(part, 1000), before) for part in (0.03, 0.001))
    assert three is not None
    assert one is not None
    assert three.p_value < 1e-9
    assert three.effect == pytest.approx(0.6)
    assert one.p_value > 0.01
    assert one.effect < 0.6 * FLOOR
