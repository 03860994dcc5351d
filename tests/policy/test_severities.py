"""Severities of rows of the matrix: several findings as one, and a monitor's own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from monitoring_tasks.checks import Check, CheckResult, Status
from monitoring_tasks.policy.decision import Given, decide
from monitoring_tasks.policy.matrix import RULES, SEVERAL
from monitoring_tasks.policy.verdict import Action, Outcome, Verdict
from monitoring_tasks.policy_section import Policy, RuleName
from monitoring_tasks.severity import Severity
from tests.policy.made import IMPORTANCES, MONITOR, SUBJECT, drift, result, verdict, with_quiet


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
