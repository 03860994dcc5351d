"""What scores are worth: against probabilities that are known, labels drawn again, and at every edge."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.performance.calibrator import Calibrator, Lesson, bin_edges


def lesson(rows: int, seed: int = 0, *, decimals: int = 9) -> Lesson:
    """Scores spread evenly over 0 to 1, each the probability of its label."""
    random = np.random.default_rng(seed)
    scores = np.round(random.random(rows), decimals)
    return Lesson(scores[:, None], (random.random(rows) < scores).astype(float))


def learnt(rows: int = 5_000, seed: int = 0, *, decimals: int = 9) -> Calibrator:
    """The calibrator of such scores."""
    found = lesson(rows, seed, decimals=decimals).learn()
    assert found is not None
    return found


def of_classes(rows: int, seed: int = 0) -> Lesson:
    """Three classes whose labels are drawn from the logged probabilities."""
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.ones(3), rows)
    label = (random.random(rows)[:, None] > probabilities.cumsum(axis=1)).sum(axis=1)
    return Lesson(probabilities, np.minimum(label, 2).astype(float))


def positive(calibrator: Calibrator, *scores: float) -> np.ndarray:
    return calibrator.probabilities(np.array(scores)[:, None])[:, 1]


def test_calibrated_scores_keep_their_worth() -> None:
    """A score that is a probability comes out as itself, within what chance does to a bin of 1,000 rows."""
    grid = np.linspace(0.02, 0.98, 97)
    assert np.abs(positive(learnt(100_000), *grid) - grid).max() < 0.04


def test_scores_that_are_no_probabilities_become_some() -> None:
    """Logits, squared scores, anything that rises: the same rows get the same probability within a bin's width."""
    plain = lesson(50_000)
    bent = replace(plain, scores=plain.scores**3).learn()
    assert bent is not None
    grid = np.linspace(0.05, 0.95, 50)
    assert np.abs(positive(bent, *grid**3) - positive(learnt(50_000), *grid)).max() < 0.005


def test_beyond_the_reference_the_curve_is_level() -> None:
    """Scores beyond what was learnt get the probability of the nearest, and are counted; NaN stays NaN."""
    calibrator = learnt()
    low, lowest, high, highest = positive(calibrator, 0.0, -7.0, 1.0, 30.0)
    assert low == lowest
    assert high == highest
    assert 0 < low < 0.1 < 0.9 < high < 1
    assert calibrator.outside(np.array([[0.5], [-7.0], [30.0], [0.1]])) == 0.5
    assert calibrator.outside(np.empty((0, 1))) == 0
    assert np.isnan(positive(calibrator, np.nan)).all()


@pytest.mark.parametrize(("rows", "known"), [(0, False), (199, False), (200, True)])
def test_too_few_rows_teach_nothing(rows: int, known: bool) -> None:
    """Under 200 rows there is no calibrator, and none at all of no rows."""
    assert (lesson(rows).learn() is not None) is known


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_one_class_teaches_nothing(label: float) -> None:
    """Without both classes there is no calibrator, and of several classes each must be there."""
    assert Lesson(np.linspace(0, 1, 500)[:, None], np.full(500, label)).learn() is None
    several = of_classes(500)
    assert replace(several, label=np.minimum(several.label, 1)).learn() is None


def test_one_score_for_all_is_the_share_of_positives() -> None:
    """A constant score has one knot, and every score is worth the same."""
    label = (np.arange(400) < 100).astype(float)
    calibrator = Lesson(np.full((400, 1), 0.7), label).learn()
    assert calibrator is not None
    assert positive(calibrator, 0.7, 0.1) == pytest.approx([0.25, 0.25])
    gradient = np.array([[0.0, 1.0]])
    assert calibrator.doubt(np.array([[0.7]]), gradient) == pytest.approx(0.25 * 0.75 / 400)


