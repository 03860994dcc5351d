"""Tables: each batch once, whatever happens to the answer; rows that a database refuses; a database that is away."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from monitoring_tasks.client import Buffering, LabelLog, PredictionLog
from monitoring_tasks.client.columns import Columns
from monitoring_tasks.client.database import Table
from tests.client.logs import ids_in, table

NOON = datetime(2013, 6, 3, 12, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path}/log.db"


def run(url: str, *statements: str) -> None:
    """Statements, committed."""
    with sa.create_engine(url, poolclass=sa.NullPool).begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def test_a_batch_whose_answer_was_lost_is_written_once(url: str) -> None:
    """The same batch again, as after a lost answer to the commit; the next one is written."""
    columns = Columns({"id": int, "timestamp": datetime})
    to = Table(url, "predictions", columns=columns, roles=("id", "timestamp"))
    to.renew()
    for numbers in ([1, 2], [3]):
        (write,) = to.writes([{"id": number, "timestamp": NOON} for number in numbers])
        write()
        write()
    assert ids_in(url) == [1, 2, 3]


def test_a_connection_that_breaks_after_the_commit_writes_once(postgres_url: str) -> None:
    """A server between log and database swallows the first answer to a commit: each row is there once."""
    with Between(sa.make_url(postgres_url)) as between:
        log = PredictionLog(between.url, buffering=Buffering(interval=0.05))
        log.append(0)
        assert log.flush()
        between.swallow = b"COMMIT"
        log.append(1)
        assert log.flush(20)
        log.append(2)
        log.close()
    assert between.swallowed == 1
    assert ids_in(postgres_url) == [0, 1, 2]


class Between:
    """A server that passes bytes on to PostgreSQL, and cuts the line once, after a word of the client was passed on."""

    def __init__(self, behind: sa.URL) -> None:
        self._path = f"{behind.query['host']}/.s.PGSQL.{behind.port or 5432}"
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = behind.set(query={}, host="127.0.0.1", port=self._listening.getsockname()[1]).render_as_string(False)
        self.swallow, self.swallowed = b"", 0

    def __enter__(self) -> Between:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._path)
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=self._pass_on, args=(one, other, one is client), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket, asks: bool) -> None:
        try:
            while data := one.recv(65536):
                if asks and self.swallow and self.swallow in data:
                    self.swallow, self.swallowed = b"", self.swallowed + 1
                    one.shutdown(socket.SHUT_RDWR)
                    other.sendall(data)
                    other.recv(1)
                    break
                other.sendall(data)
        except OSError:
            pass
        finally:
            one.close()
            other.close()


def test_a_database_that_is_away_gets_its_rows_later(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Down, then up: nothing is lost or doubled, and nobody waited."""
    url = f"sqlite:///{tmp_path}/later/log.db"
    with caplog.at_level(logging.WARNING), PredictionLog(url, buffering=Buffering(interval=0.05)) as log:
        log.append(1)
        assert eventually(lambda: "log.write_failed" in caplog.text)
        log.append(2)
        (tmp_path / "later").mkdir()
        assert log.flush()
    assert ids_in(url) == [1, 2]


def test_a_postgresql_that_is_away_says_no_password(caplog: pytest.LogCaptureFixture) -> None:
    """The log names the place and the reason."""
    with caplog.at_level(logging.WARNING):
        log = PredictionLog("postgresql://ada:sekret@127.0.0.1:1/served")
        log.append(1)
        log.close(timeout=0.5)
    assert log.dropped == 1
    assert "place=table predictions in postgresql 127.0.0.1/served" in caplog.text
    assert "refused" in caplog.text
    assert "sekret" not in caplog.text


def test_a_table_of_other_types_keeps_them(postgres_url: str) -> None:
    """Ids as text, a moment without zone, a whole number: what fits is converted, the rest null and counted."""
    run(postgres_url, "CREATE TABLE predictions (id text, timestamp timestamp, code smallint, score real)")
    with PredictionLog(postgres_url, names={"prediction": "score"}) as log:
        log.append(1, 0.5, {"code": 7}, timestamp=NOON)
        log.append(2, 0.5, {"code": 7.5}, timestamp=NOON)
    found = table(postgres_url, "SELECT id, timestamp, code, score FROM predictions ORDER BY id")
    noon = NOON.replace(tzinfo=None)
    assert [tuple(row.values()) for row in found] == [("1", noon, 7, 0.5), ("2", noon, None, 0.5)]
    assert log.unfit == {"code": 1}


