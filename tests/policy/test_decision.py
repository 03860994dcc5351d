"""The decision matrix: which findings make which verdict."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.checks import Check, CheckResult, Evidence, Status, Suite
from monitoring_tasks.policy.decision import Given, decide
from monitoring_tasks.policy.matrix import RULES, Finding, rule_for
from monitoring_tasks.policy.verdict import Action, Outcome, Verdict
from monitoring_tasks.severity import Severity
from tests.policy.made import IMPORTANCES, MONITOR, SUBJECT, drift, result, verdict


def level(column: str, value: float) -> CheckResult:
    """A jump of a column's level that is a finding."""
    suite = Suite.PREDICTION_DRIFT if column == "score" else Suite.DATA_DRIFT
    return result(Check.LEVEL, column, suite=suite, value=value)


@pytest.mark.parametrize(
    ("results", "outcome", "severity", "actions"),
    [
        ([drift("f1", 0.1, status=Status.PASSED)], Outcome.HEALTHY, Severity.NONE, set()),
        ([drift("f7")], Outcome.WARNING, Severity.LOW, {Action.ALERT, Action.INVESTIGATE}),
        ([drift("f1")], Outcome.WARNING, Severity.MEDIUM, {Action.ALERT, Action.INVESTIGATE}),
        ([drift("f7", severe=True)], Outcome.WARNING, Severity.LOW, {Action.ALERT, Action.INVESTIGATE}),
        ([drift("f1", severe=True)], Outcome.DRIFTED, Severity.HIGH, {Action.ALERT, Action.INVESTIGATE}),
        ([drift("f1", 0.1)], Outcome.WARNING, Severity.LOW, {Action.ALERT}),
        ([drift("score", 0.1)], Outcome.WARNING, Severity.MEDIUM, {Action.ALERT, Action.INVESTIGATE}),
        ([drift("score")], Outcome.DRIFTED, Severity.HIGH, {Action.ALERT, Action.INVESTIGATE}),
        ([drift("score", severe=True)], Outcome.DRIFTED, Severity.CRITICAL, {Action.ALERT, Action.INVESTIGATE}),
        (
            [result(Check.MISSING_SHARE, "f1")],
            Outcome.WARNING,
            Severity.MEDIUM,
            {Action.ALERT, Action.BLOCK_RETRAINING},
        ),
        ([result(Check.MISSING_SHARE, "f1", value=0.1)], Outcome.WARNING, Severity.LOW, {Action.ALERT}),
        ([result(Check.TIME_GAP)], Outcome.WARNING, Severity.MEDIUM, {Action.ALERT, Action.BLOCK_RETRAINING}),
        (
            [result(Check.JOINT, suite=Suite.DATA_DRIFT, value=0.9)],
            Outcome.WARNING,
            Severity.MEDIUM,
            {Action.ALERT, Action.INVESTIGATE},
        ),
        ([result(Check.JOINT, suite=Suite.DATA_DRIFT, value=0.1)], Outcome.WARNING, Severity.LOW, {Action.ALERT}),
        (
            [result(Check.COLUMN_PRESENT, "f1")],
            Outcome.WARNING,
            Severity.CRITICAL,
            {Action.ALERT, Action.BLOCK_RETRAINING},
        ),
        ([result(Check.UNSEEN_SHARE, "f1")], Outcome.WARNING, Severity.LOW, {Action.ALERT}),
        ([level("f7", 0.5)], Outcome.DRIFTED, Severity.HIGH, {Action.ALERT, Action.INVESTIGATE}),
        ([level("f7", 0.1)], Outcome.WARNING, Severity.LOW, {Action.ALERT}),
        ([level("score", 0.5)], Outcome.DRIFTED, Severity.HIGH, {Action.ALERT, Action.INVESTIGATE}),
        ([level("score", 0.1)], Outcome.WARNING, Severity.MEDIUM, {Action.ALERT, Action.INVESTIGATE}),
        ([drift("f1", status=Status.UNDECIDED)], Outcome.WARNING, Severity.LOW, {Action.ALERT}),
    ],
)
def test_matrix(results: list[CheckResult], outcome: Outcome, severity: Severity, actions: set[Action]) -> None:
    """Each finding alone gives the outcome, severity and actions of its row; one window never retrains."""
    found = verdict(*results, importances=IMPORTANCES)
    assert (found.outcome, found.severity, set(found.actions)) == (outcome, severity, actions)


def test_without_importances_every_feature_is_important() -> None:
    """Not knowing which feature matters must not soften a verdict."""
    assert verdict(drift("anything", severe=True)).outcome is Outcome.DRIFTED


@pytest.mark.parametrize(("rows", "outcome"), [(0, Outcome.NO_DATA), (499, Outcome.TOO_FEW_ROWS)])
def test_unknown_is_not_healthy(rows: int, outcome: Outcome) -> None:
    """Below the minimum no check is believed, neither a pass nor a failure, and somebody is told."""
    for results in ([], [drift("f1", 0.1, status=Status.PASSED)], [drift("score", severe=True)]):
        found = verdict(*results, rows=rows)
        assert found.outcome is outcome
        assert found.actions == (Action.ALERT,)


