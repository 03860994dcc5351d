"""One transaction of the store: all of it or nothing, on SQLite and PostgreSQL."""

from __future__ import annotations

import signal
import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from monitoring_tasks.errors import PromotionRefused, StoreUnavailable
from monitoring_tasks.store.database import Store, open_store
from tests.store.processes import die_afterwards, die_in_the_middle, everything, in_one, killed
from tests.store.samples import incident, letter, results, retraining, subject, verdict, window

PAGER = "pagerduty:pagerduty_events_default"


def written(store: Store) -> list[int]:
    """How many there are of each kind."""
    return [
        len(found)
        for found in (
            store.latest(),
            store.results(subject(1)) or [],
            store.performance("flight_delay"),
            store.retrainings(),
            store.canaries("flight_delay"),
            store.readings(),
            store.incidents(),
            store.transitions("i1"),
            store.letters(),
        )
    ]


ALL = [1, len(results()), 1, 1, 1, 1, 1, 1, 1]
NOTHING = [0] * len(ALL)


def test_all_of_a_transaction_is_kept(store: Store) -> None:
    """What is written in one transaction is there after it, equal to what single methods write; nothing is before."""
    with store.transaction() as transaction:
        everything(transaction)
        if store._engine.dialect.name == "postgresql":
            assert written(store) == NOTHING
    assert written(store) == ALL
    assert store.verdict(subject()) == verdict()
    assert store.results(subject()) == results()


class Lost(Exception):
    """Something that goes wrong on the way."""


@pytest.mark.parametrize("error", [Lost("x"), OSError("disk"), TimeoutError(), KeyboardInterrupt()], ids=repr)
def test_an_exception_leaves_nothing_and_passes(store: Store, error: BaseException) -> None:
    """Whatever goes wrong between two writes undoes both, and is told as what it is."""

    def fails(_: object) -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        in_one(store, everything, fails)
    assert caught.value is error
    assert written(store) == NOTHING


def test_a_refused_promotion_keeps_nothing(store: Store) -> None:
    """When a record loses its place, the incidents that it would have answered stay as they were."""
    store.put_retraining(retraining("other"))
    with pytest.raises(PromotionRefused):
        in_one(store, lambda it: it.put_incident(incident()), lambda it: it.put_retraining(retraining("mine")))
    assert store.incidents() == []
    assert [record.run for record in store.retrainings()] == ["other"]


def test_a_transaction_sees_what_it_wrote(store: Store) -> None:
    """What was written in it is read in it."""
    with store.transaction() as transaction:
        everything(transaction)
        assert transaction.open_incidents() == [incident()]
        assert transaction.incident("i1") == incident()
        assert transaction.told("i1") == {"slack:c:#ml"}
        assert transaction.post(letter()) is False


def test_a_second_transaction_waits_for_the_incidents(store: Store, store_url: str) -> None:
    """While one has the incidents, another that asks for them waits, and then sees what the first wrote."""
    seen: list[object] = []
    asked = threading.Event()

    def other() -> None:
        with open_store(store_url) as second:
            asked.set()
            with second.transaction() as transaction:
                transaction.lock_incidents()
                seen.extend(transaction.open_incidents())

    with store.transaction() as transaction:
        transaction.lock_incidents()
        thread = threading.Thread(target=other)
        thread.start()
        assert asked.wait(20)
        thread.join(0.3)
        assert thread.is_alive()
        transaction.put_incident(incident())
    thread.join(20)
    assert seen == [incident()]


def test_a_database_that_fails_half_way_is_unavailable(store: Store) -> None:
    """An error of the database in a transaction is `StoreUnavailable`, and nothing is kept."""
    with pytest.raises(StoreUnavailable, match="nowhere"):
        in_one(store, everything, lambda it: it._connection.exec_driver_sql("SELECT * FROM nowhere"))
    assert written(store) == NOTHING


def test_a_kill_leaves_all_or_nothing(store: Store, store_url: str) -> None:
    """A process killed before the end leaves no trace and no lock; one killed after it leaves everything."""
    assert killed(store_url, die_in_the_middle) == -signal.SIGKILL
    assert written(store) == NOTHING
    assert killed(store_url, die_afterwards) == -signal.SIGKILL
    assert written(store) == ALL
    with store.transaction() as transaction:
        transaction.lock_incidents()
        assert transaction.open_incidents() == [incident()]


def test_moments_of_writing_are_of_the_clock(store: Store) -> None:
    """A verdict written in a transaction says when, by the clock."""
    before = datetime.now(UTC)
    with store.transaction() as transaction:
        transaction.put_verdict(verdict(), [], report=None, run={})
    [stored] = store.latest()
    assert before <= stored.written_at <= datetime.now(UTC)
    assert stored.verdict.subject.window == window(0)


def test_what_was_never_tried_is_withdrawn(store: Store) -> None:
    """Of one incident, from one channel; what was tried, revived or sent stays as it is."""
    waits = letter(1, channel=PAGER)
    stay = [
        letter(2, channel=PAGER, attempts=1),
        letter(3, channel=PAGER, error="it was down"),
        letter(4, channel=PAGER, state="sent"),
        letter(5, channel="log"),
        letter(6, "other", channel=PAGER),
    ]
    with store.transaction() as transaction:
        for each in (waits, *stay):
            transaction.post(each)
    with store.transaction() as transaction:
        assert transaction.withdraw("i1", PAGER, by="i1-9-resolved") == 1
    assert [each for each in store.letters() if each.state == "bundled"] == [
        replace(waits, state="bundled", external={"told_by": "i1-9-resolved"})
    ]


def test_what_was_tried_is_not_amended(store: Store) -> None:
    """Its channel may have it, with the body that it had."""
    tried, fresh = letter(1, attempts=1), letter(2)
    with store.transaction() as transaction:
        transaction.post(tried)
        transaction.post(fresh)
        assert not transaction.amend(tried.key, tried.channel, {"title": "new"})
        assert transaction.amend(fresh.key, fresh.channel, {"title": "new"})
