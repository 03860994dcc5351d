"""The bench of alarms at a size that takes seconds: draws, rules and tables, on flights made up here."""

from __future__ import annotations

import io
import math
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from bench import alarms_days, alarms_joint, alarms_runs
from bench.alarms_days import Held
from bench.alarms_draw import Draws, column_values
from bench.alarms_faults import FAULTS, best_possible
from bench.alarms_pool import TIMESTAMP, read_pool, smoothed, usual_shares
from bench.alarms_rules import NAIVE, Policy, Watch, naive
from bench.alarms_runs import CALIBRATED, EPISODES, WINDOWS, Size
from bench.alarms_speed import Speed, Spent, speed
from bench.alarms_tables import clean_table, days_table, found_table, joint_table, speed_table, told
from monitoring_tasks.alarms_section import WEEK
from monitoring_tasks.calibration.assess import Assessed, TestKey
from monitoring_tasks.checks import Check, Evidence, Status
from monitoring_tasks.data.memory import TableRows
from monitoring_tasks.profile.arrow import scan_arrow
from monitoring_tasks.profile.plan import Plan
from monitoring_tasks.profile.profile import CategoryProfile, ColumnProfile, NumericProfile, dumps
from monitoring_tasks.window import DAY

EACH_DAY = 150
STORM = datetime(2013, 2, 8, tzinfo=UTC)
DRIFT = (Check.DRIFT, "temp")


