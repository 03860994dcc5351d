"""The fraud example under `rules: psi`: a feature beyond PSI .2 alerts, a clean week of made payments does not.

The reference is four weeks of payments in a file; all else that judges a week is as the example says.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ruamel.yaml import YAML

from demo.worlds.payment_logs import CENTS, DAY, FIRST, PORTFOLIO, days, rule_of_thumb, window_of, write
from demo.worlds.payments import Change, minor_units, payments, portfolio, split_payments
from demo.worlds.world import EXAMPLES
from monitoring_tasks.checks import Check
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.policy.verdict import Action, Outcome, Verdict
from monitoring_tasks.runtime import Runtime, environment_runtime
from monitoring_tasks.severity import Severity
from tests.whole_run import judge

pytestmark = [pytest.mark.xdist_group("fraud_psi"), pytest.mark.timeout(600)]
FIVE = ["amount_ratio", "payments_24h", "merchant_category", "distance_km", "hours_since_last"]
OTHERS = ["channel", "country", "amount", "usual_amount", "account_age_days", "hour"]
LIMIT = 0.2
WEEKS: Mapping[int, tuple[Change, ...]] = {
    1: (),
    2: (),
    4: (split_payments(0.36),),
    PORTFOLIO.first: (portfolio(0.4),),
    CENTS.first: (minor_units(0.25),),
}
"""Weeks by number, and what happens in each: two are clean, and none has drift in the two before it."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reference of four weeks and the weeks' logs."""
    folder = tmp_path_factory.mktemp("psi")
    learnt = days(FIRST, FIRST + 28 * DAY)
    learnt = learnt.assign(score=rule_of_thumb(learnt), label=learnt["fraud"].astype("int8")).drop(columns="fraud")
    pq.write_table(pa.Table.from_pandas(learnt, preserve_index=False), folder / "reference.parquet")
    for number, changes in WEEKS.items():
        first = window_of(number).start.date()
        rows = pd.concat([payments(first + place * DAY, changes=changes) for place in range(7)], ignore_index=True)
        write(rows.assign(score=rule_of_thumb(rows)), folder / "logs", version="rule")
    return folder


def psi(folder: Path, importances: list[str]) -> Monitor:
    """The example under `rules: psi` with its reference in a file; features in the order of their importance."""
    document = YAML().load((EXAMPLES / "fraud.yaml").read_text())
    for section in ("labels", "performance", "retraining"):
        del document[section]
    document["source"]["path"] = "logs/payments"
    document["reference"] = {"kind": "file", "path": "reference.parquet", "importances": "importances.json"}
    document["policy"]["rules"] = "psi"
    with (folder / "fraud.yaml").open("w") as file:
        YAML().dump(document, file)
    weights = {name: 1 / (place + 1) for place, name in enumerate(importances)}
    (folder / "importances.json").write_text(json.dumps(weights))
    return load_monitor(folder / "fraud.yaml")


@contextmanager
def world(folder: Path, home: Path) -> Iterator[Runtime]:
    """A store of its own."""
    with (runtime := environment_runtime({"MONITORING_HOME": str(home)})).store:
        yield runtime


def shifts(runtime: Runtime, verdict: Verdict) -> dict[str, float]:
    """The PSI of each feature of a week, all payments together."""
    found = [each for each in runtime.store.results(verdict.subject) or [] if each.check is Check.DRIFT]
    return {str(each.column): each.value for each in found if not each.segment and each.column != "score"}


def test_a_feature_of_the_five_beyond_the_limit_alerts_and_a_clean_week_does_not(folder: Path, tmp_path: Path) -> None:
    """Beyond .2 it is medium, beyond .25 high; where none is, nobody is told of anything."""
    monitor = psi(folder, [*FIVE, *OTHERS])
    beyond = {
        1: set[str](),
        2: set[str](),
        4: {"payments_24h"},
        PORTFOLIO.first: {"merchant_category"},
        CENTS.first: {"amount", "amount_ratio"},
    }
    severities = {4: Severity.MEDIUM, PORTFOLIO.first: Severity.HIGH}
    with world(folder, tmp_path) as runtime:
        for number, expected in beyond.items():
            verdict = judge(monitor, runtime, window_of(number))
            assert {name for name, shift in shifts(runtime, verdict).items() if shift > LIMIT} == expected, number
            assert (Action.ALERT in verdict.actions) is bool(expected), verdict.reasons
            if not expected:
                assert (verdict.outcome, verdict.actions) == (Outcome.HEALTHY, ())
            if number in severities:
                assert verdict.severity is severities[number]
                assert verdict.reasons[0].startswith(f"{min(expected)}: ")
                assert " of an important feature, psi " in verdict.reasons[0]
            assert not any("probable cause" in reason for reason in verdict.reasons)


def test_a_feature_beside_the_five_is_told_and_low(folder: Path, tmp_path: Path) -> None:
    """The same shift of a feature that matters little to the model wakes nobody."""
    others = [*(name for name in [*FIVE, *OTHERS] if name != "merchant_category"), "merchant_category"]
    with world(folder, tmp_path) as runtime:
        verdict = judge(psi(folder, others), runtime, window_of(PORTFOLIO.first))
        assert shifts(runtime, verdict)["merchant_category"] > LIMIT
    assert (verdict.severity, Action.RETRAIN in verdict.actions) == (Severity.LOW, False), verdict.reasons
    assert verdict.reasons[0].startswith("merchant_category: ")
