"""What a monitor's YAML says about performance: which figures count, against what, and when labels are enough."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from monitoring_tasks.alarms_section import AlarmBudget, AlarmBudgetEntry
from monitoring_tasks.errors import ConfigurationError
from monitoring_tasks.sections import Column, Positive, Rate, Schedule, Section, Share, Text, Width
from monitoring_tasks.window import Window, parse_moment

MetricName = Literal[
    "auc",
    "average_precision",
    "recall_at_rate",
    "precision_at_rate",
    "accuracy",
    "precision",
    "recall",
    "f1",
    "f1_weighted",
    "log_loss",
    "brier",
    "ece",
    "predicted_minus_actual",
    "mae",
    "rmse",
    "mape",
    "r2",
    "bias",
]
METRICS_OF: Mapping[str, tuple[MetricName, ...]] = {
    "binary": get_args(MetricName)[:13],
    "multiclass": ("accuracy", "precision", "recall", "f1", "f1_weighted", "log_loss"),
    "regression": ("mae", "rmse", "mape", "r2", "bias"),
    "text": (),
}
"""Metrics of each task, in the order in which people are shown them."""
AT_RATE: frozenset[str] = frozenset({"recall_at_rate", "precision_at_rate"})
"""Metrics that say nothing without the share of the rows that is alerted."""
_PERCENT = re.compile(r"\s*(\d{1,3}(?:\.\d+)?)\s*%\s*")


def metric_name(metric: str, alert_rate: float | None) -> str:
    """A metric as people are told it: one at a rate with the share of the rows that is alerted, where that is known.

    >>> metric_name("recall_at_rate", 0.005), metric_name("log_loss", 0.005), metric_name("recall_at_rate", None)
    ('recall at 0.5% alerted', 'log_loss', 'recall_at_rate')
    """
    if metric not in AT_RATE or alert_rate is None:
        return metric
    return f"{metric.removesuffix('_at_rate')} {at_rate(alert_rate)}"


def at_rate(alert_rate: float) -> str:
    """At which share of the rows something is measured, such as `at 0.5% alerted`."""
    return f"at {100 * alert_rate:.6g}% alerted"


class Drop(Section):
    """A loss of performance: in the metric's own unit, or as a share of the baseline's figure."""

    size: Positive
    relative: bool = False

    @property
    def words(self) -> str:
        """The drop as people write it.

        >>> Drop(size=0.02).words, Drop(size=0.05, relative=True).words
        ('0.02', '5%')
        """
        return f"{100 * self.size:g}%" if self.relative else f"{self.size:g}"


def _drop(value: object) -> object:
    if isinstance(value, dict | Drop):
        return value
    match = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    if match is not None:
        return Drop(size=float(match[1]) / 100, relative=True)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r} is not a drop: write 0.02 (the metric's own unit) or 5% (of the baseline's)")
    return Drop(size=float(value))


def _drop_text(drop: Drop) -> float | str:
    return drop.words if drop.relative else drop.size


DropEntry = Annotated[
    Drop,
    BeforeValidator(_drop),
    PlainSerializer(_drop_text),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0},
                {"type": "string", "pattern": r"^\d{1,3}(\.\d+)?%$", "examples": ["5%"]},
            ]
        }
    ),
]


class MetricLimits(Section):
    """By how much a metric may be worse than a baseline; one that is left out is not compared."""

    champion: DropEntry | None = Field(None, description="Against the champion's reference, out of fold")
    trailing: DropEntry | None = Field(None, description="Against the days before")


def _limits(champion: float | str | None, trailing: float | str | None = None) -> MetricLimits:
    return MetricLimits.model_validate({"champion": champion, "trailing": trailing})


DECISIVE: Mapping[str, Mapping[str, MetricLimits]] = {
    "binary": {
        "auc": _limits(0.02, "5%"),
        "log_loss": _limits("5%", "5%"),
        "predicted_minus_actual": _limits(0.05),
    },
    "multiclass": {"accuracy": _limits(0.02, "5%"), "f1_weighted": _limits(0.02, "5%")},
    "regression": {"mae": _limits("5%", "5%"), "rmse": _limits("5%", "5%")},
    "text": {},
}
"""The metrics that decide about a window, when the monitor names none; the others are shown."""


class Before(Section):
    """The trailing baseline: the newest days against those before them; neither is in the other."""

    span: Width = Field(timedelta(days=7), description="So much of the newest rows; a wider window counts as a whole")
    against: Width = Field(timedelta(days=30), description="Is compared with so much before it")


def _moment(value: object) -> object:
    try:
        # A moment that YAML itself reads may lack a time zone, like a text.
        found = parse_moment(value.isoformat() if isinstance(value, datetime) else str(value))
    except ConfigurationError as error:
        raise ValueError(str(error)) from error
    if found.microsecond:
        raise ValueError(f"{value} has fractions of a second: give whole seconds")
    return found


Moment = Annotated[datetime, BeforeValidator(_moment, json_schema_input_type=str)]


class Incident(Section):
    """A span in which something is known to have been wrong: no baseline is learnt from it."""

    start: Moment = Field(description="First moment, such as 2026-03-01 or 2026-03-01T18:00Z")
    end: Moment = Field(description="First moment after it")
    reason: Text = Field(description="For those who read the file later")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.start < self.end:
            raise ValueError("an incident must end after it starts")
        return self

    @property
    def window(self) -> Window:
        """The span."""
        return Window(self.start, self.end)


def _apart(columns: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(columns)) < len(columns):
        raise ValueError(f"a pair names two columns, not {columns[0]!r} twice")
    return columns


Segment = Annotated[
    tuple[Column, ...],
    Field(strict=False, min_length=1, max_length=2),
    BeforeValidator(
        lambda value: (value,) if isinstance(value, str) else value,
        json_schema_input_type=Column | tuple[Column, Column],
    ),
    AfterValidator(_apart),
]


def _each_once(segments: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
    known = [tuple(sorted(columns)) for columns in segments]
    doubled = next((columns for columns in known if known.count(columns) > 1), None)
    if doubled:
        raise ValueError(f"declared twice: {' and '.join(doubled)}")
    return segments


Segments = Annotated[tuple[Segment, ...], Field(strict=False), AfterValidator(_each_once)]


def require_shared(segments: Iterable[Iterable[str]], taken: Mapping[str | None, str]) -> None:
    """Raise `ValueError` for a segment column that is `taken` by a role whose values make no segments."""
    for column in (column for columns in segments for column in columns if column in taken):
        raise ValueError(
            f"segments: column {column!r} is the {taken[column]}: name columns whose values are known with the "
            "prediction, and shared by many rows"
        )


class Performance(Section):
    """How the model's figures are watched once labels are known."""

    schedule: Schedule | None = Field(None, description="The monitor's own when left out")
    window: Width | None = Field(None, description="The monitor's own when left out")
    restate: Annotated[int, Field(ge=0, le=100)] = Field(
        4, description="So many windows before the newest are judged anew by every run, as their labels come in"
    )
    maturity: Share = Field(0.9, description="Below this share of final labels a window is labels_immature")
    coverage: Share = Field(0.5, description="Below this share of labelled predictions a mature window is undecided")
    minimum_rows: Annotated[int, Field(ge=20)] | None = Field(
        None, description="Fewer labelled rows are too_few_rows; the monitor's own when left out"
    )
    metrics: dict[MetricName, MetricLimits] = Field(
        default_factory=dict, description="The metrics that decide, with their limits; left out: those of the task"
    )
    trailing: Before = Before()
    confidence: Annotated[float, Field(ge=0.5, le=0.999)] = Field(0.95, description="Of every interval")
    budget: AlarmBudgetEntry = Field(
        AlarmBudget(), description="Accepted false alarms about performance, beside those about drift"
    )
    threshold: Annotated[float, Field(ge=0, le=1)] = Field(
        0.5, description="Scores from here on count as positive (binary): for accuracy, precision, recall, f1"
    )
    alert_rate: Rate = Field(
        0.01,
        description="Share of a window's rows that is alerted, those with the highest scores (binary): for "
        "recall_at_rate, precision_at_rate; of labelled rows, and rows that tie at the cut count in proportion",
    )
    probabilities: dict[Text, Column] = Field(
        default_factory=dict, description="multiclass: the column of each class's probability"
    )
    correct: bool = Field(
        True, description="Weigh early labels by how late labels like them come, where the reference has label times"
    )
    estimate: bool = Field(True, description="Expect a window's figures from its scores before labels are known")
    latency: Column | None = Field(None, description="Column of the prediction log: milliseconds a prediction took")
    error: Column | None = Field(None, description="Column of the prediction log: true or text where it failed")

    @model_validator(mode="after")
    def _something_decides(self) -> Self:
        if self.metrics and not any(each.champion or each.trailing for each in self.metrics.values()):
            raise ValueError(
                f"metrics: {', '.join(self.metrics)} has no limit, so that nothing decides about a window: give "
                "champion: 0.02 or trailing: 5%, or leave metrics out for those of the task"
            )
        return self
