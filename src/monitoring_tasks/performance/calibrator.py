"""What a score is worth: the share of positives that the reference found among rows with such a score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from monitoring_tasks.performance.outcomes import Floats

FEWEST_ROWS = 200
"""Of fewer rows no calibrator is learnt."""
_BINS = (10, 100)
_ROWS_OF_A_BIN = 100


class Tally(NamedTuple):
    """Rows, sum of scores and number of positives in each bin of scores; tallies of one binning add and subtract."""

    rows: Floats
    score: Floats
    positive: Floats

    def without(self, other: Tally) -> Tally:
        """This tally without the rows of another."""
        return Tally(*(own - left for own, left in zip(self, other, strict=True)))


def bin_edges(scores: Floats) -> Floats:
    """Lower edges of bins with about as many rows each, at scores that occur; equal scores share a bin.

    There are 10 to 100 bins, of at least 100 rows each where there are so many.

    >>> bin_edges(np.array([0.1, 0.1, 0.9]))
    array([0.1, 0.9])
    """
    count = int(np.clip(len(scores) // _ROWS_OF_A_BIN, *_BINS))
    shares = np.arange(count) / count
    edges: Floats = np.unique(np.quantile(scores, shares, method="inverted_cdf"))
    return edges


def tally(scores: Floats, positive: Floats, edges: Floats) -> Tally:
    """Count rows by the bin of their score."""
    place = np.maximum(np.searchsorted(edges, scores, side="right") - 1, 0)
    weights = (np.ones(len(scores)), scores, positive)
    rows, score, found = (np.bincount(place, each, len(edges)).astype(float) for each in weights)
    return Tally(rows, score, found)


@dataclass(frozen=True, eq=False)
class Curve:
    """Probability of a class by its score: rising, straight between knots, level beyond the first and the last.

    `variance` is that of each knot's probability, as it was learnt from so many rows. `low` and `high` are the least
    and the greatest score learnt from.
    """

    score: Floats
    probability: Floats
    variance: Floats
    low: float
    high: float

    @classmethod
    def of(cls, counts: Tally, low: float, high: float) -> Self:
        """The curve of a tally: isotonic regression over its bins; never quite 0 or 1."""
        from sklearn.isotonic import isotonic_regression  # a second to import, and only the reference is learnt from

        used = counts.rows > 0
        rows, total = counts.rows[used], counts.rows.sum()
        raised = isotonic_regression(counts.positive[used] / rows, sample_weight=rows)
        probability = np.clip(raised, 0.5 / (total + 1), 1 - 0.5 / (total + 1))
        return cls(counts.score[used] / rows, probability, probability * (1 - probability) / rows, low, high)

    def __call__(self, scores: Floats) -> Floats:
        """The probability of each score; NaN for NaN."""
        found: Floats = np.interp(scores, self.score, self.probability)
        return found

    def doubt(self, scores: Floats, gradient: Floats) -> float:
        """Variance of a figure for the curve's own uncertainty; `gradient` is by each row's probability."""
        right = np.clip(np.searchsorted(self.score, scores), 1, max(len(self.score) - 1, 1))
        share = self._share(scores, right)
        weight = np.bincount(right - 1, gradient * (1 - share), len(self.score) + 1)
        weight += np.bincount(right, gradient * share, len(self.score) + 1)
        return float(weight[:-1] ** 2 @ self.variance)

    def _share(self, scores: Floats, right: NDArray[np.intp]) -> Floats:
        if len(self.score) == 1:
            return np.zeros(len(scores))
        left = self.score[right - 1]
        return np.clip((scores - left) / (self.score[right] - left), 0, 1)

    def to_json(self) -> dict[str, Any]:
        """The curve as plain JSON values."""
        arrays = {name: getattr(self, name).tolist() for name in ("score", "probability", "variance")}
        return {**arrays, "low": self.low, "high": self.high}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`."""
        score, probability, variance = (np.array(value[name], float) for name in ("score", "probability", "variance"))
        return cls(score, probability, variance, value["low"], value["high"])


