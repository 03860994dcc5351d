"""Performance: figures by window, and every version of one window."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query

from monitoring_tasks.performance.headline import line_of
from monitoring_tasks.performance.record import Figure
from monitoring_tasks.store.board import PerformanceHead
from monitoring_tasks.store.ledger import LedgerEntry
from monitoring_tasks.ui.api.asking import ABSENT, AskedStretch, KnownBy, Results, Seen, Stretch, window_of
from monitoring_tasks.ui.api.models import metrics as models
from monitoring_tasks.ui.api.models.base import Span
from monitoring_tasks.ui.api.verdicts import about

ROUTER = APIRouter(prefix="/monitors/{monitor}/metrics", responses=ABSENT, tags=["metrics"])


@ROUTER.get("", operation_id="list_metrics", summary="Performance by window")
def list_metrics(
    monitor: Seen,
    store: Results,
    asked: AskedStretch,
    known_by: KnownBy = None,
    segments: Annotated[bool, Query(description="With the figures of segments such as `plan=pro`.")] = False,
) -> models.Metrics:
    """Figures with their intervals, maturity, estimate and baseline, the oldest window first."""
    if known_by is None and not segments:
        found = _headlines(store, monitor, asked)
        chosen, following = asked.cut(found, lambda head: head.subject.window)
        lines = tuple(map(performance_line, chosen))
    else:
        entries = [] if asked.span is None else store.performance(monitor, asked.span, known_by=known_by)
        kept, following = asked.cut(entries, lambda entry: entry.restatement.window)
        lines = tuple(_entry_line(entry, segments=segments) for entry in kept)
    return models.Metrics(monitor=monitor, span=asked.span, windows=lines, next=following)


@ROUTER.get("/history", operation_id="get_history", summary="Every version of one window")
def get_history(
    monitor: Seen,
    store: Results,
    window: Annotated[str, Query(max_length=100, description="Its ends.", examples=["2013-03-01/2013-03-02"])],
) -> models.History:
    """How what is known of a window changed while its labels came in, the oldest version first."""
    wanted = window_of(window, "window")
    entries = store.restatements(monitor, wanted)
    if not entries:
        raise HTTPException(
            404, "nothing is known of this window's performance: list_metrics has the windows there are"
        )
    span = Span.model_validate(wanted)
    return models.History(monitor=monitor, window=span, restatements=tuple(map(_restatement, entries)))


def performance_line(head: PerformanceHead) -> models.PerformanceLine:
    """A verdict on performance in short as the API shows it."""
    return models.PerformanceLine(
        **about(head.subject),
        known_at=head.known_at,
        outcome=head.outcome,
        severity=head.severity,
        maturity=models.Maturity.model_validate(head.headline.maturity),
        metrics=tuple(map(models.Metric.model_validate, head.headline.lines)),
        run=dict(head.run),
    )


def _headlines(store: Results, monitor: str, asked: Stretch) -> Sequence[PerformanceHead]:
    if asked.span is None:
        return []
    return store.performance_windows(monitor, asked.span, after=asked.after, limit=asked.limit + 1)


def _entry_line(entry: LedgerEntry, *, segments: bool) -> models.PerformanceLine:
    said = entry.restatement
    figures = [each for each in said.figures if segments or not each.segment]
    return models.PerformanceLine(
        **about(entry.verdict.subject),
        known_at=said.known_at,
        outcome=entry.verdict.outcome,
        severity=entry.verdict.severity,
        maturity=models.Maturity.model_validate(said.maturity),
        metrics=tuple(_metrics(figures)),
        run=dict(entry.run),
    )


def _metrics(figures: Iterable[Figure]) -> list[models.Metric]:
    """Figures in short: those of all rows first, and of those the ones that decide."""
    shown = [(figure.segment, line_of(figure)) for figure in figures]
    shown.sort(key=lambda each: (each[0] != "", each[1].status is None))
    return [models.Metric.model_validate({**asdict(line), "segment": segment}) for segment, line in shown]


def _restatement(entry: LedgerEntry) -> models.Restatement:
    said, verdict = entry.restatement, entry.verdict
    return models.Restatement(
        version=entry.version,
        champion=said.champion,
        config_hash=said.config_hash,
        known_at=said.known_at,
        outcome=verdict.outcome,
        severity=verdict.severity,
        reasons=verdict.reasons,
        maturity=models.Maturity.model_validate(said.maturity),
        figures=tuple(asdict(figure) for figure in said.figures),
        operating=asdict(said.operating),
        notes=said.notes,
        run=dict(entry.run),
    )
