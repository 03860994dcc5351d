"""What the API answers: the shapes of its JSON. A number that is not known is null, never NaN; moments are in UTC."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from monitoring_tasks.checks import Check, Status, Suite
from monitoring_tasks.incidents.incident import Event
from monitoring_tasks.incidents.incident import State as IncidentState
from monitoring_tasks.incidents.reading import Cause
from monitoring_tasks.policy.verdict import Action, Outcome
from monitoring_tasks.scores import Role
from monitoring_tasks.severity import Severity
from monitoring_tasks.store.records import RetrainingState
from monitoring_tasks.views.overview import State

Urgency = Annotated[
    Literal["none", "low", "medium", "high", "critical"],
    BeforeValidator(lambda value: value.word if isinstance(value, Severity) else value),
]
Next = Annotated[str | None, Field(description="Give it as `cursor` to read on; null at the end.")]
Free = dict[str, Any]


class Shape(BaseModel):
    """What all answers share: they are made of the project's own objects, and are not changed."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class Problem(Shape):
    """Why there is no other answer, in a sentence."""

    detail: str


class Span(Shape):
    """A half-open span of time in UTC: `start` belongs to it, `end` does not."""

    start: datetime
    end: datetime


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


class VerdictLine(Shape):
    """A verdict on drift in short; `path` is that of the whole one, below the API's own address."""

    monitor: str
    champion: str
    window: Span
    config_hash: str
    outcome: Outcome
    severity: Urgency
    rows: int | None
    headline: Headline
    run: dict[str, str]
    written_at: datetime
    path: str


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


class Verdict(Shape):
    """A verdict on drift with everything it rests on; `results` is null where they are kept no more.

    `report` is the path of the Evidently report below Airflow's address; null where there is none.
    """

    monitor: str
    champion: str
    window: Span
    config_hash: str
    outcome: Outcome
    severity: Urgency
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


class InUse(Shape):
    """The champion in use, since when; with `at_least` it is the first window that is known of the monitor."""

    version: str
    since: datetime | None
    at_least: bool


class Promotion(Shape):
    """An event that put `version` in the place of `replaced`."""

    kind: Literal["promotion", "rollback"]
    version: str | None
    replaced: str | None
    at: datetime | None
    by: str | None
    run: str
    outcome: str


class Champions(Shape):
    """The champion in use (null where none is known), and what put champions in place, the newest first."""

    monitor: str
    champion: InUse | None
    promotions: tuple[Promotion, ...]


class Retraining(Shape):
    """One retraining or rollback, and how far it came; `run` is the id of its run of `retrain_<monitor>`.

    `challenger` is a revision, `placed` the version of the champion that was put in place. `verdict` is the gate's, in
    short. `outcome` is a sentence for people, `decided_by` the person or rule that decided.
    """

    monitor: str
    run: str
    origin: str
    reason: str
    state: RetrainingState
    open: bool
    requested_at: datetime
    requested_by: str | None
    window_end: datetime
    champion: Free
    challenger: str | None
    placed: str | None
    training: Span | None
    evaluation: Span | None
    snapshot: str
    verdict: Free | None
    outcome: str
    decided_by: str | None
    closed_at: datetime | None


class RetrainingPage(Shape):
    """Retrainings, the newest request first."""

    monitor: str
    retrainings: tuple[Retraining, ...]
    next: Next


class Member(Shape):
    """The part of one monitor in an incident; `name` is its DAG where the cause is a run."""

    name: str
    monitor: str
    owner: str
    severity: Urgency
    columns: tuple[str, ...]
    first: Span
    last: Span
    windows: int
    healthy: int


class Mute(Shape):
    """Silence about an incident until a moment, unless it gets worse than `severity`."""

    until: datetime
    reason: str
    by: str
    severity: Urgency


class Incident(Shape):
    """One problem from first finding to end.

    `hidden` counts members that you may not see: they are left out, and no text names them. `severity` is that of its
    newest findings, `worst` the worst there was.
    """

    id: str
    title: str
    cause: Cause
    state: IncidentState
    severity: Urgency
    worst: Urgency
    topics: tuple[str, ...]
    columns: tuple[str, ...]
    reasons: tuple[str, ...]
    members: tuple[Member, ...]
    opened: datetime
    resolved: datetime | None
    resolution: str
    mute: Mute | None
    number: int
    hidden: int


class IncidentPage(Shape):
    """Incidents, the newest first."""

    incidents: tuple[Incident, ...]
    next: Next


class Transition(Shape):
    """Something that happened to an incident; `by` is a person, or empty for what a run found."""

    position: int
    event: Event
    state: IncidentState
    severity: Urgency
    tick: datetime
    at: datetime
    by: str
    reason: str


class Transitions(Shape):
    """Everything that happened to an incident, in order."""

    incident: str
    transitions: tuple[Transition, ...]


class Monitor(Shape):
    """One model as it stands, with its newest verdicts, its open incidents and the retrainings that wait."""

    row: MonitorRow
    dags: tuple[str, ...]
    verdict: VerdictLine | None
    performance: PerformanceLine | None
    incidents: tuple[Incident, ...]
    awaiting: tuple[Retraining, ...]


class Order(BaseModel):
    """Why something is done about an incident, which a mute and an end must say; `for` is how long a mute lasts."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "known, mended on Monday", "for": "7d"}]})

    reason: Annotated[str, Field(max_length=1000)] = ""
    width: Annotated[str, Field(alias="for", description="Such as 12h or 7d; a year at most.")] = ""
