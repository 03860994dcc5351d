"""The schema and its migrations, and databases that cannot be opened."""

from __future__ import annotations

import importlib.resources
import socket
import traceback
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, make_url, text

from monitoring_tasks.checks import Status
from monitoring_tasks.errors import ConfigurationError, StoreUnavailable
from monitoring_tasks.store.database import Store, open_store
from monitoring_tasks.store.migrate import alembic_config, migrate, revision
from monitoring_tasks.store.schema import METADATA, REVISION, VERSION_TABLE
from tests.store.samples import letter, results, retraining, subject, verdict

ALERT = "digest, key, channel, monitor, window_start, window_end, severity, state, message, external"
ALERT_ROW = "'d', 'k', 'slack', 'm', '2013-06-01', '2013-06-02', 3, 'sent', 'drifted', '{}'"


def test_tables_and_migrations_agree(store: Store) -> None:
    """A database made by the migrations has exactly the tables, columns, types and indexes of the schema."""
    with store._engine.connect() as connection:
        options = {"version_table": VERSION_TABLE, "compare_type": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), METADATA) == []


def test_the_newest_migration_is_the_one_the_code_expects(store: Store) -> None:
    """The revision that lets a process skip Alembic is the head of the migrations."""
    with store._engine.connect() as connection:
        assert ScriptDirectory.from_config(alembic_config(connection)).get_heads() == [REVISION]
        assert revision(connection) == REVISION


def test_migrations_go_down_and_up_again(store: Store) -> None:
    """The migrations can be undone wholly and done again."""
    with store._engine.connect().execution_options(writes=True) as connection, connection.begin():
        command.downgrade(alembic_config(connection), "base")
        assert set(inspect(connection).get_table_names()) <= {VERSION_TABLE}
    with store._engine.connect().execution_options(writes=True) as connection, connection.begin():
        command.upgrade(alembic_config(connection), "head")
        assert set(inspect(connection).get_table_names()) >= set(METADATA.tables)


def test_a_database_of_the_first_revision_keeps_its_rows(store_url: str) -> None:
    """What was stored before there were retrainings is there afterwards, and what came since can be stored."""
    with open_store(store_url) as store:
        store.put(verdict(), results(), report="file:///r/report.html", run={"id": "1"})
        with store._engine.connect().execution_options(writes=True) as connection, connection.begin():
            command.downgrade(alembic_config(connection), "0001")
            assert "monitoring_retrainings" not in inspect(connection).get_table_names()
            assert revision(connection) == "0001"
    with open_store(store_url) as store:
        [stored] = store.latest()
        assert (stored.verdict, stored.report, stored.run) == (verdict(), "file:///r/report.html", {"id": "1"})
        assert store.results(verdict().subject) == [
            replace(each, large=each.status is Status.FAILED, evidence=None, season="", cause="") for each in results()
        ]
        with store.transaction() as transaction:
            transaction.post(letter())
        assert store.letters() == [letter()]
        store.put_retraining(retraining())
        assert store.retrainings() == [retraining()]


def test_the_outbox_takes_the_place_of_the_alerts(store_url: str) -> None:
    """Going back makes the table of alerts again, empty, with its index; going on drops it with what it holds."""
    with open_store(store_url) as store:
        with store._engine.connect().execution_options(writes=True) as connection, connection.begin():
            command.downgrade(alembic_config(connection), "0005")
            assert not set(inspect(connection).get_table_names()) & {"monitoring_letters", "monitoring_incidents"}
            [index] = inspect(connection).get_indexes("monitoring_alerts")
            assert (index["name"], index["column_names"]) == (
                "ix_monitoring_alerts_window",
                ["monitor", "window_start"],
            )
            connection.execute(text(f"INSERT INTO monitoring_alerts ({ALERT}) VALUES ({ALERT_ROW})"))
        migrate(store._engine)
        assert store.letters() == []
        with store._engine.connect() as connection:
            assert "monitoring_alerts" not in inspect(connection).get_table_names()


def test_what_was_rolled_up_is_never_a_window_without_checks(store_url: str) -> None:
    """Undone and done again a window whose results are gone has none, not an empty list that finds nothing."""
    evidence = {**verdict().evidence, "checks": {"failed": 1, "passed": 2}}
    judged, hostile = replace(verdict(), evidence=evidence), subject(1)
    found = [replace(each, column="<b>\0\ud800\\0'; --", detail="a\nb") for each in results()]
    with open_store(store_url) as store:
        store.put_results(judged.subject, results(), rows=10)
        store.put(judged, results(), report=None, run={"id": "1"})
        store.roll_up(datetime.now(UTC))
        store.put_results(hostile, found, rows=10)
        store.put_results(subject(2), [], rows=10)
        with store._engine.connect().execution_options(writes=True) as connection, connection.begin():
            command.downgrade(alembic_config(connection), "0006")
        migrate(store._engine)
        assert [store.results(each) for each in (judged.subject, hostile, subject(2))] == [None, found, []]
        assert store.knows(judged.subject)


