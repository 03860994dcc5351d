"""The application that the plugin mounts: every page, the JSON API and metrics; each route asks who it is."""

from __future__ import annotations

import logging

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, Response

from monitoring_tasks.errors import MonitoringError
from monitoring_tasks.ui import assets, overview, reports
from monitoring_tasks.ui.html import HEADERS, page

log = logging.getLogger(__name__)
ROUTERS = (
    overview.ROUTER,
    reports.ROUTER,
    assets.ROUTER,
)


def build_application() -> FastAPI:
    """The application; its documentation is a route as any other, for FastAPI's own would ask nobody."""
    app = FastAPI(title="Monitoring", docs_url=None, redoc_url=None, openapi_url=None)
    for router in ROUTERS:
        app.include_router(router)
    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(MonitoringError, failed)
    return app


def refused(request: Request, error: Exception) -> Response:
    """What a person sees of a refusal: a page in a browser, JSON elsewhere."""
    assert isinstance(error, HTTPException)
    if wants_page(request):
        return page(request, "error.html", status=error.status_code, title="Not possible", detail=str(error.detail))
    return JSONResponse({"detail": error.detail}, error.status_code, {**(error.headers or {}), **HEADERS})


def failed(request: Request, error: Exception) -> Response:
    """What a person sees of an error of ours: 503 where trying again can help, else 400; its text names no secret."""
    assert isinstance(error, MonitoringError)
    log.error("page.failed path=%s reason=%s", request.url.path, error)
    return refused(request, HTTPException(503 if error.retryable else 400, str(error)))


def wants_page(request: Request) -> bool:
    """Whether a browser asks, that would show a page."""
    return "text/html" in request.headers.get("accept", "")
