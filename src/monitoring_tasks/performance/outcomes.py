"""Predictions of a span with the outcomes that were known of them at a moment, as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from monitoring_tasks.window import Window

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Codes = NDArray[np.int32]
NEVER = np.iinfo(np.int64).min
"""In place of a moment: there is none."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(moment: datetime) -> int:
    """A moment as whole microseconds since 1970, as the arrays hold it.

    >>> microseconds(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    return (moment - _EPOCH) // timedelta(microseconds=1)


@dataclass(frozen=True, eq=False)
class Grouping:
    """Which value of a column each row has: `codes` number `values`; -1 where the column is null."""

    values: tuple[str, ...]
    codes: Codes


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Logged predictions in the order of time, then id; arrays of one length.

    `moment` is when a prediction was made, `known` when its label became known (`NEVER` where it is not), `previous`
    the moment of the row before with the same id (`NEVER` where there is none); microseconds since 1970. `prediction`
    is the score of the positive class (binary), the number predicted (regression), or the number of the predicted class
    among `classes` (multiclass), NaN where none was logged; `label` likewise, NaN where none is known.
    `probabilities` has a column for each of `classes`, where they are logged. `groups` are the declared segment columns
    by name, `latency` is in milliseconds, `failed` says which predictions ended in an error.
    """

    moment: Whole
    prediction: Floats
    label: Floats
    known: Whole
    previous: Whole
    classes: tuple[str, ...] = ()
    probabilities: Floats | None = None
    groups: Mapping[str, Grouping] = field(default_factory=dict)
    latency: Floats | None = None
    failed: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.moment)

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """Rows that a metric can be computed on: with a prediction and a label."""
        return ~(np.isnan(self.prediction) | np.isnan(self.label))

    def within(self, span: Window) -> Outcomes:
        """The rows of a span, once for each id: of several the first in the span."""
        start, end = microseconds(span.start), microseconds(span.end)
        low, high = (int(place) for place in np.searchsorted(self.moment, [start, end]))
        first = np.flatnonzero(self.previous[low:high] < start) + low
        return self.take(first)

    def numbered(self, classes: tuple[str, ...]) -> Outcomes:
        """The same rows with classes numbered as in `classes`, and those of the rows that are not among them after.

        What is numbered depends on the rows alone: a class that other rows have leaves no trace.

        >>> some = Outcomes(*(np.zeros(2, int), np.array([0.0, 1.0]), np.array([1.0, np.nan]), *[np.zeros(2, int)] * 2))
        >>> found = replace(some, classes=("b", "c", "d")).numbered(("a", "b"))
        >>> found.classes, found.prediction.tolist(), found.label.tolist()
        (('a', 'b', 'c'), [1.0, 2.0], [2.0, nan])
        """
        if not self.classes or self.classes == classes:
            return self
        used = self._used_classes()
        every = (*classes, *(name for name in self.classes if name not in classes and name in used))
        places = [place for place, name in enumerate(self.classes) if name in every]
        to = np.zeros(len(self.classes))
        to[places] = [every.index(self.classes[place]) for place in places]
        return replace(
            self,
            classes=every,
            prediction=_renumbered(self.prediction, to),
            label=_renumbered(self.label, to),
            probabilities=None
            if self.probabilities is None
            else _spread(self.probabilities[:, places], to[places], len(every)),
        )

    def _used_classes(self) -> set[str]:
        """Classes that a row predicts, has as its label, or gives a probability."""
        numbers = np.concatenate([each[~np.isnan(each)] for each in (self.prediction, self.label)])
        used = np.zeros(len(self.classes), bool)
        used[np.unique(numbers).astype(np.int64)] = True
        if self.probabilities is not None:
            used |= (self.probabilities != 0).any(axis=0)
        return {name for name, there in zip(self.classes, used, strict=True) if there}

    def known_from(self, moment: int) -> Outcomes:
        """The same rows without the labels that were known before a moment."""
        early = (self.known < moment) & ~np.isnan(self.label)
        if not early.any():
            return self
        label, known = np.where(early, np.nan, self.label), np.where(early, NEVER, self.known)
        return replace(self, label=label, known=known)

    def take(self, rows: Whole | NDArray[np.intp] | NDArray[np.bool_] | slice) -> Outcomes:
        """The chosen rows, by place, by mask, or a stretch of them, which is not copied."""
        return replace(
            self,
            moment=self.moment[rows],
            prediction=self.prediction[rows],
            label=self.label[rows],
            known=self.known[rows],
            previous=self.previous[rows],
            probabilities=None if self.probabilities is None else self.probabilities[rows],
            groups={name: Grouping(group.values, group.codes[rows]) for name, group in self.groups.items()},
            latency=None if self.latency is None else self.latency[rows],
            failed=None if self.failed is None else self.failed[rows],
        )


def _renumbered(numbers: Floats, to: Floats) -> Floats:
    found = np.full(len(numbers), np.nan)
    known = ~np.isnan(numbers)
    found[known] = to[numbers[known].astype(np.int64)]
    return found


def _spread(probabilities: Floats, to: Floats, classes: int) -> Floats:
    """The columns at their new places; a class of which no probability is logged has none."""
    found = np.zeros((len(probabilities), classes))
    found[:, to.astype(np.int64)] = probabilities
    return found


def days(moment: Whole) -> Whole:
    """The UTC day of each moment, counted from 1970.

    >>> days(np.array([0, 86_400_000_000 + 5]))
    array([0, 1])
    """
    found: Whole = moment // 86_400_000_000
    return found
