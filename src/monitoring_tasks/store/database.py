"""The results store: verdicts, checks, incidents, outbox, retrainings, self-tests and ledger; SQLite or PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from sqlalchemy import URL, Connection, Engine, create_engine, delete, event, insert, make_url, select
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from monitoring_tasks.canary.report import CanaryReport
from monitoring_tasks.checks import CheckResult
from monitoring_tasks.errors import ConfigurationError, StoreUnavailable
from monitoring_tasks.policy.verdict import Subject, Verdict
from monitoring_tasks.store import canaries, ledger, queries, retrainings
from monitoring_tasks.store.ledger import LedgerEntry
from monitoring_tasks.store.migrate import migrate
from monitoring_tasks.store.records import RetrainingRecord, StoredVerdict
from monitoring_tasks.store.schema import CANARIES, CHECK_RESULTS, PERFORMANCE, SUBJECTS
from monitoring_tasks.window import Window

BUSY_SECONDS = 60
CONNECT_SECONDS = 10
_HINTS = {
    "sqlite": "check that its folder can be written and that no other program keeps the file locked",
    "postgresql": "check that the server is up, and host, user and password of the connection",
}


class Store:
    """An open results store; close it, or use it in a `with` statement.

    Each method is one transaction. What is written under the same key replaces what was there. All methods raise
    `StoreUnavailable` when the database does not answer; `ValueError` when evidence or a summary holds NaN.
    Several processes and threads may use a store of the same database at once.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def put(
        self, verdict: Verdict, results: Sequence[CheckResult], *, report: str | None, run: Mapping[str, str]
    ) -> None:
        """Store a verdict with its check results; those of the same subject are replaced."""
        row = queries.verdict_fields(verdict, report, run, datetime.now(UTC))
        with _writing(self._engine) as connection:
            _replace(connection, verdict.subject, row, results)

    def put_results(self, subject: Subject, results: Sequence[CheckResult], *, rows: int) -> None:
        """Store check results before their verdict is reached; `rows` is how many rows were judged.

        A verdict that the subject already has stays until `put` replaces it.
        """
        row = {**queries.subject_fields(subject), "row_count": rows}
        with _writing(self._engine) as connection:
            _replace(connection, subject, row, results)

    def verdict(self, subject: Subject) -> Verdict | None:
        """The subject's verdict; None when none was reached."""
        wanted = SUBJECTS.c.digest == queries.subject_digest(subject)
        rows = self._read(select(SUBJECTS).where(wanted, SUBJECTS.c.verdict.is_not(None)))
        return queries.stored_verdict(rows[0]).verdict if rows else None

    def results(self, subject: Subject) -> list[CheckResult] | None:
        """The subject's check results in the order written; None when they were never computed."""
        rows = self._read(queries.select_results(subject))
        return [queries.check_result(row) for row in rows if row.position is not None] if rows else None

    def latest(self) -> list[StoredVerdict]:
        """The verdict of each monitor's newest window, ordered by monitor."""
        return [queries.stored_verdict(row) for row in self._read(queries.select_latest())]

    def verdicts(self, monitor: str, span: Window | None = None) -> list[StoredVerdict]:
        """Verdicts of the monitor's windows that lie wholly in `span`, ordered by window.

        Where a window was judged for several champions or configurations, the verdict written last stands.
        """
        return [queries.stored_verdict(row) for row in self._read(queries.select_verdicts(monitor, span))]

    def judgements(self, monitor: str, window: Window) -> list[StoredVerdict]:
        """Every verdict on one window, one for each champion and configuration, in the order written."""
        return [queries.stored_verdict(row) for row in self._read(queries.select_judgements(monitor, window))]

    def put_retraining(self, record: RetrainingRecord) -> None:
        """Store how far a retraining came; the record of the same monitor and run is replaced.

        Raises `PromotionRefused` when it is open while another run's is: then it has lost its place.
        """
        with _writing(self._engine) as connection:
            retrainings.put(connection, record, datetime.now(UTC))

    def open_retraining(self, record: RetrainingRecord, *, lapse: timedelta) -> tuple[RetrainingRecord, bool]:
        """Open a retraining, unless one of another run is open; return what stands, and whether it is this run's.

        Of several that open at once one does. A run that asks again replaces its own record, whatever its state. One
        of another run that was last written longer than `lapse` ago is closed as failed, and this one opened.
        """
        with _writing(self._engine) as connection:
            return retrainings.open_one(connection, record, lapse, datetime.now(UTC))

    def retraining(self, monitor: str, run: str) -> RetrainingRecord | None:
        """The retraining that a run of a monitor is or was; None when it asked for none."""
        rows = self._read(retrainings.select_one(monitor, run))
        return retrainings.retraining_record(rows[0]) if rows else None

    def retrainings(self, monitor: str | None = None) -> list[RetrainingRecord]:
        """Retrainings of one monitor or all, the newest request first."""
        return [retrainings.retraining_record(row) for row in self._read(retrainings.select_all(monitor))]

    def put_canary(self, report: CanaryReport) -> None:
        """Publish the report of a self-test; that of the same champion, window and configuration is replaced."""
        with _writing(self._engine) as connection:
            row = canaries.canary_fields(report, datetime.now(UTC))
            connection.execute(queries.upsert(connection.dialect.name, CANARIES, row))

    def canaries(self, monitor: str, limit: int | None = None) -> list[CanaryReport]:
        """Reports of a monitor's self-tests, the newest window first, `limit` of them or all."""
        return [canaries.canary_report(row) for row in self._read(canaries.select_canaries(monitor, limit))]

    def put_performance(self, entry: LedgerEntry) -> None:
        """Add an entry to the ledger; one that holds the same is there once, and no other is ever replaced."""
        with _writing(self._engine) as connection:
            row = ledger.ledger_fields(entry, datetime.now(UTC))
            connection.execute(queries.upsert(connection.dialect.name, PERFORMANCE, row))

    def performance(
        self, monitor: str, span: Window | None = None, *, known_by: datetime | None = None
    ) -> list[LedgerEntry]:
        """The newest version of each window that lies wholly in `span`, as it was known by a moment; by window."""
        return ledger.newest(self._read(ledger.select_entries(monitor, span, known_by)))

    def latest_performance(self, monitor: str) -> LedgerEntry | None:
        """What is known of the newest window whose labels were enough to judge it; None where there is none yet.

        Its version is not counted.
        """
        rows = self._read(ledger.select_judged(monitor))
        return ledger.ledger_entry(rows[0]) if rows else None

    def restatements(self, monitor: str, window: Window) -> list[LedgerEntry]:
        """Every version of one window, the oldest first."""
        rows = self._read(ledger.select_entries(monitor, window, None))
        return [
            ledger.ledger_entry(row) for row in rows if (row.window_start, row.window_end) == (window.start, window.end)
        ]

    def _read(self, statement: Any) -> Sequence[Any]:
        with _answering(self._engine.url), self._engine.connect() as connection:
            return connection.execute(statement).all()


