"""A stand-in for Slack on loopback: it answers `chat.postMessage` as Slack does and keeps what was posted."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Self
from urllib.parse import parse_qsl


@dataclass(frozen=True)
class Answer:
    """One answer that differs from success."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def error(cls, name: str, status: int = 200, **headers: str) -> Self:
        """Slack's own way to refuse: `{"ok": false, "error": name}`."""
        return cls(status, json.dumps({"ok": False, "error": name}).encode(), headers)


class SlackServer:
    """Slack at `url`; `posts` holds the bodies it accepted, in order, each with the `ts` it was given.

    `answers` are given instead of success, one per request, oldest first; None stands for success. `tokens` holds
    each request's bearer token. A request without a token is refused with `not_authed`. Use it in a `with` statement.
    """

    def __init__(self) -> None:
        self.posts: list[dict[str, Any]] = []
        self.answers: deque[Answer | None] = deque()
        self.tokens: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        """Address of the API, for `base_url` of a client or connection."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/api/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, path: str, token: str, body: dict[str, Any]) -> Answer:
        self.tokens.append(token)
        if self.answers and (answer := self.answers.popleft()):
            return answer
        if path != "/api/chat.postMessage":
            return Answer.error("unknown_method")
        if not token:
            return Answer.error("not_authed")
        ts = f"1700000000.{len(self.posts):06d}"
        self.posts.append({**body, "ts": ts})
        return Answer(body=json.dumps({"ok": True, "ts": ts, "channel": "C0000000001"}).encode())

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        slack = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                token = self.headers.get("Authorization", "").removeprefix("Bearer ")
                sent = self.rfile.read(int(self.headers["Content-Length"]))
                answer = slack._answer(self.path, token, _body(sent, self.headers.get_content_type()))
                self.send_response(answer.status)
                headers = {"Content-Type": "application/json", "Content-Length": str(len(answer.body))}
                for name, value in {**headers, **answer.headers}.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


def _body(sent: bytes, content_type: str) -> dict[str, Any]:
    """A request's fields; JSON within a field, as clients send blocks in a form, is read as well."""
    is_json = content_type == "application/json"
    body = json.loads(sent) if is_json else dict(parse_qsl(sent.decode(), keep_blank_values=True))
    nested = {"blocks", "attachments", "metadata"}
    return {name: json.loads(v) if name in nested and isinstance(v, str) else v for name, v in body.items()}
