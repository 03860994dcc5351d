"""What is said to be caught against what is caught: windows drawn with a change of the size that was promised."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import astuple, replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from monitoring_tasks.alarms_section import AlarmBudget, Baseline, Floors, TrainingBaseline
from monitoring_tasks.calibration.assess import Case, TestKey, assess, shares_of_tests
from monitoring_tasks.calibration.calibrate import Calibration, calibrate
from monitoring_tasks.calibration.correction import Levels, levels
from monitoring_tasks.calibration.power import Caught, Power, Setting, found_by, power
from monitoring_tasks.checks import Check, Status
from monitoring_tasks.profile.binning import Binning, CategoryBins, ColumnBins, Floats, NumericBins, numeric_bins
from monitoring_tasks.profile.profile import CategoryProfile, ColumnProfile, NumericProfile, Profile
from monitoring_tasks.profile.reference import ReferenceProfile
from tests.calibration.columns import DAY, column, profile, reference

RULE = (2, 3)
FLOORS = (0.05, 0.02, 0.002)
CELLS = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)
"""A normal column's values, each as likely as any other."""
AGE = numeric_bins(CELLS, limits=None, slack=3.0)
PLAN = CategoryBins(tuple("abcdef"))
MIX = np.array([0.4, 0.25, 0.15, 0.1, 0.08, 0.02, 0.0])
MIDDLING = 2
BINNING = Binning({"age": AGE, "plan": PLAN})
NULL = 0.02
"""Missing share of the column of numbers."""


def ages(shift: float = 0.0) -> Floats:
    """Share of the numbers in each bin when all are so many deviations higher."""
    return np.bincount(np.searchsorted(AGE.edges, CELLS + shift), minlength=len(AGE.edges) + 1) / len(CELLS)


def numbers(counts: object, *, null: int = 0) -> NumericProfile:
    """The profile of a normal column with these counts of bins."""
    cells = np.asarray(counts, np.int64)
    return NumericProfile(
        cells, np.zeros(len(cells)), float(CELLS[0]), float(CELLS[-1]), 0.0, float(cells.sum()), null=null
    )


def window(
    random: np.random.Generator, rows: int, shares: Floats, plans: Floats = MIX, *, missing: float = NULL
) -> Profile:
    """An i.i.d. redraw."""
    null = int(random.binomial(rows, missing))
    cells = random.multinomial(rows, plans)
    columns: dict[str, ColumnProfile] = {
        "age": numbers(random.multinomial(rows - null, shares), null=null),
        "plan": column(PLAN, cells[:-1], unseen={"new": int(cells[-1])} if cells[-1] else {}),
    }
    return profile(BINNING, columns, rows, duplicates=0)


def setting(calibration: Calibration, rows: int) -> Setting:
    """What the default budget affords by daily windows."""
    correlations = np.array([null.distance.correlation for null in calibration.columns.values()])
    spent = levels(AlarmBudget(), DAY, persistence=RULE, shares=shares_of_tests(2), correlations=correlations)
    return Setting(spent, 2, rows, RULE)


@cache
def known(rows: int, swing: float) -> tuple[ReferenceProfile, Calibration]:
    """A reference of forty days of so many rows, whose means swing by so many deviations, and its calibration."""
    random = np.random.default_rng(rows)
    days = [window(random, rows, ages(swing * random.standard_normal())) for _ in range(25)]
    made = reference(BINNING, days)
    baselines: dict[str, Baseline] = dict.fromkeys(BINNING.columns, TrainingBaseline())
    return made, calibrate(made, DAY, baselines)


@cache
def promised(name: str, rows: int, swing: float = 0.0) -> Power:
    """What is said of a column."""
    made, calibration = known(rows, swing)
    null = calibration.columns[name]
    return power(BINNING.columns[name], made.profile.columns[name], null, setting(calibration, rows), FLOORS)


def found(windows: Iterator[Profile], key: TestKey, most: int, rows: int, swing: float = 0.0) -> bool:
    """Whether the test is a finding by the window of that number: at once, or as the persistence rule has it."""
    made, calibration = known(rows, swing)
    spent, signs = setting(calibration, rows).levels, list[bool]()
    for _ in range(most):
        status = assess(calibration, Case(BINNING, made.profile, next(windows)), spent, Floors())[key].status
        signs.append(status in (Status.SUSPECT, Status.FAILED))
        if status is Status.FAILED or (signs[-1] and sum(signs[-RULE[1] :]) >= RULE[0]):
            return True
    return False


