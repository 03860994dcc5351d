"""Several processes on one store at once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sqlalchemy import text

from monitoring_tasks.store.database import Store, open_store
from tests.store.processes import PROCESSES, SHARED, TURNS, WINDOWS, ask, ask_once, claim, open_it, together, write
from tests.store.samples import results, retraining, subject, verdict, write_back


def test_processes_migrate_an_empty_database_together(store_url: str) -> None:
    """Processes that open an empty database at the same moment all find it migrated."""
    assert together(store_url, open_it) == []


def test_no_writer_loses_rows(store: Store, store_url: str) -> None:
    """Processes that write at once all succeed; nothing is lost, and a subject they share is wholly of one writer."""
    assert together(store_url, write) == []
    mine = [subject(day, champion=f"v{number}") for number in range(PROCESSES) for day in range(WINDOWS)]
    assert [store.results(each) for each in mine] == [results()] * len(mine)
    assert all(store.verdict(each) for each in mine)
    [shared] = store.latest()
    assert shared.verdict == verdict(SHARED)
    assert store.results(subject(SHARED)) == results()[: int(shared.run["writer"]) + 1]


def test_one_of_several_claims_an_alert(store: Store, store_url: str) -> None:
    """Of processes that claim an alert at once exactly one may send it."""
    assert together(store_url, claim) == []
    assert sorted(record.state for record in store.alerts()) == ["sending", "sent"]


def test_one_of_several_opens_a_retraining(store: Store, store_url: str) -> None:
    """Processes that ask at once take turns: each is either told of another's, or has it alone up to its end."""
    assert together(store_url, ask) == []
    states = [record.state for record in store.retrainings()]
    assert set(states) == {"rejected"}
    assert 1 <= len(states) <= PROCESSES * TURNS


def test_one_of_several_takes_a_lapsed_place(store: Store, store_url: str) -> None:
    """Processes that find a lapsed retraining close it once, and one of them is open."""
    store.put_retraining(retraining("lost"))
    write_back(store, timedelta(minutes=6))
    assert together(store_url, ask_once) == []
    assert sorted(record.state for record in store.retrainings()) == ["failed", "requested"]


def test_a_sqlite_store_is_written_while_it_is_read(tmp_path: Path) -> None:
    """A reader holds up no writer and keeps seeing the state it began with (SQLite's WAL mode)."""
    url = f"sqlite:///{tmp_path}/results.db"
    count = text("SELECT count(*) FROM monitoring_subjects")
    with open_store(url) as writer, open_store(url) as reader:
        with reader._engine.connect() as connection:
            assert connection.scalar(count) == 0
            writer.put(verdict(), [], report=None, run={})
            assert connection.scalar(count) == 0
        assert reader.verdict(subject()) == verdict()
