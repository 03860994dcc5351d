"""The page that sets a challenger beside the champion, made from the gate's own verdicts."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monitoring_tasks.retraining.gate import Cost, GateData, judge
from monitoring_tasks.retraining_section import Gate
from monitoring_tasks.suites import comparison
from monitoring_tasks.suites.comparison import ComparisonInput, comparison_page, sampled_rows
from monitoring_tasks.suites.verdict_widgets import MOST, verdict_widgets
from tests.suites.test_page import HOSTILE, data_of

ROOT = Path(__file__).parents[2]
ROWS = 1500
TASKS = ("binary", "multiclass", "regression")


def scored(task: str, rows: int = ROWS) -> tuple[Any, Any, Any]:
    """Label, champion and challenger; the challenger is the better one."""
    random = np.random.default_rng(7)
    if task == "binary":
        label = (random.random(rows) < 0.3).astype(float)
        return (label, *(1 / (1 + np.exp(1 - k * label - random.normal(size=rows))) for k in (0.5, 1.5)))
    if task == "multiclass":
        names = np.array(["red", "green", HOSTILE], dtype=object)
        label, noise = names[random.integers(0, 3, rows)], names[random.integers(0, 3, rows)]
        return (label, *(np.where(random.random(rows) < k, label, noise) for k in (0.4, 0.8)))
    label = random.gamma(2, 3, rows)
    return (label, *(label + k * random.normal(size=rows) for k in (2, 1)))


def given(task: str = "binary", sides: tuple[Any, Any, Any] | None = None, **gate: Any) -> ComparisonInput:
    """A comparison with the verdict of the gate on it, over thirty days and a hostile segment."""
    label, champion, challenger = sides or scored(task)
    places = np.arange(len(label))
    segments = {"origin": np.array([HOSTILE, "JFK", None], dtype=object)[places % 3]}
    found = judge(
        GateData(label, champion, challenger, places * 30 // len(label), segments),
        Gate(segments=("origin",), segment_rows=20, **gate),
        task=task,
        champion_cost=Cost(1.0, 1 << 20),
        challenger_cost=Cost(1.2, 9 << 20),
    )
    facts = {"champion": f"v1.0.0-3f2a9c1b (commit {'3f2a' * 10})", "challenger": HOSTILE}
    verdict = json.loads(found.dumps())
    return ComparisonInput("churn: challenger", verdict, label, champion, challenger, task, facts)


def widgets_of(compared: ComparisonInput) -> dict[str, Any]:
    """The widgets of the page by id."""
    shown = data_of(comparison_page(compared, script_href="evidently.js"))["widgets"]
    return {widget["id"]: widget for widget in shown}


def counters_of(widget: Any) -> dict[str, str]:
    """Labels and values of a widget of counters."""
    return {each["label"]: each["value"] for each in widget["params"]["counters"]}


@pytest.mark.parametrize("task", TASKS)
def test_the_verdict_stands_above_the_plots(task: str) -> None:
    """Decision, reasons, metrics, guardrails, segments, counts and thresholds, then Evidently, then what it was."""
    compared = given(task)
    widgets = widgets_of(compared)
    names = list(widgets)
    assert names[:7] == [f"verdict-{place}" for place in range(7)]
    assert names[7:-1] == [f"evidently-{place}" for place in range(len(names) - 8)]
    assert names[-1] == "facts"
    primary = compared.verdict["primary"]
    headline = counters_of(widgets["verdict-0"])
    assert headline["the gate says"] == "✗ reject"  # its model is nine times as large
    assert headline["labelled rows"] == "1,500"
    assert headline[f"{primary['metric']}, champion to challenger"].startswith(f"{primary['champion']:.4g} → ")
    assert widgets["verdict-1"]["params"]["data"] == [[reason] for reason in compared.verdict["reasons"]]
    assert [row[0] for row in widgets["verdict-2"]["params"]["data"]] == [
        f"{primary['metric']} (decides)", *(each["metric"] for each in compared.verdict["others"])
    ]  # fmt: skip
    guardrails = [row[:2] for row in widgets["verdict-3"]["params"]["data"]]
    assert ["size", "✗ broken"] in guardrails
    assert guardrails == sorted(guardrails, key=lambda row: "✗?✓".index(row[1][0]))
    segments = [row[0] for row in widgets["verdict-4"]["params"]["data"]]
    assert sorted(segments) == sorted([f"origin = {HOSTILE}", "origin = JFK", "origin = (none)"])
    tables = [widget["params"] for widget in widgets.values() if widget["type"] == "table"]
    assert all(len(row) == len(table["header"]) for table in tables for row in table["data"])
    assert ["rows", "1,500"] in widgets["verdict-5"]["params"]["data"]
    assert ["confidence", "0.95"] in widgets["verdict-6"]["params"]["data"]


@pytest.mark.parametrize(("task", "metric"), [("binary", "ROC AUC"), ("multiclass", "Accuracy"), ("regression", "MAE")])
def test_evidently_says_the_same(task: str, metric: str) -> None:
    """Evidently's figures of each side are the gate's: neither the sides nor the labels were mixed up."""
    compared = given(task)
    widgets = [widget for name, widget in widgets_of(compared).items() if name.startswith("evidently")]
    by_side = {
        side: next(counters_of(each) for each in widgets if each["title"].startswith(f"{side}: Model Quality"))
        for side in ("Champion", "Challenger")
    }
    for side, shown in by_side.items():
        expected = compared.verdict["primary"][side.lower()]
        assert float(shown[metric].split(" ")[0]) == pytest.approx(expected, abs=0.006)
    text = json.dumps(widgets)
    assert "current" not in text.lower()
    assert '"text": "champion"' in text


@pytest.mark.parametrize("task", TASKS)
def test_hostile_names_stay_data(task: str) -> None:
    """Names of classes, segments and facts are data in the page and text in its plots."""
    html = comparison_page(given(task), script_href="evidently.js")
    assert "alert(1)</script>" not in html
    assert "<img" not in html
    assert html.count("<script") == html.count("</script>") == 4
    plots = [w for w in data_of(html)["widgets"] if w["id"].startswith("evidently") and w["type"] == "big_graph"]
    assert plots
    assert "<img" not in json.dumps(plots)


@pytest.mark.parametrize("task", TASKS)
def test_the_page_has_a_bounded_size(task: str) -> None:
    """Twenty times the rows make no larger page."""
    sizes = [len(comparison_page(given(task, scored(task, rows)), script_href="e.js")) for rows in (3_000, 60_000)]
    assert max(sizes) < 600_000
    assert sizes[1] < 1.5 * sizes[0]


def test_every_process_writes_the_same_page() -> None:
    """The order of sets and dictionaries, random ids and the clock leave no trace."""
    code = (
        "import sys; from tests.suites.test_comparison import TASKS, given; "
        "from monitoring_tasks.suites.comparison import comparison_page as page; "
        "sys.stdout.write(''.join(page(given(task), script_href='e.js') for task in TASKS))"
    )
    environment = {"PYTHONHASHSEED": "1", "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
    assert done.stdout.decode() == "".join(comparison_page(given(task), script_href="e.js") for task in TASKS)


def test_rows_are_drawn_evenly() -> None:
    """The sample keeps the order, is the whole when it fits, and prefers no part of the rows nor of the week."""
    assert sampled_rows(5, 10).tolist() == [0, 1, 2, 3, 4]
    assert sampled_rows(0, 10).tolist() == []
    places = sampled_rows(100_000, 20_000)
    assert len(places) == 20_000
    assert (np.diff(places) > 0).all()
    for parts in (7, 24, 10):
        assert np.bincount(places % parts).min() > 0.98 * 20_000 / parts
    assert np.abs(np.histogram(places, 10, (0, 100_000))[0] - 2000).max() < 20


@pytest.mark.parametrize(
    ("task", "sides", "told"),
    [
        ("binary", (np.zeros(900), np.full(900, 0.2), np.full(900, 0.1)), "one class only"),
        (
            "multiclass",
            tuple(np.array([f"class {place % 40}" for place in range(900)], dtype=object) for _ in range(3)),
            "40 classes are too many to read",
        ),
    ],
)
def test_what_cannot_be_drawn_is_said(task: str, sides: Any, told: str) -> None:
    """Rows that Evidently fails on, or draws illegibly, leave the verdict on the page, and a sentence."""
    widgets = widgets_of(given(task, sides))
    assert "verdict-6" in widgets
    [drawn] = [widget for name, widget in widgets.items() if name.startswith("evidently")]
    assert told in next(iter(counters_of(drawn)))


def test_a_failure_of_evidently_costs_the_plots_only(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever Evidently raises, the verdict is to be read; the log has the cause."""

    def fail(*_: object) -> Any:
        raise ZeroDivisionError("a mistake")

    monkeypatch.setattr(comparison, "_evidently", fail)
    with caplog.at_level(logging.ERROR):
        widgets = widgets_of(given())
    assert "Evidently fails on them (ZeroDivisionError)" in json.dumps(widgets["evidently-0"])
    assert widgets["verdict-0"]["params"]["counters"]
    assert "comparison.not_drawn" in caplog.text


