"""Admission: each rule by example, its sentence word by word, and what must hold for any history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.retraining.admission import Admission, admit
from monitoring_tasks.retraining_section import Budget, Retraining
from monitoring_tasks.store.records import OPEN_STATES, RETRAINING_STATES, RetrainingRecord
from monitoring_tasks.window import Window

DAY = timedelta(days=1)
START = datetime(2013, 8, 5, tzinfo=UTC)
ENDS = sorted(set(RETRAINING_STATES) - OPEN_STATES)
CALM = Retraining(cooldown=timedelta(minutes=1), budget=Budget(trainings=1000))


def record(day: float = 0, run: str = "asked", **changes: Any) -> RetrainingRecord:
    """A retraining whose window ends `day` days after 2013-08-05, of rows of its own."""
    end = START + day * DAY
    fields: dict[str, Any] = {
        "monitor": "flight_delay",
        "run": run,
        "origin": "drift",
        "reason": "temp drifted",
        "state": "rejected",
        "requested_at": end + timedelta(hours=6),
        "window_end": end,
        "champion": {"version": "v1.0.0-3f2a9c1b", "number": 2, "revision": "3f2a9c1b"},
        "training": Window(end - 90 * DAY, end),
        "snapshot": run,
    }
    return RetrainingRecord(**{**fields, **changes})


ASKED = record(state="requested")
SAME = {"training": ASKED.training, "snapshot": ASKED.snapshot}


def section(cooldown: float = 7, trainings: int = 4, period: float = 90) -> Retraining:
    """The section with these lengths in days."""
    return Retraining(cooldown=cooldown * DAY, budget=Budget(trainings=trainings, period=period * DAY))


def code(asked: RetrainingRecord = ASKED, within: Retraining | None = None, **circumstances: Any) -> str:
    """The code of an admission."""
    return admit(within or section(), asked, **{"past": (), **circumstances}).code


def test_a_first_training_is_admitted() -> None:
    """Nothing asked before, nothing refused."""
    assert admit(section(), ASKED, past=()) == Admission(
        True, "admitted", "asked for by drift with rows up to 2013-08-05: temp drifted"
    )


def test_the_cooldown_s_sentence() -> None:
    """Ends of windows, their distance, the setting and the first end that is free are told."""
    past = [record(-3, "a", state="promoted")]
    assert admit(section(), ASKED, past=past) == Admission(
        False,
        "cooldown",
        "the last training's window ended 2013-08-02, 3 days before this one's; the cooldown is 7 days "
        "(retraining.cooldown). Force it, or wait until 2013-08-09",
    )


def test_a_later_training_cools_an_earlier_window() -> None:
    """A window of the past that is trained late keeps its distance too; hours are told where there are any."""
    past = [record(1.5, "a"), record(8, "b")]
    assert admit(section(), ASKED, past=past).reason == (
        "a later training's window ended 2013-08-06T12:00:00Z, 36 hours after this one's; the cooldown is 7 days "
        "(retraining.cooldown). Force it, or wait until 2013-08-20"
    )


def test_the_same_window_end_is_told_as_such() -> None:
    """Two monitors' worth of reasons on one day are one training."""
    assert "2013-08-05, at the same moment as this one's;" in admit(section(), ASKED, past=[record(0, "a")]).reason


def test_the_cooldown_ends_with_its_last_moment() -> None:
    """Exactly the cooldown apart is apart; a minute less is not."""
    for side in (-1, 1):
        assert code(past=[record(side * 7, "a")]) == "admitted"
        assert code(past=[record(side * (7 - 1 / 1440), "a")]) == "cooldown"


@pytest.mark.parametrize("state", ENDS)
def test_which_ends_cool(state: str) -> None:
    """What left nothing to compare does not put off the next training."""
    free = {"failed", "refused", "no_new_data", "rolled_back"}
    assert code(past=[record(-3, "a", state=state)]) == ("admitted" if state in free else "cooldown")


@pytest.mark.parametrize("state", ENDS)
def test_which_ends_cost(state: str) -> None:
    """Every training that began counts, failed ones too."""
    within = section(cooldown=0.001, trainings=1)
    free = {"refused", "rolled_back"}
    assert code(within=within, past=[record(-3, "a", state=state)]) == ("admitted" if state in free else "budget")


def test_the_budget_s_sentence() -> None:
    """How many, between which ends, the setting and the first end that is free are told."""
    past = [record(-day, f"r{day}", state="failed") for day in (100, 80, 50, 20)]
    assert admit(section(trainings=3), ASKED, past=past) == Admission(
        False,
        "budget",
        "3 trainings, failed ones too, had window ends within 90 days of 2013-08-05 (2013-05-17 to 2013-07-16); the "
        "budget is 3 in 90 days (retraining.budget). Force it, or wait until 2013-08-15",
    )
    assert code(within=section(trainings=4), past=past) == "admitted"


