"""What a monitor's YAML says about alarms: the forms it takes, and the forms it refuses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from monitoring_tasks.alarms_section import (
    AlarmBudget,
    AlarmBudgetEntry,
    Alarms,
    BaselineEntry,
    Floors,
    SeasonalBaseline,
    TrailingBaseline,
    TrainingBaseline,
)
from monitoring_tasks.errors import ConfigurationError
from monitoring_tasks.monitor import Monitor

BUDGET: TypeAdapter[AlarmBudget] = TypeAdapter(AlarmBudgetEntry)
BASELINE: TypeAdapter[Any] = TypeAdapter(BaselineEntry)
SMALL = {
    "name": "churn",
    "owner": "growth",
    "task": "binary",
    "source": {"path": "predictions"},
    "reference": {"path": "reference.parquet"},
    "timestamp": "at",
    "prediction": "score",
}


@pytest.mark.parametrize(
    ("text", "alarms", "period", "words"),
    [
        ("1 per 90d", 1, timedelta(days=90), "1 false alarm in 90 days"),
        ("2 per 4w", 2, timedelta(weeks=4), "2 false alarms in 28 days"),
        ("  999  per  1m ", 999, timedelta(minutes=1), "999 false alarms in 1 minute"),
        ("1 per 12h", 1, timedelta(hours=12), "1 false alarm in 12 hours"),
    ],
)
def test_a_budget_is_alarms_per_period(text: str, alarms: int, period: timedelta, words: str) -> None:
    """As a person writes it; said in words, and read back from what is stored."""
    budget = BUDGET.validate_python(text)
    assert budget == AlarmBudget(alarms=alarms, period=period)
    assert budget.words == words
    assert BUDGET.validate_python(BUDGET.dump_python(budget, mode="json")) == budget


def test_a_budget_may_be_a_mapping() -> None:
    """Each part by its name; what is left out is the default."""
    assert BUDGET.validate_python({"alarms": 2, "period": "30d"}) == BUDGET.validate_python("2 per 30d")
    assert BUDGET.validate_python({}) == AlarmBudget() == BUDGET.validate_python("1 per 90d")


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        ("1 in 90d", "is not a budget: write alarms and a period, like '1 per 90d' or '2 per 4w'"),
        ("90d", "is not a budget"),
        ("", "is not a budget"),
        ("one per 90d", "is not a budget"),
        ("-1 per 90d", "is not a budget"),
        ("1.5 per 90d", "is not a budget"),
        ("1000 per 90d", "is not a budget"),
        ("0 per 90d", "greater than or equal to 1"),
        ("1 per 90", "is not a length of time"),
        ("1 per 0d", "is not a length of time"),
        ("1 per 3y", "is not a length of time"),
        (1, "is not a budget"),
        (True, "is not a budget"),
        (["1 per 90d"], "is not a budget"),
        (None, "is not a budget"),
        ({"alarms": 0}, "greater than or equal to 1"),
        ({"alarms": 1.5}, "valid integer"),
        ({"alarms": 1, "per": "90d"}, "Extra inputs"),
    ],
)
def test_what_is_no_budget_is_refused(budget: object, said: str) -> None:
    """With what to write instead."""
    with pytest.raises(ValidationError, match=said):
        BUDGET.validate_python(budget)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("training", TrainingBaseline()),
        ("trailing", TrailingBaseline(width=timedelta(days=28))),
        ("seasonal", SeasonalBaseline(weeks=4)),
        ({"kind": "training"}, TrainingBaseline()),
        ({"kind": "trailing", "width": "14d"}, TrailingBaseline(width=timedelta(days=14))),
        ({"kind": "seasonal", "weeks": 8}, SeasonalBaseline(weeks=8)),
        (SeasonalBaseline(weeks=2), SeasonalBaseline(weeks=2)),
    ],
)
def test_a_baseline_has_a_short_and_a_long_form(written: object, meant: BaseModel) -> None:
    """A word, or a mapping with it as kind; what is stored is read back, and serves as a key."""
    found = BASELINE.validate_python(written)
    assert found == meant
    assert BASELINE.validate_python(BASELINE.dump_python(found, mode="json")) == meant
    assert {found: 1}[meant] == 1


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("yesterday", "a baseline is training, trailing, seasonal"),
        ({"width": "14d"}, "a baseline is training, trailing, seasonal"),
        (7, "a baseline is training, trailing, seasonal"),
        ({"kind": "training", "width": "14d"}, "Extra inputs"),
        ({"kind": "trailing", "weeks": 4}, "Extra inputs"),
        ({"kind": "trailing", "width": "fortnight"}, "is not a length of time"),
        ({"kind": "seasonal", "weeks": 0}, "greater than or equal to 1"),
        ({"kind": "seasonal", "weeks": 105}, "less than or equal to 104"),
        ({"kind": "seasonal", "weeks": "4"}, "valid integer"),
    ],
)
def test_what_is_no_baseline_is_refused(written: object, said: str) -> None:
    """With the words there are."""
    with pytest.raises(ValidationError, match=said):
        BASELINE.validate_python(written)


@pytest.mark.parametrize(
    "floors", [{"distance": 0}, {"distance": -0.1}, {"missing": 1.1}, {"unseen": -0.1}, {"psi": 0.2}, {"joint": "high"}]
)
def test_what_is_no_floor_is_refused(floors: dict[str, object]) -> None:
    """Shares lie between 0 and 1, a distance above 0, and every floor has a name."""
    with pytest.raises(ValidationError):
        Floors(**floors)  # type: ignore[arg-type]


def test_defaults() -> None:
    """One false alarm in 90 days, and the joint test."""
    assert Alarms() == Alarms(budget=AlarmBudget(alarms=1, period=timedelta(days=90)), floors=Floors(), joint=True)
    assert Floors().model_dump() == {
        "distance": 0.05,
        "missing": 0.02,
        "out_of_range": 0.002,
        "unseen": 0.002,
        "duplicates": 0.002,
        "joint": 0.05,
        "level": 0.1,
    }


def test_columns_whose_level_is_watched() -> None:
    """None by default; each is named once."""
    assert Alarms().levels == ()
    assert Alarms.model_validate({"levels": ["words", "refusal"]}).levels == ("words", "refusal")
    for levels in (["words", "words"], [""], "words", [1]):
        with pytest.raises(ValidationError):
            Alarms.model_validate({"levels": levels})
    with pytest.raises(ValidationError, match="words stand twice: name each column once"):
        Alarms.model_validate({"levels": ["words", "refusal", "words"]})


def monitor(**more: object) -> Monitor:
    """A small monitor with further sections."""
    return Monitor.model_validate({**SMALL, **more})


def test_a_monitor_states_its_alarms() -> None:
    """Budget, floors, baselines for all columns and for one, and the rules by their name alone."""
    found = monitor(
        alarms={"budget": "2 per 30d", "floors": {"missing": 0.05}, "joint": False},
        drift={"baseline": "trailing"},
        features={"age": {"baseline": {"kind": "seasonal", "weeks": 2}}, "plan": {}},
        policy="psi",
    )
    assert found.alarms.budget.words == "2 false alarms in 30 days"
    assert (found.alarms.floors.missing, found.alarms.floors.distance, found.alarms.joint) == (0.05, 0.05, False)
    assert found.baseline("age") == SeasonalBaseline(weeks=2)
    assert found.baseline("plan") == found.baseline("score") == TrailingBaseline()
    assert found.policy.rules == "psi"


@pytest.mark.parametrize("rules", ["calibrated", "classic", "psi", "evidently"])
def test_a_policy_may_be_its_rules_alone(rules: str) -> None:
    """The short form of a mapping, with everything else as it is by default."""
    assert monitor(policy=rules) == monitor(policy={"rules": rules})
    assert monitor().policy.rules == "calibrated"


@pytest.mark.parametrize("policy", ["strict", ["psi"], {"rules": "strict"}, {"significance": 0}, {"significance": 1}])
def test_unknown_rules_are_refused(policy: object) -> None:
    """Neither in the short form nor in the long one."""
    with pytest.raises((ValidationError, ConfigurationError)):
        monitor(policy=policy)


class Probe(BaseModel):
    """A model with both entries."""

    model_config = ConfigDict(extra="forbid")
    budget: AlarmBudgetEntry
    baseline: BaselineEntry


def test_the_schema_knows_the_short_forms() -> None:
    """An editor completes a budget's text and a baseline's word."""
    properties = Probe.model_json_schema()["properties"]
    assert properties["budget"]["examples"] == ["1 per 90d"]
    assert "trailing" in str(properties["baseline"])
