"""A window's performance in short."""

from __future__ import annotations

from dataclasses import replace

from monitoring_tasks.performance.headline import PerformanceHeadline, headline_of
from monitoring_tasks.performance.record import Against, Estimated, Figure, Interval
from tests.store.samples import restated

LOSS = Figure("log_loss", "", 900, Interval(0.4))
DECIDES = Against(0.7, 0.03, 0.02, False, 0.01, 0.03, "failed")


def test_metrics_that_decide_come_first() -> None:
    """Figures are corrected ones where there are; segments are left out, and estimates that are not believed."""
    auc = Figure(
        "auc", "", 900, Interval(0.67), Interval(0.66, 0.6, 0.7), Estimated(Interval(0.7), "no"), {"champion": DECIDES}
    )
    found = headline_of(replace(restated(), figures=(LOSS, auc, replace(auc, segment="carrier=UA"))))
    assert [line.metric for line in found.lines] == ["auc", "log_loss"]
    line = found.line("auc")
    assert line is not None
    assert (line.figure, line.estimate) == (Interval(0.66, 0.6, 0.7), None)
    assert (line.baseline, line.drop, line.limit, line.status) == (0.7, 0.03, 0.02, "failed")
    assert found.line("log_loss").status is None  # type: ignore[union-attr]


def test_it_comes_back_as_it_was() -> None:
    """As JSON and back, with an estimate and without."""
    believed = replace(LOSS, estimated=Estimated(Interval(0.41, 0.4, 0.42)))
    found = headline_of(replace(restated(), figures=(believed, replace(LOSS, metric="brier", reason="one class"))))
    assert PerformanceHeadline.from_json(found.to_json()) == found
    assert found.lines[0].estimate == Interval(0.41, 0.4, 0.42)


def test_what_is_not_known_has_no_line() -> None:
    """Labels that are waited for give a headline with their maturity alone."""
    found = headline_of(replace(restated(), figures=()))
    assert (found.lines, found.line("auc"), found.maturity) == ((), None, restated().maturity)


def test_only_days_before_to_compare_with() -> None:
    """Where the reference says nothing of a metric, the comparison with the days before stands."""
    only = Figure("auc", "", 900, Interval(0.67), None, None, {"trailing": DECIDES})
    assert headline_of(replace(restated(), figures=(only,))).lines[0].baseline == 0.7