def test_few_scores_have_a_knot_each() -> None:
    """Scores of one decimal are eleven knots, each the share of positives among its own rows (or its neighbours')."""
    given_rows = lesson(20_000, decimals=1)
    calibrator = learnt(20_000, decimals=1)
    assert calibrator.curves[0].score == pytest.approx(np.arange(11) / 10)
    shares = [given_rows.label[given_rows.scores[:, 0] == value].mean() for value in np.unique(given_rows.scores)]
    assert positive(calibrator, *np.arange(1, 10) / 10) == pytest.approx(shares[1:-1])


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300))
def test_bins_hold_every_score(scores: list[float]) -> None:
    """Edges rise, the first is the least score, and each is a score that occurs."""
    edges = bin_edges(np.array(scores))
    assert edges[0] == min(scores)
    assert (np.diff(edges) > 0).all()
    assert set(edges) <= set(scores)


@given(st.integers(0, 10_000), st.integers(200, 2_000))
def test_probabilities_rise_with_the_score(seed: int, rows: int) -> None:
    """Whatever the labels: a higher score is never worth less, and nothing is quite certain."""
    random = np.random.default_rng(seed)
    label = (random.random(rows) < 0.3).astype(float)
    label[:2] = 0, 1
    calibrator = Lesson(random.normal(size=(rows, 1)), label).learn()
    assert calibrator is not None
    found = positive(calibrator, *np.linspace(-5, 5, 200))
    assert (np.diff(found) >= 0).all()
    assert 0 < found.min() <= found.max() < 1


@pytest.mark.parametrize("make", [lambda: learnt(50_000), lambda: of_classes(2_000).learn()])
def test_a_calibrator_can_be_kept(make: object) -> None:
    """Through JSON and back it says the same, to the bit; it is small; and it is learnt alike twice."""
    first, again = make(), make()  # type: ignore[operator]
    text = json.dumps(first.to_json())
    assert len(text) < 20_000
    assert text == json.dumps(again.to_json()) == json.dumps(Calibrator.from_json(json.loads(text)).to_json())


def test_left_out_rows_teach_nothing() -> None:
    """The calibrator without a span does not change with the labels in that span; the one of all rows does."""
    plain = lesson(3_000)
    span = slice(1_000, 1_700)
    turned = plain.label.copy()
    turned[span] = 1 - turned[span]
    (whole, without), (other, same) = (each.leaving([span]) for each in (plain, replace(plain, label=turned)))
    assert None not in (whole, without, other, same)
    assert without is not None
    assert same is not None
    assert without.to_json() == same.to_json()
    assert whole is not None
    assert other is not None
    assert whole.to_json() != other.to_json()


def test_leaving_out_too_many_rows_leaves_no_calibrator() -> None:
    """What remains must do for a calibrator by itself."""
    whole, without = lesson(300).leaving([slice(0, 150)])
    assert whole is not None
    assert without is None


@pytest.mark.parametrize("classes", [2, 3])
def test_doubt_is_the_variance_between_references(classes: int) -> None:
    """A figure linear in the probabilities varies among references drawn anew as `doubt` says.

    Never much more, and at most twice: bins that were pooled are taken as apart.
    """
    random = np.random.default_rng(5)
    window = random.dirichlet(np.ones(3), 300) if classes == 3 else random.random((300, 1))
    gradient = random.random((300, classes)) * (window[:, :1] > 0.4) / 300
    found, doubts = [], []
    for seed in range(200):
        calibrator = (of_classes(1_500, seed) if classes == 3 else lesson(1_500, seed)).learn()
        assert calibrator is not None
        found.append(float(np.sum(calibrator.probabilities(window) * gradient)))
        doubts.append(calibrator.doubt(window, gradient))
    assert 0.8 < np.mean(doubts) / np.var(found) < 2


def test_probabilities_of_classes_add_up_to_one() -> None:
    """Of three classes each has a curve; together they are probabilities, near those that labels were drawn from."""
    data = of_classes(30_000)
    calibrator = data.learn()
    assert calibrator is not None
    assert calibrator.classes == 3
    found = calibrator.probabilities(data.scores)
    assert found.sum(axis=1) == pytest.approx(np.ones(30_000))
    assert np.abs(found - data.scores).mean() < 0.01
