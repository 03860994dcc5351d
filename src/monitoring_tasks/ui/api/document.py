"""The API described by an OpenAPI document, and the document as a page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, JSONResponse

from monitoring_tasks.orchestration.links import PREFIX
from monitoring_tasks.ui.access import SIGNED_IN
from monitoring_tasks.ui.api.routes import RESOURCES
from monitoring_tasks.ui.html import HEADERS, page

ROUTER = APIRouter(prefix="/api/v1", dependencies=[SIGNED_IN])
VERSION = "1.0.0"
"""Version of the API: the first number changes with what a client must change for, and with it the path."""
DESCRIPTION = """\
What a notebook or another tool needs of verdicts, scores, figures, incidents and champions.

You see the monitors whose DAG `monitor_<name>` you may read in Airflow; any other is as if it were not there. Moments
are ISO 8601 in UTC, windows half-open. A number that is not known is null. Lists are read on by `next`: give it as
`cursor` until it is null. Whatever goes wrong, `detail` says in a sentence what was found and what to do.
"""
TAGS = (
    ("monitors", "Models as they stand: what the overview shows."),
    ("verdicts", "What each window amounts to, and the drift scores behind it."),
    ("metrics", "Performance by window, with intervals, maturity and every restatement."),
    ("champions", "The version in use, promotions and rollbacks."),
    ("retrainings", "Retrainings that were asked for, and how far each came."),
    ("incidents", "Problems from first finding to end, and what people do about them."),
)
SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token of this Airflow: POST user name and password to /auth/token.",
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "_token",
        "description": "What a browser that is logged in to Airflow sends; a change must come from a page of Airflow.",
    },
}
METHODS = ("get", "post")


@ROUTER.get("/openapi.json")
def openapi(request: Request) -> JSONResponse:
    """The document, for this server."""
    return JSONResponse(document(str(request.scope.get("root_path", ""))), headers=HEADERS)


@ROUTER.get("/docs", response_class=HTMLResponse)
def docs(request: Request) -> HTMLResponse:
    """The document as a page, which loads nothing from anywhere."""
    base = str(request.scope.get("root_path", ""))
    described, server = document(base), f"{request.url.scheme}://{request.url.netloc}"
    return page(
        request,
        "api.html",
        api=described,
        groups=groups(described),
        address=server + base,
        airflow_address=server + base.removesuffix(PREFIX),
    )


def document(base: str = PREFIX) -> dict[str, Any]:
    """The OpenAPI document of the API on a server whose monitoring pages lie under a path."""
    return {**_described(), "servers": [{"url": base or "/"}]}


@lru_cache(maxsize=1)
def _described() -> dict[str, Any]:
    tags = [{"name": name, "description": text} for name, text in TAGS]
    made = get_openapi(title="Monitoring", version=VERSION, description=DESCRIPTION, routes=RESOURCES.routes, tags=tags)
    # Airflow's dependencies describe themselves once for each of the two ways in which they read one header.
    made["components"]["securitySchemes"] = SCHEMES
    made["security"] = [{name: []} for name in SCHEMES]
    for operation in (each for path in made["paths"].values() for each in path.values()):
        operation.pop("security", None)
    return made


@dataclass(frozen=True)
class Operation:
    """One operation as the page shows it; `example` is an address with what it needs filled in."""

    method: str
    path: str
    about: Mapping[str, Any]
    example: str

    @property
    def answer(self) -> Mapping[str, Any]:
        """The schema of the answer."""
        found: Mapping[str, Any] = self.about["responses"]["200"]["content"]["application/json"]["schema"]
        return found


def groups(described: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], list[Operation]]]:
    """The operations by tag, in the order of the document."""
    operations = list(_operations(described))
    return [(tag, [each for each in operations if tag["name"] in each.about["tags"]]) for tag in described["tags"]]


def _operations(described: Mapping[str, Any]) -> Iterator[Operation]:
    for path, methods in described["paths"].items():
        for method, about in methods.items():
            yield Operation(method.upper(), path, about, _example(path, about.get("parameters", ())))


def _example(path: str, parameters: Any) -> str:
    given = {each["name"]: _value(each) for each in parameters if each["in"] == "path" or each["required"]}
    for each in parameters:
        if each["in"] == "path":
            path = path.replace(f"{{{each['name']}}}", quote(given.pop(each["name"]), safe=""))
    return f"{path}?{urlencode(given)}" if given else path


def _value(parameter: Mapping[str, Any]) -> str:
    schema = parameter["schema"]
    return str(next(iter(parameter.get("examples") or schema.get("examples") or schema.get("enum") or ["..."])))


def printed() -> str:
    """The document as the repository keeps it."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"
