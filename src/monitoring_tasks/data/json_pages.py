"""The pages of a JSON endpoint: asked for one by one, each within limits of time and size, from one server only."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.util import parse_url

from monitoring_tasks.data.connections import Endpoint
from monitoring_tasks.errors import ConfigurationError, SourceInvalid, SourceUnavailable
from monitoring_tasks.sections import RestSource
from monitoring_tasks.window import Window

log = logging.getLogger(__name__)
Row: TypeAlias = dict[str, Any]
MEGABYTE = 1_000_000
_FOR_NOW = {408, 425, 429, 500, 502, 503, 504}
_MOVED = {301, 302, 303, 307, 308}
_MOST_MOVES = 5
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 60.0
_BLOCK = 1 << 16
_MOST_EMPTY = 1000
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"), re.compile(r"[\t\x20-\x7e\xa0-\xff]*")


@dataclass
class JsonPages:
    """Asks one endpoint for rows; its secrets are sent to its own server alone, and said nowhere."""

    source: RestSource
    endpoint: Endpoint
    url: str = field(init=False)
    _pool: urllib3.PoolManager = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.url = _address(self.source, self.endpoint)
        self._require_headers()
        seconds = urllib3.Timeout(connect=self.source.timeout, read=self.source.timeout)
        self._pool = urllib3.PoolManager(timeout=seconds, retries=False)

    def _require_headers(self) -> None:
        for name, value in self.endpoint.headers.items():
            if not (_HEADER[0].fullmatch(name) and _HEADER[1].fullmatch(value)):
                # Neither is said: a token that was put in the wrong field is a secret still.
                raise ConfigurationError(
                    f"connection {self.source.connection!r}: a header or the token holds what HTTP cannot carry, such "
                    "as the end of a line: write it without"
                )

    @property
    def place(self) -> str:
        """What errors call the endpoint: its address without parameters."""
        return self.url.partition("?")[0]

    def pages(self, window: Window) -> Iterator[list[Row]]:
        """The rows of every page. Raises `SourceUnavailable` and `SourceInvalid`."""
        url, left, seen = self._first(window), self.source.megabytes * MEGABYTE, set[str]()
        rows = empty = 0
        for number in range(1, 10**9):
            body = self._body(url, left)
            left -= len(body)
            answer = self._parsed(body)
            page = self._rows(answer)
            rows += len(page)
            if rows > self.source.most_rows:
                raise self._too_much(f"more than {self.source.most_rows} rows", "most_rows")
            yield page
            empty = 0 if page else empty + 1
            if empty > _MOST_EMPTY:
                raise SourceInvalid(
                    f"{self.place} sent more than {_MOST_EMPTY} pages in a row without rows: check source.next"
                )
            following = self._next(url, answer, (number, len(page), rows))
            if following is None:
                return
            # An endpoint that does not know the parameter of its pages sends the first one for ever.
            self._refuse_circles({following, hashlib.sha256(body).hexdigest()} if page else {following}, seen)
            url = following

    def _refuse_circles(self, marks: set[str], seen: set[str]) -> None:
        if marks & seen:
            raise SourceInvalid(
                f"{self.place} sent the same page twice: check source.next, source.page and source.offset"
            )
        seen |= marks

    def _first(self, window: Window) -> str:
        source = self.source
        asked = {source.start: _iso(window.start), source.end: _iso(window.end), **source.parameters}
        if source.version is not None:
            asked[source.model_version] = source.version
        if source.page is not None:
            asked[source.page] = str(source.first_page)
        if source.offset is not None:
            asked[source.offset] = "0"
        return _with(self.url, asked)

    def _next(self, url: str, answer: Any, progress: tuple[int, int, int]) -> str | None:
        """The next page's URL; None after the last."""
        number, on_page, rows = progress
        source = self.source
        if source.next is not None:
            found = _at(answer, source.next)
            return None if found in (None, "", False) else self._following(url, str(found))
        if not on_page:
            return None
        if source.page is not None:
            return _with(url, {source.page: str(source.first_page + number)})
        return None if source.offset is None else _with(url, {source.offset: str(rows)})

    def _following(self, url: str, found: str) -> str:
        if not re.match(r"/|\?|[A-Za-z][A-Za-z0-9+.-]*://", found):
            # Half of a character, which JSON can hold and no address can.
            return _with(url, {self.source.cursor: found.encode("utf-8", "replace").decode()})
        return self._own(url, found, "the next page")

    def _own(self, url: str, found: str, what: str) -> str:
        """The URL found, which must be of the same server: no other may see the secrets, or be asked in our name."""
        try:
            following = urljoin(url, found)
            origin = _origin(following)
        except ValueError:
            raise SourceInvalid(
                f"{self.place} gives what is no URL for {what}: correct the endpoint, or source.next"
            ) from None
        if origin != _origin(self.url):
            raise SourceInvalid(
                f"{self.place} leads to another server for {what} ({origin[1]}): name that one in source.url, if "
                "it is right"
            )
        return following

    def _rows(self, answer: Any) -> list[Row]:
        rows = answer if self.source.rows is None else _at(answer, self.source.rows)
        if self.source.rows is None and isinstance(answer, dict):
            rows = answer.get("data")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            wanted = self.source.rows or "the answer itself or its `data`"
            raise SourceInvalid(
                f"{self.place}: {wanted} is no list of JSON objects: set source.rows to the dotted place of the rows"
            )
        return rows

    def _parsed(self, body: bytes) -> Any:
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise SourceInvalid(
                f"{self.place} answered with what is no JSON ({len(body)} bytes): check source.url"
            ) from None

    def _body(self, url: str, left: float) -> bytes:
        for tries in range(self.source.retries + 1):
            try:
                return self._asked(url, left)
            except _ForNow as error:
                if tries == self.source.retries:
                    raise SourceUnavailable(f"{self.place} {error.words}, {tries + 1} times") from None
                pause = min(error.pause if error.pause is not None else _FIRST_PAUSE * 2**tries, _LONGEST_PAUSE)
                log.warning(
                    "rest.retried source=%s tries=%d pause=%g reason=%s", self.place, tries + 1, pause, error.words
                )
                time.sleep(pause)
        raise AssertionError("unreachable")

    def _asked(self, url: str, left: float) -> bytes:
        for _ in range(_MOST_MOVES):
            try:
                response = self._pool.request(
                    "GET", url, headers=self._headers(), preload_content=False, redirect=False
                )
                with response:
                    if response.status not in _MOVED:
                        return self._read(response, left)
                    url = self._own(url, response.headers.get("Location", ""), "a redirect")
            except (HTTPError, OSError) as error:
                # The library's own text can quote the address with its parameters.
                raise _ForNow(f"does not answer ({type(error).__name__})") from None
        raise SourceInvalid(f"{self.place} redirects more than {_MOST_MOVES} times: write where it leads to")

    def _headers(self) -> Mapping[str, str]:
        return {"Accept": "application/json", "Accept-Encoding": "gzip, deflate", **self.endpoint.headers}

    def _read(self, response: urllib3.BaseHTTPResponse, left: float) -> bytes:
        if response.status in _FOR_NOW:
            raise _ForNow(f"answered {response.status}", _pause(response.headers.get("Retry-After")))
        if response.status != 200:
            raise SourceInvalid(f"{self.place} answered {response.status}: {_ADVICE.get(response.status, _CHECK)}")
        most, blocks, size = self.source.page_megabytes * MEGABYTE, [], 0
        until = time.monotonic() + 20 * self.source.timeout
        # What has come so far: a whole block of a server that sends byte by byte would be waited for without end.
        while block := response.read1(_BLOCK, decode_content=True):
            blocks.append(block)
            size += len(block)
            if size > most:
                raise self._too_much(f"more than {self.source.page_megabytes:g} MB at once", "page_megabytes")
            if size > left:
                raise self._too_much(f"more than {self.source.megabytes:g} MB in all", "megabytes")
            if time.monotonic() > until:
                raise _ForNow(f"took more than {20 * self.source.timeout:g} s for one answer")
        return b"".join(blocks)

    def _too_much(self, what: str, key: str) -> SourceInvalid:
        return SourceInvalid(f"{self.place} sent {what}: raise source.{key}, or let it answer page by page")


