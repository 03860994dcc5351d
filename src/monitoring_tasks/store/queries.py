"""Statements of the results store, and the way between rows and objects: no connection is opened here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite

from monitoring_tasks.checks import CheckResult
from monitoring_tasks.policy.verdict import Subject, Verdict
from monitoring_tasks.scores import dumps_scores, headline_of, pack, scores_of, unpack
from monitoring_tasks.store.records import StoredVerdict
from monitoring_tasks.store.schema import SUBJECTS
from monitoring_tasks.window import Window, stamp

Fields = dict[str, Any]
Upsert = sqlite.Insert | postgresql.Insert


def digest(*parts: str) -> str:
    """SHA-256 of the parts: a key of fixed length, as unique as the parts together."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def subject_digest(subject: Subject) -> str:
    """Key of a subject's row."""
    window = subject.window
    return digest(subject.monitor, subject.champion, stamp(window.start), stamp(window.end), subject.config_hash)


def upsert(dialect: str, table: Table, row: Fields) -> Upsert:
    """Insert of `row`; where its primary key exists, an update of just the given fields. `dialect`: database's name."""
    statement = insert(dialect, table)
    keys = [column.name for column in table.primary_key]
    fields = {name: statement.excluded[name] for name in row if name not in keys}
    return statement.values(row).on_conflict_do_update(index_elements=keys, set_=fields)


def subject_fields(subject: Subject) -> Fields:
    """The fields of a subject's row that say which it is."""
    return {
        "digest": subject_digest(subject),
        "monitor": subject.monitor,
        "champion": subject.champion,
        **_window_fields(subject.window),
        "config_hash": subject.config_hash,
    }


def verdict_fields(verdict: Verdict, report: str | None, run: Mapping[str, str], now: datetime) -> Fields:
    """The whole row of a subject whose verdict is reached, but for its row count."""
    version = verdict.evidence.get("code_version")
    return {
        **subject_fields(verdict.subject),
        "outcome": verdict.outcome.value,
        "severity": int(verdict.severity),
        "code_version": None if version is None else str(version),
        "verdict": verdict.dumps().decode(),
        "report": report,
        "run": _text(run),
        "written_at": now,
    }


def results_fields(results: Sequence[CheckResult]) -> Fields:
    """The fields of a subject's row that hold its check results, whole and in short; `ValueError` on NaN in them."""
    return {"results": pack([result.to_json() for result in results]), "scores": dumps_scores(scores_of(results))}


def headline_field(results: Sequence[CheckResult], reasons: Sequence[str]) -> str:
    """What a subject's row says of its verdict in a line."""
    return json.dumps(headline_of(scores_of(results), reason=next(iter(reasons), "")).to_json())


def check_results(content: bytes) -> list[CheckResult]:
    """Inverse of what `results_fields` keeps of the results."""
    return [CheckResult.from_json(each) for each in unpack(content)]


def select_latest() -> Select[Any]:
    """The newest verdict of each monitor, by two index look-ups per monitor however many windows are stored.

    The recursive part walks from one monitor's name to the next (a loose index scan, which neither database does by
    itself); the newest window is the one that ends last, of several the one that starts last, then the last written.
    """
    first = select(func.min(SUBJECTS.c.monitor).label("monitor")).cte("monitors", recursive=True)
    following = select(func.min(SUBJECTS.c.monitor)).where(SUBJECTS.c.monitor > first.c.monitor).scalar_subquery()
    monitors = first.union_all(select(following).where(first.c.monitor.is_not(None)))
    inner = SUBJECTS.alias()
    newest = (
        select(inner.c.digest)
        .where(inner.c.monitor == monitors.c.monitor, inner.c.verdict.is_not(None))
        .order_by(*(inner.c[name].desc() for name in ("window_end", "window_start", "written_at", "digest")))
        .limit(1)
        .scalar_subquery()
    )
    return select(SUBJECTS).join(monitors, SUBJECTS.c.digest == newest).order_by(SUBJECTS.c.monitor)


def select_verdicts(monitor: str, span: Window | None) -> Select[Any]:
    """The monitor's windows that lie wholly in `span`, in order; for each the verdict that was written last."""
    table = SUBJECTS
    age = func.row_number().over(
        partition_by=(table.c.window_start, table.c.window_end),
        order_by=(table.c.written_at.desc(), table.c.digest),
    )
    wanted: list[ColumnElement[bool]] = [table.c.monitor == monitor, table.c.verdict.is_not(None)]
    if span is not None:
        wanted += [table.c.window_start >= span.start, table.c.window_end <= span.end]
    ranked = select(table, age.label("age")).where(*wanted).subquery()
    return select(ranked).where(ranked.c.age == 1).order_by(ranked.c.window_start, ranked.c.window_end)


def select_judgements(monitor: str, window: Window) -> Select[Any]:
    """Every verdict on one window, in the order written."""
    table = SUBJECTS
    same = (table.c.monitor == monitor, table.c.window_start == window.start, table.c.window_end == window.end)
    return select(table).where(*same, table.c.verdict.is_not(None)).order_by(table.c.written_at, table.c.digest)


def stored_verdict(row: Row[Any]) -> StoredVerdict:
    """A row of `monitoring_subjects` as an object."""
    return StoredVerdict(Verdict.from_json(json.loads(row.verdict)), row.report, json.loads(row.run), row.written_at)


def insert(dialect: str, table: Table) -> Upsert:
    """An insert that can say what to do about a row that is there; `dialect`: database's name."""
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def _window_fields(window: Window) -> Fields:
    return {"window_start": window.start, "window_end": window.end}


def _text(value: Mapping[str, Any]) -> str:
    # In the order given: a summary lists its top categories by share. Escaped to ASCII, so that any text is storable.
    return json.dumps(dict(value), allow_nan=False)
