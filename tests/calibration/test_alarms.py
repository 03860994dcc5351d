"""The promise in small: twenty columns and a score, clean windows that stay quiet, and shifts that are found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np
import pytest
from scipy import stats

from monitoring_tasks.alarms_section import AlarmBudget, Baseline, Floors, TrainingBaseline
from monitoring_tasks.calibration.assess import Case, TestKey, assess, shares_of_tests
from monitoring_tasks.calibration.calibrate import Calibration, calibrate
from monitoring_tasks.calibration.correction import levels
from monitoring_tasks.checks import Check, Status
from monitoring_tasks.profile.binning import Binning, CategoryBins, ColumnBins, Floats, NumericBins, numeric_bins
from monitoring_tasks.profile.profile import ColumnProfile, Profile
from monitoring_tasks.profile.reference import ReferenceProfile
from monitoring_tasks.profile.scores import score_columns
from tests.calibration.columns import DAY, column, profile, reference

RULE = (2, 3)
CELLS = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)
"""A normal column's values, each as likely as any other."""
NORMALS = [f"normal{number}" for number in range(10)]
SKEWED = [f"skewed{number}" for number in range(4)]
CATEGORIES = [f"category{number}" for number in range(6)]
NAMES = [*NORMALS, *SKEWED, *CATEGORIES, "score"]
MIX = np.array([0.4, 0.25, 0.15, 0.1, 0.08, 0.02])
Shares = Mapping[str, Floats]


def values(name: str, *, shift: float = 0.0) -> Floats:
    """A numeric column's equally likely values; `shift` moves normal ones by deviations, scores by logits."""
    if name in SKEWED:
        return np.where(CELLS < -0.3, 0.0, np.exp(CELLS))
    return 1 / (1 + np.exp(-(CELLS - 1 + shift))) if name == "score" else CELLS + shift


@cache
def bins_of(name: str) -> ColumnBins:
    """Bins as derived from the reference."""
    if name in CATEGORIES:
        return CategoryBins(tuple("abcdef"))
    return numeric_bins(values(name), limits=(0.0, 1.0) if name == "score" else None, slack=3.0)


def shares_of(name: str, cells: Floats) -> Floats:
    """Share of a numeric column's values in each of its bins."""
    bins = bins_of(name)
    assert isinstance(bins, NumericBins)
    return np.bincount(np.searchsorted(bins.edges, cells), minlength=len(bins.edges) + 1) / len(cells)


BINNING = Binning({name: bins_of(name) for name in NAMES})
CLEAN: Shares = {name: np.array([*MIX, 0.0]) if name in CATEGORIES else shares_of(name, values(name)) for name in NAMES}


def window(
    random: np.random.Generator, rows: int, shares: Shares = CLEAN, missing: Mapping[str, float] | None = None
) -> Profile:
    """An i.i.d. redraw; 2 % of the first column is missing unless said otherwise."""
    empty = {"normal0": 0.02, **(missing or {})}
    columns: dict[str, ColumnProfile] = {}
    for name in NAMES:
        null = int(random.binomial(rows, empty.get(name, 0.0)))
        cells = random.multinomial(rows - null, shares[name])
        if name in CATEGORIES:
            unseen = {"new": int(cells[-1])} if cells[-1] else {}
            columns[name] = column(bins_of(name), cells[:-1], null=null, unseen=unseen)
        else:
            columns[name] = column(bins_of(name), cells, null=null)
    return profile(BINNING, columns, rows, duplicates=0)


@cache
def known(rows: int) -> tuple[ReferenceProfile, Calibration]:
    """A reference of forty days of so many rows, and its calibration."""
    random = np.random.default_rng(100 + rows)
    made = reference(BINNING, [window(random, rows) for _ in range(40)])
    baselines: dict[str, Baseline] = dict.fromkeys(NAMES, TrainingBaseline())
    return made, calibrate(made, DAY, baselines)


