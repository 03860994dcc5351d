"""What pages, metrics and other tools read of many monitors or windows at once: the store's rows in short."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Table, and_, func, literal, or_, select
from sqlalchemy.sql.selectable import CTE

from monitoring_tasks.performance.headline import PerformanceHeadline
from monitoring_tasks.policy.verdict import Outcome, Subject
from monitoring_tasks.scores import ColumnScore, Headline, loads_scores
from monitoring_tasks.severity import Severity
from monitoring_tasks.store import retrainings
from monitoring_tasks.store.engine import Database
from monitoring_tasks.store.records import REPLACED, RetrainingRecord
from monitoring_tasks.store.schema import LETTERS, PERFORMANCE, RETRAININGS, SUBJECTS, Words
from monitoring_tasks.window import Window


@dataclass(frozen=True)
class Head:
    """A verdict on drift in short. `rows` is None where a window of before did not keep how many it had.

    `run` says which run wrote it: `dag_id`, `run_id` and `run_type` in Airflow. `digest` is the key of its scores.
    """

    subject: Subject
    outcome: Outcome
    severity: Severity
    rows: int | None
    headline: Headline
    report: str | None
    run: Mapping[str, str]
    written_at: datetime
    digest: str


@dataclass(frozen=True)
class PerformanceHead:
    """The newest version of a verdict on performance in short."""

    subject: Subject
    known_at: datetime
    outcome: Outcome
    severity: Severity
    headline: PerformanceHeadline
    run: Mapping[str, str]
    written_at: datetime


@dataclass(frozen=True)
class Version:
    """A champion that judged windows of a monitor: the first of them, and the newest."""

    champion: str
    first: Window
    last: Window


class Board(Database):
    """Reads that are fast for a thousand monitors: a query each, however many monitors or windows there are.

    Those of all monitors read of one alone where it is named.
    """

    def heads(self, monitor: str | None = None) -> list[Head]:
        """The verdict on each monitor's newest window, ordered by monitor."""
        return [_head(row) for row in self._read(_select_newest(SUBJECTS, _HEAD, _ON_DRIFT, monitor=monitor))]

    def head(self, monitor: str) -> Head | None:
        """The verdict on a monitor's newest window; None where there is none."""
        return next(iter(self.heads(monitor)), None)

    def performance_heads(self, monitor: str | None = None) -> list[PerformanceHead]:
        """The verdict on the newest window of each monitor whose labels were enough to judge it, ordered by monitor.

        A monitor none of whose windows could be judged has the newest of them.
        """
        judged = _select_newest(PERFORMANCE, _PERFORMANCE_HEAD, _ON_PERFORMANCE, judged=True, monitor=monitor)
        return [_performance_head(row) for row in self._read(judged)]

    def windows(
        self, monitor: str, span: Window | None = None, *, after: Window | None = None, limit: int | None = None
    ) -> list[Head]:
        """Verdicts on a monitor's windows that lie wholly in `span`, ordered by window; the last written of each.

        Only those that come later in this order than the window `after`, and `limit` of them at most.
        """
        return [_head(row) for row in self._read(_select_windows(monitor, span, _HEAD, _Part(after, limit)))]

    def window_scores(
        self, monitor: str, span: Window | None = None, *, after: Window | None = None, limit: int | None = None
    ) -> dict[Window, tuple[ColumnScore, ...]]:
        """The scores of the same windows; of a window kept without scores none."""
        names = ("window_start", "window_end", "scores")
        rows = self._read(_select_windows(monitor, span, names, _Part(after, limit)))
        return {Window(row.window_start, row.window_end): _scores(row) for row in rows}

    def scores(self, digests: Collection[str]) -> dict[str, tuple[ColumnScore, ...]]:
        """The scores behind heads, by their digests."""
        found: dict[str, tuple[ColumnScore, ...]] = {}
        for some in _parts(sorted(digests)):
            rows = self._read(select(SUBJECTS.c.digest, SUBJECTS.c.scores).where(SUBJECTS.c.digest.in_(some)))
            found |= {row.digest: _scores(row) for row in rows}
        return found

    def performance_windows(
        self, monitor: str, span: Window | None = None, *, after: Window | None = None, limit: int | None = None
    ) -> list[PerformanceHead]:
        """The newest version of each window of a monitor's ledger that lies wholly in `span`, ordered by window.

        Only those that come later in this order than the window `after`, and `limit` of them at most.
        """
        return [_performance_head(row) for row in self._read(_select_ledger(monitor, span, _Part(after, limit)))]

    def found_by(self, monitor: str, dag_id: str, run_id: str, *, performance: bool = False) -> Subject | None:
        """What the newest verdict, on drift or on performance, is about that a run wrote and no later one wrote anew.

        None where there is none.
        """
        table = PERFORMANCE if performance else SUBJECTS
        every = _Part(None, None)
        windows = _select_ledger(monitor, None, every) if performance else _select_windows(monitor, None, _HEAD, every)
        # The column holds a run as JSON, in which its id stands as JSON writes it.
        rows = self._read(windows.where(table.c.run.contains(json.dumps(run_id), autoescape=True)))
        runs = ((row, json.loads(row.run)) for row in rows)
        mine = [row for row, run in runs if (run.get("dag_id"), run.get("run_id")) == (dag_id, run_id)]
        return _subject(mine[-1]) if mine else None

    def last_end(self, monitor: str) -> datetime | None:
        """The end of a monitor's newest window that was judged on drift or performance; None where there is none."""
        ends = [self._read(_select_last_end(table, monitor)) for table in (SUBJECTS, PERFORMANCE)]
        return max((rows[0].window_end for rows in ends if rows), default=None)

    def versions(self, monitor: str) -> list[Version]:
        """The champions that judged windows of a monitor, that of the newest window first."""
        rows = self._read(_select_versions(monitor))
        found = [
            Version(row.champion, Window(row.first, row.first_end), Window(row.last, row.last_end)) for row in rows
        ]
        return sorted(found, key=lambda each: (each.last.end, each.first.start), reverse=True)

    def first_windows(self, monitor: str | None = None) -> dict[str, datetime]:
        """When the window that ends first begins, of each monitor with a verdict."""
        names = ("monitor", "window_start")
        rows = self._read(_select_newest(SUBJECTS, names, _ON_DRIFT, oldest=True, monitor=monitor))
        return {row.monitor: row.window_start for row in rows}

    def retraining_counts(self) -> dict[tuple[str, str], int]:
        """How many retrainings of a monitor are, or ended, in a state."""
        columns = (RETRAININGS.c.monitor, RETRAININGS.c.state)
        rows = self._read(select(*columns, func.count().label("number")).group_by(*columns))
        return {(row.monitor, row.state): row.number for row in rows}

    def newest_performance_heads(self) -> list[PerformanceHead]:
        """The verdict on the newest window of each monitor's ledger, were its labels enough or not, by monitor."""
        newest = _select_newest(PERFORMANCE, _PERFORMANCE_HEAD, _ON_PERFORMANCE)
        return [_performance_head(row) for row in self._read(newest)]

    def letter_counts(self) -> dict[str, int]:
        """How many letters of the outbox are in a state."""
        rows = self._read(select(LETTERS.c.state, func.count().label("number")).group_by(LETTERS.c.state))
        return {row.state: row.number for row in rows}

    def awaiting(self, monitor: str | None = None) -> list[RetrainingRecord]:
        """Retrainings that wait for a person's approval, the oldest request first."""
        wanted = select(RETRAININGS).where(RETRAININGS.c.state == "awaiting")
        wanted = wanted if monitor is None else wanted.where(RETRAININGS.c.monitor == monitor)
        rows = self._read(wanted.order_by(RETRAININGS.c.requested_at, RETRAININGS.c.digest))
        return [retrainings.retraining_record(row) for row in rows]

    def promotions(self, monitor: str | None = None) -> list[RetrainingRecord]:
        """Retrainings and rollbacks that put another champion in place, the newest first."""
        wanted: list[ColumnElement[bool]] = [RETRAININGS.c.state.in_(sorted(REPLACED))]
        if monitor is not None:
            wanted.append(RETRAININGS.c.monitor == monitor)
        found = select(RETRAININGS).where(*wanted).order_by(RETRAININGS.c.closed_at.desc(), RETRAININGS.c.digest)
        return [_promotion(row.body) for row in self._read(found)]