def test_a_row_that_the_database_refuses_does_not_stop_the_others(url: str) -> None:
    """A constraint of the table's own: the row is counted, its batch goes on."""
    run(url, "CREATE TABLE labels (id bigint PRIMARY KEY, label_time timestamp, label double precision)")
    with LabelLog(url) as log:
        log.extend({"id": id, "label": 1} for id in (1, 2, 1, 3))
    assert [row["id"] for row in table(url, "SELECT id FROM labels ORDER BY id")] == [1, 2, 3]
    assert log.unfit == {"rows refused": 1}
    assert log.dropped == 0


@pytest.mark.parametrize("name", ['we"ird; DROP TABLE x --', "a b", "100%", "a:b", "(c)", "Über", "select", "%(x)s"])
def test_any_name_may_be_a_column(url: str, name: str) -> None:
    """In a new table, and added to one."""
    with PredictionLog(url, table="Lo g") as log:
        log.append(1, None, {name: 1.5})
        assert log.flush()
        log.append(2, None, {name: 2.5, f"{name} 2": "a"})
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        rows = connection.execute(sa.select(sa.text("*")).select_from(sa.table("Lo g"))).all()
    assert sorted(row[0] for row in rows) == [1, 2]
    assert {2.5, "a"} <= set(rows[1])


@pytest.mark.parametrize(
    "name",
    ["", " ", "a\0b", chr(0xD800), "%(c0)s", "PREDICTION", "xmin", "x" * 63 + "2"],
    ids=lambda name: repr(name)[:9],
)
def test_a_name_that_no_column_can_have_holds_up_nobody(url: str, name: str) -> None:
    """Nor one that is another's to the database: its values are counted where they are not written."""
    with PredictionLog(url) as log:
        log.append(1, 0.5, {"x" * 63: 2.5, name: 1.5})
        assert log.flush(5)
        log.append(2, 0.5, {name: 1.5})
    assert ids_in(url) == [1, 2]
    written = [row[name] for row in table(url, "SELECT * FROM predictions ORDER BY id") if name in row]
    assert (log.unfit, written) in [({name: 2}, []), ({}, [1.5, 1.5])]
    assert log.dropped == 0


def test_a_server_without_the_right_to_add_columns_logs_the_others(postgres_url: str) -> None:
    """A table that somebody else owns: what it lacks is counted, and the rows are written."""
    run(
        postgres_url,
        "CREATE TABLE predictions (id bigint, timestamp timestamptz, prediction float)",
        "CREATE TABLE predictions_writers (writer text PRIMARY KEY, batch bigint NOT NULL)",
        "DROP ROLE IF EXISTS logger",
        "CREATE ROLE logger LOGIN",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON predictions, predictions_writers TO logger",
    )
    url = sa.make_url(postgres_url).set(username="logger").render_as_string(hide_password=False)
    with PredictionLog(url) as log:
        log.append(1, 0.5, {"new": 1.5, "none": None})
        assert log.flush(5)
        log.append(2, 0.5, {"new": 1.5})
    assert ids_in(postgres_url) == [1, 2]
    assert (log.unfit, log.dropped) == ({"new": 2}, 0)
    run(postgres_url, "DROP OWNED BY logger", "DROP ROLE logger")


def test_a_row_that_is_too_large_for_a_page_is_refused_alone(postgres_url: str) -> None:
    """A thousand numbers fit on a page of PostgreSQL, fourteen hundred do not."""
    with PredictionLog(postgres_url) as log:
        log.append(1, 0.5, {f"c{place}": place + 0.5 for place in range(1400)})
        log.append(2, 0.5, {"c0": 0.5})
    assert ids_in(postgres_url) == [2]
    assert (log.unfit, log.dropped) == ({"rows refused": 1}, 0)


def test_a_table_may_lie_in_a_schema(postgres_url: str) -> None:
    """`schema.table`, with the list of writers beside it; a writer that ends takes its line away."""
    run(postgres_url, "CREATE SCHEMA serving")
    with PredictionLog(postgres_url, table="serving.log") as log:
        log.append(1)
        assert log.flush()
        assert len(table(postgres_url, "SELECT * FROM serving.log_writers")) == 1
    assert len(table(postgres_url, "SELECT * FROM serving.log")) == 1
    assert table(postgres_url, "SELECT * FROM serving.log_writers") == []


def eventually(true: Callable[[], bool], seconds: float = 20) -> bool:
    """Whether something becomes true."""
    pause = threading.Event()
    return any(true() or pause.wait(0.02) for _ in range(int(seconds / 0.02)))