def test_figures_that_are_unknown_are_dashes() -> None:
    """One class gives no AUC and no interval: the page says so and stands."""
    compared = given(sides=(np.zeros(100), np.full(100, 0.2), np.linspace(0, 0.5, 100)))
    widgets = widgets_of(compared)
    headline = counters_of(widgets["verdict-0"])
    assert headline["the gate says"] == "? inconclusive"
    assert headline["auc, champion to challenger"] == "- → -"
    assert "[-,\u00a0-]" in widgets["verdict-2"]["params"]["data"][0]


def test_rows_that_are_missing_are_named() -> None:
    """An inconclusive gate tells how many labelled rows more it needs."""
    compared = given(sides=scored("binary", 300))
    headline = counters_of(widgets_of(compared)["verdict-0"])
    assert headline["the gate says"] == "? inconclusive"
    assert headline["more rows needed, about"] == f"{compared.verdict['needed_rows']:,}"


def test_of_many_segments_the_worst_are_shown() -> None:
    """A table of hundreds of segments would hide the one that matters."""
    verdict = dict(given().verdict)
    [some, *_] = verdict["segments"]
    verdict["segments"] = [{**some, "value": str(n), "worse": n == 77, "adjusted": 1.0} for n in range(300)]
    table = verdict_widgets(verdict, "title")[4]
    assert "the first 30 of 300" in table.title
    assert table.params["data"][0][:2] == ["origin = 77", "✗ worse"]
    assert len(table.params["data"]) == MOST