def changed(kind: str, said: Power, place: int) -> tuple[TestKey, Floats, Floats, float]:
    """The test that is meant, and the shares of a window with the change that is promised to be caught by then."""
    sizes = {"mean": said.steps, "mix": said.steps, "missing": said.missing, "unseen": said.outside}
    size = astuple(sizes[kind])[place]
    if kind == "mean":
        return (Check.DRIFT, "age"), ages(size), MIX, NULL
    if kind == "missing":
        return (Check.MISSING_SHARE, "age"), ages(), MIX, NULL + size
    to = MIDDLING if kind == "mix" else -1
    plans = (1 - size) * MIX + size * np.eye(7)[to]
    return (Check.DRIFT if kind == "mix" else Check.UNSEEN_SHARE, "plan"), ages(), plans, NULL


@pytest.mark.parametrize(
    ("kind", "rows"),
    [("mean", 500), ("mix", 500), ("missing", 500), ("unseen", 500), ("mix", 5_000), ("unseen", 5_000)],
)
@pytest.mark.parametrize(("place", "most"), enumerate([1, 3, 7]))
def test_what_is_promised_is_caught(kind: str, rows: int, place: int, most: int) -> None:
    """Nine times in ten, simulation's own error allowed for."""
    said = promised("age" if kind in ("mean", "missing") else "plan", rows)
    key, shares, plans, missing = changed(kind, said, place)
    random = np.random.default_rng(most)

    def drawn() -> Iterator[Profile]:
        while True:
            yield window(random, rows, shares, plans, missing=missing)

    trials = [found(drawn(), key, most, rows) for _ in range(25)]
    assert np.mean(trials) >= 0.75, np.mean(trials)


def _parts(said: Power) -> list[Caught]:
    return [said.distance, said.steps, said.missing, said.outside]


def test_days_that_swing_hide_shifts_and_the_table_says_so() -> None:
    """A column whose days differ is caught later; what is said of it is caught nine times in ten all the same."""
    rows, swing = 2_000, 0.3
    said, calm = promised("age", rows, swing), promised("age", rows)
    assert said.distance.three is not None
    assert calm.distance.three is not None
    assert said.distance.three > 3 * calm.distance.three
    assert said.steps.three is not None
    random = np.random.default_rng(3)

    def drawn() -> Iterator[Profile]:
        while True:
            yield window(random, rows, ages(said.steps.three + swing * random.standard_normal()))  # type: ignore[operator]

    trials = [found(drawn(), (Check.DRIFT, "age"), 3, rows, swing) for _ in range(25)]
    assert np.mean(trials) >= 0.75


def sizes(said: Power) -> list[float]:
    """Every size, the largest there is where none is caught."""
    return [math.inf if size is None else size for each in _parts(said) for size in astuple(each)]


def said_of(bins: ColumnBins, known_as: ColumnProfile, given: Setting, floors: tuple[float, float, float]) -> Power:
    """The power of a column whose rows are independent of each other."""
    made = reference(Binning({"x": bins}), [profile(Binning({"x": bins}), {"x": known_as}, 10_000)], timed=False)
    null = calibrate(made, DAY, {"x": TrainingBaseline()}).columns["x"]
    return power(bins, known_as, null, given, floors)


USUAL = Setting(Levels(0.005, 0.15, 0.01), 5, 1_000, RULE)
COLUMNS: dict[str, tuple[ColumnBins, ColumnProfile]] = {
    "numbers": (AGE, numbers(10_000 * ages(), null=100)),
    "names": (PLAN, CategoryProfile((10_000 * MIX[:-1]).astype(np.int64), {"new": 3}, null=100)),
}
every_column = pytest.mark.parametrize("name", COLUMNS)


@every_column
def test_more_windows_rows_and_level_never_catch_less(name: str) -> None:
    """Within more windows, of more rows, at a more lenient level, with fewer columns, less is enough."""
    usual = said_of(*COLUMNS[name], USUAL, FLOORS)
    for each in _parts(usual):
        assert sorted(astuple(each), reverse=True) == list(astuple(each))
    lenient = replace(USUAL.levels, strong=0.02, weak=0.25)
    for better in (replace(USUAL, rows=4_000), replace(USUAL, levels=lenient), replace(USUAL, columns=2)):
        best = sizes(said_of(*COLUMNS[name], better, FLOORS))
        assert all(now <= then + 1e-6 for now, then in zip(best, sizes(usual), strict=True))
        assert best != sizes(usual)


@every_column
def test_floors_hold_where_rows_are_many(name: str) -> None:
    """With rows without end only the floor is left: twice of it at once, six tenths of it where a change persists."""
    said = said_of(*COLUMNS[name], replace(USUAL, rows=10**9), (0.2, 0.1, 0.1))
    for caught, floor in ((said.distance, 0.2), (said.missing, 0.1), (said.outside, 0.1)):
        assert caught.once == pytest.approx(2 * floor, abs=0.03)
        assert caught.seven == pytest.approx(0.6 * floor, abs=0.03)