def test_one_in_the_period_is_told_in_the_singular() -> None:
    """A budget of one."""
    reason = admit(section(trainings=1), ASKED, past=[record(20, "a")]).reason
    assert reason.startswith("1 training, failed ones too, had window ends within 90 days of 2013-08-05 (2013-08-25")


def test_rollbacks_cost_nothing_and_cool_nothing() -> None:
    """A rollback trains nothing, however it ended; a comparison made anew is no second training."""
    within = section(trainings=1)
    for state in RETRAINING_STATES:
        if state not in OPEN_STATES:
            assert code(within=within, past=[record(-1, "a", origin="rollback", state=state)]) == "admitted"
    again = [record(-30, "a", origin="again"), record(-30, "b", state="superseded")]
    assert code(within=section(trainings=2), past=again) == "admitted"
    assert code(within=section(trainings=1), past=again) == "budget"


@pytest.mark.parametrize("origin", ["drift", "performance", "alert", "manual", "schedule"])
def test_whatever_asks_keeps_cooldown_and_budget(origin: str) -> None:
    """An alert of Prometheus has no way around them, nor is what it trained forgotten."""
    asked, before = replace(ASKED, origin=origin), record(-3, "a", origin=origin)
    assert code(asked, past=[before]) == "cooldown"
    assert code(asked, section(cooldown=1, trainings=1), past=[before]) == "budget"
    assert code(asked, past=[], blocked=["temp: out of range"]) == "data_quality"


def test_the_same_data_is_not_trained_twice() -> None:
    """Window, rows and champion are those of the last one: it says which, how it ended, and what to do."""
    past = [record(-1, "last", **SAME)]
    assert admit(CALM, ASKED, past=past) == Admission(
        False,
        "same_data",
        "the rows from 2013-05-07 to 2013-08-05 (snapshot asked) and the champion are those of retraining last, which "
        "ended rejected: trained again they give the same. Force it, or ask with a later window end",
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"training": Window(START - 91 * DAY, START)},
        {"snapshot": "other"},
        {"champion": {"revision": "beef"}},
        {"champion": {}},
        {"training": None},
    ],
)
def test_each_part_of_the_data_counts(changes: dict[str, Any]) -> None:
    """Another window, other rows or another champion make another challenger."""
    assert code(within=CALM, past=[record(-1, "last", **{**SAME, **changes})]) == "admitted"


@pytest.mark.parametrize("state", ENDS)
def test_which_ends_are_worth_remembering(state: str) -> None:
    """One that failed may be tried again with the same data; one that made nothing new would make nothing again."""
    free = {"failed", "refused", "rolled_back"}
    past = [record(-1, "last", state=state, **SAME)]
    assert code(within=CALM, past=past) == ("admitted" if state in free else "same_data")


def test_only_the_newest_training_is_compared() -> None:
    """Same data as two trainings ago is not same data; a failure or a rollback in between changes nothing."""
    same, other = record(-2, "same", **SAME), record(-1, "other")
    assert code(within=CALM, past=[same, other]) == "admitted"
    for change in ({"state": "failed"}, {"state": "refused"}, {"state": "rolled_back", "origin": "rollback"}):
        assert code(within=CALM, past=[same, replace(other, **change)]) == "same_data"


def test_unknown_rows_are_not_the_same() -> None:
    """Without a snapshot or a window nothing can be said of the rows."""
    for change in ({"snapshot": ""}, {"training": None}):
        asked = replace(ASKED, **change)
        assert (
            code(asked, CALM, past=[replace(asked, run="last", state="rejected", window_end=START - DAY)]) == "admitted"
        )


@pytest.mark.parametrize("state", sorted(OPEN_STATES))
def test_one_is_open_at_a_time(state: str) -> None:
    """An open one of another run refuses, whatever its window; the run's own does not."""
    found = admit(section(), ASKED, past=[record(-300, "first", state=state)], force=True)
    assert (found.admitted, found.code) == (False, "open")
    assert found.reason.startswith(
        f"retraining first of flight_delay, asked for at 2012-10-09T06:00:00Z, is {state}, and"
    )
    assert code(past=[replace(ASKED, state=state)]) == "admitted"


def test_other_monitors_are_not_concerned() -> None:
    """Records of other monitors change nothing."""
    past = [record(0, "a", state=state, monitor="other", **SAME) for state in RETRAINING_STATES]
    assert code(within=section(trainings=1), past=past) == "admitted"


def test_faults_of_the_data_are_listed() -> None:
    """Three faults are told, more are counted."""
    told = admit(section(), ASKED, past=(), blocked=("temp: out of range", "b", "c", "d", "e"))
    assert told.code == "data_quality"
    assert told.reason.startswith("the newest data must not be learnt: temp: out of range; b; c; and 2 more. Correct")
    assert "more" not in admit(section(), ASKED, past=(), blocked=("a", "b", "c")).reason


