"""What a model's page says beside its plots: cards, segments, data quality, retrainings."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.checks import Check, CheckResult, Status, Suite
from monitoring_tasks.performance.headline import MetricLine
from monitoring_tasks.performance.record import Interval
from monitoring_tasks.policy.verdict import Outcome
from monitoring_tasks.retraining.names import run_slug
from monitoring_tasks.views.model import (
    COLUMNS,
    SEGMENTS,
    change_of,
    drift_cards,
    faults_of,
    metric_cards,
    missing_of,
    segments_of,
    sparkline,
    trials_of,
)
from monitoring_tasks.views.words import NOTHING
from tests.views.made import head, line, performance, promotion, score, window


def test_a_metrics_card_tells_the_change_and_the_interval() -> None:
    """Value, baseline, limit, interval, rows and window; the state is that of the comparison."""
    labelled, auc = metric_cards(performance(0, line()), performance(0, line()))
    assert (auc.title, auc.figure, auc.state) == ("auc", "0.7", "degraded")
    assert auc.change == "worse than 0.75 by 0.05, limit 0.02"
    assert auc.notes == ("interval 0.68 to 0.72", "1,000 labelled rows", "2013-06-03")
    assert (labelled.figure, labelled.change, labelled.state) == ("90%", "80% final", "")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"drop": -0.01, "status": "passed"}, "better than 0.75 by 0.01, limit 0.02"),
        ({"drop": 0.0, "status": "passed"}, "the same as 0.75"),
        ({"drop": 0.3, "limit": 0.1, "relative": True}, "worse than 0.75 by 30%, limit 10%"),
        ({"drop": None}, "baseline 0.75, not compared"),
        ({"baseline": None, "drop": None, "status": None}, "not compared"),
        ({"status": "passed"}, "worse than 0.75 by 0.05, limit 0.02, no more than windows vary by chance"),
    ],
)
def test_a_change_in_words(more: dict[str, Any], said: str) -> None:
    """Better, worse, relative, by chance, or not compared."""
    assert change_of(line(**more)) == said


def test_what_is_not_known_is_never_a_good_card() -> None:
    """Immature labels, undefined metrics, undecided comparisons and drops by chance are not healthy."""
    immature = performance(1, line(status="passed", drop=0.0), outcome=Outcome.LABELS_IMMATURE)
    assert [card.state for card in metric_cards(None, immature)] == ["unknown", "unknown"]
    undefined = performance(0, line(None, reason="one class alone"))
    assert (metric_cards(undefined, undefined)[1].figure, metric_cards(undefined, undefined)[1].state) == (
        NOTHING,
        "unknown",
    )
    for more in ({"status": "undecided"}, {"status": "passed"}):
        told = performance(0, line(**more))
        assert metric_cards(told, told)[1].state in ("unknown", "")
    assert metric_cards(None, None) == []


def test_metrics_that_are_not_compared_decide_nothing() -> None:
    """They are told apart, so that they can stand behind the others."""
    plain = MetricLine("ece", 9, Interval(0.1))
    told = performance(0, line(), plain)
    assert [card.decides for card in metric_cards(told, told)] == [True, True, False]


def test_cards_of_the_newest_window() -> None:
    """Drifted features by name, the prediction, the column that misses most, and rows."""
    scores = [
        score("age", Status.FAILED, missing=0.01),
        score("city", missing=0.3, quality=Status.FAILED),
        score("score", role="prediction"),
    ]
    drifted, prediction, missing, rows = drift_cards(head(0, Outcome.DRIFTED, drifted=1), scores)
    assert (drifted.figure, drifted.change, drifted.state) == ("1 of 3", "age", "drifted")
    assert (prediction.figure, prediction.change, prediction.state) == ("passed", "psi 0.1 against 0.2", "healthy")
    assert (missing.figure, missing.change, missing.state) == ("30%", "city", "drifted")
    assert (rows.figure, rows.state) == ("1,000", "")


def test_rows_that_are_left_out_on_purpose_are_not_missing() -> None:
    """A column that is computed of some rows only lacks nothing in the others."""
    scores = [score("valid_json", missing=0.829), score("words", missing=0.054, quality=Status.FAILED)]
    *_, whole, _ = drift_cards(head(0), scores)
    *_, told, _ = drift_cards(head(0), scores, {"valid_json"})
    assert (whole.figure, whole.change) == ("82.9%", "valid_json")
    assert (told.figure, told.change, told.state) == ("5.4%", "words", "drifted")
    assert [card.title for card in drift_cards(head(0), scores[:1], {"valid_json"})] == ["drifted features", "rows"]


@pytest.mark.parametrize("outcome", [Outcome.NO_DATA, Outcome.TOO_FEW_ROWS])
def test_a_window_that_could_not_be_judged_has_no_good_card(outcome: Outcome) -> None:
    """It says why, whatever was computed of it."""
    cards = drift_cards(head(0, outcome), [score("age"), score("score", role="prediction")])
    assert [(card.title, card.state) for card in cards] == [("drifted features", "unknown"), ("rows", "unknown")]
    assert cards[0].change == outcome.value.replace("_", " ")


def test_undecided_features_are_not_healthy() -> None:
    """Nor are suspects, nor a window without features."""
    healthy = head(0)
    states = [
        drift_cards(_with(healthy, **more), [])[0].state
        for more in ({}, {"undecided": 1}, {"suspect": 1}, {"features": 0})
    ]
    assert states == ["healthy", "unknown", "warning", "unknown"]


def _with(given: Any, **more: int) -> Any:
    from dataclasses import replace

    return replace(given, headline=replace(given.headline, **more))


def result(status: Status, value: float | None, **more: Any) -> CheckResult:
    """A drift check of a column."""
    return CheckResult(Suite.DATA_DRIFT, Check.DRIFT, status, value=value, threshold=0.2, **{"column": "age", **more})


def test_segments_show_the_worst_findings() -> None:
    """Passed ones are left out, and so are checks over all rows; the worst twenty are shown, all are counted."""
    many = [result(Status.FAILED, 0.3 + place / 100, segment=f"plan={place}") for place in range(30)]
    found, count = segments_of(
        [result(Status.FAILED, 9.0), result(Status.PASSED, 0.1, segment="plan=calm"), *many, _lacking()]
    )
    assert (len(found), count) == (SEGMENTS, 31)
    assert found[0].result.segment == "plan=29"


def _lacking() -> CheckResult:
    return result(Status.UNDECIDED, None, column=None, segment="plan", detail="nowhere")


def test_faults_are_findings_of_data_quality() -> None:
    """With what is probably wrong, and what was compared."""
    unseen = CheckResult(
        Suite.DATA_QUALITY,
        Check.UNSEEN_SHARE,
        Status.FAILED,
        "city",
        value=0.2,
        cause="city: renamed",
        detail="new: X",
        reference={"top": [["A", 1.0]]},
        current={"top": [["X", 1.0]]},
    )
    found, count = faults_of([result(Status.FAILED, 0.5), unseen])
    assert (count, found[0].compared, found[0].why) == (1, "A 100% → X 100%", "city: renamed; new: X")


def test_missing_values_over_the_range() -> None:
    """The columns that miss most now come first; those that never miss any are left out."""
    windows = [window(0), window(1)]
    scores = {
        window(0): [score("was", missing=0.5), score("is", missing=0.0), score("never", missing=0.0)],
        window(1): [score("was", missing=0.0), score("is", missing=0.2), score("unknown")],
    }
    found, count = missing_of(windows, scores)
    assert [(each.column, each.newest, each.lowest, each.highest) for each in found] == [
        ("is", 0.2, 0.0, 0.2),
        ("was", 0.0, 0.0, 0.5),
    ]
    assert count == 2
    many = {window(0): [score(f"c{place}", missing=0.1) for place in range(30)]}
    assert (len(missing_of([window(0)], many)[0]), missing_of([window(0)], many)[1]) == (COLUMNS, 30)


@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=20))
def test_a_sparkline_stays_in_its_box(values: list[float | None]) -> None:
    """Every value is a point, gaps are none."""
    points = re.findall(r"([\d.-]+),([\d.-]+)", re.sub(r"<svg[^>]*>", "", str(sparkline(values))))
    assert all(0 <= float(x) <= 120 and 0 <= float(y) <= 22 for x, y in points)
    assert len(points) >= sum(value is not None for value in values)


def test_a_retraining_tells_what_the_gate_decided() -> None:
    """The decision with its difference and reasons, and the page that compares both."""
    primary = {"metric": "auc", "difference": 0.027, "low": 0.005, "high": 0.052}
    verdict = {"decision": "promote", "reasons": ["a", "b", "c", "d"], "primary": primary}
    (trial,) = trials_of([promotion(verdict=verdict)])
    assert (trial.decision, trial.primary, trial.reasons) == ("promote", "auc +0.027 [+0.005, +0.052]", ("a", "b", "c"))
    assert (trial.slug, trial.state) == (run_slug("run"), "healthy")


def test_a_retraining_that_was_not_judged_has_no_comparison() -> None:
    """It failed before the gate, or is under way."""
    (failed,) = trials_of([promotion(state="failed", verdict=None)])
    assert (failed.decision, failed.primary, failed.slug, failed.state) == ("", "", "", "degraded")
    (lone,) = trials_of([promotion(verdict={"decision": "reject", "primary": {"metric": "auc", "difference": 0.1}})])
    assert lone.primary == "auc +0.1"
