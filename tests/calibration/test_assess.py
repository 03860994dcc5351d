"""A window's tests together: what is told of which, and what must hold whatever the columns."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.alarms_section import Floors, TrainingBaseline
from monitoring_tasks.calibration.assess import WEIGHT, Assessed, Assessment, Case, Extra, TestKey, assess, floor_of
from monitoring_tasks.calibration.calibrate import Calibration, calibrate
from monitoring_tasks.calibration.correction import Levels
from monitoring_tasks.checks import Check, Evidence, Status
from monitoring_tasks.profile.binning import Binning, CategoryBins, Floats, NumericBins
from monitoring_tasks.profile.profile import CategoryProfile, ColumnProfile, NumericProfile, Profile
from tests.calibration.columns import DAY, column, profile, reference

NUMBERS = NumericBins(np.array([0.0, 1.0, 2.0, 3.0]), np.arange(3), 0.5, 3.0)
PLANS = CategoryBins(("a", "b", "c"))
BINNING = Binning({"amount": NUMBERS, "plan": PLANS})
USUAL = np.array([0.0, 0.2, 0.4, 0.4, 0.0])
MIX = np.array([0.5, 0.3, 0.2])
LEVELS = Levels(0.005, 0.1, 0.01)
MILDNESS = [Status.PASSED, Status.SUSPECT, Status.FAILED]
Both = dict[TestKey, Assessed]


def window(
    amounts: Floats = USUAL,
    plans: Floats = MIX,
    *,
    rows: int = 1_000,
    null: int = 0,
    unseen: dict[str, int] | None = None,
    duplicates: int | None = None,
) -> Profile:
    """A window with these shares of bins and categories among the rows that are not missing."""
    columns: dict[str, ColumnProfile] = {
        "amount": column(NUMBERS, np.round(amounts * (rows - null)), null=null),
        "plan": column(PLANS, np.round(plans * rows), unseen=unseen),
    }
    return profile(BINNING, columns, rows, duplicates=duplicates)


def _pieces() -> list[Profile]:
    random = np.random.default_rng(8)
    return [window(random.multinomial(1_000, USUAL) / 1_000, random.multinomial(1_000, MIX) / 1_000) for _ in range(30)]


REFERENCE = reference(BINNING, _pieces())
TIMED = calibrate(REFERENCE, DAY, dict.fromkeys(BINNING.columns, TrainingBaseline()))
UNTIMED = calibrate(reference(BINNING, _pieces(), timed=False), DAY, dict.fromkeys(BINNING.columns, TrainingBaseline()))
calibrations = pytest.mark.parametrize("calibration", [TIMED, UNTIMED], ids=["windows", "rows"])


def judged(current: Profile, calibration: Calibration = TIMED, **more: object) -> Both:
    """The tests of a window beside the reference."""
    case = replace(Case(BINNING, REFERENCE.profile, current), **more)  # type: ignore[arg-type]
    return assess(calibration, case, LEVELS, Floors())


def statuses(found: Both) -> dict[TestKey, Status]:
    """Only those that did not pass."""
    return {key: each.status for key, each in found.items() if each.status is not Status.PASSED}


def test_every_column_has_four_tests() -> None:
    """Drift, missing, what lies outside, constant; and none of them is found in an ordinary window."""
    found = judged(window())
    assert list(found) == [
        (Check.DRIFT, "amount"),
        (Check.MISSING_SHARE, "amount"),
        (Check.OUT_OF_RANGE_SHARE, "amount"),
        (Check.CONSTANT, "amount"),
        (Check.DRIFT, "plan"),
        (Check.MISSING_SHARE, "plan"),
        (Check.UNSEEN_SHARE, "plan"),
        (Check.CONSTANT, "plan"),
    ]
    assert statuses(found) == {}


@calibrations
@pytest.mark.parametrize(
    ("current", "key"),
    [
        (window(np.array([0.0, 0.5, 0.3, 0.2, 0.0])), (Check.DRIFT, "amount")),
        (window(plans=np.array([0.2, 0.3, 0.5])), (Check.DRIFT, "plan")),
        (window(null=200), (Check.MISSING_SHARE, "amount")),
        (window(np.array([0.0, 0.2, 0.4, 0.3, 0.1])), (Check.OUT_OF_RANGE_SHARE, "amount")),
        (window(unseen={"d": 100}), (Check.UNSEEN_SHARE, "plan")),
        (window(np.array([0.0, 0.0, 1.0, 0.0, 0.0])), (Check.CONSTANT, "amount")),
        (window(duplicates=50), (Check.DUPLICATE_SHARE, None)),
    ],
)
def test_each_test_finds_its_fault(calibration: Calibration, current: Profile, key: TestKey) -> None:
    """At once where it is large: and the evidence says by how much."""
    found = judged(current, calibration)[key]
    assert found.status in (Status.FAILED, Status.SUSPECT)
    assert found.evidence.adjusted is not None
    assert found.evidence.adjusted < 0.1
    if calibration is UNTIMED:
        assert found.status is Status.FAILED


def test_effects_are_what_people_read() -> None:
    """Distances of Kolmogorov and Smirnov, total variation, and differences of shares."""
    current = window(
        np.array([0.1, 0.3, 0.3, 0.2, 0.1]), np.array([0.4, 0.3, 0.2]), null=100, unseen={"d": 100}, duplicates=30
    )
    effects = {key: each.evidence.effect for key, each in judged(current).items()}
    baseline = REFERENCE.profile.columns
    amount, plan = baseline["amount"], baseline["plan"]
    assert isinstance(amount, NumericProfile)
    assert isinstance(plan, CategoryProfile)
    usual, mix = amount.counts / amount.counts.sum(), plan.counts / plan.counts.sum()
    below = np.cumsum([0.1, 0.3, 0.3, 0.2, 0.1])
    assert effects[Check.DRIFT, "amount"] == pytest.approx(np.abs(below - np.cumsum(usual)).max())
    variation = (np.abs(np.array([0.4, 0.3, 0.2]) - mix).sum() + 0.1) / 2
    assert effects[Check.DRIFT, "plan"] == pytest.approx(variation)
    assert effects[Check.MISSING_SHARE, "amount"] == pytest.approx(0.1)
    assert effects[Check.OUT_OF_RANGE_SHARE, "amount"] == pytest.approx(0.2)
    assert effects[Check.UNSEEN_SHARE, "plan"] == pytest.approx(0.1)
    assert effects[Check.DUPLICATE_SHARE, None] == pytest.approx(0.03)


@calibrations
@pytest.mark.parametrize("scale", [0.01, 0.1, 1, 10])
@pytest.mark.parametrize("floors", [Floors(), Floors(distance=1e-9, missing=0, out_of_range=0, unseen=0, duplicates=0)])
def test_identical_data_never_alarms(calibration: Calibration, scale: float, floors: Floors) -> None:
    """A window with the reference's own shares, whatever its rows and however low the floors."""
    amount, plan = REFERENCE.profile.columns["amount"], REFERENCE.profile.columns["plan"]
    columns: dict[str, ColumnProfile] = {
        "amount": column(NUMBERS, np.round(amount.counts * scale)),
        "plan": column(PLANS, np.round(plan.counts * scale)),
    }
    current = profile(BINNING, columns, int(30_000 * scale), duplicates=0)
    found = assess(calibration, Case(BINNING, REFERENCE.profile, current), Levels(0.25, 0.25, 1.0), floors)
    assert statuses(found) == {}