def flights() -> pa.Table:
    """Ninety days whose rows are independent of each other, but for two cold ones."""
    random = np.random.default_rng(7)
    count = 90 * EACH_DAY
    first = datetime(2013, 1, 1, tzinfo=UTC)
    moments = [first + timedelta(minutes=9 * number + 1) * (160 / EACH_DAY) for number in range(count)]
    cold = np.array([STORM <= moment < STORM + 2 * DAY for moment in moments])
    temp = np.rint(random.normal(40, 9, count)) - 60.0 * cold
    score = 1 / (1 + np.exp(random.normal(1, 0.8, count)))
    return pa.table(
        {
            TIMESTAMP: pa.array(moments, pa.timestamp("us", "UTC")),
            "temp": temp,
            "dewp": temp - 10 + random.normal(0, 2, count),
            "humid": random.uniform(20, 100, count),
            "pressure": np.round(random.normal(1015, 7, count), 1),
            "carrier": random.choice(["UA", "B6", "US", "AS"], count, p=[0.6, 0.33, 0.06, 0.01]),
            "score": score,
        }
    )


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the flights."""
    target = tmp_path_factory.mktemp("pool") / "flights.parquet"
    pq.write_table(flights(), target)
    return target


def printed(*shown: object) -> str:
    """Tables as text."""
    out = io.StringIO()
    Console(file=out, width=250).print(*shown)
    return out.getvalue()


def same(one: ColumnProfile, other: ColumnProfile) -> None:
    """Both profiles are of the same rows."""
    assert one.counts.tolist() == other.counts.tolist()
    if isinstance(one, CategoryProfile):
        assert isinstance(other, CategoryProfile)
        assert (one.unseen, one.other, one.null) == (other.unseen, other.other, other.null)
    else:
        assert isinstance(other, NumericProfile)
        assert one.null + one.nan == other.null + other.nan
        assert (one.minimum, one.maximum) == (other.minimum, other.maximum)
        assert one.sums == pytest.approx(other.sums)
        assert (one.mean, one.m2) == pytest.approx((other.mean, other.m2))


@pytest.mark.parametrize("fault", [None, *FAULTS])
def test_a_drawn_window_is_what_a_scan_of_its_rows_finds(file: Path, fault: str | None) -> None:
    """Counting into the bins and scanning a table of the same rows give one profile, whatever the fault."""
    pool = smoothed(read_pool(file))
    draws = Draws.of(pool, 0)
    window = draws.window(np.random.default_rng(3), 400, fault)
    random = np.random.default_rng(3)
    rows = pool.take(random.integers(0, pool.num_rows, 400))
    if fault is not None:
        name, values = FAULTS[fault].column, column_values(rows[FAULTS[fault].column])
        # The spread by which a fault moves a column is that of the pool.
        every = FAULTS[fault].alter(column_values(pool[name]))
        taken = np.random.default_rng(3).integers(0, pool.num_rows, 400)
        hit = random.random(400) < FAULTS[fault].share
        found = [every[place] if each else value for place, each, value in zip(taken, hit, values, strict=True)]
        rows = rows.set_column(rows.column_names.index(name), name, pa.array(found, from_pandas=True))
    scanned = scan_arrow(TableRows(rows), None, Plan(draws.binning)).profile
    assert (window.binning, window.rows) == (scanned.binning, scanned.rows)
    for name in draws.binning.columns:
        same(window.columns[name], scanned.columns[name])


def test_an_empty_window_has_a_profile(file: Path) -> None:
    """No rows are counted as a scan counts them."""
    pool = smoothed(read_pool(file))
    draws = Draws.of(pool, 0)
    window = draws.window(np.random.default_rng(0), 0, "temp +.25 sd")
    scanned = scan_arrow(TableRows(pool.slice(0, 0)), None, Plan(draws.binning)).profile
    assert dumps(window) == dumps(replace(scanned, types=window.types))


def test_runs_are_the_same_every_time(file: Path) -> None:
    """The same seeds draw the same windows; another reference draws others."""
    first = alarms_runs.clean(file, 0, 300, 10)
    alarms_runs.drawn.cache_clear()
    assert alarms_runs.clean(file, 0, 300, 10) == first
    assert alarms_runs.clean(file, 1, 300, 10) != first
    assert first[WINDOWS] == 10


def test_clean_windows_are_quiet_and_faults_found(file: Path) -> None:
    """In little: no false episode where naive rules alarm; large shifts found at once, with the goals judged."""
    size = Size({500: 40, 2000: 40}, (2000,), sequences=4, references=2)
    with ThreadPoolExecutor(1) as pool:
        clean = alarms_runs.all_clean(pool, file, size)
        found = alarms_runs.all_first_alarms(pool, file, size)
    assert [counts[WINDOWS] for counts in clean.values()] == [40, 40]
    assert all(counts[EPISODES] == counts[CALIBRATED] == 0 for counts in clean.values())
    assert clean[500]["any p < .05"] >= 4
    assert printed(clean_table(clean, judged=True)).count("pass 0.00, at most 0.1") == 2
    assert all(sum(first.values()) == 4 for first in found.values())
    large = [name for name, fault in FAULTS.items() if fault.by == 3 and "frequent" not in name]
    assert all(found[name, 2000][0] == 0 for name in large)
    text = printed(found_table(found, usual_shares(file), judged=True))
    assert "pass 100.0%, at least 95% by 3 from 500 rows" in text
    assert text.count(", best ") == 3


def test_too_many_false_alarms_miss_the_goal() -> None:
    """Twelve episodes in 3,000 windows are too many, as is a rate that rises; without judging nothing is marked."""
    quiet, loud = (Counter({WINDOWS: 3000, EPISODES: count}) for count in (0, 12))
    assert "miss 0.12, at most 0.1" in printed(clean_table({500: loud}, judged=True))
    rising = Counter({WINDOWS: 3000, EPISODES: 8})
    assert "miss 0.08, at most 0.1" in printed(clean_table({500: quiet, 1000: rising}, judged=True))
    assert "miss" not in printed(clean_table({500: loud}, judged=False))


def test_goals_of_faults_are_about_their_window_and_rows() -> None:
    """A small shift must be found by window 7, and only where windows are large."""
    found = {("temp +.1 sd", rows): first for rows, first in ((500, Counter({0: 10})), (2000, Counter({7: 9, 0: 1})))}
    assert "pass 90.0%, at least 90% by 7 from 2,000 rows" in printed(found_table(found, {}, judged=True))
    late = {("temp +.25 sd", 500): Counter({4: 10})}
    assert "miss 0.0%, at least 95% by 3" in printed(found_table(late, {}, judged=True))


def judged(status: Status) -> dict[TestKey, Assessed]:
    """A window whose one test has this status."""
    return {DRIFT: Assessed(Evidence(0.1, 0.1, 0.2, 0.05), status)}


def test_weak_findings_alarm_when_they_stand_in_two_of_three_windows() -> None:
    """A strong one alarms at once; an episode begins when the window before had no alarm."""
    watch = Watch()
    states = ["suspect", "passed", "suspect", "suspect", "passed", "passed", "failed", "passed", "suspect"]
    alarms = [watch.alarms(judged(Status(state))) for state in states]
    assert [bool(each) for each in alarms] == [False, False, True, True, False, False, True, False, True]
    assert [watch.begins(each) for each in alarms] == [False, False, True, False, False, False, True, False, True]


def test_naive_rules_alarm_by_their_limits(file: Path) -> None:
    """All windows pass against themselves; a quarter of a standard deviation is a small p, but no large PSI."""
    draws, policy = alarms_runs.drawn(file, 0)
    same_rows = naive(draws.binning, draws.reference.profile, draws.reference.profile)
    assert same_rows == dict.fromkeys(NAIVE, False)
    moved = draws.window(np.random.default_rng(0), 5000, "pressure +.25 sd")
    assert naive(draws.binning, draws.reference.profile, moved) == {
        **dict.fromkeys(NAIVE, False),
        **dict.fromkeys(("any p < .05", "any p < .01", "Bonferroni", "Evidently, any column"), True),
    }
    assert policy.tests(moved)[Check.DRIFT, "pressure"].status is Status.FAILED


def test_best_possible_is_that_of_the_binomial_test() -> None:
    """By brute force: the least count with a small enough chance, and its chance when rows are moved."""

    def tail(least: int, share: float) -> float:
        return sum(math.comb(60, k) * share**k * (1 - share) ** (60 - k) for k in range(least, 61))

    least = next(count for count in range(61) if tail(count, 0.2) <= 0.01)
    assert best_possible(0.2, share=0.1, rows=60, level=0.01) == pytest.approx(tail(least, 0.28))


def test_a_month_held_out_alarms_on_its_storm_only(file: Path) -> None:
    """Days and weeks of February against January and March; the episode is told with its date."""
    days, weeks = alarms_days.held_out(file, 2)
    assert (days.width, days.alarmed[WINDOWS], weeks.width, weeks.alarmed[WINDOWS]) == (DAY, 28, WEEK, 4)
    assert (len(days.episodes), days.alarmed[CALIBRATED]) == (1, 2)
    text = printed(*told({"February": [days]}))
    assert "alarm, windows of 1 day: 8 February: " in text
    assert "temp drift" in text
    assert "(the blizzard of 8 and 9 February 2013)" in text
    table = printed(days_table({"February": [days, weeks], "March": [days, weeks]}, judged=True))
    assert "miss 2, at most 1" in table
    assert "56" in table


def test_a_joint_change_is_found(file: Path) -> None:
    """Values dealt out anew among the rows are found by the joint test, and days of clean rows are quiet."""
    assert alarms_joint.first_alarm(file, 500, 0) in (1, 2)
    size = alarms_joint.JointSize(windows=4, sequences=1, rows=150)
    counts = alarms_joint.clean(file, 0, size)
    assert counts == {WINDOWS: 1, CALIBRATED: 0, EPISODES: 0}
    days = {"March": [Held(DAY, (), Counter({WINDOWS: 31}))]}
    text = printed(joint_table(counts, {500: Counter({1: 1})}, days, judged=True))
    assert "temp and dewp apart, 500 rows" in text
    assert "pass 100%, at least 95% by window 3" in text
    assert "pass 0, at most 1" in text


def test_speed_is_measured_and_judged() -> None:
    """A small reference takes no time; more than ten seconds, or fifty milliseconds, miss the goal."""
    found = speed(5, 8)
    assert (found.columns, found.days) == (5, 8)
    assert 0 < found.judging.cpu < found.calibrating.cpu < 10
    slow = Speed(200, 365, Spent(10.1, 11), Spent(0.04, 0.2))
    text = printed(speed_table(slow, judged=True))
    assert "miss 10.1 s, at most 10 s" in text
    assert "pass 0.04 s, at most 0.05 s" in text
    assert "pass" not in printed(speed_table(slow, judged=False))


def test_the_policy_is_that_of_a_monitors_defaults(file: Path) -> None:
    """One false alarm in ninety days: half of a ninetieth for a daily window at once, seven times that for a week."""
    reference = alarms_runs.drawn(file, 0)[0].reference
    assert Policy.of(reference, DAY).levels.strong == pytest.approx(0.5 / 90)
    assert Policy.of(reference, WEEK).levels.strong == pytest.approx(3.5 / 90)