def test_migrations_are_in_the_package() -> None:
    """The migrations are found beside the code, so a wheel has them."""
    folder = importlib.resources.files("monitoring_tasks.store") / "migrations"
    assert (folder / "env.py").is_file()
    assert (folder / "versions" / f"{REVISION}_headlines.py").is_file()


def test_a_failed_migration_leaves_an_empty_database(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration that breaks half way is undone wholly, and opening again succeeds."""

    def broken(*_: object, **__: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr("alembic.op.create_index", broken)
        with pytest.raises(StoreUnavailable, match="disk full"):
            open_store(store_url)
    engine = create_engine(store_url)
    try:
        assert inspect(engine).get_table_names() == []
    finally:
        engine.dispose()
    open_store(store_url).close()


def test_a_newer_database_is_refused(store_url: str) -> None:
    """A database that a later version migrated is left alone, and the message says to upgrade."""
    with open_store(store_url) as store:
        set_revision(store, "9999")
    with pytest.raises(StoreUnavailable, match=r"revision '9999', which is newer than this code knows.*install"):
        open_store(store_url)


def set_revision(store: Store, name: str) -> None:
    """Pretend that the database is at another revision."""
    with store._engine.connect().execution_options(writes=True) as connection, connection.begin():
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = :name"), {"name": name})


def test_other_tables_of_the_database_are_left_alone(store_url: str) -> None:
    """A database may hold other programs' tables, an Alembic version table among them."""
    engine = create_engine(store_url.replace("/store/results.db", "/results.db"))
    try:
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
            connection.execute(text("INSERT INTO alembic_version VALUES ('of airflow')"))
        open_store(engine.url.render_as_string(hide_password=False)).close()
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "of airflow"
    finally:
        engine.dispose()


def refused(url: str) -> str:
    """The full traceback of opening a store that does not answer."""
    with pytest.raises(StoreUnavailable) as caught:
        open_store(url)
    return "".join(traceback.format_exception(caught.value))


def test_an_unreachable_server_is_named_without_its_password() -> None:
    """Neither message nor traceback shows the password; the message says where and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    told = refused(f"postgresql://ann:s3cret@127.0.0.1:{port}/results")
    assert "s3cret" not in told
    assert f"ann:***@127.0.0.1:{port}/results did not answer" in told
    assert "check that the server is up" in told


def test_a_missing_database_is_unavailable(postgres_url: str) -> None:
    """A server that answers with a refusal makes the store unavailable, with the server's words."""
    elsewhere = make_url(postgres_url).set(database="nowhere").render_as_string(hide_password=False)
    assert 'database "nowhere" does not exist' in refused(elsewhere)


def test_a_user_without_rights_is_unavailable(postgres_url: str) -> None:
    """Missing rights in the database are told in the server's words, not as a programming error."""
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(text("DROP ROLE IF EXISTS nobody_here"))
        connection.execute(text("CREATE ROLE nobody_here LOGIN PASSWORD 's3cret'"))
    engine.dispose()
    told = refused(postgres_url.replace("postgres:@", "nobody_here:s3cret@"))
    assert "permission denied for schema public" in told
    assert "s3cret" not in told


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_every_spelling_of_postgresql_opens(postgres_url: str, scheme: str) -> None:
    """Airflow writes postgres://, SQLAlchemy postgresql://, with or without a driver."""
    with open_store(postgres_url.replace("postgresql+psycopg2", scheme)) as store:
        assert store.latest() == []


def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    """A file of something else is not overwritten."""
    path = tmp_path / "notes.txt"
    path.write_text("not a database at all\n" * 100)
    assert "file is not a database" in refused(f"sqlite:///{path}")
    assert path.read_text().startswith("not a database")


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    """A path that runs through a file is told as it is."""
    (tmp_path / "file").touch()
    assert "check that its folder can be written" in refused(f"sqlite:///{tmp_path}/file/results.db")


def test_a_lost_database_is_unavailable(tmp_path: Path) -> None:
    """A database that loses its tables under an open store gives a named error."""
    with open_store(f"sqlite:///{tmp_path}/results.db") as store:
        with store._engine.connect().execution_options(writes=True) as connection, connection.begin():
            connection.execute(text("DROP TABLE monitoring_letters"))
        with pytest.raises(StoreUnavailable, match="no such table: monitoring_letters"):
            store.letters()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("mysql://ann:s3cret@host/db", "cannot be a mysql database"),
        ("nonsense with s3cret", "cannot be read"),
        ("postgresql://ann:s3cret@host:port/db", "cannot be read"),
        ("postgresql+oddity://ann:s3cret@host/db", "not installed"),
        ("", "cannot be read"),
    ],
)
def test_other_urls_are_a_mistake_of_configuration(url: str, told: str) -> None:
    """What is no SQLite or PostgreSQL URL is refused without showing it; no retry helps."""
    with pytest.raises(ConfigurationError, match=told) as caught:
        open_store(url)
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))
    assert not caught.value.retryable


def test_a_relative_sqlite_path_makes_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The default file needs no preparation."""
    monkeypatch.chdir(tmp_path)
    open_store("sqlite:///deep/down/results.db").close()
    assert (tmp_path / "deep/down/results.db").is_file()
