"""The performance suite end to end: figures and checks in; snapshot, page and the same checks out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from evidently.core.report import Snapshot

from monitoring_tasks.checks import Check, CheckResult, Evidence, Status, Suite
from monitoring_tasks.performance.record import (
    Against,
    Estimated,
    Figure,
    Interval,
    Maturity,
    Operating,
    Restatement,
)
from monitoring_tasks.performance_section import METRICS_OF
from monitoring_tasks.suites.performance import PerformanceInput, PerformanceOutcome, run_performance_suite
from monitoring_tasks.suites.performance_metrics import performance_results
from monitoring_tasks.window import Window
from tests.suites.conftest import monitor
from tests.suites.test_page import HOSTILE, data_of

NEWEST = Window.parse("2013-04-16", "2013-04-23")
WEEK = timedelta(days=7)
BASELINE = {"auc": 0.696, "log_loss": 0.49, "predicted_minus_actual": -0.005}
AUCS = (0.612, 0.605, 0.651, 0.687, 0.702)


def figure(metric: str = "auc", value: float | None = 0.612, segment: str = "", **more: Any) -> Figure:
    """A figure with an interval, undefined without a value."""
    found = Interval(None) if value is None else Interval(value, value - 0.03, value + 0.03)
    return Figure(metric, segment, 900, **{"raw": found, **more})


def against(drop: float | None = 0.084, **more: Any) -> dict[str, Against]:
    """The champion's baseline of the AUC, from which the figure fell."""
    plain: dict[str, Any] = {"baseline": 0.696, "limit": 0.02, "relative": False, "p_value": 1e-6, "adjusted": 1e-4}
    return {"champion": Against(drop=drop, **{**plain, "status": "failed", **more})}


def restated(*figures: Figure, back: int = 0, **more: Any) -> Restatement:
    """A mature window, so many weeks before the newest."""
    plain: dict[str, Any] = {
        "monitor": "flights",
        "champion": "v1.0.0-0a1b2c3d",
        "window": Window(NEWEST.start - back * WEEK, NEWEST.end - back * WEEK),
        "config_hash": "0" * 16,
        "known_at": NEWEST.end + 2 * WEEK,
        "maturity": Maturity(6412, 6231, 6412),
    }
    return Restatement(**{**plain, "figures": figures, **more})


def checked(status: Status = Status.FAILED, metric: str | None = "auc", segment: str = "", **more: Any) -> CheckResult:
    """A check against the champion."""
    plain: dict[str, Any] = {
        "check": Check.CHAMPION_DROP,
        "value": 0.612,
        "threshold": 0.676,
        "detail": "0.6120 on 900 rows against 0.6960 in the champion's reference: worse by 0.0840, limit 0.02",
        "reference": {"value": 0.696},
        "current": {"value": 0.612, "rows": 900},
        "evidence": Evidence(1e-6, 1e-4, 0.084, 0.02),
    }
    return CheckResult(Suite.PERFORMANCE, status=status, column=metric, segment=segment, **{**plain, **more})


def given(
    windows: Sequence[Restatement] | None = None, results: Sequence[CheckResult] = (), **changes: Any
) -> PerformanceInput:
    """What the suite is of; `changes` are the monitor's keys."""
    judged = monitor(**{"name": "flights", "label": "late", **changes})
    return PerformanceInput(judged, windows or [restated(figure())], results, {"champion": "v1.0.0-0a1b2c3d"})


def run(
    windows: Sequence[Restatement] | None = None, results: Sequence[CheckResult] = (), **changes: Any
) -> PerformanceOutcome:
    """The outcome of the suite."""
    return run_performance_suite(given(windows, results, **changes), script_href="evidently.js")


def weeks() -> PerformanceInput:
    """Five weeks of flights, of which the newest two rank worse; every metric in thirty segments."""
    names, segments = METRICS_OF["binary"], [f"carrier={number:02}" for number in range(30)]
    windows = []
    for back, auc in enumerate(AUCS):
        figures = [figure(name, BASELINE.get(name, 0.3)) for name in names[1:]]
        figures += [figure(name, 0.6 + place / 1000, each) for place, each in enumerate(segments) for name in names]
        windows.append(restated(figure("auc", auc, against=against(0.696 - auc)), *figures, back=back))
    results = [checked(), checked(Status.PASSED, "log_loss", value=0.49, threshold=0.51)]
    results += [checked(Status.SUSPECT, segment=each, value=0.6) for each in segments]
    return given(windows, results)


KINDS = [
    checked(),
    checked(check=Check.TRAILING_DROP, value=0.62, threshold=0.67, large=True, severe=True),
    checked(Status.SUSPECT, segment="carrier=UA"),
    checked(Status.PASSED, "log_loss", value=0.49, threshold=0.51, evidence=None, detail=""),
    checked(Status.UNDECIDED, "f1", value=None, threshold=None, detail="one class only"),
    checked(Status.FAILED, None, check=Check.COVERAGE, value=0.4, threshold=0.5, detail="2 of 5 labelled"),
    checked(Status.FAILED, "a metric without a figure", segment=HOSTILE),
]


