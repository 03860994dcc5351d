"""The overview page: every model that the person may see."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from monitoring_tasks.orchestration.runtime import airflow_runtime
from monitoring_tasks.store.database import Store
from monitoring_tasks.ui.access import SIGNED_IN, Fleet, Visible
from monitoring_tasks.ui.html import page
from monitoring_tasks.views.overview import (
    ORDERS,
    PAGE,
    SPOKEN_ORDERS,
    STATES,
    Facts,
    Row,
    Watched,
    Wish,
    chosen,
    rows_of,
)

ROUTER = APIRouter(dependencies=[SIGNED_IN])
Text = Annotated[str, Query(max_length=200)]


@ROUTER.get("/", response_class=HTMLResponse)
def overview(
    request: Request, fleet: Visible, q: Text = "", owner: Text = "", state: Text = "", sort: Text = "severity"
) -> HTMLResponse:
    """Models as lines, the worst first; `q`, `owner` and `state` choose some, `sort` orders them, `page` turns."""
    rows = rows_in(fleet, airflow_runtime().store)
    wish = Wish(q, owner, state, sort, _page(request))
    found = chosen(rows, wish)
    pages = max(1, -(-len(found) // PAGE))
    number = min(wish.page, pages)
    return page(
        request,
        "overview.html",
        rows=found[(number - 1) * PAGE : number * PAGE],
        found=len(found),
        counts=_counts(rows),
        owners=sorted({row.owner for row in rows}),
        wish=wish,
        asked={"q": q, "owner": owner, "state": state, "sort": sort if sort in ORDERS else "severity"},
        states=STATES,
        orders=SPOKEN_ORDERS,
        pages=pages,
        number=number,
    )


def rows_in(fleet: Fleet, store: Store) -> list[Row]:
    """The rows of the monitors in a fleet; of a fleet of one nothing is read of other monitors."""
    only = next(iter(fleet.monitors)) if len(fleet.monitors) == 1 else None
    facts = Facts(
        heads=store.heads(only),
        performance=store.performance_heads(only),
        incidents=store.incidents(only, open_only=True),
        awaiting=store.awaiting(only),
        promotions=store.promotions(only),
        first_windows=store.first_windows(only),
    )
    return rows_of(
        [Watched(name, dag.owner, dag.paused, dag.next_start) for name, dag in fleet.monitors.items()], facts
    )


def _page(request: Request) -> int:
    given = request.query_params.get("page", "1")
    return max(1, int(given)) if given.isascii() and given.isdigit() and len(given) < 7 else 1


def _counts(rows: list[Row]) -> dict[str, int]:
    states = [row.state for row in rows]
    return {state: states.count(state) for state in STATES}
