"""The ledger of performance in the results store: every restatement of every window, none ever replaced by another."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, literal, select

from monitoring_tasks.checks import CheckResult
from monitoring_tasks.performance.headline import headline_of
from monitoring_tasks.performance.record import Restatement
from monitoring_tasks.policy.verdict import Outcome, Verdict
from monitoring_tasks.store.queries import Fields, digest
from monitoring_tasks.store.schema import PERFORMANCE
from monitoring_tasks.window import Window, stamp


@dataclass(frozen=True)
class LedgerEntry:
    """One version of what is known of a window: its figures, the checks of them, and what they amount to.

    `version` counts the window's entries in the order of `restatement.known_at`, from 1. `run` says which run wrote it.
    """

    restatement: Restatement
    results: tuple[CheckResult, ...]
    verdict: Verdict
    run: Mapping[str, str]
    version: int = 1


def ledger_fields(entry: LedgerEntry, now: datetime) -> Fields:
    """The row of one entry; only one that holds the same is replaced."""
    said, body, verdict = entry.restatement, entry.restatement.dumps().decode(), entry.verdict.dumps().decode()
    window, results = said.window, json.dumps([result.to_json() for result in entry.results], allow_nan=False)
    span = (stamp(window.start), stamp(window.end))
    return {
        "digest": digest(said.monitor, said.champion, *span, said.config_hash, stamp(said.known_at), body, verdict),
        "monitor": said.monitor,
        "window_start": window.start,
        "window_end": window.end,
        "champion": said.champion,
        "config_hash": said.config_hash,
        "known_at": said.known_at,
        "outcome": entry.verdict.outcome.value,
        "severity": int(entry.verdict.severity),
        # Escaped to ASCII, so that any text is storable.
        "body": json.dumps(json.loads(body), sort_keys=True),
        "results": results,
        "verdict": json.dumps(json.loads(verdict)),
        "run": json.dumps(dict(entry.run)),
        "written_at": now,
        "headline": json.dumps(headline_of(said).to_json(), allow_nan=False),
    }


def select_entries(monitor: str, span: Window | None, known_by: datetime | None) -> Select[Any]:
    """Entries of the monitor's windows that lie wholly in `span`, known by a moment, with version and age.

    Ordered by window, then version. `age` is 1 for the newest version of each window.
    """
    table, columns = PERFORMANCE, PERFORMANCE.c
    window, order = (columns.window_start, columns.window_end), (columns.known_at, columns.written_at, columns.digest)
    version = func.row_number().over(partition_by=window, order_by=order)
    age = func.row_number().over(partition_by=window, order_by=[column.desc() for column in order])
    wanted: list[ColumnElement[bool]] = [columns.monitor == monitor]
    if span is not None:
        wanted += [columns.window_start >= span.start, columns.window_end <= span.end]
    if known_by is not None:
        wanted.append(columns.known_at <= known_by)
    return select(table, version.label("version"), age.label("age")).where(*wanted).order_by(*window, *order)


def select_first(monitor: str, span: Window) -> Select[Any]:
    """Window and champion of version 1 of the monitor's windows that lie wholly in `span`."""
    versions = select_entries(monitor, span, None).order_by(None).subquery()
    columns = (versions.c.window_start, versions.c.window_end, versions.c.champion)
    return select(*columns).where(versions.c.version == 1)


def select_judged(monitor: str) -> Select[Any]:
    """The newest version of the newest window that could be judged: of younger ones labels are waited for."""
    table, columns = PERFORMANCE, PERFORMANCE.c
    order = (columns.window_end, columns.window_start, columns.known_at, columns.written_at, columns.digest)
    wanted = (columns.monitor == monitor, columns.outcome != Outcome.LABELS_IMMATURE.value)
    found = select(table, literal(1).label("version")).where(*wanted)
    return found.order_by(*(column.desc() for column in order)).limit(1)


def newest(rows: Sequence[Row[Any]]) -> list[LedgerEntry]:
    """The newest version of each window among rows of `select_entries`."""
    return [ledger_entry(row) for row in rows if row.age == 1]


def ledger_entry(row: Row[Any]) -> LedgerEntry:
    """A row of `monitoring_performance` as an object."""
    return LedgerEntry(
        Restatement.from_json(json.loads(row.body)),
        tuple(CheckResult.from_json(each) for each in json.loads(row.results)),
        Verdict.from_json(json.loads(row.verdict)),
        json.loads(row.run),
        row.version,
    )
