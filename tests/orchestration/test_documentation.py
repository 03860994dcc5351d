"""What a monitor's DAG says about itself."""

from __future__ import annotations

import pytest

from monitoring_tasks.monitor import Monitor
from monitoring_tasks.orchestration.documentation import monitor_document, plain
from monitoring_tasks.orchestration.links import absolute, report_path, run_path
from tests.orchestration.test_run_window import monitor


def test_it_tells_what_is_watched() -> None:
    """Owner, schedule, window, source and route, for a person who sees the DAG for the first time."""
    text = monitor_document(monitor(window="7d", alerts={"slack": {"channel": "#ml"}}))
    for part in ("ml", "@daily", "7 days", "parquet at log", "Slack \\#ml through slack\\_default", "Backfill"):
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
