"""A small fleet in the results store, for pages to show: made by hand, without a run.

`fraud` drifted, has an open incident and a retraining that waits for approval; `churn` is healthy and was promoted half
way; `spam` has too few rows; `quiet` was never judged; `secret` is a model that some people may not see.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from monitoring_tasks.checks import Check, CheckResult, Evidence, Status, Suite
from monitoring_tasks.incidents.incident import Incident, Member, State
from monitoring_tasks.incidents.reading import Cause
from monitoring_tasks.performance.record import Against, Estimated, Figure, Interval, Maturity, Restatement
from monitoring_tasks.policy.verdict import Action, Outcome, Subject, Verdict
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.severity import Severity
from monitoring_tasks.store.database import Store
from monitoring_tasks.store.ledger import LedgerEntry
from monitoring_tasks.store.records import RetrainingRecord, Transition
from monitoring_tasks.window import Window

START = datetime(2013, 3, 1, tzinfo=UTC)
DAYS = 40
FEATURES = ("age", "spend", "plan", "country", "tenure", "device")
MODELS = ("churn", "fraud", "quiet", "secret", "spam")
OLD, NEW = "v1.0.0-0a1b2c3d", "v1.1.0-4e5f6a7b"
PROMOTED = 20
CONFIG = "0123456789abcdef"
INCIDENT = "drift-0123456789abcdef"
RUN = "retrain__2013-04-09T00:00:00Z__v1.0.0-0a1b2c3d"


def window(day: int) -> Window:
    """The window of a day after the first of March."""
    return Window(START + timedelta(days=day), START + timedelta(days=day + 1))


def subject(monitor: str, day: int) -> Subject:
    """What the verdict of a day is about; churn has a new champion from the promotion on."""
    champion = NEW if monitor == "churn" and day >= PROMOTED else OLD
    return Subject(monitor, champion, window(day), CONFIG)


def drift(column: str, score: float, *, suite: Suite = Suite.DATA_DRIFT, segment: str = "") -> CheckResult:
    """The result of a drift check; a score over .2 is a finding."""
    status = Status.FAILED if score > 0.2 else Status.PASSED
    summaries = {"reference": {"mean": 40.0, "missing": 0.0}, "current": {"mean": 52.0, "missing": 0.01}}
    return CheckResult(
        suite,
        Check.DRIFT,
        status,
        column,
        "psi",
        score,
        0.2,
        large=score > 0.2,
        severe=score > 0.25,
        evidence=Evidence(0.001, 0.01, score / 4, 0.05),
        segment=segment,
        **summaries,
    )


def results(monitor: str, day: int) -> list[CheckResult]:
    """What the checks of a day found: fraud drifts in age and spend from day 30 on."""
    drifts = monitor == "fraud" and day >= 30
    scores = {name: 0.02 + 0.01 * math.sin(day + place) for place, name in enumerate(FEATURES)}
    if drifts:
        scores |= {"age": 0.9, "spend": 0.3}
    missing = [
        CheckResult(Suite.DATA_QUALITY, Check.MISSING_SHARE, Status.PASSED, name, value=0.01, threshold=0.05)
        for name in FEATURES
    ]
    return [
        CheckResult(Suite.DATA_QUALITY, Check.ROW_COUNT, Status.PASSED, value=1000.0, threshold=200.0),
        *missing,
        *(drift(name, score) for name, score in scores.items()),
        drift("score", 0.05, suite=Suite.PREDICTION_DRIFT),
        drift("age", 1.2 if drifts else 0.01, segment="plan=pro"),
    ]


def verdict(monitor: str, day: int) -> Verdict:
    """The verdict of a day."""
    evidence = {"rows": 1000, "code_version": "0.1.0", "hashes": {"data": "d" * 16, "config": CONFIG}, "findings": []}
    about = subject(monitor, day)
    if monitor == "spam":
        few = ("100 rows in the window, fewer than the 200 needed to judge",)
        return Verdict(about, Outcome.TOO_FEW_ROWS, Severity.LOW, (Action.ALERT,), few, {**evidence, "rows": 100})
    if monitor == "fraud" and day >= 30:
        why = ("age: severe drift, psi 0.9 against 0.2", "spend: severe drift, psi 0.3 against 0.2")
        return Verdict(about, Outcome.DRIFTED, Severity.HIGH, (Action.ALERT, Action.RETRAIN), why, evidence)
    return Verdict(about, Outcome.HEALTHY, Severity.NONE, (), ("no finding on 1000 rows",), evidence)


def entry(monitor: str, day: int, *, known_after: int = 10) -> LedgerEntry:
    """What was known of a day's performance some days later; the last ten days' labels are still coming."""
    known_at = window(day).end + timedelta(days=known_after)
    late = START + timedelta(days=DAYS) < known_at
    about, value = subject(monitor, day), 0.8 - (0.05 if monitor == "fraud" and day >= 25 else 0.0)
    against = Against(0.81, 0.81 - value, 0.02, False, 0.01, 0.02, "failed" if value < 0.79 else "passed")
    expected = Estimated(Interval(0.8, 0.78, 0.82))
    figures = (
        Figure("auc", "", 1000, Interval(value, value - 0.01, value + 0.01), None, expected, {"champion": against}),
        Figure("log_loss", "", 1000, Interval(0.45, 0.44, 0.46)),
        Figure("auc", "plan=pro", 100, Interval(value, value - 0.05, value + 0.05)),
    )
    said = Restatement(
        monitor,
        about.champion,
        about.window,
        CONFIG,
        known_at,
        Maturity(1000, 200 if late else 950, 100 if late else 1000),
        () if late else figures,
    )
    outcome = Outcome.LABELS_IMMATURE if late else Outcome.DEGRADED if value < 0.79 else Outcome.HEALTHY
    severity = {Outcome.DEGRADED: Severity.HIGH, Outcome.LABELS_IMMATURE: Severity.LOW}.get(outcome, Severity.NONE)
    return LedgerEntry(said, (), Verdict(about, outcome, severity, (), (f"auc {value}",), {"rows": 1000}), {})


def incident() -> Incident:
    """The open incident of fraud."""
    member = Member("fraud", "fraud", "risk", Severity.HIGH, ("age", "spend"), window(30), window(DAYS - 1), 10)
    return Incident(
        id=INCIDENT,
        cause=Cause.DRIFT,
        state=State.OPEN,
        severity=Severity.HIGH,
        told=Severity.HIGH,
        worst=Severity.HIGH,
        topics=("drift",),
        anchors=("fraud#age",),
        columns=("age", "spend"),
        reasons=("age: severe drift, psi 0.9 against 0.2",),
        members=(member,),
        opened=window(30).end,
        spoken=window(30).end,
    )


def retrainings() -> list[RetrainingRecord]:
    """Churn's promotion, and the retraining of fraud that waits."""
    waiting = RetrainingRecord(
        monitor="fraud",
        run=RUN,
        origin="drift",
        reason="age drifted",
        state="awaiting",
        requested_at=window(DAYS - 1).end,
        window_end=window(DAYS - 1).end,
        champion={"version": OLD, "number": 1, "revision": "0" * 40},
        challenger="4e5f6a7b" + "0" * 32,
        verdict={"decision": "promote"},
    )
    promoted = replace(
        waiting,
        monitor="churn",
        run="retrain__promoted",
        reason="drift persists",
        state="promoted",
        requested_at=window(PROMOTED - 1).end,
        window_end=window(PROMOTED - 1).end,
        placed=NEW,
        outcome=f"{NEW} is champion",
        decided_by="admin",
        closed_at=window(PROMOTED).start,
    )
    return [promoted, waiting]


