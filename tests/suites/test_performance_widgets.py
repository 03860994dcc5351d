"""What a person sees of a window's figures: words, order, plots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given as cases
from hypothesis import strategies as st

from monitoring_tasks.checks import Check, CheckResult, Evidence, Status
from monitoring_tasks.performance.record import Against, Estimated, Figure, Interval, Maturity, Operating, Restatement
from monitoring_tasks.suites.performance import PerformanceOutcome
from monitoring_tasks.suites.performance_plots import allowed, metric_plots
from monitoring_tasks.suites.performance_widgets import MOST, WORST, Shown
from monitoring_tasks.suites.performance_words import Form
from tests.suites.conftest import monitor
from tests.suites.test_page import HOSTILE, data_of
from tests.suites.test_performance import AUCS, NEWEST, against, checked, figure, restated, run, weeks

PASSED, SUSPECT, UNDECIDED, FAILED = Status.PASSED, Status.SUSPECT, Status.UNDECIDED, Status.FAILED


def widget(outcome: PerformanceOutcome, start: str) -> Any:
    """The widget whose title starts so."""
    return next(each for each in data_of(outcome.html)["widgets"] if each["title"].startswith(start))


def table(outcome: PerformanceOutcome, start: str) -> list[dict[str, str]]:
    """The rows of a table, by the names of its columns."""
    params = widget(outcome, start)["params"]
    return [dict(zip(params["header"], row, strict=True)) for row in params["data"]]


def headline(windows: Sequence[Restatement], results: Sequence[CheckResult], **changes: Any) -> tuple[str, str]:
    """The first counter: what is said of the window, and why."""
    first = widget(run(windows, results, **changes), "flights")["params"]["counters"][0]
    return first["value"], first["label"]


LABELS = [
    (Maturity(0, 0, 0), ("? unknown", "no predictions in the window")),
    (Maturity(1000, 500, 800), ("? too early", "to judge: 90.0% of the labels must be final")),
    (Maturity(1000, 400, 1000), ("? too few labels", "to judge: 50.0% of the predictions must have one")),
    (Maturity(100, 90, 100), ("? too few labels", "to judge: 500 predictions must have one")),
    (Maturity(1000, 900, 950), ("✗ worse", "auc")),
]


@pytest.mark.parametrize(("maturity", "said"), LABELS)
def test_labels_come_before_checks(maturity: Maturity, said: tuple[str, str]) -> None:
    """However bad a figure looks, without enough labels the window is not called worse, and not called well."""
    windows = [restated(figure(), maturity=maturity)]
    assert headline(windows, [checked()]) == said
    assert headline(windows, [checked(PASSED, value=0.7)])[0] == ("✓ not worse" if said[0] == "✗ worse" else said[0])


CHECKED: list[tuple[list[CheckResult], tuple[str, str]]] = [
    ([], ("? unknown", "nothing was compared")),
    ([checked(PASSED, value=0.7)], ("✓ not worse", "every check")),
    ([checked(UNDECIDED), checked(PASSED, "log_loss")], ("? partly known", "auc")),
    ([checked(UNDECIDED)], ("? undecided", "auc")),
    ([checked(SUSPECT), checked(UNDECIDED, "log_loss")], ("~ perhaps worse", "auc")),
    ([checked(SUSPECT), checked(segment="carrier=UA")], ("✗ worse", "auc")),
    ([checked(metric=None, check=Check.COVERAGE)], ("✗ worse", "coverage of labels")),
]


@pytest.mark.parametrize(("results", "said"), CHECKED)
def test_headline_says_the_worst(results: list[CheckResult], said: tuple[str, str]) -> None:
    """The worst status stands for the window; only where every check passed it is called not worse."""
    assert headline([restated(figure())], results) == said


def counters(*figures: Figure, **more: Any) -> list[tuple[str, str]]:
    """What the headline counts after its verdict."""
    found = widget(run([restated(*figures, **more)]), "flights")
    return [(each["value"], each["label"]) for each in found["params"]["counters"]][1:]


def test_numbers_of_the_headline() -> None:
    """The first metric, predictions, labels, coverage, maturity; the title has window, moment and champion."""
    assert counters(figure(), maturity=Maturity(6412, 6231, 6000)) == [
        ("0.6120", "auc [0.5820,\u00a00.6420]"),
        ("6,412", "predictions"),
        ("97.2%", "coverage: 6,231 labelled"),
        ("93.6%", "maturity: labels final"),
    ]
    assert widget(run(), "flights")["title"] == (
        "flights, 2013-04-16 to 2013-04-23 UTC, as known at 2013-05-07, champion v1.0.0-0a1b2c3d"
    )


def test_an_early_headline_has_what_was_expected() -> None:
    """While labels come in the estimate stands beside the first metric, which may be undefined."""
    young = Maturity(6412, 0, 0)
    expected = figure(value=None, estimated=Estimated(Interval(0.64, 0.6, 0.68)))
    assert counters(expected, maturity=young)[:2] == [
        ("undefined", "auc"),
        ("0.6400", "auc before labels: [0.6000,\u00a00.6800]"),
    ]
    refused = replace(expected, estimated=Estimated(Interval(None), "not calibrated"))
    assert counters(refused, maturity=young)[1] == ("refused", "auc before labels: not calibrated")
    assert counters(expected)[1] == ("6,412", "predictions")
    assert counters(maturity=young)[0] == ("6,412", "predictions")


def test_findings_in_order() -> None:
    """Of all rows first, severe before large; of segments only the worst; what passed is not among them."""
    segments = [
        checked(SUSPECT, segment=f"carrier={number}", evidence=Evidence(0.01, 0.02, 0.02 + number / 100, 0.02))
        for number in range(WORST + 2)
    ]
    results = [*segments, checked(UNDECIDED, "f1"), checked(), checked(metric="log_loss", severe=True)]
    outcome = run([restated(figure())], [*results, checked(PASSED, "brier", value=0.1)])
    rows = table(outcome, "What is worse")
    assert [row["What"] for row in rows] == [
        "log loss",
        "auc",
        "f1",
        *(f"auc of carrier={number}" for number in (4, 3, 2)),
    ]
    assert [row["Status"] for row in rows][:3] == ["✗✗ severe", "✗ failed", "? undecided"]
    assert "(the 3 worst of 5 findings in segments)" in widget(outcome, "What is worse")["title"]


def test_findings_in_words() -> None:
    """The words a check brings, with cause and season; else value and limit; else that the reason is not known."""
    results = [
        checked(detail="it fell", cause="a job failed", season="Christmas"),
        checked(metric="log_loss", detail="", value=0.5, threshold=0.45),
        checked(UNDECIDED, "f1", detail="", value=None),
    ]
    words = [row["In words"] for row in table(run([restated(figure())], results), "What is worse")]
    assert words == [
        "it fell; a job failed; season: Christmas",
        "0.5000, limit 0.4500",
        "undefined: the reason is not known",
    ]


def test_what_is_alerted_is_told_with_its_rate() -> None:
    """In findings, counters, tables and plots alike, by the rate of the monitor's section."""
    section = {"alert_rate": 0.005, "metrics": {"recall_at_rate": {"champion": 0.02}}}
    outcome = run([restated(figure("recall_at_rate"))], [checked(metric="recall_at_rate")], performance=section)
    assert table(outcome, "What is worse")[0]["What"] == "recall at 0.5% alerted"
    assert table(outcome, "Every metric")[0]["Metric"] == "recall at 0.5% alerted (decides)"
    assert widget(outcome, "recall at 0.5% alerted, window by window")
    assert "recall at rate" not in outcome.html


