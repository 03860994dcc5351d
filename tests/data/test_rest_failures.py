"""JSON endpoints that fail, refuse, send too much or mean harm: tried again or told, within limits, no secret said."""

from __future__ import annotations

import gzip
import logging
import socket
import threading
import time
import traceback
from base64 import b64encode
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from monitoring_tasks.data.connections import Endpoint, EnvironmentConnections
from monitoring_tasks.data.rest import RestRows
from monitoring_tasks.data.source import open_rows
from monitoring_tasks.errors import ConfigurationError, SourceInvalid, SourceUnavailable
from monitoring_tasks.sections import RestSource
from tests.data.json_server import Answer, Query, found, serving
from tests.data.logs import START, Logs
from tests.data.rest_source import SECRET, iso, made, opened, read


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_failure_for_now_is_tried_again(status: int, caplog: pytest.LogCaptureFixture) -> None:
    """As soon as the server allows; after the last try the source is unavailable."""
    answers = [found({}, status, Retry_After="0"), found({}, status, Retry_After="Mon, 03 Jun 2013 00:00:00 GMT")]
    with serving(lambda *_: answers.pop(0) if answers else found(made(2))) as server, caplog.at_level(logging.WARNING):
        assert len(read(opened(server))) == 2
        assert len(server.asked) == 3
        server.answer = lambda *_: found({}, status, Retry_After="0")
        with pytest.raises(SourceUnavailable, match=f"/rows answered {status}, 3 times"):
            read(opened(server, retries=2))
    assert caplog.text.count("rest.retried") == 4


def test_the_pause_grows_without_advice(caplog: pytest.LogCaptureFixture) -> None:
    """Half a second, then a second."""
    with (
        serving(lambda *_: found({}, 503)) as server,
        caplog.at_level(logging.WARNING),
        pytest.raises(SourceUnavailable),
    ):
        read(opened(server, retries=2))
    assert [record.args[2] for record in caplog.records if isinstance(record.args, tuple)] == [0.5, 1.0]


def test_a_server_that_breaks_off_is_asked_again() -> None:
    """Half an answer is no answer."""
    whole = found(made(3))
    half = whole[0], {"Content-Length": "100000", "Connection": "close"}, whole[2][:50]
    answers = [half]
    with serving(lambda *_: answers.pop() if answers else whole) as server:
        assert len(read(opened(server, timeout=1.0))) == 3


