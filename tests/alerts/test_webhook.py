"""The webhook channel against a receiver that verifies signatures."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.alerts.message import Message
from monitoring_tasks.alerts.posting import Service
from monitoring_tasks.alerts.webhook import WebhookChannel, letter_id, open_webhook
from monitoring_tasks.data.connections import Account
from monitoring_tasks.errors import AlertRefused, AlertUndelivered, ConfigurationError
from tests.alerts.certificates import self_signed
from tests.alerts.contract import INCIDENT, letter
from tests.alerts.servers import HttpServer, Receiver
from tests.slack_server import Answer

RAW = b"a secret of at least 24 bytes"
SECRET = f"whsec_{base64.b64encode(RAW).decode()}"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that knows the secret."""
    with Receiver(RAW) as running:
        yield running


def account(receiver: HttpServer, **changes: Any) -> Account:
    """A connection to it."""
    fields: dict[str, Any] = {"host": f"{receiver.url}/alerts?team=ml", "password": SECRET, "extra": {"timeout": 10}}
    return Account("http", **{**fields, **changes})


def test_a_letter_is_signed_json(receiver: Receiver) -> None:
    """The receiver verifies the signature over id, time and body, and reads the whole letter."""
    assert open_webhook(account(receiver)).send(letter()) == {"id": letter().key}
    [request], [body] = receiver.requests, receiver.letters
    assert request.path == "/alerts?team=ml"
    assert abs(int(request.headers["webhook-timestamp"]) - time.time()) < 60
    assert {name: body[name] for name in ("type", "version", "key", "event", "incident")} == {
        "type": "alert.opened",
        "version": 1,
        "key": letter().key,
        "event": "opened",
        "incident": INCIDENT,
    }
    assert Message.from_json(body["message"]) == letter().message


def test_signatures_are_those_of_the_standard() -> None:
    """The example that libraries of Standard Webhooks are tested by."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    channel = WebhookChannel(Service("a test", "http://127.0.0.1:1"), (key,), clock=lambda: 1614265330.9)
    assert channel._signed("msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}') == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_retry_has_the_id_of_the_first_try_and_a_new_time(receiver: Receiver) -> None:
    """The receiver knows the second of two tries as a double, though it was signed later."""
    moments = iter([1_700_000_000.0, 1_700_000_100.0])
    channel = WebhookChannel(Service("the webhook", receiver.url), (RAW,), clock=lambda: next(moments))
    channel.send(letter())
    channel.send(replace(letter(), again=True))
    assert len(receiver.letters) == 1
    assert receiver.doubles == [letter().key]
    assert [each.headers["webhook-timestamp"] for each in receiver.requests] == ["1700000000", "1700000100"]


def test_two_secrets_sign_while_one_takes_the_others_place(receiver: Receiver) -> None:
    """With two secrets a receiver of the old one and one of the new both verify."""
    new = f"whsec_{base64.b64encode(b'another secret, just as long').decode()}"
    open_webhook(account(receiver, password=f"{new} {SECRET}")).send(letter())
    [request] = receiver.requests
    assert len(request.headers["webhook-signature"].split()) == 2
    assert len(receiver.letters) == 1


def test_a_secret_without_the_prefix_is_taken_as_it_is(receiver: Receiver) -> None:
    """Any password is a secret, blanks and all."""
    open_webhook(account(receiver, password=RAW.decode())).send(letter())
    assert len(receiver.letters) == 1


def test_headers_of_the_connection_are_sent(receiver: Receiver) -> None:
    """A token that the receiver's gateway wants goes along; it cannot take the place of what signs."""
    extra = {"headers": json.dumps({"Authorization": "Bearer gate", "Webhook-Id": "mine", "Content-Type": "text/json"})}
    open_webhook(account(receiver, extra=extra)).send(letter())
    [request] = receiver.requests
    assert request.headers["authorization"] == "Bearer gate"
    assert request.headers["webhook-id"] == letter().key
    assert request.headers["content-type"] == "text/json"


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_yes_is_a_delivery(receiver: Receiver, status: int) -> None:
    """2xx is a delivery, whatever is in the body."""
    receiver.answers.append(Answer(status, b"" if status == 204 else b"<html>\xff"))
    assert open_webhook(account(receiver)).send(letter())["id"]


