"""Hostile requests: whatever an address, a header or a body holds, no answer is a failure of the server."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import positive_data_acceptance

from monitoring_tasks.orchestration.links import PREFIX
from monitoring_tasks.runtime import Runtime
from tests.ui.server import HTML, browser, headers
from tests.ui.test_walk import EXAMPLES, SPAN, fleet
from tests.ui.world import CONFIG, INCIDENT, OLD

if TYPE_CHECKING:
    from fastapi.testclient import TestClient
    from httpx import Response

__all__ = ["fleet"]
pytestmark = pytest.mark.xdist_group("airflow")
REQUESTS = 10_000
SEED = 7
NASTY = (
    "",
    "\0",
    "a\0b",
    "\x01\x1f\x7f",
    "\r\nSet-Cookie: a=b",
    "..",
    "../../../etc/passwd",
    "..\\..",
    "//elsewhere.example",
    "%",
    "%2e%2e%2f",
    "%zz",
    "'; DROP TABLE monitoring_subjects; --",
    '" OR 1=1',
    "<script>alert(1)</script>",
    "{{ 7 * 7 }}",
    "${jndi:ldap://a}",
    "\ufeff\u202e\u0000\ufffd",
    "\U0001f4a9" * 3,
    "\u0661\u0662",
    "nan",
    "-inf",
    "1e999",
    "-1",
    "0",
    "9223372036854775808",
    "99999999999999999999999999999999",
    "-170141183460469231731687303715884105729",
    "0000-01-01",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-12:00",
    "2013-02-30",
    "2013-03-01T00:00:00.000001Z",
    "2013-03-01/2013-03-01",
    "2013-03-02/2013-03-01",
    "0001-01-01T000000_9999-12-31T235959",
    "2013-99-01T000000_2013-03-01T000000",
    "true",
    "null",
    "[]",
    "~",
    "*",
    "a" * 300,
    "a" * 5000,
    "monitor_",
    "monitor_fraud",
    "performance_fraud",
    "retrain_fraud",
    "monitor_" + "x" * 70,
    "fraud",
    "age",
    "plan=pro",
    "acknowledge",
    "mute",
)
PIECES = (
    "\0",
    "\ud800",
    "'",
    '"',
    "<",
    "&",
    "\\",
    "/",
    "%",
    ";",
    "é",
    "\u2028",
    "\U0010ffff",
    " ",
    "\t",
    "0",
    "a",
    "_",
    "-",
)
NAMES = (
    *(
        "q",
        "owner",
        "state",
        "sort",
        "page",
        "limit",
        "cursor",
        "start",
        "end",
        "column",
        "known_by",
        "segments",
        "window",
    ),
    *(
        "run_id",
        "dag_id",
        "severity",
        "cause",
        "open",
        "monitor",
        "known_at",
        "days",
        "range",
        "version",
        "number",
        "done",
    ),
    *("compare", "metric", "segment", "from", "to", "reason", "for", "champion", "nonce", "until"),
)
KINDS = (
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/plain",
    "é;;=",
    "",
)
METHODS = ("GET", "GET", "GET", "GET", "POST", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW")


@dataclass(frozen=True)
class Hostile:
    """Requests made up at random, the same for the same seed."""

    dice: random.Random = field(default_factory=lambda: random.Random(SEED))

    def text(self) -> str:
        """A text as nobody would write it."""
        if self.dice.random() < 0.8:
            return self.dice.choice(NASTY)
        return "".join(self.dice.choices(PIECES, k=self.dice.randint(1, 12)))

    def path(self, example: str) -> str:
        """An address with some parts replaced."""
        parts = example.partition("?")[0].split("/")
        for place in range(1, len(parts)):
            if parts[place] and self.dice.random() < 0.2:
                parts[place] = escaped(self.text())
        return "/".join(parts)

    def query(self, example: str) -> str:
        """Parameters, some of which mean something."""
        given = example.partition("?")[2] if self.dice.random() < 0.5 else ""
        more = [(self.dice.choice(NAMES), self.text()) for _ in range(self.dice.choice((0, 1, 1, 2, 3)))]
        return "&".join(filter(None, [given, urlencode(more, errors="surrogatepass")]))

    def headers(self, given: Mapping[str, str]) -> dict[str, str]:
        """What a request says of itself, beside who asks."""
        names = ("Accept", "Origin", "Sec-Fetch-Site", "X-Forwarded-For", "If-None-Match", "Range", "Accept-Encoding")
        more = {name: header(self.text()) for name in names if self.dice.random() < 0.1}
        return {**given, **more, **({"Cookie": f"theme={header(self.text())}"} if self.dice.random() < 0.1 else {})}

    def body(self) -> tuple[bytes, str]:
        """What is posted, and as what."""
        fields = {self.dice.choice(NAMES): self.value() for _ in range(self.dice.randint(0, 4))}
        plain = {name: value for name, value in fields.items() if isinstance(value, str)}
        content = (
            json.dumps(fields),
            urlencode(plain, errors="surrogatepass"),
            json.dumps({"version": "4", "alerts": [fields], "status": "firing"}),
            self.text(),
            "[" * 5000,
        )
        kind = self.dice.choice(KINDS)
        return self.dice.choice(content).encode(errors="surrogatepass"), kind

    def value(self) -> Any:
        """A value of a JSON object."""
        return self.dice.choice((self.text(), self.text(), None, 1e308, 10**30, [], {"a": []}, True))


def escaped(text: str) -> str:
    """A text as a part of a path; half characters, which no URL can hold, as the bytes that stand for them."""
    return quote(text, safe="", errors="surrogatepass")


def header(text: str) -> str:
    """A text as a header can hold it."""
    return "".join(letter for letter in text if letter.isprintable() and ord(letter) < 256)


@pytest.fixture
def on_postgres(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results are kept in PostgreSQL, which takes less in a text than SQLite."""
    monkeypatch.setenv("MONITORING_STORE", postgres_url)