class _ForNow(Exception):
    """A failure that another try may not meet; `pause` is what the server asks for, in seconds."""

    def __init__(self, words: str, pause: float | None = None) -> None:
        super().__init__(words)
        self.words, self.pause = words, pause


_CHECK = "check source.url and its parameters"
_ADVICE = {
    401: "give the connection a login and password, or a token in its extra",
    403: "the connection's user may not read this",
}


def _address(source: RestSource, endpoint: Endpoint) -> str:
    if source.url.startswith("/"):
        if not endpoint.base:
            raise ConfigurationError(
                f"connection {source.connection!r} names no host: add it, or write source.url with its host"
            )
        return f"{endpoint.base}{source.url}"
    if endpoint.base and _origin(endpoint.base) != _origin(source.url):
        raise ConfigurationError(
            f"connection {source.connection!r} is of {_origin(endpoint.base)[1]}, source.url of another server: its "
            "secrets are not sent there"
        )
    return source.url


def _origin(url: str) -> tuple[str, str, int | None]:
    """Protocol, host and port as the library that asks reads them: others read `http://a\\@b` as another host."""
    parts = parse_url(url)
    scheme = parts.scheme or ""
    return scheme, parts.host or "", parts.port or {"http": 80, "https": 443}.get(scheme)


def _with(url: str, changes: Mapping[str, str]) -> str:
    """The URL with those parameters, in place of its own of the same name."""
    parts = urlsplit(url)
    kept = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name not in changes]
    return parts._replace(query=urlencode([*kept, *changes.items()])).geturl()


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _at(answer: Any, place: str) -> Any:
    """What stands at a dotted place; None where there is nothing."""
    for part in place.split("."):
        answer = answer.get(part) if isinstance(answer, dict) else None
    return answer


def _pause(text: str | None) -> float | None:
    """Seconds that a Retry-After asks for, in either of its forms."""
    if text is None:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