@dataclass(frozen=True, eq=False)
class Calibrator:
    """Maps scores to probabilities: one curve for the positive class, or one for each of several, brought to sum 1."""

    curves: tuple[Curve, ...]

    @property
    def classes(self) -> int:
        """Number of classes."""
        return max(len(self.curves), 2)

    def probabilities(self, scores: Floats) -> Floats:
        """Calibrated probability of each class (columns) for each row of `scores`, which has a column for each curve.

        Rows sum to 1. Binary: the columns are class 0 and class 1.
        """
        if len(self.curves) == 1:
            positive = self.curves[0](scores[:, 0])
            return np.column_stack([1 - positive, positive])
        found = self._raw(scores)
        normed: Floats = found / found.sum(axis=1, keepdims=True)
        return normed

    def outside(self, scores: Floats) -> float:
        """Share of the rows with a score outside of those learnt from; 0 without rows."""
        if not len(scores):
            return 0.0
        low, high = (np.array([getattr(curve, name) for curve in self.curves]) for name in ("low", "high"))
        return float(np.mean(((scores < low) | (scores > high)).any(axis=1)))

    def doubt(self, scores: Floats, gradient: Floats) -> float:
        """Variance of a figure for the calibrator's own uncertainty.

        `gradient` is the figure's derivative by each probability that `probabilities` gives, of the same shape.
        """
        if len(self.curves) == 1:
            return self.curves[0].doubt(scores[:, 0], gradient[:, 1] - gradient[:, 0])
        raw = self._raw(scores)
        total = raw.sum(axis=1, keepdims=True)
        own = (gradient - (gradient * raw / total).sum(axis=1, keepdims=True)) / total
        return sum(curve.doubt(scores[:, place], own[:, place]) for place, curve in enumerate(self.curves))

    def _raw(self, scores: Floats) -> Floats:
        return np.column_stack([curve(scores[:, place]) for place, curve in enumerate(self.curves)])

    def to_json(self) -> dict[str, Any]:
        """The calibrator as plain JSON values: at most 100 knots for each class."""
        return {"curves": [curve.to_json() for curve in self.curves]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`."""
        return cls(tuple(map(Curve.from_json, value["curves"])))


@dataclass(frozen=True, eq=False)
class Lesson:
    """The reference as calibrators learn from it: `scores` has a column for each curve, `label` numbers the class.

    Rows without NaN. Of several curves, each is that of the class of its number.
    """

    scores: Floats
    label: Floats

    def learn(self) -> Calibrator | None:
        """The calibrator of all rows; None for fewer than 200, or where a class has none or all of them."""
        return self.leaving([])[0]

    def leaving(self, spans: Sequence[slice]) -> list[Calibrator | None]:
        """The calibrator of all rows, then for each span of rows that of the others; None as in `learn`."""
        if not len(self.label):
            return [None] * (len(spans) + 1)
        columns = [self._curves(place, spans) for place in range(self.scores.shape[1])]
        return [_calibrator(curves) for curves in zip(*columns, strict=True)]

    def _curves(self, place: int, spans: Sequence[slice]) -> list[Curve | None]:
        """One class's curve of all rows, and without each span."""
        scores = self.scores[:, place]
        positive = (self.label == (1 if self.scores.shape[1] == 1 else place)).astype(float)
        edges, limits = bin_edges(scores), (float(scores.min()), float(scores.max()))
        everything = tally(scores, positive, edges)
        left = (everything.without(tally(scores[span], positive[span], edges)) for span in spans)
        return [_learnt(counts, limits) for counts in (everything, *left)]


def _calibrator(curves: Sequence[Curve | None]) -> Calibrator | None:
    known = tuple(curve for curve in curves if curve is not None)
    return Calibrator(known) if len(known) == len(curves) else None


def _learnt(counts: Tally, limits: tuple[float, float]) -> Curve | None:
    rows, positive = counts.rows.sum(), counts.positive.sum()
    return Curve.of(counts, *limits) if rows >= FEWEST_ROWS and 0 < positive < rows else None
