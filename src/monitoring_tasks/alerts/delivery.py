"""Delivery: each alert reaches each channel once, and the store knows what became of it."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Protocol

from monitoring_tasks.alerts.message import Message, to_text
from monitoring_tasks.errors import AlertUndelivered
from monitoring_tasks.policy.verdict import Verdict
from monitoring_tasks.store.database import Store
from monitoring_tasks.store.records import AlertRecord, AlertState

LAPSE = timedelta(minutes=5)  # longer than a channel takes to answer, waiting for rate limits included
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
    message: Message, *, key: str, channels: Sequence[Channel], store: Store, silent: bool, by: str | None = None
) -> list[AlertRecord]:
    """Send an alert through every channel that has not taken it yet, and record what became of it in each.

    An alert that a channel took before is not sent again, so a retried task posts nothing twice. Of several runs at
    once one sends; the others return its record, `sending`, and do not wait. When it was ended before it could record
    what became of it, the retry of the same run (`by`) sends again, and any other run after `LAPSE`. `silent` (a
    backfill) sends nothing and records `withheld`. A channel that fails does not stop the others; at the end
    `AlertUndelivered` names those that failed. Returns one record per channel, in their order.
    """
    if silent:
        return [_withhold(message, key, channel, store) for channel in channels]
    records = [_deliver(message, key, channel, store, by) for channel in channels]
    failed = [record for record in records if record.state == "failed"]
    if failed:
        told = "; ".join(record.external["error"] for record in failed)
        raise AlertUndelivered(f"{len(failed)} of {len(records)} channels did not take alert {key}: {told}")
    return records


def _withhold(message: Message, key: str, channel: Channel, store: Store) -> AlertRecord:
    record, added = store.add_alert(_record(message, key, channel, "withheld", {}))
    return _told(record, anew=added)


def _deliver(message: Message, key: str, channel: Channel, store: Store, by: str | None) -> AlertRecord:
    claim = _record(message, key, channel, "sending", {})
    before, claimed = store.claim_alert(claim, by=by, lapse=LAPSE)
    if not claimed:
        return _told(before, anew=False)
    record = _send(message, key, channel, before.external.get("ts"))
    store.put_alert(record)
    return _told(record, anew=True)


def _told(record: AlertRecord, *, anew: bool) -> AlertRecord:
    event = "alert recorded" if anew else "alert left as it is"
    _log.info("%s key=%s channel=%s state=%s", event, record.key, record.channel, record.state)
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
