"""Metrics of what is alerted say at which rate, wherever a page or a letter has them."""

from __future__ import annotations

from dataclasses import replace

from monitoring_tasks.alerts.plotting import metric_plot
from monitoring_tasks.performance.headline import headline_of
from monitoring_tasks.performance.record import Against, Figure, Interval, Maturity, Restatement
from monitoring_tasks.views.model import metric_cards, trials_of
from monitoring_tasks.window import Window
from tests.views.made import performance, promotion

WINDOW = Window.parse("2013-06-04", "2013-06-05")
FIGURE = Figure(
    "recall_at_rate", "", 900, Interval(0.31), against={"champion": Against(0.7, 0.39, 0.02, False)}, alert_rate=0.005
)
SAID = Restatement("fraud", "v1", WINDOW, "c0ffee", WINDOW.end, Maturity(1000, 900, 950), (FIGURE,))
OLD = replace(SAID, figures=(replace(FIGURE, alert_rate=None),))


def test_a_card_has_the_rate() -> None:
    """Of a window that was measured before rates were kept, the metric's name."""
    now, before = (performance(0, *headline_of(said).lines) for said in (SAID, OLD))
    assert metric_cards(now, now)[1].title == "recall at 0.5% alerted"
    assert metric_cards(before, before)[1].title == "recall at rate"


def test_the_gates_difference_has_the_rate() -> None:
    """As the gate kept it, beside its metric."""
    primary = {"metric": "recall_at_rate", "difference": 0.1, "alert_rate": 0.005}
    (trial,) = trials_of([promotion(verdict={"decision": "reject", "primary": primary})])
    assert trial.primary == "recall at 0.5% alerted +0.1"


def test_the_picture_of_a_letter_has_the_rate() -> None:
    """In its title, its line and its words."""
    plot = metric_plot([OLD, SAID], "recall_at_rate")
    assert plot is not None
    assert plot.title == "recall at 0.5% alerted, window by window"
    assert list(plot.series) == ["recall at 0.5% alerted"]
    assert plot.alt.startswith("recall at 0.5% alerted: 0.31 in the window of 06-04")
