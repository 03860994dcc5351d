"""The plugin that gives Airflow the monitoring pages."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

if TYPE_CHECKING:
    from fastapi import FastAPI

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]
PREFIX = "/monitoring"
ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24' fill='none' stroke='{stroke}' "
    "stroke-width='2' stroke-linecap='round' stroke-linejoin='round'%3E%3Cpath d='M3 3v18h18'/%3E"
    "%3Cpath d='M6 15l4-5 3 3 6-8'/%3E%3C/svg%3E"
)
"""A curve over two axes; as data, for a file would have to be asked for before anybody is signed in."""


@lru_cache(maxsize=1)
def application() -> FastAPI:
    """The pages as one FastAPI application.

    What the process holds by then it holds for ever, and Python's collector need not look through it again: Airflow's
    own objects are so many that each full collection stops all answers for a third of a second, every dozen pages.
    """
    from monitoring_tasks.ui.application import build_application

    built = build_application()
    gc.collect()
    gc.freeze()
    return built


async def pages(scope: Scope, receive: Receive, send: Send) -> None:
    """The application, imported with the first request: every Airflow process loads plugins, one serves pages."""
    await application()(scope, receive, send)


def views(base_url: str) -> list[dict[str, str]]:
    """The places in Airflow's own pages where these show: its menu, a tab on each DAG, a tab on each run.

    Airflow may be served below a path of its own, which `base_url` ends with.

    >>> views("https://airflow.example.com/team")[0]["href"]
    '/team/monitoring/'
    """
    root = urlsplit(base_url).path.rstrip("/") + PREFIX
    return [
        {**_view("Model monitoring", f"{root}/", "nav", "model-monitoring"), "category": "browse"},
        _view("Monitoring", f"{root}/model/{{DAG_ID}}", "dag", "monitoring"),
        _view("Monitoring", f"{root}/of-run/{{DAG_ID}}?run_id={{RUN_ID}}", "dag_run", "monitoring-run"),
    ]


def _view(name: str, href: str, destination: str, route: str) -> dict[str, str]:
    icons = {"icon": ICON.format(stroke="%231b2230"), "icon_dark_mode": ICON.format(stroke="%23e8ecf3")}
    return {"name": name, "href": href, "destination": destination, "url_route": route, **icons}


class MonitoringPlugin(AirflowPlugin):
    """Mounts the pages below `/monitoring` of Airflow's API server, and shows them in Airflow's own pages."""

    name = "monitoring"
    fastapi_apps = [{"app": pages, "url_prefix": PREFIX, "name": "Monitoring"}]
    external_views = views(conf.get("api", "base_url", fallback=""))
