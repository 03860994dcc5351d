"""One write transaction of the store: everything it is given is there together, or none of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from monitoring_tasks.canary.report import CanaryReport
from monitoring_tasks.checks import CheckResult
from monitoring_tasks.incidents.incident import Incident
from monitoring_tasks.incidents.reading import Reading
from monitoring_tasks.policy.verdict import Subject, Verdict
from monitoring_tasks.store import canaries, incidents, ledger, letters, queries, readings, retrainings
from monitoring_tasks.store.ledger import LedgerEntry
from monitoring_tasks.store.records import Letter, RetrainingRecord, Transition
from monitoring_tasks.store.schema import CANARIES, PERFORMANCE, SUBJECTS


class Transaction:
    """An open transaction, as `Store.transaction` gives it; its end keeps everything, an exception nothing.

    The store's own methods are transactions of their own: inside of this one, on SQLite, one that writes waits for it
    in vain. What many write at once comes last: first verdicts and records, then `lock_incidents`, then incidents.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put_verdict(
        self, verdict: Verdict, results: Sequence[CheckResult], *, report: str | None, run: Mapping[str, str]
    ) -> None:
        """Store a verdict with its check results; those of the same subject are replaced."""
        row = {
            **queries.verdict_fields(verdict, report, run, _now()),
            **queries.results_fields(results),
            "headline": queries.headline_field(results, verdict.reasons),
        }
        self._execute(queries.upsert(self._dialect, SUBJECTS, row))

    def put_results(self, subject: Subject, results: Sequence[CheckResult], *, rows: int) -> None:
        """Store check results before their verdict is reached; `rows` is how many rows were judged."""
        kept = queries.results_fields(results)
        row = {**queries.subject_fields(subject), "row_count": rows, **kept}
        self._execute(queries.upsert(self._dialect, SUBJECTS, row))

    def put_performance(self, entry: LedgerEntry) -> None:
        """Add an entry to the ledger; one that holds the same is there once, and no other is ever replaced."""
        self._execute(queries.upsert(self._dialect, PERFORMANCE, ledger.ledger_fields(entry, _now())))

    def put_retraining(self, record: RetrainingRecord) -> None:
        """Store how far a retraining came; raises `PromotionRefused` when it is open and another run's is as well."""
        retrainings.put(self._connection, record, _now())

    def put_canary(self, report: CanaryReport) -> None:
        """Publish the report of a self-test; that of the same champion, window and configuration is replaced."""
        self._execute(queries.upsert(self._dialect, CANARIES, canaries.canary_fields(report, _now())))

    def put_reading(self, reading: Reading, *, live: bool) -> None:
        """Keep what a run found; the reading of the same window at the same tick is replaced, once live stays live.

        Readings of how a run of a DAG itself went stand beside each other: it can be late, and then fail.
        """
        readings.put(self._connection, reading, live=live, now=_now())

    def lock_incidents(self) -> None:
        """Have the incidents alone up to the end of the transaction, so that of two findings the second sees the first.

        Another transaction waits here as long.
        """
        incidents.lock(self._connection)

    def open_incidents(self) -> list[Incident]:
        """Incidents that have not ended, the oldest first."""
        return [incidents.incident(row) for row in self._execute(incidents.select_open())]

    def incident(self, id: str) -> Incident | None:
        """The incident of an id; None when there is none."""
        row = self._execute(incidents.select_one(id)).one_or_none()
        return row and incidents.incident(row)

    def put_incident(self, incident: Incident) -> None:
        """Store how an incident stands."""
        incidents.put(self._connection, incident, _now())

    def add_transition(self, transition: Transition) -> None:
        """Keep what happened to a stored incident; what has its position already is left as it is."""
        incidents.add_transition(self._connection, transition)

    def told(self, incident: str) -> set[str]:
        """Addresses of the channels that have a loud letter of an incident, whether it was delivered or still waits."""
        return {row.channel for row in self._execute(letters.select_told(incident))}

    def post(self, letter: Letter) -> bool:
        """Put a letter into the outbox, unless one with its key to its channel is there; whether it was put.

        A loud letter about an incident does not wait behind earlier ones that are held back: what waits for the end of
        quiet hours becomes due with it, and what waits for a later digest is `bundled`, for it is told by this one.
        """
        return letters.post(self._connection, letter)

    def amend(self, key: str, channel: str, body: Mapping[str, Any]) -> bool:
        """Give a letter another body that waits and was never tried; whether there was one."""
        return bool(self._execute(letters.amend(key, channel, body)).rowcount)

    def withdraw(self, incident: str, channel: str, *, by: str) -> int:
        """Do not send what waits for a channel about an incident and was never tried; return how many letters.

        They are `bundled`: the letter with the key `by` says what there is to say.
        """
        return int(self._execute(letters.withdraw(incident, channel, by)).rowcount)

    @property
    def _dialect(self) -> str:
        return self._connection.dialect.name

    def _execute(self, statement: Any) -> Any:
        return self._connection.execute(statement)


def _now() -> datetime:
    return datetime.now(UTC)
