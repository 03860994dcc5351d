"""Estimates before labels: against integrals, against every way labels can fall, and against windows drawn anew."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring_tasks.performance.calibrator import Calibrator, Curve
from monitoring_tasks.performance.estimate import (
    Estimator,
    Expectation,
    Swing,
    draw_labels,
    estimate,
    expect,
    learn_estimator,
)
from monitoring_tasks.performance.metrics import METRICS, Scored
from monitoring_tasks.performance.outcomes import NEVER, Outcomes
from monitoring_tasks.performance.point import Asked, point
from monitoring_tasks.performance.record import Estimated, Interval
from monitoring_tasks.performance_section import METRICS_OF

DAY = 86_400_000_000
WEEK = timedelta(days=7)
BINARY = Asked("binary", METRICS_OF["binary"])
CLASSES = Asked("multiclass", METRICS_OF["multiclass"])
DECISIVE = replace(BINARY, metrics=("auc", "log_loss", "predicted_minus_actual"))
CERTAIN = Curve(np.array([0.0, 1.0]), np.array([0.0, 1.0]), np.zeros(2), 0.0, 1.0)
"""A score is its probability, and nobody doubts it."""


def rows_of(score: np.ndarray, label: np.ndarray | None = None, *, days: int = 1, start: int = 0) -> Outcomes:
    """Predictions spread evenly over days."""
    count = len(score)
    moment = start * DAY + np.arange(count) * (days * DAY // max(count, 1))
    never = np.full(count, NEVER)
    return Outcomes(moment, score, np.full(count, np.nan) if label is None else label, never, never)


def even(rows: int, seed: int, *, days: int = 90, start: int = 0, swing: float = 0.0) -> Outcomes:
    """Scores spread evenly over 0 to 1, each the probability of its label but for how the days' logits swing."""
    random = np.random.default_rng(seed)
    score = random.uniform(0.001, 0.999, rows)
    of_day = random.normal(0, swing, days)[np.arange(rows) * days // max(rows, 1)]
    probability = 1 / (1 + (1 - score) / score * np.exp(-of_day))
    return rows_of(score, (random.random(rows) < probability).astype(float), days=days, start=start)


def of_classes(rows: int, seed: int, *, days: int = 90) -> Outcomes:
    """Three classes whose labels are drawn from the logged probabilities."""
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.ones(3), rows)
    label = np.minimum((random.random(rows)[:, None] > probabilities.cumsum(axis=1)).sum(axis=1), 2)
    plain = rows_of(probabilities.argmax(axis=1).astype(float), label.astype(float), days=days)
    return replace(plain, classes=("a", "b", "c"), probabilities=probabilities)


def learnt(reference: Outcomes, asked: Asked = BINARY, width: timedelta = WEEK) -> Estimator:
    found = learn_estimator(reference, asked, width)
    assert found is not None
    return found


def expected(name: str, score: Sequence[float] | np.ndarray, threshold: float = 0.5) -> Expectation:
    """What a metric of scores is expected to be if each is its label's probability."""
    calibrator = Calibrator((CERTAIN,))
    draw = draw_labels(calibrator, rows_of(np.asarray(score)), replace(BINARY, threshold=threshold))
    return expect(METRICS["binary", name], draw, calibrator)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("auc", 5 / 6),
        ("average_precision", 5 / 6),
        ("accuracy", 3 / 4),
        ("precision", 3 / 4),
        ("recall", 3 / 4),
        ("f1", 3 / 4),
        ("log_loss", 1 / 2),
        ("brier", 1 / 6),
        ("predicted_minus_actual", 0),
    ],
)
def test_even_calibrated_scores_have_known_figures(name: str, value: float) -> None:
    """The integrals of every metric over scores spread evenly; and as a reference teaches it."""
    grid = (np.arange(20_000) + 0.5) / 20_000
    assert expected(name, grid).value == pytest.approx(value, abs=1e-4)
    estimator = learnt(even(50_000, 1))
    found = estimate(estimator, rows_of(grid), BINARY)[name]
    assert found.refused == ""
    assert found.interval.value == pytest.approx(value, abs=0.01)


TIED = np.array([0.05, 0.3, 0.3, 0.3, 0.45, 0.6, 0.6, 0.8, 0.8, 0.95])


