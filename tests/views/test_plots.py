"""Figures of the pages: that Plotly takes them, and that they tell what is known and what is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.alerts.message import Plot
from monitoring_tasks.performance.headline import MetricLine
from monitoring_tasks.performance.record import Interval
from monitoring_tasks.policy.verdict import Outcome
from monitoring_tasks.ui.html import as_data
from monitoring_tasks.views.plots import (
    Picture,
    Point,
    allowed,
    bars_picture,
    drift_picture,
    history_picture,
    metric_picture,
    with_level,
)
from monitoring_tasks.views.timeline import strips_of
from monitoring_tasks.views.words import NOTHING
from tests.views.made import NEW, OLD, axis, dyed, head, incident, line, performance, promotion, window

HEADS = [head(day, champion=OLD if day < 3 else NEW) for day in range(6)]
AXIS = axis(HEADS, promotions=[promotion()], strips=strips_of([incident(1, 2)], "churn"))


def valid(picture: Picture) -> dict[str, Any]:
    """The traces of a figure by name; Plotly takes it, JSON takes it, and its table is one."""
    go.Figure(dyed(picture.figure))
    as_data(picture.figure)
    assert all(len(row) == len(picture.heading) for row in picture.rows)
    assert picture.alt
    return {trace["name"]: trace for trace in picture.figure["data"]}


def test_a_metric_is_drawn_with_all_that_is_known() -> None:
    """Value, interval, estimate, baseline, and the worst that is allowed; the promotion is a mark."""
    heads = [performance(day, line(0.7 + day / 100, estimate=Interval(0.71))) for day in range(6)]
    picture = metric_picture("auc", heads, AXIS)
    traces = valid(picture)
    assert set(traces) == {"value", "interval", "estimate before labels", "baseline", "worst allowed"}
    assert traces["value"]["y"] == [pytest.approx(0.7 + day / 100) for day in range(6)]
    assert traces["worst allowed"]["y"] == [pytest.approx(0.73)] * 6
    assert traces["estimate before labels"]["line"]["dash"] == "dash"
    assert picture.figure["layout"]["annotations"][0]["text"] == "now v1.1.0"
    assert picture.rows[0] == ("2013-06-08", "0.75", "0.73 to 0.77", "0.71", "0.75", "0.73", "90%", "healthy")
    assert picture.alt == "auc over time: 0.7 in 2013-06-03, 0.75 in 2013-06-08"


def test_what_is_alerted_is_drawn_under_its_rate() -> None:
    """By the newest window's; of windows from before it was kept, by the metric's name."""
    old, new = (replace(line(), metric="recall_at_rate", alert_rate=rate) for rate in (None, 0.005))
    picture = metric_picture("recall_at_rate", [performance(0, old), performance(1, new)], AXIS)
    assert (picture.id, picture.title) == ("metric-recall_at_rate", "recall at 0.5% alerted")
    assert picture.alt.startswith("recall at 0.5% alerted over time: ")
    assert metric_picture("recall_at_rate", [performance(0, old)], AXIS).title == "recall at rate"


def test_immature_windows_do_not_look_like_others() -> None:
    """They are hatched and named in the legend, their points are hollow, and the table says it."""
    heads = [performance(0, line()), performance(1, line(), outcome=Outcome.LABELS_IMMATURE)]
    picture = metric_picture("auc", heads, AXIS)
    traces = valid(picture)
    assert traces["labels immature"]["x"] == ["2013-06-04 00:00:00"]
    assert traces["labels immature"]["marker"]["pattern"]["shape"] == "/"
    assert traces["value"]["marker"]["symbol"] == ["circle", "circle-open"]
    assert picture.rows[0][-1] == "labels immature"


def test_a_window_without_a_figure_is_a_gap() -> None:
    """Neither a line nor a band goes across it, and the table says why."""
    undefined = line(None, reason="one class alone")
    heads = [performance(0, line()), performance(1), performance(2, undefined), performance(3, line())]
    picture = metric_picture("auc", heads, AXIS)
    traces = valid(picture)
    assert traces["value"]["y"] == [0.7, None, None, 0.7]
    assert traces["value"]["connectgaps"] is False
    assert traces["interval"]["x"].count(None) == 2
    assert [row[1] for row in picture.rows] == ["0.7", "one class alone", "not computed", "0.7"]


def test_without_any_figure_there_is_a_figure() -> None:
    """All windows immature and nothing computed: the plot is hatched, and the sentence says so."""
    picture = metric_picture("auc", [performance(0, outcome=Outcome.LABELS_IMMATURE)], AXIS)
    assert set(valid(picture)) == {"labels immature", "value"}
    assert picture.alt == "auc: not known in any window of the range"


@pytest.mark.parametrize(
    ("metric", "relative", "sides"),
    [
        ("auc", False, (0.45, None)),
        ("log_loss", False, (None, 0.55)),
        ("log_loss", True, (None, 0.525)),
        ("bias", False, (-0.55, 0.55)),
        ("of one's own", False, (0.45, None)),
    ],
)
def test_the_limit_lies_where_worse_is(metric: str, relative: bool, sides: tuple[float | None, float | None]) -> None:
    """Below, above, or on both sides; a share of the baseline where it is one."""
    told = MetricLine(metric, 9, Interval(0.5), baseline=0.5, drop=0.0, limit=0.05, relative=relative)
    assert allowed(told) == pytest.approx(sides)
    assert allowed(MetricLine(metric, 9, Interval(0.5))) == (None, None)


@given(st.lists(st.one_of(st.none(), st.floats(-1e300, 1e300)), min_size=1, max_size=6))
def test_any_values_are_a_figure(values: list[float | None]) -> None:
    """Also the largest numbers, and none at all."""
    heads = [performance(day, line(value)) for day, value in enumerate(values)]
    valid(metric_picture("auc", heads, AXIS))


def test_what_was_not_judged_is_hatched_among_drifted_features() -> None:
    """No data and too few rows have no bar: nought drifted features would be a pass."""
    heads = [head(0, drifted=1), head(1, Outcome.NO_DATA), head(2, Outcome.TOO_FEW_ROWS), head(4)]
    picture = drift_picture(heads, axis(heads))
    traces = valid(picture)
    assert traces["drifted"]["x"] == ["2013-06-03 00:00:00", "2013-06-07 00:00:00"]
    assert traces["no data"]["x"] == ["2013-06-04 00:00:00"]
    assert traces["too few rows"]["x"] == ["2013-06-05 00:00:00"]
    assert traces["no verdict"]["x"] == ["2013-06-06 00:00:00"]
    assert picture.rows[1] == ("2013-06-05", "too few rows", "", "", "", "", "1,000")
    assert picture.rows[-1] == ("2013-06-03", "healthy", "1", "0", "0", "3", "1,000")


def test_a_history_has_its_threshold() -> None:
    """A score over time, the threshold of each window beside it, and a gap where there is none."""
    points = [Point(window(0), 0.1, "psi"), Point(window(1), None), Point(window(2), 0.3, "psi")]
    picture = history_picture(points, [(window(1), Outcome.NO_DATA)], AXIS, name="drift score")
    traces = valid(with_level(picture, [(window(0), 0.2), (window(1), None), (window(2), 0.25)], name="threshold"))
    assert traces["drift score"]["y"] == [0.1, None, 0.3]
    assert traces["threshold"]["y"] == [0.2, None, 0.25]
    assert traces["no data"]["x"] == ["2013-06-04 00:00:00"]
    assert picture.rows[1] == ("2013-06-04", NOTHING, "")


def test_a_share_is_written_in_per_cent() -> None:
    """And one that is always nought does not fill the axis."""
    picture = history_picture([Point(window(0), 0.0)], [], AXIS, name="missing share", form=".1%")
    valid(picture)
    assert picture.rows[0][1] == "0%"
    assert picture.figure["layout"]["yaxis"]["range"] == [0, 0.05]


def test_bars_show_both_sides() -> None:
    """Shares of each value in the reference and in the window, and the change in the table; no markup is a label."""
    sides: dict[str, tuple[float | None, ...]] = {"reference": (0.75, 0.25), "now": (0.5, 0.5)}
    plot = Plot("bars", "plan", ("<b>pro</b>", "2013-06-01"), sides, "plan: mostly pro")
    picture = bars_picture(plot, "plan")
    traces = valid(picture)
    assert set(traces) == {"reference", "this window"}
    assert traces["reference"]["x"] == ["&lt;b&gt;pro&lt;/b&gt;", "2013-06-01"]
    assert picture.figure["layout"]["xaxis"]["type"] == "category"
    assert picture.rows[0] == ("<b>pro</b>", "75%", "50%", "-25 points")
