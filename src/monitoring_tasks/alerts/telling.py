"""Telling people about a verdict: whether it is worth it, and what became of the alert."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from monitoring_tasks.alerts.delivery import Channel, alert_key, deliver
from monitoring_tasks.alerts.message import Message
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.policy.verdict import Outcome, Verdict
from monitoring_tasks.store.database import Store

Json = dict[str, Any]


def needs_alert(monitor: Monitor, verdict: Json) -> bool:
    """Whether a verdict is told to people: it is not healthy, and severe enough for the monitor's routes."""
    judged = Verdict.from_json(verdict)
    return judged.outcome is not Outcome.HEALTHY and judged.severity >= monitor.alerts.least


def tell(store: Store, verdict: Verdict, message: Message, *, channels: Sequence[Channel], silent: bool) -> Json:
    """Deliver the message about a verdict; silently it is only recorded that people would have been told."""
    key, by = alert_key(verdict), message.links.get("run")
    records = deliver(message, key=key, channels=channels, store=store, silent=silent, by=by)
    return {"alerts": [{"channel": record.channel, "state": record.state} for record in records]}