_HEAD = (
    "digest",
    "monitor",
    "champion",
    "window_start",
    "window_end",
    "config_hash",
    "row_count",
    "outcome",
    "severity",
    "headline",
    "report",
    "run",
    "written_at",
)
_PERFORMANCE_HEAD = (
    "monitor",
    "champion",
    "window_start",
    "window_end",
    "config_hash",
    "known_at",
    "outcome",
    "severity",
    "headline",
    "run",
    "written_at",
)
_ON_DRIFT = ("window_end", "window_start", "written_at", "digest")
_ON_PERFORMANCE = ("window_end", "window_start", "known_at", "written_at", "digest")
_AT_ONCE = 900
"""SQLite takes so many values in a statement, whatever its version."""
_REMEMBERED = 4096
"""So many rows are kept as objects in a process; one takes a few kB."""


def _select_newest(
    table: Table,
    names: Sequence[str],
    order: Sequence[str],
    *,
    judged: bool = False,
    oldest: bool = False,
    monitor: str | None = None,
) -> Select[Any]:
    """Columns of the newest row of each monitor, or of one, by two index look-ups per monitor.

    `judged`: of the rows that could be judged, if the monitor has any.
    """
    one = select(literal(monitor, Words).label("monitor")).cte("monitors")
    monitors, inner = _monitors(table) if monitor is None else one, table.alias()
    wanted = [inner.c.monitor == monitors.c.monitor, inner.c.outcome.is_not(None)]
    turned = [inner.c[name].asc() if oldest else inner.c[name].desc() for name in order]
    newest = select(inner.c.digest).where(*wanted).order_by(*turned).limit(1)
    mature = newest.where(inner.c.outcome != Outcome.LABELS_IMMATURE.value).scalar_subquery()
    either = func.coalesce(mature, newest.scalar_subquery()) if judged else newest.scalar_subquery()
    found = select(*(table.c[name] for name in names)).join(monitors, table.c.digest == either)
    return found.order_by(table.c.monitor)


