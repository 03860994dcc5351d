"""Findings are told worst first: by severity, then by drift x importance."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.checks import Check, CheckResult, Status, Suite
from monitoring_tasks.policy.verdict import Verdict
from tests.policy.made import drift, result, verdict

WEIGHTS = {"f1": 0.1, "f2": 0.6, "f3": 0.3, "f4": 0.0}


def columns(found: Verdict) -> list[str]:
    """The columns of the findings, in their order."""
    return [each["column"] for each in found.evidence["findings"]]


def test_importance_weighs_drift() -> None:
    """A column that matters six times as much goes before one that moved three times as far."""
    found = verdict(drift("f1", 0.9), drift("f2", 0.3), drift("f3", 0.3), importances=WEIGHTS)
    assert columns(found) == ["f2", "f1", "f3"]
    assert [each["importance"] for each in found.evidence["findings"]] == [0.6, 0.1, 0.3]
    assert found.reasons[0].startswith("f2: ")


def test_an_unknown_importance_counts_as_the_heaviest() -> None:
    """Not knowing what a column is worth must not put it behind others."""
    found = verdict(drift("f1", 0.9), drift("new", 0.5), importances=WEIGHTS)
    assert columns(found) == ["new", "f1"]
    assert found.evidence["findings"][0]["importance"] is None


def test_without_importances_the_score_decides() -> None:
    """Then the farther beyond its limit, the earlier."""
    assert columns(verdict(drift("f1", 0.3), drift("f2", 0.9))) == ["f2", "f1"]


def test_severity_goes_before_importance() -> None:
    """A column that is missing is told before any drift."""
    missing = result(Check.COLUMN_PRESENT, "f4", value=1.0)
    assert columns(verdict(drift("f2", 2.0, severe=True), missing, importances=WEIGHTS)) == ["f4", "f2"]


def test_p_values_and_distances_compare() -> None:
    """A p-value of many decimals does not push a large distance aside because there is no end to small numbers."""
    small = CheckResult(Suite.DATA_DRIFT, Check.DRIFT, Status.FAILED, "f1", "ks_p_value", 1e-12, 0.01, True)
    assert columns(verdict(small, drift("f2", 8.0))) == ["f2", "f1"]
    assert columns(verdict(small, drift("f2", 0.5))) == ["f1", "f2"]


def test_a_missing_column_is_told_in_words() -> None:
    """Nobody has to read `column present 1 against 0` when woken."""
    gone = CheckResult(
        Suite.DATA_QUALITY,
        Check.COLUMN_PRESENT,
        Status.FAILED,
        "f1",
        None,
        1.0,
        0.0,
        detail="the column is not there in 100.0% of the rows",
    )
    assert verdict(gone).reasons[0] == "f1: column missing, the column is not there in 100.0% of the rows"


@given(st.dictionaries(st.sampled_from(["f1", "f2", "f3"]), st.floats(-1, 1)), st.floats(0.21, 1e6))
def test_any_importances_rank(importances: dict[str, float], score: float) -> None:
    """Negative, zero, missing or equal importances lose no finding, and the verdict stays JSON."""
    found = verdict(drift("f1", score), drift("f2", 0.3), drift("f3", 0.3), importances=importances)
    assert sorted(columns(found)) == ["f1", "f2", "f3"]
    assert found.dumps()
