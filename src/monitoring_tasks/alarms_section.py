"""What a monitor's YAML says about alarms: the budget of false ones, what a shift must amount to, the baselines."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BeforeValidator, Discriminator, Field, PlainSerializer, Tag, WithJsonSchema, field_validator

from monitoring_tasks.sections import Column, Positive, Section, Share, Width
from monitoring_tasks.window import in_words, parse_width, width_text

DAY = timedelta(days=1)
WEEK = timedelta(weeks=1)
Rules = Literal["calibrated", "classic", "psi", "evidently"]
_BUDGET = re.compile(r"\s*(\d{1,3})\s+per\s+(\S+)\s*")


class AlarmBudget(Section):
    """So many false alarms may be expected in a period of ordinary windows; written `1 per 90d`."""

    alarms: Annotated[int, Field(ge=1, le=999)] = 1
    period: Width = timedelta(days=90)

    @property
    def words(self) -> str:
        """The budget as a person says it.

        >>> AlarmBudget().words
        '1 false alarm in 90 days'
        """
        return f"{self.alarms} false alarm{'s' if self.alarms > 1 else ''} in {in_words(self.period)}"


def _budget(value: object) -> object:
    if isinstance(value, dict | AlarmBudget):
        return value
    match = _BUDGET.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{value!r} is not a budget: write alarms and a period, like '1 per 90d' or '2 per 4w'")
    return AlarmBudget(alarms=int(match[1]), period=parse_width(match[2]))


def _budget_text(budget: AlarmBudget) -> str:
    return f"{budget.alarms} per {width_text(budget.period)}"


AlarmBudgetEntry = Annotated[
    AlarmBudget,
    BeforeValidator(_budget),
    PlainSerializer(_budget_text),
    WithJsonSchema({"type": "string", "pattern": r"^[1-9]\d{0,2} per [1-9]\d{0,4}[mhdw]$", "examples": ["1 per 90d"]}),
]


class Floors(Section):
    """The least effect that is worth an alarm, however certain it is.

    One window alone must show twice as much; a shift that persists may be a little smaller (six tenths).
    """

    distance: Positive = Field(0.05, description="Kolmogorov-Smirnov distance, or total variation of categories")
    missing: Share = Field(0.02, description="Missing share above the baseline's")
    out_of_range: Share = Field(0.002, description="Share of values outside the plausible range, above the baseline's")
    unseen: Share = Field(0.002, description="Share of values in categories the reference does not have")
    duplicates: Share = Field(0.002, description="Share of rows whose id occurred before, above the baseline's")
    joint: Share = Field(0.05, description="AUC above one half of the classifier that tells window from baseline")
    level: Positive = Field(0.1, description="Jump of a column's level, in standard deviations of the reference's rows")


class Alarms(Section):
    """How many false alarms are accepted, and what a finding must amount to; rules `calibrated` only."""

    budget: AlarmBudgetEntry = Field(AlarmBudget(), description="Accepted false alarms, and the time they are for")
    floors: Floors = Floors()
    joint: bool = Field(True, description="Whether a classifier looks for changes that leave every column alone")
    levels: Annotated[tuple[Column, ...], Field(strict=False)] = Field(
        (),
        description="Columns (numbers, or true and false) whose mean or share of true is compared with the 24 windows "
        "before as well: a sudden change is found at once",
    )

    @field_validator("levels")
    @classmethod
    def _once(cls, levels: tuple[str, ...]) -> tuple[str, ...]:
        twice = sorted({name for name in levels if levels.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} stand twice: name each column once")
        return levels


class TrainingBaseline(Section):
    """Compare with the champion's training reference."""

    kind: Literal["training"] = "training"


class TrailingBaseline(Section):
    """Compare with the rows just before the window: what moves slowly raises no alarm, a jump does."""

    kind: Literal["trailing"] = "trailing"
    width: Width = Field(timedelta(days=28), description="Time before the window's start")


class SeasonalBaseline(Section):
    """Compare with the same span of the week, one to so many weeks before."""

    kind: Literal["seasonal"] = "seasonal"
    weeks: Annotated[int, Field(ge=1, le=104)] = Field(4, description="So many weeks before the window")


_KINDS = {"training": TrainingBaseline, "trailing": TrailingBaseline, "seasonal": SeasonalBaseline}


def _baseline(value: object) -> object:
    return {"kind": value} if isinstance(value, str) else value


def _kind(section: object) -> str | None:
    found = section.get("kind") if isinstance(section, dict) else getattr(section, "kind", None)
    return found if found in tuple(_KINDS) else None


Baseline = TrainingBaseline | TrailingBaseline | SeasonalBaseline


def baseline_words(baseline: Baseline) -> str:
    """A baseline as its owner declared it.

    >>> baseline_words(TrailingBaseline()), baseline_words(SeasonalBaseline(weeks=1))
    ('trailing 28 days', 'seasonal 1 week')
    """
    if isinstance(baseline, TrailingBaseline):
        return f"trailing {in_words(baseline.width)}"
    if isinstance(baseline, SeasonalBaseline):
        return f"seasonal {baseline.weeks} week{'s' if baseline.weeks > 1 else ''}"
    return "training"


BaselineEntry = Annotated[
    Annotated[
        Annotated[TrainingBaseline, Tag("training")]
        | Annotated[TrailingBaseline, Tag("trailing")]
        | Annotated[SeasonalBaseline, Tag("seasonal")],
        Discriminator(
            _kind,
            custom_error_type="unknown_kind",
            custom_error_message="a baseline is training, trailing, seasonal, or a mapping with one of them as kind",
        ),
    ],
    BeforeValidator(_baseline, json_schema_input_type=Baseline | Literal["training", "trailing", "seasonal"]),
]
