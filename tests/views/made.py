"""Windows, verdicts and figures for the tests of views: made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from monitoring_tasks.checks import Status
from monitoring_tasks.incidents.incident import Incident, Member, State
from monitoring_tasks.incidents.reading import Cause
from monitoring_tasks.performance.headline import MetricLine, PerformanceHeadline
from monitoring_tasks.performance.record import Interval, Maturity
from monitoring_tasks.policy.verdict import Outcome, Subject
from monitoring_tasks.scores import ColumnScore, Headline
from monitoring_tasks.severity import Severity
from monitoring_tasks.store.board import Head, PerformanceHead
from monitoring_tasks.store.records import RetrainingRecord
from monitoring_tasks.views.timeline import Seen, Timeline, timeline_of
from monitoring_tasks.window import Window

START = datetime(2013, 6, 3, tzinfo=UTC)
OLD, NEW = "v1.0.0-0a1b2c3d", "v1.1.0-4e5f6a7b"


def window(day: int, *, days: int = 1) -> Window:
    """The window of some days that begins so many days after the third of June."""
    return Window(START + timedelta(days=day), START + timedelta(days=day + days))


def head(day: int, outcome: Outcome = Outcome.HEALTHY, *, champion: str = OLD, drifted: int = 0) -> Head:
    """The verdict on a day."""
    headline = Headline(features=3, drifted=drifted, columns=("age",)[:drifted], reason="because")
    subject = Subject("churn", champion, window(day), "9c1b")
    return Head(subject, outcome, Severity.NONE, 1000, headline, None, {}, START, f"digest{day}")


def score(column: str, drift: Status | None = Status.PASSED, value: float | None = 0.1, **more: Any) -> ColumnScore:
    """A column's score against .2."""
    return ColumnScore(column, score=value, threshold=0.2, drift=drift, **{"method": "psi", **more})


def line(value: float | None = 0.7, **more: Any) -> MetricLine:
    """The AUC of a window, against .75."""
    figure = Interval(value, None if value is None else value - 0.02, None if value is None else value + 0.02)
    given = {"baseline": 0.75, "drop": 0.05, "limit": 0.02, "status": "failed", **more}
    return MetricLine("auc", 1000, figure, **given)


def performance(day: int, *lines: MetricLine, outcome: Outcome = Outcome.HEALTHY) -> PerformanceHead:
    """The verdict on a day's performance."""
    told = PerformanceHeadline(Maturity(1000, 900, 800), lines)
    return PerformanceHead(Subject("churn", OLD, window(day), "9c1b"), START, outcome, Severity.NONE, told, {}, START)


def promotion(placed: str = NEW, **more: Any) -> RetrainingRecord:
    """A promotion that was asked for after the third day."""
    record = RetrainingRecord("churn", "run", "drift", "because", "promoted", START, window(2).end, placed=placed)
    return replace(record, **more)


def incident(first: int, last: int, *, id: str = "drift-1", monitor: str = "churn", **more: Any) -> Incident:
    """An incident of a monitor from one day to another."""
    member = Member(monitor, monitor, "risk", Severity.HIGH, ("age",), window(first), window(last))
    found = Incident(
        id=id,
        cause=Cause.DRIFT,
        state=State.OPEN,
        severity=Severity.HIGH,
        told=Severity.HIGH,
        worst=Severity.HIGH,
        topics=(),
        anchors=(),
        columns=("age",),
        reasons=("because",),
        members=(member,),
        opened=window(first).end,
        spoken=window(first).end,
    )
    return replace(found, **more)


def axis(heads: Sequence[Head], **more: Any) -> Timeline:
    """The axis of verdicts."""
    seen = [Seen(each.subject.window, each.subject.champion) for each in heads]
    return timeline_of(seen, more.get("promotions", ()), more.get("strips", ()), before=more.get("before"))


COLOURED = ("color", "fgcolor", "bgcolor", "fillcolor")


def dyed(value: Any, field: str = "") -> Any:
    """A figure as the page's script makes it: names of colours are colours where one stands, and texts elsewhere."""
    if isinstance(value, str):
        return "#123456" if field in COLOURED and value.startswith("--") else value
    if isinstance(value, list):
        return [dyed(each, field) for each in value]
    return {name: dyed(each, name) for name, each in value.items()} if isinstance(value, dict) else value
