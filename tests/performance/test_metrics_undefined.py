"""What the metrics say of rows that cannot tell: undefined with a reason, never 0 and never an error."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest

from monitoring_tasks.performance.classes import per_class
from monitoring_tasks.performance.metrics import METRICS, Scored, metrics_of
from monitoring_tasks.performance.threshold import decided


def scored(label: list[float], prediction: list[float], **options: object) -> Scored:
    """Rows of equal weight."""
    return replace(Scored(np.array(label), np.array(prediction), np.ones(len(label))), **options)  # type: ignore[arg-type]


def why(task: str, name: str, rows: Scored) -> str:
    """The reason, after seeing that neither value nor influence says anything else."""
    value, influence, reason = METRICS[task, name].measure(rows)
    assert math.isnan(value)
    assert np.isnan(influence).all()
    assert len(influence) == len(rows.label)
    return reason


@pytest.mark.parametrize(("label", "words"), [(1.0, "all 3 labels are 1"), (0.0, "all 3 labels are 0")])
@pytest.mark.parametrize("name", ["auc", "average_precision"])
def test_one_class_cannot_be_ranked(name: str, label: float, words: str) -> None:
    """Neither with positives only nor with negatives only."""
    assert why("binary", name, scored([label] * 3, [0.1, 0.5, 0.9])) == words


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_probabilities_are_judged_on_one_class(label: float) -> None:
    """Log loss, Brier, calibration and accuracy need no second class."""
    rows = scored([label] * 4, [0.25, 0.5, 0.5, 0.75])
    found = {metric.name: metric.measure(rows).value for metric in metrics_of("binary")}
    assert found["log_loss"] == pytest.approx(-np.mean(np.log([0.25, 0.5, 0.5, 0.75])))
    assert found["brier"] == pytest.approx(0.28125)
    assert found["ece"] == pytest.approx(0.5)
    assert found["predicted_minus_actual"] == pytest.approx(0.5 - label)
    assert found["accuracy"] == pytest.approx(0.75 if label else 0.25)


def test_nothing_positive() -> None:
    """Each is undefined where its own denominator is 0, and only there."""
    silent, idle, both = scored([0, 1], [0.1, 0.2]), scored([0, 0], [0.1, 0.7]), scored([0, 0], [0.1, 0.2])
    assert why("binary", "precision", silent) == "no score is as high as the threshold 0.5"
    assert why("binary", "recall", idle) == "no label is positive"
    assert why("binary", "f1", both) == "no label is positive and no score is as high as the threshold 0.5"
    for rows, names in ((silent, ("recall", "f1")), (idle, ("precision", "f1"))):
        assert [METRICS["binary", name].measure(rows)[::2] for name in names] == [(0, ""), (0, "")]


@pytest.mark.parametrize("name", ["log_loss", "brier", "ece", "predicted_minus_actual"])
@pytest.mark.parametrize(("score", "found"), [(1.7, "1.7"), (-2.5, "-2.5"), (math.inf, "inf"), (math.nan, "nan")])
def test_scores_that_are_no_probabilities(name: str, score: float, found: str) -> None:
    """Margins of a classifier are ranked, but they are not read as probabilities."""
    reason = why("binary", name, scored([0, 1, 1], [0.3, 0.6, score]))
    assert reason == f"scores are no probabilities: found {found}, allowed is 0 to 1"


def test_margins_are_ranked() -> None:
    """AUC asks for an order alone, infinite scores too."""
    assert METRICS["binary", "auc"].measure(scored([0, 0, 1, 1], [-3, 0.5, 1.7, math.inf])).value == 1


def test_probabilities_at_the_edges_are_allowed() -> None:
    """0 and 1 are probabilities; being certain and wrong costs the log of the smallest float step, not infinity."""
    rows = scored([0, 1, 1], [0.0, 1.0, 0.0])
    assert METRICS["binary", "log_loss"].measure(rows).value == pytest.approx(-math.log(2.0**-52) / 3)
    assert METRICS["binary", "ece"].measure(rows).value == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("probabilities", "reason"),
    [
        (None, "no probabilities of the classes are logged: name their columns in performance.probabilities"),
        ([[0.5, 0.5], [0.9, 1.2]], "scores are no probabilities: found 1.2, allowed is 0 to 1"),
        ([[0.5, 0.5], [0.4, 0.3]], "probabilities of one row add up to 0.7, not 1"),
    ],
)
def test_classes_without_usable_probabilities(probabilities: list[list[float]] | None, reason: str) -> None:
    """Log loss of several classes is undefined; accuracy does not mind."""
    rows = scored([0, 1], [0, 1], probabilities=None if probabilities is None else np.array(probabilities))
    assert why("multiclass", "log_loss", rows) == reason
    assert METRICS["multiclass", "accuracy"].measure(rows).value == 1


def test_rounded_probabilities_are_believed() -> None:
    """Three thirds, logged with two digits, add up to 0.99."""
    rows = scored([0, 1], [0, 1], probabilities=np.full((2, 3), 0.33), classes=3)
    assert METRICS["multiclass", "log_loss"].measure(rows).value == pytest.approx(-math.log(0.33))


def test_labels_that_leave_nothing_to_explain() -> None:
    """R2 of labels that are all the same, or of one row; the errors themselves are defined."""
    rows = scored([0.1] * 3, [0.1, 0.2, 0.3])
    assert why("regression", "r2", rows) == "all 3 labels are 0.1: there is nothing to explain"
    assert why("regression", "r2", scored([2], [3])) == "all 1 labels are 2: there is nothing to explain"
    assert METRICS["regression", "mae"].measure(rows).value == pytest.approx(0.1)


def test_no_percentage_of_zero() -> None:
    """One label of 0 is enough: scikit-learn's figure would be as large as a float allows."""
    rows = scored([0, 2, 4], [1, 2, 5])
    assert why("regression", "mape", rows) == "1 of 3 labels are 0, of which no error is a percentage"


