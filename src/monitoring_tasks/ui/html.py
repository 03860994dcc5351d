"""Pages as HTML: templates in which everything from outside is escaped, and the headers that confine them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import version
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from monitoring_tasks.orchestration.links import (
    answer_path,
    comparison_path,
    dag_path,
    model_path,
    report_path,
    run_path,
)
from monitoring_tasks.ui.assets import digest_of
from monitoring_tasks.views import words

_PATHS = {each.__name__: each for each in (answer_path, comparison_path, dag_path, model_path, report_path, run_path)}
HEADERS = {
    # Plotly sets styles from its script; scripts come from the package alone, and nothing is sent elsewhere.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        "font-src 'self'; connect-src 'self'; form-action 'self'; frame-src 'self'; base-uri 'none'; "
        "frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "private, no-store",
}


def page(request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """A page from one of the package's templates; `base` is the path of the pages, `airflow` that of Airflow."""
    base = str(request.scope.get("root_path", ""))
    around = {
        "base": base,
        "airflow": base.removesuffix("/monitoring"),
        "now": datetime.now(UTC),
        "path": _path(request),
    }
    text = environment().get_template(template).render({**around, **context})
    # A category from outside may hold half a character, which UTF-8 cannot.
    return HTMLResponse(text.encode(errors="replace"), status_code=status, headers=HEADERS)


def wants_page(request: Request) -> bool:
    """Whether a browser asks, that would show a page; the API answers in JSON whoever asks."""
    path = _path(request)
    is_api = path.startswith("/api/") and not path.endswith("/docs")
    return "text/html" in request.headers.get("accept", "") and not is_api


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The templates of the package; an undefined name is an error, not an empty place."""
    made = Environment(
        loader=PackageLoader("monitoring_tasks.ui"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"data": as_data, **words.FILTERS}
    made.globals |= {"release": version("monitoring-tasks"), "query": query, "digest_of": digest_of, **_PATHS}
    return made


def as_data(value: Any) -> Markup:
    """A value as JSON for a data block of a page: nothing in it can end the block.

    >>> print(as_data({"name": "</script><b>"}))
    {"name":"\\u003c/script\\u003e\\u003cb\\u003e"}
    """
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))  # noqa: S704  escaped


def query(given: Mapping[str, Any], **changes: Any) -> str:
    """The query of a link that differs from the given one in some parameters; None drops one.

    >>> query({"q": "a b", "page": 2}, page=None, sort="name")
    '?q=a+b&sort=name'
    """
    wanted = {name: value for name, value in {**given, **changes}.items() if value not in (None, "")}
    return f"?{urlencode(wanted)}"


def _path(request: Request) -> str:
    return str(request.scope.get("path", "")).removeprefix(str(request.scope.get("root_path", "")))
