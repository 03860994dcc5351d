"""Verdicts on drift, in short and whole, and the scores behind them."""

from __future__ import annotations

from datetime import datetime

from monitoring_tasks.checks import Check, Status, Suite
from monitoring_tasks.policy.verdict import Action, Outcome
from monitoring_tasks.scores import Role
from monitoring_tasks.ui.api.models.base import Free, Next, Shape, Span, Urgency


class Judged(Shape):
    """What every answer about a verdict begins with: its subject, and what was found."""

    monitor: str
    champion: str
    window: Span
    config_hash: str
    outcome: Outcome
    severity: Urgency


class Headline(Shape):
    """What a window's checks amount to: counts of features, and the worst of the drifted ones by name."""

    features: int
    drifted: int
    suspect: int
    undecided: int
    faulty: int
    columns: tuple[str, ...]
    prediction: Status | None
    reason: str


class VerdictLine(Judged):
    """A verdict on drift in short; `path` is that of the whole one, below the API's own address."""

    rows: int | None
    headline: Headline
    run: dict[str, str]
    written_at: datetime
    path: str


class VerdictPage(Shape):
    """Verdicts by window, the oldest first; of a window judged several times the one written last."""

    monitor: str
    span: Span | None
    verdicts: tuple[VerdictLine, ...]
    next: Next


class Evidence(Shape):
    """How sure a check is, and of how much; `adjusted` is the p-value after correction over all tests of the window."""

    p_value: float | None
    adjusted: float | None
    effect: float | None
    floor: float | None


class CheckResult(Shape):
    """Outcome of one check on one column (null: the whole window) of one window, or of a segment of it."""

    suite: Suite
    check: Check
    status: Status
    column: str | None
    method: str | None
    value: float | None
    threshold: float | None
    large: bool
    severe: bool
    detail: str
    reference: Free
    current: Free
    evidence: Evidence | None
    season: str
    cause: str
    segment: str


class Verdict(Judged):
    """A verdict on drift with everything it rests on; `results` is null where they are kept no more.

    `report` is the path of the Evidently report below Airflow's address; null where there is none.
    """

    actions: tuple[Action, ...]
    reasons: tuple[str, ...]
    evidence: Free
    results: tuple[CheckResult, ...] | None
    report: str | None
    run: dict[str, str]
    written_at: datetime


class ColumnSeries(Shape):
    """One column over the windows: each list has a place for each window, null where nothing is known of it.

    `score` is its drift score by `method`, `status` that of the drift check. `missing` is the share of missing values,
    `quality` the worst status of its other checks. Of p-values the smaller one is the worse.
    """

    column: str
    role: Role
    method: tuple[str | None, ...]
    score: tuple[float | None, ...]
    threshold: tuple[float | None, ...]
    status: tuple[Status | None, ...]
    missing: tuple[float | None, ...]
    quality: tuple[Status | None, ...]


class Scores(Shape):
    """Drift scores, column by column over the windows, the oldest first."""

    monitor: str
    span: Span | None
    windows: tuple[Span, ...]
    columns: tuple[ColumnSeries, ...]
    next: Next