@pytest.mark.parametrize(
    ("status", "error", "told"),
    [
        (301, AlertUndelivered, "redirects .301.: write where it leads to into the connection's host"),
        (308, AlertUndelivered, "redirects .308."),
        (401, AlertUndelivered, "answered 401: check the secret"),
        (403, AlertUndelivered, "answered 403: check the secret"),
        (404, AlertUndelivered, "answered 404: check the path"),
        (408, AlertUndelivered, "answered 408: a later try"),
        (425, AlertUndelivered, "answered 425: a later try"),
        (429, AlertUndelivered, "answered 429: a later try"),
        (500, AlertUndelivered, "answered 500: a later try"),
        (503, AlertUndelivered, "answered 503: a later try"),
        (400, AlertRefused, "refuses the alert .status 400."),
        (410, AlertRefused, "refuses the alert .status 410."),
        (413, AlertRefused, "refuses the alert .status 413."),
        (422, AlertRefused, "refuses the alert .status 422."),
    ],
)
def test_each_no_says_what_to_do(receiver: Receiver, status: int, error: type[Exception], told: str) -> None:
    """What time or a person may mend is undelivered, what neither does is refused; no redirect is followed."""
    elsewhere = f"{receiver.url}/elsewhere"
    receiver.answers.append(Answer(status, b"who sent " + SECRET.encode(), {"Location": elsewhere}))
    with pytest.raises(error, match=told) as caught:
        open_webhook(account(receiver)).send(letter())
    assert "team=ml" not in str(caught.value)
    assert SECRET not in str(caught.value)
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"password": None}, "no password: put the signing secret there"),
        ({"password": "  "}, "no password: put the signing secret there"),
        ({"password": "whsec_s3cr3t!"}, "what follows whsec_ in its password is no base64"),
        ({"password": "whsec_"}, "what follows whsec_ in its password is no base64"),
        ({"host": ""}, "names no address"),
        ({"host": "https://user:s3cr3t!@hooks.example.org"}, "names no address"),
        ({"host": "https://hooks.example.org/s3cr3t! x"}, "names no address"),
        ({"host": "ftp://s3cr3t!.example.org"}, "names no address"),
        ({"host": "https://[s3cr3t!"}, "names no address"),
        ({"extra": {"headers": "s3cr3t!"}}, "headers in its extra are no JSON object"),
        ({"extra": {"headers": 5}}, "headers in its extra are no JSON object"),
        ({"extra": {"headers": {"X": "s3cr3t!\r\nY: z"}}}, "a header in its extra holds what HTTP cannot carry"),
        ({"extra": {"headers": {"s3cr3t! X": "z"}}}, "a header in its extra holds what HTTP cannot carry"),
        ({"extra": {"timeout": "s3cr3t!"}}, "timeout in its extra is no number of seconds"),
    ],
)
def test_a_connection_that_cannot_serve_says_why_without_its_secret(
    receiver: Receiver, changes: dict[str, Any], told: str
) -> None:
    """What is wrong is said by the name of the field, never by what stands there."""
    with pytest.raises(ConfigurationError, match=told) as caught:
        open_webhook(account(receiver, **changes))
    assert "s3cr3t" not in str(caught.value)


def test_certificates_are_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A receiver whose certificate nobody vouches for gets nothing; one that is trusted does."""
    context, trusted = self_signed(tmp_path)
    receiver = Receiver(RAW)
    receiver.encrypt(context)
    with receiver:
        connection = account(receiver, host=receiver.url.replace("http", "https"))
        with pytest.raises(
            AlertUndelivered, match=r"does not answer \(SSLCertVerificationError\): trust the authority"
        ):
            open_webhook(connection).send(letter())
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        open_webhook(connection).send(letter())
    assert len(receiver.letters) == 1


@pytest.mark.parametrize("headers", [{"Content-Length": "1000000"}, {"Transfer-Encoding": "chunked"}])
def test_a_yes_counts_though_its_body_does_not_come(receiver: Receiver, headers: dict[str, str]) -> None:
    """The status says it all: a body that is promised and does not come whole makes no second delivery."""
    receiver.answers.append(Answer(200, b"no chunk\r\n", headers))
    assert open_webhook(account(receiver, extra={"timeout": 0.5})).send(letter())["id"]


@given(st.text())
def test_an_id_is_safe_in_a_header_and_the_same_each_time(key: str) -> None:
    """Any key becomes an id without full stops, blanks and line ends; keys that are told apart stay apart."""
    assert letter_id(key) == letter_id(key)
    assert letter_id(key).isascii()
    assert letter_id(key).replace("-", "").replace("_", "").isalnum() or set(letter_id(key)) <= {"-", "_"}
    assert letter_id(f"{key}.") != letter_id(key)


@given(st.binary(min_size=1), st.text(alphabet="abc-", min_size=1), st.binary())
def test_what_is_signed_is_what_is_sent(secret: bytes, key: str, body: bytes) -> None:
    """Any secret, id and body verify by the rule of the standard."""
    signed = WebhookChannel(Service("a test", "http://127.0.0.1:1"), (secret,), clock=lambda: 7.0)._signed(key, body)
    right = hmac.new(secret, f"{key}.7.".encode() + body, hashlib.sha256).digest()
    assert signed["webhook-signature"] == f"v1,{base64.b64encode(right).decode()}"
