"""Incidents and their transitions in the store, on SQLite and PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from monitoring_tasks.errors import StoreUnavailable
from monitoring_tasks.incidents.incident import Incident, State
from monitoring_tasks.store.database import Store
from monitoring_tasks.window import DAY
from tests.store.processes import in_one
from tests.store.samples import HOSTILE, NOON, incident, letter, member, resolved, transition


def put(store: Store, *given: Incident) -> None:
    """Store incidents."""
    with store.transaction() as transaction:
        for each in given:
            transaction.put_incident(each)


def open_ones(store: Store) -> list[Incident]:
    """Open incidents as a transaction finds them."""
    with store.transaction() as transaction:
        return transaction.open_incidents()


def test_what_is_put_comes_back_equal(store: Store) -> None:
    """Every field reads back equal: members, mute, and how it ended."""
    for given in (incident(), incident("i2", members=(member(), member("other"))), resolved("i3")):
        put(store, given)
        assert store.incident(given.id) == given
        with store.transaction() as transaction:
            assert transaction.incident(given.id) == given


def test_an_unknown_incident_is_none(store: Store) -> None:
    """What never was has neither state nor transitions."""
    assert store.incident("i1") is None
    assert store.incidents() == []
    assert store.transitions("i1") == []
    with store.transaction() as transaction:
        assert transaction.incident("i1") is None
        assert transaction.open_incidents() == []


@pytest.mark.parametrize("hostile", [*HOSTILE[:5], *HOSTILE[7:], "half \ud83d of it"], ids=str)
def test_hostile_ids_are_looked_for(store: Store, hostile: str) -> None:
    """Whatever a person types for an id or a monitor is found or not found, without an error."""
    assert store.incident(hostile) is None
    assert store.incidents(hostile) == []
    given = incident(hostile, members=(member(hostile),))
    put(store, given)
    with store.transaction() as transaction:
        transaction.add_transition(transition(incident=hostile))
        assert transaction.told(hostile) == set()
    assert store.incident(hostile) == given
    assert store.incidents(hostile) == [given]
    assert store.transitions(hostile) == [transition(incident=hostile)]


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_come_back(store: Store, hostile: str) -> None:
    """Columns, reasons, and what people wrote survive as they are."""
    given = incident(text=hostile, resolution=hostile)
    put(store, given)
    with store.transaction() as transaction:
        transaction.add_transition(transition(by=hostile, reason=hostile))
    assert store.incident("i1") == given
    assert store.transitions("i1") == [transition(by=hostile, reason=hostile)]


@pytest.mark.parametrize("half", ["half \ud83d of it", "\udc00", "\\ud83d", "\\\ud83d\\u"])
def test_half_a_character_is_storable(store: Store, half: str) -> None:
    """A lone surrogate, which a byte of a command line can be, is kept; text that looks like the escape is not one."""
    put(store, incident())
    with store.transaction() as transaction:
        transaction.add_transition(transition(reason=half, by=half))
    assert store.transitions("i1") == [transition(reason=half, by=half)]


def test_how_it_stands_replaces_how_it_stood(store: Store) -> None:
    """An incident has one row, the last one."""
    put(store, incident())
    now = incident(members=(member(), member("other")), state=State.OPEN, mute=None, number=4)
    put(store, now, now)
    assert store.incidents() == [now]
    assert open_ones(store) == [now]
    put(store, resolved())
    assert store.incidents() == [resolved()]
    assert open_ones(store) == []


def test_open_incidents_come_oldest_first(store: Store) -> None:
    """Acknowledged and muted ones are open; of two of one tick the order is by id; resolved ones are left out."""
    states = [State.OPEN, State.ACKNOWLEDGED, State.MUTED]
    given = [incident(f"i{day}", day, state=state) for day, state in enumerate(states)]
    put(store, incident("i1b", 1), *reversed(given), resolved("i9", 5))
    assert [each.id for each in open_ones(store)] == ["i0", "i1", "i1b", "i2"]
    assert [each.id for each in store.incidents()] == ["i9", "i2", "i1", "i1b", "i0"]
    assert [each.id for each in store.incidents(open_only=True)] == ["i2", "i1", "i1b", "i0"]


def test_incidents_of_a_monitor(store: Store) -> None:
    """Those that it is or was in; among the open ones those that it is still in."""
    both = incident("i1", members=(member(), member("other")))
    put(store, both, resolved("i2", 4), incident("i3", members=(member("other"),)))
    assert [each.id for each in store.incidents("flight_delay")] == ["i2", "i1"]
    assert [each.id for each in store.incidents("flight_delay", open_only=True)] == ["i1"]
    assert store.incidents("nobody") == []
    put(store, replace(both, members=(member("other"),)))
    assert [each.id for each in store.incidents("flight_delay")] == ["i2", "i1"]
    assert store.incidents("flight_delay", open_only=True) == []
    assert [each.id for each in store.incidents("other", open_only=True)] == ["i1", "i3"]


def test_an_incident_without_members_is_storable(store: Store) -> None:
    """The last member can have left it."""
    put(store, resolved("i1", 0), replace(resolved("i2"), members=()))
    assert len(store.incidents()) == 2


def test_transitions_stay_as_they_were_written(store: Store) -> None:
    """In the order of their positions; what has a position already is left as it is."""
    put(store, incident(), incident("i2"))
    given = [transition(position, by="" if position % 2 else "ann") for position in (1, 2, 10)]
    with store.transaction() as transaction:
        for each in (*reversed(given), transition(2, reason="another"), transition(1, "i2")):
            transaction.add_transition(each)
    assert store.transitions("i1") == given
    assert store.transitions("i2") == [transition(1, "i2")]


def test_a_transition_needs_its_incident(store: Store) -> None:
    """What happened to an incident that is not stored is refused, and nothing of its transaction is kept."""
    steps = (lambda it: it.put_incident(incident("i2")), lambda it: it.add_transition(transition()))
    with pytest.raises(StoreUnavailable, match=r"(?i)foreign key"):
        in_one(store, *steps)
    assert store.incidents() == []


def test_incidents_are_found_by_plain_sql(store: Store) -> None:
    """State, severity and cause are columns, for other readers."""
    put(store, resolved())
    tables = "monitoring_incidents JOIN monitoring_incident_monitors ON incident = id"
    query = f"SELECT cause, state, severity, monitor FROM {tables}"
    with store._engine.connect() as connection:
        assert connection.execute(text(query)).all() == [("data_quality", "resolved", 1, "flight_delay")]


def test_old_incidents_are_purged(store: Store) -> None:
    """Those that ended and have no letters left, with what happened to them; open ones stay for ever."""
    with store.transaction() as transaction:
        for each in (incident("open"), resolved("over"), resolved("untold")):
            transaction.put_incident(each)
        transaction.add_transition(transition(1, "over"))
        transaction.post(letter(1, "untold", state="dead"))
    assert store.purge_incidents(NOON) == 0
    assert store.purge_incidents(datetime.now(UTC) + DAY) == 1
    assert {each.id for each in store.incidents()} == {"open", "untold"}
    assert (store.transitions("over"), store.incidents("flight_delay", open_only=True)) == ([], [incident("open")])