def test_nobody_there_is_unavailable() -> None:
    """A closed port, and a server that accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        source = {"kind": "rest", "url": f"{url}/rows?key={SECRET}", "timeout": 0.2, "retries": 1}
        rows = RestRows(RestSource.model_validate(source), Endpoint(""), timestamp="ts")
        with pytest.raises(SourceUnavailable, match=r"/rows does not answer \(ReadTimeoutError\), 2 times"):
            read(rows)
    with pytest.raises(SourceUnavailable, match="does not answer") as caught:
        read(rows)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "words"), [(401, "give the connection a login"), (403, "may not read"), (404, "check source.url")]
)
def test_a_refusal_is_not_tried_again(status: int, words: str) -> None:
    """What a person must change is said, once."""
    with (
        serving(lambda *_: found({"error": SECRET}, status)) as server,
        pytest.raises(SourceInvalid, match=f"answered {status}: .*{words}") as caught,
    ):
        read(opened(server, headers={"Authorization": SECRET}))
    assert len(server.asked) == 1
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"page_megabytes": 0.001}, "more than 0.001 MB at once: raise source.page_megabytes"),
        ({"megabytes": 0.02}, "more than 0.02 MB in all: raise source.megabytes"),
        ({"most_rows": 250}, "more than 250 rows: raise source.most_rows"),
    ],
)
def test_limits_hold(limits: dict[str, float], words: str) -> None:
    """Of one answer, of all, and of rows."""

    def answer(_: str, query: Query) -> Answer:
        first = 100 * int(query["p"])
        return found([{**row, "id": first + row["id"]} for row in made(100)])

    with serving(answer) as server, pytest.raises(SourceInvalid, match=words):
        read(opened(server, page="p", **limits))


def test_a_small_answer_that_unpacks_to_a_large_one_is_stopped() -> None:
    """The limit is of what the answer becomes."""
    packed = gzip.compress(b"[" + b" " * 50_000_000 + b"]")
    with (
        serving(lambda *_: (200, {"Content-Encoding": "gzip"}, packed)) as server,
        pytest.raises(SourceInvalid, match="more than 1 MB at once"),
    ):
        read(opened(server, page_megabytes=1))


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({f"c{number}": 1 for number in range(5001)}, "more than 5000 columns"),
        ({chr(0xD800): 1}, r"sent the key '\\ud800', which is no Unicode"),
    ],
)
def test_rows_that_make_no_table_are_refused(row: dict[str, Any], words: str) -> None:
    """A key for each row, which would take minutes, and one that no file can have."""
    with serving(lambda *_: found([{"ts": iso(START), **row}])) as server, pytest.raises(SourceInvalid, match=words):
        read(opened(server))


def test_brackets_however_deep_are_read_or_refused() -> None:
    """What can just be parsed may be too deep to be written."""
    row = '[{"ts": "2013-06-03T00:00:00Z", "id": 1, "score": 1, "carrier": %s}]'
    with serving(lambda *_: found({})) as server:
        for depth in range(900, 1000, 2):
            server.answer = partial(_always, (200, {}, (row % ("[" * depth + "]" * depth)).encode()))
            try:
                assert len(read(opened(server))) == 1
            except SourceInvalid:
                continue


def test_a_server_that_sends_byte_by_byte_is_given_up() -> None:
    """Each byte is in time, and the answer is not."""
    with socket.create_server(("127.0.0.1", 0)) as slow:
        thread = threading.Thread(target=_drip, args=(slow,))
        thread.start()
        source = {"kind": "rest", "url": f"http://127.0.0.1:{slow.getsockname()[1]}/rows", "timeout": 0.1, "retries": 0}
        rows = RestRows(RestSource.model_validate(source), Endpoint(""), timestamp="ts")
        with pytest.raises(SourceUnavailable, match="took more than 2 s for one answer"):
            read(rows)
        thread.join()


def _drip(listening: socket.socket) -> None:
    """Answer one request with a space every few milliseconds, for as long as somebody listens."""
    answered, _ = listening.accept()
    with answered, suppress(OSError):
        answered.recv(10_000)
        answered.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
        for _ in range(1000):
            answered.sendall(b" ")
            time.sleep(0.02)


def test_pages_without_rows_end() -> None:
    """However many tokens a server thinks of."""
    with (
        serving(lambda _, query: found({"data": [], "next": query.get("cursor", "") + "x"})) as server,
        pytest.raises(SourceInvalid, match="more than 1000 pages in a row without rows"),
    ):
        read(opened(server, next="next"))


@pytest.mark.parametrize("value", [f"{SECRET}\r\nX-Other: 1", f"{SECRET}\n", f"{SECRET}\u20ac"])
def test_a_token_that_http_cannot_carry_is_refused_unsaid(value: str) -> None:
    """Such as one that was read from a file with the end of its line."""
    source = RestSource.model_validate({"kind": "rest", "url": "http://127.0.0.1:1/rows"})
    with pytest.raises(ConfigurationError, match="what HTTP cannot carry") as caught:
        RestRows(source, Endpoint("", {"Authorization": value}), timestamp="ts")
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def _always(answer: Answer, *_: object) -> Answer:
    """The same, whatever is asked."""
    return answer


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("{other}\\@{host}/rows", "another server"),
        ("//{other_host}\\@{host}/rows", "another server"),
        ("FILE:///etc/passwd", "another server"),
        ("HTTP://example.org/rows", "another server"),
        ("http://[::1/rows", "what is no URL"),
        ("http://127.0.0.1:99999/rows", "what is no URL"),
    ],
)
def test_a_hostile_place_is_not_asked(place: str, words: str) -> None:
    """One that two libraries read as two servers, another protocol, no URL at all: as next page and as redirect."""
    with serving(lambda *_: found(made(1))) as other, serving(lambda *_: found({})) as server:
        host, other_host = (each.url.removeprefix("http://") for each in (server, other))
        place = place.format(other=other.url, other_host=other_host, host=host)
        for answer in (found({"data": made(1), "next": place}), found({}, 302, Location=place)):
            server.answer = partial(_always, answer)
            with pytest.raises(SourceInvalid, match=words):
                read(opened(server, next="next", headers={"Authorization": SECRET}))
    assert other.asked == []


@pytest.mark.parametrize("body", [b"<html>", b"", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_is_said(body: bytes) -> None:
    """A page for people, nothing, or brackets without end."""
    with serving(lambda *_: (200, {}, body)) as server, pytest.raises(SourceInvalid, match="what is no JSON"):
        read(opened(server))


def test_secrets_stay_with_their_server() -> None:
    """A redirect or a next page on the same server is followed with them; another server is not asked."""
    with serving(lambda *_: found(made(1))) as other:

        def answer(path: str, _: Query) -> Answer:
            if path == "/rows":
                return found({}, 302, Location="/moved")
            return found({}, 302, Location=f"{other.url}/rows") if path == "/away" else found(made(2))

        with serving(answer) as server:
            headers = {"Authorization": SECRET}
            assert len(read(opened(server, headers=headers))) == 2
            assert [asked[2]["Authorization"] for asked in server.asked] == [SECRET, SECRET]
            with pytest.raises(SourceInvalid, match="leads to another server for a redirect"):
                read(opened(server, url=f"{server.url}/away", headers=headers))
            server.answer = lambda *_: found({"data": made(1), "next": f"{other.url}/rows"})
            with pytest.raises(SourceInvalid, match="another server for the next page"):
                read(opened(server, next="next", headers=headers))
            server.answer = lambda *_: found({}, 302, Location="/rows")
            with pytest.raises(SourceInvalid, match="redirects more than 5 times"):
                read(opened(server))
    assert other.asked == []


@pytest.mark.parametrize("keys", [{"next": "next"}, {"page": "p"}, {"offset": "o"}])
def test_pages_in_a_circle_end(keys: dict[str, str]) -> None:
    """An endpoint that sends one page for ever is found out by its second."""
    with (
        serving(lambda *_: found({"data": made(1), "next": "again"})) as server,
        pytest.raises(SourceInvalid, match="sent the same page twice"),
    ):
        read(opened(server, **keys))
    assert len(server.asked) <= 3


@pytest.mark.parametrize(
    ("connection", "header"),
    [
        ("http://ada:{secret}@{host}", "Basic " + b64encode(f"ada:{SECRET}".encode()).decode()),
        ('{{"conn_type": "http", "host": "http://{host}", "extra": {{"token": "{secret}"}}}}', f"Bearer {SECRET}"),
        ('{{"conn_type": "http", "extra": {{"headers": {{"Authorization": "{secret}"}}}}}}', SECRET),
    ],
)
def test_a_connection_brings_its_secrets(tmp_path: Path, connection: str, header: str) -> None:
    """Login and password, a token, or headers: sent to the endpoint, and in no repr."""
    with serving(lambda *_: found(made(2))) as server:
        host = server.url.removeprefix("http://")
        known = {"AIRFLOW_CONN_API": connection.format(secret=SECRET, host=host)}
        connections = EnvironmentConnections(known)
        logs = Logs(
            tmp_path, sources={"predictions": {"kind": "rest", "url": f"{server.url}/rows", "connection": "api"}}
        )
        rows = open_rows(logs.monitor(), connections)
        assert isinstance(rows, RestRows)
        assert len(read(rows)) == 2
    assert server.asked[0][2]["Authorization"] == header
    assert SECRET not in repr(connections.endpoint("api"))


@pytest.mark.parametrize(
    ("connection", "url", "words"),
    [
        ("postgres://db/x", "http://h/rows", "has type 'postgres': a REST source needs one of type http"),
        ("https://api.example.org", "https://other.example.org/rows", "of another server: its secrets are not sent"),
        ("https://api.example.org", "http://api.example.org/rows", "of another server"),
        ('{"conn_type": "http"}', "/rows", "connection 'api' names no host"),
        (f'{{"conn_type": "http", "host": "https://ada:{SECRET}@h"}}', "/rows", "have fields of their own"),
        (f'{{"conn_type": "http", "host": "h?token={SECRET}"}}', "/rows", "have fields of their own"),
        ('{"conn_type": "http", "host": "ftp://h"}', "/rows", "is no address such as"),
    ],
)
def test_a_connection_that_does_not_fit_is_refused(tmp_path: Path, connection: str, url: str, words: str) -> None:
    """Before anything is sent."""
    source = {"kind": "rest", "url": url, "connection": "api"}
    monitor = Logs(tmp_path, sources={"predictions": source}).monitor()
    with pytest.raises(ConfigurationError, match=words) as caught:
        open_rows(monitor, EnvironmentConnections({"AIRFLOW_CONN_API": connection}))
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"url": "ftp://h/rows"}, "write https://host/path"),
        ({"url": "https://ada:secret@h/rows"}, "belong into the connection"),
        ({"url": "rows"}, "write https://host/path"),
        ({"url": "/rows"}, "a url without a host needs a connection"),
        ({"url": "https://h/rows", "next": "n", "page": "p"}, "at most one of next, page and offset"),
        ({"url": "https://h/rows", "retries": -1}, "greater than or equal to 0"),
    ],
)
def test_a_section_that_makes_no_sense_is_refused(keys: dict[str, Any], words: str) -> None:
    """When the YAML is read."""
    with pytest.raises(ValidationError, match=words):
        RestSource.model_validate({"kind": "rest", **keys})
