"""Windows judged by the classical rules: each column's number as others compute it, and the size it amounts to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from monitoring_tasks.checks import Check, CheckResult, Status
from monitoring_tasks.suites import SuiteInput, SuiteOutcome, check, run_suites
from tests.suites.conftest import ROWS, Judge, reference_rows, replaced, rows

COLOURS = ("blue", "green", "red")
CLASSICAL = ("classic", "psi", "evidently")


def drift(outcome: SuiteOutcome, column: str) -> CheckResult:
    """The drift result of a column."""
    [found] = [result for result in outcome.results if result.check is Check.DRIFT and result.column == column]
    return found


def coloured(counts: Sequence[int]) -> pa.Table:
    """Rows of which so many are blue, green and red, and nothing else is new."""
    return replaced(rows(sum(counts)), "colour", np.repeat(COLOURS, counts).tolist())


def shares(table: pa.Table) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Rows of each colour."""
    found = table["colour"].to_pylist()
    return np.array([found.count(colour) for colour in COLOURS], np.float64)


def psi(reference: np.ndarray[Any, Any], current: np.ndarray[Any, Any]) -> float:
    """The population stability index, as its definition reads."""
    p, q = current / current.sum(), reference / reference.sum()
    return float(np.sum((p - q) * np.log(p / q)))


@pytest.mark.parametrize("counts", [(500, 300, 200), (530, 270, 200), (560, 280, 160), (600, 250, 150)])
def test_classic_is_chi_square(judge: Judge, counts: tuple[int, int, int]) -> None:
    """The p-value of the table of counts, at the level asked for; severe at a fiftieth of it."""
    found = drift(judge(coloured(counts), policy={"rules": "classic", "significance": 0.1}), "colour")
    expected = stats.chi2_contingency([shares(reference_rows()), counts], correction=False).pvalue
    assert (found.method, found.threshold) == ("chi_square_p_value", 0.1)
    assert found.value == pytest.approx(expected, rel=1e-6)
    assert (found.status is Status.FAILED) == found.large == (expected < 0.1)
    assert found.severe == (expected < 0.002)
    assert found.evidence is None


@pytest.mark.parametrize("shift", [0.0, 0.2, 0.4, 1.0])
def test_classic_is_kolmogorov_smirnov(judge: Judge, shift: float) -> None:
    """The p-value of the bins' own statistic, never below that of the rows and near it."""
    amount = rows()["amount"].to_numpy() + shift
    found = drift(judge(replaced(rows(), "amount", amount), policy="classic"), "amount")
    expected = stats.ks_2samp(reference_rows()["amount"].to_numpy(), amount, method="asymp").pvalue
    assert found.method == "ks_p_value"
    assert found.value is not None
    assert expected <= found.value * (1 + 1e-9)
    assert np.log(found.value) == pytest.approx(np.log(expected), rel=0.1, abs=0.5)
    assert (found.status is Status.FAILED, found.severe) == (found.value < 0.05, found.value < 0.001)


@pytest.mark.parametrize(
    ("counts", "failed", "large", "severe"),
    [
        ((500, 300, 200), False, False, False),
        ((590, 300, 110), False, False, False),
        ((610, 300, 90), True, False, False),
        ((646, 300, 54), True, True, False),
        ((660, 300, 40), True, True, True),
    ],
)
def test_psi_has_three_sizes(
    judge: Judge, counts: tuple[int, int, int], failed: bool, large: bool, severe: bool
) -> None:
    """From .1 it is a small shift, from .2 a large one, from .25 severe; people are shown the alert's limit."""
    expected = psi(shares(reference_rows()), np.array(counts, np.float64))
    assert (expected > 0.1, expected > 0.2, expected > 0.25) == (failed, large, severe)
    found = drift(judge(coloured(counts), policy="psi"), "colour")
    assert found.value == pytest.approx(expected, rel=1e-9)
    assert (found.method, found.threshold) == ("psi", 0.2)
    assert (found.status is Status.FAILED, found.large, found.severe) == (failed, large, severe)


