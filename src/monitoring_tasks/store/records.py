"""What the store gives back besides verdicts and check results themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from monitoring_tasks.monitor import Severity
from monitoring_tasks.policy.verdict import Verdict
from monitoring_tasks.window import Window

AlertState = Literal["sending", "sent", "withheld", "logged", "failed"]


@dataclass(frozen=True)
class StoredVerdict:
    """A verdict as the store keeps it.

    `report` is the URI of its HTML report, None when there is none. `run` says which run wrote it (DAG run id, CLI
    call). `written_at` is an aware moment in UTC.
    """

    verdict: Verdict
    report: str | None
    run: Mapping[str, str]
    written_at: datetime


@dataclass(frozen=True)
class AlertRecord:
    """What became of one alert in one channel.

    `sending`: a run is sending it, or was ended while it did. `sent`: delivered. `logged`: written to the log, which is
    nobody's inbox. `withheld`: a backfill would have sent it. `failed`: the channel did not take it. `external` holds
    the channel's own ids (Slack: ts, channel).
    """

    key: str
    channel: str
    monitor: str
    window: Window
    severity: Severity
    state: AlertState
    message: str
    external: Mapping[str, str] = field(default_factory=dict)
