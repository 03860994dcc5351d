"""The results store: verdicts, checks, incidents, outbox, retrainings, self-tests and ledger; SQLite or PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from monitoring_tasks.canary.report import CanaryReport
from monitoring_tasks.checks import CheckResult
from monitoring_tasks.incidents.incident import Incident
from monitoring_tasks.incidents.reading import Reading, Stream
from monitoring_tasks.policy.verdict import Subject, Verdict
from monitoring_tasks.store import canaries, incidents, ledger, queries, readings, retrainings
from monitoring_tasks.store.board import Board
from monitoring_tasks.store.engine import engine_of, opening
from monitoring_tasks.store.ledger import LedgerEntry
from monitoring_tasks.store.migrate import migrate
from monitoring_tasks.store.outbox import Outbox
from monitoring_tasks.store.records import RetrainingRecord, StoredVerdict, Transition
from monitoring_tasks.store.retention import Retention
from monitoring_tasks.store.schema import SUBJECTS
from monitoring_tasks.store.transaction import Transaction
from monitoring_tasks.window import Window


class Store(Outbox, Board, Retention):
    """An open results store; close it, or use it in a `with` statement.

    Each method is one transaction. What is written under the same key replaces what was there. All methods raise
    `StoreUnavailable` when the database does not answer; `ValueError` when evidence or a summary holds NaN.
    Several processes and threads may use a store of the same database at once.
    """

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Begin a transaction that writes; all of it is kept at the end, and nothing when an exception leaves it."""
        with self._writing() as connection:
            yield Transaction(connection)

    def put(
        self, verdict: Verdict, results: Sequence[CheckResult], *, report: str | None, run: Mapping[str, str]
    ) -> None:
        """Store a verdict with its check results; those of the same subject are replaced."""
        with self.transaction() as transaction:
            transaction.put_verdict(verdict, results, report=report, run=run)

    def put_results(self, subject: Subject, results: Sequence[CheckResult], *, rows: int) -> None:
        """Store check results before their verdict is reached; `rows` is how many rows were judged.

        A verdict that the subject already has stays until `put` replaces it.
        """
        with self.transaction() as transaction:
            transaction.put_results(subject, results, rows=rows)

    def verdict(self, subject: Subject) -> Verdict | None:
        """The subject's verdict; None when none was reached."""
        wanted = SUBJECTS.c.digest == queries.subject_digest(subject)
        rows = self._read(select(SUBJECTS).where(wanted, SUBJECTS.c.verdict.is_not(None)))
        return queries.stored_verdict(rows[0]).verdict if rows else None

    def knows(self, subject: Subject) -> bool:
        """Whether the subject was ever checked."""
        return bool(self._read(select(SUBJECTS.c.digest).where(SUBJECTS.c.digest == queries.subject_digest(subject))))

    def results(self, subject: Subject) -> list[CheckResult] | None:
        """The subject's check results in the order written; None when they were never computed, or are kept no more."""
        wanted = SUBJECTS.c.digest == queries.subject_digest(subject)
        rows = self._read(select(SUBJECTS.c.results).where(wanted, SUBJECTS.c.results.is_not(None)))
        return queries.check_results(rows[0].results) if rows else None

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
        with self.transaction() as transaction:
            transaction.put_retraining(record)

    def open_retraining(self, record: RetrainingRecord, *, lapse: timedelta) -> tuple[RetrainingRecord, bool]:
        """Open a retraining, unless one of another run is open; return what stands, and whether it is this run's.

        Of several that open at once one does. A run that asks again replaces its own record, whatever its state. One
        of another run that was last written longer than `lapse` ago is closed as failed, and this one opened.
        """
        with self._writing() as connection:
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
        with self.transaction() as transaction:
            transaction.put_canary(report)

    def canaries(self, monitor: str, limit: int | None = None) -> list[CanaryReport]:
        """Reports of a monitor's self-tests, the newest window first, `limit` of them or all."""
        return [canaries.canary_report(row) for row in self._read(canaries.select_canaries(monitor, limit))]

    def put_performance(self, entry: LedgerEntry) -> None:
        """Add an entry to the ledger; one that holds the same is there once, and no other is ever replaced."""
        with self.transaction() as transaction:
            transaction.put_performance(entry)

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

    def first_champions(self, monitor: str, span: Window) -> dict[Window, str]:
        """The champion by which each window of the ledger that lies wholly in `span` was judged first."""
        rows = self._read(ledger.select_first(monitor, span))
        return {Window(row.window_start, row.window_end): row.champion for row in rows}

    def restatements(self, monitor: str, window: Window) -> list[LedgerEntry]:
        """Every version of one window, the oldest first."""
        rows = self._read(ledger.select_entries(monitor, window, None))
        return [
            ledger.ledger_entry(row) for row in rows if (row.window_start, row.window_end) == (window.start, window.end)
        ]

    def readings(
        self, monitor: str | None = None, span: Window | None = None, *, live: bool | None = None
    ) -> list[Reading]:
        """What runs found out, in the order of tick, stream and monitor; of windows that lie wholly in `span`.

        `live`: only readings that people could be told of, or only those of silent runs; both when None.
        """
        return [readings.reading(row) for row in self._read(readings.select_readings(monitor, span, live))]

    def newest_tick(self, monitor: str, stream: Stream) -> datetime | None:
        """The tick of the newest live reading of a stream of a monitor; None when there is none."""
        moment: datetime | None = self._read(readings.select_newest_tick(monitor, stream))[0][0]
        return moment

    def incident(self, id: str) -> Incident | None:
        """The incident of an id; None when there is none."""
        rows = self._read(incidents.select_one(id))
        return incidents.incident(rows[0]) if rows else None

    def incidents(self, monitor: str | None = None, *, open_only: bool = False) -> list[Incident]:
        """Incidents, the newest first; of a monitor those that it is or was in, with `open_only` those it is in."""
        found = [
            incidents.incident(row) for row in self._read(incidents.select_incidents(monitor, open_only=open_only))
        ]
        left = monitor is not None and open_only
        return [each for each in found if monitor in each.monitors] if left else found

    def purge_readings(self, before: datetime) -> int:
        """Delete readings that were written before a moment; return how many.

        The newest live one of each stream of a monitor stays, whatever its age: `newest_tick` is asked for it.
        """
        with self._writing() as connection:
            return connection.execute(readings.purge(before)).rowcount

    def purge_incidents(self, before: datetime) -> int:
        """Delete incidents that ended, and last changed before a moment, with their transitions; return how many.

        One of which a letter is left stays, be it one that nobody took.
        """
        with self._writing() as connection:
            return connection.execute(incidents.purge(before)).rowcount

    def transitions(self, incident: str) -> list[Transition]:
        """Everything that happened to an incident, in order."""
        return [incidents.transition(row) for row in self._read(incidents.select_transitions(incident))]


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
    engine = engine_of(url)
    try:
        with opening(engine.url):
            migrate(engine)
    except BaseException:
        engine.dispose()
        raise
    return Store(engine)
