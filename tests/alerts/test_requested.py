"""The next step where a run asks for the retraining by itself: only what is known when people are told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitoring_tasks.alerts.composing import compose
from monitoring_tasks.alerts.requested import Request
from monitoring_tasks.incidents.reading import Cause
from monitoring_tasks.policy.verdict import Action, Outcome
from monitoring_tasks.store.records import RetrainingRecord, RetrainingState
from monitoring_tasks.window import parse_moment
from tests.alerts.samples import EVIDENCE, change, told, verdict

LOOK = "The drift persists: look at the report. "
RECORD = RetrainingRecord(
    "flight_delay", "one", "drift", "", "refused", parse_moment("2013-06-10"), parse_moment("2013-06-10"),
    outcome="the cooldown is 7 days",
)  # fmt: skip


def step(request: Request | None, **changes: object) -> str:
    """The step of a letter about drift in the windows from 2013-06-09 on."""
    return compose(change(), replace(told(verdict=verdict(**changes)), request=request)).step


@pytest.mark.parametrize(
    ("approval", "said"),
    [
        ("manual", "its challenger passes the gate, its approval is asked in Airflow (Required Actions)."),
        ("auto_if_superior", "a challenger that is better is put in place by itself"),
        ("never", "its challenger is judged, and nothing is put in place."),
    ],
)
def test_it_is_asked_for_and_whoever_reads_learns_what_follows(approval: str, said: str) -> None:
    """Whether it is admitted is not known yet, and what comes then is as the monitor says."""
    found = step(Request(approval))
    assert found.startswith(f"{LOOK}A retraining is asked for now: if it is admitted, ")
    assert said in found
    assert "trigger" not in found


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("requested", "No other retraining is asked for: one is under way since 2013-06-10T00:00:00Z (requested)."),
        ("awaiting", "No other retraining is asked for: one waits for an answer in Airflow (Required Actions)."),
    ],
)
def test_one_that_is_under_way_is_named(state: RetrainingState, said: str) -> None:
    """A model has one at a time."""
    assert step(Request(under_way=replace(RECORD, state=state, outcome=""))) == LOOK + said


def test_a_refusal_is_told_where_it_is_of_the_same_incident() -> None:
    """A reminder says that the one before was refused and why; one of long ago says nothing of this drift."""
    assert step(Request(last=RECORD)).endswith(" The last one was refused: the cooldown is 7 days.")
    for other in (replace(RECORD, window_end=parse_moment("2013-06-09")), replace(RECORD, state="rejected")):
        assert "last one" not in step(Request(last=other))
    assert "last one" not in Request(last=RECORD).step(verdict())


def test_one_that_was_asked_for_before_is_not_asked_for_again() -> None:
    """A window that is judged again says what became of it."""
    assert step(Request(made=RECORD)) == f"{LOOK}A retraining was asked for, and was refused: the cooldown is 7 days."
    ended = replace(RECORD, state="no_new_data", outcome="")
    assert step(Request(made=ended)) == f"{LOOK}A retraining was asked for, and ended no new data."


def test_why_none_is_asked_for() -> None:
    """Such as that another champion is in use."""
    assert step(Request(quiet="v2 took its place")) == f"{LOOK}No retraining is asked for: v2 took its place."


def test_without_a_request_a_person_is_to_do_it() -> None:
    """A model that is watched only, and a page that knows nothing of a run."""
    assert step(None) == "The drift persists: look at the report, then retrain the model."


def test_what_asks_for_no_retraining_says_nothing_of_one() -> None:
    """A data fault that blocks it, and a model that answers with text, whatever the run would do."""
    blocked = step(Request(), actions=(Action.ALERT, Action.BLOCK_RETRAINING))
    assert "retraining stays blocked until the data is sound" in blocked
    text = step(Request(), actions=(Action.ALERT,), evidence={**EVIDENCE, "retrainable": False})
    assert text.startswith("Open the report and look for the cause: what was released")
    fault = replace(told(verdict=verdict(actions=(Action.BLOCK_RETRAINING,))), request=Request())
    assert compose(change(cause=Cause.DATA_QUALITY), fault).step.endswith(
        "Retraining stays blocked until the data is sound."
    )
    assert "asked for" not in step(Request(), outcome=Outcome.NO_DATA, actions=(Action.ALERT,))
