"""What the fraud world promises can fail: each check says so, in a sentence with what was found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from demo.worlds.fraud_retraining import Judged, Requested
from demo.worlds.fraud_story import check, retrainings_table, scenarios_table, tell
from demo.worlds.payment_logs import CENTS, PARTS, PATTERN, PORTFOLIO, WEEKS, tick, weeks, window_of
from demo.worlds.world import console
from monitoring_tasks.policy.verdict import Action, Outcome, Subject, Verdict
from monitoring_tasks.severity import Severity
from monitoring_tasks.store.records import RetrainingRecord
from monitoring_tasks.window import Window

LATE = 9
"""Weeks from one to the tick at which its labels are final."""
FIGURES = {"champion": 0.31, "challenger": 0.45, "difference": 0.14, "low": 0.06, "high": 0.22}


def verdict(week: int, reason: str = "", *actions: Action) -> Verdict:
    """A verdict on a week, healthy without a reason."""
    subject = Subject("fraud", "v1.0.0", window_of(week), "0" * 16)
    if not reason:
        return Verdict(subject, Outcome.HEALTHY, Severity.NONE, (), ("all checks passed",), {})
    outcome = Outcome.DEGRADED if "precision" in reason else Outcome.DRIFTED
    return Verdict(subject, outcome, Severity.HIGH, (Action.ALERT, *actions), (reason,), {})


def figures(week: int) -> Verdict:
    """The verdict on the figures of a week."""
    worse = PATTERN.holds(week)
    return verdict(week, "average_precision: worse" if worse else "", *([Action.RETRAIN] if worse else []))


def drift(week: int) -> Verdict:
    """The verdict on the rows of a week."""
    if PORTFOLIO.holds(week):
        return verdict(week, "merchant_category: severe drift", Action.RETRAIN)
    if CENTS.holds(week):
        return verdict(week, "probable cause: amount_ratio: a unit change?", Action.BLOCK_RETRAINING)
    return _parts(week) if PARTS.holds(week) else verdict(week)


def _parts(week: int) -> Verdict:
    """Found at once, and asked about in the second week."""
    return verdict(week, "payments_24h: drift", *([Action.RETRAIN] if week > PARTS.first else []))


def story() -> list[Judged]:
    """The weeks as they should be."""
    known = {week: figures(week - LATE).to_json() for week in weeks() if week > LATE}
    return [Judged(week, drift(week).to_json(), known.get(week)) for week in weeks()]


def requested(week: int, origin: str, state: str, *, decision: str = "", code: str = "admitted") -> Requested:
    """A retraining that was asked for in a week."""
    record = RetrainingRecord(
        monitor="fraud",
        run=f"{origin} {week}",
        origin=origin,  # type: ignore[arg-type]
        reason="drift",
        state=state,  # type: ignore[arg-type]
        requested_at=tick(week),
        window_end=tick(week),
        training=Window(tick(week) - timedelta(days=90), tick(week)),
        decided_by="ada" if decision else None,
        verdict={"decision": decision, "primary": FIGURES} if decision else None,
    )
    return Requested(week, record, code)


def retrainings() -> list[Requested]:
    """The requests as they should end."""
    return [
        requested(PORTFOLIO.first, "drift", "declined", decision="inconclusive"),
        requested(PATTERN.first + LATE, "performance", "refused", code="cooldown"),
        requested(WEEKS, "drift", "promoted", decision="promote"),
    ]


def failures(judged: Iterable[Judged] = (), ends: Iterable[Requested] = ()) -> str:
    """What does not hold of a story of which some weeks or requests are others."""
    changed = {each.week: each for each in judged}
    weeks_judged = [changed.get(each.week, each) for each in story()]
    others = {each.week: each for each in ends}
    answers = [others.get(each.week, each) for each in retrainings()]
    return "\n".join(check(weeks_judged, tell(weeks_judged, answers), answers))


def test_the_story_as_it_should_be_holds(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is said against it, and the tables say what was found, when, and what was asked for."""
    assert failures() == ""
    told = tell(story(), retrainings())
    assert [each.week for each in told] == [PATTERN.first + LATE, PORTFOLIO.first, CENTS.first, PARTS.first]
    asked = [each.asked for each in told]
    assert asked[:3] == ["retraining, refused (cooldown)", "retraining, declined", "alert; retraining is blocked"]
    assert asked[3] == f"alert; in week {WEEKS} retraining, promoted"
    console.print(scenarios_table(told))
    console.print(retrainings_table(retrainings()))
    said = capsys.readouterr().out
    assert "one processor" in said
    assert "+0.140" in said


def test_an_alarm_in_the_clean_half_is_told() -> None:
    """A week in which nothing happens must be healthy, before the scenarios and between them."""
    for week in (3, 30):
        assert f"(found [{week}])" in failures([Judged(week, verdict(week, "amount: drift").to_json(), None)])


def test_worse_figures_of_a_clean_week_are_told() -> None:
    """So are figures that are worse while nobody does anything new."""
    week = 5 + LATE
    worse = Judged(week, verdict(week).to_json(), verdict(5, "average_precision: worse").to_json())
    assert "the figures of the clean weeks are well (found [5] of" in failures([worse])


@pytest.mark.parametrize("scenario", [PORTFOLIO, CENTS, PARTS])
def test_what_is_not_found_is_told(scenario: object) -> None:
    """A scenario of which no verdict speaks is named."""
    assert isinstance(scenario, type(PARTS))
    missed = [Judged(week, verdict(week).to_json(), None) for week in weeks() if scenario.holds(week)]
    assert f"'{scenario.name}' is found by week" in failures(missed)


def test_what_is_found_by_another_name_is_not_found() -> None:
    """An alarm that names something else is no finding of the scenario."""
    week = CENTS.first
    other = verdict(week, "amount: severe drift", Action.RETRAIN)
    said = failures([Judged(week, other.to_json(), None)])
    assert f"'{CENTS.name}' is found" in said
    assert "amounts in cents are not learnt" in said


@pytest.mark.parametrize(
    ("end", "sentence"),
    [
        (requested(PORTFOLIO.first, "drift", "promoted", decision="promote"), "nothing new is not put in place"),
        (requested(WEEKS, "drift", "declined", decision="inconclusive"), "is better, and promoted (found ('inconcl"),
        (requested(WEEKS, "drift", "refused", code="cooldown"), "two retrainings are admitted"),
    ],
)
def test_another_end_of_a_retraining_is_told(end: Requested, sentence: str) -> None:
    """What the gate should have said is known from what was put into the payments."""
    assert sentence in failures(ends=[end])


def test_a_request_that_nobody_answered_is_no_answer() -> None:
    """A verdict that asks for a retraining of which there is no record says only that."""
    told = tell(story(), [replace(each, week=1) for each in retrainings()])
    assert [each.asked for each in told][1] == "retraining"