SHIFTED = st.tuples(*[st.integers(0, 20)] * 5).filter(any).map(lambda each: np.array(each) / sum(each))


@given(other=SHIFTED, timed=st.booleans(), rows=st.sampled_from([200, 2_000, 50_000]))
def test_a_larger_shift_is_never_judged_more_mildly(other: Floats, timed: bool, rows: int) -> None:
    """As a component's part in the mixture grows, neither statistic nor effect falls, and no status grows milder."""
    usual = REFERENCE.profile.columns["amount"].counts / REFERENCE.profile.columns["amount"].counts.sum()
    before: Assessed | None = None
    for weight in np.linspace(0, 1, 11):
        cells = ((1 - weight) * usual + weight * other) * rows
        current = window(rows=rows)
        exact = replace(column(NUMBERS, [0] * 5), counts=cells, minimum=0.0, maximum=1.0)
        current = replace(current, columns={**current.columns, "amount": exact})
        found = judged(current, TIMED if timed else UNTIMED)[Check.DRIFT, "amount"]
        if before is not None:
            assert found.evidence.p_value <= before.evidence.p_value * (1 + 1e-9)  # type: ignore[operator]
            assert found.evidence.effect >= before.evidence.effect - 1e-12  # type: ignore[operator]
            assert MILDNESS.index(found.status) >= MILDNESS.index(before.status)
        before = found