def test_no_findings() -> None:
    """Where every check passed the page says so, and does not where none was made; early ones are not called worse."""
    passed, none = (
        widget(run([restated(figure())], said), "What is worse") for said in ([checked(PASSED, value=0.7)], [])
    )
    assert passed["params"]["counters"] == [{"value": "-", "label": "every check passed"}]
    assert none["params"]["counters"] == [{"value": "-", "label": "nothing was compared"}]
    young = [restated(figure(), maturity=Maturity(1000, 300, 300))]
    assert widget(run(young, [checked()]), "What looks worse so far")


def test_metrics_side_by_side() -> None:
    """Corrected beside raw, the estimate beside the realised figure, both baselines with their drops."""
    trailing = Against(0.65, -0.04, 0.05, True, 0.5, 0.6, "passed")
    whole = figure(
        corrected=Interval(0.6, 0.55, 0.65),
        estimated=Estimated(Interval(0.64, 0.6, 0.68)),
        against={**against(), "trailing": trailing},
    )
    refused = figure("log_loss", 0.5, estimated=Estimated(Interval(None), "the scores are not calibrated"))
    rows = table(run([restated(refused, figure("f1", 0.3), whole)], [checked()]), "Every metric")
    assert list(rows[1].values()) == [
        "auc (decides)",
        "✗ failed",
        "0.6000 [0.5500,\u00a00.6500]",
        "0.6120 [0.5820,\u00a00.6420]",
        "0.6400 [0.6000,\u00a00.6800]",
        "0.6960: worse by 0.0840, limit 0.02",
        "0.6500: better by 4.0%, limit 5%",
    ]
    assert rows[0]["Estimate before labels"] == "refused: the scores are not calibrated"
    assert [rows[2][name] for name in ("Metric", "Status", "Uncorrected")] == ["f1", "not compared", "-"]


