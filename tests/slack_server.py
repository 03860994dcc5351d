"""A stand-in for Slack on loopback: messages, threads, uploads, reactions and incoming webhooks, as Slack answers."""

from __future__ import annotations

import json
import re
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any, Literal, Self
from urllib.parse import parse_qsl

Json = dict[str, Any]
SCOPES = {
    "chat.postMessage": "chat:write",
    "conversations.history": "channels:history",
    "conversations.replies": "channels:history",
    "users.conversations": "",  # it depends on what is listed
    "files.getUploadURLExternal": "files:write",
    "files.completeUploadExternal": "files:write",
    "reactions.add": "reactions:write",
}
METADATA = "metadata.message:read"


@dataclass(frozen=True)
class Answer:
    """One answer that differs from success.

    `then` says how it ends: the answer is sent, never sent (`hang`), or the connection is closed without one. What was
    asked for is not done, unless `accepted`: then it is done, and only the answer is wrong.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    then: Literal["send", "hang", "close"] = "send"
    accepted: bool = False

    @classmethod
    def error(cls, name: str, status: int = 200, **headers: str) -> Self:
        """Slack's own way to refuse: `{"ok": false, "error": name}`."""
        return cls(status, json.dumps({"ok": False, "error": name}).encode(), headers)

    @classmethod
    def limited(cls, seconds: int = 30) -> Self:
        """Slack's rate limit."""
        return cls.error("ratelimited", 429, Retry_After=str(seconds))

    @classmethod
    def garbage(cls) -> Self:
        """A proxy's page instead of an answer."""
        return cls(200, b"<html>\xffa proxy's page</html>", {"Content-Type": "text/html; charset=latin-1"})

    @classmethod
    def hang(cls) -> Self:
        """The connection stays open and silent."""
        return cls(then="hang")

    @classmethod
    def close(cls) -> Self:
        """The connection is closed without an answer."""
        return cls(then="close")

    def after_all(self) -> Answer:
        """The same answer to a request that was carried out."""
        return replace(self, accepted=True)


