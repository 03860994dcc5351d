"""The webhook channel: JSON to any server, signed by the rules of Standard Webhooks (standardwebhooks.com).

The receiver verifies `webhook-signature`, and takes no `webhook-id` twice.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from monitoring_tasks.alerts.channel import Delivery
from monitoring_tasks.alerts.posting import Service, service_of
from monitoring_tasks.errors import AlertRefused, AlertUndelivered, ConfigurationError

if TYPE_CHECKING:
    from monitoring_tasks.data.connections import Account

VERSION = 1
PREFIX = "whsec_"
_MENDABLE = {
    401: "check the secret of the connection, and `headers` in its extra",
    403: "check the secret of the connection, and `headers` in its extra",
    404: "check the path in the connection's host",
}
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"), re.compile(r"[\t\x20-\x7e\xa0-\xff]*")


def open_webhook(account: Account, target: str = "") -> WebhookChannel:  # noqa: ARG001  the connection names the server
    """The channel of a connection: the signing secret is its password; `headers` in its extra are sent as they are.

    A secret that begins with `whsec_` is base64, as Standard Webhooks writes them; several of those, with blanks
    between them, sign side by side while one takes the place of another. Any other is taken as it is.
    """
    service = service_of(account, "the webhook")
    return WebhookChannel(service, _secrets(account.password or ""), headers=_headers(account))


class WebhookChannel:
    """Posts each letter to one address, with the letter's key as its id at every try."""

    def __init__(
        self,
        service: Service,
        secrets: tuple[bytes, ...],
        *,
        headers: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._service = service
        self._secrets = secrets
        self._headers = headers or {}
        self._clock = clock

    def send(self, delivery: Delivery) -> Mapping[str, str]:
        """Post the letter; return its `id`. Any answer of 2xx is a delivery."""
        key, body = letter_id(delivery.key), body_of(delivery)
        signed = self._signed(key, body)
        status = self._service.post(body, {**self._headers, **signed}).status
        name = self._service.name
        if 300 <= status < 400:
            raise AlertUndelivered(f"{name} redirects ({status}): write where it leads to into the connection's host")
        if status in _MENDABLE:
            raise AlertUndelivered(f"{name} answered {status}: {_MENDABLE[status]}")
        if status >= 400:
            raise AlertRefused(f"{name} refuses the alert (status {status}): ask its owner why, then send it again")
        return {"id": key}

    def _signed(self, key: str, body: bytes) -> dict[str, str]:
        moment = str(int(self._clock()))
        content = b".".join([key.encode(), moment.encode(), body])
        signatures = [b64encode(hmac.digest(secret, content, "sha256")).decode() for secret in self._secrets]
        words = " ".join(f"v1,{signature}" for signature in signatures)
        return {"webhook-id": key, "webhook-timestamp": moment, "webhook-signature": words}


def body_of(delivery: Delivery) -> bytes:
    """The letter as JSON: `type`, `version`, `key`, `event`, `incident` ("" for none) and `message`.

    >>> from monitoring_tasks.alerts.message import Message
    >>> from monitoring_tasks.severity import Severity
    >>> body = json.loads(body_of(Delivery("k1", Message(Severity.LOW, "LOW: churn"), event="notice")))
    >>> body["type"], body["version"], body["message"]["title"]
    ('alert.notice', 1, 'LOW: churn')
    """
    told = {
        "type": f"alert.{delivery.event}",
        "version": VERSION,
        "key": delivery.key,
        "event": delivery.event,
        "incident": delivery.incident,
        "message": delivery.message.to_json(),
    }
    return json.dumps(told, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def letter_id(key: str) -> str:
    """The key as an id that is safe in a header and between full stops, which part what is signed.

    >>> letter_id("drift-0a1b-1-opened"), letter_id("a.b")[:8]
    ('drift-0a1b-1-opened', '2e7336dc')
    """
    return key if re.fullmatch(r"[\w-]{1,200}", key, re.ASCII) else hashlib.sha256(key.encode()).hexdigest()


def _secrets(password: str) -> tuple[bytes, ...]:
    words = password.split()
    if not words:
        raise ConfigurationError("the connection of the webhook has no password: put the signing secret there")
    if not all(word.startswith(PREFIX) for word in words):
        return (password.encode(),)
    try:
        secrets = tuple(b64decode(word.removeprefix(PREFIX), validate=True) for word in words)
    except ValueError:
        secrets = (b"",)
    if not all(secrets):
        raise ConfigurationError(
            f"the connection of the webhook: what follows {PREFIX} in its password is no base64: copy it anew"
        )
    return secrets


def _headers(account: Account) -> dict[str, str]:
    given = account.extra.get("headers") or {}
    try:
        pairs = dict(json.loads(given) if isinstance(given, str) else given)
    except (ValueError, TypeError):
        raise ConfigurationError("the connection of the webhook: headers in its extra are no JSON object") from None
    headers = {str(name): str(value) for name, value in pairs.items()}
    if not all(_HEADER[0].fullmatch(name) and _HEADER[1].fullmatch(value) for name, value in headers.items()):
        # Neither is said: a token that was put in the wrong field is a secret still.
        raise ConfigurationError("the connection of the webhook: a header in its extra holds what HTTP cannot carry")
    return headers
