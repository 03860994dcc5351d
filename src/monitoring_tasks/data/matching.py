"""Which label of an id counts: arrays alone, a batch of labels at a time, and the ids that no prediction has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from monitoring_tasks.data.key_index import Index
from monitoring_tasks.data.keys import Keys, Places
from monitoring_tasks.data.outcome_columns import unfilled
from monitoring_tasks.performance.outcomes import NEVER, Floats, Whole

_MANY = 1 << 20
_BLOCK = 1 << 13
"""Labels compared at once: they stay in a core's own cache."""


@dataclass
class Distinct:
    """How many different numbers there are, each kept once."""

    _known: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    _new: list[NDArray[np.int64]] = field(default_factory=list)

    def add(self, values: NDArray[np.int64]) -> None:
        """Add numbers, which may be known."""
        self._new.append(values)
        if sum(map(len, self._new)) > max(_MANY, len(self._known)):
            self._merge()

    def count(self) -> int:
        """The number of different ones so far.

        >>> some = Distinct()
        >>> some.add(np.array([3, 1, 3]))
        >>> some.count()
        2
        """
        self._merge()
        return len(self._known)

    def _merge(self) -> None:
        found = np.concatenate([self._known, *self._new])
        self._new.clear()
        found.sort()
        self._known = found[np.insert(found[1:] != found[:-1], 0, True)] if len(found) else found


@dataclass
class Known:
    """The labels that count, as far as they were read: `moment` and `label` of `count` rows, at the heads of each id.

    Of several labels of an id the one of the last moment counts, of one moment the one whose `rank` is greatest; NaN is
    the least. `rows` counts those with an id, `orphans` the ids that no prediction has: of texts told apart by 64 of
    their bits, which for ten million of them is wrong by one in one of 300,000 logs.
    """

    index: Index
    count: int
    rank: Callable[[Floats], Floats] | None = None
    rows: int = 0
    orphans: Distinct = field(default_factory=Distinct)

    def __post_init__(self) -> None:
        self.moment: Whole = unfilled(self.count, np.int64)
        self.moment.fill(NEVER)
        self.label: Floats = unfilled(self.count, np.float64)
        self.label.fill(np.nan)

    @property
    def corrections(self) -> int:
        """Label rows that a later one superseded; known until the labels are spread."""
        return self.rows - int(np.count_nonzero(self.moment != NEVER)) - self.orphans.count()

    def add(self, keys: Keys, moment: Whole, label: Floats) -> None:
        """A batch of labels, all of them with an id."""
        self.rows += len(keys)
        for start in range(0, len(keys), self.index.most):
            some = slice(start, start + self.index.most)
            self._add(keys.take(some), moment[some], label[some])

    def _add(self, keys: Keys, moment: Whole, label: Floats) -> None:
        rows = self.index.find(keys)
        if len(rows) and rows.min() < 0:
            self.orphans.add(keys.first[rows < 0])
            there = np.flatnonzero(rows >= 0)
            rows, moment, label = rows[there], moment[there], label[there]
        for start in range(0, len(rows), _BLOCK):
            some = slice(start, start + _BLOCK)
            self._update(rows[some], moment[some], label[some])

    def _update(self, rows: Places, moment: Whole, label: Floats) -> None:
        later = self._later(rows, moment, label)
        if not later.all():
            rows, moment, label = rows[later], moment[later], label[later]
        self.moment[rows], self.label[rows] = moment, label
        # Of several labels of one row the one written last is there, which need not be the one that counts.
        lost = np.flatnonzero((self.moment[rows] != moment) | (self.label[rows] != label))
        if len(lost):
            self._contest(rows[lost], moment[lost], label[lost])

    def _contest(self, rows: Places, moment: Whole, label: Floats) -> None:
        order = np.lexsort([self._ranked(label), moment, rows])
        last = order[np.append(rows[order][1:] != rows[order][:-1], True)]
        last = last[self._later(rows[last], moment[last], label[last])]
        self.moment[rows[last]], self.label[rows[last]] = moment[last], label[last]

    def _later(self, rows: Places, moment: Whole, label: Floats) -> NDArray[np.bool_]:
        """Which labels count more than what is there."""
        before = self.moment[rows]
        later: NDArray[np.bool_] = moment > before
        tied = np.flatnonzero(moment == before)
        later[tied] = self._ranked(label[tied]) > self._ranked(self.label[rows[tied]])
        return later

    def _ranked(self, label: Floats) -> Floats:
        return np.where(np.isnan(label), -np.inf, self.rank(label) if self.rank else label)

    def spread(self) -> tuple[Floats, Whole]:
        """Label and moment of every row; NaN and `NEVER` where none counts."""
        for each in (self.moment, self.label):
            each[self.index.twins] = each[self.index.heads]
        np.copyto(self.moment, NEVER, where=np.isnan(self.label))
        return self.label, self.moment

    def before(self) -> tuple[Places, Places]:
        """The rows whose id an earlier row has, and for each the last such row."""
        heads, twins = self.index.heads, self.index.twins
        alone = np.unique(heads)
        rows, groups = np.concatenate([alone, twins]), np.concatenate([alone, heads])
        order = np.lexsort([rows, groups])
        again = np.flatnonzero(groups[order][1:] == groups[order][:-1])
        return rows[order[again + 1]], rows[order[again]]
