"""The decision matrix: which findings make which verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.checks import Check, CheckResult, Evidence, Status, Suite
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.policy.decision import Given, decide
from monitoring_tasks.policy.matrix import RULES, SEVERAL, Finding, rule_for
from monitoring_tasks.policy.narrative import findings_table, narrate, next_step
from monitoring_tasks.policy.verdict import Action, Outcome, Subject, Verdict
from monitoring_tasks.policy_section import Policy, RuleName
from monitoring_tasks.sections import FileReference, ParquetSource
from monitoring_tasks.severity import Severity
from monitoring_tasks.window import Window

MONITOR = Monitor(
    name="churn",
    owner="growth",
    task="binary",
    source=ParquetSource(path="data"),
    reference=FileReference(path="reference.parquet"),
    timestamp="at",
    prediction="score",
)
SUBJECT = Subject("churn", "v1", Window.parse("2013-06-03", "2013-06-04"), MONITOR.config_hash)
IMPORTANCES = {f"f{rank}": 1.0 / rank for rank in range(1, 8)}


def result(
    check: Check,
    column: str | None = None,
    *,
    suite: Suite = Suite.DATA_QUALITY,
    status: Status = Status.FAILED,
    value: float | None = 0.5,
    severe: bool = False,
) -> CheckResult:
    """A failed check unless told otherwise."""
    return CheckResult(suite, check, status, column, None, value, 0.2, (value or 0) > 0.2, severe)


def drift(column: str, value: float = 0.22, *, severe: bool = False, status: Status = Status.FAILED) -> CheckResult:
    """A drift result of a feature, or of the prediction when the column is the score."""
    suite = Suite.PREDICTION_DRIFT if column == "score" else Suite.DATA_DRIFT
    return CheckResult(suite, Check.DRIFT, status, column, "psi", value, 0.2, value > 0.2, severe)


def verdict(*results: CheckResult, rows: int = 1000, **given_more: object) -> Verdict:
    """The verdict on `results` with the default policy; features that are not in them passed."""
    return decide(MONITOR, SUBJECT, Given(results=with_quiet(results), rows=rows, **given_more))  # type: ignore[arg-type]


def with_quiet(results: Sequence[CheckResult]) -> list[CheckResult]:
    """The results, and passed ones of the features that are not in them."""
    quiet = [drift(name, 0.01, status=Status.PASSED) for name in IMPORTANCES if all(r.column != name for r in results)]
    return [*results, *quiet]


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


# Several features, and a monitor's own severities -------------------------------------------------------------------


def by_own(severities: dict[str, str], *results: CheckResult) -> Verdict:
    """The verdict of a monitor with severities of its own."""
    policy = Policy.model_validate({"severities": severities})
    given_results = Given(results=with_quiet(results), rows=1000, importances=IMPORTANCES)
    return decide(MONITOR.model_copy(update={"policy": policy}), SUBJECT, given_results)


def test_several_important_features_are_worse_than_one() -> None:
    """Two that drifted by much are medium each; the third makes all of them high, and is no reason to retrain."""
    two, three = [drift("f1"), drift("f2")], [drift("f1"), drift("f2"), drift("f3")]
    before = [three, three]
    assert verdict(*two, history=before, importances=IMPORTANCES).severity is Severity.MEDIUM
    found = verdict(*three, history=before, importances=IMPORTANCES)
    assert (found.outcome, found.severity) == (Outcome.DRIFTED, Severity.HIGH)
    assert {each["rule"] for each in found.evidence["findings"]} == {"drift of several important features"}
    assert Action.RETRAIN not in found.actions
    assert len(three) == SEVERAL


@pytest.mark.parametrize(
    "third",
    [
        drift("f7"),
        drift("f3", 0.1),
        drift("f3", status=Status.SUSPECT),
        replace(drift("f3"), season="Sundays of the reference"),
        replace(drift("f3"), cause="f3: about 5% of values are 1000 times too large (a unit change?)"),
        replace(drift("f3"), segment="carrier=UA"),
        result(Check.MISSING_SHARE, "f3"),
    ],
    ids=["unimportant", "small", "suspect", "seasonal", "explained", "in a segment", "no drift"],
)
def test_what_does_not_count_as_one_of_several(third: CheckResult) -> None:
    """A feature that matters little, moved little, or has another reason says nothing of the world."""
    assert verdict(drift("f1"), drift("f2"), third, importances=IMPORTANCES).severity is Severity.MEDIUM


def test_a_feature_counts_once() -> None:
    """Two baselines of one column are not two features; a severe one counts, and keeps its own row."""
    twice = replace(drift("f1"), method="hellinger")
    assert verdict(drift("f1"), twice, drift("f2"), importances=IMPORTANCES).severity is Severity.MEDIUM
    found = verdict(drift("f1", severe=True), drift("f2"), drift("f3"), importances=IMPORTANCES)
    rules = {each["column"]: each["rule"] for each in found.evidence["findings"]}
    assert rules["f1"] == "severe drift of an important feature"
    assert rules["f2"] == rules["f3"] == "drift of several important features"


def test_every_row_can_be_given_another_severity() -> None:
    """The names that a YAML may use are those of the matrix, in its order."""
    assert get_args(RuleName) == tuple(rule.name for rule in RULES)


def test_the_docs_name_every_row_by_its_severity() -> None:
    """Whoever changes a severity finds the names, and what they are worth, in one table."""
    text = (Path(__file__).parents[2] / "docs" / "how-it-decides.md").read_text(encoding="utf-8")
    for severity in (Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL):
        [line] = [line for line in text.splitlines() if line.startswith(f"| {severity.word} | ")]
        names = line.split(" | ")[1].removesuffix(" |").replace(" (three or more)", "").split(", ")
        assert {*names} == {rule.name for rule in RULES if rule.severity is severity}
        assert len(names) == len({*names})


def test_a_monitors_own_severity_takes_the_place_of_the_matrix() -> None:
    """Only that row's, in the verdict and in its evidence; outcome and actions stay."""
    own = {"drift of a feature": "high", "drift of an important feature": "low"}
    usual, other = by_own({}, drift("f7"), drift("f1")), by_own(own, drift("f7"), drift("f1"))
    assert (usual.severity, other.severity) == (Severity.MEDIUM, Severity.HIGH)
    assert (usual.outcome, usual.actions) == (other.outcome, other.actions)
    assert [(each["column"], each["severity"]) for each in other.evidence["findings"]] == [
        ("f7", "high"),
        ("f1", "low"),
    ]
    assert other.reasons[0].startswith("f7: drift of a feature")


