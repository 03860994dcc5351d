"""Statements of the results store, and the way between rows and objects: no connection is opened here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite

from monitoring_tasks.checks import Check, CheckResult, Evidence, Status, Suite
from monitoring_tasks.policy.verdict import Subject, Verdict
from monitoring_tasks.store.records import StoredVerdict
from monitoring_tasks.store.schema import CHECK_RESULTS, SUBJECTS
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


def result_fields(subject: Subject, position: int, result: CheckResult) -> Fields:
    """The row of one check result; `position` is its place among the subject's results, from 0."""
    return {
        "digest": subject_digest(subject),
        "position": position,
        "suite": result.suite.value,
        "check_name": result.check.value,
        "status": result.status.value,
        "column_name": result.column,
        "method": result.method,
        "value": _number(result.value),
        "threshold": _number(result.threshold),
        "large": bool(result.large),
        "severe": bool(result.severe),
        "detail": result.detail,
        "reference_summary": _text(result.reference),
        "current_summary": _text(result.current),
        "evidence": None if result.evidence is None else _text(asdict(result.evidence)),
        "season": result.season,
        "cause": result.cause,
        "segment": result.segment,
    }


def select_results(subject: Subject) -> Select[Any]:
    """The subject's results in order; one row without a position when it has none, no row when it is unknown."""
    joined = SUBJECTS.outerjoin(CHECK_RESULTS)
    return (
        select(CHECK_RESULTS)
        .select_from(joined)
        .where(SUBJECTS.c.digest == subject_digest(subject))
        .order_by(CHECK_RESULTS.c.position)
    )


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


def check_result(row: Row[Any]) -> CheckResult:
    """A row of `monitoring_check_results` as an object."""
    return CheckResult(
        suite=Suite(row.suite),
        check=Check(row.check_name),
        status=Status(row.status),
        column=row.column_name,
        method=row.method,
        value=row.value,
        threshold=row.threshold,
        large=row.large,
        severe=row.severe,
        detail=row.detail,
        reference=json.loads(row.reference_summary),
        current=json.loads(row.current_summary),
        evidence=None if row.evidence is None else Evidence(**json.loads(row.evidence)),
        season=row.season,
        cause=row.cause,
        segment=row.segment,
    )


def insert(dialect: str, table: Table) -> Upsert:
    """An insert that can say what to do about a row that is there; `dialect`: database's name."""
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def _window_fields(window: Window) -> Fields:
    return {"window_start": window.start, "window_end": window.end}


def _text(value: Mapping[str, Any]) -> str:
    # In the order given: a summary lists its top categories by share. Escaped to ASCII, so that any text is storable.
    return json.dumps(dict(value), allow_nan=False)


def _number(value: float | None) -> float | None:
    # A NumPy number is a float to Python, but not to a database driver.
    return None if value is None else float(value)