def _monitors(table: Table) -> CTE:
    """The names of the monitors in a table, by walking from one to the next over the index (a loose index scan)."""
    first = select(func.min(table.c.monitor).label("monitor")).cte("monitors", recursive=True)
    following = select(func.min(table.c.monitor)).where(table.c.monitor > first.c.monitor).scalar_subquery()
    return first.union_all(select(following).where(first.c.monitor.is_not(None)))


@dataclass(frozen=True)
class _Part:
    """The windows of a page: `limit` of those that come after one."""

    after: Window | None
    limit: int | None

    def of(self, found: Select[Any], table: Table) -> Select[Any]:
        """A selection in the order of windows, without those of other pages."""
        if self.after is not None:
            start, end = table.c.window_start, table.c.window_end
            later = and_(start == self.after.start, end > self.after.end)
            found = found.where(or_(start > self.after.start, later))
        return found.limit(self.limit)


def _select_windows(monitor: str, span: Window | None, names: Sequence[str], part: _Part) -> Select[Any]:
    table = SUBJECTS
    window = (table.c.window_start, table.c.window_end)
    age = func.row_number().over(partition_by=window, order_by=(table.c.written_at.desc(), table.c.digest))
    wanted = [table.c.monitor == monitor, table.c.outcome.is_not(None), *_within(table, span)]
    ranked = select(table.c.digest, age.label("age")).where(*wanted).subquery()
    found = select(*(table.c[name] for name in names)).join(ranked, ranked.c.digest == table.c.digest)
    return part.of(found.where(ranked.c.age == 1).order_by(*window), table)


def _select_ledger(monitor: str, span: Window | None, part: _Part) -> Select[Any]:
    table = PERFORMANCE
    window, order = (table.c.window_start, table.c.window_end), ("known_at", "written_at", "digest")
    age = func.row_number().over(partition_by=window, order_by=[table.c[name].desc() for name in order])
    ranked = (
        select(table.c.digest, age.label("age")).where(table.c.monitor == monitor, *_within(table, span)).subquery()
    )
    found = select(*(table.c[name] for name in _PERFORMANCE_HEAD)).join(ranked, ranked.c.digest == table.c.digest)
    return part.of(found.where(ranked.c.age == 1).order_by(*window), table)


def _select_versions(monitor: str) -> Select[Any]:
    """The ends of the windows of each champion; those of a schedule that begin last end last."""
    start, end = SUBJECTS.c.window_start, SUBJECTS.c.window_end
    ends = (func.min(start), func.min(end), func.max(start), func.max(end))
    names = ("first", "first_end", "last", "last_end")
    wanted = (SUBJECTS.c.monitor == monitor, SUBJECTS.c.outcome.is_not(None))
    columns = (each.label(name) for each, name in zip(ends, names, strict=True))
    return select(SUBJECTS.c.champion, *columns).where(*wanted).group_by(SUBJECTS.c.champion)


def _select_last_end(table: Table, monitor: str) -> Select[Any]:
    wanted = (table.c.monitor == monitor, table.c.outcome.is_not(None))
    return select(table.c.window_end).where(*wanted).order_by(table.c.window_end.desc()).limit(1)


def _within(table: Table, span: Window | None) -> list[Any]:
    return [] if span is None else [table.c.window_start >= span.start, table.c.window_end <= span.end]


def _parts(values: Sequence[str]) -> list[Sequence[str]]:
    return [values[first : first + _AT_ONCE] for first in range(0, len(values), _AT_ONCE)]


def _subject(row: Row[Any]) -> Subject:
    return Subject(row.monitor, row.champion, Window(row.window_start, row.window_end), row.config_hash)


# Of a thousand monitors few have another verdict than a minute ago: to read the rest again takes most of a page's time.
@lru_cache(maxsize=_REMEMBERED)
def _head(row: Row[Any]) -> Head:
    return Head(
        subject=_subject(row),
        outcome=Outcome(row.outcome),
        severity=Severity(row.severity),
        rows=row.row_count,
        headline=Headline.from_json(json.loads(row.headline)) if row.headline else Headline(),
        report=row.report,
        run=json.loads(row.run),
        written_at=row.written_at,
        digest=row.digest,
    )


@lru_cache(maxsize=_REMEMBERED)
def _performance_head(row: Row[Any]) -> PerformanceHead:
    return PerformanceHead(
        subject=_subject(row),
        known_at=row.known_at,
        outcome=Outcome(row.outcome),
        severity=Severity(row.severity),
        headline=PerformanceHeadline.from_json(json.loads(row.headline)),
        run=json.loads(row.run),
        written_at=row.written_at,
    )


@lru_cache(maxsize=_REMEMBERED)
def _promotion(body: str) -> RetrainingRecord:
    return RetrainingRecord.from_json(json.loads(body))


def _scores(row: Row[Any]) -> tuple[ColumnScore, ...]:
    return loads_scores(row.scores) if row.scores else ()
