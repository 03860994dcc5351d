"""Services on loopback that alerts go to: a mail server, PagerDuty, a receiver of webhooks, and a gate before any."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import selectors
import socket
import socketserver
import ssl
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any, Literal, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.slack_server import Answer

Json = dict[str, Any]
Mode = Literal["pass", "hang", "garbage", "closed", "lost", "drip"]
_SEVERITIES = ("info", "warning", "error", "critical")
GARBAGE = b"\x16\x03\x01\x00\xffgarbage \xf0\x9f\x92\xa9 of another protocol\r\n\r\n"


class Gate:
    """A door before a server on loopback, at `port`, which does to connections what networks do to them.

    `pass` lets all through; `hang` takes a connection and says nothing; `garbage` answers what no protocol knows;
    `closed` closes at once; `lost` lets the request through, and closes instead of giving its answer back; `drip` gives
    answers byte by byte. A request is whole when the client sent `marker`. Use it in a `with` statement.
    """

    def __init__(self, upstream: int, *, marker: bytes = b"") -> None:
        self.mode: Mode = "pass"
        self.connections = 0
        self._upstream, self._marker = upstream, marker
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def port(self) -> int:
        """Where clients knock."""
        port: int = self._server.server_address[1]
        return port

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[socketserver.BaseRequestHandler]:
        gate = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                gate.connections += 1
                with suppress(OSError):
                    if gate.mode in ("hang", "garbage"):
                        self.request.sendall(GARBAGE if gate.mode == "garbage" else b"")
                        while self.request.recv(1 << 16):
                            """The client says what it likes."""
                    elif gate.mode != "closed":
                        with socket.create_connection(("127.0.0.1", gate._upstream)) as upstream:
                            gate._relay(self.request, upstream)

        return Handler

    def _relay(self, client: socket.socket, upstream: socket.socket) -> None:
        lost, said = self.mode == "lost", b""
        with selectors.DefaultSelector() as selector:
            for each in (client, upstream):
                selector.register(each, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    is_client = key.fileobj is client
                    block = (client if is_client else upstream).recv(1 << 16)
                    said = (said + block)[-1024:] if is_client else said
                    if not block or (lost and not is_client and self._marker in said):
                        return
                    if is_client or self.mode != "drip":
                        (upstream if is_client else client).sendall(block)
                    else:
                        _drip(client, block)


def _drip(client: socket.socket, block: bytes) -> None:
    for byte in block:
        client.sendall(bytes([byte]))
        time.sleep(0.2)


@dataclass(frozen=True)
class Request:
    """What a client posted."""

    path: str
    headers: Mapping[str, str]
    body: bytes


class HttpServer:
    """A server at `port` that keeps what is posted to it; a kind of service says in `done` what it answers.

    `outage` is the answer to every request for as long as it is set, `answers` those to the next ones, oldest first.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answers: deque[Answer | None] = deque()
        self.outage: Answer | None = None
        self._lock, self._over = Lock(), Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.server_address[1]

    @property
    def url(self) -> str:
        """Its address, without a path."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def encrypt(self, context: ssl.SSLContext) -> None:
        """Speak HTTPS, to be called before it starts."""
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # who does not trust it hangs up

    def done(self, request: Request) -> Answer:
        """Take a request, and answer it."""
        raise NotImplementedError

    def _answer(self, request: Request) -> Answer:
        with self._lock:
            self.requests.append(request)
            scripted = self.outage or (self.answers.popleft() if self.answers else None)
            if scripted and not scripted.accepted:
                return scripted
            done = self.done(request)
        return scripted or done

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = server._answer(Request(self.path, dict(self.headers), body))
                if answer.then == "hang":
                    server._over.wait(60)
                if answer.then != "send":
                    self.close_connection = True
                    return
                with suppress(ConnectionError):
                    self._send(answer)

            def _send(self, answer: Answer) -> None:
                self.send_response(answer.status)
                for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


class PagerDutyServer(HttpServer):
    """PagerDuty's Events API v2: `alerts` by their `dedup_key`, each the list of its events since it was triggered.

    `pages` names the alerts that somebody was paged for, in order: a trigger of one that is open pages nobody.
    """

    def __init__(self) -> None:
        super().__init__()
        self.alerts: dict[str, list[Json]] = {}
        self.pages: list[str] = []

    def done(self, request: Request) -> Answer:
        """Enqueue an event."""
        event = json.loads(request.body)
        if wrong := self._wrong(request, event):
            told = {"status": "invalid event", "message": "Event object is invalid", "errors": [wrong]}
            return Answer(400, json.dumps(told).encode())
        key = event["dedup_key"]
        log = self.alerts.setdefault(key, [])
        if event["event_action"] == "trigger" and (not log or log[-1]["event_action"] == "resolve"):
            self.pages.append(key)
        if log or event["event_action"] == "trigger":
            log.append(event)
        return Answer(202, json.dumps({"status": "success", "message": "Event processed", "dedup_key": key}).encode())

    def _wrong(self, request: Request, event: Json) -> str:
        payload, key = event.get("payload", {}), event.get("routing_key", "")
        triggers = event["event_action"] == "trigger"
        rules = {
            "no such path": request.path == "/v2/enqueue",
            f"Length of 'routing_key' is incorrect (should be 32 characters): {key}": len(key) == 32,
            "Length of 'dedup_key' is incorrect": 0 < len(event.get("dedup_key", "")) <= 255,
            "'event_action' is invalid": event["event_action"] in ("trigger", "acknowledge", "resolve"),
            "'payload.summary' is incorrect": not triggers or 0 < len(payload.get("summary", "")) <= 1024,
            "'payload.source' is missing": not triggers or payload.get("source"),
            "'payload.severity' is invalid": not triggers or payload.get("severity") in _SEVERITIES,
            "Event is larger than 512 KB": len(request.body) <= 512 * 1024,
        }
        return next((words for words, holds in rules.items() if not holds), "")


class Receiver(HttpServer):
    """A receiver of Standard Webhooks with that secret: it verifies each, and takes an id once.

    `letters` holds what it took, `doubles` the ids that came again.
    """

    def __init__(self, secret: bytes) -> None:
        super().__init__()
        self.letters: list[Json] = []
        self.doubles: list[str] = []
        self._secret = secret
        self._ids: set[str] = set()

    def done(self, request: Request) -> Answer:
        """Verify a letter, and take it."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        id_, moment = headers["webhook-id"], headers["webhook-timestamp"]
        content = f"{id_}.{moment}.".encode() + request.body
        right = base64.b64encode(hmac.new(self._secret, content, hashlib.sha256).digest()).decode()
        if f"v1,{right}" not in headers["webhook-signature"].split():
            return Answer(401)
        if id_ in self._ids:
            self.doubles.append(id_)
            return Answer(200)
        self._ids.add(id_)
        self.letters.append(json.loads(request.body))
        return Answer(204)


