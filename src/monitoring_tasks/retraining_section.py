"""What a monitor's YAML says about labels and about retraining: the sections `labels` and `retraining`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from monitoring_tasks.sections import Column, Positive, Rate, Schedule, Section, Source, Text, Width

DAY = timedelta(days=1)
Metric = Literal["auc", "average_precision", "recall_at_rate", "log_loss", "brier", "accuracy", "mae", "mse"]
METRICS: dict[str, tuple[Metric, ...]] = {
    "binary": ("auc", "log_loss", "brier", "average_precision", "recall_at_rate"),
    "multiclass": ("accuracy",),
    "regression": ("mae", "mse"),
}
"""Metrics of each task; the first decides unless the gate names another."""
_ONLY_NAMED = frozenset({"average_precision", "recall_at_rate"})
"""Metrics that are no guardrails unless the gate names them: of many positives they say little that AUC does not."""
ALERT_RATE = 0.01
Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$")]
Path = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.=-]*(/[A-Za-z0-9_][A-Za-z0-9_.=-]*)*$", max_length=255),
]
Branch = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_./-]{0,199}$")]


def _variable(name: str) -> str:
    if name.lstrip("_").upper().startswith("AIRFLOW"):
        raise ValueError(f"{name} is Airflow's own: what it holds must not reach a pipeline's code")
    return name


Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$"), AfterValidator(_variable)]
INPUT, OUTPUT = "{input}", "{output}"


class Labels(Section):
    """Where outcomes are logged, apart from the predictions; joined to them by the monitor's `id`."""

    source: Source = Field(description="The label log")
    column: Column = Field("label", description="Column of the outcome")
    timestamp: Column = Field("label_time", description="Column of the moment the outcome became known")
    delay: Width = Field(DAY, description="Time after a prediction until its outcome is known")


class Parameters(Section):
    """The keys of `params.yaml` that a run may write; dots lead into mappings. No other key is ever touched."""

    start: Key | None = Field("data.start", description="First moment of the training window; null: the key is kept")
    end: Key = Field("data.end", description="First moment after the training window")
    snapshot: Key | None = Field("data.snapshot", description="Fingerprint of the rows: another one trains anew")

    @model_validator(mode="after")
    def _apart(self) -> Self:
        keys = [key for key in (self.start, self.end, self.snapshot) if key]
        if len(set(keys)) < len(keys):
            raise ValueError(f"two of start, end, snapshot are the same key {keys}: give each its own")
        return self


class Pipeline(Section):
    """The model's DVC pipeline in the repository of `reference`: how it is run and how it scores."""

    branch: Branch | None = Field(None, description="Train the code at its tip; left out: the champion's own revision")
    parameters: Parameters = Parameters()
    model: Path = Field("model.skops", description="Output of the pipeline that holds the model, one file")
    score: Annotated[tuple[Text, ...], Field(strict=False, min_length=1)] = Field(
        ("python", "src/score.py", INPUT, OUTPUT),
        description="Command as a list, run without a shell in a checkout of each side: reads raw rows from the "
        "parquet file {input}, writes the columns id and prediction to the parquet file {output}",
    )
    programs: Text | None = Field(
        None, description="Folder (absolute) put first on PATH, such as /srv/venv/bin; left out: this environment's own"
    )
    environment: Annotated[tuple[Variable, ...], Field(strict=False)] = Field(
        (), description="Variables of the worker that the pipeline's code may see, beside PATH and the locale"
    )
    timeout: Width = Field(timedelta(hours=2), description="A training, or a scoring, that takes longer is ended")

    @model_validator(mode="after")
    def _both_files(self) -> Self:
        if any(sum(place in word for word in self.score) != 1 for place in (INPUT, OUTPUT)):
            raise ValueError(f"score must hold {INPUT} and {OUTPUT}, each in exactly one of its words")
        return self


