"""Figures as text: what is undefined, corrected, expected or refused looks like it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from monitoring_tasks.performance.record import Against, Estimated, Figure, Interval, Maturity, Restatement
from monitoring_tasks.policy.figures import figures_table, narrate_performance
from monitoring_tasks.policy.verdict import Outcome, Subject, Verdict
from monitoring_tasks.severity import Severity
from monitoring_tasks.window import Window

WINDOW = Window.parse("2013-06-04", "2013-06-11")


def said(*figures: Figure, maturity: Maturity = Maturity(1000, 900, 950, 3, 2)) -> Restatement:  # noqa: B008
    """What is known of the window a day after its end."""
    return Restatement("churn", "v1", WINDOW, "c0ffee", WINDOW.end + timedelta(days=1), maturity, figures)


def auc(**more: Any) -> Figure:
    """An AUC beside both baselines."""
    against = {
        "champion": Against(0.7, 0.08, 0.02, False, 0.001, 0.004, "failed"),
        "trailing": Against(0.69, 0.1, 0.05, True, 0.2, 0.4, "passed"),
    }
    fields: dict[str, Any] = {"raw": Interval(0.62, 0.58, 0.66), "against": against, **more}
    return Figure("auc", fields.pop("segment", ""), 900, **fields)


def test_a_row_has_value_interval_and_baselines() -> None:
    """Nothing is corrected or expected where nothing was."""
    header, rule, row = figures_table(said(auc()))
    assert header.split("  ")[0] == "metric"
    assert set(rule) == {"-"}
    assert [cell.strip() for cell in row.split("  ") if cell.strip()] == [
        "auc",
        "0.62",
        "0.58 to 0.66",
        "0.7 failed",
        "0.69 passed",
    ]


def test_what_is_alerted_is_told_with_its_rate() -> None:
    """Of all rows and of segments; a figure that was kept without a rate has the name it is asked for by."""
    against = {"champion": Against(0.7, 0.5, 0.02, False)}
    of_all = Figure("recall_at_rate", "", 900, Interval(0.31), alert_rate=0.005)
    segment = Figure("precision_at_rate", "country=DE", 300, Interval(0.2), against=against, alert_rate=0.025)
    lines = figures_table(said(of_all, segment))
    assert lines[2].startswith("recall at 0.5% alerted  0.31")
    assert lines[3] == "worst segments: country=DE precision at 2.5% alerted 0.2"
    assert figures_table(said(Figure("recall_at_rate", "", 900, Interval(0.31))))[2].startswith("recall_at_rate  0.31")


def test_a_rate_is_kept_where_there_is_one_alone() -> None:
    """What is kept of other figures is what it was: the same figures are no new version in the ledger."""
    kept = said(Figure("recall_at_rate", "", 900, Interval(0.31), alert_rate=0.005), auc())
    assert [figure.get("alert_rate", "none") for figure in kept.to_json()["figures"]] == [0.005, "none"]
    assert Restatement.from_json(kept.to_json()) == kept


def test_corrected_expected_and_refused() -> None:
    """The raw figure stands beside the corrected one; why an expectation is not believed is said once."""
    expected = Estimated(Interval(0.69, 0.6, 0.75), "2 of the last 3 windows lie outside")
    both = [
        auc(corrected=Interval(0.6, 0.5, 0.7), estimated=expected),
        Figure("brier", "", 9, Interval(0.2), None, expected),
    ]
    lines = figures_table(said(*both))
    assert "0.6 (raw 0.62)" in lines[2]
    assert "0.69 [0.6 to 0.75] ?" in lines[2]
    assert lines[4:] == ["what scores let expect is not believed: 2 of the last 3 windows lie outside"]
    no_estimate = Estimated(Interval(None), "a regression has no probabilities")
    assert len(figures_table(said(auc(estimated=no_estimate)))) == 3


def test_undefined_is_no_number() -> None:
    """The reason stands where the interval would."""
    row = figures_table(said(Figure("auc", "", 10, Interval(None), reason="one class only")))[2]
    assert "undefined  one class only" in row
    assert "0" not in row


def test_the_worst_segments_are_named() -> None:
    """Those farthest beyond their limit first; one that is not worse is none; hostile names stay on their line."""
    worse = {"champion": Against(0.7, 0.5, 0.02, False)}
    better = {"champion": Against(0.7, -0.5, 0.02, False)}
    figures = [
        auc(),
        auc(segment="plan=a\nb"),
        auc(segment="plan=c", against=worse),
        auc(segment="plan=d", against=better),
    ]
    assert figures_table(said(*figures))[-1] == "worst segments: plan=c auc 0.62; plan=a b auc 0.62"


def test_the_story_of_a_run() -> None:
    """Verdict, how much is known, reasons, figures, next step; without predictions there is no table."""
    subject = Subject("churn", "v1", WINDOW, "c0ffee")
    verdict = Verdict(subject, Outcome.DEGRADED, Severity.HIGH, reasons=("auc fell\x1b[31m",))
    lines = narrate_performance(said(auc()), verdict).splitlines()
    assert lines[0] == "churn: DEGRADED, severity high"
    assert lines[1].endswith("champion v1, as known on 2013-06-12T00:00:00Z")
    assert lines[2] == "1,000 predictions: 90% have a label, 95% are final; 3 rows repeat an id; 2 bear no prediction"
    assert lines[3] == "- auc fell [31m"
    assert lines[-1].startswith("Next step: ")
    empty = narrate_performance(said(auc(), maturity=Maturity(0, 0, 0)), verdict)
    assert "no predictions" in empty
    assert "metric" not in empty


def test_a_segment_without_a_figure_is_not_the_worst() -> None:
    """Its newest days may be worse than those before while the window itself has no figure to show."""
    bare = auc(segment="plan=basic", raw=Interval(None), reason="all 120 labels are 0")
    shown = figures_table(said(auc(), bare, auc(segment="plan=plus")))
    assert shown[-1] == "worst segments: plan=plus auc 0.62"
