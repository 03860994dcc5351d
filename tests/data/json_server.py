"""A real HTTP server on the loopback that answers with rows of a span, in every way of paging, and with what hurts."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlsplit

Query: TypeAlias = dict[str, str]
Answer: TypeAlias = tuple[int, dict[str, str], bytes]


@dataclass
class JsonServer:
    """What is asked is kept; `answer` says what comes back."""

    answer: Callable[[str, Query], Answer]
    asked: list[tuple[str, Query, dict[str, str]]] = field(default_factory=list)
    url: str = ""


def found(document: Any, status: int = 200, **headers: str) -> Answer:
    """An answer of JSON."""
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, json.dumps(document).encode()


@contextmanager
def serving(answer: Callable[[str, Query], Answer]) -> Iterator[JsonServer]:
    """A server on a free port, for as long as the block."""
    server = JsonServer(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = dict(parse_qsl(parts.query))
            server.asked.append((parts.path, query, dict(self.headers)))
            status, headers, body = server.answer(parts.path, query)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Silence."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        server.url = f"http://127.0.0.1:{listening.server_port}"
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()
            thread.join()


def between(rows: list[dict[str, Any]], query: Query, moment: str = "ts") -> list[dict[str, Any]]:
    """The rows of the span that is asked for."""
    start, end = (datetime.fromisoformat(query[name]) for name in ("start", "end"))
    return [row for row in rows if start <= datetime.fromisoformat(row[moment]) < end]
