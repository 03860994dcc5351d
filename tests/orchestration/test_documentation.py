"""What a monitor's DAG says about itself."""

from __future__ import annotations

from typing import Any

import pytest

from monitoring_tasks.monitor import Monitor
from monitoring_tasks.orchestration.alert_documentation import alert_facts
from monitoring_tasks.orchestration.documentation import monitor_document, plain
from monitoring_tasks.orchestration.links import absolute, report_path, run_path
from tests.orchestration.test_run_window import monitor


def test_it_tells_what_is_watched() -> None:
    """Owner, schedule, window, source and route, for a person who sees the DAG for the first time."""
    text = monitor_document(monitor(window="7d", alerts={"channels": {"ml": {"to": "#ml"}}}))
    for part in ("ml", "@daily", "7 days", "parquet at log", "slack \\#ml through slack\\_default", "Backfill"):
        assert part in text


def test_it_tells_by_which_rules_and_against_what() -> None:
    """The budget of the calibrated rules, the level of the classic ones, and what each column is compared with."""
    text = monitor_document(monitor(alarms={"budget": "2 per 4w"}))
    assert "2 false alarms in 28 days" in text
    assert "monitoring explain" in text
    assert "| Compared with | training |" in text
    assert "significance level of 0.01" in monitor_document(monitor(policy={"rules": "classic", "significance": 0.01}))
    assert "psi: fixed limits" in monitor_document(monitor(policy="psi"))
    features = {"*": None, "a|b": {"baseline": "trailing"}}
    assert r"training; a\|b: trailing 28 days |" in monitor_document(monitor(features=features))


CHANNELS = {
    "ml": {"to": "#ml"},
    "data": {"kind": "slack_webhook", "connection": "slack_data"},
    "mail": {"kind": "email", "to": ["a@x.org", "b@x.org"]},
    "pager": {"kind": "pagerduty"},
    "log": {"kind": "log"},
}


def facts(**alerts: Any) -> dict[str, str]:
    """What is said about alerts, by name, of a model whose owner is ml."""
    return dict(alert_facts(monitor(alerts=alerts)))


def test_it_tells_who_is_told_what() -> None:
    """Each route that leads somewhere for this model's owner, in the order of the file."""
    assert facts()["Alerts"] == "the task log only"
    assert (
        facts(channels={"mail": CHANNELS["mail"]})["Alerts"]
        == "email a@x.org, b@x.org through smtp_default: everything"
    )
    routes = [
        {"to": "data", "about": ["data_quality", "no_data"]},
        {"to": ["mail", "log"], "about": "performance", "owners": ["growth", "ml"], "least": "medium"},
        {"to": "ml", "owners": "sales"},
        {"to": "pager", "least": "critical"},
    ]
    assert facts(channels=CHANNELS, routes=routes)["Alerts"].split(" | ") == [
        "slack webhook through slack_data: data quality, no data",
        "email a@x.org, b@x.org through smtp_default; the task log: performance, medium or worse",
        "pagerduty through pagerduty_events_default: everything, critical or worse",
    ]
    assert facts(channels=CHANNELS, routes=routes[2:3])["Alerts"] == "the task log only"


def test_it_tells_when_nobody_is_told() -> None:
    """Quiet hours, the digest and planned downtime, as far as they are declared."""
    assert {*facts()} == {"Alerts", "An incident", "A run is late"}
    hours = {"start": "22:00", "end": "07:00", "timezone": "Europe/Berlin"}
    downtime = [{"start": "2026-03-01", "end": "2026-03-02", "reason": "the warehouse moves"}]
    said = facts(channels=CHANNELS, quiet_hours=hours, downtime=downtime)
    assert said["Low ones"] == "in one message a day, at 08:00 UTC"
    assert said["Quiet hours"] == "22:00 to 07:00 Europe/Berlin, but for what is critical"
    assert said["Nobody is told"] == "2026-03-01T00:00:00Z to 2026-03-02T00:00:00Z: the warehouse moves"
    weekend = facts(quiet_hours={**hours, "days": ["sat", "sun"], "unless": "high"})["Quiet hours"]
    assert weekend == "22:00 to 07:00 Europe/Berlin and all day on sat, sun, but for what is high or worse"


def test_it_tells_how_an_incident_ends_and_when_a_run_is_late() -> None:
    """As the section says, or by its defaults."""
    assert facts()["An incident"] == "is told again after 7 days, and ends after 2 healthy windows in a row"
    assert facts()["A run is late"] == "after the schedule's interval, at most 6 hours"
    said = facts(remind="1d", healthy_windows=1, deadline="2h", runbook="https://wiki.example.org/ml")
    assert said["An incident"].endswith("ends with the first healthy window")
    assert said["A run is late"] == "after 2 hours"
    assert said["Runbook"] == "https://wiki.example.org/ml"


@pytest.mark.parametrize("place", [{"table": "served"}, {"query": "SELECT 1"}])
def test_it_names_a_sql_source_without_its_query(place: dict[str, str]) -> None:
    """A query can be long and private; the connection is enough."""
    text = monitor_document(monitor(source={"kind": "sql", "connection": "logs", **place}))
    assert "through connection logs" in text
    assert "SELECT" not in text


def test_texts_from_yaml_cannot_shape_the_page() -> None:
    """Markdown and HTML in a description are shown, not obeyed."""
    hostile = "a | b\n# big <img src=x onerror=alert(1)> [x](javascript:y) `z`"
    text = monitor_document(Monitor.model_validate({**monitor().model_dump(), "description": hostile}))
    assert "<img" not in text.replace("\\<img", "")
    assert "\n# big" not in text
    assert plain(hostile) in text


def test_addresses_are_quoted() -> None:
    """Run ids hold colons and plus signs; versions could hold anything."""
    assert run_path("monitor_a", "x/y?z").endswith("/runs/x%2Fy%3Fz")
    assert (
        report_path("monitor_a", "runs/a/v1 beta?/s/h/report.html") == "/monitoring/report/monitor_a/v1%20beta%3F/s/h"
    )


def test_addresses_follow_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a proxy Airflow has another address, with a path perhaps."""
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://company.example/airflow/")
    assert absolute("/monitoring/report/x") == "https://company.example/airflow/monitoring/report/x"