def test_a_label_next_to_zero_counts_as_the_smallest_step() -> None:
    """As in scikit-learn: the share is large, and still a number."""
    assert METRICS["regression", "mape"].measure(scored([1e-300], [1])).value == pytest.approx(2.0**52)


@pytest.mark.parametrize("name", ["mae", "rmse", "mape", "r2", "bias"])
@pytest.mark.parametrize(("number", "words"), [(math.inf, "inf"), (-1e200, "1e+200"), (math.nan, "nan")])
def test_numbers_beyond_what_can_be_summed(name: str, number: float, words: str) -> None:
    """A broken model's infinities are named, on either side, without a warning of NumPy's."""
    for rows in (scored([1, 2], [1, number]), scored([1, number], [1, 2])):
        assert why("regression", name, rows) == f"found a number as large as {words}, allowed is up to 1e+50"


def test_a_perfect_regression_has_no_error() -> None:
    """No row moves it, although the root of the squared error has no slope at 0."""
    rows = scored([1, 2, 4], [1, 2, 4])
    for name, value in (("mae", 0), ("rmse", 0), ("mape", 0), ("r2", 1), ("bias", 0)):
        found = METRICS["regression", name].measure(rows)
        assert found.value == value
        assert found.influence.tolist() == [0, 0, 0]


def test_a_class_never_predicted_counts_as_nothing_and_is_named() -> None:
    """As scikit-learn's `zero_division=0`; a class that does not occur at all counts nowhere."""
    rows = scored([0, 1, 2, 2], [0, 1, 1, 0], classes=5)
    precision, recall, f1 = (METRICS["multiclass", name].measure(rows) for name in ("precision", "recall", "f1"))
    assert precision[::2] == (pytest.approx(1 / 3), "precision of 1 of 3 classes counts as 0: never predicted")
    assert recall[::2] == (pytest.approx(2 / 3), "")
    assert f1[::2] == (pytest.approx((2 / 3 + 2 / 3) / 3), "")
    swapped = replace(rows, label=rows.prediction, prediction=rows.label)
    assert (
        METRICS["multiclass", "recall"].measure(swapped).reason == "recall of 1 of 3 classes counts as 0: no such label"
    )


def test_each_class_says_why_it_is_undefined() -> None:
    """A class that was never predicted has no precision, one without labels no recall."""
    rows = scored([0, 0, 1], [0, 2, 0], classes=4)
    reasons = {name: [each.reason for each in per_class(rows, name).values()] for name in ("precision", "recall", "f1")}  # type: ignore[arg-type]
    assert reasons == {
        "precision": ["", "class 1 was never predicted", "", "class 3 was never predicted"],
        "recall": ["", "", "no label is class 2", "no label is class 3"],
        "f1": ["", "", "", "no label and no prediction is class 3"],
    }


def test_each_class_of_no_rows_is_undefined() -> None:
    """An empty window has its classes, of which nothing is known."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = per_class(scored([], []), "f1")
    assert [math.isnan(each.value) for each in found.values()] == [True, True]


def test_a_score_at_the_threshold_is_positive() -> None:
    """At any threshold, the ends too."""
    for threshold, expected in ((0.0, [1, 1, 1]), (0.5, [0, 1, 1]), (1.0, [0, 0, 1])):
        assert decided(scored([0, 0, 1], [0.0, 0.5, 1.0], threshold=threshold)).prediction.tolist() == expected
