"""A JSON endpoint of made-up rows, opened as a source."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from monitoring_tasks.data.connections import Endpoint
from monitoring_tasks.data.rest import RestRows
from monitoring_tasks.sections import RestSource
from monitoring_tasks.window import Window
from tests.data.json_server import JsonServer
from tests.data.logs import START, WEEK

DAY = Window(START, START + timedelta(days=1))
SECRET = "s3cret-token"


def iso(moment: datetime) -> str:
    """A moment as endpoints write it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def made(count: int) -> list[dict[str, Any]]:
    """Rows one hour apart."""
    return [
        {"id": number, "ts": iso(START + timedelta(hours=number)), "score": number / 100, "carrier": "UA"}
        for number in range(count)
    ]


def opened(server: JsonServer, **more: Any) -> RestRows:
    """The rows of a server's /rows."""
    headers = more.pop("headers", {})
    source = RestSource.model_validate({"kind": "rest", "url": f"{server.url}/rows", **more})
    return RestRows(source, Endpoint("", headers), timestamp="ts")


def read(rows: RestRows, window: Window = WEEK) -> list[dict[str, Any]]:
    """The window's rows."""
    names = ["id", "ts", "score", "carrier"]
    return [row for chunk in rows.chunks(window) for row in chunk.read(names).to_pylist()]
