"""What the log of a run says of people: who was told, which incidents stay open, and what nobody was told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from monitoring_tasks.alerts.composing import Told, compose
from monitoring_tasks.alerts.telling import Teller, brief, record
from monitoring_tasks.errors import AlertRefused
from monitoring_tasks.incidents.reading import Reading
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.orchestration.run_log import refuse_untold, say_all_clear, say_changes
from monitoring_tasks.orchestration.runtime import airflow_runtime
from monitoring_tasks.store.database import Store
from tests.incidents.readings import FIRST, reading, signal
from tests.production import Production

pytestmark = pytest.mark.xdist_group("airflow")
NOW = FIRST + timedelta(days=3)
HEALTHY = {"outcome": "healthy", "changes": []}


def found(store: Store, monitor: Monitor, what: Reading) -> dict[str, Any]:
    """Record what a run found; its verdict, as the next task has it."""
    teller = Teller(monitor.alerts, lambda change: compose(change, Told(monitor)), NOW)
    with store.transaction() as transaction:
        changes = record(transaction, what, teller)
    return {"outcome": "drifted", "changes": brief(changes)}


@pytest.fixture
def monitor(production: Production, airflow_database: None, caplog: pytest.LogCaptureFixture) -> Monitor:
    """A monitor, and the log from here on."""
    caplog.set_level("INFO")
    return load_monitor(production.monitor_file)


def test_each_change_is_a_sentence(monitor: Monitor, caplog: pytest.LogCaptureFixture) -> None:
    """Opened, again, and better: who is told, how somebody takes it on, and what is missing to its end."""
    store = airflow_runtime().store
    say_changes(monitor, found(store, monitor, reading(0, signal())), store)
    [incident] = store.incidents()
    assert f"incident.opened {incident.id} (drift; churn; since" in caplog.text
    assert "opened, medium: on its way to log" in caplog.text
    assert f"incident.open to take it on: `monitoring alerts acknowledge {incident.id}`" in caplog.text
    say_changes(monitor, found(store, monitor, reading(1, signal())), store)
    assert "goes on: nobody is told again unless it gets worse; reminded from" in caplog.text
    say_changes(monitor, found(store, monitor, reading(2)), store)
    assert "it stays open until there are 1 more healthy window of churn" in caplog.text


def test_a_finding_that_changes_nothing(monitor: Monitor, caplog: pytest.LogCaptureFixture) -> None:
    """An alert without incidents says that nobody is told, and why that may be."""
    say_changes(monitor, {"outcome": "labels_immature", "changes": []}, airflow_runtime().store)
    assert "alert.untold outcome=labels_immature: no incident changed, so nobody is told" in caplog.text


def test_all_clear_names_what_is_open(monitor: Monitor, caplog: pytest.LogCaptureFixture) -> None:
    """A healthy window is not the end of an incident: the log says how many more it takes."""
    store = airflow_runtime().store
    say_all_clear(monitor, HEALTHY)
    assert "all_clear monitor=churn outcome=healthy: nobody is told" in caplog.text
    assert "incident.open" not in caplog.text
    found(store, monitor, reading(0, signal()))
    say_all_clear(monitor, HEALTHY)
    assert "it stays open until there are 2 more healthy windows of churn" in caplog.text


def test_all_clear_without_the_store(
    monitor: Monitor, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The task has one try: a store that does not answer by then takes nothing away from the verdict."""
    airflow_runtime.cache_clear()
    monkeypatch.setenv("MONITORING_STORE", "postgresql+psycopg2://nobody@127.0.0.1:1/none")
    say_all_clear(monitor, HEALTHY)
    assert "all_clear.unknown whether incidents are open: " in caplog.text
    airflow_runtime.cache_clear()


def test_what_was_refused_for_good(monitor: Monitor) -> None:
    """A dead letter about what this run found is an error; one about something before it is not."""
    store = airflow_runtime().store
    verdict = found(store, monitor, reading(0, signal()))
    refuse_untold(monitor, verdict, store)
    claimed = store.claim_letter(by="t", now=datetime.now(UTC), lapse=timedelta(minutes=5))
    assert claimed is not None
    store.settle_letter(replace(claimed[0], state="dead", error="invalid_blocks"))
    with pytest.raises(AlertRefused, match=r"log: invalid_blocks; `monitoring alerts retry` sends them again"):
        refuse_untold(monitor, verdict, store)
    refuse_untold(monitor, found(store, monitor, reading(1, signal())), store)