def test_small_shifts_do_not_make_a_drifted_share(judge: Judge) -> None:
    """By the rule psi a column counts as drifted from the alert on."""
    outcome = judge(coloured((610, 300, 90)), policy="psi", drift={"share": 0.01})
    [share] = [result for result in outcome.results if result.check is Check.DRIFTED_SHARE]
    assert (share.value, share.status) == (0.0, Status.PASSED)


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_evidently_measures_distances(judge: Judge, shift: float) -> None:
    """Over a reference of more than 1,000 rows: Wasserstein over its deviation, and Jensen-Shannon, from .1."""
    amount = rows()["amount"].to_numpy() + shift
    counts = (640, 300, 60) if shift else (500, 300, 200)
    outcome = judge(replaced(coloured(counts), "amount", amount), policy="evidently")
    usual = reference_rows()
    before = usual["amount"].to_numpy()
    expected = {
        "amount": stats.wasserstein_distance(before, amount) / np.std(before),
        "colour": jensenshannon(shares(usual), counts, base=np.e),
    }
    for column, distance in expected.items():
        found = drift(outcome, column)
        assert found.value == pytest.approx(distance, rel=0.02, abs=1e-3)
        assert (found.status is Status.FAILED) == (distance >= 0.1) == bool(shift)
        assert (found.threshold, found.large, found.severe) == (0.1, False, False)
    [share] = [result for result in outcome.results if result.check is Check.DRIFTED_SHARE]
    assert (share.value, share.status) == (2 / 3, Status.FAILED) if shift else (0.0, Status.PASSED)
    assert share.large == bool(shift)


def test_evidently_tests_a_small_reference(judge: Judge) -> None:
    """Up to 1,000 rows it asks for significance."""
    small, amount = reference_rows().slice(0, 1000), rows()["amount"].to_numpy() + 1.0
    outcome = judge(replaced(coloured((500, 300, 200)), "amount", amount), small, policy="evidently")
    methods = {column: drift(outcome, column).method for column in ("amount", "colour")}
    assert methods == {"amount": "ks_p_value", "colour": "chi_square_p_value"}
    found = drift(outcome, "amount")
    assert (found.status, found.threshold, found.large) == (Status.FAILED, 0.05, False)


@pytest.mark.parametrize("rules", CLASSICAL)
def test_quality_keeps_its_limits(judge: Judge, rules: str) -> None:
    """Missing, unseen and out of range are judged by their shares, and what fails is large."""
    values = rows()["amount"].to_numpy().copy()
    values[: ROWS // 10], values[-ROWS // 10 :] = np.nan, 1e6
    colours = ["pink"] * (ROWS // 50) + rows()["colour"].to_pylist()[ROWS // 50 :]
    outcome = judge(replaced(replaced(rows(), "amount", values), "colour", colours), policy=rules)
    checks = {Check.MISSING_SHARE: "amount", Check.OUT_OF_RANGE_SHARE: "amount", Check.UNSEEN_SHARE: "colour"}
    found = [result for result in outcome.results if (result.check, result.column) in checks.items()]
    assert len(found) == len(checks)
    assert all(result.status is Status.FAILED and result.large for result in found)


@pytest.mark.parametrize("rules", [*CLASSICAL, "calibrated"])
def test_checks_alone_are_those_of_the_report(given: Callable[..., SuiteInput], rules: str) -> None:
    """Without page and snapshots the results are the same, undecided ones and those of an empty id among them."""
    current = replaced(coloured((640, 300, 60)), "amount", pa.nulls(ROWS, pa.float64()))
    for table in (current, replaced(current, "id", pa.nulls(ROWS, pa.string())), current.slice(0, 0)):
        prepared = given(table, policy=rules)
        assert check(prepared) == run_suites(prepared, script_href="evidently.js").results
