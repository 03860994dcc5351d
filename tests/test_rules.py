"""The classical rules: what each fixes, and what it cannot stand beside."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from monitoring_tasks.methods import Kind
from monitoring_tasks.monitor import Monitor, column_limits
from monitoring_tasks.rules import ColumnLimits, classical_limits
from tests.past import monitor

CLASSICAL = ("classic", "psi", "evidently")


@pytest.mark.parametrize(
    ("policy", "kind", "rows", "limits"),
    [
        ("psi", "numeric", 9000, ("psi", 0.2, 0.25, 0.1, False)),
        ("psi", "categorical", 10, ("psi", 0.2, 0.25, 0.1, False)),
        ("classic", "numeric", 9000, ("ks_p_value", 0.05, 0.001, 0.05, False)),
        ("classic", "categorical", 10, ("chi_square_p_value", 0.05, 0.001, 0.05, False)),
        ({"rules": "classic", "significance": 0.1}, "numeric", 10, ("ks_p_value", 0.1, 0.002, 0.1, False)),
        ("evidently", "numeric", 1001, ("wasserstein", 0.1, 0.2, 0.1, True)),
        ("evidently", "categorical", 1001, ("jensen_shannon", 0.1, 0.2, 0.1, True)),
        ("evidently", "numeric", 1000, ("ks_p_value", 0.05, 0.001, 0.05, True)),
        ("evidently", "categorical", 1000, ("chi_square_p_value", 0.05, 0.001, 0.05, True)),
        ("evidently", "numeric", None, ("wasserstein", 0.1, 0.2, 0.1, True)),
    ],
)
def test_limits_of_the_classical_rules(policy: Any, kind: Kind, rows: int | None, limits: tuple[Any, ...]) -> None:
    """Method, threshold, severe limit, where it fails, and whether a column alone is a small shift at most."""
    found = column_limits(monitor(policy=policy), "age", kind, reference_rows=rows)
    name, threshold, severe, fails, minor = limits
    assert found == ColumnLimits(kind, name, threshold, pytest.approx(severe), fails, minor)
    assert found == column_limits(monitor(policy=policy), "score", kind, reference_rows=rows)


def test_calibrated_keeps_what_is_configured() -> None:
    """The default knows one limit and its severe one: beyond the threshold a check fails, and is large."""
    drift = {"numeric": {"method": "ks", "threshold": 0.3}}
    assert column_limits(monitor(drift=drift), "age", "numeric") == ColumnLimits("numeric", "ks", 0.3, 0.6, 0.3)
    with pytest.raises(ValueError, match="they are the monitor's own"):
        classical_limits("calibrated", "numeric")


@pytest.mark.parametrize("rules", CLASSICAL)
@pytest.mark.parametrize(
    ("more", "keys"),
    [
        ({"features": {"age": {"method": "ks"}}}, "features.age.method"),
        ({"features": {"age": {"kind": "numeric", "threshold": 0.3}}}, "features.age.threshold"),
        ({"features": {"age": {"severe": 0.3}}}, "features.age.severe"),
        ({"drift": {"numeric": {"method": "psi"}}}, "drift.numeric.method"),
        ({"drift": {"prediction": {"threshold": 0.3}}}, "drift.prediction.threshold"),
        (
            {"features": {"b": {"threshold": 0.5, "method": "psi"}}, "drift": {"categorical": {"severe": 0.9}}},
            "features.b.method, features.b.threshold, drift.categorical.severe",
        ),
    ],
)
def test_a_classical_rule_stands_alone(rules: str, more: dict[str, Any], keys: str) -> None:
    """Methods and limits beside it are refused by name, all at once; the same monitor is sound when calibrated."""
    monitor(**more)
    with pytest.raises(ValidationError) as caught:
        monitor(**more, policy=rules)
    said = f"policy: {rules} fixes methods and limits: remove {keys}, or use policy: calibrated"
    assert said in str(caught.value)


@pytest.mark.parametrize("rules", CLASSICAL)
def test_what_may_stand_beside_a_classical_rule(rules: str) -> None:
    """Limits of quality, kinds, ranges, baselines and the share of columns are not the rule's business."""
    age = {"kind": "numeric", "missing": 0.3, "range": [0, 120], "constant": False, "baseline": "trailing"}
    features = {"age": age, "plan": {"kind": "categorical", "unseen": 0.1}, "*": None}
    drift = {"baseline": "seasonal", "share": 0.3, "numeric": {}, "categorical": {"method": None}}
    assert isinstance(monitor(policy=rules, features=features, drift=drift), Monitor)
