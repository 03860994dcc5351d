"""One request with JSON to a service that reaches people, and what its answer means for a letter."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from socket import SHUT_RDWR, socket
from ssl import SSLCertVerificationError
from threading import Timer
from typing import TYPE_CHECKING

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from monitoring_tasks.alerts.channel import TIMEOUT
from monitoring_tasks.errors import AlertUndelivered, ConfigurationError

if TYPE_CHECKING:
    from monitoring_tasks.data.connections import Account

FOR_NOW = frozenset({408, 425, 429})
"""Answers beside 5xx that a later try may not meet."""
LONGEST_TIMEOUT = 30.0
_LONGEST = timedelta(days=1)
_MOST = 1 << 16


@dataclass(frozen=True)
class Answer:
    """What a service said: its status, and the beginning of its body, at most 64 KiB."""

    status: int
    body: bytes = b""


@dataclass(frozen=True)
class Service:
    """A place that takes JSON; its address can hold a secret, so that errors call it `name`."""

    name: str
    url: str = field(repr=False)
    timeout: float = TIMEOUT

    def post(self, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
        """The answer to one request; redirects are not followed.

        Raises `AlertUndelivered` when there is none in time, and for answers that a later try may not meet (408, 425,
        429, 5xx), with the time that the service asks for.
        """
        given = {name.lower(): value for name, value in (headers or {}).items()}
        sent = {"content-type": "application/json", "user-agent": "monitoring-tasks", "connection": "close", **given}
        try:
            answer, asked = self._answer(body, sent)
        except (HTTPException, OSError) as error:
            # Its own text can quote what was sent.
            raise AlertUndelivered(f"{self.name} does not answer ({type(error).__name__}): {_advice(error)}") from None
        if answer.status in FOR_NOW or answer.status >= 500:
            after = retry_after(asked)
            raise AlertUndelivered(f"{self.name} answered {answer.status}: a later try sends it", after=after)
        return answer

    def _answer(self, body: bytes, headers: Mapping[str, str]) -> tuple[Answer, str | None]:
        """The answer, and its Retry-After."""
        url = parse_url(self.url)
        kind = HTTPSConnection if url.scheme == "https" else HTTPConnection
        # urllib3 would write the address into the log.
        with closing(kind(url.host or "", url.port, timeout=self.timeout)) as connection:
            connection.connect()
            line = connection.sock  # the connection forgets it when the answer begins
            with ended_after(self.timeout, lambda: line):
                connection.request("POST", url.request_uri, body=body, headers=dict(headers))
                with connection.getresponse() as response:
                    return Answer(response.status, _beginning(response)), response.headers.get("Retry-After")


def _advice(error: Exception) -> str:
    if isinstance(error, SSLCertVerificationError):
        return "trust the authority of its certificate on this machine, or name the host that it is for"
    return "check its status, and host and port of the connection"


@contextmanager
def ended_after(seconds: float, line: Callable[[], socket | None]) -> Iterator[None]:
    """Cut a connection after a time, whoever waits for it: a service may send byte by byte and never end."""
    timer = Timer(seconds, _cut, [line])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _cut(line: Callable[[], socket | None]) -> None:
    if (found := line()) is not None:
        with suppress(OSError):
            # Not the encrypted socket's own way, which would disturb whoever reads from it.
            socket.shutdown(found, SHUT_RDWR)


def _beginning(response: HTTPResponse) -> bytes:
    read = b""
    # The status is known by now: a body that does not come whole is no loss where that suffices.
    with suppress(HTTPException, OSError):
        while len(read) < _MOST and (block := response.read1(_MOST)):
            read += block
    return read


def retry_after(text: str | None) -> timedelta | None:
    """The time that a Retry-After asks for, in either of its forms, at most a day; None where it says nothing.

    >>> retry_after("30").seconds, retry_after("soon"), retry_after(None)
    (30, None, None)
    """
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = _until(text)
    return min(timedelta(seconds=min(seconds, 1e6)), _LONGEST) if seconds >= 0 else None


def _until(text: str) -> float:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return math.nan
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def service_of(account: Account, name: str, *, otherwise: str = "", path: str = "") -> Service:
    """The service of a connection: its host, with protocol and path or without, and its port.

    A schema that is no protocol is the path, as in `https://host/path`. `otherwise` is the address where it names no
    host, `path` where it names no path. `timeout` in the extra is that of the request, in seconds. Raises
    `ConfigurationError`.

    >>> from monitoring_tasks.data.connections import Account
    >>> service = service_of(Account("http", host="https://hooks.example.org/a?sig=secret"), "the webhook")
    >>> service.name, service.url
    ('the webhook at https://hooks.example.org', 'https://hooks.example.org/a?sig=secret')
    """
    address = _address(account) or otherwise
    try:
        url = parse_url(address)
    except LocationParseError:
        raise _no_address(name) from None
    if not url.host or url.scheme not in ("http", "https") or url.auth or any(map(str.isspace, address)):
        raise _no_address(name)
    whole = url._replace(path=url.path if (url.path or "/") != "/" else path or "/", fragment=None)
    place = url._replace(path=None, query=None, fragment=None).url
    return Service(name if place == otherwise else f"{name} at {place}", whole.url, seconds_of(account, name))


def _no_address(name: str) -> ConfigurationError:
    # What stands there can be a secret.
    return ConfigurationError(
        f"the connection of {name} names no address: its host is such as https://host/path, without user or password"
    )


def _address(account: Account) -> str:
    protocols, host = ("http", "https"), account.host.strip()
    if not host:
        return ""
    if "://" not in host:
        named = account.schema if account.schema in protocols else account.kind
        host = f"{'http' if named == 'http' else 'https'}://{host}"
    if account.port:
        start, _, rest = host.partition("://")
        place, slash, path = rest.partition("/")
        host = f"{start}://{place}:{account.port}{slash}{path}"
    inside = account.schema if account.schema not in ("", *protocols) else ""
    return f"{host.rstrip('/')}/{inside.lstrip('/')}" if inside else host


def seconds_of(account: Account, name: str) -> float:
    """`timeout` of the connection's extra in seconds, at most 30; `TIMEOUT` without. Raises `ConfigurationError`."""
    try:
        seconds = float(account.extra.get("timeout") or TIMEOUT)
    except (TypeError, ValueError):
        seconds = math.nan
    if not seconds > 0:
        raise ConfigurationError(f"the connection of {name}: timeout in its extra is no number of seconds, such as 10")
    return min(seconds, LONGEST_TIMEOUT)
