"""A monitor: what one YAML file in `include/monitors/` says about one watched model."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PrivateAttr, model_validator

from monitoring_tasks.alarms_section import Alarms, Baseline, TrainingBaseline
from monitoring_tasks.alerts_section import Alerts
from monitoring_tasks.derived_section import Derived, require_derivable, require_logged
from monitoring_tasks.descriptors_section import DescribedColumns, require_texts
from monitoring_tasks.errors import ConfigurationError
from monitoring_tasks.features_section import Drift, Feature, FeatureEntry, Limits, Quality
from monitoring_tasks.methods import EVIDENTLY, Kind, allowed_methods, method
from monitoring_tasks.performance_section import (
    DECISIVE,
    METRICS_OF,
    Incident,
    MetricLimits,
    Performance,
    Segments,
    require_shared,
)
from monitoring_tasks.policy_section import Policy, PolicyEntry
from monitoring_tasks.retraining_section import Labels, Retraining, gate_metrics
from monitoring_tasks.rules import ColumnLimits, classical_limits, own_settings
from monitoring_tasks.sections import (
    ChampionReference,
    Column,
    Name,
    Reference,
    Schedule,
    Section,
    Source,
    Text,
    Width,
    YamlSchema,
)

EVERY_OTHER = "*"


UNTOLD = ("owner", "description", "descriptors", "alerts", "asset", "labels", "retraining", "upstream", "end")
"""Keys that change no verdict."""


class Monitor(Section):
    """One watched model."""

    name: Name = Field(description="That of the file without its ending; the DAGs bear it, as monitor_churn does")
    owner: Text = Field(
        description="Who is responsible: owner of the DAGs in Airflow, and what routes of alerts ask for"
    )
    description: str = Field("", description="A sentence for people")
    task: Literal["binary", "multiclass", "regression", "text"] = Field(
        description="A score from 0 to 1, a class, a number, a text: watched by columns that are derived from it"
    )
    source: Source = Field(description="The prediction log: where production rows are read")
    reference: Reference = Field(description="What the champion was trained on, with out-of-fold predictions")
    timestamp: Column = Field(description="Column of the moment of the prediction, by which rows are in a window")
    prediction: Column = Field(
        description="Column of the score, class or number that the model answered; text: the derived column that "
        "stands for its answer"
    )
    id: Column | None = Field(None, description="Column that names a prediction; needed for labels and retraining")
    label: Column | None = Field(None, description="Column of the true outcome in the reference; never a feature")
    ignore: Annotated[tuple[Column, ...], Field(strict=False)] = Field(
        (), description="Columns of the reference that are not features, when features are left out"
    )
    features: dict[Column, FeatureEntry] = Field(
        default_factory=dict,
        description="Left out: every other column of the reference; '*' adds those to the ones that are listed",
    )
    derived: dict[Column, Derived] = Field(
        default_factory=dict,
        description="Columns that are computed from logged ones; the texts they are computed from are no features",
    )
    descriptors: DescribedColumns = Field(default_factory=dict)
    schedule: Schedule = Field("@daily", description="@hourly, @daily, @weekly, @monthly or five cron fields, in UTC")
    window: Width | None = Field(None, description="Width of the window; the schedule's interval when left out")
    asset: Text | None = Field(
        None, description="Airflow asset, by name, whose events also start a run: for the last complete window"
    )
    start: Annotated[date, Field(strict=False)] = Field(
        date(2000, 1, 1), description="No window starts before this day"
    )
    end: Annotated[date, Field(strict=False)] | None = Field(
        None, description="No window that starts on this day or later is judged by schedule: the model is retired"
    )
    minimum_rows: Annotated[int, Field(ge=1)] = Field(500, description="A window of fewer rows is too_few_rows")
    drift: Drift = Drift()
    quality: Quality = Quality()
    policy: PolicyEntry = Policy()
    alarms: Alarms = Alarms()
    alerts: Alerts = Alerts()
    upstream: Text | None = Field(
        None,
        description="Table or feature store that the columns come from: monitors that name the same share incidents of "
        "its columns. Left out: the source itself",
    )
    labels: Labels | None = Field(
        None, description="Where outcomes are logged; left out: `label` is a column of the production rows"
    )
    segments: Segments = Field(
        (), description="Columns, or pairs of columns, whose values are looked at one by one as well"
    )
    segment_rows: Annotated[int, Field(ge=20)] = Field(200, description="Values with fewer rows are left out")
    incidents: Annotated[tuple[Incident, ...], Field(strict=False)] = Field(
        (), description="Spans in which something was known to be wrong: no trailing baseline is learnt from them"
    )
    performance: Performance | None = Field(None, description="Left out: the model's figures are not watched")
    retraining: Retraining | None = Field(None, description="Left out: this model is watched, and never retrained here")

    _folder: Path = PrivateAttr(default=Path())

    @model_validator(mode="after")
    def _ends_after_start(self) -> Self:
        if self.end is not None and self.end <= self.start:
            raise ValueError(f"end {self.end} is not after start {self.start}: there is no window between")
        return self

    @model_validator(mode="after")
    def _columns_once(self) -> Self:
        roles = [column for column in (self.timestamp, self.prediction, self.id, self.label) if column]
        doubled = {column for column in roles if roles.count(column) > 1} | (set(roles) & set(self.features))
        if doubled:
            raise ValueError(
                f"column {min(doubled)!r} has two roles: one column is one of timestamp, id, prediction, label, feature"
            )
        require_shared(self.segments, {self.timestamp: "timestamp", self.id: "id", self.label: "label"})
        return self

    @model_validator(mode="after")
    def _derives(self) -> Self:
        labels = {self.label: "label", self.label_time: "label time"}
        roles = {self.timestamp: "timestamp", self.id: "id", **labels}
        if self.task == "text" and self.prediction not in self.derived:
            allowed = ", ".join(self.derived) or "none is declared"
            raise ValueError(
                f"prediction {self.prediction!r} of a text model is not derived: name one of the derived columns "
                f"({allowed}), such as one of kind word_count"
            )
        require_derivable(self.derived, roles)
        require_texts(self.descriptors, {self.prediction: "prediction", **roles}, self.derived, self.features)
        return self

    @model_validator(mode="after")
    def _rules_stand_alone(self) -> Self:
        own = own_settings(self.features, self.drift) if self.policy.rules != "calibrated" else []
        if own:
            raise ValueError(
                f"policy: {self.policy.rules} fixes methods and limits: remove {', '.join(own)}, "
                "or use policy: calibrated"
            )
        return self

    @model_validator(mode="after")
    def _limits_fit(self) -> Self:
        try:
            column_limits(self, self.prediction, self.prediction_kind)
            for name, feature in self.features.items():
                if feature.kind and name != EVERY_OTHER:
                    column_limits(self, name, feature.kind)
        except ConfigurationError as error:
            raise ValueError(str(error)) from error
        return self

    @model_validator(mode="after")
    def _star_is_bare(self) -> Self:
        if self.features.get(EVERY_OTHER, Feature()) != Feature():
            raise ValueError(
                f"feature {EVERY_OTHER!r} stands for every other column of the reference: write it as '*':"
            )
        return self

    @model_validator(mode="after")
    def _can_retrain(self) -> Self:
        if self.retraining is None:
            return self
        self._require_outcomes("retraining")
        lacking = {
            "reference of kind champion": not isinstance(self.reference, ChampionReference),
            "id": self.id is None,
            "label or labels": self.label is None and self.labels is None,
        }
        if any(lacking.values()):
            raise ValueError(f"retraining needs {', '.join(name for name, lacks in lacking.items() if lacks)}")
        gate_metrics(self.retraining.gate, self.task)
        require_logged(self.retraining.gate.segments, self.derived)
        return self

    @model_validator(mode="after")
    def _can_measure(self) -> Self:
        if self.performance is None:
            return self
        self._require_outcomes("performance")
        lacking = {"id": self.id is None, "label or labels": self.label is None and self.labels is None}
        if any(lacking.values()):
            raise ValueError(f"performance needs {', '.join(name for name, lacks in lacking.items() if lacks)}")
        unfit = [name for name in self.performance.metrics if name not in METRICS_OF[self.task]]
        if unfit:
            allowed = ", ".join(METRICS_OF[self.task])
            raise ValueError(f"performance.metrics: {unfit[0]} does not fit a {self.task} model: use {allowed}")
        if self.performance.probabilities and self.task != "multiclass":
            raise ValueError("performance.probabilities are of multiclass models: a binary model's is its prediction")
        return self

    def _require_outcomes(self, section: str) -> None:
        if self.task == "text":
            raise ValueError(f"{section} is of models whose answers can be right or wrong: remove it for a text model")

    @property
    def texts(self) -> frozenset[str]:
        """The columns of free text that others are derived from, or described: features only where they are listed."""
        return frozenset([*self.descriptors, *(name for each in self.derived.values() for name in each.texts)])

    @property
    def lists_features(self) -> bool:
        """Whether the features are those listed and no others."""
        return bool(self.features) and EVERY_OTHER not in self.features

    @property
    def dag_id(self) -> str:
        """Name of the monitor's DAG."""
        return f"monitor_{self.name}"

    @property
    def performance_dag_id(self) -> str:
        """Name of the DAG that watches the model's figures."""
        return f"performance_{self.name}"

    @property
    def performance_schedule(self) -> str:
        """When the model's figures are looked at."""
        return (self.performance and self.performance.schedule) or self.schedule

    @property
    def retrain_dag_id(self) -> str:
        """Name of the DAG that retrains the monitor's model."""
        return f"retrain_{self.name}"

    @property
    def prediction_kind(self) -> Kind:
        """Kind of the prediction column: scores and estimates are numeric, a multiclass label is categorical."""
        if self.prediction in self.derived:
            return self.derived[self.prediction].result
        return "categorical" if self.task == "multiclass" else "numeric"

    @property
    def label_time(self) -> str | None:
        """Column of the moment a label became known, where labels are logged apart; in a reference never a feature."""
        return self.labels.timestamp if self.labels else None

    @property
    def first_moment(self) -> datetime:
        """Midnight UTC of `start`."""
        return datetime(self.start.year, self.start.month, self.start.day, tzinfo=UTC)

    @property
    def last_moment(self) -> datetime | None:
        """The last moment at which a window may start that is judged by schedule; None where there is no `end`."""
        if self.end is None:
            return None
        return datetime(self.end.year, self.end.month, self.end.day, tzinfo=UTC) - datetime.resolution

    def baseline(self, column: str) -> Baseline:
        """What the windows of `column` are compared with."""
        return self.features.get(column, Feature()).baseline or self.drift.baseline

    def watches_constant(self, column: str) -> bool:
        """Whether it is to be told that `column` has one value only."""
        own = self.features.get(column, Feature()).constant
        return self.quality.constant if own is None else own

    @property
    def config_hash(self) -> str:
        """SHA-256 (16 hex digits) of everything that can change a verdict; owner, routes and texts are left out."""
        meaning = self.model_dump(
            mode="json",
            exclude={
                **dict.fromkeys(UNTOLD, True),
                "features": {"__all__": {"upstream"}},
            },
        )
        if self.descriptors:  # they change no verdict, but their columns are no features
            meaning["descriptors"] = sorted(self.descriptors)
        return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def decisive(self) -> Mapping[str, MetricLimits]:
        """The metrics that decide about a window's performance, with their limits."""
        own = self.performance.metrics if self.performance else {}
        return {str(name): limits for name, limits in (own or DECISIVE[self.task]).items()}

    @property
    def performance_hash(self) -> str:
        """SHA-256 (16 hex digits) of everything that can change a verdict about performance."""
        told = {"owner", "description", "alerts", "asset", "drift", "quality", "alarms", "features", "retraining"}
        meaning = self.model_dump(mode="json", exclude={*told, "descriptors", "upstream", "end"})
        return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()[:16]

    def located(self, folder: Path) -> Monitor:
        """The same monitor with its relative paths starting at `folder`."""
        copy = self.model_copy()
        copy._folder = folder.absolute()
        return copy

    def locate(self, path: str) -> str:
        """Absolute path of a path written in the YAML; a URI, user@host:path or absolute path is returned as it is."""
        if "://" in path or path.startswith("/") or re.match(r"[\w.-]+@[\w.-]+:", path):
            return path
        return str((self._folder / path).resolve())


