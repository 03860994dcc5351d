"""Style sheet, scripts and Plotly: files of the installed packages alone, under a name that changes with them."""

from __future__ import annotations

import hashlib
import importlib.resources
from functools import lru_cache

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response

from monitoring_tasks.ui.access import SIGNED_IN

FILES = {
    "app.css": ("monitoring_tasks.ui", "static/app.css", "text/css; charset=utf-8"),
    "app.js": ("monitoring_tasks.ui", "static/app.js", "text/javascript; charset=utf-8"),
    "plotly.js": ("plotly", "package_data/plotly.min.js", "text/javascript; charset=utf-8"),
}
ROUTER = APIRouter(dependencies=[SIGNED_IN])


@ROUTER.get("/static/{digest}/{name}")
def asset(digest: str, name: str) -> Response:
    """A file by its name and digest; 404 for any other name or an older digest."""
    if name not in FILES or digest != digest_of(name):
        raise HTTPException(404, "no such file")
    headers = {"Cache-Control": "private, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
    return Response(_content(name), media_type=FILES[name][2], headers=headers)


@lru_cache(maxsize=len(FILES))
def digest_of(name: str) -> str:
    """What tells a file from the one of another release."""
    return hashlib.sha256(_content(name)).hexdigest()[:16]


@lru_cache(maxsize=len(FILES))
def _content(name: str) -> bytes:
    package, path, _ = FILES[name]
    return importlib.resources.files(package).joinpath(path).read_bytes()