PEOPLE: Sequence[Callable[[], dict[str, str]]] = (
    lambda: headers("admin"),
    lambda: headers("admin", **HTML),
    lambda: browser("admin"),
    lambda: headers("viewer"),
    lambda: headers("stranger"),
    lambda: headers("nobody"),
)


def test_no_request_makes_the_server_fail(server: TestClient, on_postgres: None, fleet: Runtime) -> None:
    """Of ten thousand hostile requests none is answered by 5xx, and none of nobody's by 2xx."""
    hostile, answers, people = Hostile(), Counter[int](), [each() for each in PEOPLE]
    for number in range(REQUESTS):
        anonymous = number % len(people) == len(people) - 1
        told, answer = sent(server, hostile, people[number % len(people)])
        answers[answer.status_code] += 1
        assert answer.status_code < 500, (told, answer.status_code, answer.text[:300])
        assert not (anonymous and 200 <= answer.status_code < 300 and ours(answer)), told
    assert {200, 400, 401, 403, 404, 405, 422} <= set(answers), answers
    assert answers[200] > REQUESTS // 20, answers


def sent(server: TestClient, hostile: Hostile, given: Mapping[str, str]) -> tuple[str, Response]:
    """One hostile request: what it was, and its answer."""
    (method, _), example = hostile.dice.choice(tuple(EXAMPLES.items()))
    method = method if hostile.dice.random() < 0.8 else hostile.dice.choice(METHODS)
    path, query = PREFIX + hostile.path(example.path), hostile.query(example.path)
    about, content = hostile.headers(given), b""
    if method == "POST":
        content, about["Content-Type"] = hostile.body()
        about["Content-Type"] = header(about["Content-Type"])
    answer = server.request(method, f"{path}?{query}", headers=encoded(about), content=content, follow_redirects=False)
    return f"{method} {path}?{query} {content[:200]!r}", answer


def encoded(given: Mapping[str, str]) -> dict[str, bytes]:
    """Headers as bytes: those of a hostile client are no ASCII."""
    return {name: value.encode("latin-1") for name, value in given.items()}


def ours(answer: Response) -> bool:
    """Whether an answer is one of the plugin's: what climbs out of its prefix is Airflow's own page for any address."""
    return "<title>Airflow</title>" not in answer.text


KNOWN: Mapping[str, str] = {
    "monitor": "fraud",
    "champion": OLD,
    "span": SPAN,
    "config_hash": CONFIG,
    "incident_id": INCIDENT,
}
MODES = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)
LENIENT = [positive_data_acceptance]
"""What no schema can say: that a start lies before its end, and which cursor there is."""
EACH = 25
"""So many requests of each operation are made up from what the document says."""


def test_the_api_is_what_its_document_says(server: TestClient, on_postgres: None, fleet: Runtime) -> None:
    """Requests made up from the document get answers that it describes, whether they fit it or not."""
    path = f"{PREFIX}/api/v1/openapi.json"
    schema = schemathesis.openapi.from_asgi(path, app=server.app, headers=headers("admin"))
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) == sum(route[1].startswith("/api/v1/") for route in EXAMPLES) - 3
    for operation in operations:
        conforms(operation)


def conforms(operation: Any) -> None:
    """Ask for an operation as its description allows, and as it does not."""

    @settings(
        max_examples=EACH, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(case=st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in MODES)), known=st.booleans())
    def asked(case: Any, known: bool) -> None:
        if known:
            case.path_parameters = {name: KNOWN.get(name, value) for name, value in case.path_parameters.items()}
        case.call_and_validate(headers=headers("admin"), excluded_checks=LENIENT)

    asked()
