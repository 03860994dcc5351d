"""Monitors as they stand: the overview's rows, and one monitor with its newest verdicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Query

from monitoring_tasks.ui.access import MONITOR, PERFORMANCE, RETRAIN, Fleet, Visible
from monitoring_tasks.ui.api.asking import ABSENT, Results, Seen
from monitoring_tasks.ui.api.incidents import as_seen
from monitoring_tasks.ui.api.metrics import performance_line
from monitoring_tasks.ui.api.models import monitors as models
from monitoring_tasks.ui.api.models.champions import Retraining
from monitoring_tasks.ui.api.models.metrics import Metric
from monitoring_tasks.ui.api.verdicts import verdict_line
from monitoring_tasks.ui.incidents import seen_by
from monitoring_tasks.ui.overview import rows_in
from monitoring_tasks.views.overview import Row, State, Wish, chosen

ROUTER = APIRouter(tags=["monitors"])
Order = Literal["severity", "name", "owner", "window", "drifted", "drop", "champion", "incidents"]


@dataclass(frozen=True)
class Page:
    """A page of a list, from 1."""

    number: int
    limit: int

    def of(self, rows: list[Row]) -> list[Row]:
        """The rows on this page."""
        return rows[(self.number - 1) * self.limit : self.number * self.limit]


def turned(
    page: Annotated[int, Query(ge=1, le=1_000_000, description="Which page, from 1.")] = 1,
    limit: Annotated[int, Query(ge=1, le=1000, description="So many monitors to a page.")] = 100,
) -> Page:
    """The page that a request asks for."""
    return Page(page, limit)


def wished(
    q: Annotated[str, Query(max_length=200, description="Text in the name, the owner or a drifted column.")] = "",
    owner: Annotated[str, Query(max_length=200, description="Owner of the DAG.")] = "",
    state: Annotated[State | None, Query(description="State.")] = None,
    sort: Annotated[Order, Query(description="The worst, the oldest or the first letter comes first.")] = "severity",
) -> Wish:
    """Which monitors a request asks for, in which order."""
    return Wish(q, owner, state or "", sort)


@ROUTER.get("/monitors", operation_id="list_monitors", summary="Every monitor in a row")
def list_monitors(
    fleet: Visible,
    store: Results,
    wish: Annotated[Wish, Depends(wished)],
    page: Annotated[Page, Depends(turned)],
) -> models.MonitorPage:
    """The monitors that you may see and that fit, by default the worst first."""
    found = chosen(rows_in(fleet, store), wish)
    pages = max(1, -(-len(found) // page.limit))
    rows = tuple(map(monitor_row, page.of(found)))
    return models.MonitorPage(monitors=rows, found=len(found), page=page.number, pages=pages)


@ROUTER.get("/monitors/{monitor}", operation_id="get_monitor", summary="One monitor", responses=ABSENT)
def get_monitor(monitor: Seen, fleet: Visible, store: Results) -> models.Monitor:
    """A monitor as it stands, with its newest verdicts, its open incidents and the retrainings that wait for people."""
    if monitor not in fleet.monitors:  # gone since it was asked for, or listed otherwise by the auth manager
        raise HTTPException(404, "no such monitor, or none that you may see: /api/v1/monitors lists those")
    row = rows_in(Fleet({monitor: fleet.monitors[monitor]}, fleet.dag_ids), store)[0]
    return models.Monitor(
        row=monitor_row(row),
        dags=tuple(f"{kind}{monitor}" for kind in (MONITOR, PERFORMANCE, RETRAIN) if fleet.has(kind, monitor)),
        verdict=verdict_line(row.drift) if row.drift else None,
        performance=performance_line(row.performance) if row.performance else None,
        incidents=tuple(as_seen(shown) for each in row.incidents if (shown := seen_by(fleet, each))),
        awaiting=tuple(map(Retraining.model_validate, row.awaiting)),
    )


def monitor_row(row: Row) -> models.MonitorRow:
    """A row of the overview as the API shows it."""
    return models.MonitorRow(
        monitor=row.name,
        owner=row.owner,
        paused=row.paused,
        behind=row.behind,
        state=row.state,
        severity=row.severity,
        why=row.why,
        champion=row.champion or None,
        champion_since=row.since,
        at_least=row.at_least,
        metric=None if row.metric is None else Metric.model_validate(row.metric),
        incidents=tuple(each.id for each in row.incidents),
        awaiting=len(row.awaiting),
        **_newest(row),
    )


def _newest(row: Row) -> dict[str, Any]:
    head = row.drift
    if head is None:
        return {"window": None, "outcome": None, "features": None, "drifted": None, "columns": ()}
    of = {name: getattr(head.headline, name) for name in ("features", "drifted", "columns")}
    return {"window": head.subject.window, "outcome": head.outcome, **of}
