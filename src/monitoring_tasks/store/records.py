"""What the store gives back besides verdicts and check results themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal, Self, get_args

from monitoring_tasks.monitor import Severity
from monitoring_tasks.policy.verdict import Verdict
from monitoring_tasks.window import Window, parse_moment, stamp

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


RetrainingState = Literal[
    "requested",
    "published",
    "scored",
    "judged",
    "awaiting",
    "refused",
    "no_new_data",
    "rejected",
    "declined",
    "expired",
    "withheld",
    "superseded",
    "promoted",
    "rolled_back",
    "failed",
]
RETRAINING_STATES: tuple[RetrainingState, ...] = get_args(RetrainingState)
OPEN_STATES: frozenset[RetrainingState] = frozenset({"requested", "published", "scored", "judged", "awaiting"})
"""States of a retraining that is under way; every other state is an end."""
REPLACED: frozenset[RetrainingState] = frozenset({"promoted", "rolled_back"})
"""Ends of a retraining that put another champion in place."""


@dataclass(frozen=True)
class RetrainingRecord:
    """One retraining (or rollback) that was asked for, and how far it came; `run` is the id of its Airflow run.

    `origin` says what asked: drift, performance, manual, schedule, again (the champion moved while this one was under
    way) or rollback. `champion` is what was in use when it began: its `version`, `number` and `revision`. `training`
    and `evaluation` are windows, `snapshot` the fingerprint of the rows in them. `verdict` is the gate's, in short.
    `outcome` is a sentence for people, `decided_by` the person (or rule) that decided. `closed_at` is None while open.
    """

    monitor: str
    run: str
    origin: str
    reason: str
    state: RetrainingState
    requested_at: datetime
    window_end: datetime
    requested_by: str | None = None
    champion: Mapping[str, Any] = field(default_factory=dict)
    training: Window | None = None
    evaluation: Window | None = None
    snapshot: str = ""
    challenger: str | None = None
    branch: str | None = None
    verdict: Mapping[str, Any] | None = None
    outcome: str = ""
    decided_by: str | None = None
    closed_at: datetime | None = None

    @property
    def open(self) -> bool:
        """Whether it is under way."""
        return self.state in OPEN_STATES

    def to_json(self) -> dict[str, Any]:
        """The record as plain JSON values."""
        moments = {name: stamp(value) for name in _MOMENTS if (value := getattr(self, name)) is not None}
        windows = {name: value.to_json() for name in _WINDOWS if (value := getattr(self, name)) is not None}
        return {**asdict(self), "champion": dict(self.champion), **moments, **windows}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`."""
        moments = {name: parse_moment(value[name]) for name in _MOMENTS if value[name] is not None}
        windows = {name: Window.from_json(value[name]) for name in _WINDOWS if value[name] is not None}
        return cls(**{**value, **moments, **windows})


_MOMENTS = ("requested_at", "window_end", "closed_at")
_WINDOWS = ("training", "evaluation")
