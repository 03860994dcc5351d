"""Readings in the store, on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from monitoring_tasks.incidents.reading import Cause, Reading
from monitoring_tasks.store.database import Store
from monitoring_tasks.window import DAY, Window
from tests.store.samples import HOSTILE, NOON, reading, signal, window


def put(store: Store, *given: Reading, live: bool = True) -> None:
    """Store readings."""
    with store.transaction() as transaction:
        for each in given:
            transaction.put_reading(each, live=live)


def of_run(cause: Cause, *signals: Any) -> Reading:
    """A reading of how the run of a DAG went."""
    return reading(0, *signals, stream="run", covers=frozenset({cause}))


def test_what_is_put_comes_back_equal(store: Store) -> None:
    """Signals, columns and anchors read back equal; a healthy reading is kept as well."""
    given = [reading(0, signal(), signal("wind", Cause.DRIFT)), reading(1)]
    put(store, *given)
    assert store.readings() == given


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_come_back(store: Store, hostile: str) -> None:
    """Names of columns and words of reasons may be anything, and owners too."""
    given = reading(0, signal(hostile), owner=hostile, dag_id=hostile)
    put(store, given)
    assert store.readings() == [given]


@pytest.mark.parametrize(
    "change",
    [
        {"monitor": "other"},
        {"stream": "performance"},
        {"window": window(0, 2)},
        {"tick": window(1).end},
        {"dag_id": "performance_flight_delay"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_each_part_of_a_run_counts(store: Store, change: dict[str, Any]) -> None:
    """Readings of different runs are kept apart."""
    put(store, reading(), reading(**change))
    assert len(store.readings()) == 2


def test_a_rerun_replaces(store: Store) -> None:
    """A run that is cleared and judges anew, with other words on other causes, leaves one reading."""
    again = reading(0, signal("wind"), covers=frozenset({Cause.NO_DATA}), owner="new")
    put(store, reading(0, signal()), again)
    assert store.readings() == [again]


def test_runs_that_are_late_and_fail_have_both(store: Store) -> None:
    """How a run itself went is added to: what was told of it then stays true."""
    late, failed = of_run(Cause.LATE, signal("late", Cause.LATE)), of_run(Cause.FAILED, signal("failed", Cause.FAILED))
    put(store, late, failed, late)
    assert sorted(store.readings(), key=lambda each: sorted(each.covers)) == [failed, late]


@pytest.mark.parametrize(
    ("first", "second", "live"), [(True, False, True), (False, True, True), (True, True, True), (False, False, False)]
)
def test_once_live_stays_live(store: Store, first: bool, second: bool, live: bool) -> None:
    """A window that people were told of does not become a silent one by being computed again."""
    put(store, reading(0, signal()), live=first)
    put(store, reading(), live=second)
    assert store.readings(live=live) == [reading()]
    assert store.readings(live=not live) == []
    assert store.readings() == [reading()]


def test_readings_come_in_the_order_of_ticks(store: Store) -> None:
    """By tick, stream, monitor, then window, whatever the order of writing."""
    tick = window(5).end
    ordered = [
        reading(4, tick=tick - timedelta(microseconds=1), monitor="z"),
        reading(4, tick=tick),
        reading(5, tick=tick),
        reading(0, tick=tick, monitor="other"),
        reading(0, tick=tick, stream="performance"),
        reading(0, tick=tick, stream="run"),
        reading(3, tick=tick, stream="self_test"),
        reading(0, tick=tick + timedelta(days=1)),
    ]
    put(store, *reversed(ordered))
    assert store.readings() == ordered


def test_readings_of_a_monitor_and_of_a_span(store: Store) -> None:
    """A monitor's own; and those whose window lies wholly in the span."""
    put(store, *(reading(day) for day in range(4)), reading(1, monitor="other"), reading(window=window(1, 3)))
    assert len(store.readings("flight_delay")) == 5
    assert store.readings("other") == [reading(1, monitor="other")]
    assert store.readings("nobody") == []
    assert store.readings("flight_delay", window(1, 2)) == [reading(1), reading(2)]
    assert len(store.readings(span=Window(window(0).start, window(3).end))) == 6


def test_the_newest_tick(store: Store) -> None:
    """By ticks, not by windows or by when it was written; of live readings of one stream of one monitor; or None."""
    put(store, reading(3), reading(1), reading(9, monitor="other"), reading(8, stream="performance"))
    put(store, reading(5), live=False)
    assert store.newest_tick("flight_delay", "drift") == window(3).end
    assert store.newest_tick("flight_delay", "performance") == window(8).end
    assert store.newest_tick("flight_delay", "run") is None
    assert store.newest_tick("nobody", "drift") is None


def test_the_newest_tick_is_found_by_an_index(store: Store) -> None:
    """The watch of late runs asks often: it reads no table from end to end."""
    if store._engine.dialect.name == "sqlite":
        query = "EXPLAIN QUERY PLAN SELECT max(tick) FROM monitoring_readings WHERE monitor = 'a' AND stream = 'drift'"
        with store._engine.connect() as connection:
            assert "ix_monitoring_readings_monitor" in str(connection.execute(text(query)).all())


def test_old_readings_are_purged(store: Store) -> None:
    """Those written before a moment; but the newest that people could be told of stays, as the monitor's last word."""
    with store.transaction() as transaction:
        for day in range(4):
            transaction.put_reading(reading(day), live=day < 3)
            transaction.put_reading(reading(day, monitor="backfilled"), live=False)
    assert store.purge_readings(NOON) == 0
    assert store.purge_readings(datetime.now(UTC) + DAY) == 6
    assert store.readings() == [reading(2), reading(3)]
