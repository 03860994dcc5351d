"""A window's performance in short: a line per metric over all of its rows, and how complete its labels are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from monitoring_tasks.performance.record import Against, Figure, Interval, Maturity, Restatement
from monitoring_tasks.performance_section import metric_name

CHAMPION, TRAILING = "champion", "trailing"


@dataclass(frozen=True)
class MetricLine:
    """One metric of one window: its figure between its limits, what scores let expect, and the champion's baseline.

    `drop` is by how much it is worse than the baseline, in the unit of `limit`: with `relative` both are shares of the
    baseline. `status` is that of this comparison, None where the metric does not decide. `reason` says why a metric is
    undefined. None anywhere: not known.
    """

    metric: str
    rows: int
    figure: Interval
    estimate: Interval | None = None
    baseline: float | None = None
    drop: float | None = None
    limit: float | None = None
    status: str | None = None
    reason: str = ""
    relative: bool = False
    alert_rate: float | None = None

    @property
    def name(self) -> str:
        """The metric as people are told it."""
        return metric_name(self.metric, self.alert_rate)


@dataclass(frozen=True)
class PerformanceHeadline:
    """What is known of a window's performance, without its segments; the metrics that decide come first."""

    maturity: Maturity
    lines: tuple[MetricLine, ...] = ()

    def line(self, metric: str) -> MetricLine | None:
        """The line of a metric; None where there is none."""
        return next((each for each in self.lines if each.metric == metric), None)

    def to_json(self) -> dict[str, Any]:
        """The headline as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`."""
        return cls(Maturity(**value["maturity"]), tuple(map(_line, value["lines"])))


def headline_of(restatement: Restatement) -> PerformanceHeadline:
    """The lines of a restatement's figures over all rows."""
    whole = [line_of(figure) for figure in restatement.figures if not figure.segment]
    return PerformanceHeadline(restatement.maturity, tuple(sorted(whole, key=lambda line: line.status is None)))


def line_of(figure: Figure) -> MetricLine:
    """What counts of a figure: against the champion's baseline where there is one, else against the windows before."""
    estimated, against = figure.estimated, _decisive(figure.against)
    return MetricLine(
        metric=figure.metric,
        rows=figure.rows,
        figure=figure.best,
        estimate=None if estimated is None or estimated.refused else estimated.interval,
        baseline=against.baseline if against else None,
        drop=against.drop if against else None,
        limit=against.limit if against else None,
        status=against.status if against else None,
        reason=figure.reason,
        relative=against.relative if against else False,
        alert_rate=figure.alert_rate,
    )


def _decisive(against: Mapping[str, Against]) -> Against | None:
    return against.get(CHAMPION) or against.get(TRAILING)


def _line(value: Mapping[str, Any]) -> MetricLine:
    estimate = value["estimate"]
    own = {"figure": Interval(**value["figure"]), "estimate": None if estimate is None else Interval(**estimate)}
    return MetricLine(**{**value, **own})
