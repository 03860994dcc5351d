"""Verdicts on drift and the scores behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Path, Query

from monitoring_tasks.checks import CheckResult
from monitoring_tasks.orchestration.links import report_path
from monitoring_tasks.policy.verdict import Subject
from monitoring_tasks.report import report_key, run_folder
from monitoring_tasks.scores import ColumnScore, Role
from monitoring_tasks.store.board import Head
from monitoring_tasks.store.records import StoredVerdict
from monitoring_tasks.ui.access import MONITOR
from monitoring_tasks.ui.api.asking import ABSENT, AskedStretch, Results, Seen
from monitoring_tasks.ui.api.models import verdicts as models
from monitoring_tasks.ui.api.models.base import Span
from monitoring_tasks.ui.reports import subject_of
from monitoring_tasks.window import Window

ROUTER = APIRouter(prefix="/monitors/{monitor}", responses=ABSENT)
_FIELDS = {
    "method": "method",
    "score": "score",
    "threshold": "threshold",
    "status": "drift",
    "missing": "missing",
    "quality": "quality",
}
"""What a series calls a score's fields."""


@ROUTER.get("/verdicts", operation_id="list_verdicts", summary="Verdicts by window", tags=["verdicts"])
def list_verdicts(monitor: Seen, store: Results, asked: AskedStretch) -> models.VerdictPage:
    """Verdicts on drift in short, the oldest window first."""
    found = [] if asked.span is None else store.windows(monitor, asked.span, after=asked.after, limit=asked.limit + 1)
    heads, following = asked.cut(found, lambda head: head.subject.window)
    lines = tuple(map(verdict_line, heads))
    return models.VerdictPage(monitor=monitor, span=asked.span, verdicts=lines, next=following)


@ROUTER.get(
    "/verdicts/{champion:path}/{span}/{config_hash}",
    operation_id="get_verdict",
    summary="One verdict, whole",
    tags=["verdicts"],
)
def get_verdict(
    monitor: Seen,
    store: Results,
    champion: Annotated[str, Path(description="Version of the champion.", examples=["v1.0.0-0a1b2c3d"])],
    span: Annotated[str, Path(description="The window.", examples=["2013-03-01T000000_2013-03-02T000000"])],
    config_hash: Annotated[str, Path(description="Hash of the configuration in force.")],
) -> models.Verdict:
    """A verdict with its evidence and every check result; `list_verdicts` gives its path."""
    subject = subject_of(f"{MONITOR}{monitor}", champion, span, config_hash)
    written: Sequence[StoredVerdict] = [] if subject is None else store.judgements(monitor, subject.window)
    stored = next((each for each in written if each.verdict.subject == subject), None)
    if stored is None:
        raise HTTPException(404, "no such verdict: the list of the monitor's verdicts has the path of each")
    return _whole(stored, store.results(stored.verdict.subject))


@ROUTER.get("/scores", operation_id="list_scores", summary="Drift scores by column and window", tags=["verdicts"])
def list_scores(
    monitor: Seen,
    store: Results,
    asked: AskedStretch,
    column: Annotated[list[str] | None, Query(max_length=100, description="Only these columns.")] = None,
) -> models.Scores:
    """Scores, thresholds and missing shares, column by column: each list has a place for each of `windows`."""
    found: Mapping[Window, Sequence[ColumnScore]] = {}
    if asked.span is not None:
        found = store.window_scores(monitor, asked.span, after=asked.after, limit=asked.limit + 1)
    windows, following = asked.cut(list(found), lambda window: window)
    series = _series([found[window] for window in windows], set(column or ()))
    spans = tuple(map(Span.model_validate, windows))
    return models.Scores(monitor=monitor, span=asked.span, windows=spans, columns=series, next=following)


def verdict_line(head: Head) -> models.VerdictLine:
    """A verdict in short as the API shows it."""
    parts = (quote(part, safe="") for part in run_folder(head.subject).split("/")[2:])
    return models.VerdictLine(
        **about(head.subject),
        outcome=head.outcome,
        severity=head.severity,
        rows=head.rows,
        headline=models.Headline.model_validate(head.headline),
        run=dict(head.run),
        written_at=head.written_at,
        path=f"/monitors/{head.subject.monitor}/verdicts/{'/'.join(parts)}",
    )


def about(subject: Subject) -> dict[str, Any]:
    """What every verdict says of its subject."""
    window = Span.model_validate(subject.window)
    return {
        "monitor": subject.monitor,
        "champion": subject.champion,
        "window": window,
        "config_hash": subject.config_hash,
    }


def _whole(stored: StoredVerdict, results: Sequence[CheckResult] | None) -> models.Verdict:
    verdict = stored.verdict
    page = report_path(f"{MONITOR}{verdict.subject.monitor}", report_key(verdict.subject))
    return models.Verdict(
        **about(verdict.subject),
        outcome=verdict.outcome,
        severity=verdict.severity,
        actions=verdict.actions,
        reasons=verdict.reasons,
        evidence=dict(verdict.evidence),
        results=None if results is None else tuple(map(models.CheckResult.model_validate, results)),
        report=None if stored.report is None else page,
        run=dict(stored.run),
        written_at=stored.written_at,
    )


def _series(windows: Sequence[Sequence[ColumnScore]], wanted: Set[str]) -> tuple[models.ColumnSeries, ...]:
    """The scores of windows turned by column, in the order in which columns are met."""
    rows = [{score.column: score for score in scores if not wanted or score.column in wanted} for scores in windows]
    roles = {name: score.role for row in reversed(rows) for name, score in row.items()}
    columns = dict.fromkeys(name for row in rows for name in row)
    return tuple(_column(name, roles[name], [row.get(name, _NOTHING) for row in rows]) for name in columns)


def _column(name: str, role: Role, scores: Sequence[ColumnScore]) -> models.ColumnSeries:
    lists = {field: [getattr(score, of) for score in scores] for field, of in _FIELDS.items()}
    return models.ColumnSeries(column=name, role=role, **lists)


_NOTHING = ColumnScore("")