def findings(rows: int, windows: Sequence[Profile]) -> list[set[TestKey]]:
    """Of each window the tests that are a finding: at once, or for as often as the rule wants."""
    made, calibration = known(rows)
    correlations = np.array([null.distance.correlation for null in calibration.columns.values()])
    spent = levels(AlarmBudget(), DAY, persistence=RULE, shares=shares_of_tests(len(NAMES)), correlations=correlations)
    standing: list[set[TestKey]] = []
    found: list[set[TestKey]] = []
    for current in windows:
        tests = assess(calibration, Case(BINNING, made.profile, current), spent, Floors())
        at_once = {key for key, each in tests.items() if each.status is Status.FAILED}
        standing.append(at_once | {key for key, each in tests.items() if each.status is Status.SUSPECT})
        recent = standing[-RULE[1] :]
        persisting = {key for key in standing[-1] if sum(key in each for each in recent) >= RULE[0]}
        found.append(at_once | persisting)
    return found


def naive(rows: int, current: Profile) -> bool:
    """Whether any column's own test is below 0.05."""
    made, _ = known(rows)
    methods = {name: "chi_square_p_value" if name in CATEGORIES else "ks_p_value" for name in NAMES}
    scores = score_columns(BINNING, made.profile, current, methods)
    return any(score.value < 0.05 for score in scores.values())


@pytest.mark.parametrize("rows", [500, 2_000])
def test_clean_windows_stay_quiet_where_naive_tests_alarm(rows: int) -> None:
    """At most one episode in sixty windows; one test for each column alarms on every third."""
    random = np.random.default_rng(rows)
    windows = [window(random, rows) for _ in range(60)]
    alarms = [bool(found) for found in findings(rows, windows)]
    episodes = sum(now and not before for before, now in zip([False, *alarms], alarms, strict=False))
    assert episodes <= 1
    assert np.mean([naive(rows, current) for current in windows]) > 0.3


def _mixed(name: str, part: float, other: Floats) -> Shares:
    return {**CLEAN, name: (1 - part) * CLEAN[name] + part * other}


def _moved(name: str, shift: float) -> Shares:
    return {**CLEAN, name: shares_of(name, values(name, shift=shift))}


SHIFTS: dict[str, tuple[Callable[[], Shares], Mapping[str, float], TestKey]] = {
    "a mean moves by a quarter of a deviation": (lambda: _moved("normal3", 0.25), {}, (Check.DRIFT, "normal3")),
    "missing rows grow from 2 to 7 percent": (lambda: CLEAN, {"normal0": 0.07}, (Check.MISSING_SHARE, "normal0")),
    "scores move by a quarter of a logit": (lambda: _moved("score", 0.25), {}, (Check.DRIFT, "score")),
    "another unit in one percent": (
        lambda: _mixed("skewed1", 0.01, shares_of("skewed1", 1_000 * values("skewed1"))),
        {},
        (Check.OUT_OF_RANGE_SHARE, "skewed1"),
    ),
    "an unseen value in one percent": (
        lambda: _mixed("category2", 0.01, np.eye(7)[-1]),
        {},
        (Check.UNSEEN_SHARE, "category2"),
    ),
    "five percent go to the least frequent category": (
        lambda: _mixed("category4", 0.05, np.eye(7)[5]),
        {},
        (Check.DRIFT, "category4"),
    ),
}


@pytest.mark.parametrize("rows", [500, 2_000])
@pytest.mark.parametrize("name", SHIFTS)
def test_shifts_are_found_by_the_third_window(name: str, rows: int) -> None:
    """In at least nine of ten sequences, by the test that is about them."""
    shares, missing, key = SHIFTS[name]
    random = np.random.default_rng(7 + rows)
    shifted = shares()
    found = [
        any(key in each for each in findings(rows, [window(random, rows, shifted, missing) for _ in range(3)]))
        for _ in range(10)
    ]
    assert sum(found) >= 9