@dataclass(frozen=True)
class Mail:
    """A mail as it was taken: between whom by the envelope, parsed, and as it was sent."""

    sender: str
    to: tuple[str, ...]
    content: EmailMessage
    raw: bytes


@dataclass
class MailServer:
    """An SMTP server at `port`; `mails` holds what it took, in order. Use it in a `with` statement.

    `answer` is given instead of success when a mail was sent, `receivers` to those addresses. `sender` answers
    MAIL FROM. With `password` it wants a login first, `tls` encrypts: from the start, or by STARTTLS when
    `starttls`.
    """

    login: str = "bot"
    password: str = ""
    tls: ssl.SSLContext | None = None
    starttls: bool = False
    answer: str = ""
    receivers: dict[str, str] = field(default_factory=dict)
    sender: str = ""
    mails: list[Mail] = field(default_factory=list)
    port: int = 0

    @property
    def shown(self) -> list[Mail]:
        """What mail programs show: of mails with one Message-ID the first."""
        return list({str(mail.content["Message-ID"]): mail for mail in reversed(self.mails)}.values())[::-1]

    async def handle_MAIL(  # noqa: N802  aiosmtpd's name
        self, _: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Answer to the sender."""
        if self.password and not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self.sender or "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, _: SMTP, __: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Answer to a receiver."""
        if address in self.receivers:
            return self.receivers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take the mail."""
        if self.answer:
            return self.answer
        raw = envelope.content
        assert isinstance(raw, bytes)
        content = message_from_bytes(raw, policy=default)
        assert isinstance(content, EmailMessage)
        self.mails.append(Mail(envelope.mail_from or "", tuple(envelope.rcpt_tos), content, raw))
        return "250 2.0.0 taken"

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self) -> None:
        at_once = None if self.starttls else self.tls
        self._server = await self._loop.create_server(self._session, "127.0.0.1", 0, ssl=at_once)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        tasks = [task for task in asyncio.all_tasks(self._loop) if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _session(self) -> SMTP:
        encrypted = self.tls if self.starttls else None
        login: Json = {"authenticator": self._knows, "auth_require_tls": self.starttls} if self.password else {}
        return SMTP(self, hostname="localhost", enable_SMTPUTF8=True, tls_context=encrypted, loop=self._loop, **login)

    def _knows(self, _: SMTP, __: Session, ___: Envelope, ____: str, given: LoginPassword) -> AuthResult:
        known = (given.login, given.password) == (self.login.encode(), self.password.encode())
        return AuthResult(success=known, handled=False)
