"""Performance: metrics by window, how complete labels are, and the versions of one window."""

from __future__ import annotations

from datetime import datetime

from monitoring_tasks.policy.verdict import Outcome
from monitoring_tasks.ui.api.models.base import Free, Next, Shape, Span, Urgency


class Limits(Shape):
    """A value with the limits between which it lies with the monitor's confidence."""

    value: float | None
    low: float | None = None
    high: float | None = None


class Metric(Shape):
    """One metric of one window, or of a segment of it such as `plan=pro`.

    `estimate` is what scores let expect before labels are known. `drop` is by how much it is worse than `baseline`, in
    the unit of `limit`: with `relative` both are shares of the baseline. `status` is that of this comparison, null
    where the metric does not decide. `reason` says why a metric is undefined.
    """

    metric: str
    segment: str = ""
    rows: int
    figure: Limits
    estimate: Limits | None = None
    baseline: float | None = None
    drop: float | None = None
    limit: float | None = None
    relative: bool = False
    status: str | None = None
    reason: str = ""


class Maturity(Shape):
    """How complete a window's labels are; `coverage` is the share that is known, `maturity` the share that is final."""

    predictions: int
    labelled: int
    final: int
    repeated: int
    unpredicted: int
    coverage: float | None
    maturity: float | None


class PerformanceLine(Shape):
    """What is known of a window's performance: its metrics, those that decide first, and how complete its labels are.

    `known_at` is the moment as of which it was computed: figures are restated while labels come in.
    """

    champion: str
    window: Span
    config_hash: str
    known_at: datetime
    outcome: Outcome
    severity: Urgency
    maturity: Maturity
    metrics: tuple[Metric, ...]
    run: dict[str, str]


class Metrics(Shape):
    """Performance by window, the oldest first."""

    monitor: str
    span: Span | None
    windows: tuple[PerformanceLine, ...]
    next: Next


class Restatement(Shape):
    """One version of what is known of a window; `figures` hold raw, corrected and estimated values and baselines."""

    version: int
    champion: str
    config_hash: str
    known_at: datetime
    outcome: Outcome
    severity: Urgency
    reasons: tuple[str, ...]
    maturity: Maturity
    figures: tuple[Free, ...]
    operating: Free
    notes: tuple[str, ...]
    run: dict[str, str]


class History(Shape):
    """Every version of one window, the oldest first."""

    monitor: str
    window: Span
    restatements: tuple[Restatement, ...]