class SlackServer:
    """Slack at `url`, its incoming webhooks at `hook`. Use it in a `with` statement.

    `posts` holds the messages it accepted, in order, each as it was sent with the `ts` it was given; `hooked` those of
    incoming webhooks, with the path they came by; `files` what was uploaded and where it is shown; `reactions` marks
    on messages. `answers` are given instead of success, one per request, oldest first; None stands for success.
    `outage` is given to every request for as long as it is set. `lacking` names scopes that the app does not have, and
    `private` those of its `channels` that are private.
    `accepted` is called with each message after it was accepted and before it is answered: the place to kill a client.
    `tokens` holds each API request's bearer token, `calls` its method. A request without a token is refused with
    `not_authed`; messages beyond Slack's limits with `invalid_blocks` or `msg_too_long`.
    """

    def __init__(self) -> None:
        self.posts: list[Json] = []
        self.hooked: list[Json] = []
        self.files: list[Json] = []
        self.reactions: list[Json] = []
        self.answers: deque[Answer | None] = deque()
        self.outage: Answer | None = None
        self.lacking: set[str] = set()
        self.accepted: Callable[[Json], None] = lambda _: None
        self.tokens: list[str] = []
        self.calls: list[str] = []
        self.page = 200
        self.channels = {"ml-alerts": "C0000000001"}
        self.private: set[str] = set()
        self._shares: list[Json] = []
        self._moment = 0.0
        self._lock = Lock()
        self._over = Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        """Address of the API, for `base_url` of a client or connection."""
        return f"{self._base}/api/"

    @property
    def hook(self) -> str:
        """Address of the incoming webhooks, for the host of a connection."""
        return f"{self._base}/services"

    @property
    def _base(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def parts(self, key: str) -> list[str]:
        """The parts of one letter that were posted, in order: each should be there once."""
        payloads = [post.get("metadata", {}).get("event_payload", {}) for post in self.posts]
        return [payload["part"] for payload in payloads if payload.get("key") == key]

    def _answer(self, path: str, token: str, sent: bytes, content_type: str) -> Answer:
        with self._lock:
            scripted = self.outage or (self.answers.popleft() if self.answers else None)
            if path.startswith("/api/"):
                self.tokens.append(token)
                self.calls.append(path.removeprefix("/api/"))
            if scripted and not scripted.accepted:
                return scripted
            done = self._done(path, token, sent, content_type)
        return scripted or done

    def _done(self, path: str, token: str, sent: bytes, content_type: str) -> Answer:
        if path.startswith("/upload/"):
            return self._uploaded(path.rpartition("/")[2], sent)
        body = _body(sent, content_type)
        if path.startswith("/services/"):
            return self._hook(path, body)
        name = path.removeprefix("/api/")
        if name not in SCOPES:
            return Answer.error("unknown_method")
        if not token:
            return Answer.error("not_authed")
        if SCOPES[name] in self.lacking:
            return _missing(SCOPES[name])
        method: Callable[[Json], Answer] = getattr(self, f"_{name.replace('.', '_').lower()}")
        return method(body)

    def _chat_postmessage(self, body: Json) -> Answer:
        if wrong := _beyond_limits(body):
            return Answer.error(wrong)
        channel = self._channel(body["channel"])
        if not channel:
            return Answer.error("channel_not_found")
        post = {**body, "ts": self._ts()}
        self.posts.append(post)
        self.accepted(post)
        return _json({"ok": True, "ts": post["ts"], "channel": channel})

    def _conversations_history(self, body: Json) -> Answer:
        shown = [post for post in self.posts if not post.get("thread_ts") or post.get("reply_broadcast")]
        return self._messages(body, shown[::-1])

    def _conversations_replies(self, body: Json) -> Answer:
        of_thread = [post for post in self.posts if body["ts"] in (post["ts"], post.get("thread_ts"))]
        shares = [share for share in self._shares if share["thread_ts"] == body["ts"]]
        if not of_thread:
            return Answer.error("thread_not_found")
        return self._messages(body, sorted([*of_thread, *shares], key=lambda message: message["ts"]))

    def _messages(self, body: Json, found: list[Json]) -> Answer:
        if body["channel"] not in self.channels.values():
            return Answer.error("channel_not_found")  # names are taken for posting alone
        found = [post for post in found if self._channel(post["channel"]) == body["channel"]]
        found = [post for post in found if post["ts"] > str(body.get("oldest", "0"))]
        readable = body.get("include_all_metadata") in ("1", "true", True) and METADATA not in self.lacking
        hidden = {"channel"} if readable else {"channel", "metadata"}
        messages = [{name: value for name, value in post.items() if name not in hidden} for post in found]
        return self._paged(body, "messages", messages)

    def _users_conversations(self, body: Json) -> Answer:
        private = body.get("types") == "private_channel"
        if (scope := "groups:read" if private else "channels:read") in self.lacking:
            return _missing(scope)
        listed = [(name, id_) for name, id_ in self.channels.items() if (name in self.private) == private]
        return self._paged(body, "channels", [{"id": id_, "name": name} for name, id_ in listed])

    def _paged(self, body: Json, name: str, items: list[Json]) -> Answer:
        start, size = int(body.get("cursor") or 0), min(int(body.get("limit", 100)), self.page)
        following = str(start + size) if start + size < len(items) else ""
        more = {"has_more": bool(following), "response_metadata": {"next_cursor": following}}
        return _json({"ok": True, name: items[start : start + size], **more})

    def _files_getuploadurlexternal(self, body: Json) -> Answer:
        file = {"id": f"F{len(self.files):010d}", "name": body["filename"], "alt_txt": body.get("alt_txt", "")}
        self.files.append({**file, "length": int(body["length"])})
        return _json({"ok": True, "file_id": file["id"], "upload_url": f"{self._base}/upload/v1/{file['id']}"})

    def _uploaded(self, id_: str, sent: bytes) -> Answer:
        [file] = [file for file in self.files if file["id"] == id_]
        if len(sent) != file["length"]:
            return Answer(500, b"wrong length")
        file["content"] = sent
        return Answer(200, f"OK - {len(sent)}".encode())

    def _files_completeuploadexternal(self, body: Json) -> Answer:
        if body.get("channel_id") not in self.channels.values():
            return Answer.error("invalid_channel")
        titles = {file["id"]: file.get("title", "") for file in json.loads(body["files"])}
        shared = [file for file in self.files if file["id"] in titles]
        for file in shared:
            file.update(title=titles[file["id"]], channel=body["channel_id"], thread_ts=body.get("thread_ts", ""))
        names = [{"id": file["id"], "name": file["name"], "title": file["title"]} for file in shared]
        place = {"channel": body["channel_id"], "thread_ts": body.get("thread_ts", "")}
        self._shares.append({"ts": self._ts(), "text": "", "files": names, **place})
        return _json({"ok": True, "files": names})

    def _reactions_add(self, body: Json) -> Answer:
        mark = {name: body[name] for name in ("channel", "timestamp", "name")}
        if mark in self.reactions:
            return Answer.error("already_reacted")
        self.reactions.append(mark)
        return _json({"ok": True})

    def _hook(self, path: str, body: Json) -> Answer:
        if wrong := _beyond_limits(body):
            return Answer(400, wrong.encode())
        post = {**body, "path": path}
        self.hooked.append(post)
        self.accepted(post)
        return Answer(200, b"ok", {"Content-Type": "text/html"})

    def _channel(self, name: str) -> str:
        """The id of a channel that was named or given by its id; every name is a channel."""
        if re.fullmatch(r"[CG][A-Z0-9]{8,}", name):
            return name if name in self.channels.values() else ""
        return self.channels.setdefault(name.removeprefix("#"), f"C{len(self.channels) + 1:010d}")

    def _ts(self) -> str:
        self._moment = max(time.time(), self._moment + 1e-6)
        return f"{self._moment:.6f}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        slack = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                token = self.headers.get("Authorization", "").removeprefix("Bearer ")
                sent = self.rfile.read(int(self.headers["Content-Length"]))
                answer = slack._answer(self.path, token, sent, self.headers.get_content_type())
                if answer.then == "hang":
                    slack._over.wait(60)
                if answer.then != "send":
                    self.close_connection = True
                    return
                try:
                    self._send(answer)
                except ConnectionError:
                    """The client is gone."""

            def _send(self, answer: Answer) -> None:
                self.send_response(answer.status)
                headers = {"Content-Type": "application/json", "Content-Length": str(len(answer.body))}
                for name, value in {**headers, **answer.headers}.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


def _json(value: Json) -> Answer:
    return Answer(body=json.dumps(value).encode())


def _missing(scope: str) -> Answer:
    return _json({"ok": False, "error": "missing_scope", "needed": scope})


def _body(sent: bytes, content_type: str) -> Json:
    """A request's fields; JSON within a field, as clients send blocks in a form, is read as well."""
    is_json = sent and content_type == "application/json"
    body = json.loads(sent) if is_json else dict(parse_qsl(sent.decode(), keep_blank_values=True))
    nested = {"blocks", "attachments", "metadata"}
    return {name: json.loads(v) if name in nested and isinstance(v, str) else v for name, v in body.items()}


def _beyond_limits(body: Json) -> str:
    """Slack's name for what is wrong with a message, "" for nothing."""
    blocks = body.get("blocks") or []
    if not blocks and not body.get("text"):
        return "no_text"
    if len(body.get("text", "")) > 40_000:
        return "msg_too_long"
    if len(json.dumps(blocks, ensure_ascii=False)) > 13_000:
        return "msg_blocks_too_long"
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    fits = len(blocks) <= 50 and all(len(id_) <= 255 for id_ in ids) and len(set(ids)) == len(ids)
    return "" if fits and all(map(_block_fits, blocks)) else "invalid_blocks"


def _block_fits(block: Json) -> bool:
    """A header has up to 150 characters, another block up to 3000; no text, list or link address is empty."""
    texts = re.findall(r'"text": ("(?:[^"\\]|\\.)*")', json.dumps(block))
    lengths = [len(json.loads(text)) for text in texts]
    limit = 150 if block["type"] == "header" else 3000
    filled = block["type"] == "header" or all(element["elements"] for element in block["elements"])
    return bool(lengths) and min(lengths) > 0 and sum(lengths) <= limit and filled