def fill(store: Store) -> None:
    """Put the fleet into a store, at once: a transaction for each verdict would take seconds."""
    with store.transaction() as transaction:
        for monitor in ("churn", "fraud", "secret", "spam"):
            for day in range(DAYS):
                run = {"dag_id": f"monitor_{monitor}", "run_id": f"scheduled__{day}", "run_type": "scheduled"}
                found = results(monitor, day)
                transaction.put_results(subject(monitor, day), found, rows=1000)
                transaction.put_verdict(verdict(monitor, day), found, report=None, run=run)
                if monitor in ("churn", "fraud"):
                    transaction.put_performance(entry(monitor, day))
        opened = incident()
        transaction.put_incident(opened)
        told = opened.opened + timedelta(minutes=3)
        transaction.add_transition(Transition(opened.id, 1, "opened", "open", Severity.HIGH, opened.opened, told))
        for record in retrainings():
            transaction.put_retraining(record)


def register(models: Sequence[str] = MODELS) -> None:
    """Tell Airflow of the DAGs of the models, as its DAG processor would; what was told before is forgotten."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    DagBundlesManager().sync_bundles_to_db()
    with create_session() as session:
        session.execute(delete(DagModel).where(DagModel.dag_id.regexp_match("^(monitor|performance|retrain)_")))
        session.add_all(
            dag(prefix + name, owners="risk" if name == "fraud" else "growth", next_dagrun=window(DAYS).start)
            for name in models
            for prefix in ("monitor_", "performance_", "retrain_")
        )


def dag(dag_id: str, **more: Any) -> Any:
    """A DAG as Airflow's database has it, switched on."""
    from airflow.models.dag import DagModel

    return DagModel(
        dag_id=dag_id,
        bundle_name="dags-folder",
        is_stale=False,
        is_paused=False,
        max_active_tasks=16,
        max_consecutive_failed_dag_runs=0,
        has_task_concurrency_limits=False,
        **more,
    )


@pytest.fixture
def world(airflow_database: None, monitors: object) -> Runtime:
    """The runtime of the server, its store filled with the fleet, whose DAGs Airflow knows."""
    from monitoring_tasks.orchestration.runtime import airflow_runtime

    runtime = airflow_runtime()
    fill(runtime.store)
    register()
    return runtime
