"""How good predicted classes are: over all, averaged over the classes, and for each class. All are class codes.

Precision, recall and F1 are averaged over the classes that occur, as label or as prediction. Where one of them is
undefined for a class that occurs (precision of a class never predicted) it counts as 0 and the reason says so, as
scikit-learn does with `zero_division=0`.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitoring_tasks.performance.measure import Flags, Measure, Scored, defined_for, mass, mean, ratio
from monitoring_tasks.performance.outcomes import Floats

ByClass = Literal["precision", "recall", "f1"]


class Tally(NamedTuple):
    """Codes of each row, and the weight that each class has among labels, among predictions, and of right ones."""

    label: NDArray[np.intp]
    prediction: NDArray[np.intp]
    right: Flags
    actual: Floats
    predicted: Floats
    both: Floats

    @property
    def total(self) -> float:
        """Weight of all rows."""
        return float(np.sum(self.actual))

    @property
    def occurs(self) -> Flags:
        """Classes that are the label or the prediction of some row."""
        return (self.actual + self.predicted) > 0


def tally(scored: Scored) -> Tally:
    """Rows counted by class."""
    label, prediction = scored.label.astype(np.intp), scored.prediction.astype(np.intp)
    right = label == prediction
    actual, predicted, both = (
        mass(codes, each, count=scored.classes)
        for codes, each in ((label, scored.weight), (prediction, scored.weight), (label, scored.weight * right))
    )
    return Tally(label, prediction, right, actual, predicted, both)


@defined_for()
def accuracy(scored: Scored) -> Measure:
    """Share of the rows whose class was predicted.

    >>> accuracy(Scored(np.array([0.0, 1, 2]), np.array([0.0, 1, 1]), np.ones(3), classes=3)).value
    0.6666666666666666
    """
    return mean((scored.label == scored.prediction).astype(np.float64), scored.weight)


@defined_for()
def precision(scored: Scored) -> Measure:
    """Share of a class's predictions that were right, averaged over the classes; 0 for a class never predicted.

    >>> precision(Scored(np.array([0.0, 1, 2]), np.array([0.0, 1, 1]), np.ones(3), classes=3))[::2]
    (0.5, 'precision of 1 of 3 classes counts as 0: never predicted')
    """
    rows = tally(scored)
    return _macro(rows, rows.predicted, rows.prediction, "precision of {} counts as 0: never predicted")


@defined_for()
def recall(scored: Scored) -> Measure:
    """Share of a class's rows that were predicted so, averaged over the classes; 0 for a class without rows.

    >>> recall(Scored(np.array([0.0, 1, 2]), np.array([0.0, 1, 1]), np.ones(3), classes=3)).value
    0.6666666666666666
    """
    rows = tally(scored)
    return _macro(rows, rows.actual, rows.label, "recall of {} counts as 0: no such label")


def _macro(rows: Tally, whole: Floats, codes: NDArray[np.intp], zero: str) -> Measure:
    """Mean over the classes that occur of right rows over `whole`, to which a row adds at its class in `codes`."""
    each, count = _divided(rows.both, whole), int(np.count_nonzero(rows.occurs))
    empty = np.count_nonzero(rows.occurs & (whole == 0))
    reason = zero.format(f"{empty} of {count} classes") if empty else ""
    influence = (rows.right - each[codes]) * (rows.total / count) / whole[codes]
    return Measure(float(np.sum(each)) / count, influence, reason)


@defined_for()
def f1(scored: Scored) -> Measure:
    """Harmonic mean of a class's precision and recall, averaged over the classes.

    >>> round(f1(Scored(np.array([0.0, 1, 2]), np.array([0.0, 1, 1]), np.ones(3), classes=3)).value, 4)
    0.5556
    """
    rows = tally(scored)
    each, share = _f1(rows), rows.occurs / np.count_nonzero(rows.occurs)
    return Measure(float(np.sum(share * each)), _moved(rows, each, share))


@defined_for()
def f1_weighted(scored: Scored) -> Measure:
    """Harmonic mean of a class's precision and recall, averaged over the rows by their label.

    >>> round(f1_weighted(Scored(np.array([0.0, 1, 1]), np.array([0.0, 1, 0]), np.ones(3))).value, 4)
    0.6667
    """
    rows = tally(scored)
    each = _f1(rows)
    share = rows.actual / rows.total
    value = float(np.sum(share * each))
    return Measure(value, each[rows.label] - value + _moved(rows, each, share))


def _f1(rows: Tally) -> Floats:
    return _divided(2 * rows.both, rows.actual + rows.predicted)


def _moved(rows: Tally, each: Floats, share: Floats) -> Floats:
    """How each row moves the sum over classes of share times F1, the shares standing still."""
    slope = _divided(share, rows.actual + rows.predicted) * rows.total
    kept = slope * each
    return 2 * rows.right * slope[rows.label] - kept[rows.label] - kept[rows.prediction]


def _divided(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def per_class(scored: Scored, name: ByClass) -> dict[int, Measure]:
    """Precision, recall or F1 of each class by its code; undefined for a class that has no rows to tell.

    Binary scores are turned into classes by `threshold.decided` first. Every class has an influence as long as the
    rows are.

    >>> found = per_class(Scored(np.array([0.0, 1, 2]), np.array([0.0, 1, 1]), np.ones(3), classes=3), "precision")
    >>> {code: measure.value for code, measure in found.items()}, found[2].reason
    ({0: 1.0, 1: 0.5, 2: nan}, 'class 2 was never predicted')
    """
    return {code: of_class(scored, code=code, name=name) for code in range(scored.classes)}


def of_class(scored: Scored, *, code: int, name: ByClass) -> Measure:
    """Precision, recall or F1 of one class."""
    actual, predicted = scored.label == code, scored.prediction == code
    both = actual & predicted
    part, whole, empty = {
        "precision": (both, predicted, f"class {code} was never predicted"),
        "recall": (both, actual, f"no label is class {code}"),
        "f1": (2.0 * both, 1.0 * actual + predicted, f"no label and no prediction is class {code}"),
    }[name]
    return ratio(part, whole, scored.weight, empty=empty)