def column_limits(monitor: Monitor, column: str, kind: Kind, *, reference_rows: int | None = None) -> ColumnLimits:
    """Method and limits in force for `column`: its own, else those of its kind, else the method's defaults.

    A column that names another method takes that method's own defaults; one with a threshold of its own takes a severe
    limit in the method's own proportion. A classical rule fixes them, for which the reference's number of rows may
    matter. Raises `ConfigurationError` for a method that does not fit the column's kind, and for a severe limit on the
    healthy side of the threshold.
    """
    policy = monitor.policy
    if policy.rules != "calibrated":
        return classical_limits(policy.rules, kind, significance=policy.significance, reference_rows=reference_rows)
    section = monitor.drift.prediction if column == monitor.prediction else getattr(monitor.drift, kind)
    own = monitor.features.get(column, Limits())
    name = own.method or section.method or "psi"
    row = method(name)
    if kind not in row.kinds:
        allowed = ", ".join(allowed_methods(kind))
        raise ConfigurationError(
            f"monitor {monitor.name}: method {name} does not fit column {column!r}, which is {kind}: "
            f"use one of {allowed}"
        )
    if name.startswith(EVIDENTLY) and not isinstance(monitor.baseline(column), TrainingBaseline):
        raise ConfigurationError(
            f"monitor {monitor.name}: column {column!r} has the baseline {monitor.baseline(column).kind}, and {name} "
            "compares with the training reference's sample: use the baseline training, or a method without evidently:"
        )
    inherited = section if own.method in (None, section.method) else Limits()
    threshold = own.threshold or inherited.threshold or row.threshold
    severe = own.severe or (None if own.threshold else inherited.severe) or threshold * (row.severe / row.threshold)
    if row.breached(threshold, severe) and threshold != severe:
        raise ConfigurationError(
            f"monitor {monitor.name}: column {column!r} is severe at {severe:g} before it drifts at {threshold:g}: "
            f"severe must lie beyond the threshold of {name}"
        )
    return ColumnLimits(kind, name, threshold, severe, fails=threshold)


def json_schema() -> Mapping[str, Any]:
    """JSON Schema of a monitor's YAML, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Monitor.model_json_schema(schema_generator=YamlSchema),
    }


def alerts_schema() -> Mapping[str, Any]:
    """JSON Schema of the YAML of alerts that all monitors share, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Alerts.model_json_schema(schema_generator=YamlSchema),
    }
