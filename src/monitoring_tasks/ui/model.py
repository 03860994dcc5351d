"""The page of one model: how it stands, how it did over a range of windows, and what was done about it."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Annotated, Any

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from monitoring_tasks.incidents.incident import Incident
from monitoring_tasks.orchestration.runtime import airflow_runtime
from monitoring_tasks.performance.headline import headline_of
from monitoring_tasks.policy.asking import learns
from monitoring_tasks.policy.verdict import Outcome, Verdict
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.store.board import PerformanceHead
from monitoring_tasks.store.database import Store
from monitoring_tasks.store.ledger import LedgerEntry
from monitoring_tasks.ui.access import MONITOR, PERFORMANCE, RETRAIN, Fleet
from monitoring_tasks.ui.actions import actions_for
from monitoring_tasks.ui.declared import declared_of
from monitoring_tasks.ui.html import page
from monitoring_tasks.ui.reports import kept
from monitoring_tasks.ui.windows import (
    READS_MODEL,
    One,
    Query,
    Shown,
    facts,
    links_of,
    performance_span,
    scores_of,
    shown_of,
)
from monitoring_tasks.views.heat_map import MOST, PAGE, heat_map, names_of, slots_of
from monitoring_tasks.views.model import drift_cards, faults_of, metric_cards, missing_of, segments_of, trials_of
from monitoring_tasks.views.overview import Facts, Row, Watched, rows_of
from monitoring_tasks.views.plots import Picture, drift_picture, metric_picture
from monitoring_tasks.views.ranges import DAYS, REFRESH
from monitoring_tasks.views.run import run_address
from monitoring_tasks.views.timeline import Strip

ROUTER = APIRouter(dependencies=READS_MODEL)
METRICS = 4
"""So many metrics are drawn; any other on demand."""
REASONS = 6


@dataclass(frozen=True)
class Drawn:
    """What is drawn: `metric` that one alone, `columns` that page of the heat map, or `all`."""

    metric: str = ""
    columns: str = ""


@ROUTER.get("/model/{dag_id}")
def model(
    request: Request, dag_id: str, fleet: One, user: GetUserDep, asked: Query, drawn: Annotated[Drawn, Depends()]
) -> Response:
    """One model, over the range of windows that is asked for."""
    name = next(iter(fleet.monitors))
    if dag_id != MONITOR + name:
        return RedirectResponse(f"{request.scope.get('root_path', '')}/model/{MONITOR}{name}", 303)
    runtime = airflow_runtime()
    shown = shown_of(runtime.store, name, asked)
    performance, past = _performance(runtime.store, shown), runtime.store.retrainings(name)
    declared = _declared(dag_id)
    return page(
        request,
        "model.html",
        **facts(request, shown),
        **_header(fleet, runtime, shown, performance),
        **_plots(shown, performance, drawn.metric),
        **_columns(request, runtime.store, shown, drawn.columns, declared["partial"]),
        **declared,
        actions=actions_for(fleet, name, user, past),
        trials=trials_of(past),
        choices={"days": DAYS, "refresh": REFRESH},
    )


def _declared(dag_id: str) -> dict[str, Any]:
    """What the YAML alone says: how derived columns are computed, and whether the model learns from outcomes.

    Where it is not at hand the model is taken to: most do. `partial` are the columns that some rows lack on purpose.
    """
    monitor = declared_of(dag_id)
    derived = monitor.derived if monitor is not None else {}
    return {
        "derived": {name: each.words for name, each in derived.items()},
        "partial": frozenset(name for name, each in derived.items() if each.where),
        "learns": not monitor or learns(monitor),
    }


def _performance(store: Store, shown: Shown) -> list[PerformanceHead]:
    """The performance of the windows that are asked for."""
    if shown.range is None:
        return []
    found = store.performance_windows(shown.name, performance_span(shown.range))
    mine = [each for each in found if shown.asked.champion in ("", each.subject.champion)]
    return [each for each in mine if shown.range.holds(each.subject.window)]


def _header(
    fleet: Fleet,
    runtime: Runtime,
    shown: Shown,
    performance: Sequence[PerformanceHead],
) -> dict[str, Any]:
    """How the model stands now, whatever range is asked for."""
    store, newest = runtime.store, shown.newest
    entry = store.latest_performance(shown.name)
    verdict = store.verdict(newest.subject) if newest else None
    # Where no rows came, both verdicts say so in the same words.
    told = list(dict.fromkeys([*(verdict.reasons if verdict else ()), *(_worse(entry.verdict) if entry else ())]))
    return {
        "row": _row(fleet, shown, [_judged(entry)] if entry else performance[-1:]),
        "reasons": told[:REASONS],
        "more_reasons": max(len(told) - REASONS, 0),
        "newest": newest,
        "newest_run": run_address(shown.dag_id, newest.subject) if newest else "",
        "has_report": newest is not None and newest.report is not None and kept(runtime.artifacts, newest.report),
        "performance_run": run_address(PERFORMANCE + shown.name, entry.verdict.subject) if entry else "",
        "dags": [each + shown.name for each in (MONITOR, PERFORMANCE, RETRAIN) if fleet.has(each, shown.name)],
        "strips": _strips(shown),
        "promotions": shown.promotions,
    }


def _strips(shown: Shown) -> dict[str, list[Strip]]:
    """Incidents of the range and those that are open, and those of other times."""
    now = [each for each in shown.strips if each in shown.timeline.strips or each.incident.open]
    return {"now": now, "before": [each for each in shown.strips if each not in now]}


def _worse(verdict: Verdict) -> tuple[str, ...]:
    return tuple(verdict.reasons) if verdict.outcome is not Outcome.HEALTHY else ()


def _judged(entry: LedgerEntry) -> PerformanceHead:
    said, verdict = entry.restatement, entry.verdict
    told = (verdict.outcome, verdict.severity, headline_of(said), entry.run, said.known_at)
    return PerformanceHead(verdict.subject, said.known_at, *told)


def _row(fleet: Fleet, shown: Shown, performance: Sequence[PerformanceHead]) -> Row:
    """The model's line of the overview."""
    name, dag = shown.name, fleet.monitors[shown.name]
    known = Facts(
        heads=[shown.newest] if shown.newest else [],
        performance=performance,
        incidents=_open(shown),
        promotions=shown.promotions,
        first_windows={name: min(each.first.start for each in shown.versions)} if shown.versions else {},
    )
    return rows_of([Watched(name, dag.owner, dag.paused, dag.next_start)], known)[0]


