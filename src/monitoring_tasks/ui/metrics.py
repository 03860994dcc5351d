"""What Prometheus scrapes: for the scrape's own token all monitors, for a person those that the person may see."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any

from airflow.api_fastapi.core_api.security import get_user
from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response, StreamingResponse
from fastapi.security import HTTPAuthorizationCredentials

from monitoring_tasks.metrics.exposition import Exposition
from monitoring_tasks.metrics.text import CONTENT_TYPE
from monitoring_tasks.orchestration.runtime import airflow_runtime
from monitoring_tasks.store.database import Store
from monitoring_tasks.ui.access import SIGNED_IN, Dag, Fleet, everything, visible
from monitoring_tasks.ui.html import HEADERS
from monitoring_tasks.ui.tokens import SCRAPE, bearer_of
from monitoring_tasks.views.overview import Watched

ROUTER = APIRouter()
_HEADERS = {**HEADERS, "Vary": "Accept-Encoding"}


@dataclass(frozen=True)
class Scraper:
    """Who scrapes: the monitors to be told of, and whether these are all there are."""

    fleet: Fleet
    whole: bool


async def person_of(request: Request) -> Any:
    """The person who asks, by bearer token or cookie; 401 or 403 where there is none, or one who may not see plugins.

    What `SIGNED_IN` is to other routes, for one that is open to a program's token as well.
    """
    given = bearer_of(request)
    shown = HTTPAuthorizationCredentials(scheme="Bearer", credentials=given) if given else None
    user = await get_user(request, None, shown)
    await run_in_threadpool(SIGNED_IN.dependency, request, user)
    return user


async def scraper(request: Request) -> Scraper:
    """Who scrapes; 401 or 403 for anybody else."""
    if await run_in_threadpool(SCRAPE.admits, bearer_of(request)):
        return Scraper(await run_in_threadpool(everything), whole=True)
    user = await person_of(request)
    return Scraper(await run_in_threadpool(visible, user), whole=False)


@ROUTER.get("/metrics", response_class=Response)
def metrics(request: Request, scraper: Annotated[Scraper, Depends(scraper)]) -> Response:
    """The figures of the newest windows in Prometheus' text format 0.0.4; 503 while the store does not answer."""
    fleet = scraper.fleet
    found = exposition(airflow_runtime().store).scrape(
        map(_watched, sorted(fleet.monitors.items())), whole=scraper.whole
    )
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers = {**_HEADERS, "Content-Type": CONTENT_TYPE, "Content-Encoding": "gzip"}
        return Response(found.gzipped(), headers=headers)
    return StreamingResponse(found.pieces(), headers={**_HEADERS, "Content-Type": CONTENT_TYPE})


def _watched(known: tuple[str, Dag]) -> Watched:
    name, dag = known
    return Watched(name, dag.owner, dag.paused, dag.next_start, dag.interval)


@lru_cache(maxsize=1)
def exposition(store: Store) -> Exposition:
    """What the scrapes of this process have in common."""
    return Exposition(store)
