"""Reports of self-tests in the store, on SQLite and PostgreSQL."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from sqlalchemy import text

from monitoring_tasks.canary.report import FaultRecall
from monitoring_tasks.store.database import Store, open_store
from tests.store.samples import HOSTILE, canary, window


def test_what_is_put_comes_back_equal(store: Store) -> None:
    """Every field reads back equal; an unknown monitor has none."""
    store.put_canary(canary())
    assert store.canaries("flight_delay") == [canary()]
    assert store.canaries("other") == []


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_come_back(store: Store, hostile: str) -> None:
    """Quotes, line ends, NUL, any script and great length survive in every text from outside."""
    fault = FaultRecall("mean_25", hostile, hostile, 7, (1,))
    report = canary(champion=hostile, config_hash=hostile, faults=(fault,), false_alarms=(hostile,))
    store.put_canary(report)
    assert store.canaries("flight_delay") == [report]


def test_writing_again_replaces(store: Store) -> None:
    """A window, champion and configuration have one report, the last one; each of them makes another."""
    store.put_canary(canary(rows=1))
    store.put_canary(canary())
    assert store.canaries("flight_delay") == [canary()]
    others = [canary(champion="v2"), canary(config_hash="beef"), canary(monitor="other"), canary(window=window(0, 2))]
    for other in others:
        store.put_canary(other)
    assert len(store.canaries("flight_delay")) == 4


def test_the_newest_window_comes_first(store: Store) -> None:
    """Ordered by window; of one window the last written; as many as are asked for."""
    for day in (2, 4, 3):
        store.put_canary(canary(day))
    store.put_canary(again := canary(4, champion="v2"))
    assert store.canaries("flight_delay") == [again, canary(4), canary(3), canary(2)]
    assert store.canaries("flight_delay", 2) == [again, canary(4)]
    store.put_canary(canary(4))
    assert store.canaries("flight_delay", 1) == [canary(4)]


def test_half_a_character_is_storable(store: Store) -> None:
    """A lone surrogate in the name of a column is kept."""
    report = replace(canary(), standing=("drift of half \ud83d",))
    store.put_canary(report)
    assert store.canaries("flight_delay") == [report]


def test_what_is_kept_is_readable(store: Store, store_url: str) -> None:
    """Other readers find columns and JSON, with the figures worked out."""
    store.put_canary(canary())
    with open_store(store_url) as second, second._engine.connect() as connection:
        row = connection.execute(text("SELECT monitor, champion, body FROM monitoring_canaries")).one()
    assert row[:2] == ("flight_delay", "v1.0.0-3f2a9c1b")
    body = json.loads(row.body)
    assert body["window"] == {"start": "2013-06-01T00:00:00Z", "end": "2013-06-02T00:00:00Z"}
    assert body["faults"][0]["recall_3"] == 2 / 3
    assert body["passed"] is False