def test_rows_without_results_are_never_healthy() -> None:
    """Results that were lost are not results that passed."""
    with pytest.raises(ValueError, match="nothing checked is not healthy"):
        decide(MONITOR, SUBJECT, Given(results=[], rows=1000))


def test_a_feature_of_unknown_importance_is_important() -> None:
    """A file of importances under other names, or without one feature, must not soften a verdict."""
    severe = drift("f1", severe=True)
    assert verdict(severe, importances={"num__f1": 1.0}).outcome is Outcome.DRIFTED
    assert verdict(severe, importances={f"f{rank}": 1.0 for rank in range(2, 8)}).outcome is Outcome.DRIFTED


def test_retraining_needs_persistence() -> None:
    """A severe finding asks for retraining once it stands in two of the last three windows."""
    now, before = [drift("f1", severe=True)], [drift("f1")]
    assert Action.RETRAIN not in verdict(*now, history=[None, None]).actions
    assert Action.RETRAIN in verdict(*now, history=[None, before]).actions
    assert Action.RETRAIN in verdict(*now, history=[before, None]).actions


SUSPECT = Status.SUSPECT


def test_a_suspect_alone_is_healthy_and_named() -> None:
    """Evidence that one window cannot settle raises no alarm; who reads the log learns what is watched."""
    found = verdict(drift("f1", 0.1, status=SUSPECT), history=[[drift("f1", 0.1, status=Status.PASSED)], None])
    assert (found.outcome, found.actions) == (Outcome.HEALTHY, ())
    assert found.reasons == ("nothing that one window can show; watched in case it persists: f1; on 1000 rows",)


@pytest.mark.parametrize("before", [SUSPECT, Status.FAILED])
def test_a_suspect_that_persists_is_a_finding(before: Status) -> None:
    """Two windows of three with weak evidence of the same check are as good as one with strong evidence."""
    found = verdict(drift("f1", status=SUSPECT), history=[None, [drift("f1", status=before)]])
    assert (found.outcome, found.severity) == (Outcome.WARNING, Severity.MEDIUM)
    assert found.evidence["findings"][0]["weak"]
    assert "in 2 of the last 3 windows" in found.reasons[0]


def test_a_suspect_does_not_persist_in_another_check() -> None:
    """Weak evidence of two different things is not evidence of one."""
    other = [result(Check.MISSING_SHARE, "f1", status=SUSPECT), drift("f2", status=SUSPECT)]
    assert verdict(drift("f1", status=SUSPECT), history=[other, other]).outcome is Outcome.HEALTHY


def test_a_season_lowers_severity_and_is_no_reason_to_retrain() -> None:
    """What the same season shows as well is one step milder, and the verdict says which season it is."""
    plain_drift = drift("f1", 8.0, severe=True)
    seasonal = replace(plain_drift, season="Sundays of the reference")
    before = [[plain_drift], [plain_drift]]
    hard, eased = verdict(plain_drift, history=before), verdict(seasonal, history=before)
    assert (hard.severity, eased.severity) == (Severity.HIGH, Severity.MEDIUM)
    assert Action.RETRAIN in hard.actions
    assert Action.RETRAIN not in eased.actions
    assert "seasonal: as Sundays of the reference" in eased.reasons[0]
    assert eased.evidence["findings"][0]["season"] == "Sundays of the reference"


def test_probable_causes_are_told_once() -> None:
    """A cause follows the findings; the one of two checks of a column is not told twice."""
    cause = "f1: about 5% of values are 1000 times too large (a unit change?)"
    faulty = [replace(result(Check.OUT_OF_RANGE_SHARE, "f1"), cause=cause), replace(drift("f1"), cause=cause)]
    assert verdict(*faulty).reasons[-1] == f"probable cause: {cause}"
    assert sum("probable cause" in reason for reason in verdict(*faulty).reasons) == 1


def test_evidence_is_told_with_the_finding() -> None:
    """The reason says how sure and how far; the verdict's evidence holds the numbers."""
    sure = replace(drift("f1"), evidence=Evidence(1e-6, 2e-5, 0.114, 0.05))
    found = verdict(sure)
    assert found.reasons[0].endswith("psi 0.22 against 0.2, distance 0.11, p 2e-05")
    assert found.evidence["findings"][0]["evidence"]["effect"] == 0.114


def test_windows_beyond_the_span_do_not_count() -> None:
    """Persistence looks at the last three windows only, even when more are handed in."""
    assert Action.RETRAIN not in verdict(drift("f1", severe=True), history=[None, None, [drift("f1")]]).actions


def test_another_columns_drift_is_not_persistence() -> None:
    """Two columns that drift once each are not one that persists."""
    assert Action.RETRAIN not in verdict(drift("f1", severe=True), history=[[drift("f2", severe=True)]]).actions