def fallen(score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every way labels of both classes can fall, and the chance of each."""
    ways = (np.arange(2 ** len(score))[:, None] >> np.arange(len(score))) & 1
    chance = np.where(ways == 1, score, 1 - score).prod(axis=1)
    both = (ways.sum(axis=1) > 0) & (ways.sum(axis=1) < len(score))
    return ways[both].astype(float), chance[both] / chance[both].sum()


@pytest.mark.parametrize("name", ["accuracy", "precision", "log_loss", "brier", "predicted_minus_actual"])
def test_means_over_rows_are_exact(name: str) -> None:
    """Of metrics that are means over fixed rows, the expectation and the variance are those over all labels."""
    ways = (np.arange(2 ** len(TIED))[:, None] >> np.arange(len(TIED))) & 1
    chance = np.where(ways == 1, TIED, 1 - TIED).prod(axis=1)
    ones = np.ones(len(TIED))
    values = np.array([METRICS["binary", name].measure(Scored(way.astype(float), TIED, ones)).value for way in ways])
    mean = float(values @ chance)
    found = expected(name, TIED)
    assert found.value == pytest.approx(mean)
    assert found.drawn == pytest.approx(float((values - mean) ** 2 @ chance))
    assert found.learnt == 0


@pytest.mark.parametrize(
    ("name", "allowed"), [("auc", 0.01), ("average_precision", 0.02), ("recall", 0.02), ("f1", 0.03)]
)
def test_ratios_of_ten_rows_are_near(name: str, allowed: float) -> None:
    """Of metrics that divide by the positives, it is the ratio of the expected parts: near, even for ten tied rows."""
    ways, chance = fallen(TIED)
    values = [METRICS["binary", name].measure(Scored(way, TIED, np.ones(len(TIED)))).value for way in ways]
    assert expected(name, TIED).value == pytest.approx(float(np.array(values) @ chance), abs=allowed)


@pytest.mark.parametrize("name", [name for name in METRICS_OF["binary"] if name != "ece"])
def test_labels_drawn_many_times(name: str) -> None:
    """Mean and variance over labels drawn 1,000 times for 400 rows with ties, scores low as they are in practice."""
    random = np.random.default_rng(2)
    score = np.round(random.beta(1.5, 3, 400), 2).clip(0.01, 0.99)
    labels = (random.random((1000, 400)) < score).astype(float)
    values = np.array([METRICS["binary", name].measure(Scored(each, score, np.ones(400))).value for each in labels])
    found = expected(name, score)
    error = values.std() / math.sqrt(len(values))
    assert abs(found.value - values.mean()) < 3.5 * error + 0.02 * values.std()
    assert found.drawn == pytest.approx(values.var(), rel=0.2)


@pytest.mark.parametrize("name", METRICS_OF["multiclass"])
def test_classes_drawn_many_times(name: str) -> None:
    """The same for three classes."""
    random = np.random.default_rng(3)
    rows = of_classes(400, 3)
    assert rows.probabilities is not None
    calibrator = Calibrator((CERTAIN,) * 3)
    found = expect(METRICS["multiclass", name], draw_labels(calibrator, rows, CLASSES), calibrator)
    edges = rows.probabilities.cumsum(axis=1)[None]
    labels = (random.random((1000, 400, 1)) > edges).sum(axis=2).clip(max=2).astype(float)
    values = np.array([point(METRICS["multiclass", name], replace(rows, label=each), CLASSES).value for each in labels])
    assert abs(found.value - values.mean()) < 3.5 * values.std() / math.sqrt(1000) + 0.02 * values.std()
    assert found.drawn == pytest.approx(values.var(), rel=0.2)


def test_one_score_for_all_ranks_nothing() -> None:
    """All scores tied: AUC is one half whatever they are, and average precision the share of positives."""
    assert expected("auc", [0.3] * 50).value == pytest.approx(0.5)
    assert expected("average_precision", [0.3] * 5_000).value == pytest.approx(0.3, abs=1e-3)


def test_one_row_is_no_pair() -> None:
    """One row cannot be ranked against another; its accuracy can be expected."""
    found = estimate(learnt(even(5_000, 1)), rows_of(np.array([0.3])), BINARY)
    assert found["auc"] == Estimated(Interval(None), "one row is not enough to expect both classes")
    assert found["accuracy"].interval.value == pytest.approx(0.7, abs=0.1)


def test_labels_are_not_looked_at() -> None:
    """The estimate is the same whichever labels are known; a row without a score is as one that is not there."""
    estimator, window = learnt(even(5_000, 1)), even(1_000, 2, days=7)
    unknown = replace(window, label=np.full(1_000, np.nan))
    assert estimate(estimator, window, BINARY) == estimate(estimator, unknown, BINARY)
    missing = np.arange(1_000) % 3 == 0
    holed = replace(window, prediction=np.where(missing, np.nan, window.prediction))
    assert estimate(estimator, holed, BINARY) == estimate(estimator, window.take(~missing), BINARY)


def test_every_refusal_says_why() -> None:
    """What is not estimated has no interval, and a reason in words; an estimate that cannot be believed is shown."""
    estimator, window = learnt(even(5_000, 1)), even(1_000, 2, days=7)
    nobody = estimate(estimator, window, replace(BINARY, threshold=2.0))["precision"]
    refused = {
        "an estimate takes probabilities as calibrated": estimate(estimator, window, BINARY)["ece"],
        "no row has a score": estimate(estimator, window.take(np.zeros(1_000, dtype=bool)), BINARY)["auc"],
        "at least 200 labelled scores": estimate(None, window, BINARY)["auc"],
        "a regression has no": estimate(None, window, Asked("regression", ("mae",)))["mae"],
        "as high as the threshold 2": nobody,
    }
    for words, found in refused.items():
        assert found.interval == Interval(None)
        assert words in found.refused
    far = replace(window, prediction=window.prediction + (np.arange(1_000) < 51) * 10)
    found = estimate(estimator, far, BINARY)["accuracy"]
    assert found.refused.startswith("5% of the scores lie outside of all that the reference has")
    assert found.interval.low is not None
    allowed = replace(window, prediction=window.prediction + (np.arange(1_000) < 49) * 10)
    assert estimate(estimator, allowed, BINARY)["accuracy"].refused == ""


def test_references_that_teach_nothing() -> None:
    """None of a regression, too few rows, one class, without labels, and of classes without probabilities."""
    plain, several = even(1_000, 1), of_classes(1_000, 1)
    unlabelled = replace(plain, label=np.full(1_000, np.nan))
    assert learn_estimator(plain, Asked("regression", ("mae",)), WEEK) is None
    assert learn_estimator(plain.take(np.arange(199)), BINARY, WEEK) is None
    assert learn_estimator(replace(plain, label=np.ones(1_000)), BINARY, WEEK) is None
    assert learn_estimator(unlabelled, BINARY, WEEK) is None
    assert learn_estimator(replace(several, probabilities=None), CLASSES, WEEK) is None
    assert (
        "no row has a score"
        in estimate(learnt(several, CLASSES), replace(several, probabilities=None), CLASSES)["accuracy"].refused
    )


def test_a_reference_without_times_gives_no_interval() -> None:
    """Without windows nobody knows how they differ: the value is shown, the interval is not, and nobody believes it."""
    timeless = replace(even(5_000, 1), moment=np.full(5_000, NEVER))
    found = estimate(learnt(timeless), even(1_000, 2, days=7), BINARY)["auc"]
    assert found.interval.value == pytest.approx(5 / 6, abs=0.03)
    assert found.interval.low is None
    assert "give it a timestamp" in found.refused


def test_days_that_swing_widen_the_interval() -> None:
    """What windows vary beyond the drawing of labels is learnt: little of independent rows, most of swinging days."""
    alike, swinging = (learnt(even(50_000, 4, swing=swing)).swings["predicted_minus_actual"] for swing in (0.0, 0.5))
    assert alike.between < alike.total
    # A logit's swing moves a day's share by 1/6 of it (the mean of p (1 - p)); a week is the mean of seven days.
    assert math.sqrt(swinging.between) == pytest.approx(0.5 / 6 / math.sqrt(7), rel=0.35)


def test_estimates_vary_among_references_as_told() -> None:
    """What the calibrator's own uncertainty adds is the variance of estimates by references drawn anew, or more."""
    window, metric = even(500, 2, days=7), METRICS["binary", "log_loss"]
    found = []
    for seed in range(60):
        calibrator = learnt(even(1_000, seed), replace(BINARY, metrics=())).calibrator
        found.append(expect(metric, draw_labels(calibrator, window, BINARY), calibrator))
    ratio = np.mean([each.learnt for each in found]) / np.var([each.value for each in found])
    assert 0.7 < ratio < 2
    estimated = estimate(Estimator(calibrator, {"log_loss": Swing(0.0, 0.0, 10.0)}), window, DECISIVE)["log_loss"]
    assert estimated.interval.high == pytest.approx(found[-1].value + 1.95996 * math.sqrt(found[-1].chance), rel=1e-4)


def test_a_metric_that_few_windows_have_gives_no_interval() -> None:
    """Where three days of the reference have positive predictions, nobody knows how the precision of days differs."""
    reference = even(9_000, 1)
    rare = replace(reference, prediction=np.where(np.arange(9_000) < 300, 1.0, 0.98) * reference.prediction)
    asked, window = replace(BINARY, threshold=0.985), rows_of(np.append(np.full(49, 0.5), 0.99))
    found = estimate(learnt(rare, asked, timedelta(days=1)), window, asked)
    assert "too few windows" in found["precision"].refused
    assert found["precision"].interval.value is not None
    assert found["recall"].refused == ""


def test_the_width_is_that_of_student() -> None:
    """Both variances add up; the fewer windows taught the one and the more it is of the whole, the wider."""
    sure, unsure = Swing(total=4.0, between=3.0, worth=1e9), Swing(total=4.0, between=3.0, worth=10.0)
    assert sure.half_width(6.0, 0.95) == pytest.approx(1.95996 * 3, rel=1e-4)
    assert unsure.half_width(1.0, 0.95) == pytest.approx(2.22814 * 2, rel=1e-4)
    assert unsure.half_width(5.0, 0.95) == pytest.approx(2.02108 * math.sqrt(8), rel=1e-4)
    assert Swing(0.0, 0.0, 10.0).half_width(1.0, 0.95) == pytest.approx(1.95996, rel=1e-4)


@pytest.mark.parametrize("swing", [0.0, 0.5])
def test_the_interval_holds_what_comes(swing: float) -> None:
    """Of weeks after the reference, whose days swing as its own do, the interval holds about 95 %."""
    held = []
    for seed in range(40):
        estimator = learnt(even(9_000, seed, swing=swing), DECISIVE)
        for week in range(3):
            window = even(700, 1000 * seed + week + 1, days=7, start=200, swing=swing)
            found = estimate(estimator, window, DECISIVE)
            for name in DECISIVE.metrics:
                interval, value = found[name].interval, point(METRICS["binary", name], window, BINARY).value
                assert interval.low is not None
                assert interval.high is not None
                held.append(interval.low <= value <= interval.high)
    assert 0.92 < np.mean(held) < 0.99


def test_several_classes_are_estimated() -> None:
    """Calibrated classes: the expected accuracy is the mean of the largest probability, within its interval."""
    window = of_classes(3_000, 8, days=7)
    assert window.probabilities is not None
    found = estimate(learnt(of_classes(20_000, 1), CLASSES), window, CLASSES)
    assert found["accuracy"].interval.value == pytest.approx(window.probabilities.max(axis=1).mean(), abs=0.02)
    for name in ("accuracy", "f1_weighted", "log_loss"):
        interval, value = found[name].interval, point(METRICS["multiclass", name], window, CLASSES).value
        assert interval.low is not None
        assert interval.high is not None
        assert interval.low < value < interval.high


def test_an_estimator_can_be_kept() -> None:
    """Through JSON and back it gives the same estimates; learnt twice it is the same; it takes a few kilobytes."""
    first, again = (learnt(even(20_000, 1)) for _ in range(2))
    text = json.dumps(first.to_json(), allow_nan=False)
    assert text == json.dumps(again.to_json())
    assert len(text) < 20_000
    window = even(1_000, 2, days=7)
    kept = Estimator.from_json(json.loads(text))
    assert estimate(kept, window, BINARY) == estimate(first, window, BINARY)


ESTIMATOR = learnt(even(9_000, 1))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=60), st.randoms(use_true_random=False))
def test_the_order_of_rows_is_irrelevant(scores: list[float], shuffler: object) -> None:
    """Rows in any order have the same figures, each within its interval and its metric's limits."""
    mixed = list(scores)
    shuffler.shuffle(mixed)  # type: ignore[attr-defined]
    first, second = (estimate(ESTIMATOR, rows_of(np.array(each)), BINARY) for each in (scores, mixed))
    for name in BINARY.metrics:
        one, two = first[name].interval, second[name].interval
        assert (one.value is None) is (two.value is None)
        if one.value is not None:
            assert [two.value, two.low, two.high] == pytest.approx([one.value, one.low, one.high])
            assert one.low is not None
            assert one.high is not None
            assert one.low <= one.value + 1e-12
            assert one.value <= one.high + 1e-12


