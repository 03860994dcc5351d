"""How late labels come, by outcome: what makes early labels a biased sample, and the weights that undo it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from monitoring_tasks.performance.outcomes import NEVER, Floats, Outcomes, Whole, microseconds

LEAST_ROWS = 200
"""Fewer known delays than this teach nothing."""
LEAST_OF_CLASS = 50
"""Classes of fewer rows share one curve."""
LEAST_KNOWN = 0.05
"""No row counts at an age by which fewer labels than this part are known of some outcome; so no weight is above 20."""
_PARTS = np.linspace(0.0, 1.0, 201)
_Places = NDArray[np.intp]


class Weighed(NamedTuple):
    """Weights of rows, of mean 1 among those that count; 0 for a row that does not: unlabelled, or too young.

    `young` counts the labelled rows that were left out, because by their age labels like some are hardly ever known:
    those that are known could stand for no others.
    """

    weights: Floats
    young: int


@dataclass(frozen=True, eq=False)
class DelayCurve:
    """Chance that a label is known within an age of its prediction, by outcome.

    `outcomes` are the classes that have a curve of their own, in ascending order (the last curve is that of all
    others), or for a regression the inner ends of the outcome's tenths. `ages` has a row for each curve: the ages
    (microseconds) by which 0, 0.5, ..., 100 % of the labels were known.
    """

    outcomes: Floats
    ages: Floats
    regression: bool = False

    @classmethod
    def learn(cls, delays: Whole, labels: Floats, task: str) -> Self | None:
        """The curve of rows whose delay (microseconds from prediction to label) and label are known.

        A row with `NEVER` or NaN is left out; None when fewer than 200 are left. A label that was known before its
        prediction has no delay.

        >>> delays, labels = np.arange(400), np.tile([0.0, 1.0], 200)
        >>> DelayCurve.learn(delays, labels, "binary").known(np.array([100.0, 300.0]), np.array([0.0, 1.0])).round(1)
        array([0.3, 0.8])
        """
        usable = (delays != NEVER) & ~np.isnan(labels)
        if usable.sum() < LEAST_ROWS:
            return None
        late, found = np.maximum(delays[usable], 0).astype(float), labels[usable]
        regression = task == "regression"
        outcomes = _tenths(found) if regression else _frequent(found)
        which = _curve_of(outcomes, found, regression=regression)
        rows = [late[which == number] for number in range(len(outcomes) + 1)]
        ages = [np.quantile(each if len(each) >= _least(regression) else late, _PARTS) for each in rows]
        return cls(outcomes, np.array(ages), regression)

    def known(self, ages: Floats, labels: Floats) -> Floats:
        """Chance that the label of each row is known at its age, given what it turns out to be; 0 to 1."""
        which = _curve_of(self.outcomes, labels, regression=self.regression)
        found = np.zeros(len(ages))
        for number in np.unique(which):
            found[which == number] = _share(self.ages[number], ages[which == number])
        return found

    def weights(self, outcomes: Outcomes, known_at: datetime) -> Weighed:
        """What each labelled row counts for, as known at a moment: one over the chance that its label is known by then.

        Inverse probability weights (Horvitz and Thompson 1952), normalised (Hajek). Which rows are too young depends on
        their age alone, so leaving them out favours no outcome.
        """
        ages = (microseconds(known_at) - outcomes.moment).astype(float)
        labelled = outcomes.labelled
        least = np.min([_share(curve, ages) for curve in self.ages], axis=0)
        counts = labelled & (least >= LEAST_KNOWN)
        weights = np.zeros(len(outcomes))
        weights[counts] = 1 / self.known(ages[counts], outcomes.label[counts])
        if counts.any():
            weights /= weights[counts].mean()
        return Weighed(weights, int(labelled.sum() - counts.sum()))

    def to_json(self) -> dict[str, Any]:
        """The curve as plain JSON values."""
        return {"outcomes": self.outcomes.tolist(), "ages": self.ages.tolist(), "regression": self.regression}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`."""
        return cls(np.array(value["outcomes"], float), np.array(value["ages"], float), value["regression"])


def _least(regression: bool) -> int:
    return 1 if regression else LEAST_OF_CLASS


def _frequent(labels: Floats) -> Floats:
    classes, counts = np.unique(labels, return_counts=True)
    found: Floats = classes[counts >= LEAST_OF_CLASS]
    return found


def _tenths(labels: Floats) -> Floats:
    found: Floats = np.unique(np.quantile(labels, np.linspace(0.1, 0.9, 9)))
    return found


def _curve_of(outcomes: Floats, labels: Floats, *, regression: bool) -> _Places:
    """The number of each label's curve."""
    if regression:
        return np.searchsorted(outcomes, labels, side="right")
    place = np.searchsorted(outcomes, labels)
    own = np.append(outcomes, np.nan)[place] == labels
    return np.where(own, place, len(outcomes))


def _share(curve: Floats, ages: Floats) -> Floats:
    """Share of the labels of a curve that are known at each age; where many come at once, all of them."""
    above = np.searchsorted(curve, ages, side="right")
    low, high = np.clip(above - 1, 0, len(curve) - 1), np.clip(above, 0, len(curve) - 1)
    step = np.where(curve[high] > curve[low], curve[high] - curve[low], 1.0)
    part = (ages - curve[low]) / step * (_PARTS[high] - _PARTS[low])
    return np.where(above == 0, 0.0, np.minimum(_PARTS[low] + part * (above < len(curve)), 1.0))