@pytest.mark.parametrize("said", [[], [checked(PASSED, value=0.7)], [checked(UNDECIDED, value=None)]])
def test_undefined_is_never_a_pass(said: list[CheckResult]) -> None:
    """Whatever its checks say, an undefined figure reads as undefined, with its reason, and has no pass."""
    empty = figure(value=None, reason="one class only", against=against(None, baseline=None))
    (row,) = table(run([restated(empty)], said), "Every metric")
    assert row["Value [interval]"] == "undefined: one class only"
    assert row["Status"].startswith("? un")
    assert row["Against the champion's reference"] == "-: drop undefined, limit 0.02"


def test_a_correction_that_is_undefined_is_no_value() -> None:
    """The figure that counts is the corrected one, even where the raw one is known, and passed a check."""
    unknown = figure(corrected=Interval(None), reason="too early")
    (row,) = table(run([restated(unknown)], [checked(PASSED)]), "Every metric")
    assert (row["Value [interval]"], row["Uncorrected"]) == ("undefined: too early", "0.6120 [0.5820,\u00a00.6420]")
    assert row["Status"] == "? undefined"


def test_segments_worst_first() -> None:
    """Findings by their drop, then the others, undefined ones last, at most thirty; only of the first metric."""
    shown = [
        figure(value=0.7, segment="b", against=against(-0.1)),
        figure(value=0.6, segment="a", against=against(0.03)),
        figure(value=0.5, segment="c", against=against(0.09)),
        figure(value=None, segment="d", reason="23 labelled rows"),
        figure("log_loss", 0.5, "c"),
    ]
    rows = [figure(value=0.69, segment=f"e{number:02}") for number in range(MOST)]
    results = [checked(segment="a"), checked(segment="c"), checked(PASSED, segment="b", value=0.7)]
    outcome = run([restated(figure(), *shown, *rows)], results)
    found = table(outcome, "Segments by auc")
    assert [row["Segment"] for row in found][:4] == ["c", "a", "b", "e00"]
    assert len(found) == MOST
    assert "(the first 30 of 34)" in widget(outcome, "Segments by auc")["title"]
    few = table(run([restated(figure(), *shown)], results), "Segments by auc")
    assert [row["Segment"] for row in few] == ["c", "a", "b", "d"]
    assert (few[3]["Status"], few[3]["auc [interval]"]) == ("? undefined", "undefined: 23 labelled rows")


def test_no_segments() -> None:
    """A monitor without segments has a page that says that there are none."""
    assert widget(run([restated(figure())]), "Segments by auc")["type"] == "counter"


def test_windows_service_and_notes() -> None:
    """Each window has a row: its labels, its figures, its service, where logged; what was left out is noted."""
    service = Operating(12.34567, 48.0, None, 38.2, 0.0012)
    old = restated(figure(value=None, reason="one class only"), back=1, notes=("9 labels without a prediction",))
    new = restated(figure(), operating=service, maturity=Maturity(6412, 500, 900, repeated=3, unpredicted=2000))
    outcome = run([new, old, restated(back=2, maturity=Maturity(0, 0, 0))])
    rows = table(outcome, "The windows as known at")
    assert [row["Labels"] for row in rows] == ["still come in", "mature", "none to come"]
    assert [rows[1][name] for name in ("auc", "log loss")] == ["undefined: one class only", "-"]
    assert [list(row.values()) for row in table(outcome, "How the service did")][:2] == [
        ["2013-04-16 to 2013-04-23", "12.35", "48", "not logged", "38.2", "0.1%"],
        ["2013-04-09 to 2013-04-16", *["not logged"] * 5],
    ]
    assert [row["Note"] for row in table(outcome, "Notes")] == [
        "3 rows left out: their id came before in the window",
        "2,000 predictions left out of the figures: they bear no usable prediction",
        "9 labels without a prediction",
    ]


def drawn(windows: Sequence[Restatement], **changes: Any) -> Any:
    """Data and layout of the first metric's plot."""
    shown = Shown(monitor(label="late", **changes), windows, [])
    return metric_plots(shown)[0].params