def _open(shown: Shown) -> list[Incident]:
    return [each.incident for each in shown.strips if each.incident.open and shown.name in each.incident.monitors]


def _plots(shown: Shown, performance: Sequence[PerformanceHead], metric: str) -> dict[str, Any]:
    """The cards and the plots over time: of the metrics that decide, or of the one that is asked for."""
    judged = next((each for each in reversed(performance) if each.outcome is not Outcome.LABELS_IMMATURE), None)
    told = {line.metric: line.name for head in performance for line in head.headline.lines}
    names = list(dict.fromkeys(line.metric for head in reversed(performance) for line in head.headline.lines))
    decisive = [name for name in names if any(_decides(head, name) for head in performance)] or names
    drawn = [metric] if metric in names else decisive[:METRICS]
    pictures: list[Picture] = [metric_picture(name, performance, shown.timeline) for name in drawn]
    return {
        "metric_cards": metric_cards(judged, performance[-1] if performance else None),
        "performance": performance,
        "immature": [each for each in performance if each.outcome is Outcome.LABELS_IMMATURE],
        "metrics": names,
        "names": told,
        "metric": metric if metric in names else "",
        "pictures": pictures,
    }


def _decides(head: PerformanceHead, name: str) -> bool:
    line = head.headline.line(name)
    return line is not None and line.status is not None


def _columns(request: Request, store: Store, shown: Shown, columns: str, partial: Set[str]) -> dict[str, Any]:
    """What is shown of columns: heat map, cards, segments and data quality."""
    slots = slots_of(shown.heads, shown.timeline)
    heads = [slot.head for slot in slots if slot.head]
    scores = scores_of(store, shown.name, heads)
    names, links = names_of(slots, scores), links_of(request, shown)
    pages = max(1, -(-len(names) // PAGE))
    number = _number(columns, pages)
    mine = names if number == 0 else names[(number - 1) * PAGE : number * PAGE]
    results = store.results(shown.head.subject) if shown.head else None
    found = results or []
    segments, faults = segments_of(found), faults_of(found)
    whole = {window: [each for each in found if each.column not in partial] for window, found in scores.items()}
    missing = missing_of([each.subject.window for each in heads], whole)
    cards = drift_cards(shown.head, scores.get(shown.head.subject.window, ()), partial) if shown.head else []
    return {
        "drift": drift_picture(shown.heads, shown.timeline) if shown.heads else None,
        "map": heat_map(slots, scores, mine, timeline=shown.timeline, links=links),
        "map_page": {"number": number, "pages": pages, "columns": len(names), "cut": len(shown.heads) > MOST},
        "drift_cards": cards,
        "rolled_up": shown.head is not None and results is None,
        "segments": segments[0],
        "segment_count": segments[1],
        "faults": faults[0],
        "fault_count": faults[1],
        "missing": missing[0],
        "missing_count": missing[1],
    }


def _number(columns: str, pages: int) -> int:
    """The page of the heat map that is asked for; 0 for all columns."""
    if columns == "all":
        return 0
    return min(max(1, int(columns)), pages) if columns.isascii() and columns.isdigit() and len(columns) < 7 else 1
