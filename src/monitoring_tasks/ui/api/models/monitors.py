"""Models as they stand."""

from __future__ import annotations

from datetime import datetime

from monitoring_tasks.policy.verdict import Outcome
from monitoring_tasks.ui.api.models.base import Shape, Span, Urgency
from monitoring_tasks.ui.api.models.champions import Retraining
from monitoring_tasks.ui.api.models.incidents import Incident
from monitoring_tasks.ui.api.models.metrics import Metric, PerformanceLine
from monitoring_tasks.ui.api.models.verdicts import VerdictLine
from monitoring_tasks.views.overview import State


class MonitorRow(Shape):
    """One model as it stands; `why` is its state in a sentence.

    `state` is `unknown` where a verdict is missing or is not expected: a paused DAG, a run that left none, too few
    rows. `window`, `outcome` and the counts are those of its newest verdict on drift. `champion_since` is when the
    champion was put in place, or, with `at_least`, the first window known. `incidents` are open.
    """

    monitor: str
    owner: str
    paused: bool
    behind: bool
    state: State
    severity: Urgency
    why: str
    champion: str | None
    champion_since: datetime | None
    at_least: bool
    window: Span | None
    outcome: Outcome | None
    features: int | None
    drifted: int | None
    columns: tuple[str, ...]
    metric: Metric | None
    incidents: tuple[str, ...]
    awaiting: int


class MonitorPage(Shape):
    """The models that you may see and that fit, `limit` of them to a page; `found` counts those of all pages."""

    monitors: tuple[MonitorRow, ...]
    found: int
    page: int
    pages: int


class Monitor(Shape):
    """One model as it stands, with its newest verdicts, its open incidents and the retrainings that wait."""

    row: MonitorRow
    dags: tuple[str, ...]
    verdict: VerdictLine | None
    performance: PerformanceLine | None
    incidents: tuple[Incident, ...]
    awaiting: tuple[Retraining, ...]
