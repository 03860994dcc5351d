"""The overview: every model in a line, the worst first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from monitoring_tasks.incidents.incident import Incident
from monitoring_tasks.incidents.reading import OF_RUN, Cause
from monitoring_tasks.performance.headline import MetricLine
from monitoring_tasks.policy.verdict import Outcome
from monitoring_tasks.severity import Severity
from monitoring_tasks.store.board import Head, PerformanceHead
from monitoring_tasks.store.records import RetrainingRecord
from monitoring_tasks.views.model import change_of
from monitoring_tasks.views.words import number, spoken

State = Literal["degraded", "drifted", "warning", "unknown", "healthy"]
STATES: tuple[State, ...] = ("degraded", "drifted", "warning", "unknown", "healthy")
"""What a model's verdicts amount to, the worst first; unknown is not healthy."""
_STATES: Mapping[Outcome, State] = {
    Outcome.HEALTHY: "healthy",
    Outcome.WARNING: "warning",
    Outcome.DRIFTED: "drifted",
    Outcome.DEGRADED: "degraded",
    Outcome.NO_DATA: "unknown",
    Outcome.TOO_FEW_ROWS: "unknown",
    Outcome.LABELS_IMMATURE: "unknown",
}


@dataclass(frozen=True)
class Watched:
    """A monitor as Airflow knows it: who owns its DAG, whether that is switched off, and up to where runs started.

    `interval` is the time from there to the next run; None: nothing is scheduled.
    """

    name: str
    owner: str = ""
    paused: bool = False
    started: datetime | None = None
    interval: timedelta | None = None


@dataclass(frozen=True)
class Facts:
    """What the store holds of all monitors, in a query each."""

    heads: Sequence[Head] = ()
    performance: Sequence[PerformanceHead] = ()
    incidents: Sequence[Incident] = ()
    awaiting: Sequence[RetrainingRecord] = ()
    promotions: Sequence[RetrainingRecord] = ()
    first_windows: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One model. `since` is when its champion was put in place, or, with `at_least`, the first window known of it.

    `drift` and `performance` are the verdicts on its newest windows; None where there is none. `behind` says that a
    run of a later window was started and left no verdict: it runs still, or failed.
    """

    name: str
    owner: str
    paused: bool
    behind: bool
    drift: Head | None
    performance: PerformanceHead | None
    incidents: tuple[Incident, ...] = ()
    awaiting: tuple[RetrainingRecord, ...] = ()
    since: datetime | None = None
    at_least: bool = False

    @property
    def state(self) -> State:
        """The worst of what is known; unknown where a verdict is missing, or no verdict is expected."""
        return min(self._known(), key=STATES.index)

    def _known(self) -> Iterable[State]:
        yield "unknown" if self.drift is None or self.paused or self.behind else _STATES[self.drift.outcome]
        if self.drift is not None:
            yield _STATES[self.drift.outcome]
        if self._unseen:
            yield "unknown"
        # That labels are waited for is how it should be, as long as nobody is told of it.
        if self.performance is not None and not self.waits:
            yield _STATES[self.performance.outcome]

    @property
    def _unseen(self) -> Incident | None:
        """An open incident that says that the newest verdicts are not the newest there should be, muted or not."""
        return next((each for each in self.incidents if _keeps_from_knowing(each, self.name)), None)

    @property
    def waits(self) -> bool:
        """Whether the newest labels are on their way as expected."""
        found = self.performance
        return found is not None and found.outcome is Outcome.LABELS_IMMATURE and found.severity <= Severity.LOW

    @property
    def severity(self) -> Severity:
        """The worst severity of the newest verdicts, and of open incidents that nobody muted."""
        verdicts = [each.severity for each in (self.drift, self.performance) if each is not None]
        return max([*verdicts, *(each.severity for each in self.incidents if each.mute is None)], default=Severity.NONE)

    @property
    def champion(self) -> str:
        """Version of the champion of the newest window; empty where there is none."""
        return self.drift.subject.champion if self.drift else ""

    @property
    def metric(self) -> MetricLine | None:
        """The first metric that decides, of the newest window that could be judged."""
        return next(iter(self.performance.headline.lines), None) if self.performance else None

    @property
    def why(self) -> str:
        """The state in a sentence: the worst finding, and what keeps anything later from being known."""
        finding = self._finding()
        told = [each for each in (finding, self._missing(finding)) if each]
        return "; ".join(told) or (self.drift.headline.reason if self.drift else "")

    def _missing(self, finding: str) -> str:
        """Why nothing newer is known; an open incident that says what the finding says is not told twice."""
        if self.paused:
            return "its DAG is paused: nothing is watched"
        if self.drift is None:
            return "no window was judged yet"
        if self.behind:
            return "a later window was started and has no verdict: look at the runs of its DAG"
        if self._unseen is None or finding in self._unseen.reasons:
            return ""
        return f"open incident: {next(iter(self._unseen.reasons), spoken(self._unseen.cause))}"

    def _finding(self) -> str:
        """What the worse of the two newest verdicts says; empty where both are healthy, or there is none."""
        rows = _STATES[self.drift.outcome] if self.drift else "healthy"
        found = None if self.waits else self.performance
        if found is not None and STATES.index(_STATES[found.outcome]) < STATES.index(rows):
            return _worse(found)
        return self.drift.headline.reason if self.drift and rows != "healthy" else ""


UNSEEN = frozenset({Cause.NO_DATA, Cause.LABELS})
"""Causes of incidents while which last it is not known how a model does; those of its runs besides."""


def _keeps_from_knowing(incident: Incident, monitor: str) -> bool:
    watching = {f"monitor_{monitor}", f"performance_{monitor}"}
    return incident.cause in UNSEEN or (
        incident.cause in OF_RUN and any(member.name in watching for member in incident.members)
    )


def _worse(found: PerformanceHead) -> str:
    """What is wrong with a model's figures: the first metric that is worse than it may be, else the verdict."""
    line = next((each for each in found.headline.lines if each.status == "failed"), None)
    if line is None:
        return f"performance: {spoken(found.outcome)}"
    return f"{spoken(line.name)} {number(line.figure.value)} is {change_of(line)}"


