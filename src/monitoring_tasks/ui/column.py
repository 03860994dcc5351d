"""The page of one column of a model: how it is distributed in a window and in the reference, and how it went."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from monitoring_tasks.alerts.message import Plot
from monitoring_tasks.checks import Check, CheckResult
from monitoring_tasks.orchestration.runtime import airflow_runtime
from monitoring_tasks.report import run_folder
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.scores import ColumnScore
from monitoring_tasks.store.board import Head
from monitoring_tasks.store.database import Store
from monitoring_tasks.ui.access import MONITOR
from monitoring_tasks.ui.declared import declared_of
from monitoring_tasks.ui.html import page
from monitoring_tasks.ui.reports import subject_of
from monitoring_tasks.ui.windows import READS_MODEL, One, Query, Shown, facts, links_of, scores_of, shown_of
from monitoring_tasks.views.column import checks_of, neighbours, of_column, pictures_of, segments_of, sides_of
from monitoring_tasks.views.heat_map import MOST, names_of, slots_of
from monitoring_tasks.views.plots import bars_picture
from monitoring_tasks.views.ranges import DAYS, REFRESH
from monitoring_tasks.views.run import run_address
from monitoring_tasks.views.words import span
from monitoring_tasks.window import Window
from monitoring_tasks.window_story import PICTURES

ROUTER = APIRouter(dependencies=READS_MODEL)


@ROUTER.get("/model/{dag_id}/column/{column:path}")
def column(request: Request, dag_id: str, column: str, fleet: One, asked: Query, window: str = "") -> Response:
    """One column; `window` says which window is compared with the reference: the newest of the range, or that one."""
    name = next(iter(fleet.monitors))
    if dag_id != MONITOR + name:
        return RedirectResponse(f"{request.scope.get('root_path', '')}/model/{MONITOR}{name}", 303)
    runtime = airflow_runtime()
    shown = shown_of(runtime.store, name, asked)
    head = _head(runtime.store, shown, window)
    heads = shown.heads[-MOST:]
    scores = scores_of(runtime.store, name, heads)
    mine, results = of_column(scores, column), runtime.store.results(head.subject) if head else None
    if not mine and not any(each.column == column for each in results or ()):
        raise HTTPException(404, "no such column was checked in these windows: the model's page lists those that were")
    return page(
        request,
        "column.html",
        **facts(request, shown),
        **_window(runtime, head, results, column),
        **_over_time(request, shown, heads, scores, mine, column),
        column=column,
        derivation=_derivation(dag_id, column),
        watched=any(each.check is Check.LEVEL and each.column == column for each in results or ()),
        window=head,
        window_text=window,
        choices={"days": DAYS, "refresh": REFRESH},
    )


def _derivation(dag_id: str, column: str) -> str:
    """How a derived column is computed, in words; empty of a logged one, and where no YAML is found."""
    monitor = declared_of(dag_id)
    derived = monitor.derived.get(column) if monitor is not None else None
    return derived.words if derived is not None else ""


def _head(store: Store, shown: Shown, window: str) -> Head | None:
    """The window that is compared with the reference."""
    if not window:
        return shown.head
    found = subject_of(shown.dag_id, "any", window, "any")
    if found is None:
        raise HTTPException(400, "window is no window: write it like 2013-06-04T000000_2013-06-11T000000")
    heads = store.windows(shown.name, found.window)
    head = next((each for each in heads if each.subject.window == found.window), None)
    if head is None:
        raise HTTPException(404, "no such window was judged: the model's page lists those that were")
    return head


def _window(runtime: Runtime, head: Head | None, results: Sequence[CheckResult] | None, column: str) -> dict[str, Any]:
    """What is known of the column in one window."""
    checks = checks_of(results or (), column)
    segments, count = segments_of(results or (), column)
    # Of no rows no value has a share, not even none.
    plot = _plot(runtime, head, column) if head and head.rows != 0 else None
    title = f"Reference and {span(head.subject.window)}" if head else ""
    return {
        "checks": checks,
        "sides": sides_of(checks),
        "segments": segments,
        "segment_count": count,
        "rolled_up": head is not None and results is None,
        "bars": bars_picture(plot, title) if plot else None,
        "run": run_address(MONITOR + head.subject.monitor, head.subject) if head else "",
    }


def _plot(runtime: Runtime, head: Head, column: str) -> Plot | None:
    """The picture that the run kept of the column; None where it kept none, or keeps it no more."""
    key = f"{run_folder(head.subject)}/{PICTURES}"
    try:
        stored = runtime.artifacts.read(key)
    except ValueError:  # a champion whose name is no part of a path: nothing was kept under it
        return None
    found = json.loads(stored).get(column) if stored else None
    return Plot.from_json(found) if found else None


def _over_time(
    request: Request,
    shown: Shown,
    heads: Sequence[Head],
    scores: Mapping[Window, Sequence[ColumnScore]],
    mine: Mapping[Window, ColumnScore],
    column: str,
) -> dict[str, Any]:
    """The column's history, and the columns beside it in the order of the model's page."""
    before, after = neighbours(names_of(slots_of(heads, shown.timeline), scores), column)
    links = links_of(request, shown)
    newest = max(mine, key=lambda window: window.end, default=None)
    return {
        "pictures": pictures_of(heads, mine, shown.timeline),
        "score": mine[newest] if newest else None,
        "before": before,
        "after": after,
        "windows": [(span_text(head.subject.window), head) for head in reversed(heads)],
        "strips": [each for each in shown.timeline.strips if column in each.columns],
        "column_here": links.column(column),
    }


def span_text(window: Window) -> str:
    """A window as it stands in addresses."""
    return f"{window.start:%Y-%m-%dT%H%M%S}_{window.end:%Y-%m-%dT%H%M%S}"
