"""The PagerDuty channel: Events API v2, one alert there for each incident here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from monitoring_tasks.alerts.channel import Delivery
from monitoring_tasks.alerts.message import Message, one_line
from monitoring_tasks.alerts.posting import Answer, Service, service_of
from monitoring_tasks.errors import AlertRefused, AlertUndelivered, ConfigurationError
from monitoring_tasks.severity import Severity

if TYPE_CHECKING:
    from monitoring_tasks.data.connections import Account

HOST, PATH = "https://events.pagerduty.com", "/v2/enqueue"
SUMMARY_LIMIT, KEY_LIMIT = 1024, 255
SEVERITIES: Mapping[Severity, str] = {
    Severity.NONE: "info",
    Severity.LOW: "info",
    Severity.MEDIUM: "warning",
    Severity.HIGH: "error",
    Severity.CRITICAL: "critical",
}
_ACTIONS = {"acknowledged": "acknowledge", "resolved": "resolve"}


def open_pagerduty(account: Account, target: str = "") -> PagerDutyChannel:  # noqa: ARG001  the key says who is paged
    """The channel of a connection: the integration key is its password; `host` names another server, as in the EU."""
    if not account.password:
        raise ConfigurationError("the connection of PagerDuty has no password: put the service's integration key there")
    return PagerDutyChannel(service_of(account, "PagerDuty", otherwise=HOST, path=PATH), account.password)


class PagerDutyChannel:
    """Triggers, acknowledges and resolves alerts; what lies between is not told to a pager.

    All letters of an incident bear its id as `dedup_key`: PagerDuty appends to the alert that is open, so that a letter
    that comes twice pages once.
    """

    def __init__(self, service: Service, routing_key: str) -> None:
        self._service = service
        self._routing_key = routing_key

    def send(self, delivery: Delivery) -> Mapping[str, str]:
        """Send the event, if the letter is one for a pager; return its `dedup_key`."""
        action = "trigger" if delivery.loud else _ACTIONS.get(delivery.event)
        if action is None:
            return {}
        key = _short(delivery.incident or delivery.key)
        event: dict[str, Any] = {"routing_key": self._routing_key, "event_action": action, "dedup_key": key}
        if action == "trigger":
            event |= _details(delivery)
        self._require_taken(self._service.post(json.dumps(event).encode()))
        return {"dedup_key": key}

    def _require_taken(self, answer: Answer) -> None:
        said = _said(answer.body)
        if 200 <= answer.status < 300 and said.get("status") == "success":
            return
        name = self._service.name
        if answer.status in (400, 413):
            raise AlertRefused(f"{name} refuses the event ({answer.status}{self._reasons(said)})")
        raise AlertUndelivered(
            f"{name} did not take the event (status {answer.status}): check the integration key and the host in the "
            "connection that the channel names"
        )

    def _reasons(self, said: Mapping[str, Any]) -> str:
        told = said.get("errors") or said.get("message")
        reasons = [str(each) for each in (told if isinstance(told, list) else [told or ""]) if each]
        return "".join(f"; {one_line(reason.replace(self._routing_key, '***'))}" for reason in reasons[:3])


def _details(delivery: Delivery) -> dict[str, Any]:
    message, links = delivery.message, _links(delivery.message)
    payload = {
        "summary": one_line(message.title, SUMMARY_LIMIT) or "alert",
        "severity": SEVERITIES[message.severity],
        "source": _source(message),
        "class": delivery.incident.rpartition("-")[0] or delivery.event,
        "custom_details": _custom(delivery),
    }
    client = {"client": "monitoring", **({"client_url": links[0]["href"]} if links else {})}
    return {"payload": payload, "links": links, **client}


def _source(message: Message) -> str:
    facts = message.facts or {}
    return next((facts[label] for label in ("monitor", "monitors", "model") if facts.get(label)), "monitoring")


def _custom(delivery: Delivery) -> dict[str, Any]:
    message = delivery.message
    told = {
        **(message.facts or {}),
        "reasons": list(message.lines),
        "columns": list(message.table),
        "pictures": [plot.alt for plot in message.plots],
        "next step": message.step,
        "key": delivery.key,
    }
    return {name: value for name, value in told.items() if value}


def _links(message: Message) -> list[dict[str, str]]:
    links = (message.links or {}).items()
    return [{"href": address, "text": label} for label, address in links if address.startswith(("http://", "https://"))]


def _short(key: str) -> str:
    return key if len(key) <= KEY_LIMIT else hashlib.sha256(key.encode()).hexdigest()


def _said(body: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
