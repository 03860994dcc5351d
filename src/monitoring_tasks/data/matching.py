"""Labels found for predictions by key, and which label of an id counts: arrays alone, a batch of labels at a time.

The predictions' keys are kept as one sorted array of entries: bits of the key, and below them the number of its row.
What lies side by side in it with the same bits of the key is compared in full, unless those bits are all there are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from monitoring_tasks.data.keys import Hashes, Keys, Mask, Places, mixed
from monitoring_tasks.performance.outcomes import NEVER, Floats, Whole

BATCH = 1 << 20
"""Labels looked up at once: the more, the fewer times the predictions' keys are gone through."""
_MOST = 2 * BATCH
_BLOCK = 1 << 15
_UNLIKE, _SAME, _ALIKE = range(3)


def members(alike: Mask) -> Places:
    """Places of the rows that are like a neighbour, where `alike` says it of each row and the next.

    >>> members(np.array([False, True, True, False])).tolist()
    [1, 2, 3]
    """
    both = np.zeros(len(alike) + 1, np.bool_)
    both[:-1] = alike
    both[1:] |= alike
    return np.flatnonzero(both)


class Index:
    """Rows of predictions by the keys of their ids; places are those of the sorted entries."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._bits = np.uint64(max(_MOST.bit_length(), len(keys).bit_length()))
        self._low = (np.uint64(1) << self._bits) - np.uint64(1)
        self._least, self._width = self._range()
        self._entries = self._packed(keys)
        if not keys.valid.all():
            self._entries = self._entries[keys.valid]
        self._entries.sort()
        self.heads, self.twins = self._settle()
        """Of every entry whose id came before (`twins`): the first entry with that id."""

    def __len__(self) -> int:
        return len(self._entries)

    def reaches(self, keys: Keys) -> Mask:
        """Which keys can be found at all."""
        if self._width is None:
            return np.ones(len(keys), np.bool_)
        return (keys.first.view(np.uint64) - self._least) <= self._width

    def find(self, keys: Keys) -> tuple[Places, Places, Places]:
        """The order in which keys are looked up; in it, each one's first entry (-1: none), and who may be there twice.

        At most two `BATCH`es of keys, all of them valid and within reach.
        """
        sought = self._packed(keys)
        sought.sort()
        order = (sought & self._low).view(np.int64)
        sought &= ~self._low
        return order, self._places(keys, sought, order), members(sought[1:] == sought[:-1])

    def release(self) -> Places:
        """The row of each entry; the keys are forgotten, and nothing can be found any more."""
        del self._keys
        self._entries &= self._low
        return self._entries.view(np.int64)

    def _places(self, keys: Keys, sought: Hashes, order: Places) -> Places:
        """The first entry of each of the sought keys, -1 where there is none."""
        places = self._entries.searchsorted(sought)
        found = self._at(places, keys, sought, order)
        if self._width is None:
            # Some entries look like another key: go on to the next one until it looks unlike.
            self._go_on(places, found, keys, sought=sought, order=order)
        places[found != _SAME] = -1
        return places

    def _at(self, places: Places, keys: Keys, sought: Hashes, order: Places) -> NDArray[np.int8]:
        """What is found at each place: the same key, one that looks like it, or another."""
        if not len(self._entries):
            return np.full(len(places), _UNLIKE, np.int8)
        # A place after the last entry shows the last one, which is less than what is sought.
        entries = self._entries.take(places, mode="clip")
        found = np.where((entries & ~self._low) == sought, _SAME, _UNLIKE).astype(np.int8)
        if self._width is None:
            like = np.flatnonzero(found)
            entries &= self._low
            same = self._same(entries[like].view(np.int64), keys, order[like])
            found[like[~same]] = _ALIKE
        return found

    def _go_on(self, places: Places, found: NDArray[np.int8], keys: Keys, *, sought: Hashes, order: Places) -> None:
        left = np.flatnonzero(found == _ALIKE)
        while len(left):
            places[left] += 1
            found[left] = self._at(places[left], keys, sought[left], order[left])
            found[left[places[left] >= len(self._entries)]] = _UNLIKE
            left = left[found[left] == _ALIKE]

    def _same(self, rows: Places, keys: Keys, places: Places) -> Mask:
        same: Mask = self._keys.first[rows] == keys.first[places]
        if self._keys.second is not None and keys.second is not None:
            same &= self._keys.second[rows] == keys.second[places]
        return same

    def _range(self) -> tuple[np.uint64, np.uint64 | None]:
        """The least id, and how far the greatest is from it where that leaves room for rows; only of whole numbers."""
        ids = self._keys.first if self._keys.valid.all() else self._keys.first[self._keys.valid]
        if self._keys.second is not None or not len(ids):
            return np.uint64(0), None
        least, most = int(ids.min()), int(ids.max())
        fits = (most - least).bit_length() + int(self._bits) <= 64
        return np.uint64(least % 2**64), np.uint64(most - least) if fits else None

    def _packed(self, keys: Keys) -> Hashes:
        packed = np.empty(len(keys), np.uint64)
        # Block by block: they stay in a core's own cache while they are worked on.
        for start in range(0, len(keys), _BLOCK):
            some = keys.first[start : start + _BLOCK].view(np.uint64)
            bits = (some - self._least) << self._bits if self._width is not None else mixed(some) & ~self._low
            packed[start : start + len(some)] = bits | np.arange(start, start + len(some), dtype=np.uint64)
        return packed

    def _settle(self) -> tuple[Places, Places]:
        """Put entries that look alike in the order of their whole keys, then rows."""
        places = members(self._alike())
        entries = self._entries[places]
        rows = (entries & self._low).view(np.int64)
        keys = self._keys.take(rows)
        order = np.lexsort([rows, *keys.columns()[:-1], entries & ~self._low])
        self._entries[places], keys = entries[order], keys.take(order)
        again = np.flatnonzero(_equal(keys)) + 1
        first = np.arange(len(places))
        first[again] = 0
        return places[np.maximum.accumulate(first)[again]], places[again]

    def _alike(self) -> Mask:
        """Whether each entry looks like the next; in blocks, because a second array of that size is memory."""
        entries = self._entries
        alike = np.empty(max(len(entries) - 1, 0), np.bool_)
        for start in range(0, len(alike), _BLOCK):
            some = entries[start : start + _BLOCK + 1]
            alike[start : start + len(some) - 1] = (some[1:] ^ some[:-1]) <= self._low
        return alike


def _equal(keys: Keys) -> Mask:
    """Whether each key equals the next."""
    equal: Mask = keys.first[1:] == keys.first[:-1]
    if keys.second is not None:
        equal &= keys.second[1:] == keys.second[:-1]
    return equal


@dataclass
class Distinct:
    """How many different numbers there are, each kept once."""

    _known: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    _new: list[NDArray[np.int64]] = field(default_factory=list)

    def add(self, values: NDArray[np.int64]) -> None:
        """Add numbers, which may be known."""
        self._new.append(values)
        if sum(map(len, self._new)) > max(BATCH, len(self._known)):
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
    """The labels that count, as far as they were read: `moment` and `label` at the first entry of each id.

    Of several labels of an id the one of the last moment counts, of one moment the one whose `rank` is greatest; NaN is
    the least. `rows` counts those with an id, `orphans` the ids that no prediction has: of texts told apart by 64 of
    their bits, which for ten million of them is wrong by one in one of 300,000 logs.
    """

    index: Index
    rank: Callable[[Floats], Floats] | None = None
    rows: int = 0
    matched: int = 0
    orphans: Distinct = field(default_factory=Distinct)

    def __post_init__(self) -> None:
        self.moment: Whole = np.full(len(self.index), NEVER, np.int64)
        self.label: Floats = np.full(len(self.index), np.nan)

    @property
    def corrections(self) -> int:
        """Label rows that a later one superseded."""
        return self.rows - self.matched - self.orphans.count()

    def add(self, keys: Keys, moment: Whole, label: Floats) -> None:
        """A batch of labels, all of them with an id."""
        self.rows += len(keys)
        reached = self.index.reaches(keys)
        self.orphans.add(keys.first[~reached])
        if reached.all() and len(keys) <= _MOST:
            self._add(keys, moment, label)
            return
        places = np.flatnonzero(reached)
        for start in range(0, len(places), _MOST):
            some = places[start : start + _MOST]
            self._add(keys.take(some), moment[some], label[some])

    def _add(self, keys: Keys, moment: Whole, label: Floats) -> None:
        order, places, doubled = self.index.find(keys)
        moment, label = moment[order], label[order]
        self.orphans.add(keys.first[order[places < 0]])
        counts = places >= 0
        counts[self._superseded(places, moment, label, doubled)] = False
        if not counts.all():
            places, moment, label = places[counts], moment[counts], label[counts]
        self._update(places, moment, label)

    def _superseded(self, places: Places, moment: Whole, label: Floats, doubled: Places) -> Places:
        """Of the labels that may be in the batch twice, those that another one of it supersedes."""
        rank = self._ranked(label[doubled])
        order = doubled[np.lexsort([rank, moment[doubled], places[doubled]])]
        superseded: Places = order[:-1][places[order][1:] == places[order][:-1]]
        return superseded

    def _update(self, places: Places, moment: Whole, label: Floats) -> None:
        before = self.moment[places]
        self.matched += int(np.count_nonzero(before == NEVER))
        later = moment > before
        tied = np.flatnonzero(moment == before)
        later[tied] = self._ranked(label[tied]) > self._ranked(self.label[places[tied]])
        if not later.all():
            places, moment, label = places[later], moment[later], label[later]
        self.moment[places], self.label[places] = moment, label

    def _ranked(self, label: Floats) -> Floats:
        return np.where(np.isnan(label), -np.inf, self.rank(label) if self.rank else label)

    def settle(self, rows: Places, count: int) -> tuple[Floats, Whole]:
        """Label and moment for each of `count` rows, entries being at `rows`; NaN and `NEVER` where none counts."""
        for each in (self.moment, self.label):
            each[self.index.twins] = each[self.index.heads]
        self.moment[np.isnan(self.label)] = NEVER
        label, moment = np.full(count, np.nan), np.full(count, NEVER, np.int64)
        label[rows], moment[rows] = self.label, self.moment
        return label, moment