def rows_of(watched: Iterable[Watched], facts: Facts) -> list[Row]:
    """A row for each monitor, in the order given."""
    known = _Known(
        drift={head.subject.monitor: head for head in facts.heads},
        performance={head.subject.monitor: head for head in facts.performance},
        incidents=_by_monitor(facts.incidents),
        awaiting=_waiting(facts.awaiting),
        # The newest of several comes first, and stands.
        since={(each.monitor, each.placed): each.closed_at for each in reversed(facts.promotions)},
        first=facts.first_windows,
    )
    return [_row(each, known) for each in watched]


@dataclass(frozen=True)
class _Known:
    """The facts by monitor."""

    drift: Mapping[str, Head]
    performance: Mapping[str, PerformanceHead]
    incidents: Mapping[str, Sequence[Incident]]
    awaiting: Mapping[str, Sequence[RetrainingRecord]]
    since: Mapping[tuple[str, str | None], datetime | None]
    first: Mapping[str, datetime]


def _row(watched: Watched, known: _Known) -> Row:
    drift = known.drift.get(watched.name)
    promoted = known.since.get((watched.name, drift.subject.champion)) if drift else None
    return Row(
        name=watched.name,
        owner=watched.owner,
        paused=watched.paused,
        behind=_behind(watched, drift),
        drift=drift,
        performance=known.performance.get(watched.name),
        incidents=tuple(known.incidents[watched.name]),
        awaiting=tuple(known.awaiting[watched.name]),
        since=promoted or known.first.get(watched.name),
        at_least=promoted is None,
    )


def _behind(watched: Watched, drift: Head | None) -> bool:
    return drift is not None and watched.started is not None and drift.subject.window.end < watched.started


def _by_monitor(incidents: Iterable[Incident]) -> Mapping[str, list[Incident]]:
    found: defaultdict[str, list[Incident]] = defaultdict(list)
    for incident in incidents:
        for monitor in incident.monitors:
            found[monitor].append(incident)
    return found


def _waiting(records: Iterable[RetrainingRecord]) -> Mapping[str, list[RetrainingRecord]]:
    found: defaultdict[str, list[RetrainingRecord]] = defaultdict(list)
    for record in records:
        found[record.monitor].append(record)
    return found


@dataclass(frozen=True)
class Wish:
    """What somebody wants to see: text in the name, owner or a drifted column; an owner; a state; an order."""

    text: str = ""
    owner: str = ""
    state: str = ""
    order: str = "severity"
    page: int = 1


PAGE = 100
"""So many models are on a page."""


def chosen(rows: Iterable[Row], wish: Wish) -> list[Row]:
    """The rows that fit, in the order wished; an unknown order is that of severity."""
    fitting = [row for row in rows if _fits(row, wish)]
    return sorted(fitting, key=ORDERS.get(wish.order, ORDERS["severity"]))


def _fits(row: Row, wish: Wish) -> bool:
    words = (row.name, row.owner, *(row.drift.headline.columns if row.drift else ()))
    return (
        any(wish.text.casefold() in word.casefold() for word in words)
        and wish.owner in ("", row.owner)
        and wish.state in ("", row.state)
    )


def _worst(row: Row) -> tuple[Any, ...]:
    return (-row.severity, STATES.index(row.state), -len(row.awaiting), row.name)


def _ended(row: Row) -> tuple[Any, ...]:
    return (row.drift.subject.window.end.timestamp() if row.drift else 0.0, row.name)


def _drifted(row: Row) -> tuple[Any, ...]:
    return (-(row.drift.headline.drifted if row.drift else -1), row.name)


def _drop(row: Row) -> tuple[Any, ...]:
    drop = row.metric.drop if row.metric else None
    return (drop is None, -(drop or 0.0), row.name)


def _since(row: Row) -> tuple[Any, ...]:
    return (row.since is None, row.since.timestamp() if row.since else 0.0, row.name)


ORDERS: Mapping[str, Callable[[Row], tuple[Any, ...]]] = {
    "severity": _worst,
    "name": lambda row: (row.name,),
    "owner": lambda row: (row.owner, row.name),
    "window": _ended,
    "drifted": _drifted,
    "drop": _drop,
    "champion": _since,
    "incidents": lambda row: (-len(row.incidents), row.name),
}
"""Orders by name: the worst, the oldest or the first letter comes first."""
SPOKEN_ORDERS: tuple[tuple[str, str], ...] = (
    ("severity", "severity, the worst first"),
    ("name", "name"),
    ("owner", "owner"),
    ("window", "last window, the oldest first"),
    ("drifted", "drifted columns, the most first"),
    ("drop", "performance, the largest drop first"),
    ("champion", "champion, the oldest first"),
    ("incidents", "incidents, the most first"),
)
"""The orders as people choose them."""