def test_plot_over_windows() -> None:
    """Oldest first: baseline and limit over all of them, final figures with intervals, early ones hollow and grey."""
    young = replace(weeks().restated[0], maturity=Maturity(1000, 300, 300))
    plot = drawn([young, *weeks().restated[1:]])
    traces = {trace["name"]: trace for trace in plot["data"]}
    assert list(traces) == ["champion's baseline", "limit", "labels final", "immature: labels still come in"]
    assert traces["limit"]["y"] == [0.696 - 0.02] * 2
    final, early = traces["labels final"], traces["immature: labels still come in"]
    assert (final["y"], early["y"]) == (list(reversed(AUCS[1:])), [AUCS[0]])
    assert final["error_y"]["array"] == pytest.approx([0.03] * 4)
    assert final["error_y"]["arrayminus"] == pytest.approx([0.03] * 4)
    assert early["marker"]["symbol"] == "circle-open"
    assert plot["layout"]["xaxis"]["ticktext"][0] == "2013-03-19"


def test_plot_of_what_is_uncorrected_expected_and_undefined() -> None:
    """Each is a mark of its own; an estimate that was refused is none, and an undefined window says so."""
    corrected = figure(corrected=Interval(0.6, 0.5, 0.7), estimated=Estimated(Interval(0.64, 0.6, 0.68)))
    refused = figure(estimated=Estimated(Interval(0.9), "not calibrated"))
    plot = drawn([restated(corrected), restated(refused, back=1), restated(figure(value=None), back=2)])
    traces = {trace["name"]: trace for trace in plot["data"]}
    assert list(traces) == ["labels final", "uncorrected", "estimate before labels"]
    assert [traces[name]["y"] for name in traces] == [[0.612, 0.6], [0.612], [0.64]]
    assert [traces[name]["error_y"]["visible"] for name in traces] == [True, False, True]
    (note,) = plot["layout"]["annotations"]
    assert (note["text"], note["x"]) == ("? undefined", "2013-04-02 00:00:00")


def test_nothing_to_draw_is_said() -> None:
    """A metric that is undefined in every window has no plot, whose empty axis would read as a value."""
    for figures in ([], [figure(value=None, against=against())]):
        shown = Shown(monitor(label="late"), [restated(*figures)], [])
        assert [each.type for each in metric_plots(shown)] == ["counter"] * 3


def test_one_window_has_an_axis_around_it() -> None:
    """Without a history the plot has the one window in its middle."""
    assert drawn([restated(figure())])["layout"]["xaxis"]["range"] == ["2013-04-12 12:00:00", "2013-04-19 12:00:00"]


def test_many_windows_name_no_ticks() -> None:
    """Beyond a dozen windows Plotly chooses what it writes on the axis."""
    assert "ticktext" not in drawn([restated(figure(), back=back) for back in range(20)])["layout"]["xaxis"]


@pytest.mark.parametrize(
    ("worse", "baseline", "limits"),
    [
        ("lower", 0.5, (0.45,)),
        ("higher", 0.5, (0.55,)),
        ("lower", -0.5, (-0.55,)),
        ("either", -0.5, (-0.55, 0.55)),
    ],
)
def test_limit_of_a_relative_drop(worse: Any, baseline: float, limits: tuple[float, ...]) -> None:
    """A tenth of the baseline's size on the side that is worse, or on both."""
    found = allowed(Against(baseline, 0.0, 0.1, True), Form("m", worse=worse))
    assert found == pytest.approx(limits)


def test_a_metric_nobody_knows() -> None:
    """One that the table does not have keeps its name, as it is, and four digits."""
    assert Form.of("binary", HOSTILE) == Form(HOSTILE, ".4g", "lower")
    assert Form.of("regression", "mae").number(12345.678) == "1.235e+04"


NUMBERS = st.none() | st.floats()


@cases(value=NUMBERS, low=NUMBERS, high=NUMBERS, drop=NUMBERS, baseline=NUMBERS)
def test_no_words_of_nothing(
    value: float | None, low: float | None, high: float | None, drop: float | None, baseline: float | None
) -> None:
    """Whatever is unknown, no text has nan, inf or None in it, and an undefined figure has no digit."""
    form, found = Form.of("binary", "auc"), Interval(value, low, high)
    shown = figure(raw=found, estimated=Estimated(found), against=against(drop, baseline=baseline))
    texts = [form.counted(shown), form.estimated(shown), form.against(shown, "champion")]
    assert not any(word in text for text in texts for word in ("nan", "inf", "None"))
    if found.value is None:
        assert texts[:2] == ["undefined: the reason is not known", "undefined"]


def test_newest_is_the_page() -> None:
    """The title's window is the first one given."""
    assert Shown(monitor(label="late"), [restated(), restated(back=1)], []).newest.window == NEWEST
