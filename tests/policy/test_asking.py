"""When what was found asks for a retraining: severe, lasting, or both."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import pytest

from monitoring_tasks.checks import CheckResult, Status
from monitoring_tasks.policy.decision import Given, decide
from monitoring_tasks.policy.narrative import next_step, request_end
from monitoring_tasks.policy.verdict import Action, Verdict
from monitoring_tasks.policy_section import Policy
from tests.policy.made import IMPORTANCES, MONITOR, SUBJECT, drift, with_quiet

Waits = Literal["both", "either"]


def verdict(waits: Waits, *now: CheckResult, before: tuple[CheckResult, ...] = ()) -> Verdict:
    """The verdict under a policy that waits for both or either, after a window in which `before` was found."""
    monitor = MONITOR.model_copy(update={"policy": Policy(retrain=waits)})
    given = Given(with_quiet(now), rows=1000, history=[with_quiet(before)], importances=IMPORTANCES)
    return decide(monitor, SUBJECT, given)


LARGE, SEVERE = drift("f5"), drift("f5", 0.3, severe=True)
OUTSIDE = drift("f6", 0.25, severe=True)


@pytest.mark.parametrize(
    ("now", "before", "both", "either"),
    [
        (LARGE, (), False, False),
        (LARGE, (LARGE,), False, True),
        (SEVERE, (), False, True),
        (SEVERE, (SEVERE,), True, True),
        (OUTSIDE, (OUTSIDE,), False, False),
        (drift("f6"), (drift("f6"),), False, False),
        (drift("score"), (), False, False),
        (drift("score"), (drift("score"),), False, True),
        (drift("score", 0.3, severe=True), (), False, True),
        (drift("f5", 0.15), (drift("f5", 0.15),), False, False),
    ],
)
def test_severe_or_lasting_drift_of_what_matters(
    now: CheckResult, before: tuple[CheckResult, ...], both: bool, either: bool
) -> None:
    """`both` waits until drift is severe and persists; `either` for one of them; never for what matters little."""
    asked = [Action.RETRAIN in verdict(waits, now, before=before).actions for waits in ("both", "either")]
    assert asked == [both, either]


@pytest.mark.parametrize("known", [{"season": "the week of last year"}, {"cause": "a unit change?"}])
def test_what_is_explained_is_not_learnt(known: dict[str, Any]) -> None:
    """Drift that a season or a fault explains asks for nothing, however long it lasts and whatever the policy."""
    explained = replace(LARGE, **known)
    assert Action.RETRAIN not in verdict("either", explained, before=(explained,)).actions
    severe = replace(SEVERE, **known)
    assert Action.RETRAIN not in verdict("either", severe, before=(severe,)).actions


def test_a_fault_beside_it_blocks() -> None:
    """Severe drift that would be learnt at once is not where the data has a fault as well, and that is said."""
    faulty = replace(drift("f1", 0.4, severe=True), cause="f1: all values are 100 times as large (a unit change?)")
    found = verdict("either", SEVERE, faulty)
    assert Action.BLOCK_RETRAINING in found.actions
    assert Action.RETRAIN not in found.actions
    assert found.reasons[-1].startswith("retraining is blocked")


def test_people_are_told_why() -> None:
    """Severe drift of one window is not said to persist."""
    assert next_step(verdict("either", SEVERE)).startswith("The drift is severe: ")
    assert next_step(verdict("either", SEVERE, before=(SEVERE,))).startswith("The drift persists: ")


def test_what_passed_asks_for_nothing() -> None:
    """A window without a finding requests no retraining under either."""
    quiet = drift("f1", 0.01, status=Status.PASSED)
    assert verdict("either", quiet).actions == verdict("both", quiet).actions == ()


def test_a_retraining_of_worse_figures_uses_the_labels_that_showed_them() -> None:
    """Figures are known long after their window: rows up to then are used, of drift those up to the window's end."""
    drifted = verdict("either", SEVERE)
    assert request_end(drifted) == "2013-06-04T00:00:00Z"
    worse = replace(drifted, evidence={**drifted.evidence, "known_at": "2013-08-06T00:00:00Z"})
    assert request_end(worse) == "2013-08-06T00:00:00Z"
