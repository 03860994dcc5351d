"""Retrainings in the store, on SQLite and PostgreSQL."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from monitoring_tasks.errors import PromotionRefused
from monitoring_tasks.store.database import Store, open_store
from monitoring_tasks.store.queries import digest
from monitoring_tasks.store.records import OPEN_STATES, RETRAINING_STATES
from tests.store.samples import HOSTILE, retraining, window, write_back

LAPSE = timedelta(hours=1)
ENDS = sorted(set(RETRAINING_STATES) - OPEN_STATES)


def test_what_is_put_comes_back_equal(store: Store) -> None:
    """Every field reads back equal, those that were left out too."""
    moment = window(21).start
    full = retraining(
        challenger="beef",
        branch="retrain/r1",
        state="rejected",
        verdict={"decision": "reject", "difference": 0.1 + 0.2, "interval": [-0.5, 5e-324], "days": None},
        outcome="the interval holds 0",
        decided_by="the gate",
        closed_at=moment,
    )
    bare = replace(retraining("r2"), requested_by=None, champion={}, training=None, evaluation=None, snapshot="")
    for record in (full, bare):
        store.put_retraining(record)
        assert store.retraining("flight_delay", record.run) == record
    assert store.retrainings() == [full, bare] or store.retrainings() == [bare, full]


def test_unknown_retrainings_are_none(store: Store) -> None:
    """A run, or a monitor, that asked for nothing has nothing."""
    store.put_retraining(retraining())
    assert store.retraining("flight_delay", "r2") is None
    assert store.retraining("other", "r1") is None
    assert store.retrainings("other") == []


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_come_back(store: Store, hostile: str) -> None:
    """Quotes, line ends, NUL, any script and great length survive in every text field."""
    record = retraining(
        hostile,
        reason=hostile,
        outcome=hostile,
        requested_by=hostile,
        decided_by=hostile,
        challenger=hostile,
        branch=hostile,
        verdict={hostile: [hostile]},
        champion={hostile: hostile},
    )
    assert store.open_retraining(record, lapse=LAPSE) == (record, True)
    store.put_retraining(record)
    assert store.retraining("flight_delay", hostile) == record
    assert store.retrainings("flight_delay") == [record]


def test_half_a_character_is_storable(store: Store) -> None:
    """A lone surrogate, which a broken log line can hold, is kept where people's words are."""
    record = retraining(outcome="half \ud83d of it")
    store.put_retraining(record)
    assert store.retraining("flight_delay", "r1") == record


def test_a_verdict_that_is_no_json_is_refused(store: Store) -> None:
    """NaN in a verdict cannot be stored; nothing is."""
    with pytest.raises(ValueError, match="JSON"):
        store.put_retraining(retraining(verdict={"difference": float("nan")}))
    assert store.retrainings() == []


def test_writing_again_replaces(store: Store) -> None:
    """A run has one record, the last one."""
    store.put_retraining(retraining())
    store.put_retraining(retraining(state="published", branch="retrain/r1"))
    assert [record.state for record in store.retrainings()] == ["published"]


def test_the_newest_request_comes_first(store: Store) -> None:
    """Records are ordered by request, of one monitor or of all."""
    for day in (12, 14, 13):
        store.put_retraining(retraining(f"r{day}", day, state="rejected"))
    store.put_retraining(retraining("other", 15, monitor="other"))
    assert [record.run for record in store.retrainings()] == ["other", "r14", "r13", "r12"]
    assert [record.run for record in store.retrainings("flight_delay")] == ["r14", "r13", "r12"]


def test_one_retraining_of_a_monitor_is_open(store: Store) -> None:
    """A second run is told of the first until that ends; other monitors are not concerned."""
    first, second = retraining("r1"), retraining("r2")
    assert store.open_retraining(first, lapse=LAPSE) == (first, True)
    assert store.open_retraining(second, lapse=LAPSE) == (first, False)
    assert store.retraining("flight_delay", "r2") is None
    other = retraining("r2", monitor="other")
    assert store.open_retraining(other, lapse=LAPSE) == (other, True)
    store.put_retraining(replace(first, state="promoted"))
    assert store.open_retraining(second, lapse=LAPSE) == (second, True)