@every_column
def test_two_rows_catch_nothing_at_once(name: str) -> None:
    """They are no evidence of anything."""
    said = said_of(*COLUMNS[name], replace(USUAL, rows=2), FLOORS)
    assert (said.distance.once, said.steps.once) == (None, None)


def test_the_unit_of_people() -> None:
    """A mean that moves by a quarter of a deviation is a distance of a tenth; rows to one category are more than it."""
    numeric, named = (said_of(*COLUMNS[name], USUAL, FLOORS) for name in COLUMNS)
    for distance, step in zip(astuple(numeric.distance), astuple(numeric.steps), strict=True):
        assert np.abs(np.cumsum(ages(step) - ages())).max() == pytest.approx(distance, abs=0.01)
    for distance, step in zip(astuple(named.distance), astuple(named.steps), strict=True):
        assert step == pytest.approx(distance / (1 - MIX[MIDDLING]), rel=1e-3)


NOTHING = Caught(None, None, None)
ONE = numeric_bins(np.ones(10), limits=None, slack=3.0)
NONE = NumericBins(np.zeros(0), np.zeros(0, np.int64), math.nan, math.nan)


def test_a_column_without_values_is_not_judged() -> None:
    """Nothing is caught of it but, where rows are known to be without one, nothing more can be missing."""
    nan = math.nan
    empty = NumericProfile(np.zeros(1, np.int64), np.zeros(1), nan, nan, 0.0, 0.0, null=10_000)
    assert _parts(said_of(NONE, empty, USUAL, FLOORS)) == [NOTHING] * 4
    absent = CategoryProfile(np.zeros(0, np.int64), {}, null=0)
    assert _parts(said_of(CategoryBins(()), absent, USUAL, FLOORS)) == [NOTHING] * 4


def test_a_column_with_one_value() -> None:
    """Whatever moves it is caught, and the share of rows that must take another value is told."""
    place = int(np.searchsorted(ONE.edges, 1.0))
    counts = np.eye(len(ONE.edges) + 1, dtype=np.int64)[place] * 10_000
    said = said_of(ONE, NumericProfile(counts, counts.astype(float), 1.0, 1.0, 1.0, 0.0), USUAL, FLOORS)
    assert said.steps == Caught(0.0, 0.0, 0.0)
    said = said_of(CategoryBins(("x",)), CategoryProfile(np.array([10_000]), {}), USUAL, FLOORS)
    assert said.distance.once is not None
    assert said.distance.once < 0.2
    assert said.steps == said.distance


def test_rare_names_only() -> None:
    """Where every category is rare their shares cannot be compared, and nothing is promised."""
    rare = CategoryBins(tuple(f"{number:03}" for number in range(500)))
    said = said_of(rare, CategoryProfile(np.full(500, 20), {}), USUAL, FLOORS)
    assert (said.distance, said.steps) == (NOTHING, NOTHING)
    assert said.missing != NOTHING


@given(
    st.integers(1, 7),
    st.floats(0, 1),
    st.floats(0, 1),
    st.integers(1, 4).flatmap(lambda of: st.tuples(st.integers(1, of), st.just(of))),
)
def test_found_by_is_a_chance_that_grows(windows: int, one: float, other: float, rule: tuple[int, int]) -> None:
    """Between 0 and 1, with windows and with either chance; one weak window that is enough is as good as a strong."""
    strong, weak = sorted((one, other))
    chance = found_by(windows, strong=strong, weak=weak, persistence=rule)
    assert -1e-9 <= chance <= 1 + 1e-9
    assert found_by(windows + 1, strong=strong, weak=weak, persistence=rule) >= chance - 1e-9
    assert found_by(windows, strong=weak, weak=weak, persistence=rule) >= chance - 1e-9
    assert found_by(windows, strong=strong, weak=weak, persistence=(1, 1)) == pytest.approx(1 - (1 - weak) ** windows)


@pytest.mark.parametrize("rule", [(1, 1), (2, 2), (2, 3), (3, 4)])
def test_found_by_against_trials(rule: tuple[int, int]) -> None:
    """As often as windows that are drawn with these chances."""
    needed, among = rule
    draws = np.random.default_rng(8).random((20_000, 5))
    signs = draws < 0.5
    standing = [signs[:, end - 1] & (signs[:, max(0, end - among) : end].sum(1) >= needed) for end in range(1, 6)]
    trials = (draws < 0.1).any(axis=1) | np.any(standing, axis=0)
    assert found_by(5, strong=0.1, weak=0.5, persistence=rule) == pytest.approx(trials.mean(), abs=0.015)