@given(parts=st.lists(st.integers(0, 500), min_size=2, max_size=8).map(sorted), timed=st.booleans())
def test_more_missing_rows_are_never_judged_more_mildly(parts: list[int], timed: bool) -> None:
    """The same of shares, while the window's other rows stay as they are."""
    found = [
        judged(window(null=part), TIMED if timed else UNTIMED)[Check.MISSING_SHARE, "amount"].status for part in parts
    ]
    places = [MILDNESS.index(status) for status in found]
    assert places == sorted(places)


@pytest.mark.parametrize("side", ["window", "baseline", "both"])
def test_a_side_without_rows_is_undecided(side: str) -> None:
    """No test is lost, none fails, and none passes; the other column is judged as ever."""
    nothing = column(NUMBERS, [0] * 5)
    current, baseline = window(), REFERENCE.profile
    if side != "baseline":
        current = replace(current, columns={**current.columns, "amount": nothing})
    if side != "window":
        baseline = replace(baseline, columns={**baseline.columns, "amount": nothing})
    found = judged(current, baseline=baseline)
    assert len(found) == 8
    assert statuses(found) == {key: Status.UNDECIDED for key in found if key[1] == "amount"}
    assert found[Check.DRIFT, "amount"].evidence == Evidence(floor=0.05)


def test_all_rows_missing_is_a_finding() -> None:
    """Nothing can be said of the values, everything of their absence."""
    found = judged(window(null=1_000), UNTIMED)
    assert found[Check.MISSING_SHARE, "amount"].status is Status.FAILED
    assert {found[check, "amount"].status for check in (Check.DRIFT, Check.OUT_OF_RANGE_SHARE, Check.CONSTANT)} == {
        Status.UNDECIDED
    }


@pytest.mark.parametrize("rows", [0, 1])
def test_hardly_any_rows(rows: int) -> None:
    """No row is undecided throughout; a single one proves nothing."""
    current = window(np.zeros(5), np.zeros(3), rows=0, duplicates=0)
    if rows:
        columns = {"amount": column(NUMBERS, [0, 1, 0, 0, 0]), "plan": column(PLANS, [1, 0, 0])}
        current = profile(BINNING, columns, 1, duplicates=0)
    found = judged(current)
    assert len(found) == 9
    assert Status.FAILED not in {each.status for each in found.values()}
    assert found[Check.CONSTANT, "plan"].status is Status.UNDECIDED
    assert (found[Check.DUPLICATE_SHARE, None].status is Status.UNDECIDED) == (not rows)


def test_duplicates_beside_a_baseline_without_rows() -> None:
    """Nothing to compare with; and a baseline that did not count them had none."""
    current = window(duplicates=50)
    nothing = replace(REFERENCE.profile, rows=0)
    assert judged(current, baseline=nothing)[Check.DUPLICATE_SHARE, None].status is Status.UNDECIDED
    usual = replace(REFERENCE.profile, duplicates=1_500)
    assert judged(current, baseline=usual)[Check.DUPLICATE_SHARE, None].status is Status.PASSED
    assert (Check.DUPLICATE_SHARE, None) not in judged(window())


def test_values_beyond_the_last_edge_are_not_one_value() -> None:
    """All rows in one bin differ if their minimum and maximum do: a change of unit is no frozen column."""
    cells = np.array([0, 0, 0, 0, 1_000])
    moved = NumericProfile(cells, np.zeros(5), 1_000.0, 3_000.0, 2_000.0, 1.0)
    current = replace(window(), columns={**window().columns, "amount": moved})
    assert judged(current)[Check.CONSTANT, "amount"].status is Status.PASSED
    frozen = replace(moved, maximum=1_000.0)
    found = judged(replace(current, columns={**current.columns, "amount": frozen}), UNTIMED)
    assert found[Check.CONSTANT, "amount"].status is Status.FAILED