def test_the_first_rule_that_refuses_is_given() -> None:
    """In the order: backfill, faults of the data, another open, same data, cooldown, budget."""
    within = section(trainings=1)
    last = record(-1, "last", **SAME)
    circumstances: list[tuple[str, dict[str, Any]]] = [
        ("backfill", {"past": [last, record(1, "open", state="scored")], "blocked": ("a",), "silent": True}),
        ("data_quality", {"past": [last, record(1, "open", state="scored")], "blocked": ("a",)}),
        ("open", {"past": [last, record(1, "open", state="scored")]}),
        ("same_data", {"past": [last]}),
        ("cooldown", {"past": [replace(last, snapshot="other")]}),
        ("budget", {"past": [record(-10, "last")]}),
        ("admitted", {"past": []}),
    ]
    assert [code(within=within, **given) for _, given in circumstances] == [expected for expected, _ in circumstances]


def test_force_says_what_it_overrode() -> None:
    """A forced training's reason names the rule, and no rule where none stood in its way."""
    reason = admit(section(), ASKED, past=[record(-3, "a")], force=True).reason
    assert reason.endswith("temp drifted; forced, although it would be refused for cooldown")
    assert "forced" not in admit(section(), ASKED, past=[], force=True).reason


PAST = st.lists(
    st.builds(
        record,
        day=st.integers(-2000, 2000).map(lambda hours: hours / 24),
        run=st.sampled_from([f"r{number}" for number in range(12)]),
        state=st.sampled_from(RETRAINING_STATES),
        origin=st.sampled_from(["drift", "manual", "schedule", "again", "rollback"]),
        snapshot=st.sampled_from(["asked", "other"]),
        training=st.sampled_from([ASKED.training, None]),
    ),
    max_size=10,
    unique_by=lambda made: made.run,
)
ENDED = PAST.map(lambda past: [made for made in past if not made.open])
SECTIONS = st.builds(section, st.integers(1, 30), st.integers(1, 5), st.integers(1, 100))


@given(SECTIONS, PAST, st.booleans(), st.lists(st.just("fault"), max_size=2))
def test_force_never_overrides_what_is_final(
    within: Retraining, past: list[RetrainingRecord], silent: bool, blocked: list[str]
) -> None:
    """With force an admission is refused exactly for a backfill, faults of the data, or another that is open."""
    found = admit(within, ASKED, past=past, blocked=blocked, force=True, silent=silent)
    assert found.admitted == (not (silent or blocked or any(made.open for made in past)))


@given(SECTIONS, PAST, st.integers(0, 5), st.integers(0, 30))
def test_more_room_never_refuses(within: Retraining, past: list[RetrainingRecord], more: int, less: int) -> None:
    """A larger budget and a shorter cooldown admit whatever a smaller and a longer one did."""
    wider = within.model_copy(
        update={
            "budget": Budget(trainings=within.budget.trainings + more, period=within.budget.period),
            "cooldown": max(within.cooldown - less * DAY, DAY / 24),
        }
    )
    assert admit(wider, ASKED, past=past).admitted >= admit(within, ASKED, past=past).admitted


@given(SECTIONS, PAST)
def test_refused_records_and_order_change_nothing(within: Retraining, past: list[RetrainingRecord]) -> None:
    """What was refused leaves no trace, and the order in which history is told does not matter."""
    found = admit(within, ASKED, past=past)
    assert admit(within, ASKED, past=[made for made in past if made.state != "refused"]) == found
    assert admit(within, ASKED, past=past[::-1]) == found


@given(SECTIONS, ENDED)
def test_the_told_end_is_the_first_free_one(within: Retraining, past: Sequence[RetrainingRecord]) -> None:
    """Asked for at the moment that a refusal names it is admitted, and at no whole hour before that."""
    others = [replace(made, snapshot="other") for made in past]
    found = admit(within, ASKED, past=others)
    if found.admitted:
        return
    told = datetime.fromisoformat(found.reason.rsplit(" ", 1)[1]).replace(tzinfo=UTC)
    moments = [START + timedelta(hours=hour) for hour in range(0, int((told - START) / timedelta(hours=1)), 7)]
    admitted = [admit(within, replace(ASKED, window_end=end), past=others).admitted for end in [*moments, told]]
    assert admitted == [False] * len(moments) + [True]


def test_records_may_come_in_any_order() -> None:
    """The newest is the one asked for last, wherever it stands."""
    past = [record(-3, "a"), record(-2, "b", **SAME), record(-4, "c")]
    assert {code(within=CALM, past=list(order)) for order in permutations(past)} == {"same_data"}
