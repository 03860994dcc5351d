"""An incident: one problem from its first finding to its end, wherever it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from monitoring_tasks.incidents.reading import Cause
from monitoring_tasks.severity import Severity
from monitoring_tasks.window import Window, parse_moment, stamp


class State(StrEnum):
    """How an incident stands with people."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    MUTED = "muted"
    RESOLVED = "resolved"


class Event(StrEnum):
    """What happened to an incident; each is kept, and each may be told.

    `opened`, `escalated` and `reminded` are told aloud; the others beneath the first message. `repeated` and `eased`
    are told to nobody.
    """

    OPENED = "opened"
    ESCALATED = "escalated"
    REMINDED = "reminded"
    JOINED = "joined"
    REPEATED = "repeated"
    EASED = "eased"
    ACKNOWLEDGED = "acknowledged"
    MUTED = "muted"
    UNMUTED = "unmuted"
    RESOLVED = "resolved"


LOUD = frozenset({Event.OPENED, Event.ESCALATED, Event.REMINDED})
UNTOLD = frozenset({Event.REPEATED, Event.EASED})


@dataclass(frozen=True)
class Member:
    """The part of one monitor (or DAG, for causes of a run) in an incident.

    `first` and `last` are its first and newest window with a finding, `windows` how many it had in a row, `healthy`
    how many healthy ones there were in a row after `last`, the newest of which is `checked`.
    """

    name: str
    monitor: str
    owner: str
    severity: Severity
    columns: tuple[str, ...]
    first: Window
    last: Window
    windows: int = 1
    healthy: int = 0
    checked: Window | None = None

    def to_json(self) -> dict[str, Any]:
        """The member as plain JSON values."""
        windows = {name: _window(getattr(self, name)) for name in ("first", "last", "checked")}
        return {**asdict(self), "severity": self.severity.word, "columns": list(self.columns), **windows}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`."""
        windows = {name: value[name] and Window.from_json(value[name]) for name in ("first", "last", "checked")}
        own = {"severity": Severity.of(value["severity"]), "columns": tuple(value["columns"])}
        return cls(**{**value, **own, **windows})


@dataclass(frozen=True)
class Mute:
    """Silence about an incident until a moment of the clock, unless it gets worse than `severity`."""

    until: datetime
    reason: str
    by: str
    severity: Severity


@dataclass(frozen=True)
class Incident:
    """One problem.

    `severity` is that of its newest findings, `told` the worst that people were told of, `worst` the worst there was.
    `columns` are worst first, `reasons` those of the newest finding. `opened`, `spoken` (when it was last told aloud)
    and `resolved` are ticks of runs, not times of the clock, so that a replay finds the same; an action of a person
    counts at the tick of the newest reading. `number` counts what happened to it, from 1. `resolution` says in words
    why it ended.
    """

    id: str
    cause: Cause
    state: State
    severity: Severity
    told: Severity
    worst: Severity
    topics: tuple[str, ...]
    anchors: tuple[str, ...]
    columns: tuple[str, ...]
    reasons: tuple[str, ...]
    members: tuple[Member, ...]
    opened: datetime
    spoken: datetime
    number: int = 1
    mute: Mute | None = None
    resolved: datetime | None = None
    resolution: str = ""

    @property
    def open(self) -> bool:
        """Whether it has not ended: acknowledged and muted incidents are open."""
        return self.state is not State.RESOLVED

    @property
    def monitors(self) -> tuple[str, ...]:
        """Names of the monitors concerned, in the order in which they joined."""
        return tuple(dict.fromkeys(member.monitor for member in self.members))

    @property
    def owners(self) -> tuple[str, ...]:
        """Owners of the models concerned."""
        return tuple(dict.fromkeys(member.owner for member in self.members))

    @property
    def first(self) -> Window:
        """The first window with a finding."""
        return min(member.first for member in self.members)

    @property
    def last(self) -> Window:
        """The newest window with a finding."""
        return max((member.last for member in self.members), key=lambda window: (window.end, window.start))

    def to_json(self) -> dict[str, Any]:
        """The incident as plain JSON values."""
        mute = self.mute and {**asdict(self.mute), "until": stamp(self.mute.until), "severity": self.mute.severity.word}
        severities = {name: getattr(self, name).word for name in _SEVERITIES}
        texts = {name: list(getattr(self, name)) for name in _TEXTS}
        moments = {name: _stamp(getattr(self, name)) for name in _MOMENTS}
        members = [member.to_json() for member in self.members]
        words = {"cause": self.cause.value, "state": self.state.value, "members": members, "mute": mute}
        return {**asdict(self), **severities, **texts, **moments, **words}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`."""
        severities = {name: Severity.of(value[name]) for name in _SEVERITIES}
        texts = {name: tuple(value[name]) for name in _TEXTS}
        moments = {name: value[name] and parse_moment(value[name]) for name in _MOMENTS}
        words = {"cause": Cause(value["cause"]), "state": State(value["state"]), "mute": _mute(value["mute"])}
        members = tuple(map(Member.from_json, value["members"]))
        return cls(**{**value, **severities, **texts, **moments, **words, "members": members})


@dataclass(frozen=True)
class Change:
    """Something that happened to an incident: how it stands after it, by whom ("" for a reading), and why.

    `monitor` is the one whose reading it was, by whose routes it is told; "" for what a person or a promotion did.
    """

    incident: Incident
    event: Event
    tick: datetime
    by: str = ""
    reason: str = ""
    monitor: str = ""

    @property
    def loud(self) -> bool:
        """Whether it is told aloud."""
        return self.event in LOUD

    @property
    def is_news(self) -> bool:
        """Whether it is told at all, and kept for ever."""
        return self.event not in UNTOLD

    @property
    def key(self) -> str:
        """What makes it the same one, wherever and however often it is told.

        It names the incident, the event, and how many there were before it.
        """
        return f"{self.incident.id}-{self.incident.number}-{self.event.value}"


_SEVERITIES = ("severity", "told", "worst")
_TEXTS = ("topics", "anchors", "columns", "reasons")
_MOMENTS = ("opened", "spoken", "resolved")


def _window(window: Window | None) -> dict[str, str] | None:
    return None if window is None else window.to_json()


def _stamp(moment: datetime | None) -> str | None:
    return None if moment is None else stamp(moment)


def _mute(value: Mapping[str, Any] | None) -> Mute | None:
    if value is None:
        return None
    return Mute(parse_moment(value["until"]), value["reason"], value["by"], Severity.of(value["severity"]))