def open_store(url: str) -> Store:
    """Open the results store at a SQLAlchemy URL and bring its schema up to date.

    `sqlite:///relative.db`, `sqlite:////absolute.db` (file and folder are made when absent), or
    `postgresql://user:password@host/database`. Raises `ConfigurationError` on another kind of URL, `StoreUnavailable`
    when the database does not answer or is newer than this code.

    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> with folder, open_store(f"sqlite:///{folder.name}/results.db") as store:
    ...     store.latest()
    []
    """
    engine = _engine(_parsed(url))
    try:
        with _answering(engine.url):
            migrate(engine)
    except BaseException:
        engine.dispose()
        raise
    return Store(engine)


def _parsed(url: str) -> URL:
    # Airflow still writes postgres://; without a named driver SQLAlchemy's choice depends on its version.
    names = {"postgres": "postgresql+psycopg2", "postgresql": "postgresql+psycopg2"}
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigurationError(
            "the results store's URL cannot be read (it is not shown, it may hold a password): write "
            "sqlite:////folder/results.db or postgresql://user:password@host:5432/database"
        ) from None
    return parsed.set(drivername=names.get(parsed.drivername, parsed.drivername))


def _engine(url: URL) -> Engine:
    backend = url.get_backend_name()
    if backend not in _HINTS:
        raise ConfigurationError(f"the results store cannot be a {backend} database: use sqlite or postgresql")
    try:
        return _sqlite_engine(url) if backend == "sqlite" else _postgres_engine(url)
    except (ImportError, NoSuchModuleError) as error:
        raise ConfigurationError(
            f"the results store needs the driver of {url.drivername}, which is not installed ({error}): "
            "install monitoring-tasks[postgres]"
        ) from error


def _postgres_engine(url: URL) -> Engine:
    limits = {} if "connect_timeout" in url.query else {"connect_timeout": CONNECT_SECONDS}
    return create_engine(url, connect_args=limits, pool_pre_ping=True)


def _sqlite_engine(url: URL) -> Engine:
    if url.database and url.database != ":memory:":
        with _answering(url):
            Path(url.database).absolute().parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _sqlite_connected)
    event.listen(engine, "begin", _sqlite_begins)
    return engine


def _sqlite_connected(connection: Any, _record: object) -> None:
    # The driver's own transactions are switched off: they begin late, and a transaction that turns from reading to
    # writing fails at once with "database is locked" instead of waiting.
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA journal_mode = WAL")


def _sqlite_begins(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _writing(engine: Engine) -> Iterator[Connection]:
    with _answering(engine.url), engine.connect().execution_options(writes=True) as connection, connection.begin():
        yield connection


@contextmanager
def _answering(url: URL) -> Iterator[None]:
    try:
        yield
    except (DBAPIError, PoolTimeout, OSError) as error:
        raise StoreUnavailable(_complaint(url, error)) from error


def _complaint(url: URL, error: Exception) -> str:
    cause = str(error.orig if isinstance(error, DBAPIError) else error).strip()
    if url.password:
        cause = cause.replace(str(url.password), "***")
    shown = url.render_as_string(hide_password=True)
    return f"the results store {shown} did not answer ({cause}): {_HINTS[url.get_backend_name()]}"


def _replace(connection: Connection, subject: Subject, row: queries.Fields, results: Sequence[CheckResult]) -> None:
    # The upsert comes first: it locks the subject's row, so that two writers of one subject cannot interleave.
    connection.execute(queries.upsert(connection.dialect.name, SUBJECTS, row))
    connection.execute(delete(CHECK_RESULTS).where(CHECK_RESULTS.c.digest == row["digest"]))
    rows = [queries.result_fields(subject, position, result) for position, result in enumerate(results)]
    if rows:
        connection.execute(insert(CHECK_RESULTS), rows)
