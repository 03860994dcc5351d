"""The plugin that gives Airflow the monitoring pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from airflow.plugins_manager import AirflowPlugin

if TYPE_CHECKING:
    from fastapi import FastAPI

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]


@lru_cache(maxsize=1)
def application() -> FastAPI:
    """The pages as one FastAPI application."""
    from monitoring_tasks.ui.application import build_application

    return build_application()


async def pages(scope: Scope, receive: Receive, send: Send) -> None:
    """The application, imported with the first request: every Airflow process loads plugins, one serves pages."""
    await application()(scope, receive, send)


class MonitoringPlugin(AirflowPlugin):
    """Mounts the pages below `/monitoring` of Airflow's API server."""

    name = "monitoring"
    fastapi_apps = [{"app": pages, "url_prefix": "/monitoring", "name": "Monitoring"}]
