"""The application that the plugin mounts: every page, the JSON API and metrics; each route asks who it is."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException as Refusal

from monitoring_tasks.errors import MonitoringError
from monitoring_tasks.ui import actions, alertmanager, assets, column, incidents, metrics, model, overview, reports, run
from monitoring_tasks.ui.api import document, routes
from monitoring_tasks.ui.html import HEADERS, page, wants_page

log = logging.getLogger(__name__)
ROUTERS = (
    overview.ROUTER,
    column.ROUTER,
    model.ROUTER,
    run.ROUTER,
    incidents.ROUTER,
    actions.ROUTER,
    reports.ROUTER,
    assets.ROUTER,
    document.ROUTER,
    routes.RESOURCES,
    metrics.ROUTER,
    alertmanager.ROUTER,
)


def build_application() -> FastAPI:
    """The application; its documentation is a route as any other, for FastAPI's own would ask nobody."""
    unlisted: dict[str, Any] = {"docs_url": None, "redoc_url": None, "openapi_url": None}
    app = FastAPI(title="Monitoring", dependencies=[Depends(storable)], **unlisted)
    for router in ROUTERS:
        app.include_router(router)
    app.add_exception_handler(Refusal, refused)
    app.add_exception_handler(RequestValidationError, misasked)
    app.add_exception_handler(MonitoringError, failed)
    return app


def storable(request: Request) -> None:
    """Refuses an address with a NUL in it: 404 where that is in the path, which names nothing then, else 422.

    PostgreSQL takes no NUL in a text, and Airflow's own dependencies read its tables before any route is asked.
    """
    if "\0" in request.scope["path"]:
        raise HTTPException(404, "nothing has a NUL character in its name")
    if b"%00" in request.scope["query_string"]:
        raise HTTPException(422, "no parameter holds a NUL character")


_TITLES = {403: "Not allowed", 404: "Nothing here", 503: "Not possible now"}


def refused(request: Request, error: Exception) -> Response:
    """What a person sees of a refusal: a page in a browser, JSON elsewhere."""
    assert isinstance(error, Refusal)
    headers = {**(error.headers or {}), **HEADERS}
    if not wants_page(request):
        return JSONResponse({"detail": error.detail}, error.status_code, headers)
    answer = page(
        request,
        "error.html",
        status=error.status_code,
        title=_TITLES.get(error.status_code, "Not possible"),
        detail=str(error.detail),
    )
    answer.headers.update(headers)
    return answer


def misasked(request: Request, error: Exception) -> Response:
    """What a person sees of a parameter that is not what it may be: its name and a sentence, not what was given."""
    assert isinstance(error, RequestValidationError)
    told = [
        f"{'.'.join(map(str, each['loc'][1:])) or 'body'}: {each['msg'].removeprefix('Value error, ')}"
        for each in error.errors()[:_TOLD]
    ]
    detail = "; ".join(told).encode(errors="backslashreplace").decode()
    return refused(request, HTTPException(422, detail))


_TOLD = 5


def failed(request: Request, error: Exception) -> Response:
    """What a person sees of an error of ours: 503 where trying again can help, else 400; its text names no secret.

    What somebody asked for and may not have is no fault of the server's, and no error in its log.
    """
    assert isinstance(error, MonitoringError)
    status, level = (503, logging.ERROR) if error.retryable else (400, logging.INFO)
    log.log(level, "page.failed path=%s status=%d reason=%s", request.url.path, status, error)
    return refused(request, HTTPException(status, str(error)))
