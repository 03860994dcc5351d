"""Several processes on one store at once."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from threading import Timer

import pytest
from sqlalchemy import text

from monitoring_tasks.store.database import Store, open_store
from tests.store.processes import (
    PROCESSES,
    SHARED,
    TURNS,
    WINDOWS,
    ask,
    ask_once,
    bundle,
    deliver,
    find,
    open_it,
    post,
    together,
    write,
)
from tests.store.samples import letter, results, retraining, subject, verdict, write_back


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


def test_a_letter_is_posted_once(store: Store, store_url: str) -> None:
    """Of processes that post a letter at once exactly one is told that it did."""
    assert together(store_url, post) == []
    letters = store.letters()
    assert [each.position for each in letters if each.incident == "i1"] == list(range(1, TURNS))
    posted = [each.incident.split(".")[1] for each in letters if each.incident != "i1"]
    assert sorted(map(int, posted)) == list(range(1, TURNS))


def test_the_second_finding_sees_the_first(store: Store, store_url: str) -> None:
    """Processes that find the same at once have the incidents one after the other: there is one, with all of them."""
    assert together(store_url, find) == []
    [found] = store.incidents(open_only=True)
    assert sorted(found.monitors) == [f"monitor_{number}" for number in range(PROCESSES)]
    assert all(store.incidents(monitor) == [found] for monitor in found.monitors)
    assert len(store.readings()) == PROCESSES


def test_senders_share_the_letters_in_order(store: Store, store_url: str) -> None:
    """Of processes that deliver at once each letter is sent by one, after those before it in its incident."""
    lines = [(incident, channel) for incident in ("i1", "i2", "") for channel in ("log", "slack:c:#ml")]
    with store.transaction() as transaction:
        for incident, channel in lines:
            for position in range(1, 8):
                transaction.post(letter(position, incident, channel))
    assert together(store_url, deliver) == []
    sent = store.letters()
    assert [(each.state, each.attempts) for each in sent] == [("sent", 2)] * len(lines) * 7
    for incident, channel in lines:
        moments = [int(each.external["at"]) for each in sent if (each.incident, each.channel) == (incident, channel)]
        assert not incident or moments == sorted(moments)


def test_a_letter_is_in_one_digest(store: Store, store_url: str) -> None:
    """Of processes that bundle at once none tells what another has told, and nothing is left out."""
    keys = [f"k{position}" for position in range(30)]
    with store.transaction() as transaction:
        for position, key in enumerate(keys):
            transaction.post(letter(position, f"i{position}", key=key, digest=True))
    assert together(store_url, bundle) == []
    digests = [each.key.removeprefix("digest of ").split("+") for each in store.letters(incident="")]
    assert sorted(key for told in digests for key in told) == sorted(keys)
    assert {each.state for each in store.letters() if each.incident} == {"bundled"}


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


def test_a_new_sqlite_file_is_waited_for(tmp_path: Path) -> None:
    """A file that another process is just making is opened as soon as that one lets go of it."""
    path = tmp_path / "results.db"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("CREATE TABLE begun (id INTEGER)")
        other.execute("BEGIN IMMEDIATE")
        other.execute("INSERT INTO begun VALUES (1)")
        with closing(sqlite3.connect(path)) as hasty, pytest.raises(sqlite3.OperationalError, match="locked"):
            hasty.execute("PRAGMA journal_mode = WAL")
        letting_go = Timer(0.5, other.execute, ["COMMIT"])
        letting_go.start()
        with open_store(f"sqlite:///{path}") as store:
            assert store.latest() == []
        letting_go.join()


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
