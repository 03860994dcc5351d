"""A window's figures in words: what is undefined says so, and never reads as 0 or as a pass."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from monitoring_tasks.checks import Check, CheckResult, Evidence, Status
from monitoring_tasks.performance.metrics import METRICS
from monitoring_tasks.performance.record import Against, Estimated, Figure, Interval
from monitoring_tasks.performance_section import metric_name
from monitoring_tasks.suites.widgets import NOTHING

BASELINES = {"champion": "the champion's reference", "trailing": "the days before"}
UNDEFINED = "undefined"
_PLACES = (Status.FAILED, Status.SUSPECT, Status.UNDECIDED, Status.PASSED)
Worse = Literal["lower", "higher", "either"]


@dataclass(frozen=True)
class Form:
    """How people read the figures of one metric: its name, its decimals, and which way is worse."""

    name: str
    decimals: str = ".4g"
    worse: Worse = "lower"

    @classmethod
    def of(cls, task: str, metric: str, alert_rate: float | None = None) -> Form:
        """The form of a task's metric; of one that the table does not know, its name and four digits.

        >>> Form.of("binary", "predicted_minus_actual")
        Form(name='predicted minus actual', decimals='.4f', worse='either')
        """
        row = METRICS.get((task, metric))
        name = metric_name(metric, alert_rate)
        return cls(metric) if row is None else cls(name.replace("_", " "), row.form, row.worse)

    def number(self, value: float | None) -> str:
        """A figure as text; a dash for none."""
        return NOTHING if value is None or not math.isfinite(value) else f"{value:{self.decimals}}"

    def interval(self, found: Interval) -> str:
        """A figure with its limits.

        >>> Form("auc", ".3f").interval(Interval(0.6124, 0.58, 0.64))
        '0.612 [0.580,\\xa00.640]'
        """
        if found.value is None:
            return UNDEFINED
        if found.low is None and found.high is None:
            return self.number(found.value)
        return f"{self.number(found.value)} [{self.number(found.low)},\u00a0{self.number(found.high)}]"

    def counted(self, figure: Figure) -> str:
        """The figure that counts, or why it is undefined."""
        if figure.best.value is None:
            return f"{UNDEFINED}: {figure.reason or 'the reason is not known'}"
        return self.interval(figure.best)

    def uncorrected(self, figure: Figure) -> str:
        """What the labels alone say, where the figure that counts is corrected; else a dash."""
        return NOTHING if figure.corrected is None else self.interval(figure.raw)

    def estimated(self, figure: Figure) -> str:
        """What was expected before labels were known, or why that is not believed."""
        return NOTHING if figure.estimated is None else self._estimate(figure.estimated)

    def _estimate(self, found: Estimated) -> str:
        return f"refused: {found.refused}" if found.refused else self.interval(found.interval)

    def against(self, figure: Figure, kind: str) -> str:
        """A baseline, and the drop from it beside its limit.

        >>> figure = Figure("auc", "", 9, Interval(0.6), against={"champion": Against(0.7, 0.1, 0.02, False)})
        >>> Form("auc", ".2f").against(figure, "champion")
        '0.70: worse by 0.10, limit 0.02'
        """
        found = figure.against.get(kind)
        if found is None:
            return NOTHING
        if found.drop is None or not math.isfinite(found.drop):
            return f"{self.number(found.baseline)}: drop {UNDEFINED}, limit {_limit(found)}"
        return f"{self.number(found.baseline)}: {self._drop(found)}, limit {_limit(found)}"

    def _drop(self, found: Against) -> str:
        size = abs(found.drop or 0.0)
        text = f"{100 * size:.1f}%" if found.relative else self.number(size)
        return f"{'worse' if (found.drop or 0.0) > 0 else 'better'} by {text}"


def _limit(found: Against) -> str:
    return f"{100 * found.limit:g}%" if found.relative else f"{found.limit:g}"


def excess(figure: Figure) -> float:
    """The worst drop of a figure as a multiple of its limit; minus infinity where there is none."""
    drops = [each.drop / each.limit for each in figure.against.values() if each.drop is not None and each.limit]
    return max((each for each in drops if math.isfinite(each)), default=-math.inf)


def worst(results: Iterable[CheckResult]) -> CheckResult | None:
    """The check that says most: a finding before one that could not be made, severe before large."""
    return min(results, key=order, default=None)


def order(result: CheckResult) -> tuple[int, bool, float]:
    """Place of a check in a list for people: findings first, of these the largest drop against its limit."""
    return _PLACES.index(result.status), not result.severe, -_size(result.evidence or Evidence())


def _size(evidence: Evidence) -> float:
    return evidence.effect / evidence.floor if evidence.effect is not None and evidence.floor else 0.0


def subject(result: CheckResult, task: str, alert_rate: float | None = None) -> str:
    """What a check is of: the metric or the labels, and the segment."""
    if result.column is None:
        what = "coverage of labels" if result.check is Check.COVERAGE else result.check.value.replace("_", " ")
    else:
        what = Form.of(task, result.column, alert_rate).name
    return " of ".join(filter(None, (what, result.segment)))


def share(value: float | None) -> str:
    """A share as people read it; a dash for none.

    >>> share(0.9714), share(None)
    ('97.1%', '-')
    """
    return NOTHING if value is None or not math.isfinite(value) else f"{100 * value:.1f}%"