def test_a_gate_without_segments_says_so() -> None:
    """An empty table is a sentence."""
    verdict = {**given().verdict, "segments": []}
    assert counters_of(verdict_widgets(verdict, "title")[4].dict()) == {"there are none": "-"}


def test_outcomes_of_zero_have_no_percentages() -> None:
    """Minutes of delay are often 0: Evidently's percentage error, then of the order of 1e18, is not on the page."""
    label, champion, challenger = scored("regression")
    found = {
        name: "MAPE" in json.dumps(widgets_of(given("regression", (outcome, champion, challenger))))
        for name, outcome in (("positive", label), ("some zero", np.where(label > 6, label, 0.0)))
    }
    assert found == {"positive": True, "some zero": False}


@pytest.mark.parametrize(("task", "counted"), [("binary", True), ("regression", False), ("multiclass", False)])
def test_only_a_binary_model_has_positives(task: str, counted: bool) -> None:
    """What there is none of is no line of the page; the metrics that guard are named."""
    widgets = list(widgets_of(given(task)).values())
    text = json.dumps(next(each for each in widgets if each["title"] == "What it was decided on"))
    assert ("positives" in text) is counted
    thresholds = json.dumps(next(each for each in widgets if each["title"] == "Thresholds in force"))
    assert ("log_loss, brier" in thresholds) is counted