def test_a_column_that_was_always_constant_may_stay_so() -> None:
    """All rows of the reference were in one bin."""
    baseline = replace(
        REFERENCE.profile, columns={**REFERENCE.profile.columns, "amount": column(NUMBERS, [0, 30_000, 0, 0, 0])}
    )
    current = window(np.array([0.0, 1.0, 0.0, 0.0, 0.0]))
    found = judged(current, UNTIMED, baseline=baseline)
    assert found[Check.CONSTANT, "amount"].evidence.p_value == 1
    assert found[Check.CONSTANT, "amount"].status is Status.PASSED


def test_further_tests_are_under_the_same_correction() -> None:
    """They count among the tests, and have floors of their own; NaN is none."""
    extra = {(Check.JOINT, None): Extra(1e-6, 0.2), (Check.TIME_GAP, None): Extra(math.nan, math.nan)}
    found = judged(window(), extra=extra)
    assert found[Check.JOINT, None].status is Status.FAILED
    # Nine tests, of which one more column than this is a shift: (3 * 4 + 6) / 4 times the p-value.
    assert found[Check.JOINT, None].evidence.adjusted == pytest.approx(1e-6 * (3 * WEIGHT + 6) / WEIGHT)
    assert found[Check.TIME_GAP, None].status is Status.UNDECIDED
    small = judged(window(), extra={(Check.JOINT, None): Extra(1e-6, 0.02)})
    assert small[Check.JOINT, None].status is Status.PASSED
    gap = judged(window(), extra={(Check.TIME_GAP, None): Extra(1e-9, 0.4)})
    assert gap[Check.TIME_GAP, None].status is Status.FAILED


def test_a_column_without_a_baseline_is_not_tested() -> None:
    """Its tests stand there undecided, and do not burden the others' correction."""
    current = window(np.array([0.0, 0.9, 0.1, 0.0, 0.0]), np.array([0.46, 0.32, 0.22]))
    before, after = judged(current), judged(current, untested=frozenset({"amount"}))
    assert {key for key, status in statuses(after).items() if status is Status.UNDECIDED} == {
        key for key in after if key[1] == "amount"
    }
    assert after[Check.DRIFT, "plan"].evidence.p_value == before[Check.DRIFT, "plan"].evidence.p_value


def test_evidence_and_effect_are_both_needed() -> None:
    """At once: the strong level and twice the floor; if it persists: the weak level and six tenths of it."""
    key, current = (Check.MISSING_SHARE, "amount"), window(null=50)
    by_floor = {floor: judged(current, UNTIMED, floors={key: floor})[key].status for floor in (0.02, 0.04, 0.06, 0.09)}
    assert by_floor == {0.02: Status.FAILED, 0.04: Status.FAILED, 0.06: Status.SUSPECT, 0.09: Status.PASSED}
    case, floors = Case(BINNING, REFERENCE.profile, current), Floors()
    by_level = [
        assess(UNTIMED, case, Levels(strong, weak, 0.1), floors)[key].status
        for strong, weak in ((1e-3, 1e-2), (1e-200, 1e-2), (1e-200, 1e-100))
    ]
    assert by_level == [Status.FAILED, Status.SUSPECT, Status.PASSED]


def test_floors_by_check() -> None:
    """Each from its own setting."""
    floors = Floors(distance=0.1, missing=0.2, out_of_range=0.3, unseen=0.4, duplicates=0.5, joint=0.6)
    found = [
        floor_of(floors, (check, None))
        for check in (
            Check.DRIFT,
            Check.MISSING_SHARE,
            Check.OUT_OF_RANGE_SHARE,
            Check.UNSEEN_SHARE,
            Check.DUPLICATE_SHARE,
            Check.JOINT,
            Check.CONSTANT,
        )
    ]
    assert found == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.5]


def test_what_was_found() -> None:
    """Findings at once and those that may persist, in order."""
    found = Assessment(judged(window(null=200, duplicates=50), UNTIMED))
    assert found.found == [(Check.MISSING_SHARE, "amount"), (Check.DUPLICATE_SHARE, None)]
    assert Assessment().found == []
