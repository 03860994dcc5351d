"""What a monitor's YAML says about how findings become severity and action: the section `policy`."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from monitoring_tasks.alarms_section import Rules
from monitoring_tasks.alerts_section import SeverityWord
from monitoring_tasks.sections import Section

RuleName = Literal[
    "column missing",
    "column of wrong type",
    "missing values",
    "more values missing",
    "values out of range",
    "constant column",
    "duplicated rows",
    "time without rows",
    "unseen categories",
    "labels missing",
    "worse in a segment",
    "worse than the champion's reference",
    "worse than the days before",
    "drift in a segment",
    "small shift in a segment",
    "severe prediction drift",
    "prediction drift",
    "small shift of the prediction",
    "sudden change",
    "small sudden change of the prediction",
    "small sudden change",
    "most columns drifted",
    "severe drift of an important feature",
    "drift of several important features",
    "drift of an important feature",
    "drift of a feature",
    "small shift of a feature",
    "joint change of columns",
    "small joint change of columns",
    "undecided check",
]
"""A row of the decision matrix, as people and YAML files write it."""


class Persistence(Section):
    """A finding persists when it stands in `windows` of the last `of` windows that share no rows, this one included."""

    windows: Annotated[int, Field(ge=1, le=100)] = Field(2, description="With the finding; 1: every finding persists")
    of: Annotated[int, Field(ge=1, le=100)] = Field(3, description="Looked at, the newest included")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.windows > self.of:
            raise ValueError(f"{self.windows} of {self.of} windows can never be reached")
        return self


class Policy(Section):
    """How findings become severity and action; `policy: psi` is short for `policy: {rules: psi}`."""

    rules: Rules = Field(
        "calibrated",
        description="calibrated: evidence within the alarm budget and an effect that matters; classic: "
        "Kolmogorov-Smirnov and chi-square at a significance level; psi: 0.1, 0.2, 0.25; evidently: its defaults",
    )
    significance: Annotated[float, Field(gt=0, lt=1)] = Field(0.05, description="Level of the rules `classic`")
    persistence: Persistence = Persistence()
    top: Annotated[int, Field(ge=1)] = Field(5, description="So many features of highest importance count as important")
    severities: dict[RuleName, SeverityWord] = Field(
        default_factory=dict, description="Severities of rows of the decision matrix, by name, in place of its own"
    )
    retrain: Literal["both", "either"] = Field(
        "both",
        description="When drift of the prediction or an important feature asks for a retraining. both: it is severe "
        "and persists; either: it is severe, or over the threshold and persists",
    )
    page: Literal["any", "both"] = Field(
        "any",
        description="any: drift and degradation page each by itself; both: one without the other is told, and is low",
    )
    without_harm: Literal["keep", "lower"] = Field(
        "lower",
        description="lower: drift is low where the figures that the scores let expect are no worse than usual; "
        "needs a section performance",
    )
    with_harm: Literal["keep", "raise"] = Field(
        "raise",
        description="raise: drift above low is one step worse where the last window with labels is worse than it "
        "should be; needs a section performance",
    )


def _policy(value: object) -> object:
    return {"rules": value} if isinstance(value, str) else value


PolicyEntry = Annotated[Policy, BeforeValidator(_policy, json_schema_input_type=Policy | Rules)]