def test_a_season_lowers_a_severity_of_ones_own() -> None:
    """One step less than the monitor says, and never less than low."""
    seasonal = replace(drift("f1"), season="Sundays of the reference")
    for own, severity in (("critical", Severity.HIGH), ("medium", Severity.LOW), ("low", Severity.LOW)):
        assert by_own({"drift of an important feature": own}, seasonal).severity is severity


@pytest.mark.parametrize(
    ("severities", "said"),
    [
        ({"drift of a feature": "none"}, "'low', 'medium', 'high' or 'critical'"),
        ({"drift of a featur": "low"}, "'drift of a feature'"),
        ({"drift of a feature": None}, "'low', 'medium', 'high' or 'critical'"),
    ],
)
def test_severities_are_of_rows_and_never_none(severities: dict[str, Any], said: str) -> None:
    """What nobody is told of is no alarm: a row is made milder by low, and left out by its limits."""
    with pytest.raises(ValueError, match=said):
        Policy.model_validate({"severities": severities})


def test_the_story_names_columns_score_and_next_step() -> None:
    """The text for a person on call has the verdict, the table and one next step."""
    results = [drift("temp", 8.41, severe=True), drift("dest", 0.02, status=Status.PASSED)]
    text = narrate(verdict(*results), results)
    assert "churn: DRIFTED, severity high" in text
    assert "temp" in text
    assert "8.41" in text
    assert "dest" not in text
    assert text.splitlines()[-1].startswith("Next step: ")


def test_no_data_is_told_without_a_table() -> None:
    """Without rows every check is undecided, and listing them would bury the one fact."""
    results = [drift(f"f{number}", status=Status.UNDECIDED) for number in range(9)]
    assert len(narrate(verdict(*results, rows=0), results).splitlines()) == 4


def test_hostile_column_names_stay_on_their_line() -> None:
    """A column name with line breaks and terminal codes cannot forge lines of the log."""
    table = findings_table([drift("evil\n2013 verdict HEALTHY\x1b[2J", 3.0)])
    assert len(table.splitlines()) == 3
    assert "\x1b" not in table


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_a_next_step(outcome: Outcome) -> None:
    """Nobody is left without being told what to do."""
    assert next_step(Verdict(SUBJECT, outcome, Severity.LOW)).endswith(".")


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


def test_what_is_undecided_for_one_reason_is_told_in_one_line() -> None:
    """However many columns and checks; what has a reason of its own has a line of its own."""
    checks = [
        replace(result(check, f"c{number}", status=Status.UNDECIDED, value=None), detail="no baseline")
        for number in range(7)
        for check in (Check.MISSING_SHARE, Check.CONSTANT)
    ]
    other = replace(result(Check.CONSTANT, "x", status=Status.UNDECIDED, value=None), detail="another")
    assert sorted(verdict(*checks, other).reasons) == [
        "c0, c1, c2, c3, c4 and 2 more columns: constant, missing share undecided: no baseline",
        "x: constant undecided: another",
    ]


def test_a_finding_that_persists_is_not_told_by_the_p_value_of_one_window() -> None:
    """It stands on several; one that is found at once says how sure it is."""
    sure = Evidence(p_value=0.01, adjusted=0.2, effect=0.06, floor=0.05)
    weak = replace(drift("f1", status=SUSPECT), evidence=sure)
    (told,) = verdict(weak, history=[[weak], [weak]]).reasons
    assert "p 0.2" not in told
    assert "distance 0.06" in told
    (told,) = verdict(replace(weak, status=Status.FAILED)).reasons
    assert "p 0.2" in told