def test_data_faults_block_retraining() -> None:
    """A persistent severe drift beside a data fault does not train on the fault, and says so."""
    faulty = [drift("f1", severe=True), result(Check.OUT_OF_RANGE_SHARE, "f2")]
    found = verdict(*faulty, history=[[drift("f1")], [drift("f1")]])
    assert Action.RETRAIN not in found.actions
    assert Action.BLOCK_RETRAINING in found.actions
    assert found.reasons[-1].startswith("retraining is blocked")


def test_a_missing_column_is_told_once() -> None:
    """The checks that a missing column leaves undecided are no findings of their own; another column's are."""
    gone = [result(Check.COLUMN_PRESENT, "f1"), drift("f1", status=Status.UNDECIDED)]
    found = verdict(*gone, drift("f2", status=Status.UNDECIDED))
    assert [(finding["check"], finding["column"]) for finding in found.evidence["findings"]] == [
        ("column_present", "f1"),
        ("drift", "f2"),
    ]


RESULTS = st.builds(
    drift,
    st.sampled_from(["f1", "f2", "f6", "score"]),
    st.floats(0, 10),
    severe=st.booleans(),
    status=st.sampled_from(Status),
) | st.builds(result, st.sampled_from(Check), st.sampled_from(["f1", "f2", None]), status=st.sampled_from(Status))
FOUND = RESULTS.filter(lambda each: each.status in (Status.FAILED, Status.UNDECIDED))


@given(st.lists(RESULTS, max_size=8), FOUND)
def test_another_finding_never_softens(results: list[CheckResult], more: CheckResult) -> None:
    """Adding one can only keep or raise outcome and severity; a check that passes may settle an undecided one."""
    less, all_of = verdict(*results), verdict(*results, more)
    order = [Outcome.HEALTHY, Outcome.WARNING, Outcome.DRIFTED, Outcome.DEGRADED]
    assert order.index(all_of.outcome) >= order.index(less.outcome)
    assert all_of.severity >= less.severity


@given(st.lists(RESULTS, max_size=8), st.randoms())
def test_order_of_results_is_irrelevant(results: list[CheckResult], random: object) -> None:
    """Shuffled results give the same outcome, severity and actions."""
    shuffled = sorted(results, key=lambda _: random.random())  # type: ignore[attr-defined]
    one, other = verdict(*results), verdict(*shuffled)
    assert (one.outcome, one.severity, one.actions) == (other.outcome, other.severity, other.actions)


@given(st.lists(RESULTS, max_size=8))
def test_verdict_survives_json(results: list[CheckResult]) -> None:
    """A verdict read back from its JSON is equal, byte for byte."""
    found = verdict(*results)
    again = Verdict.from_json(found.to_json())
    assert again.dumps() == found.dumps()


def test_every_failed_check_has_a_rule() -> None:
    """No failed check falls through the matrix, but the row count, which is judged before it."""
    for check in Check:
        finding = Finding(result(check, "f1", suite=Suite.DATA_DRIFT), True, 1, 1, False)
        assert (rule_for(finding) is None) == (check is Check.ROW_COUNT)
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_what_a_fault_explains_blocks_retraining() -> None:
    """Severe drift that a change of units explains must not start a training; a small one of it blocks none."""
    severe = drift("f1", 8.0, severe=True)
    named = replace(severe, cause="f1: all values are 1000 times too large (a unit change?)")
    before = [[severe], [severe]]
    assert Action.RETRAIN in verdict(severe, history=before).actions
    faulty = verdict(named, history=before)
    assert Action.RETRAIN not in faulty.actions
    assert Action.BLOCK_RETRAINING in faulty.actions
    assert faulty.severity is verdict(severe, history=before).severity
    small = replace(drift("f1", 0.1), cause="f1: 'a' took the place of 'b' (a rename?)")
    assert Action.BLOCK_RETRAINING not in verdict(small).actions


@pytest.mark.parametrize(
    ("missing", "outcome"),
    [(Status.PASSED, Outcome.HEALTHY), (SUSPECT, Outcome.WARNING), (Status.UNDECIDED, Outcome.WARNING)],
)
def test_a_column_without_values_is_judged_by_its_missing_share(missing: Status, outcome: Outcome) -> None:
    """Where it is ordinary that all are missing, the checks that this leaves undecided are no alarm."""
    reason = "no values: every row is missing"
    checks = [
        replace(result(check, "f1", status=Status.UNDECIDED, value=None), detail=reason)
        for check in (Check.DRIFT, Check.CONSTANT, Check.OUT_OF_RANGE_SHARE)
    ]
    found = verdict(result(Check.MISSING_SHARE, "f1", status=missing, value=1.0), *checks)
    assert found.outcome is outcome


def test_a_single_value_shows_no_constant_column() -> None:
    """Undecided by itself where the column's drift was decided; told where that was not."""
    single = result(Check.CONSTANT, "f1", status=Status.UNDECIDED, value=None)
    assert verdict(single, drift("f1", 0.1, status=Status.PASSED)).outcome is Outcome.HEALTHY
    assert verdict(single, drift("f1", 0.1, status=Status.UNDECIDED)).outcome is Outcome.WARNING
