"""What the store gives back besides verdicts and check results themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal, Self, get_args

from monitoring_tasks.policy.verdict import Verdict
from monitoring_tasks.severity import Severity
from monitoring_tasks.window import Window, parse_moment, stamp

LetterState = Literal["waiting", "sending", "sent", "bundled", "dead"]


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
class Letter:
    """One message to one channel, in the outbox until the channel took it.

    `key` names what is told (`Change.key`, or a key of its own for what concerns no incident): with `channel`, the
    address of the channel, it is told once. `incident` is the incident's id, "" for none; letters of one incident to
    one channel are delivered in the order of `position`. `event` is the incident's event, or `notice`, `digest`,
    `test`. `body` is the message as JSON. It is due at `due_at`; one for the daily `digest` is then bundled with others
    into one letter. `attempts` counts tries that failed, `next_at` is when the next one may be.

    `waiting`: not delivered yet. `sending`: claimed by a sender since `claimed_at`, or left by one that was ended.
    `sent`: the channel took it; `external` holds the channel's ids (Slack: ts, channel). `bundled`: told in a digest.
    `dead`: given up, and nobody was told; `error` says why. It can be sent again by hand.
    """

    key: str
    channel: str
    incident: str
    position: int
    event: str
    severity: Severity
    monitors: tuple[str, ...]
    body: Mapping[str, Any]
    created_at: datetime
    due_at: datetime
    digest: bool = False
    state: LetterState = "waiting"
    attempts: int = 0
    next_at: datetime | None = None
    claimed_at: datetime | None = None
    claimed_by: str | None = None
    sent_at: datetime | None = None
    external: Mapping[str, str] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True)
class Transition:
    """Something that happened to an incident, as it is kept for ever: what, when by the clock, by whom, and why.

    `by` is a person, or "" for what a run found; `position` is the incident's `number` after it.
    """

    incident: str
    position: int
    event: str
    state: str
    severity: Severity
    tick: datetime
    at: datetime
    by: str = ""
    reason: str = ""


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

    `origin` says what asked: drift, performance, alert, manual, schedule, again (the champion moved while this one
    was under way) or rollback. `champion` is what was in use when it began: its `version`, `number` and `revision`.
    `training` and `evaluation` are windows, `snapshot` the fingerprint of the rows in them. `verdict` is the gate's, in
    short. `outcome` is a sentence for people, `decided_by` the person (or rule) that decided. `closed_at` is None while
    open.
    `challenger` is a revision; `placed` is the version of the champion that it, or the rollback, put in place.
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
    placed: str | None = None

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
