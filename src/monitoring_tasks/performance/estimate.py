"""What a window's figures are going to be, before its labels: each row's label is taken as drawn with its probability.

Every row is counted once for each class, with the calibrated probability of the class as its weight; a metric of these
rows is its expected value (of a ratio: the ratio of the expected parts), and their influence says how far it will
scatter. This is confidence-based performance estimation. It believes that a score still means what it meant on the
reference: that is what `trust` asks of the windows whose labels came.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from monitoring_tasks.performance.blocks import LEAST_WINDOWS, Blocks, blocks
from monitoring_tasks.performance.calibrator import FEWEST_ROWS, Calibrator, Lesson
from monitoring_tasks.performance.metrics import Metric, Scored
from monitoring_tasks.performance.outcomes import Floats, Outcomes
from monitoring_tasks.performance.point import Asked, point
from monitoring_tasks.performance.ranking import ranked
from monitoring_tasks.performance.record import Estimated, Interval
from monitoring_tasks.performance.spread import quantile

_MOST_WINDOWS = 120
"""More windows than these teach little more about how windows differ, and take time."""
_OUTSIDE = 0.05
_LEAST_FREEDOM = 3.0
_BOUNDS = {"log_loss": (0.0, np.inf), "predicted_minus_actual": (-1.0, 1.0)}
_NOT_ESTIMATED = {"ece": "the calibration error cannot be estimated: an estimate takes probabilities as calibrated"}
_OF_REGRESSION = "a regression has no probabilities to estimate from"
_NEW_CLASSES = "the model predicts classes that the reference does not have: nobody knows what their scores are worth"
_FEW_WINDOWS = (
    f"the reference has too few windows to learn how far ordinary ones lie from their estimate: give it a timestamp "
    f"and a span of at least {LEAST_WINDOWS} windows or days"
)
_NO_CALIBRATOR = (
    f"the reference teaches no probabilities: it takes at least {FEWEST_ROWS} labelled scores, and rows of every class"
)


class Expectation(NamedTuple):
    """Expected value of a metric, and its variance: of labels drawn with known probabilities, and of these as learnt.

    `value` is NaN where the metric is undefined, for the `reason`.
    """

    value: float
    drawn: float
    learnt: float
    reason: str = ""

    @property
    def chance(self) -> float:
        """Both variances."""
        return self.drawn + self.learnt


@dataclass(frozen=True)
class Swing:
    """How far windows of the reference lay from their estimates by calibrators that had not seen them.

    `total` is the mean squared distance, over windows that are worth so many independent ones; `between` is the part
    that neither the drawing of labels nor a calibrator's own uncertainty explains.
    """

    total: float
    between: float
    worth: float

    def half_width(self, chance: float, confidence: float) -> float:
        """Half the width of an interval around an estimate; `chance` is the variance without `between`.

        Student's distribution, with the degrees of freedom of the part that was learnt: Satterthwaite (1946).
        """
        variance = self.between + chance
        freedom = self.worth * (variance / self.total) ** 2 if self.total > 0 else np.inf
        return float(quantile(max(freedom, _LEAST_FREEDOM), (1 + confidence) / 2) * np.sqrt(variance))


@dataclass(frozen=True, eq=False)
class Estimator:
    """What the reference teaches about figures without labels: a calibrator, and the swing of each metric."""

    calibrator: Calibrator
    swings: Mapping[str, Swing] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The estimator as plain JSON values, a few kilobytes."""
        swings = {name: asdict(swing) for name, swing in self.swings.items()}
        return {"calibrator": self.calibrator.to_json(), "swings": swings}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`."""
        swings = {name: Swing(**swing) for name, swing in value["swings"].items()}
        return cls(Calibrator.from_json(value["calibrator"]), swings)


def learn_estimator(reference: Outcomes, asked: Asked, width: timedelta) -> Estimator | None:
    """The estimator of a champion's reference, whose scores are out of fold, for windows of a width.

    Rows without a label or a score are left out. None for a regression, and where no calibrator can be learnt: under
    200 rows, one class only, or a multiclass reference without probabilities. Each of the reference's windows is also
    estimated by a calibrator of all rows but its own: so far off are estimates of ordinary windows. Windows narrower
    than `width`, which a short reference is cut into, swing more than wide ones.
    """
    rows = reference.take(reference.labelled & has_scores(reference, asked.task))
    if asked.task == "regression" or not len(rows):
        return None
    plan = blocks(rows.moment, width)
    spans = [] if plan is None else _few(_spans(plan))
    whole, *others = Lesson(_scores(rows, asked.task), rows.label).leaving(spans)
    if whole is None:
        return None
    parts = [(rows.take(np.r_[span]), other) for span, other in zip(spans, others, strict=True) if other is not None]
    return Estimator(whole, {} if plan is None else _swings(parts, asked, min(plan.worth, len(spans))))


def has_scores(rows: Outcomes, task: str) -> NDArray[np.bool_]:
    """Rows that an estimate is made from: with a score, and a probability of every class (multiclass)."""
    if task != "multiclass":
        return ~np.isnan(rows.prediction)
    if rows.probabilities is None:
        return np.zeros(len(rows), dtype=bool)
    found: NDArray[np.bool_] = ~(np.isnan(rows.prediction) | np.isnan(rows.probabilities).any(axis=1))
    return found


def estimate(
    estimator: Estimator | None, window: Outcomes, asked: Asked, *, confidence: float = 0.95
) -> dict[str, Estimated]:
    """Expected value of each metric asked for in a window, and between which limits the realised one will lie.

    Rows without a score are left out, and labels are not looked at. `refused` says why nothing can be said, where that
    is so, and the interval is then empty; scores unlike those of the reference are refused as well, but shown.

    The interval allows for the drawing of labels, the calibrator's own uncertainty, and for what ordinary windows
    differ beyond that. It is about the very rows of the window: these are not drawn anew.
    """
    rows = window.take(has_scores(window, asked.task))
    reason = _unable(estimator, rows, asked.task)
    if reason or estimator is None:
        return {name: Estimated(Interval(None), reason) for name in asked.metrics}
    draw = draw_labels(estimator.calibrator, _without_new_classes(rows, estimator.calibrator), asked)
    unlike = _unlike(estimator.calibrator, draw.scores)
    found = {name: _estimated(estimator, asked.metric(name), draw, confidence) for name in asked.metrics}
    return {name: replace(each, refused=each.refused or unlike) for name, each in found.items()}


class Draw(NamedTuple):
    """The labels that rows may get: `scored` has the rows once for each class, one class after the other.

    Weights are calibrated probabilities; `probability` has them by row and class. `scores` are what they were found by.
    """

    scored: Scored
    probability: Floats
    scores: Floats


def draw_labels(calibrator: Calibrator, rows: Outcomes, asked: Asked) -> Draw:
    """The labels that rows may get, each with its probability."""
    scores, classes = _scores(rows, asked.task), calibrator.classes
    probability = calibrator.probabilities(scores)
    scored = Scored(
        label=np.repeat(np.arange(classes, dtype=float), len(rows)),
        prediction=np.tile(rows.prediction, classes),
        weight=probability.T.ravel(),
        probabilities=None if rows.probabilities is None else np.tile(rows.probabilities, (classes, 1)),
        threshold=asked.threshold,
        classes=classes,
        alert_rate=asked.alert_rate,
    )
    return Draw(scored, probability, scores)


def expect(metric: Metric, draw: Draw, calibrator: Calibrator) -> Expectation:
    """What a metric is going to be on rows with such labels, and its variance by the metric's influence."""
    value, influence, reason = metric.measure(draw.scored)
    if np.isnan(value):
        return Expectation(np.nan, np.nan, np.nan, reason)
    count, classes = draw.probability.shape
    slope = influence.reshape(classes, count).T / count
    mean = (draw.probability * slope).sum(axis=1)
    drawn = float(np.sum((draw.probability * slope**2).sum(axis=1) - mean**2))
    corrected = _WITHOUT_ITSELF.get(metric.name)
    return Expectation(
        value if corrected is None else corrected(value, draw), drawn, calibrator.doubt(draw.scores, slope)
    )


def _auc_without_itself(value: float, draw: Draw) -> float:
    """A row can be positive or negative, and is no pair with itself: such pairs, all ties, are taken out."""
    negative, positive = draw.probability.sum(axis=0)
    alone = float(np.sum(draw.probability.prod(axis=1)))
    pairs = positive * negative - alone
    return float((value * positive * negative - alone / 2) / pairs) if pairs > 1e-9 * alone else np.nan


def _average_precision_without_itself(value: float, draw: Draw) -> float:
    """A positive is found at its own threshold for certain, not with its probability."""
    everything = np.ones(len(draw.scores))
    alone = draw.probability.prod(axis=1)
    rank, rows, _ = ranked(draw.scores[:, 0], everything > 0, everything)
    found = np.cumsum(rows[::-1])[::-1]
    return float(value + np.sum(alone / found[rank]) / draw.probability[:, 1].sum())


_WITHOUT_ITSELF: Mapping[str, Callable[[float, Draw], float]] = {
    "auc": _auc_without_itself,
    "average_precision": _average_precision_without_itself,
}
"""Metrics of pairs of rows, of which a row is none with itself."""


def _estimated(estimator: Estimator, metric: Metric, draw: Draw, confidence: float) -> Estimated:
    if metric.name in _NOT_ESTIMATED:
        return Estimated(Interval(None), _NOT_ESTIMATED[metric.name])
    expected = expect(metric, draw, estimator.calibrator)
    if np.isnan(expected.value):
        return Estimated(Interval(None), expected.reason or "one row is not enough to expect both classes")
    swing = estimator.swings.get(metric.name)
    if swing is None:
        return Estimated(Interval(expected.value), _FEW_WINDOWS)
    half = swing.half_width(expected.chance, confidence)
    low, high = np.clip([expected.value - half, expected.value + half], *_BOUNDS.get(metric.name, (0.0, 1.0)))
    return Estimated(Interval(expected.value, low, high))


def _spans(plan: Blocks) -> list[slice]:
    return [slice(int(start), int(end)) for start, end in zip(plan.starts, plan.ends, strict=True)]


def _few(spans: Sequence[slice]) -> list[slice]:
    """Not too many of them, from the first to the last."""
    places = np.linspace(0, len(spans) - 1, min(len(spans), _MOST_WINDOWS))
    return [spans[round(place)] for place in places]


def _swings(parts: Sequence[tuple[Outcomes, Calibrator]], asked: Asked, worth: float) -> dict[str, Swing]:
    """How far each metric of windows lay from what was expected; without a metric that too few of them have."""
    names = [name for name in asked.metrics if name not in _NOT_ESTIMATED]
    errors = [_errors(rows, calibrator, asked, names) for rows, calibrator in parts]
    found = ((name, [each[name] for each in errors if name in each]) for name in names)
    return {
        name: _swing(each, worth * len(each) / len(parts)) for name, each in found if len(each) >= LEAST_WINDOWS - 1
    }


def _errors(
    rows: Outcomes, calibrator: Calibrator, asked: Asked, names: Sequence[str]
) -> dict[str, tuple[float, float]]:
    """Of each metric that a labelled window has: squared distance from what was expected, and what chance explains."""
    draw = draw_labels(calibrator, rows, asked)
    expected = {name: expect(asked.metric(name), draw, calibrator) for name in names}
    squared = {name: (point(asked.metric(name), rows, asked).value - expected[name].value) ** 2 for name in names}
    return {name: (squared[name], expected[name].chance) for name in names if not np.isnan(squared[name])}


def _swing(errors: Sequence[tuple[float, float]], worth: float) -> Swing:
    total, chance = np.mean(errors, axis=0)
    return Swing(float(total), float(max(total - chance, 0)), worth)


def _scores(rows: Outcomes, task: str) -> Floats:
    """What calibrators learn from: a column of scores, or one for each class."""
    if task == "multiclass":
        assert rows.probabilities is not None
        return rows.probabilities
    return rows.prediction[:, None]


def _unable(estimator: Estimator | None, rows: Outcomes, task: str) -> str:
    """Why no metric can be estimated; empty if any can."""
    if task == "regression":
        return _OF_REGRESSION
    if estimator is None:
        return _NO_CALIBRATOR
    if not len(rows):
        return "no row has a score to estimate from"
    return _NEW_CLASSES if task == "multiclass" and _scores_new_classes(rows, estimator.calibrator) else ""


def _scores_new_classes(rows: Outcomes, calibrator: Calibrator) -> bool:
    """Whether the model itself knows classes that the reference does not have: they come after the others."""
    known = calibrator.classes
    given = rows.probabilities is not None and bool((rows.probabilities[:, known:] > 0).any())
    return given or bool((rows.prediction >= known).any())


def _without_new_classes(rows: Outcomes, calibrator: Calibrator) -> Outcomes:
    """The rows without the classes that only labels have, which nothing can be expected of."""
    if rows.probabilities is None:
        return rows
    return replace(rows, probabilities=rows.probabilities[:, : calibrator.classes])


def _unlike(calibrator: Calibrator, scores: Floats) -> str:
    share = calibrator.outside(scores)
    if share <= _OUTSIDE:
        return ""
    return (
        f"{share:.0%} of the scores lie outside of all that the reference has: "
        f"nobody knows what such scores are worth (allowed: {_OUTSIDE:.0%})"
    )