def test_checks_go_through_evidently_unchanged() -> None:
    """Every status, undefined values, coverage, segments and two checks of one figure come back, in their order."""
    outcome = run([restated(figure(), figure("f1", None, reason="one class only"))], KINDS)
    assert outcome.results == tuple(KINDS)
    assert [type(each.check) for each in outcome.results] == [Check] * len(KINDS)


def test_snapshot_holds_figures_and_checks() -> None:
    """Loaded again, the snapshot has each figure that counts, coverage, and each check with its status."""
    windows = [restated(figure(corrected=Interval(0.6, 0.5, 0.7)), figure("f1", None), figure(segment="carrier=UA"))]
    snapshot = Snapshot.loads(run(windows, KINDS).snapshot)
    assert {each.key: each for each in performance_results(snapshot)} == {each.key: each for each in KINDS}
    values = {}
    for each in snapshot.metric_results.values():
        params = each.get_metric_value_location().metric.params
        values[params.get("column"), params.get("segment")] = each.value
    assert values[None, ""] == 6231 / 6412
    assert values["auc", ""] == 0.6
    assert values["f1", ""] != values["f1", ""]
    assert values["auc", "carrier=UA"] == 0.612


def test_snapshot_is_strict_json() -> None:
    """An undefined figure is no bare NaN."""
    text = run([restated(figure(value=None))]).snapshot
    assert json.loads(text, parse_constant=pytest.fail)


def test_same_input_same_bytes() -> None:
    """Nothing random, no clock: page and snapshot are the same twice."""
    first, second = (run_performance_suite(weeks(), script_href="evidently.js") for _ in range(2))
    assert (first.html, first.snapshot) == (second.html, second.snapshot)


def test_hostile_names_stay_data() -> None:
    """Metric, segment, champion, reason, refusal, note and metadata called like markup end no script."""
    odd = figure(
        HOSTILE, None, HOSTILE, reason=HOSTILE, estimated=Estimated(Interval(None), HOSTILE), against=against()
    )
    whole = replace(odd, segment="", metric="auc")
    windows = [restated(whole, odd, replace(odd, metric="auc"), champion=HOSTILE, notes=(HOSTILE,))]
    asked = given(windows, [checked(metric=HOSTILE, detail=HOSTILE), checked(segment=HOSTILE)])
    html = run_performance_suite(replace(asked, metadata={HOSTILE: HOSTILE}), script_href="evidently.js").html
    assert "alert(1)</script>" not in html
    assert "<img" not in html
    assert html.count("<script") == html.count("</script>") == 4
    assert json.dumps(data_of(html), ensure_ascii=False).count(HOSTILE) > 9


def test_page_of_weeks() -> None:
    """What is known and worse comes first, the figures next, plots of what decides, then the details."""
    outcome = run_performance_suite(weeks(), script_href="evidently.js")
    titles = [widget["title"] for widget in data_of(outcome.html)["widgets"]]
    assert [title.split(",")[0].split(" (")[0] for title in titles] == [
        "flights",
        "What is worse",
        "Every metric of the window",
        "auc",
        "log loss",
        "predicted minus actual",
        "Segments by auc",
        "The windows as known at 2013-05-07 UTC",
        "How the service did: latency",
        "Notes",
        "About this run",
    ]
    assert "<title>flights, 2013-04-16 to 2013-04-23 UTC: performance</title>" in outcome.html
    assert ".MuiTableContainer-root { overflow-x: auto; }" in outcome.html


def test_nothing_at_all() -> None:
    """A window without predictions, figures, checks or service figures has a page that says so."""
    outcome = run([restated(maturity=Maturity(0, 0, 0))])
    shown = json.dumps(data_of(outcome.html))
    assert "no predictions in the window" in shown
    assert outcome.results == ()


@pytest.mark.parametrize("number", [float("nan"), float("inf"), None])
def test_no_number_is_shown_as_none(number: float | None) -> None:
    """NaN and infinities among baselines, drops and service figures reach neither page nor snapshot as numbers."""
    odd = against(number, baseline=number)
    windows = [
        restated(figure(against=odd), operating=Operating(number, number, number, number, number), back=back)
        for back in range(2)
    ]
    outcome = run(windows, [checked(evidence=Evidence(number, number, number, number), value=number)])
    data = outcome.html.split("var report = ")[1].split("</script>")[0]
    assert not {"NaN", "Infinity", "nan", "inf,"} & set(data.replace('"', " ").replace(":", " ").split())
    json.loads(outcome.snapshot, parse_constant=pytest.fail)
