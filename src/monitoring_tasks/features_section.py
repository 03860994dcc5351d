"""The sections of a monitor about its columns: what is told of each, and how much of what is too much."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from monitoring_tasks.alarms_section import BaselineEntry, TrainingBaseline
from monitoring_tasks.methods import Kind, allowed_methods, method
from monitoring_tasks.sections import MethodName, Positive, Section, Share, Text


class Limits(Section):
    """Method and limits of one drift check; what is left out takes the method's default."""

    method: MethodName | None = Field(None, description="Drift method; left out: that of the kind of column, else psi")
    threshold: Positive | None = Field(None, description="A score beyond it is drift; left out: the method's own")
    severe: Positive | None = Field(None, description="A score beyond it is severe drift; left out: in proportion")


class Feature(Limits):
    """One monitored feature; `temp: numeric` is short for `temp: {kind: numeric}`."""

    kind: Kind | None = Field(None, description="Inferred from the reference when left out")
    range: Annotated[tuple[float, float], Field(strict=False)] | None = Field(
        None, description="Lowest and highest plausible value, both allowed"
    )
    missing: Share | None = Field(None, description="Overrides quality.missing")
    unseen: Share | None = Field(None, description="Overrides quality.unseen")
    constant: bool | None = Field(None, description="Overrides quality.constant")
    baseline: BaselineEntry | None = Field(None, description="Overrides drift.baseline")
    upstream: Text | None = Field(None, description="Where the column comes from; overrides the monitor's upstream")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.range is not None and not self.range[0] < self.range[1]:
            raise ValueError(f"range {list(self.range)} is empty: write [lowest, highest]")
        if self.kind and self.method and self.kind not in method(self.method).kinds:
            allowed = ", ".join(allowed_methods(self.kind))
            raise ValueError(f"method {self.method} does not fit a {self.kind} column: use one of {allowed}")
        return self


def _feature(value: object) -> object:
    return {"kind": value} if isinstance(value, str) else {} if value is None else value


FeatureEntry = Annotated[
    Feature, BeforeValidator(_feature, json_schema_input_type=Feature | Literal["numeric", "categorical"] | None)
]


class Drift(Section):
    """Defaults of the drift checks by kind of column."""

    numeric: Limits = Field(Limits(method="psi"), description="Of numeric features; psi when left out")
    categorical: Limits = Field(Limits(method="psi"), description="Of categorical features; psi when left out")
    prediction: Limits = Field(Limits(method="psi"), description="Of the prediction; psi when left out")
    baseline: BaselineEntry = Field(TrainingBaseline(), description="What windows are compared with")
    share: Share = Field(0.5, description="Share of drifted columns at which the data as a whole has drifted")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for kind in ("numeric", "categorical"):
            name = getattr(self, kind).method
            if name and kind not in method(name).kinds:
                raise ValueError(f"method {name} does not fit {kind} columns")
        return self


class Quality(Section):
    """Limits of the data quality checks; shares of rows."""

    missing: Share = Field(0.05, description="Missing share allowed above the reference's own")
    out_of_range: Share = Field(0.002, description="Share of values outside the plausible range")
    range_slack: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        3.0, description="Without a declared range: the reference's span, widened by this many spans on each side"
    )
    unseen: Share = Field(0.01, description="Share of values in categories the reference does not have")
    duplicates: Share = Field(0.0, description="Share of rows whose id occurred before in the same piece of the window")
    constant: bool = Field(True, description="A column with one value now and several in the reference fails")
