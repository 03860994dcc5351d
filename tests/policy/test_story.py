"""How a verdict is told: findings, table and next step."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitoring_tasks.checks import Check, Evidence, Status
from monitoring_tasks.derived_section import Derived
from monitoring_tasks.policy.decision import Given, decide
from monitoring_tasks.policy.narrative import findings_table, narrate, next_step
from monitoring_tasks.policy.verdict import Action, Outcome, Verdict
from monitoring_tasks.severity import Severity
from tests.policy.made import MONITOR, SUBJECT, drift, result, verdict, with_quiet


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
    weak = replace(drift("f1", status=Status.SUSPECT), evidence=sure)
    (told,) = verdict(weak, history=[[weak], [weak]]).reasons
    assert "p 0.2" not in told
    assert "distance 0.06" in told
    (told,) = verdict(replace(weak, status=Status.FAILED)).reasons
    assert "p 0.2" in told


def test_the_table_shows_what_persists() -> None:
    """A suspect that the verdict rests on stands in the table of findings; one that is only watched does not."""
    persists, watched = drift("score", 0.3, status=Status.SUSPECT), drift("f2", status=Status.SUSPECT)
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


def test_nobody_is_told_to_retrain_a_model_that_answers_with_text() -> None:
    """It has no outcomes to learn from: neither lasting drift nor a fault of the data says a word of retraining."""
    words = {"score": Derived(kind="word_count", of=("response",))}
    text = MONITOR.model_copy(update={"task": "text", "derived": words})
    lasting, fault = [drift("score", 3.0, severe=True)], result(Check.MISSING_SHARE, "f1")
    for found in (lasting, [*lasting, fault], [fault]):
        told = decide(text, SUBJECT, Given(with_quiet(found), rows=1000, history=[found, found]))
        assert not {Action.RETRAIN, Action.BLOCK_RETRAINING} & set(told.actions)
        assert Action.ALERT in told.actions
        assert "retrain" not in narrate(told, found)
        assert narrate(told, found).splitlines()[-1].startswith("Next step: Open the report and look for the cause")


def test_one_more_is_no_plural() -> None:
    """Six columns that are undecided for one reason are five by name and one more column."""
    checks = [
        replace(result(Check.CONSTANT, f"c{number}", status=Status.UNDECIDED, value=None), detail="no baseline")
        for number in range(6)
    ]
    assert verdict(*checks).reasons == ("c0, c1, c2, c3, c4 and 1 more column: constant undecided: no baseline",)