@pytest.mark.parametrize("state", RETRAINING_STATES)
def test_a_run_joins_its_own(store: Store, state: str) -> None:
    """A run that asks again, after a crash or because it was cleared, begins anew with what it says now."""
    store.put_retraining(retraining(state=state, snapshot="old"))
    assert store.open_retraining(retraining(snapshot="new"), lapse=LAPSE) == (retraining(snapshot="new"), True)
    assert store.retrainings() == [retraining(snapshot="new")]


@pytest.mark.parametrize("state", sorted(OPEN_STATES))
def test_every_open_state_holds_the_place(store: Store, state: str) -> None:
    """In each state that is no end the retraining keeps others out."""
    store.put_retraining(retraining(state=state))
    assert store.open_retraining(retraining("r2"), lapse=LAPSE) == (retraining(state=state), False)


@pytest.mark.parametrize("state", ENDS)
def test_an_end_frees_the_place(store: Store, state: str) -> None:
    """After any end another may open, and the one that ended stays as it is."""
    store.put_retraining(retraining(state=state))
    assert store.open_retraining(retraining("r2"), lapse=LAPSE)[1]
    assert store.retraining("flight_delay", "r1") == retraining(state=state)


def test_an_abandoned_retraining_lapses(store: Store) -> None:
    """One that was not written for longer than `lapse` is closed as failed, says why, and gives its place away."""
    store.put_retraining(retraining(state="scored"))
    write_back(store, timedelta(minutes=59))
    assert not store.open_retraining(retraining("r2"), lapse=LAPSE)[1]
    write_back(store, timedelta(minutes=61))
    assert store.open_retraining(retraining("r2"), lapse=LAPSE) == (retraining("r2"), True)
    lapsed = store.retraining("flight_delay", "r1")
    assert lapsed is not None
    assert (lapsed.state, lapsed.open) == ("failed", False)
    assert lapsed.outcome.startswith("lapsed: it was scored and nothing was heard of it since 20")
    assert lapsed.closed_at is not None


def test_every_write_counts_as_a_sign_of_life(store: Store) -> None:
    """The time to lapse runs from the last write, and asking again is one."""
    store.put_retraining(retraining())
    for sign in (store.put_retraining, lambda record: store.open_retraining(record, lapse=LAPSE)):
        write_back(store, timedelta(minutes=61))
        sign(retraining())
        assert not store.open_retraining(retraining("r2"), lapse=LAPSE)[1]


def test_a_lapsed_run_cannot_go_on_beside_another(store: Store) -> None:
    """A run that lost its place is told so when it writes, and may still say how it ended."""
    store.put_retraining(retraining("r1"))
    write_back(store, timedelta(minutes=61))
    store.open_retraining(retraining("r2"), lapse=LAPSE)
    told = r"retraining r1 of flight_delay cannot go on: r2 took its place and is requested since 20.*ask again"
    with pytest.raises(PromotionRefused, match=told) as caught:
        store.put_retraining(retraining("r1", state="published"))
    assert not caught.value.retryable
    store.put_retraining(retraining("r1", state="failed", outcome="too late"))
    assert [record.state for record in store.retrainings()].count("requested") == 1


@pytest.mark.parametrize("state", sorted(OPEN_STATES))
def test_the_database_itself_holds_one_open_retraining(store: Store, state: str) -> None:
    """A writer that looks at nothing cannot open a second one either."""
    store.put_retraining(retraining())
    statement = text(
        "INSERT INTO monitoring_retrainings (digest, monitor, run, state, window_end, requested_at, body, written_at) "
        "SELECT :digest, monitor, 'r2', :state, window_end, requested_at, body, written_at FROM monitoring_retrainings"
    )
    with (
        pytest.raises(IntegrityError),
        store._engine.connect().execution_options(writes=True) as connection,
        connection.begin(),
    ):
        connection.execute(statement, {"digest": digest("flight_delay", "r2"), "state": state})


def test_what_is_kept_is_readable(store: Store, store_url: str) -> None:
    """Other readers find columns and JSON."""
    store.put_retraining(retraining(state="rejected", closed_at=window(21).start))
    with open_store(store_url) as second, second._engine.connect() as connection:
        row = connection.execute(text("SELECT monitor, run, state, body FROM monitoring_retrainings")).one()
    assert row[:3] == ("flight_delay", "r1", "rejected")
    assert json.loads(row.body)["training"] == {"start": "2013-06-01T00:00:00Z", "end": "2013-06-11T00:00:00Z"}
