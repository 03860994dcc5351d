"""A window's figures as Evidently carries them: each is a metric, and what was decided of it are its tests."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from evidently import Report
from evidently.core.datasets import PandasDataset
from evidently.core.metric_types import (
    MetricTest,
    MetricTestProto,
    MetricTestResult,
    SingleValue,
    SingleValueCalculation,
    SingleValueMetric,
)
from evidently.core.report import Snapshot
from evidently.legacy.utils import NumpyEncoder

from monitoring_tasks.checks import CheckResult, Status
from monitoring_tasks.performance.record import Restatement
from monitoring_tasks.suites.metrics import ASSESSED, definition
from monitoring_tasks.suites.results import STATUSES

_Key = tuple[str | None, str]


class FigureDataset(PandasDataset):  # type: ignore[misc]  # Evidently carries no types
    """A window as Evidently carries it: its figures by metric and segment, and no rows."""

    def __init__(self, values: dict[_Key, float | None]) -> None:
        super().__init__(pd.DataFrame(), definition([], []))
        self.values = values


class WindowFigure(SingleValueMetric):  # type: ignore[misc]
    """One metric of a window, or of one of its segments; without a metric the share of labelled predictions.

    Its value is the figure that counts, NaN where that is undefined.
    """

    column: str | None = None
    segment: str = ""


class Told(MetricTest):  # type: ignore[misc]
    """A test that was decided with all the others of its window: `check` is the result as plain JSON values."""

    check: dict[str, Any]

    def to_test(self) -> MetricTestProto:
        """The function that Evidently calls with the metric and its value."""
        return self._judge

    def _judge(self, _context: Any, calculation: Any, _result: SingleValue) -> MetricTestResult:
        return MetricTestResult(
            id=self.check["check"],
            name=f"{self.check['check'].replace('_', ' ')}: {calculation.display_name()}",
            description=self.check["detail"],
            status=ASSESSED[Status(self.check["status"])],
            metric_config=calculation.to_metric_config(),
            test_config={"check": {name: value for name, value in self.check.items() if name != "status"}},
        )


class WindowFigureCalculation(SingleValueCalculation[WindowFigure]):  # type: ignore[misc]
    """Reads the figure, which was computed with all the others."""

    def calculate(self, _context: Any, current_data: Any, _reference_data: Any) -> SingleValue:
        """The figure; NaN where it is undefined."""
        value = current_data.values[self.metric.column, self.metric.segment]
        result = self.result(math.nan if value is None else float(value))
        result.widget = []  # the page draws tables of all figures; None would draw a counter for each
        return result

    def display_name(self) -> str:
        """Name of the figure for people."""
        return " of ".join(filter(None, (self.metric.column or "coverage", self.metric.segment)))


def snapshot_of(
    said: Restatement, results: Sequence[CheckResult], *, metadata: dict[str, str], tags: list[str]
) -> Snapshot:
    """Evidently's snapshot of a window: its figures and coverage, each with the checks that were made of it."""
    values: dict[_Key, float | None] = {(None, ""): said.maturity.coverage}
    values |= {(each.metric, each.segment): each.best.value for each in said.figures}
    told: dict[_Key, list[Told]] = {}
    for result in results:
        values.setdefault((result.column, result.segment), result.value)
        told.setdefault((result.column, result.segment), []).append(_test(result))
    metrics = [WindowFigure(column=key[0], segment=key[1], tests=told.get(key, [])) for key in values]
    report = Report(metrics, metadata=metadata, tags=tags)
    return report.run(FigureDataset(values), None, timestamp=said.known_at, name=str(said.window))


def _test(result: CheckResult) -> Told:
    return Told(check=json.loads(json.dumps(result.to_json(), cls=NumpyEncoder)))


def performance_results(snapshot: Snapshot) -> Iterator[CheckResult]:
    """The checks of a snapshot, figure by figure; the same from one that was loaded again."""
    for metric in snapshot.metric_results.values():
        for test in metric.tests:
            yield CheckResult.from_json({**test.test_config["check"], "status": STATUSES[test.status]})
