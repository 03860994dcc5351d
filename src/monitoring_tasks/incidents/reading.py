"""What one run of a monitor gives reason to tell: signals by cause, or none, which is healthy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Self

from monitoring_tasks.severity import Severity
from monitoring_tasks.window import Window, parse_moment, stamp


class Cause(StrEnum):
    """Why people are told: what an incident of a monitor is about, and what tells its incidents apart."""

    DATA_QUALITY = "data_quality"
    DRIFT = "drift"
    PERFORMANCE = "performance"
    NO_DATA = "no_data"
    LABELS = "labels"
    LATE = "late"
    FAILED = "failed"
    SELF_TEST = "self_test"


OF_RUN = frozenset({Cause.LATE, Cause.FAILED})
"""Causes that concern runs of one DAG, not the model's rows: their member is the DAG."""
UNDECIDED = "undecided"
"""Outcome of a signal of nothing but checks that could not be decided, in a window that could be judged."""
Stream = Literal["drift", "performance", "self_test", "run"]
"""Where a reading comes from; `run` is Airflow itself: a run that is late, or failed."""


@dataclass(frozen=True)
class Signal:
    """One cause that a window gives reason to tell.

    `columns` are concerned, worst first, by drift x importance; `anchors` say where in the world they come from, such
    as `orders#amount`: monitors whose signals of one cause share an anchor in overlapping windows have one problem.
    `reasons` are sentences, worst first. `topics` are what routes ask for: suites, or the cause itself. `outcome` is
    the verdict's, where the window could not be judged: it says how much patience there is. Or it is
    `UNDECIDED`: no check behind it could be decided.
    """

    cause: Cause
    severity: Severity
    reasons: tuple[str, ...]
    columns: tuple[str, ...] = ()
    anchors: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    outcome: str = ""

    def to_json(self) -> dict[str, Any]:
        """The signal as plain JSON values."""
        return {
            "cause": self.cause.value,
            "severity": self.severity.word,
            "reasons": list(self.reasons),
            "columns": list(self.columns),
            "anchors": list(self.anchors),
            "topics": list(self.topics),
            "outcome": self.outcome,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`."""
        texts = {name: tuple(value[name]) for name in ("reasons", "columns", "anchors", "topics")}
        return cls(Cause(value["cause"]), Severity.of(value["severity"]), outcome=value["outcome"], **texts)


@dataclass(frozen=True)
class Reading:
    """What one run found out about one window of one monitor.

    `tick` is when the run was due, whenever it really ran: readings are in the order of their ticks. `covers` are the
    causes it says something about: one of them without a signal is healthy in this window, any other is unknown.
    `dag_id` is the DAG of the run. Of data quality there is a signal for each column, of any other cause at most one.
    """

    monitor: str
    owner: str
    dag_id: str
    stream: Stream
    window: Window
    tick: datetime
    covers: frozenset[Cause]
    signals: tuple[Signal, ...] = ()

    def of(self, cause: Cause) -> tuple[Signal, ...]:
        """The signals of a cause."""
        return tuple(each for each in self.signals if each.cause is cause)

    def member(self, cause: Cause) -> str:
        """Who is in an incident of this cause by this reading: the monitor, or the DAG for causes of a run."""
        return self.dag_id if cause in OF_RUN else self.monitor

    def to_json(self) -> dict[str, Any]:
        """The reading as plain JSON values."""
        return {
            "monitor": self.monitor,
            "owner": self.owner,
            "dag_id": self.dag_id,
            "stream": self.stream,
            "window": self.window.to_json(),
            "tick": stamp(self.tick),
            "covers": sorted(self.covers),
            "signals": [signal.to_json() for signal in self.signals],
        }

    def dumps(self) -> str:
        """Canonical JSON: the same reading always gives the same text."""
        return json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`."""
        return cls(
            value["monitor"],
            value["owner"],
            value["dag_id"],
            value["stream"],
            Window.from_json(value["window"]),
            parse_moment(value["tick"]),
            frozenset(map(Cause, value["covers"])),
            tuple(map(Signal.from_json, value["signals"])),
        )
