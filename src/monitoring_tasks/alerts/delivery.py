"""Delivery: each alert reaches each channel once, and the store knows what became of it."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

from monitoring_tasks.alerts.message import Message, to_text
from monitoring_tasks.errors import AlertUndelivered
from monitoring_tasks.policy.verdict import Verdict
from monitoring_tasks.store.database import Store
from monitoring_tasks.store.records import AlertRecord, AlertState

_log = logging.getLogger(__name__)


class Channel(Protocol):
    """A way to reach people. `delivered` is the state of an alert it took."""

    @property
    def name(self) -> str:
        """What tells it from all other channels, such as `slack:#ml-alerts`."""

    @property
    def delivered(self) -> AlertState:
        """`sent`, or `logged` when nobody is reached by it."""

    def send(self, message: Message, *, key: str, thread: str | None) -> Mapping[str, str]:
        """Deliver, continuing in `thread` when there is one; return the channel's ids, or raise `AlertUndelivered`."""


def alert_key(verdict: Verdict) -> str:
    """What makes an alert the same one: monitor, champion, window, configuration, outcome and severity.

    A window that is judged again and found worse is another alert, and is told.

    >>> from monitoring_tasks.monitor import Severity
    >>> from monitoring_tasks.policy.verdict import Outcome, Subject
    >>> from monitoring_tasks.window import Window
    >>> subject = Subject("flight_delay", "v1", Window.parse("2013-06-04", "2013-06-11"), "c0ffee")
    >>> alert_key(Verdict(subject, Outcome.DRIFTED, Severity.HIGH))
    'flight_delay-7ea7152a241e4825'
    """
    about = json.dumps([verdict.subject.to_json(), verdict.outcome.value, int(verdict.severity)], sort_keys=True)
    return f"{verdict.subject.monitor}-{hashlib.sha256(about.encode()).hexdigest()[:16]}"


def deliver(
    message: Message, *, key: str, channels: Sequence[Channel], store: Store, silent: bool
) -> list[AlertRecord]:
    """Send an alert through every channel that has not taken it yet, and record what became of it in each.

    An alert that a channel took before is not sent again, so a retried task posts nothing twice. `silent` (a
    backfill) sends nothing and records `withheld`. A channel that fails does not stop the others; at the end
    `AlertUndelivered` names those that failed. Returns one record per channel, in their order.
    """
    records = [_deliver(message, key, channel, store, silent) for channel in channels]
    failed = [record for record in records if record.state == "failed" and not silent]
    if failed:
        told = "; ".join(record.external["error"] for record in failed)
        raise AlertUndelivered(f"{len(failed)} of {len(records)} channels did not take alert {key}: {told}")
    return records


def _deliver(message: Message, key: str, channel: Channel, store: Store, silent: bool) -> AlertRecord:
    before = store.alert(key, channel.name)
    if before is not None and (silent or before.state in ("sent", "logged")):
        _log.info("alert left as it is key=%s channel=%s state=%s", key, channel.name, before.state)
        return before
    if silent:
        record = _record(message, key, channel, "withheld", {})
    else:
        record = _send(message, key, channel, before.external.get("ts") if before else None)
    store.put_alert(record)
    _log.info("alert recorded key=%s channel=%s state=%s", key, channel.name, record.state)
    return record


def _send(message: Message, key: str, channel: Channel, thread: str | None) -> AlertRecord:
    try:
        return _record(message, key, channel, channel.delivered, channel.send(message, key=key, thread=thread))
    except AlertUndelivered as error:
        return _record(message, key, channel, "failed", {**error.external, "error": str(error)})
    except Exception as error:  # whatever is wrong with one channel, the others must be reached
        _log.exception("alert channel broke key=%s channel=%s", key, channel.name)
        return _record(message, key, channel, "failed", {"error": f"{channel.name}: {type(error).__name__}: {error}"})


def _record(
    message: Message, key: str, channel: Channel, state: AlertState, external: Mapping[str, str]
) -> AlertRecord:
    subject = message.subject
    text = to_text(message)
    return AlertRecord(key, channel.name, subject.monitor, subject.window, message.severity, state, text, external)