class Gate(Section):
    """When a challenger may replace the champion: both score the same unseen rows."""

    metric: Metric | None = Field(None, description="What decides; left out: auc (binary), accuracy, mae (regression)")
    guardrails: Annotated[tuple[Metric, ...], Field(strict=False)] | None = Field(
        None,
        description="Metrics by which the challenger may not be worse; left out: auc, log_loss, brier (binary), "
        "mae, mse (regression) beside the one that decides; []: none",
    )
    alert_rate: Rate = Field(
        ALERT_RATE, description="recall_at_rate: share of the rows that is alerted, those with the highest scores"
    )
    confidence: Annotated[float, Field(ge=0.8, le=0.999)] = Field(
        0.95, description="Of every two-sided interval: an equal challenger is promoted half of the rest at most"
    )
    blocks: Literal["day", "none"] = Field(
        "day", description="day: rows of one UTC day count as one draw; none: every row is independent"
    )
    minimum_rows: Annotated[int, Field(ge=20)] = Field(500, description="Fewer labelled rows are inconclusive")
    minimum_class: Annotated[int, Field(ge=2)] = Field(50, description="Fewer rows of a class (binary): inconclusive")
    minimum_days: Annotated[int, Field(ge=3)] = Field(7, description="Fewer days (blocks: day) are inconclusive")
    improvement: Positive = Field(
        0.01, description="An improvement worth having: says how many rows more an undecided gate needs"
    )
    segments: Annotated[tuple[Column, ...], Field(strict=False)] = Field(
        (), description="Columns in none of whose values the challenger may be worse"
    )
    segment_rows: Annotated[int, Field(ge=20)] = Field(200, description="Values with fewer rows, or days, are left out")
    tolerance: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        0.0, description="A guardrail metric or segment is worse when all of its interval is below minus this"
    )
    calibration: Positive = Field(
        0.02,
        description="Most by which the challenger's mean prediction may miss the mean outcome by more than the "
        "champion's, broken when all of the interval is above; regression: in standard deviations of the outcome",
    )
    floor: Annotated[float, Field(allow_inf_nan=False)] | None = Field(
        None, description="Least value of the metric (most, for a loss) a challenger must have"
    )
    latency: Annotated[float, Field(ge=1, allow_inf_nan=False)] = Field(
        3.0, description="Most scoring time, as ratio; 10 s more are none"
    )
    size: Annotated[float, Field(ge=1, allow_inf_nan=False)] = Field(
        3.0, description="Most size of model, as ratio; 1 MB more is none"
    )


class Approval(Section):
    """Who decides once the gate has judged. What the gate rejects is never put in place."""

    mode: Literal["manual", "auto_if_superior", "never"] = Field(
        "manual",
        description="manual: a person decides; auto_if_superior: promoted when the gate says so, a person decides when "
        "it is inconclusive; never: the gate's verdict is told and nothing is put in place",
    )
    users: Annotated[tuple[Text, ...], Field(strict=False)] = Field(
        (), description="Airflow users who may answer; left out: everyone who may answer in this Airflow"
    )
    timeout: Width = Field(DAY, description="No answer by then is Reject")


class Budget(Section):
    """Most trainings in a period, failed ones too; counted between the ends of their windows."""

    trainings: Annotated[int, Field(ge=1)] = Field(4, description="Most trainings in the period")
    period: Width = Field(timedelta(days=90), description="The period")


class Retraining(Section):
    """How a challenger is trained, compared and put in place."""

    training_window: Width | None = Field(
        None, description="Width of the training window; left out: its start in params.yaml stays, so all history"
    )
    evaluation_window: Width = Field(
        timedelta(days=30), description="Width of the newest labelled rows, kept from the training, that the gate reads"
    )
    schedule: Schedule | None = Field(None, description="Also retrain at these times, whatever the verdicts say")
    cooldown: Width = Field(timedelta(days=7), description="Least time between the window ends of two trainings")
    budget: Budget = Budget()
    pipeline: Pipeline = Pipeline()
    gate: Gate = Gate()
    approval: Approval = Approval()
    keep: Width = Field(
        timedelta(days=30), description="Workspaces and branches of trainings that were not promoted stay this long"
    )


def gate_metrics(gate: Gate, task: str) -> tuple[Metric, ...]:
    """The metric that decides, and after it those that guard; raises `ValueError` for one that does not fit the task.

    >>> gate_metrics(Gate(), "binary"), gate_metrics(Gate(metric="mse", guardrails=()), "regression")
    (('auc', 'log_loss', 'brier'), ('mse',))
    """
    allowed = METRICS[task]
    deciding = gate.metric or allowed[0]
    usual = tuple(name for name in allowed if name != deciding and name not in _ONLY_NAMED)
    guarding = usual if gate.guardrails is None else gate.guardrails
    for key, name in (("metric", deciding), *(("guardrails", name) for name in guarding)):
        if name not in allowed:
            raise ValueError(f"gate.{key} {name} does not fit a {task} model: use one of {', '.join(allowed)}")
    named = (deciding, *guarding)
    if doubled := next((name for name in guarding if named.count(name) > 1), None):
        raise ValueError(f"gate.guardrails: {doubled} is named twice, or decides already: remove it there")
    return named