def test_the_table_shows_what_persists() -> None:
    """A suspect that the verdict rests on stands in the table of findings; one that is only watched does not."""
    persists, watched = drift("score", 0.3, status=SUSPECT), drift("f2", status=SUSPECT)
    found = verdict(persists, watched, history=[[persists], [persists]])
    text = narrate(found, [persists, watched])
    assert "prediction_drift  drift  score" in text
    assert "f2" not in text


def test_a_small_finding_is_below_the_limit_that_is_shown() -> None:
    """Nobody should read that a tenth is against two tenths and wonder."""
    sure = Evidence(p_value=1e-5, adjusted=1e-4, effect=0.12, floor=0.05)
    small, large = (verdict(replace(drift("f1", score), evidence=sure)).reasons[0] for score in (0.1, 0.3))
    assert "psi 0.1 below 0.2" in small
    assert "psi 0.3 against 0.2" in large


# Segments -------------------------------------------------------------------------------------------------------------


def in_segment(segment: str, column: str = "f1", value: float = 0.41, **more: object) -> CheckResult:
    """A drift result of a segment."""
    return replace(drift(column, value), segment=segment, **more)  # type: ignore[arg-type]


def test_the_verdict_names_the_worst_segment() -> None:
    """However many segments drifted, in however many columns, they are one line, which says how many."""
    segments = [in_segment(f"carrier=C{number:02}", f"f{column}", 0.3) for number in range(40) for column in (1, 2)]
    found = verdict(*segments, in_segment("carrier=UA", "f3", 0.9), in_segment("carrier=UA", "f1", 0.3))
    assert found.reasons == (
        "worst segment carrier=UA: f3: drift in a segment, psi 0.9 against 0.2 and 1 more column of it "
        "and 40 more segments",
    )
    assert (found.outcome, found.severity) == (Outcome.WARNING, Severity.LOW)
    assert set(found.actions) == {Action.ALERT, Action.INVESTIGATE}
    assert len(found.evidence["findings"]) == 82


def test_one_segment_is_told_as_any_finding() -> None:
    """Alone it has a line of its own, and the columns of all rows keep theirs."""
    found = verdict(in_segment("carrier=UA"), drift("f2"))
    assert len(found.reasons) == 2
    assert "f1 in carrier=UA: drift in a segment, psi 0.41 against 0.2" in found.reasons
    both = verdict(in_segment("carrier=UA"), in_segment("carrier=UA", "f2"), drift("f2"))
    assert sum("worst segment carrier=UA" in reason and "1 more column of it" in reason for reason in both.reasons) == 1


def test_worse_segments_and_drifted_ones_are_two_lines() -> None:
    """Performance and drift are different news."""
    drop = CheckResult(Suite.PERFORMANCE, Check.CHAMPION_DROP, Status.FAILED, "auc", None, 0.1, 0.05, True)
    worse = [replace(drop, segment=f"carrier={name}") for name in ("AA", "UA")]
    found = verdict(*worse, in_segment("carrier=AA"), in_segment("carrier=UA"))
    assert [reason.split(":")[0] for reason in found.reasons] == ["worst segment carrier=AA"] * 2
    assert all("and 1 more segment" in reason for reason in found.reasons)


def test_a_segment_persists_by_itself() -> None:
    """A suspect of one segment stands when that segment was suspect before, not when another or all rows were."""
    suspect = in_segment("carrier=UA", value=0.1, status=Status.SUSPECT)
    other = in_segment("carrier=AA", value=0.1, status=Status.SUSPECT)
    whole = drift("f1", 0.1, status=Status.SUSPECT)
    assert verdict(suspect, history=[[other], [whole]]).outcome is Outcome.HEALTHY
    found = verdict(suspect, history=[[suspect]])
    assert found.outcome is Outcome.WARNING
    assert found.reasons[0].startswith("f1 in carrier=UA: small shift in a segment")
    assert "watched in case it persists: f1 in carrier=UA" in verdict(suspect).reasons[0]


def test_a_drawn_segment_does_not_stand_for_its_column() -> None:
    """That a column's drift was decided in a segment says nothing of whether it was in all rows."""
    constant = result(Check.CONSTANT, "f1", value=None, status=Status.UNDECIDED)
    quiet = in_segment("carrier=UA", value=0.01, status=Status.PASSED)
    undecided = drift("f1", status=Status.UNDECIDED)
    told = [each["check"] for each in verdict(constant, quiet, undecided).evidence["findings"]]
    assert sorted(told) == ["constant", "drift"]


def test_segments_do_not_fill_the_log() -> None:
    """The table of findings is of all rows: segments are in the reasons and in the report."""
    found = [in_segment(f"carrier=C{number}") for number in range(40)]
    assert findings_table(found) == ""
    assert "carrier=C7" not in narrate(verdict(*found, drift("f2")), [*found, drift("f2")]).split("suite")[1]
