"""What the store gives up with time: check results first, later verdicts and figures, in transactions of bounded size.

A page of old rows is read without a lock, then changed in small transactions, each of which looks at the rows' age
again: one that was written anew meanwhile stays. Whoever is ended between two of them leaves nothing half done.

Space that becomes free is used again by what comes; no file shrinks. To shrink one the whole of it must be written
anew, while nobody else writes: `VACUUM` in SQLite, `VACUUM FULL` in PostgreSQL are for people to start.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, Row, Select, Table, and_, delete, exists, func, or_, select, update

from monitoring_tasks.policy.verdict import Outcome, Subject
from monitoring_tasks.store import incidents, retrainings
from monitoring_tasks.store.engine import Database
from monitoring_tasks.store.records import OPEN_STATES, RetrainingRecord
from monitoring_tasks.store.schema import CANARIES, PERFORMANCE, RETRAININGS, SUBJECTS
from monitoring_tasks.window import Window

AT_ONCE = 500
"""So many rows are changed in a transaction: about 30 MB of check results, a fraction of a second."""
PAGE = 10 * AT_ONCE
"""So many rows are looked at in one read."""
Kind = Literal["drift", "performance"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_TABLES: Mapping[Kind, Table] = {"drift": SUBJECTS, "performance": PERFORMANCE}
_IDENTITY = ("digest", "monitor", "champion", "window_start", "window_end", "config_hash")


@dataclass(frozen=True)
class Old:
    """A row that is not needed any more, by its key, and the subject whose artifacts go with it."""

    digest: str
    subject: Subject


class Retention(Database):
    """Forgetting what is old: what was written before a moment, `before`."""

    def roll_up(self, before: datetime) -> int:
        """Give up check results that were written before a moment; return of how many windows.

        Scores, headline and verdict stay. Results without a verdict are as old as their window. A window that is
        looked at again has its results computed anew. What is held for an open incident or retraining stays.
        """
        fields = update(SUBJECTS).values(results=None)
        return sum(
            self._change(fields.where(SUBJECTS.c.digest.in_(some), _written(SUBJECTS) < before))
            for page in self._pages(_select_full(before))
            for some in _parts(page)
        )

    def old(self, kind: Kind, before: datetime) -> Iterator[list[Old]]:
        """Verdicts (drift), or entries of the ledger (performance), written before a moment; by window, page by page.

        Not among them: the newest verdict of each monitor; the newest window of its ledger that could be judged, and
        any after that; an entry of a window of which one was written since, for versions of a window go together;
        windows of which an open incident or retraining is about.
        """
        yield from self._pages(_select_verdicts(before) if kind == "drift" else _select_entries(before))

    def purge(self, kind: Kind, found: Sequence[Old], before: datetime) -> int:
        """Delete rows that `old` found, but for those that were written anew since; return how many."""
        table = _TABLES[kind]
        return sum(
            self._change(delete(table).where(table.c.digest.in_(some), _written(table) < before))
            for some in _parts(found)
        )

    def purge_canaries(self, before: datetime) -> int:
        """Delete reports of self-tests written before a moment, but for those of each monitor's newest window."""
        table, later = CANARIES, CANARIES.alias()
        newest = select(func.max(later.c.window_end)).where(later.c.monitor == table.c.monitor).scalar_subquery()
        wanted = (table.c.written_at < before, table.c.window_end < newest)
        return sum(
            self._change(delete(table).where(table.c.digest.in_(some), table.c.written_at < before))
            for page in self._pages(select(*_identity(table)).where(*wanted))
            for some in _parts(page)
        )

    def _change(self, statement: Any) -> int:
        with self._writing() as connection:
            return int(connection.execute(statement).rowcount)

    def _pages(self, wanted: Select[Any]) -> Iterator[list[Old]]:
        """The rows of a selection that nobody needs, in pages; each page begins where the one before ended."""
        held, last = self._held(), None
        while rows := self._read(_following(wanted, last)):
            last = rows[-1]
            found = (_old(row) for row in rows)
            yield [each for each in found if not _is_held(each.subject, held)]

    def _held(self) -> dict[str, datetime]:
        """From which moment on the windows of a monitor are held, for open incidents and retrainings."""
        held: dict[str, datetime] = {}
        for monitor, since in (*self._of_incidents(), *self._of_retrainings()):
            held[monitor] = min(held.get(monitor, since), since)
        return held

    def _of_incidents(self) -> Iterator[tuple[str, datetime]]:
        for incident in map(incidents.incident, self._read(incidents.select_open())):
            yield from ((member.monitor, member.first.start) for member in incident.members)

    def _of_retrainings(self) -> Iterator[tuple[str, datetime]]:
        asked = select(RETRAININGS).where(RETRAININGS.c.state.in_(sorted(OPEN_STATES)))
        for record in map(retrainings.retraining_record, self._read(asked)):
            yield record.monitor, _begin(record)


def _begin(record: RetrainingRecord) -> datetime:
    return min([record.window_end, *(each.start for each in (record.training, record.evaluation) if each)])


def _is_held(subject: Subject, held: Mapping[str, datetime]) -> bool:
    return subject.monitor in held and subject.window.end > held[subject.monitor]


def _select_full(before: datetime) -> Select[Any]:
    return select(*_identity(SUBJECTS)).where(SUBJECTS.c.results.is_not(None), _written(SUBJECTS) < before)


def _select_verdicts(before: datetime) -> Select[Any]:
    table, later = SUBJECTS, SUBJECTS.alias()
    judged = (later.c.monitor == table.c.monitor, later.c.outcome.is_not(None))
    newest = select(func.max(later.c.window_end)).where(*judged).scalar_subquery()
    # What was checked and never judged is no monitor's last word.
    spent = or_(table.c.outcome.is_(None), table.c.window_end < newest)
    return select(*_identity(table)).where(_written(table) < before, spent)


def _select_entries(before: datetime) -> Select[Any]:
    table, other, later = PERFORMANCE, PERFORMANCE.alias(), PERFORMANCE.alias()
    newest = select(func.max(other.c.window_end)).where(other.c.monitor == table.c.monitor)
    judged = newest.where(other.c.outcome != Outcome.LABELS_IMMATURE.value)
    last = func.coalesce(judged.scalar_subquery(), newest.scalar_subquery())
    same = (later.c[name] == table.c[name] for name in ("monitor", "window_end", "window_start"))
    restated = exists().where(*same, later.c.written_at >= before)
    return select(*_identity(table)).where(table.c.written_at < before, table.c.window_end < last, ~restated)


def _following(wanted: Select[Any], last: Row[Any] | None) -> Select[Any]:
    end, key = wanted.selected_columns["window_end"], wanted.selected_columns["digest"]
    if last is not None:
        wanted = wanted.where(or_(end > last.window_end, and_(end == last.window_end, key > last.digest)))
    return wanted.order_by(end, key).limit(PAGE)


def _written(table: Table) -> ColumnElement[datetime]:
    return func.coalesce(table.c.written_at, table.c.window_end)


def _identity(table: Table) -> list[ColumnElement[Any]]:
    return [table.c[name] for name in _IDENTITY]


def _parts(found: Sequence[Old]) -> Iterator[list[str]]:
    for first in range(0, len(found), AT_ONCE):
        yield [each.digest for each in found[first : first + AT_ONCE]]


def _old(row: Row[Any]) -> Old:
    return Old(
        row.digest, Subject(row.monitor, row.champion, Window(row.window_start, row.window_end), row.config_hash)
    )