@settings(deadline=None, max_examples=25)
@given(st.floats(0.3, 3), st.floats(0.1, 100), st.floats(-50, 50))
def test_a_bent_score_ranks_alike(power: float, scale: float, shift: float) -> None:
    """Scores bent by a rising function, in reference and window alike, have the same expected AUC."""

    def bent(rows: Outcomes) -> Outcomes:
        return replace(rows, prediction=rows.prediction**power * scale + shift)

    auc = replace(BINARY, metrics=("auc",))
    reference, window = even(9_000, 1), even(500, 2, days=7)
    plain = estimate(ESTIMATOR, window, auc)["auc"].interval
    found = estimate(learnt(bent(reference), auc), bent(window), auc)["auc"].interval
    assert found.value == pytest.approx(plain.value, abs=0.002)
    assert found.low == pytest.approx(plain.low, abs=0.01)


@given(st.floats(0.5, 0.98))
def test_more_confidence_is_wider(confidence: float) -> None:
    """An interval that is to hold more often is wider."""
    window = even(300, 2, days=7)
    narrow, wide = (
        estimate(ESTIMATOR, window, DECISIVE, confidence=each)["auc"].interval for each in (confidence, 0.99)
    )
    assert narrow.low is not None
    assert wide.low is not None
    assert wide.low < narrow.low
